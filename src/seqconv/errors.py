"""Errors that a user can fix. Any other exception that escapes is a bug."""

import difflib
import importlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


class SeqconvError(Exception):
    """Base class: the command line prints it as one line and exits with code 2."""

    def __str__(self) -> str:
        """One line, even if it names a path or a cell with a line break."""
        return "\\n".join(super().__str__().splitlines())


class DataError(SeqconvError, ValueError):
    """The input data have invalid content or an invalid shape."""


class ConfigError(SeqconvError, ValueError):
    """A setting is unknown, has the wrong type or is out of range."""


class MalformedError(DataError):
    """A request to a served model is not JSON."""


class OptionError(ConfigError):
    """An option does not hold, whose name the message begins with; the command line puts its dashes before it."""


class BundleError(SeqconvError, ValueError):
    """A model or run folder is missing, damaged or of an unknown format."""


class TrainingError(SeqconvError):
    """Training reaches no usable network: no example has a gradient, or the loss is not finite."""


class MissingExtra(SeqconvError, ImportError):
    """An optional dependency is not installed."""


def need(module: str, extra: str) -> ModuleType:
    """Import an optional module; if it is missing, say how to install it.

    Raises:
        MissingExtra: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:
            raise
        raise MissingExtra(f"{package} is not installed. Install it with: pip install 'seqconv[{extra}]'") from error


def shorten(problem: object, most: int = 160) -> str:
    """A text, or what an exception says, on one line of at most that many characters.

    >>> shorten(ValueError("too\\nlong a text"), 8)
    'too l...'
    """
    text = problem.args[0] if isinstance(problem, KeyError) and problem.args else problem
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


class SeveralSeries(DataError):
    """A table that is not one series with rows evenly apart: it is a panel, or follows the calendar."""


def name_parameters(text: str) -> str:
    """A text in which flags of the command line, and settings, are named as parameters of a function.

    >>> name_parameters("Pass --duplicates sum, or name further --id columns")
    'Pass `duplicates` sum, or name further `id` columns'
    """
    plain = re.sub(r"(?<!\S)--set (?=[a-z]+\.)", "", text)
    return re.sub(r"(?<!\S)(?:--|(?:data|forecast|windows|training)\.)([a-z_]+)", r"`\1`", plain)


@contextmanager
def in_python() -> Iterator[None]:
    """Errors of the block speak to those who call functions, not commands."""
    try:
        yield
    except SeqconvError as error:
        error.args = (name_parameters(str(error)),)
        raise


MOST_LISTED = 20  # names in a message


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist: the nearest known one, whatever its case, or all of them.

    >>> nearest("epoch", ["epochs", "seed"]), nearest("ot", ["OT", "HULL"])
    ("Did you mean 'epochs'?", "Did you mean 'OT'?")
    >>> nearest("Spam ad", ["Spam adv", "spam ad"])
    "Did you mean 'spam ad'?"
    """
    names = list(known)
    if near := _find_near(name, names):
        return f"Did you mean {near!r}?"
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return f"Known: {', '.join(names[:MOST_LISTED])}{more}."


def near_path(path: str | Path, home: str = "") -> str:
    """A hint for a path that does not exist: the nearest name there; empty if there is none.

    Args:
        home: a folder where a name alone may be found.
    """
    wanted = Path(path).expanduser()
    if home and len(wanted.parts) == 1 and (found := Path(home) / wanted).exists():
        return f"Did you mean {str(found)!r}?"
    missing = next((each for each in reversed((wanted, *wanted.parents)) if not each.exists()), wanted)
    try:
        near = _find_near(missing.name, [each.name for each in missing.parent.iterdir()])
    except OSError:
        near = ""
    rest = wanted.relative_to(missing)
    return f"Did you mean {str(missing.with_name(near) / rest)!r}?" if near else ""


def _find_near(name: str, names: list[str]) -> str:
    folded: dict[str, str] = {}
    for each in names:
        folded.setdefault(each.casefold(), each)
    near = [name.casefold()] if name.casefold() in folded else difflib.get_close_matches(name, names, n=1)
    near = near or difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded.get(near[0], near[0]) if near else ""

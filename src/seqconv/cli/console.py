"""Shared by all commands: the application, common flags, and printing of results."""

import codecs
import functools
import inspect
import json as json_format
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from seqconv.cli.flags import FLAGS, METAVARS, Flags, default_of, describe_flag, to_overrides
from seqconv.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from seqconv.tasks import guessing

ORDER = (
    *("forecast", "inspect", "init", "train", "evaluate", "compare", "backtest"),
    *("predict", "explain", "serve", "shrink", "report"),
)


class _Commands(TyperGroup):
    """Lists the commands in the order in which they are usually needed; those not in `ORDER` come last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    cls=_Commands,
    help="Small, fast sequence models on an ordinary CPU: 1D convnets for text and time series.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print a single JSON object to standard output.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting of the recipe; can be repeated."),
]
Data = Annotated[str | None, typer.Option(metavar="PATH", help="File or folder to read instead of the recipe's data.")]
Engine = Annotated[str, typer.Option(metavar="NAME", help="native, or torch (requires the extra `torch`).")]
Threads = Annotated[int, typer.Option(metavar="N", min=0, help="Number of threads of the native engine; 0: all cores.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is in the place of the output.")]
Source = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE|FILE", help="Name of a recipe, a TOML file, or a data file or folder.", show_default=False
    ),
]
Network = Annotated[str, typer.Option(metavar="RECIPE", help="Use the network and training settings of this recipe.")]


def takes_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Add a flag for each entry of `flags.FLAGS` to a command, which receives them as the keyword argument `flags`."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.name != "flags"]
    added = {flag.replace("-", "_"): flag for flag in FLAGS}

    @functools.wraps(command)
    def run(**values: Any) -> None:
        flags = {flag: values.pop(name) for name, flag in added.items()}
        command(**values, flags=flags)

    options = [_create_option(name, flag) for name, flag in added.items()]
    place = next(index for index, each in enumerate(own) if each.default is not inspect.Parameter.empty)
    parameters = [*own[:place], *options, *own[place:]]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return run


def _create_option(name: str, flag: str) -> inspect.Parameter:
    switch = isinstance(default_of(flag), bool)
    kind = bool if switch else str
    metavar = None if switch else METAVARS.get(flag, "COLUMN")
    option = typer.Option(f"--{flag}", metavar=metavar, help=f"{describe_flag(flag)}.", show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=False if switch else "",
        annotation=Annotated[kind, option],
    )


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on one line; what standard output cannot encode is escaped as JSON escapes it."""
    narrow = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    print(json_format.dumps(value, ensure_ascii=narrow, allow_nan=False), flush=True)


def create_table(*columns: str) -> "Table":
    """A plain table; columns whose name starts with > are right-aligned."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def print_table(table: "Table") -> None:
    """Print a table to standard output."""
    from rich.console import Console

    Console().print(table)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block in order, say what is kept, and give the exit code that shells expect.

    A second one ends the process at once. A signal that the process was started to ignore, as by nohup, stays ignored.
    """
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: found for number in names if (found := signal.getsignal(number)) != signal.SIG_IGN}

    def stop(number: int, frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt(number)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt as stopped:
        says = getattr(stopped, "__notes__", ["nothing was kept"])
        with suppress(OSError):  # the terminal may be gone
            print(f"seqconv: interrupted; {'; '.join(says)}", file=sys.stderr)
        raise typer.Exit(128 + (stopped.args[0] if stopped.args else signal.SIGINT)) from None
    finally:
        for number, found in before.items():
            signal.signal(number, found)


def check_free(path: Path | None, overwrite: bool) -> None:
    """Check before the work that its output replaces no file.

    Raises:
        ConfigError: there is one, and `overwrite` does not allow it.
    """
    if path is not None and not overwrite and os.path.lexists(path):
        raise ConfigError(f"{path}: exists and stays. Choose another name, or add --overwrite")


def suggest(
    source: str, flags: Flags, network: str, data: str | None, settings: list[str] | None
) -> "guessing.SuggestedRecipe":
    """The recipe specified by a command's source, flags and settings.

    Raises:
        ConfigError: an unknown recipe, or an invalid setting.
        DataError: a data file that cannot be read.
    """
    from seqconv.tasks import guessing

    replaced = [] if data is None else [f"data.source={data}"]
    return guessing.suggest_recipe(source, (*replaced, *to_overrides(flags), *(settings or [])), network)

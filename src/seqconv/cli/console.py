"""Shared by all commands: what makes a function one, and printing of results."""

import codecs
import functools
import inspect
import json as json_format
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

import typer

from seqconv.cli.flags import Flags, to_overrides
from seqconv.cli.help import IMPORTED, Command
from seqconv.cli.options import Quiet, replace_parameters

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

    from seqconv.tasks import guessing


def command(*examples: str, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a command, with lines to type in its help, and `--quiet`: nothing is printed but errors.

    A command that prints more than its results takes `quiet` itself.
    """

    def add(run: Callable[..., None]) -> Callable[..., None]:
        quiet = run if "quiet" in inspect.signature(run).parameters else _silence(run)
        alone = IMPORTED[name or run.__name__] = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name or run.__name__, cls=Command, epilog="\n".join(examples), help=run.__doc__)(quiet)
        return run

    return add


def _silence(run: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(run)
    def silent(*, quiet: bool, **values: Any) -> None:
        with ExitStack() as stack:
            if quiet and not values.get("json"):
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(redirect_stdout(nowhere))
            run(**values)

    added = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)
    return replace_parameters(silent, [*inspect.signature(run).parameters.values(), added])


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
        justify: JustifyMethod = "right" if name.startswith(">") else "left"
        table.add_column(name.removeprefix(">"), justify=justify, overflow="fold")  # nothing is cut off
    return table


def print_table(table: "Table") -> None:
    """Print a table to standard output."""
    from rich.console import Console

    Console().print(table)


def print_rows(head: list[str], rows: list[list[str]], most: int | None = None) -> None:
    """A table; of more rows than `most` the first ones, and how many more there are."""
    table = create_table(head[0], *(f">{name}" for name in head[1:]))
    for row in rows[:most]:
        table.add_row(*row)
    print_table(table)
    if most is not None and len(rows) > most:
        print(f"... and {len(rows) - most:,} more: --all")
    print()


def wrap(text: str, console: "Console") -> str:
    """Text whose lines end between words in a terminal, with a command to copy on a line of its own; else unchanged."""
    if not console.is_terminal:
        return text
    text, found, command = text.partition(": seqconv ")
    wrapper = textwrap.TextWrapper(console.width, break_long_words=False, break_on_hyphens=False)
    lines = "\n".join(wrapper.fill(line) for line in f"{text}{':' if found else ''}".split("\n"))
    return f"{lines}\nseqconv {command}" if found else lines


def print_text(text: str) -> None:
    """Print sentences to standard output."""
    from rich.console import Console

    print(wrap(text, Console()))


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

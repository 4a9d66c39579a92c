"""Options that several commands share, and those made from settings."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from seqconv.cli.flags import FLAGS, METAVARS, default_of, describe_flag, is_flag_of, name_flags, section_of
from seqconv.cli.help import (
    DATA,
    FORECAST,
    OTHER,
    OUTPUT,
    TRAINING,
    WINDOWS,
    complete_engine,
    complete_model,
    complete_recipe,
    complete_source,
)
from seqconv.errors import SeqconvError

PANELS = {
    "data": DATA,
    "windows": WINDOWS,
    "forecast": FORECAST,
    "training": TRAINING,
    "text": TRAINING,
}  # of settings' sections
COMPLETIONS = {"model": complete_model}


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Reads an option's value; one that is no whole number in the range is a usage error."""
    span = f"of at least {low}" if high is None else f"from {low} to {high}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low or (high is not None and number > high):
            raise typer.BadParameter(f"must be a whole number {span}; got {text!r}")
        return number

    return read


Json = Annotated[
    bool, typer.Option("--json", help="Print a single JSON object to standard output.", rich_help_panel=OUTPUT)
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.", rich_help_panel=OUTPUT)]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print a line for every epoch.", rich_help_panel=OUTPUT)]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Model = Annotated[Path, typer.Argument(metavar="RUN", help="A run or model folder.", show_default=False)]
Column = Annotated[
    str, typer.Option("--text", "--time", metavar="COLUMN", help="Text column, or time column, of FILE.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change any setting of the recipe (`seqconv settings` lists them); can be repeated.",
        rich_help_panel=OTHER,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="File or folder to read instead of the recipe's data.", rich_help_panel=DATA),
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="native, or torch (requires the extra `torch`).",
        autocompletion=complete_engine,
        rich_help_panel=OTHER,
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number(0),
        help="Number of threads of the native engine; 0: all cores.",
        rich_help_panel=OTHER,
    ),
]
Parallel = Annotated[
    str,
    typer.Option(
        metavar="WHERE",
        help="Run the parts at once: processes=N, ray, ray://HOST:PORT or dask://HOST:PORT. [default: one by one]",
        show_default=False,
        rich_help_panel=OTHER,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is in the place of the output.", rich_help_panel=OUTPUT)
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE|FILE",
        help="Name of a recipe, a TOML file, or a data file or folder.",
        show_default=False,
        autocompletion=complete_source,
    ),
]
Network = Annotated[
    str,
    typer.Option(
        metavar="RECIPE|FILE",
        help="Use the network and training of this recipe, or a network of Keras from a .keras file.",
        autocompletion=complete_recipe,
        rich_help_panel=TRAINING,
    ),
]
NoBaselines = Annotated[
    bool, typer.Option("--no-baselines", help="Do not evaluate the baselines.", rich_help_panel=TRAINING)
]


def takes_flags(*sections: str, task: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add to a command the flags of these sections, which it receives as the keyword argument `flags`; none: all.

    Args:
        task: only those that set something of this task; empty: of any.
    """

    def add(run: Callable[..., None]) -> Callable[..., None]:
        own = [each for each in inspect.signature(run).parameters.values() if each.name != "flags"]
        added = {flag.replace("-", "_"): flag for flag in FLAGS if is_flag_of(flag, sections, task)}

        @functools.wraps(run)
        def wrapped(**values: Any) -> None:
            flags = {flag: values.pop(name) for name, flag in added.items()}
            try:
                run(**values, flags=flags)
            except SeqconvError as error:
                error.args = (name_flags(str(error), flags),)
                raise

        options = [_create_option(name, flag) for name, flag in added.items()]
        place = next(index for index, each in enumerate(own) if each.default is not inspect.Parameter.empty)
        return replace_parameters(wrapped, [*own[:place], *options, *own[place:]])

    return add


def replace_parameters(run: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return run


@functools.cache
def _create_option(name: str, flag: str) -> inspect.Parameter:
    switch = isinstance(default_of(flag), bool)
    option = typer.Option(
        f"--{flag}",
        metavar=None if switch else METAVARS.get(flag, "COLUMN"),
        help=describe_flag(flag),
        show_default=False,
        autocompletion=COMPLETIONS.get(flag),
        rich_help_panel=PANELS[section_of(flag)],
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=False if switch else "",
        annotation=Annotated[bool if switch else str, option],
    )

"""The command line. Each command is a plain function that imports what it needs when it runs."""

from typing import Annotated

import typer

from seqconv.cli import evaluation, explanation, forecasting, inspection, prediction, serving, settings, training
from seqconv.cli.console import app, command

__all__ = [
    "app",
    "evaluation",
    "explanation",
    "forecasting",
    "inspection",
    "prediction",
    "serving",
    "settings",
    "training",
]


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print version and instruction set, and exit.")] = False,
) -> None:
    """Print the version, or run a command."""
    if version:
        from importlib import metadata

        from seqconv import _native

        print(f"seqconv {metadata.version('seqconv')} (native kernels: {_native.instruction_set()})")
        raise typer.Exit


@command("seqconv help train", name="help")
def show_help(
    name: Annotated[str | None, typer.Argument(metavar="COMMAND", help="A command.", show_default=False)] = None,
) -> None:
    """Show the help of a command."""
    app([*([name] if name else []), "--help"])

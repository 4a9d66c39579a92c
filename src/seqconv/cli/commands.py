"""The command line. The module of a command is imported when the command is run, and not to list the commands."""

from typing import Annotated

import typer

from seqconv.cli.help import Commands, read_name

app = typer.Typer(
    cls=Commands,
    help="Small, fast sequence models on an ordinary CPU: 1D convnets for text and time series.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": read_name},
)


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

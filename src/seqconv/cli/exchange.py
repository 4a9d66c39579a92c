"""The command that writes a model for other libraries."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import Json, Model, Overwrite
from seqconv.errors import ConfigError

if TYPE_CHECKING:
    from seqconv.training.export import ExportResults


@command(
    "seqconv export runs/reviews --onnx reviews.onnx",
    "seqconv export runs/reviews --keras reviews.keras",
    "seqconv export runs/reviews --torch reviews",
)
def export(
    model: Model,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an ONNX file (requires the extra `onnx`).", rich_help_panel=OUTPUT),
    ] = None,
    keras: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a .keras file (requires the extra `keras`).", rich_help_panel=OUTPUT),
    ] = None,
    torch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a module file for PyTorch, and its weights.", rich_help_panel=OUTPUT),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model for other libraries.

    An ONNX file reads and answers in the units of the data: scaling, calendar and intervals are inside. A model of
    texts reads ids of words; how texts become such ids is written next to it, to FILE with the ending .tokenizer.json.
    The file and the model both answer some test rows of the run (made-up ones where the data are gone), and the
    largest difference is printed; if it is more than rounding explains, nothing is written.

    A .keras file, or a folder for PyTorch, holds a network alone, which reads scaled values; the scales are written
    next to it as JSON.
    """
    from seqconv.training.export import export_keras, export_onnx, export_torch

    chosen = [(write, out) for write, out in ((export_onnx, onnx), (export_keras, keras), (export_torch, torch)) if out]
    if len(chosen) != 1:
        raise ConfigError("export: must be told one format. Add --onnx FILE, --keras FILE or --torch DIR")
    write, out = chosen[0]
    with console.interruptible():
        results = write(model, out, overwrite)
    print_json(results.to_dict()) if json else _print_results(results)


def _print_results(results: "ExportResults") -> None:
    print(f"{', '.join(results.files)}: {results.bytes / 1e6:,.2f} MB")
    if results.difference is None:
        print(results.runtime)
        return
    difference = f"largest difference {results.difference:.1e} of the largest answer"
    print(f"{results.examples}: {difference} ({results.runtime})")

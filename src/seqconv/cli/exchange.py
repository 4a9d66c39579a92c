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


@command("seqconv export runs/reviews --onnx reviews.onnx", "seqconv export runs/reviews --keras reviews.keras")
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
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model for other libraries.

    An ONNX file reads and answers in the units of the data: scaling, calendar and intervals are inside. A model of
    texts reads ids of words; how texts become such ids is written next to it, to FILE with the ending .tokenizer.json.
    The file and the model both answer some test rows of the run (made-up ones where the data are gone), and the
    largest difference is printed; if it is more than rounding explains, nothing is written.

    A .keras file holds a network alone, which reads scaled values; the scales are written next to it as JSON.
    """
    from seqconv.training.export import export_keras, export_onnx

    if (onnx is None) == (keras is None):
        raise ConfigError("export: must be told one format. Add --onnx FILE or --keras FILE")
    with console.interruptible():
        results = export_keras(model, keras, overwrite) if keras else export_onnx(model, onnx or "", overwrite)
    print_json(results.to_dict()) if json else _print_results(results)


def _print_results(results: "ExportResults") -> None:
    print(f"{', '.join(results.files)}: {results.bytes / 1e6:,.2f} MB")
    print(f"{results.examples}: largest difference {results.difference:.1e} of the largest answer ({results.runtime})")

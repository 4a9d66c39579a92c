"""Commands on finished runs and models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli.console import Engine, Json, RunFolder, Threads, app, create_table, print_json, print_table
from seqconv.reports.tables import show_number

if TYPE_CHECKING:
    from seqconv.training.compression import ShrinkResults


@app.command()
def predict(
    model: RunFolder,
    source: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A table; none, or -: texts from standard input, one a line.")
    ] = "-",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Where to write: .csv, .tsv, .parquet or .jsonl.")
    ] = None,
    column: Annotated[str, typer.Option(metavar="NAME", help="Column of the texts, or of the times.")] = "",
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Answer for each row of a file.

    Classes of texts or sequences, forecasts of a series. The input's columns are kept, the answers stand behind
    them. Files of any length pass, as they are read in pieces. Without -o the answers go to standard output as CSV.
    """
    import sys

    from seqconv.data.readers.tables import print_csv, to_rows, write_table
    from seqconv.models.predictor import load
    from seqconv.serving.files import count_rows, predict_file

    pieces = predict_file(
        load(model, engine=engine, threads=threads), sys.stdin.buffer if source == "-" else source, column
    )
    if out is None and json:
        rows = [row for piece in pieces for row in to_rows(piece)]
        print_json({"n": len(rows), "predictions": rows})
    elif out is None:
        print_csv(pieces, sys.stdout.buffer)
    else:
        total = [0]
        write_table(count_rows(pieces, total), out)
        print_json({"n": total[0], "out": str(out)}) if json else print(f"{total[0]:,} rows: {out}")


@app.command()
def report(run: RunFolder, json: Json = False) -> None:
    """Write the report of a run again and print its path."""
    from seqconv.training.folder import write_report

    path = write_report(run)
    print_json({"report": str(path)}) if json else print(path)


@app.command()
def shrink(
    model: RunFolder,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="The new model.", show_default=False)],
    bits: Annotated[int, typer.Option(metavar="16|32", help="Bits of each weight in the file.")] = 16,
    keep: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the words and n-grams of each table that stay.")
    ] = 1.0,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Write a smaller copy of a model, and what that costs on the validation rows.

    16 bits halve the file and hardly change an answer. --keep 0.1 leaves out nine tenths of the rows of each table of
    words or n-grams, those of the smallest norm: filters and embeddings read such a word as unknown, such an n-gram
    counts nothing. The folder answers like any model; `seqconv evaluate FOLDER` scores it on the test rows.
    """
    from seqconv.training.compression import shrink

    results = shrink(model, out, bits, keep, engine, threads)
    print_json(results.to_dict()) if json else _print_sizes(results)


def _print_sizes(results: "ShrinkResults") -> None:
    table = create_table("", ">before", ">after")
    table.add_row("size", *(f"{size / 1e6:,.2f} MB" for size in (results.bytes.before, results.bytes.after)))
    before, after = results.validation.before, results.validation.after
    for name in [each for each in before if each != "n"]:
        table.add_row(f"validation {name.replace('_', ' ')}", show_number(before[name]), show_number(after[name]))
    if results.changed is not None:
        table.add_row("answers that changed", "", f"{results.changed:.2%}")
    if results.moved is not None:
        table.add_row("forecasts moved by (standard deviations)", "", show_number(results.moved))
    print_table(table)
    if results.seen:
        print(f"\nThe last fit took the validation rows too: seqconv evaluate {results.model} tells more.")
    print(f"\nmodel: {results.model}")

"""Commands on finished runs and models."""

from pathlib import Path
from typing import Annotated

import typer

from seqconv.cli.console import (
    Engine,
    Json,
    RunFolder,
    Threads,
    app,
    print_json,
)


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

    from seqconv.prediction import count_rows, predict_file
    from seqconv.predictor import load
    from seqconv.readers.tables import print_csv, to_rows, write_table

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
    from seqconv.report import write_report

    path = write_report(run)
    print_json({"report": str(path)}) if json else print(path)

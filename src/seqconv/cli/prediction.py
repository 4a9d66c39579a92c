"""Commands on finished runs and models."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, create_table, print_json, print_table
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import Column, Engine, Json, Model, Overwrite, Quiet, RunFolder, Threads, whole_number
from seqconv.errors import ConfigError, OptionError, SeqconvError
from seqconv.reports.tables import show_number

if TYPE_CHECKING:
    from seqconv.data.readers.tables import Frame
    from seqconv.models.predictor import Predictor
    from seqconv.training.compression import ShrinkResults


@command(
    "seqconv predict runs/reviews new.csv -o predictions.csv",
    "seqconv predict runs/weather weather.csv -o forecasts.csv",
    "seqconv predict runs/activities day.csv --window 10s --stride 1s",
    'echo "not good at all" | seqconv predict runs/reviews',
    "tail -f log.csv | seqconv predict runs/weather --follow --state newest.npz",
)
def predict(
    model: Model,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A table; omitted or -: texts from standard input, one per line.")
    ] = "-",
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="Output file: .csv, .tsv, .parquet or .jsonl.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    column: Column = "",
    future: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table of what is known of the rows to forecast: see `seqconv future`."),
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            metavar="K",
            parser=whole_number(0),
            help="List the K most probable classes, instead of the probability of each.",
            rich_help_panel=OUTPUT,
        ),
    ] = 0,
    window: Annotated[
        str, typer.Option(metavar="STEPS|TIME", help="Slide a window of this length over long sequences.")
    ] = "",
    stride: Annotated[
        str, typer.Option(metavar="STEPS|TIME", help="How far the window moves. [default: its length]")
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Answer each row, step or word on standard input as soon as it comes.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --follow: go on from what FILE (.npz) keeps, and write it at the end."),
    ] = None,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict every row of a file.

    Classes of texts or sequences, or forecasts of a series. The predictions are added as columns after those of the
    input. Files can be of any length, as they are read in pieces. Without -o the output is CSV on standard output.
    Notes on how the file was read, on rows that the model was trained on, and on an empty newest forecast go to
    standard error, with --json into `notes`.

    With --follow each line of standard input is the next row of a series, the next step of a sequence or the next words
    of a text, and is answered at once from the newest window; an empty line begins anew. Rows are CSV under a line of
    names, or JSON; with --json each answer is a JSON object on a line.
    """
    import sys

    from seqconv.models.predictor import load
    from seqconv.serving.files import predict_file
    from seqconv.tasks.bundle import Listing
    from seqconv.tasks.task import Sliding

    if follow or state is not None:
        _check_alone(follow, source != "-" or out or future or window or stride or column)
        _follow(load(model, engine=engine, threads=threads), top, state, json)
        return
    named = source != "-" and Path(source).exists()
    if out is not None and named and out.exists() and out.samefile(source):
        raise ConfigError(f"{out}: must be another file than the one that is read. Choose another name")
    if source == "-" and sys.stdin.isatty() and not quiet:
        print("Type one text per line; Ctrl-D ends", file=sys.stderr)
    notes: list[str] = []
    say = notes.append if json or quiet else lambda note: print(f"data: {note}", file=sys.stderr)
    predictor = load(model, engine=engine, threads=threads)
    read = sys.stdin.buffer if source == "-" else source
    sliding = Sliding(window, stride) if window or stride else None
    pieces = predict_file(Listing.of(predictor, top), read, column, say=say, future=future, sliding=sliding)
    if out is None:
        _print(pieces, notes, json)
    else:
        total = _write(pieces, out)
        if json:
            print_json({"n": total, "notes": notes, "out": str(out)})
        elif not quiet:
            print(f"{total:,} rows: {out}")


def _print(pieces: Iterator["Frame"], notes: list[str], json: bool) -> None:
    """Print the answers; the notes are there once all pieces are."""
    import sys

    from seqconv.data.readers.tables import print_csv, to_rows

    if not json:
        print_csv(pieces, sys.stdout.buffer)
        return
    rows = [row for piece in pieces for row in to_rows(piece)]
    print_json({"n": len(rows), "notes": notes, "predictions": rows})


def _write(pieces: Iterator["Frame"], out: Path) -> int:
    """Write the answers to a file; returns the number of rows. If it ends early, what is there is kept."""
    import sys

    from seqconv.data.readers.tables import write_table
    from seqconv.serving.files import count_rows

    total, partial = [0], Path(f"{out}.partial")
    before = _stamp(partial)
    with console.interruptible():
        try:
            write_table(count_rows(pieces, total), out, partial)
        except (SeqconvError, KeyboardInterrupt) as error:
            if _stamp(partial) != before:
                kept = f"the first {total[0]:,} rows are in {partial}"
                error.add_note(kept) if isinstance(error, KeyboardInterrupt) else print(kept, file=sys.stderr)
            raise
    partial.unlink(missing_ok=True)
    return total[0]


def _stamp(path: Path) -> int:
    """When a file was written; 0: there is none."""
    return path.stat().st_mtime_ns if path.is_file() else 0


def _check_alone(follow: bool, other: object) -> None:
    """Check the options of a stream.

    Raises:
        OptionError: some do not go together.
    """
    if not follow:
        raise OptionError("state: needs --follow. Add it, or leave --state out")
    if other:
        raise OptionError(
            "follow: reads standard input and prints; leave out FILE, --out, --time, --future and --window"
        )


def _follow(predictor: "Predictor", top: int, state: Path | None, json: bool) -> None:
    """Answer the lines of standard input one by one; however it ends, the state is written."""
    import sys

    from seqconv.data.readers.tables import print_csv, to_rows
    from seqconv.serving.following import follow
    from seqconv.tasks.bundle import Listing
    from seqconv.tasks.kinds import find_task
    from seqconv.tasks.streaming import read_state

    stored = read_state(state) if state is not None and state.exists() else None
    stream = find_task(predictor.bundle.recipe).stream(Listing.of(predictor, top), stored)
    answers = follow(stream, iter(sys.stdin.buffer.readline, b""))
    with console.interruptible():
        try:
            if json:
                for frame in answers:
                    print_json(to_rows(frame)[0])
            else:
                print_csv(answers, sys.stdout.buffer)
        except KeyboardInterrupt as stop:
            stop.add_note(f"{state} keeps the newest window" if state else "all that came was answered")
            raise
        finally:
            if state is not None:
                stream.write(state)


@command("seqconv future runs/sales sales.csv -o next.csv")
def future(
    model: Model,
    source: Annotated[str, typer.Argument(metavar="FILE", help="The table to forecast.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE", help="Table to fill in.", show_default=False, rich_help_panel=OUTPUT
        ),
    ],
    overwrite: Overwrite = False,
    column: Column = "",
    json: Json = False,
) -> None:
    """Write a form for what is known of the rows to forecast.

    A row for each series and step, with the columns that the model knows in advance, empty where FILE does not hold
    them yet. Fill it in, and give it to `seqconv predict --future`.
    """
    from seqconv.data.outputs import check_free
    from seqconv.data.readers.tables import write_table
    from seqconv.data.urls import fetch
    from seqconv.models.predictor import load
    from seqconv.tasks.kinds import find_task

    check_free(out, overwrite)
    trained = load(model)
    table = find_task(trained.bundle.recipe).write_future(trained, fetch(source), column)
    write_table(table, out)
    print_json({"n": len(table), "out": str(out)}) if json else print(f"{len(table):,} rows: {out}")


@command("seqconv report runs/reviews")
def report(run: RunFolder, json: Json = False) -> None:
    """Write the report of a run anew and print its path."""
    from seqconv.training.folder import write_report

    path = write_report(run)
    print_json({"report": str(path)}) if json else print(path)


@command("seqconv shrink runs/reviews -o small", "seqconv shrink runs/reviews -o smaller --keep 0.1")
def shrink(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            help="Folder of the new model.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ],
    overwrite: Overwrite = False,
    bits: Annotated[int, typer.Option(metavar="16|32", help="Bits per weight in the file.")] = 16,
    keep: Annotated[
        float, typer.Option(metavar="FRACTION", help="Fraction of the words and n-grams in each table to keep.")
    ] = 1.0,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Write a smaller copy of a model.

    What that costs is measured on the validation rows. 16 bits halve the file and hardly change predictions. --keep 0.1
    drops nine tenths of the rows of each word or n-gram table, those with the smallest norm: filters and embeddings
    then treat such a word as unknown, and such an n-gram contributes nothing. The folder works like any model;
    `seqconv evaluate FOLDER` evaluates it on the test rows.
    """
    from seqconv.training.compression import shrink

    with console.interruptible():
        results = shrink(model, out, bits, keep, engine, threads, overwrite)
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
        print(f"\nIt was trained on the validation rows too; on the test rows: seqconv evaluate {results.model}")
    print(f"\nmodel: {results.model}")

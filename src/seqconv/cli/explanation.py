"""The command that explains an answer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqconv.cli.console import Engine, Json, Threads, app, create_table, print_json, print_table
from seqconv.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqconv.models.predictor import Predictor
    from seqconv.tasks.explanation import GridExplanation, TextExplanation

LONGEST = 12  # rows of a printed table


FAINTEST = 0.1  # share of the strongest word below which a word is left plain


STRONG = 0.5  # and from which it is printed on colour


STYLES = {  # by whether a word raises the logit, and whether it does so strongly: never by colour alone
    (True, False): "bold underline color(33)",
    (True, True): "bold underline bright_white on color(25)",
    (False, False): "bold italic color(166)",
    (False, True): "bold italic bright_white on color(130)",
}


@app.command()
def explain(
    model: Annotated[Path, typer.Argument(metavar="RUN_OR_BUNDLE", help="A run or model folder.", show_default=False)],
    given: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT | FILE]", help="A text; of a series or sequences, the file.", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="File with the text or sequence.")] = None,
    row: Annotated[int, typer.Option(metavar="N", min=1, help="Which text or sequence of the file.")] = 1,
    column: Annotated[str, typer.Option(metavar="NAME", help="Column of the texts, or of the times.")] = "",
    class_name: Annotated[str | None, typer.Option("--class", metavar="NAME", help="Class to explain.")] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="Newest row of the window of a series.")] = "",
    target: Annotated[str, typer.Option(metavar="NAME", help="Target of a series. [default: the first]")] = "",
    lead: Annotated[str, typer.Option(metavar="TIME", help="Lead of a series. [default: the first]")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="HTML", help="Write a page too.")] = None,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Show what made an answer: words, or inputs and times.

    A text is taken from the command line, a file, or standard input. Where the network is a sum over filters, each won
    by one span of words, the parts sum to the logit; otherwise each word is left out in turn. Of a series or sequence,
    each input is put at its mean over each stretch of the window.
    """
    from seqconv.models.predictor import load
    from seqconv.tasks.sequence.features import SequenceFeatures
    from seqconv.tasks.series.features import SeriesFeatures

    predictor = load(model, engine=engine, threads=threads)
    features = predictor.bundle.features
    name = predictor.bundle.recipe.name
    if given is not None and file is not None:
        raise ConfigError("explain: must have either TEXT or --file; got both. Leave one out")
    if isinstance(features, SeriesFeatures):
        from seqconv.serving.files import read_rows
        from seqconv.tasks.series.explaining import explain_series

        _refuse("a forecasting model", class_name=class_name, row=row != 1)
        series = read_rows(predictor.bundle, _choose_file(given, file), column)
        _show_grid(explain_series(predictor, series, at, target, lead), name, out, json)
        return
    _refuse("a model of classes", at=at, target=target, lead=lead)
    if isinstance(features, SequenceFeatures):
        _refuse("a model of sequences", column=column)
        _show_grid(_explain_sequence(predictor, _choose_file(given, file), row, class_name), name, out, json)
        return
    from seqconv.tasks.text.explaining import explain_text

    text = _read_text(predictor, given, file, row, column)
    _show_texts(explain_text(predictor, text, class_name), name, out, json)


def _refuse(kind: str, **flags: Any) -> None:
    for flag, value in flags.items():
        if value:
            raise ConfigError(f"--{flag.removesuffix('_name')} has no meaning for {kind}. Leave it out")


def _choose_file(given: str | None, file: Path | None) -> Path:
    if given is None and file is None:
        raise ConfigError("explain: this model needs a file to read; got none. Name it behind the model")
    return file or Path(given or "")


def _read_text(predictor: "Predictor", given: str | None, file: Path | None, row: int, column: str) -> str:
    if file is not None:
        from seqconv.serving.files import read_text

        return read_text(predictor.bundle, file, row, column)
    if row != 1 or column:
        flag = "--column" if column else "--row"
        raise ConfigError(f"{flag} chooses in --file; got no --file. Name the file, or leave {flag} out")
    return _read_input() if given is None else given


def _read_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: must be UTF-8; {error.reason} at byte {error.start}. Convert it") from error


def _explain_sequence(predictor: "Predictor", file: Path, row: int, class_name: str | None) -> "GridExplanation":
    import numpy as np

    from seqconv.data.readers.sequences import read_sequences
    from seqconv.tasks.sequence.explaining import explain_sequence

    sequences = read_sequences(file, labelled=False)
    if row > len(sequences):
        raise DataError(f"{file}: must hold a sequence number {row}; it holds {len(sequences)}. Choose another --row")
    return explain_sequence(predictor, sequences.take(np.array([row - 1])), class_name)


def _show_texts(found: list["TextExplanation"], name: str, out: Path | None, json: bool) -> None:
    from seqconv.tasks.explanation import describe_texts

    if out is not None:
        from seqconv.reports.explanation import write_text_page

        write_text_page(out, name, found)
    if json:
        print_json(describe_texts(found))
        return
    print(f"{name}: {found[0].verdict}")
    for one in found:
        _print_text(one)
    if out is not None:
        print(f"\npage: {out}")


def _print_text(one: "TextExplanation") -> None:
    from rich.console import Console
    from rich.text import Text

    from seqconv.tasks.explanation import show_safely

    words = one.shade_words()
    strongest = max((abs(share) for _, _, share in words), default=0.0)
    text = Text(show_safely(one.text))
    for start, end, share in words:
        if abs(share) > FAINTEST * strongest:
            text.stylize(STYLES[share > 0, abs(share) >= STRONG * strongest], start, end)
    raises, lowers = one.directions
    legend = Text.assemble((f"+ {raises}", STYLES[True, False]), "   ", (f"- {lowers}", STYLES[False, False]))
    console = Console(highlight=False)
    for line in ("", one.title, "", text, "", legend, ""):
        console.print(line, markup=False)
    table = create_table(">adds", *([">filters"] if one.exact else []), "span" if one.exact else "word left out")
    for value, filters, label in one.list_rows(LONGEST):
        counts = ["" if filters is None else str(filters)] if one.exact else []
        table.add_row(f"{value:+.4f}", *counts, Text(label))
    print_table(table)
    console.print(f"\n{one.note}", markup=False)


def _show_grid(one: "GridExplanation", name: str, out: Path | None, json: bool) -> None:
    from seqconv.tasks.explanation import describe_grid

    if out is not None:
        from seqconv.reports.explanation import write_grid_page

        write_grid_page(out, name, one)
    if json:
        print_json(describe_grid(one))
        return
    from rich.text import Text

    print(f"{name}: {one.verdict}\n{one.note}\n")
    table = create_table(">adds", "input", "from", "to")
    for row, begin, end, value in one.top(LONGEST):
        table.add_row(f"{value:+.4f}", Text(row), begin, end)
    print_table(table)
    inputs = create_table(">adds", "input, over the whole window")
    for place in abs(one.whole).argsort(kind="stable")[::-1][:LONGEST]:
        inputs.add_row(f"{one.whole[place]:+.4f}", Text(one.rows[place]))
    print()
    print_table(inputs)
    if out is not None:
        print(f"\npage: {out}")

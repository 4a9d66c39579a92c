"""The command that explains a prediction."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli.console import command, create_table, print_json, print_table
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import Column, Engine, Json, Model, Threads, whole_number
from seqconv.errors import ConfigError

if TYPE_CHECKING:
    from seqconv.tasks.explanation import GridExplanation
    from seqconv.tasks.text_explanation import TextExplanation

LONGEST = 12  # rows of a printed table
NAMES = {"column": "text"}  # of options, where the task calls them otherwise
FAINTEST = 0.1  # words below this fraction of the strongest contribution are not highlighted
STRONG = 0.5  # words above this fraction get a coloured background
STYLES = {  # (raises the logit, strongly) -> style; never by colour alone
    (True, False): "bold underline color(33)",
    (True, True): "bold underline bright_white on color(25)",
    (False, False): "bold italic color(166)",
    (False, True): "bold italic bright_white on color(130)",
}


@command(
    'seqconv explain runs/reviews "not good at all , far from dull"',
    "seqconv explain runs/reviews --file new.csv --row 7 -o why.html",
    'seqconv explain runs/weather weather.csv --at "2018-12-31 12:00" --lead 12h',
)
def explain(
    model: Model,
    given: Annotated[
        str | None,
        typer.Argument(metavar="TEXT|FILE", help="A text; for series and sequences, a file.", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="File with the text or sequence.")] = None,
    row: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(1), help="Which text or sequence of the file, from 1.")
    ] = 1,
    column: Column = "",
    class_name: Annotated[str | None, typer.Option("--class", metavar="NAME", help="Class to explain.")] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="Time of the newest row of a series' window.")] = "",
    target: Annotated[str, typer.Option(metavar="NAME", help="Target of a series. [default: the first]")] = "",
    lead: Annotated[str, typer.Option(metavar="TIME", help="Lead of a series. [default: the first]")] = "",
    series: Annotated[
        str,
        typer.Option(metavar="IDS", help="Series of a table, by its ids, separated by commas. [default: the first]"),
    ] = "",
    step: Annotated[str, typer.Option(metavar="N", help="Step of its forecast, from 1. [default: the first]")] = "",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="PAGE", help="Also write an HTML page.", rich_help_panel=OUTPUT),
    ] = None,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Explain a prediction by its words, or by its inputs and times.

    A text comes from the command line, a file, or standard input. If the network is a sum over filters, each activated
    by one span of words, the effects add up to the model's score; otherwise each word is left out in turn. For a
    series or sequence, each input is replaced by its average over one part of the window after another.
    """
    from seqconv.models.predictor import load
    from seqconv.tasks.kinds import find_task
    from seqconv.tasks.task import Source

    predictor = load(model, engine=engine, threads=threads)
    recipe = predictor.bundle.recipe
    if given is not None and file is not None:
        raise ConfigError("explain: must get either TEXT or --file; got both. Leave one out")
    task = find_task(recipe)
    chosen = {"class": class_name, "at": at, "target": target, "lead": lead, "series": series, "step": step}
    for flag, value in {**chosen, "row": row != 1, "column": column}.items():
        if value and flag not in (*task.options, *task.file_options):
            raise ConfigError(f"--{NAMES.get(flag, flag)} does not apply to {task.model}. Leave it out")
    example = task.read_example(predictor.bundle, Source(given, file, row, column))
    found = task.explain(predictor, example, {name: value for name, value in chosen.items() if value})
    if out is not None:
        from seqconv.reports.explanation import write_explanation

        write_explanation(out, recipe.name, found)
    if json:
        from seqconv.tasks.explanation import describe

        print_json(describe(found))
        return
    _print_texts(found, recipe.name) if isinstance(found, list) else _print_grid(found, recipe.name)
    if out is not None:
        print(f"\npage: {out}")


def _print_texts(found: list["TextExplanation"], name: str) -> None:
    print(f"{name}: {found[0].verdict}")
    for one in found:
        _print_text(one, f"{one.title}. {one.because}" if len(found) > 1 else one.because)


def _print_text(one: "TextExplanation", sentence: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from seqconv.tasks.effects import show_safely

    words = one.shade_words()
    strongest = max((abs(each) for _, _, each in words), default=0.0)
    text = Text(show_safely(one.text))
    for start, end, each in words:
        if abs(each) > FAINTEST * strongest:
            text.stylize(STYLES[each > 0, abs(each) >= STRONG * strongest], start, end)
    raises, lowers = one.directions
    legend = Text.assemble((f"+ {raises}", STYLES[True, False]), "   ", (f"- {lowers}", STYLES[False, False]))
    console = Console(highlight=False)
    for line in (Text(sentence), "", text, "", legend, ""):
        console.print(line, markup=False)
    table = create_table(">effect", "words" if one.exact else "word left out")
    for effect, label in one.list_rows(LONGEST):
        table.add_row(effect, Text(label))
    print_table(table)
    console.print(f"\n{one.note}", markup=False)


def _print_grid(one: "GridExplanation", name: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in (f"{name}: {one.verdict}", one.because, ""):
        console.print(line, markup=False)
    inputs = create_table(">effect", "input, over the whole window")
    for effect, row in one.list_inputs(LONGEST):
        inputs.add_row(effect, Text(row))
    print_table(inputs)
    table = create_table(">effect", "input", "from", "to")
    for effect, row, begin, end in one.list_cells(LONGEST):
        table.add_row(effect, Text(row), begin, end)
    print()
    print_table(table)
    if one.classes:
        classes = create_table(">score", ">probability", "class", "adds most")
        for name, probability, score, most in one.list_classes(LONGEST):
            classes.add_row(score, probability, Text(name), Text(most))
        print()
        print_table(classes)
    console.print(f"\n{one.note}", markup=False)

"""The command that watches a model at work."""

from typing import Annotated

import typer

from seqconv.cli.console import command, print_json, print_rows, print_text
from seqconv.cli.evaluation import Page, place_page, write_asked_page
from seqconv.cli.options import Engine, Json, Model, Threads


@command(
    "seqconv monitor runs/reviews new.csv",
    "seqconv monitor runs/weather june.csv -o monitor.html",
)
def monitor(
    model: Model,
    file: Annotated[str, typer.Argument(metavar="FILE", help="New data, with or without labels.", show_default=False)],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Text column of FILE.")] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Label column of FILE, or several: A,B.")] = "",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Time column of FILE.")] = "",
    out: Page = None,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Compare new data, and the answers to them, with training.

    Every column, channel, the words and their number, missing values, and the answers: the population stability index
    of each, next to what stretches of as many training rows show by chance. With labels also these, errors and
    calibration, next to those on the test set. The exit code is 1 if anything has drifted, else 0.
    """
    from seqconv.reports.monitor import build_monitor_page, change_tables, rate_rows
    from seqconv.training.monitoring import monitor

    labels = tuple(name.strip() for name in label.split(",")) if label else ()
    columns: dict[str, str | tuple[str, ...]] = {"text": text, "label": labels, "time": time}
    page_path = place_page(out, "monitor.html")
    results = monitor(model, file, {name: value for name, value in columns.items() if value}, engine, threads)
    page = write_asked_page(page_path, lambda: build_monitor_page(results))
    if json:
        print_json(results.to_dict() | page)
    else:
        for note in results.notes:
            print(f"data: {note}")
        print_text(f"{results.verdict}\n")
        for table in change_tables(results.variables).values():
            print_rows(*table)
        if results.rates:
            print_rows(*rate_rows(results))
        for path in page.values():
            print(f"page: {path}")
    if results.drifted:
        raise typer.Exit(1)

"""Commands that evaluate models: evaluate, backtest, compare."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqconv.cli import console
from seqconv.cli.console import (
    Data,
    Engine,
    Json,
    Network,
    Settings,
    Source,
    Threads,
    app,
    create_table,
    print_json,
    print_table,
)
from seqconv.cli.flags import Flags
from seqconv.reports.page import show_number

Page = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="PAGE", help="Write an HTML page with plots: an .html file, or a folder for it."
    ),
]


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="RUN_OR_BUNDLE", help="A run or model folder.", show_default=False)],
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Labelled data. [default: the run's test set]")
    ] = None,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Text column of FILE.")] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Label column of FILE, or several: A,B.")] = "",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Time column of FILE.")] = "",
    out: Page = None,
    engine: Engine = "native",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Evaluate a model on labelled data, with 95 % confidence intervals.

    Classification: accuracy, log loss, F1, precision and recall of each class, confusion matrix and calibration.
    Forecasts: MAE, RMSE, MASE, skill against the naive forecasts, error by lead, hour of day and month, coverage of
    the prediction intervals. Without FILE, a run is evaluated on its test set, and again with the time order of each
    input shuffled (the order probe).
    """
    from seqconv.evaluation import assessment
    from seqconv.reports import evaluation as digests

    labels = tuple(name.strip() for name in label.split(",")) if label else ()
    columns: dict[str, str | tuple[str, ...]] = {"text": text, "label": labels, "time": time}
    given = {name: value for name, value in columns.items() if value}
    result = assessment.evaluate(model, file, given, engine, threads)
    page = _write_page(out, "evaluation.html", digests.build_evaluation_page, result)
    if json:
        print_json(result | page)
        return
    _print_metrics(result)
    _print_forecast(result) if result["task"] == "series" else _print_classes(result)
    if "order_probe" in result:
        _print_probe(result["order_probe"])
    for path in page.values():
        print(f"\npage: {path}")


@app.command()
@console.takes_flags
def backtest(
    source: Source,
    flags: Flags,
    network: Network = "",
    folds: Annotated[int, typer.Option(metavar="K", help="Number of folds.")] = 5,
    window: Annotated[
        str, typer.Option(metavar="KIND", help="Training rows of a series: growing, or rolling (fixed number).")
    ] = "growing",
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Folder. [default: runs/RECIPE-backtest]")
    ] = None,
    engine: Engine = "native",
    threads: Threads = 0,
    settings: Settings = None,
    no_baselines: Annotated[bool, typer.Option("--no-baselines", help="Do not evaluate the baselines.")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Refit on each fold and evaluate next to the baselines.

    Series: the later half is split into K consecutive test folds, each forecast by a network fitted on the rows before
    it (rolling origin). Texts and sequences: stratified K-fold cross-validation.
    """
    from seqconv.cli import progress
    from seqconv.evaluation import backtest as backtests
    from seqconv.training.folder import Options

    options = Options(out=out, engine=engine, threads=threads, baselines=not no_baselines)
    with progress.listen(quiet or json) as listener:
        draft = console.draft(source, flags, network, data, settings)
        for note in draft.notes:
            listener.say(note)
        run = backtests.backtest(draft.recipe, folds, window, options, listener, draft.data)
    if json:
        print_json(run.results)
    elif not quiet:
        _print_backtest(run.results)


def _print_backtest(results: dict[str, Any]) -> None:
    from seqconv.reports.backtest import backtest_rows, explain_folds, fold_rows

    print(f"\n{results['verdict']}\n")
    _print_rows(*backtest_rows(results))
    _print_rows(*fold_rows(results))
    print(f"{explain_folds(results)}\n\nreport: {results['run']}/report.html")


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN ...", help="Run folders.", show_default=False)],
    out: Page = None,
    json: Json = False,
) -> None:
    """Compare finished runs on the same test rows.

    Each run is compared with the first. Classification: error rate and log loss; forecasts: MAE. Differences are
    paired, with 95 % confidence intervals.
    """
    from seqconv.evaluation import comparison as comparisons
    from seqconv.reports.comparison import (
        build_comparison_page,
        comparison_rows,
        explain_comparison,
        say_comparison,
    )

    result = comparisons.compare_runs(list(runs))
    page = _write_page(out, "comparison.html", build_comparison_page, result)
    if json:
        print_json(result | page)
        return
    print(f"{say_comparison(result)}\n")
    for name in result["metrics"]:
        _print_rows(*comparison_rows(result, name))
    print(explain_comparison(result))
    for path in page.values():
        print(f"\npage: {path}")


def _write_page(out: Path | None, name: str, build: Any, result: dict[str, Any]) -> dict[str, str]:
    """The page's path under `page`, or nothing where none was asked for."""
    if out is None:
        return {}
    from seqconv.reports.page import write_page

    path = out if out.suffix in (".html", ".htm") else out / name
    write_page(path, build(result))
    return {"page": str(path)}


def _print_rows(head: list[str], rows: list[list[str]]) -> None:
    table = create_table(head[0], *(f">{name}" for name in head[1:]))
    for row in rows:
        table.add_row(*row)
    print_table(table)
    print()


def _print_metrics(result: dict[str, Any]) -> None:
    from seqconv.reports.evaluation import explain_metrics
    from seqconv.reports.page import NAMES, show_estimate

    for note in result["notes"]:
        print(f"data: {note}")
    rows = [[NAMES[name], *show_estimate(each)] for name, each in result["metrics"].items()]
    _print_rows([f"{result['source']}: {result['n']:,} examples", "value", "95 % interval"], rows)
    print(f"{explain_metrics(result)}\n")


def _print_classes(result: dict[str, Any]) -> None:
    from seqconv.reports.classes import SCORED, confusion_rows
    from seqconv.reports.page import show_estimate

    rows = [
        [each["class"], f"{each['support']:,}", *(show_estimate(each[name])[0] for name in SCORED)]
        for each in result["classes"]
    ]
    _print_rows(["class", "examples", "precision", "recall", "F1"], rows)
    if "confusion" in result:
        _print_rows(*confusion_rows(result))


def _print_forecast(result: dict[str, Any]) -> None:
    from seqconv.reports.forecasts import MONTHS, interval_rows, say_intervals, target_rows
    from seqconv.reports.page import NAMES

    if "intervals" in result:
        print(f"{say_intervals(result['intervals'], 'truth')}\n")
        _print_rows(*interval_rows(result["intervals"]))
    if len(result["targets"]) > 1:
        _print_rows(*target_rows(result))
    names = list(result["leads"][0])[2:]
    head = ["lead", "MAE", *(f"MAE of {name[4:].replace('_', ' ')}" for name in names)]
    rows = [
        [each["lead"], *map(_cell, [each["mae"]["value"], *(each[name] for name in names)])] for each in result["leads"]
    ]
    _print_rows(head, rows)
    months = [[MONTHS[each["month"] - 1], f"{each['n']:,}", _cell(each["mae"])] for each in result["months"]]
    hours = [[f"{each['hour']:02d}", f"{each['n']:,}", _cell(each["mae"])] for each in result["hours"]]
    for name, rows in (("hour of day", hours), ("month", months)):
        if len(rows) > 1:
            _print_rows([name, "forecasts", NAMES["mae"]], rows)


def _cell(value: float) -> str:
    return show_number(float(value))


def _print_probe(probe: dict[str, Any]) -> None:
    rows = {"as it is": probe["as_is"], "order of each input shuffled": probe["shuffled"]}
    _print_rows(
        ["order probe", *probe["as_is"]], [[name, *map(show_number, row.values())] for name, row in rows.items()]
    )

"""Commands that evaluate models: evaluate, backtest, compare."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json, print_rows, print_text
from seqconv.cli.flags import Flags
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import (
    Data,
    Engine,
    Json,
    Model,
    Network,
    NoBaselines,
    Overwrite,
    Parallel,
    Quiet,
    Settings,
    Source,
    Threads,
    Verbose,
    takes_flags,
    whole_number,
)
from seqconv.reports.tables import (
    backtest_rows,
    class_rows,
    comparison_rows,
    confusion_rows,
    curve_rows,
    fold_rows,
    hour_rows,
    interval_rows,
    lead_rows,
    level_rows,
    metric_rows,
    month_rows,
    quantile_rows,
    show_number,
    step_rows,
    target_rows,
    worst_rows,
)

if TYPE_CHECKING:
    from seqconv.metrics.class_scores import ClassScores
    from seqconv.metrics.forecast_scores import ForecastScores
    from seqconv.tasks.results import BacktestResults, EvaluationResults, OrderProbe

SHOWN = 12  # rows of a table, unless all are asked for
Page = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="PAGE",
        help="Write an HTML page with plots: an .html file, or a folder for it.",
        rich_help_panel=OUTPUT,
    ),
]


@command(
    "seqconv evaluate runs/reviews",
    "seqconv evaluate runs/reviews new.csv --label sentiment",
    "seqconv evaluate runs/weather -o evaluation.html",
)
def evaluate(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Labelled data. [default: the run's test set]")
    ] = None,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Text column of FILE.")] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Label column of FILE, or several: A,B.")] = "",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Time column of FILE.")] = "",
    out: Page = None,
    engine: Engine = "native",
    threads: Threads = 0,
    whole: Annotated[bool, typer.Option("--all", help=f"Print every row of tables, not the first {SHOWN}.")] = False,
    json: Json = False,
) -> None:
    """Evaluate a model on labelled data.

    Every score has a 95 % confidence interval. Classification: accuracy, log loss, F1, precision and recall of each
    class, confusion matrix and calibration. Forecasts: MAE, RMSE, MASE, skill against the naive forecasts, error by
    lead, hour of day and month, coverage of the prediction intervals. Without FILE, a run is evaluated on its test
    set, and again with the time order of each input shuffled.
    """
    from seqconv.reports.evaluation import build_evaluation_page
    from seqconv.training import assessment

    labels = tuple(name.strip() for name in label.split(",")) if label else ()
    columns: dict[str, str | tuple[str, ...]] = {"text": text, "label": labels, "time": time}
    given = {name: value for name, value in columns.items() if value}
    page_path = place_page(out, "evaluation.html")
    results = assessment.evaluate(model, file, given, engine, threads)
    page = write_asked_page(page_path, lambda: build_evaluation_page(results))
    if json:
        print_json(results.to_dict() | page)
        return
    _print_evaluation(results, whole)
    for path in page.values():
        print(f"\npage: {path}")


@command(
    "seqconv backtest reviews.csv --folds 3",
    "seqconv backtest weather.csv --target temperature --lead 12h --window rolling",
)
@takes_flags()
def backtest(
    source: Source,
    flags: Flags,
    network: Network = "",
    folds: Annotated[int, typer.Option(metavar="K", parser=whole_number(2), help="Number of folds.")] = 5,
    window: Annotated[
        str, typer.Option(metavar="KIND", help="Training rows of a series: growing, or rolling (fixed number).")
    ] = "growing",
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            help="Folder. [default: runs/RECIPE-backtest, numbered if taken]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Overwrite = False,
    engine: Engine = "native",
    threads: Threads = 0,
    parallel: Parallel = "",
    settings: Settings = None,
    no_baselines: NoBaselines = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Refit on each fold and evaluate next to the baselines.

    Series: the later half is split into K consecutive test folds, each forecast by a model fitted on the rows before
    it (rolling origin). Texts and sequences: stratified K-fold cross-validation.
    """
    from seqconv.cli import progress
    from seqconv.training import backtest as backtests
    from seqconv.training.folder import Options
    from seqconv.training.parallel import spread

    options = Options(out, engine, threads, baselines=not no_baselines, overwrite=overwrite)
    with progress.listen(quiet or json, verbose) as listener, console.interruptible(), spread(parallel):
        suggested = console.suggest(source, flags, network, data, settings)
        run = backtests.backtest(suggested.recipe, folds, window, options, listener, suggested.data, suggested.notes)
    if json:
        print_json(run.results.to_dict())
    elif not quiet:
        _print_backtest(run.results)


def _print_backtest(results: "BacktestResults") -> None:
    from seqconv.reports.sentences import explain_folds

    print_text(f"\n{results.verdict}\n")
    print_rows(*backtest_rows(results))
    print_rows(*fold_rows(results))
    print_text(f"{explain_folds(results)}\n")
    print(f"report: {results.run}/report.html")


@command("seqconv compare runs/reviews runs/reviews-2", "seqconv compare runs/ridge runs/weather -o comparison.html")
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders, two or more.", show_default=False)],
    out: Page = None,
    json: Json = False,
) -> None:
    """Compare finished runs on the same test rows.

    Each run is compared with the first. Classification: error rate and log loss; forecasts: MAE. Differences are
    paired, with 95 % confidence intervals.
    """
    from seqconv.reports.comparison import build_comparison_page
    from seqconv.reports.sentences import explain_comparison, say_compared_trained, say_comparison
    from seqconv.training.comparison import compare_runs

    page_path = place_page(out, "comparison.html")
    results = compare_runs(list(runs))
    page = write_asked_page(page_path, lambda: build_comparison_page(results))
    if json:
        print_json(results.to_dict() | page)
        return
    print_text(f"{say_comparison(results)}\n")
    if warning := say_compared_trained(results):
        print_text(f"{warning}\n")
    for name in results.metrics:
        print_rows(*comparison_rows(results, name))
    print_text(explain_comparison(results))
    for path in page.values():
        print(f"\npage: {path}")


def place_page(out: Path | None, name: str) -> Path | None:
    """Where the page goes that is asked for."""
    return out / name if out is not None and out.suffix not in (".html", ".htm") else out


def write_asked_page(path: Path | None, page: Callable[[], str]) -> dict[str, str]:
    """The page's path under `page`, or nothing where none was asked for."""
    if path is None:
        return {}
    from seqconv.reports.page import write_page

    write_page(path, page())
    return {"page": str(path)}


def _print_evaluation(results: "EvaluationResults", whole: bool) -> None:
    from seqconv.metrics.class_scores import ClassScores
    from seqconv.metrics.panel_scores import PanelScores
    from seqconv.reports.sentences import explain_scores, say_better, say_trained_on
    from seqconv.tasks.kinds import TASKS

    rows = TASKS[results.task].noun
    scores, known = results.scores, results.trained_on
    for note in results.notes:
        print(f"data: {note}")
    if warning := say_trained_on(known):
        print_text(f"{warning}\n")
    print_rows(*metric_rows(scores.metrics, f"{results.source}: {scores.n:,} {rows}"))
    if known and known.metrics:
        print_rows(*metric_rows(known.metrics, f"not trained on: {known.checked - known.rows:,} {rows}"))
    print_text(f"{explain_scores(scores)}\n")
    most = None if whole else SHOWN
    if isinstance(scores, PanelScores):
        print_rows(*level_rows(scores))
        if scores.intervals:
            print_rows(*quantile_rows(scores.intervals))
        print_rows(*step_rows(scores), most)
        if scores.series > 1:
            print_text(f"{say_better(scores)} Those forecast worst:\n")
            print_rows(*worst_rows(scores), most)
    else:
        _print_classes(scores, most) if isinstance(scores, ClassScores) else _print_forecasts(scores, most)
    if results.order_probe:
        _print_probe(results.order_probe)


def _print_classes(scores: "ClassScores", most: int | None) -> None:
    head, rows = class_rows(scores)
    values = [place for place, name in enumerate(head) if name != "interval"]
    print_rows([head[place] for place in values], [[row[place] for place in values] for row in rows], most)
    if scores.curves:
        print_rows(*curve_rows(scores.curves), most)
    if scores.confusion and most is not None and len(scores.classes) > most:
        print(f"confusion of {len(scores.classes):,} classes: --all\n")
    elif scores.confusion:
        print_rows(*confusion_rows([each.class_ for each in scores.classes], scores.confusion))


def _print_forecasts(scores: "ForecastScores", most: int | None) -> None:
    from seqconv.reports.sentences import say_intervals, warn_of_intervals

    if scores.intervals:
        said = (say_intervals(scores.intervals, "truth"), warn_of_intervals(scores.intervals))
        print_text(f"{' '.join(filter(None, said))}\n")
        if not scores.intervals.single:
            print_rows(*quantile_rows(scores.intervals))
        if scores.intervals.leads:
            print_rows(*interval_rows(scores.intervals), most)
    if len(scores.targets) > 1:
        print_rows(*target_rows(scores.targets), most)
    if scores.leads:
        print_rows(*lead_rows(scores.leads), most)
    for head, rows in (hour_rows(scores.hours), month_rows(scores.months)):
        if len(rows) > 1:
            print_rows(head, rows, most)


def _print_probe(probe: "OrderProbe") -> None:
    rows = {"original": probe.as_is, "order of each input shuffled": probe.shuffled}
    print_rows(
        ["does order matter?", *probe.as_is], [[name, *map(show_number, row.values())] for name, row in rows.items()]
    )

"""Results as tables of text: a head and rows of cells, which pages and the command line both show."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the command line imports this module at its start
    from seqconv.metrics.bootstrap import Estimate
    from seqconv.metrics.class_scores import ClassScores
    from seqconv.metrics.forecast_scores import HourScores, IntervalScores, LeadScores, MonthScores, TargetScores
    from seqconv.metrics.panel_scores import PanelScores
    from seqconv.metrics.precision_recall import Curve
    from seqconv.tasks.compared import ComparisonResults
    from seqconv.tasks.results import BacktestResults, FoldResults, RunResults, UpdateResults
    from seqconv.tasks.tuned import TuneResults

Table = tuple[list[str], list[list[str]]]

NAMES = {
    "accuracy": "accuracy",
    "error_rate": "error rate",
    "f1": "F1, mean over examples",
    "f1_error": "1 - F1, mean over examples",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "auc": "AUC",
    "average_precision": "average precision",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "expected_calibration_error": "expected calibration error",
    "mae": "MAE",
    "rmse": "RMSE",
    "mase": "MASE",
    "sql": "scaled quantile loss",
    "pinball": "pinball loss",
    "wql": "WQL",
    "smape": "sMAPE, %",
    "rmsse": "RMSSE of the mean forecast",
    "r2": "R\u00b2",
    "skill_mean": "skill against the training mean",
    "mae_scaled": "MAE, in standard deviations",
    "skill_naive": "skill against the naive forecast",
    "skill_seasonal_naive": "skill against the seasonal naive forecast",
}

SHOWN = ("loss", "mae_scaled", "mse_scaled", "sql")  # next to the metric that people read first
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def show_number(value: float | str, among: float = 0.0) -> str:
    """Whole numbers with commas, others with four significant digits, but no more than four places; a text as it is.

    Args:
        among: the largest of the numbers that must have as many places.

    >>> [show_number(value) for value in (1096, 0.98925, 12.2839, 52756.2769, 0.03479, 0.0, 1.5e-13, 2e40)]
    ['1,096', '0.9892', '12.28', '52,756', '0.0348', '0.0000', '1.50e-13', '2.00e+40']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    size = max(abs(value), among)
    if 0 < size < 5e-5 or 1e15 <= size < math.inf:
        return f"{value:.2e}"
    places = 4 if size <= 1 or not math.isfinite(size) else max(3 - math.floor(math.log10(size)), 0)
    return f"{value:,.{places}f}"


def show_estimate(estimate: "Estimate") -> list[str]:
    """Value and interval as two cells; a dash stands for what is not defined."""
    value, low, high = vars(estimate).values()
    if not math.isfinite(value):
        return ["-", "-"]
    known = math.isfinite(low) and math.isfinite(high)
    largest = max(map(abs, (value, low, high) if known else (value,)))
    span = f"{show_number(low, largest)} to {show_number(high, largest)}" if known else "too few rows"
    return [show_number(value, largest), span]


# One model


def metric_rows(metrics: "dict[str, Estimate]", title: str = "score") -> Table:
    """Every score with its interval, under a title."""
    return [title, "value", "95 % interval"], [[NAMES[name], *show_estimate(each)] for name, each in metrics.items()]


def class_rows(scores: "ClassScores") -> Table:
    """Precision, recall and F1 of each class, with their intervals."""
    rows = [
        [
            each.class_,
            f"{each.support:,}",
            *(cell for one in (each.precision, each.recall, each.f1) for cell in show_estimate(one)),
        ]
        for each in scores.classes
    ]
    return ["class", "examples", "precision", "interval", "recall", "interval", "F1", "interval"], rows


def curve_rows(curves: "list[Curve]") -> Table:
    """Precision and recall of each class at its threshold, and the area under the curve."""
    rows = [
        [
            each.class_,
            *map(show_number, (each.chosen.threshold, each.chosen.precision, each.chosen.recall)),
            show_number(each.average_precision),
        ]
        for each in curves
    ]
    return ["class", "threshold", "precision", "recall", "average precision"], rows


def confusion_rows(classes: list[str], confusion: list[list[int]], title: str = "examples") -> Table:
    """A row for each true class, a column for each predicted one."""
    rows = [
        [f"actual {name}", *(f"{count:,}" for count in counts)] for name, counts in zip(classes, confusion, strict=True)
    ]
    return [title, *(f"predicted {name}" for name in classes)], rows


def target_rows(targets: "list[TargetScores]") -> Table:
    """The scores of each target, with their intervals."""
    rows = [
        [each.target, *(cell for one in (each.mae, each.rmse, each.mase) for cell in show_estimate(one))]
        for each in targets
    ]
    return ["target", *(cell for name in ("mae", "rmse", "mase") for cell in (NAMES[name], "interval"))], rows


def naive_errors(leads: "list[LeadScores]") -> dict[str, list[float]]:
    """MAE of the naive forecasts at each lead, by name."""
    found = {"naive": [each.mae_naive for each in leads]}
    seasonal = [each.mae_seasonal_naive for each in leads if each.mae_seasonal_naive is not None]
    return found | {"seasonal naive": seasonal} if seasonal else found


def lead_rows(leads: "list[LeadScores]") -> Table:
    """MAE at each lead, and that of the naive forecasts."""
    naive = naive_errors(leads)
    rows = [
        [each.lead, show_number(each.mae.value), *(show_number(errors[place]) for errors in naive.values())]
        for place, each in enumerate(leads)
    ]
    return ["lead", NAMES["mae"], *(f"MAE of {name}" for name in naive)], rows


def hour_rows(hours: "list[HourScores]") -> Table:
    """MAE by hour of the day."""
    rows = [[f"{each.hour:02d}", f"{each.n:,}", show_number(each.mae)] for each in hours]
    return ["hour of day", "forecasts", NAMES["mae"]], rows


def month_rows(months: "list[MonthScores]") -> Table:
    """MAE by month."""
    rows = [[MONTHS[each.month - 1], f"{each.n:,}", show_number(each.mae)] for each in months]
    return ["month", "forecasts", NAMES["mae"]], rows


def interval_rows(scores: "IntervalScores") -> Table:
    """What intervals hold at each lead, and how wide they are."""
    rows = []
    for each in scores.leads:
        held = each.coverage
        span = f"{100 * held.low:.1f} to {100 * held.high:.1f} %" if math.isfinite(held.low) else "too few rows"
        rows.append([each.lead, f"{100 * held.value:.1f} %", span, show_number(each.width)])
    return ["lead", f"covered by {100 * scores.nominal:g} % intervals", "95 % interval", "mean width"], rows


def quantile_rows(scores: "IntervalScores") -> Table:
    """What lies below each quantile, how far it is from the point forecast, and its loss."""
    rows = []
    for each in scores.quantiles or ():
        held = each.coverage
        span = f"{100 * held.low:.1f} to {100 * held.high:.1f} %" if math.isfinite(held.low) else "too few rows"
        cells = f"{100 * held.value:.1f} %", span, show_number(each.width), show_number(each.pinball)
        rows.append([f"{each.level:g}", *cells])
    return ["quantile", "truth at or below", "95 % interval", "from the point forecast", "pinball loss"], rows


def level_rows(scores: "PanelScores") -> Table:
    """What the central intervals hold, and how wide they are."""
    rows = []
    for each in scores.levels:
        held = each.coverage
        span = f"{100 * held.low:.1f} to {100 * held.high:.1f} %" if math.isfinite(held.low) else "too few rows"
        rows.append([f"{100 * each.level:.0f} %", f"{100 * held.value:.1f} %", span, f"{each.width:.4g}"])
    return ["interval", "covered", "95 % interval", "mean width"], rows


def step_rows(scores: "PanelScores") -> Table:
    """MASE at each step of the horizon, and that of the seasonal naive forecast."""
    rows = [[str(each.step), show_number(each.mase), show_number(each.mase_seasonal_naive)] for each in scores.steps]
    return ["step", "MASE", "seasonal naive"], rows


def worst_rows(scores: "PanelScores") -> Table:
    """The series that are forecast worst."""
    rows = [
        [each.id, f"{each.n:,}", *map(show_number, (each.mase, each.mase_seasonal_naive, each.mae))]
        for each in scores.worst
    ]
    return ["series", "forecasts", "MASE", "seasonal naive", "MAE"], rows


# Several models


def score_rows(results: "RunResults") -> Table:
    """The metrics that training shows, and the one that models are judged by, of the baselines and, last, of the model
    of a run; `metrics.json` has them all."""
    shown = {*SHOWN, results.metric, _read_judged(results)}
    names = [name for name in results.test if name in shown]
    rows = []
    for each in results.list_models(results.model):
        cells = [show_number(part[name]) for name in names for part in (each.validation, each.test)]
        rows.append([each.name, *cells, f"{each.seconds:.1f}"])
    return ["model", *(f"{part} {name}" for name in names for part in ("validation", "test")), "seconds"], rows


def first_score_rows(results: "RunResults") -> Table:
    """The same of the metric that people read first; of several targets in standard deviations, for a mean over units
    would be that of the largest numbers."""
    name, title = _choose_first(results)
    rows = [
        [each.name, show_number(each.validation[name]), show_number(each.test[name]), f"{each.seconds:.1f}"]
        for each in results.list_models(f"{results.model} ({results.recipe})")
    ]
    return [title, "validation", "test", "seconds"], rows


def leaderboard_rows(results: "RunResults") -> tuple[Table, int]:
    """The same, the best on the test rows first, and which row is the model of the run."""
    from seqconv.metrics.errors import rank_metric

    name, title = _choose_first(results)
    models = results.list_models(results.model)
    own = models[-1]
    models.sort(key=lambda each: rank_metric(name, each.test[name]))
    rows = [
        [each.name, show_number(each.test[name]), show_number(each.validation[name]), f"{each.seconds:.1f}"]
        for each in models
    ]
    names = ["model", f"test {title}", "validation", "seconds"]
    if any(each.weight is not None for each in models):
        names.append("weight in the blend")
        for row, each in zip(rows, models, strict=True):
            row.append("" if each.weight is None else f"{each.weight:.0%}")
    return (names, rows), models.index(own)


def _read_judged(results: "RunResults") -> str:
    """The metric that models are judged by; empty: the usual one."""
    return str(results.settings.get("training", {}).get("metric", ""))


def _choose_first(results: "RunResults") -> tuple[str, str]:
    """Key and title of the score that people read first."""
    if (name := _read_judged(results)) and name != results.metric:
        return name, NAMES[name]
    if not results.targets:
        return results.metric, results.metric
    if len(results.targets) == 1:
        return results.metric, f"{NAMES[results.metric]}, {results.targets[0]}"
    return "mae_scaled", f"MAE of {len(results.targets)} columns, in standard deviations"


def split_rows(splits: dict[str, dict[str, Any]]) -> Table:
    """What each split holds; a table within it, such as the number of examples of each class, has a column an entry."""
    flat = [
        {
            inner: value
            for name, entry in facts.items()
            for inner, value in (entry.items() if isinstance(entry, dict) else [(name, entry)])
        }
        for facts in splits.values()
    ]
    names = list(dict.fromkeys(name for row in flat for name in row))
    cells = [[show_number(row[name]) if name in row else "-" for name in names] for row in flat]
    return ["split", *(name.replace("_", " ") for name in names)], [
        [split, *row] for split, row in zip(splits, cells, strict=True)
    ]


def backtest_rows(results: "BacktestResults") -> Table:
    """Network and baselines over all folds."""
    rows = [
        [row.name, *show_estimate(row.score), f"{show_number(row.fold_mean)} ± {show_number(row.fold_std)}"]
        for row in (results.network, *results.baselines)
    ]
    return ["model", NAMES[results.metric], "95 % interval", "mean of folds"], rows


def fold_rows(results: "BacktestResults") -> Table:
    """Each fold, what it was made of and its scores."""
    scored = (results.network, *results.baselines)
    rows = [
        [str(fold.fold), f"{fold.train_rows:,}", _tested(fold), *(show_number(row.by_fold[place]) for row in scored)]
        for place, fold in enumerate(results.folds)
    ]
    return ["fold", "trained on", "tested on", *(row.name for row in scored)], rows


def _tested(fold: "FoldResults") -> str:
    return f"{fold.from_[:10]} to {fold.to[:10]}" if fold.from_ and fold.to else f"{fold.test_rows:,}"


def trial_rows(results: "TuneResults") -> Table:
    """Each trial: the default, then in the order in which they were tried."""
    rows = []
    for each in results.trials:
        name = f"{each.number or 'default'}{', best' if each.number == results.best else ''}"
        score = show_number(each.validation[results.judged]) if each.validation else each.state
        rows.append([name, score, f"{each.seconds:.1f}", each.values])
    return ["trial", f"validation {NAMES[results.judged]}", "seconds", "settings"], rows


def tuned_rows(results: "TuneResults") -> Table:
    """The first test score of the default and of the best."""
    tests = {"default": results.default_test, "best": results.best_test}
    rows = [[name, show_number(each[results.metric]), f"{each['n']:,}"] for name, each in tests.items()]
    return ["settings", NAMES[results.metric], "test rows"], rows


def comparison_rows(results: "ComparisonResults", name: str) -> Table:
    """One score of each run, and its difference to the first."""
    rows = []
    for run in results.runs:
        difference = show_estimate(run.differences[name]) if run.differences else ["", ""]
        rows.append([run.run, *show_estimate(run.metrics[name]), *difference])
    return [f"{NAMES[name]} (lower is better)", "test", "95 % interval", "difference", "95 % interval"], rows


def cost_rows(results: "ComparisonResults") -> Table:
    """What each run is and took."""
    rows = [[run.run, run.recipe, f"{run.parameters:,}", f"{run.seconds:.1f}", f"{run.n:,}"] for run in results.runs]
    return ["run", "recipe", "parameters", "seconds of training", "number of test rows"], rows


def change_rows(found: "UpdateResults") -> Table:
    """The first score before and after an update."""
    named = {"test rows of the old run": found.old, "newer rows held out": found.new}
    kept = [(name, each) for name, each in named.items() if each]
    rows = [[name, f"{each.n:,}", show_number(each.before), show_number(each.after)] for name, each in kept]
    return [NAMES[found.metric], "rows", "before", "after"], rows

"""Results in plain words, which pages and the command line both print."""

import numpy as np

from seqconv.data.records import count
from seqconv.metrics.class_scores import CalibrationChange, ClassScores
from seqconv.metrics.forecast_scores import ForecastScores, IntervalScores
from seqconv.metrics.panel_scores import PanelScores
from seqconv.reports.tables import show_number
from seqconv.tasks.compared import ComparisonResults
from seqconv.tasks.drift import say_drift
from seqconv.tasks.results import BacktestResults, TrainedOn, UpdateResults
from seqconv.tasks.tuned import COMPLETE, FAILED, PRUNED, TuneResults


def say_intervals(found: IntervalScores, rows: str = "test rows") -> str:
    """What intervals hold, in a sentence.

    >>> from seqconv.metrics.bootstrap import Estimate
    >>> from seqconv.metrics.forecast_scores import Coverage
    >>> before = Coverage(Estimate(0.75, 0.73, 0.77), 2.0)
    >>> say_intervals(IntervalScores(0.8, Estimate(0.79, 0.77, 0.805), 2.25, before, []))
    'The 80 % intervals covered 79.0 % of the test rows (95 % interval 77.0 to 80.5 %); average width 2.250.'
    """
    held = found.coverage
    known = np.isfinite(held.low)
    span = f"95 % interval {100 * held.low:.1f} to {100 * held.high:.1f} %" if known else "too few for an interval"
    covered = f"The {100 * found.nominal:g} % intervals covered {100 * held.value:.1f} % of the {rows} ({span})"
    return f"{covered}; average width {show_number(found.width)}."


def warn_of_intervals(found: IntervalScores | None) -> str:
    """That intervals cover less than they should by more than noise, in a sentence; empty: they do not."""
    if found is None or not found.coverage.high < found.nominal:  # NaN: not known
        return ""
    covered = f"{100 * found.coverage.value:.0f} %"
    return f"The {100 * found.nominal:g} % intervals covered only {covered}: do not rely on them."


def say_calibration(found: CalibrationChange) -> str:
    """How far probabilities are from the fraction that is right, in a sentence.

    >>> say_calibration(CalibrationChange(0.093, 0.0303, "temperature scaling"))
    'Expected calibration error on the test rows: 0.0303; without temperature scaling 0.0930.'
    """
    before = f"without {found.without} {show_number(found.before)}"
    return f"Expected calibration error on the test rows: {show_number(found.after)}; {before}."


def say_trained_on(found: TrainedOn | None) -> str:
    """Which of the scored rows the model was trained on, in a sentence; empty: none of them.

    >>> say_trained_on(TrainedOn(5452, 5452, 5452))
    '5,452 of 5,452 rows were trained on: this score is no test.'
    """
    if found is None or not found.rows:
        return ""
    some = "" if found.checked == found.n else " that could be checked"
    rest = " The score on the others is below." if found.metrics else ""
    return f"{found.rows:,} of {found.checked:,} rows{some} were trained on: this score is no test.{rest}"


def say_better(scores: PanelScores) -> str:
    """How many series are forecast better than by the seasonal naive forecast, in a sentence."""
    fraction = f"{100 * scores.better:.0f} % of {scores.series:,} series"
    return f"{fraction} are forecast better than by the seasonal naive forecast."


def explain_scores(scores: ClassScores | ForecastScores | PanelScores) -> str:
    """How intervals and scores come about."""
    if isinstance(scores, ClassScores):
        bins = scores.calibration.bins
        return f"Bootstrap intervals over examples. Calibration error over {bins} equal-width bins of confidence."
    if isinstance(scores, PanelScores):
        return (
            "Bootstrap intervals over forecasts. MASE divides by the error of the seasonal naive forecast in the rows "
            "before; WQL is the quantile loss at 0.1, ... 0.9 by the sum of the sizes."
        )
    block, scale = scores.block, scores.mase_scale
    if scale is None:
        return "Bootstrap intervals over examples. Skill: how much smaller the MAE is than that of the training mean."
    several = " MAE, RMSE and MASE are means over the targets, each in its own unit." if len(scores.targets) > 1 else ""
    return (
        f"Bootstrap intervals over {block.blocks:,} blocks of {block.windows:,} neighbouring windows. MASE "
        f"divides by the error of the naive forecast {scale.season} ahead on the {scale.rows} rows.{several}"
    )


def say_update(found: UpdateResults) -> str:
    """How a model was updated, and what it has learned, in sentences.

    >>> say_update(UpdateResults(model="m", file="f", refit=True, metric="f1", classes=["x"], says="refit"))
    'Update of m: refit. New class: x. No row to compare on: neither of the old test rows nor newer ones held out.'
    """
    new = f" New class{'es' if found.classes[1:] else ''}: {', '.join(found.classes)}." if found.classes else ""
    none = " No row to compare on: neither of the old test rows nor newer ones held out."
    drift = f" {say_drift(found.variables, [])}" if found.variables else ""
    return f"Update of {found.model}: {found.says}.{new}{'' if found.old or found.new else none}{drift}"


def explain_folds(results: BacktestResults) -> str:
    """How a backtest was done."""
    if not results.targets or not any(fold.from_ for fold in results.folds):
        return "Stratified folds, each tested once by a model and baselines fitted on the others."
    kept = "all rows before" if results.window == "growing" else "as many rows before as the first fold"
    unit = f" The unit is that of {', '.join(results.targets)}." if results.metric == "mae" else ""
    return f"Rolling origin: each stretch is forecast by a model and baselines fitted on {kept}.{unit}"


def explain_trials(results: TuneResults) -> str:
    """How a search was done."""
    counts = {state: sum(each.state == state for each in results.trials) for state in (COMPLETE, PRUNED, FAILED)}
    return (
        f"Of {count(len(results.trials), 'trial')} {counts[COMPLETE]} ran to the end, {counts[PRUNED]} ended early and "
        f"{counts[FAILED]} failed. Each was fitted to the training rows and judged on the validation rows; one that "
        "fell behind the others after part of its epochs, or had no time left, was ended. The best and the default "
        "alone were then judged on the test rows."
    )


def say_comparison(results: ComparisonResults) -> str:
    """One sentence: which runs are clearly better or worse than the first; no claim where an interval covers zero."""
    parts = []
    for run in results.runs[1:]:
        found = (run.differences or {})[results.metrics[0]]
        said = "better" if found.high < 0 else "worse" if found.low > 0 else "no clear difference"
        said = "the same error" if found.low == found.high == 0 else said
        parts.append(f"{run.run} {f'gives the same answers to all {results.n:,}' if run.same else said}")
    return f"Against {results.against}: {', '.join(parts)}"


def say_compared_trained(results: ComparisonResults) -> str:
    """Which runs were trained on some of the test rows, in a sentence; empty: none."""
    found = [(run.run, run.trained_on) for run in results.runs if run.trained_on and run.trained_on.rows]
    if not found:
        return ""
    parts = [f"{name} was trained on {each.rows:,} of the {each.n:,} test rows" for name, each in found]
    rest = found[0][1].n - results.n
    end = f"{rest:,} are left out here" if rest else "there are no others, so this comparison is no test"
    return f"{', '.join(parts)}; {end}."


def explain_comparison(results: ComparisonResults) -> str:
    """What was compared and how."""
    blocked = results.block.rows > 1  # neighbouring windows resemble each other
    kind = "windows" if blocked else "examples"
    blocks = f", in {results.block.blocks:,} blocks of neighbours" if blocked else ""
    left = max(run.n for run in results.runs) - results.n
    rest = f" Windows that not every run has are left out, at most {left:,} of a run." if left else ""
    return f"{results.n:,} test {kind}, the same of every run; paired bootstrap intervals{blocks}.{rest}"

"""The pages of the commands that judge: of an evaluation, a backtest and a comparison of runs."""

from html import escape
from typing import Any

import numpy as np

from seqconv import plots
from seqconv.evaluation import interval_rows, say_intervals
from seqconv.page import build_lead, build_page, draw_facts, draw_table, show_number

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAMES = {
    "accuracy": "accuracy",
    "error_rate": "error rate",
    "f1": "F1, mean over examples",
    "f1_error": "1 - F1, mean over examples",
    "log_loss": "log loss",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "expected_calibration_error": "expected calibration error",
    "mae": "MAE",
    "rmse": "RMSE",
    "mase": "MASE",
    "mae_scaled": "MAE, in standard deviations",
    "skill_naive": "skill against the naive forecast",
    "skill_seasonal_naive": "skill against the seasonal naive forecast",
}


def show_estimate(estimate: dict[str, float | None]) -> list[str]:
    """Value and interval as two cells; a dash stands for what is not defined."""
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    known = low is not None and high is not None
    ends = f"{_show(low)} to {_show(high)}" if known else "too few rows" if value is not None else "-"
    return [_show(value), ends]


def _show(value: float | None) -> str:
    return "-" if value is None else show_number(float(value))


def _note(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>'


def _pair(*pictures: str) -> str:
    return f'<div class="pair">{"".join(pictures)}</div>'


# Evaluation


def build_evaluation_page(results: dict[str, Any]) -> str:
    """Of what `assessment.evaluate` gives."""
    first = next(iter(results["metrics"]))
    value, ends = show_estimate(results["metrics"][first])
    headline = f"{NAMES[first]} {value} ({ends}) on {results['n']:,} examples"
    lead = build_lead(results["model"], headline, f"Data: {results['source']}")
    sections = [("Scores", _metrics(results))]
    sections += _forecast_sections(results) if results["task"] == "series" else _class_sections(results)
    if results["notes"]:
        sections.append(("Data", draw_facts({"source": results["source"], "notes": results["notes"]})))
    return build_page(f"{results['model']}: {headline}", lead, sections)


def _metrics(results: dict[str, Any]) -> str:
    rows = [[NAMES[name], *show_estimate(each)] for name, each in results["metrics"].items()]
    return draw_table(["", "value", "95 % interval"], rows, own=0) + _note(explain_metrics(results))


def explain_metrics(results: dict[str, Any]) -> str:
    """How intervals and scores come about, in plain words."""
    if results["task"] != "series":
        bins = results["calibration"]["bins"]
        return f"Bootstrap intervals over examples. Calibration error over {bins} equal-width bins of confidence."
    block, scale = results["block"], results["mase_scale"]
    several = (
        " MAE, RMSE and MASE are means over the targets, each in its own unit." if len(results["targets"]) > 1 else ""
    )
    return (
        f"Bootstrap intervals over {block['blocks']:,} blocks of {block['windows']:,} neighbouring windows. MASE "
        f"divides by the error of the naive forecast {scale['season']} ahead on the {scale['rows']} rows.{several}"
    )


def _class_sections(results: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        [each["class"], f"{each['support']:,}", *(cell for name in SCORED for cell in show_estimate(each[name]))]
        for each in results["classes"]
    ]
    head = ["class", "examples", *(cell for name in SCORED for cell in (name.replace("f1", "F1"), "interval"))]
    filled = results["calibration"]["filled"]
    picture = plots.draw_reliability(
        [each["confidence"] for each in filled],
        [_bounds(each["right"]) for each in filled],
        [each["n"] for each in filled],
    )
    note = "On the dashed line answers are right as often as their confidence says; bars: how many answers."
    sections = [("Each class", draw_table(head, rows)), ("Calibration", _pair(picture) + _note(note))]
    if "confusion" in results:
        sections.append(("Confusion", draw_table(*confusion_rows(results))))
    return sections


SCORED = ("precision", "recall", "f1")


def confusion_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the confusion matrix: a row for each true class."""
    names = [each["class"] for each in results["classes"]]
    rows = [
        [f"is {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, results["confusion"], strict=True)
    ]
    return ["examples", *(f"said {name}" for name in names)], rows


def _bounds(estimate: dict[str, float | None]) -> tuple[float, float, float]:
    value, low, high = (np.nan if each is None else each for each in estimate.values())
    return value, low, high


def _forecast_sections(results: dict[str, Any]) -> list[tuple[str, str]]:
    hours, months, leads = results["hours"], results["months"], results["leads"]
    sections = []
    if "intervals" in results:
        held = _note(say_intervals(results["intervals"], "truth"))
        sections.append(("Intervals", held + draw_table(*interval_rows(results["intervals"]))))
    clock = [
        plots.draw_lines([str(each["hour"]) for each in hours], {"MAE": _maes(hours)}, "hour of day", "MAE"),
        plots.draw_lines([MONTHS[each["month"] - 1] for each in months], {"MAE": _maes(months)}, "month", "MAE"),
    ]
    note = "By the time that is forecast, as clocks in the time zone of the series show it."
    sections.append(("When it errs", _pair(*clock) + _note(note)))
    if len(leads) > 1:
        others = [name for name in leads[0] if name.startswith("mae_")]
        lines = {"network": [each["mae"]["value"] for each in leads]}
        lines |= {name[4:].replace("_", " "): [each[name] for each in leads] for name in others}
        picture = plots.draw_lines([each["lead"] for each in leads], lines, "lead", "MAE")
        sections.append(("Each lead", _pair(picture)))
    if len(results["targets"]) > 1:
        sections.append(("Each target", draw_table(*target_rows(results))))
    return sections


def target_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the scores of each target."""
    names = ("mae", "rmse", "mase")
    rows = [
        [each["target"], *(cell for name in names for cell in show_estimate(each[name]))] for each in results["targets"]
    ]
    return ["target", *(cell for name in names for cell in (NAMES[name], "interval"))], rows


def _maes(rows: list[dict[str, Any]]) -> list[float]:
    return [row["mae"] for row in rows]


# Backtest


def build_backtest_page(results: dict[str, Any]) -> str:
    """Of what `backtests.backtest` writes."""
    tone = {True: "good", False: "bad"}.get(results["beats_baselines"], "")
    below = f"{results['recipe']}: {len(results['folds'])} folds, {results['n']:,} test examples in all."
    lead = build_lead("Backtest", results["verdict"], below, tone)
    places = [str(fold["fold"]) for fold in results["folds"]]
    metric = NAMES[results["metric"]]
    lines = {row["name"]: row["by_fold"] for row in (results["network"], *results["baselines"])}
    note = explain_folds(results)
    sections = [
        (f"All folds: {metric}", draw_table(*backtest_rows(results), own=0) + _note(note)),
        ("Beside the baselines", _comparisons(results)),
        (
            "Each fold",
            _pair(plots.draw_lines(places, lines, "fold", metric, from_zero=results["task"] == "series"))
            + draw_table(*fold_rows(results)),
        ),
        ("Settings", draw_facts(results["settings"])),
        ("Versions", draw_facts(results["versions"])),
    ]
    return build_page(f"{results['recipe']}, backtest: {results['verdict']}", lead, sections)


def backtest_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: network and baselines over all folds."""
    rows = [
        [row["name"], *show_estimate(row), f"{row['fold_mean']:.4f} ± {row['fold_std']:.4f}"]
        for row in (results["network"], *results["baselines"])
    ]
    return ["", NAMES[results["metric"]], "95 % interval", "mean of folds"], rows


def fold_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: each fold, what it was made of and its scores."""
    scored = (results["network"], *results["baselines"])
    rows = [
        [str(fold["fold"]), f"{fold['train_rows']:,}", _tested(fold), *(_show(row["by_fold"][place]) for row in scored)]
        for place, fold in enumerate(results["folds"])
    ]
    return ["fold", "trained on", "tested on", *(row["name"] for row in scored)], rows


def _tested(fold: dict[str, Any]) -> str:
    return f"{fold['from'][:10]} to {fold['to'][:10]}" if "from" in fold else f"{fold['test_rows']:,}"


def explain_folds(results: dict[str, Any]) -> str:
    """How a backtest was done, in plain words."""
    if results["task"] != "series":
        return "Stratified folds, each tested once by a network and baselines fitted on the others."
    kept = "all rows before" if results["window"] == "growing" else "as many rows before as the first fold"
    unit = f" The unit is that of {', '.join(results['targets'])}."
    return f"Rolling origin: each stretch is forecast by a network and baselines fitted on {kept}.{unit}"


def _comparisons(results: dict[str, Any]) -> str:
    found = results["comparisons"]
    bounds = [_bounds({key: one[key] for key in ("improvement", "low", "high")}) for one in found]
    return plots.draw_comparison([one["name"] for one in found], bounds) if found else ""


# Comparison


def build_comparison_page(results: dict[str, Any]) -> str:
    """Of what `comparisons.compare_runs` gives."""
    headline = say_comparison(results)
    lead = build_lead("Comparison", headline, explain_comparison(results))
    others = results["runs"][1:]
    bounds = [_bounds(run["improvement"]) for run in others]
    picture = plots.draw_comparison([run["run"] for run in others], bounds, results["against"])
    note = f"By how much the test {NAMES[results['metrics'][0]]} is smaller than that of {results['against']}."
    sections = [
        ("Test scores", "".join(draw_table(*comparison_rows(results, name)) for name in results["metrics"])),
        (f"Beside {results['against']}", picture + _note(note)),
        ("Runs", draw_table(*cost_rows(results))),
    ]
    return build_page(f"Comparison: {headline}", lead, sections)


def say_comparison(results: dict[str, Any]) -> str:
    """One sentence: which runs are clearly better or worse than the first; no claim where an interval covers zero."""
    metric, parts = results["metrics"][0], []
    for run in results["runs"][1:]:
        low, high = (run["differences"][metric][end] for end in ("low", "high"))
        unclear = low is None or low <= 0 <= high
        parts.append(f"{run['run']} {'no clear difference' if unclear else 'better' if high < 0 else 'worse'}")
    return f"Against {results['against']}: {', '.join(parts)}"


def explain_comparison(results: dict[str, Any]) -> str:
    """What was compared and how, in plain words."""
    kind = "examples" if results["task"] != "series" else "windows"
    blocks = f", in {results['block']['blocks']:,} blocks of neighbours" if results["task"] == "series" else ""
    left = max(run["n"] for run in results["runs"]) - results["n"]
    rest = f" Windows that not every run has are left out, at most {left:,} of a run." if left else ""
    return f"{results['n']:,} test {kind}, the same of every run; paired bootstrap intervals{blocks}.{rest}"


def comparison_rows(results: dict[str, Any], name: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows: one score of each run, and its difference to the first."""
    rows = []
    for run in results["runs"]:
        difference = show_estimate(run["differences"][name]) if "differences" in run else ["", ""]
        rows.append([run["run"], *show_estimate(run["metrics"][name]), *difference])
    return [NAMES[name], "test", "95 % interval", "difference", "95 % interval"], rows


def cost_rows(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what each run is and took."""
    rows = [
        [run["run"], run["recipe"], f"{run['parameters']:,}", f"{run['seconds']:.1f}", f"{run['n']:,}"]
        for run in results["runs"]
    ]
    return ["run", "recipe", "parameters", "seconds of training", "test rows of its own"], rows

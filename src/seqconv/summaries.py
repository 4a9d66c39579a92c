"""The pages of the commands that judge: of an evaluation, a backtest and a comparison of runs."""

from html import escape
from typing import Any

import numpy as np

from seqconv import plots
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
    return (
        f"Bootstrap intervals over {block['blocks']:,} blocks of {block['windows']:,} neighbouring windows. MASE "
        f"divides by the error of the naive forecast {scale['season']} ahead on the {scale['rows']} rows."
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
    clock = [
        plots.draw_lines([str(each["hour"]) for each in hours], {"MAE": _maes(hours)}, "hour of day", "MAE"),
        plots.draw_lines([MONTHS[each["month"] - 1] for each in months], {"MAE": _maes(months)}, "month", "MAE"),
    ]
    note = "By the time that is forecast, as clocks in the time zone of the series show it."
    sections = [("When it errs", _pair(*clock) + _note(note))]
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

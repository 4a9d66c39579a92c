"""The pages of the commands that judge: of an evaluation, a backtest and a comparison of runs."""

from typing import Any

from seqconv.reports.classes import _class_sections
from seqconv.reports.forecasts import _forecast_sections
from seqconv.reports.page import (
    NAMES,
    _note,
    build_lead,
    build_page,
    draw_facts,
    draw_table,
    show_estimate,
)

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

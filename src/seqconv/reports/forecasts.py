"""Sections, sentences and table rows about forecasts and their intervals."""

from html import escape
from typing import Any

import numpy as np

from seqconv.reports import plots
from seqconv.reports.page import NAMES, _note, _pair, draw_table, show_estimate


def say_intervals(found: dict[str, Any], rows: str = "test rows") -> str:
    """What `score_intervals` found, in a sentence.

    >>> coverage = {"value": 0.79, "low": 0.77, "high": 0.805}
    >>> before = {"coverage": {"value": 0.75, "low": 0.73, "high": 0.77}, "width": 2.0}
    >>> say_intervals({"share": 0.8, "coverage": coverage, "width": 2.25, "before_calibration": before})
    '80 % intervals hold 79.0 % of the test rows (77.0 to 80.5 %), 75.0 % before calibration; mean width 2.2500.'
    """
    coverage = found["coverage"]
    known = coverage["low"] is not None
    span = f"{100 * coverage['low']:.1f} to {100 * coverage['high']:.1f} %" if known else "too few rows for an interval"
    return (
        f"{100 * found['share']:g} % intervals hold {100 * coverage['value']:.1f} % of the {rows} ({span}), "
        f"{100 * found['before_calibration']['coverage']['value']:.1f} % before calibration; "
        f"mean width {found['width']:.4f}."
    )


def interval_rows(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of `score_intervals`: what intervals hold at each lead, and how wide they are."""
    rows = []
    for each in found["leads"]:
        value, low, high = each["coverage"].values()
        span = "too few rows" if low is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        rows.append([each["lead"], f"{100 * value:.1f} %", span, f"{each['width']:.4f}"])
    return ["lead", f"held by {100 * found['share']:g} % intervals", "95 % interval", "mean width"], rows


STRETCH = 14 * 86400  # seconds of the test set that the forecast picture shows


def _forecast(results: dict[str, Any], predictions: dict[str, np.ndarray]) -> str:
    times = predictions["times"]
    drawn = {name: values[:, 0, 0] for name, values in predictions.items() if name != "times"}
    middle = times[len(times) // 2]
    chosen = (times >= middle) & (times < middle + np.timedelta64(STRETCH, "s"))
    truth, forecast, *ends = (drawn[name][chosen] for name in ("targets", "outputs", "low", "high") if name in drawn)
    band = (ends[0], ends[1]) if ends else None
    picture = plots.draw_forecast(times[chosen], truth, forecast, results["targets"][0], band)
    first = " The first target at the first lead." if predictions["targets"][0].size > 1 else ""
    held = f" The band: {100 * results['intervals']['share']:g} % intervals." if band else ""
    return f'{picture}<p class="soft">Two weeks from the middle of the test set.{first}{held}</p>'


def _intervals(results: dict[str, Any]) -> str:
    if "intervals" not in results:
        return ""
    found = results["intervals"]
    fit = " of the first fit" if results["refit"] else ""
    note = f"Their margins come from the validation rows{fit}; what they hold of later rows is measured, not promised."
    leads = draw_table(*interval_rows(found)) if len(found["leads"]) > 1 else ""
    return f'<p>{escape(say_intervals(found))}</p>{leads}<p class="soft">{note}</p>'


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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

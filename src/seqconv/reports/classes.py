"""Sections and table rows about classes: confusion, calibration, scores by class."""

from typing import Any

from seqconv.reports import plots
from seqconv.reports.page import _bounds, _note, _pair, draw_table, show_estimate


def _confusion(results: dict[str, Any]) -> str:
    if "confusion" not in results:
        return ""
    classes = results["classes"]
    rows = [
        [f"is {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(classes, results["confusion"], strict=True)
    ]
    return draw_table(["test examples", *(f"said {name}" for name in classes)], rows)


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

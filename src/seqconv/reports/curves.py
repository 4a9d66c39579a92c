"""Precision and recall of classes on a page."""

from seqconv.metrics.precision_recall import Curve
from seqconv.reports import plots
from seqconv.reports.page import draw_note, draw_pictures, draw_table
from seqconv.reports.tables import curve_rows

MOST_CURVES = 6  # in one picture


def draw_precision_recall(curves: list[Curve]) -> str:
    """Precision against recall of each class, and the points that a model chooses."""
    shown = curves[:MOST_CURVES]
    lines = {
        each.class_: ([one.recall for one in each.points], [one.precision for one in each.points]) for each in shown
    }
    picture = plots.draw_curves(lines, {each.class_: (each.chosen.recall, each.chosen.precision) for each in shown})
    more = f" The first {MOST_CURVES} of {len(curves)} classes." if len(curves) > MOST_CURVES else ""
    note = f"A class is predicted where its probability is above its threshold, the diamond on its line.{more}"
    return draw_pictures(picture) + draw_table(*curve_rows(curves), "Precision and recall") + draw_note(note)

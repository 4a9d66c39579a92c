"""The page of a comparison of runs."""

import numpy as np

from seqconv.reports import plots
from seqconv.reports.page import build_lead, build_page, draw_note, draw_table
from seqconv.reports.sentences import explain_comparison, say_compared_trained, say_comparison
from seqconv.reports.tables import NAMES, comparison_rows, cost_rows
from seqconv.tasks.compared import ComparisonResults


def build_comparison_page(results: ComparisonResults) -> str:
    """The page of a comparison."""
    headline = say_comparison(results)
    lead = build_lead(
        "Comparison", headline, " ".join([say_compared_trained(results), explain_comparison(results)]).strip()
    )
    sections = [
        (
            "Test scores",
            "".join(draw_table(*comparison_rows(results, name), NAMES[name]) for name in results.metrics),
        ),
        (f"Compared with {results.against}", _draw_comparison(results)),
        ("Runs", draw_table(*cost_rows(results), "What each run is and took")),
    ]
    return build_page("Comparison of runs", lead, sections)


def _draw_comparison(results: ComparisonResults) -> str:
    """The improvements, of runs that have one: there is none over a run without errors."""
    found = {run.run: run.improvement for run in results.runs if run.improvement and np.isfinite(run.improvement.value)}
    if not found:
        return ""
    bounds = [(each.value, each.low, each.high) for each in found.values()]
    note = f"By how much the test {NAMES[results.metrics[0]]} is smaller than that of {results.against}."
    return plots.draw_comparison(list(found), bounds, results.against) + draw_note(note)

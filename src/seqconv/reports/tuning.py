"""The page of a search over settings."""

from seqconv.data.records import count
from seqconv.reports import plots
from seqconv.reports.page import (
    build_lead,
    build_page,
    draw_details,
    draw_facts,
    draw_note,
    draw_settings,
    draw_table,
)
from seqconv.reports.sentences import explain_trials
from seqconv.reports.tables import NAMES, trial_rows, tuned_rows
from seqconv.tasks.tuned import TuneResults


def build_tuning_page(results: TuneResults) -> str:
    """The page of a whole search."""
    tried = count(len(results.trials), "trial")
    below = f"{results.recipe}: {tried}, the default among them, in {results.seconds:.0f} s."
    lead = build_lead("Search over settings", results.verdict, below, "good" if results.beats_default else "")
    head, rows = trial_rows(results)
    found = results.improvement
    bounds = [] if found is None else [(found.value, found.low, found.high)]
    compared = plots.draw_comparison(["default"], bounds) if bounds else ""
    sections = [
        (f"Test rows: {NAMES[results.metric]}", draw_table(*tuned_rows(results), "Judged once, at the end") + compared),
        ("Trials", _draw_course(results) + draw_table(head, rows, "On the validation rows", own=_find_row(rows))),
        ("How it was done", draw_note(explain_trials(results))),
        ("Settings of the best", draw_settings(results.settings)),
        ("Versions", draw_details("Python, packages and machine", draw_facts(results.versions))),
    ]
    return build_page(f"{results.recipe}: search", lead, sections)


def _find_row(rows: list[list[str]]) -> int:
    return next((place for place, row in enumerate(rows) if row[0].endswith("best")), -1)


def _draw_course(results: TuneResults) -> str:
    """The validation score of each finished trial."""
    done = [each for each in results.trials if each.rank is not None]
    places = [str(each.number) for each in done]
    scores = [float(each.validation[results.judged]) for each in done]
    return plots.draw_lines(places, {"validation": scores}, "trial", NAMES[results.judged], from_zero=False)

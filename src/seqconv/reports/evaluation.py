"""The page of an evaluation."""

from seqconv.metrics.class_scores import ClassScores
from seqconv.metrics.forecast_scores import ForecastScores
from seqconv.metrics.panel_scores import PanelScores
from seqconv.reports import plots
from seqconv.reports.curves import draw_precision_recall
from seqconv.reports.page import (
    build_lead,
    build_page,
    draw_coverage,
    draw_details,
    draw_facts,
    draw_note,
    draw_pictures,
    draw_table,
)
from seqconv.reports.sentences import explain_scores, say_better, say_intervals, say_trained_on, warn_of_intervals
from seqconv.reports.tables import (
    MONTHS,
    NAMES,
    class_rows,
    confusion_rows,
    level_rows,
    metric_rows,
    naive_errors,
    show_estimate,
    step_rows,
    target_rows,
    worst_rows,
)
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.results import EvaluationResults

Sections = list[tuple[str, str]]
MOST_SERIES = 12  # that are not folded away


def build_evaluation_page(results: EvaluationResults) -> str:
    """The page of an evaluation."""
    scores = results.scores
    first, estimate = next(iter(scores.metrics.items()))
    value, span = show_estimate(estimate)
    headline = f"{NAMES[first]} {value} ({span}) on {scores.n:,} {TASKS[results.task].noun}."
    known = results.trained_on
    of_intervals = warn_of_intervals(scores.intervals) if isinstance(scores, ForecastScores) else ""
    warning = " ".join(filter(None, (say_trained_on(known), of_intervals)))
    lead = build_lead(results.model, headline, f"Data: {results.source}", warning=warning)
    table = draw_table(*metric_rows(scores.metrics), "Scores", own=0) + draw_note(explain_scores(scores))
    sections = [("Scores", table)]
    if known and known.metrics:
        unseen = f"The {known.checked - known.rows:,} rows not trained on"
        sections.append((unseen, draw_table(*metric_rows(known.metrics), "Scores of the rows not trained on", own=0)))
    if isinstance(scores, PanelScores):
        sections += _draw_panel(scores)
    else:
        sections += _draw_classes(scores) if isinstance(scores, ClassScores) else _draw_forecasts(scores)
    if results.notes:
        sections.append(("Data", draw_facts({"source": results.source, "notes": results.notes})))
    return build_page(f"{results.model}: evaluation", lead, sections)


def _draw_classes(scores: ClassScores) -> Sections:
    filled = scores.calibration.filled
    picture = plots.draw_reliability(
        [each.confidence for each in filled],
        [(each.right.value, each.right.low, each.right.high) for each in filled],
        [each.n for each in filled],
    )
    note = "On the dashed line, predictions are right as often as their confidence says; bars: number of predictions."
    sections = [
        ("Each class", draw_table(*class_rows(scores), "Scores of each class")),
        ("Calibration", draw_pictures(picture) + draw_note(note)),
    ]
    if scores.curves:
        sections.insert(1, ("Precision and recall", draw_precision_recall(scores.curves)))
    if scores.confusion:
        names = [each.class_ for each in scores.classes]
        sections.append(
            (
                "Confusion",
                draw_table(*confusion_rows(names, scores.confusion), "Examples by actual and predicted class"),
            )
        )
    return sections


def _draw_panel(scores: PanelScores) -> Sections:
    lines = {
        "model": [each.mase for each in scores.steps],
        "seasonal naive": [each.mase_seasonal_naive for each in scores.steps],
    }
    steps = draw_pictures(plots.draw_lines([str(each.step) for each in scores.steps], lines, "step", "MASE"))
    quantiles = draw_coverage(scores.intervals) if scores.intervals else ""
    sections = [
        ("Intervals", draw_table(*level_rows(scores), "What the intervals hold") + quantiles),
        (
            "Each step",
            steps + draw_details("Each step in numbers", draw_table(*step_rows(scores), "MASE of each step")),
        ),
    ]
    if scores.series > 1:
        head, rows = worst_rows(scores)
        title = "Each series, the worst first" if len(rows) == scores.series else f"The {len(rows):,} forecast worst"
        table = draw_table(head, rows[:MOST_SERIES], "Scores of a series")
        more = draw_details(f"{len(rows) - MOST_SERIES:,} more", draw_table(head, rows[MOST_SERIES:], "Further series"))
        sections.append((title, draw_note(say_better(scores)) + table + (more if rows[MOST_SERIES:] else "")))
    return sections


def _draw_forecasts(scores: ForecastScores) -> Sections:
    sections = []
    if scores.intervals:
        held = draw_note(say_intervals(scores.intervals, "truth"))
        sections.append(("Intervals", held + draw_coverage(scores.intervals)))
    clocks = {
        "hour of day": {str(each.hour): each.mae for each in scores.hours},
        "month": {MONTHS[each.month - 1]: each.mae for each in scores.months},
    }
    clock = [
        plots.draw_lines([*errors], {"MAE": [*errors.values()]}, name, "MAE")
        for name, errors in clocks.items()
        if len(errors) > 1  # rows a day apart are all of one hour
    ]
    note = "By the time that is forecast, in the time zone of the series."
    sections += [("Error by time", draw_pictures(*clock) + draw_note(note))] if clock else []
    if len(scores.leads) > 1:
        lines = {"network": [each.mae.value for each in scores.leads]} | naive_errors(scores.leads)
        picture = plots.draw_lines([each.lead for each in scores.leads], lines, "lead", "MAE")
        sections.append(("Each lead", draw_pictures(picture)))
    if len(scores.targets) > 1:
        sections.append(("Each target", draw_table(*target_rows(scores.targets), "Scores of each target")))
    return sections

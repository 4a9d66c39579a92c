"""The page of a backtest."""

from seqconv.metrics.comparison import tone
from seqconv.reports import plots
from seqconv.reports.page import (
    build_lead,
    build_page,
    draw_details,
    draw_facts,
    draw_note,
    draw_pictures,
    draw_settings,
    draw_table,
)
from seqconv.reports.sentences import explain_folds
from seqconv.reports.tables import NAMES, backtest_rows, fold_rows
from seqconv.tasks.results import BacktestResults


def build_backtest_page(results: BacktestResults) -> str:
    """The page of a whole backtest."""
    below = f"{results.recipe}: {len(results.folds)} folds, {results.n:,} test examples in all."
    lead = build_lead("Backtest", results.verdict, below, tone(results.comparisons))
    places = [str(fold.fold) for fold in results.folds]
    metric = NAMES[results.metric]
    lines = {row.name: row.by_fold for row in (results.network, *results.baselines)}
    picture = plots.draw_lines(places, lines, "fold", metric, from_zero=bool(results.targets))
    note = draw_note(explain_folds(results))
    bounds = [(each.improvement, each.low, each.high) for each in results.comparisons]
    names = [each.name for each in results.comparisons]
    sections = [
        (f"All folds: {metric}", draw_table(*backtest_rows(results), "Test scores over all folds", own=0) + note),
        ("Compared with the baselines", plots.draw_comparison(names, bounds) if names else ""),
        ("Each fold", draw_pictures(picture) + draw_table(*fold_rows(results), f"{metric} of each fold")),
        ("Settings", draw_settings(results.settings)),
        ("Versions", draw_details("Python, packages and machine", draw_facts(results.versions))),
    ]
    return build_page(f"{results.recipe}: backtest", lead, sections)

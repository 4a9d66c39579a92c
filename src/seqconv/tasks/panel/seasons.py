"""The season of a panel: that of its frequency, or, where rows are counted, one that the series show."""

import numpy as np

from seqconv.data.records import Panel
from seqconv.tasks.series.periods import find_periods

SAMPLED = 100  # series that are looked at
LONGEST = 400  # rows of a season


def choose_season(panel: Panel, ends: np.ndarray) -> int:
    """Rows of the shortest season that a usual series has twice; 1: there is none.

    Args:
        ends: of the training rows of each series, int64 `[S]`.
    """
    usual = int(np.median(panel.lengths))
    if panel.frequency.unit == "row":
        return _find_season(panel, ends)
    return next((each.rows for each in panel.frequency.seasons if 2 * each.rows <= usual), 1)


def describe_season(panel: Panel, season: int) -> list[str]:
    """A note on a season that has been found in the values."""
    found = panel.frequency.unit == "row" and season > 1
    return [f"season: {season} rows, a period that at least half of the series show (--set forecast.season)"] * found


def _find_season(panel: Panel, ends: np.ndarray) -> int:
    """The shortest period that half of the series show, in rows; 1: none."""
    some = np.unique(np.linspace(0, len(panel) - 1, min(SAMPLED, len(panel))).round().astype(np.int64))
    found = [
        {each.rows for each in find_periods(panel.values[panel.offsets[series] : ends[series]])} for series in some
    ]
    rows, counts = np.unique([each for periods in found for each in periods], return_counts=True)
    shown = rows[(2 * counts >= len(some)) & (rows <= LONGEST) & (rows > 1)]
    return int(shown.min()) if len(shown) else 1

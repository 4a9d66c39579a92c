"""What holes in the times and missing values cost a series, in words."""

from collections.abc import Callable, Mapping

import numpy as np

from seqconv.data.frequency import DAY_S, WEEKDAYS, count_weekdays
from seqconv.data.records import Series
from seqconv.recipes.durations import show_duration
from seqconv.tasks.series.features import SeriesFeatures


def describe_dropped(splits: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A note on the windows of each split that cross a hole in the times or hold a missing value; none if none does.

    >>> describe_dropped({"train": {"windows": 342, "dropped_at_holes": 969, "dropped_missing": 0}})
    ['windows left out: 969 of 1,311 train (at holes in the times)']
    """
    parts, holes, missing = [], 0, 0
    for name, found in splits.items():
        lost = found["dropped_at_holes"] + found["dropped_missing"]
        parts += [f"{lost:,} of {found['windows'] + lost:,}{name and ' ' + name}"] if lost else []
        holes, missing = holes + found["dropped_at_holes"], missing + found["dropped_missing"]
    if not parts:
        return []
    why = [text for text, some in (("at holes in the times", holes), ("with missing values", missing)) if some]
    return [f"windows left out: {', '.join(parts)} ({', '.join(why)})"]


def explain_newest(series: Series, features: SeriesFeatures, show: Callable[[int], str]) -> str:
    """Why no forecast can be made at the newest row; empty: one can.

    Args:
        series: at least the newest window, if there is one.
        show: names a row of it.
    """
    spec, rows = features.spec, len(series.times)
    first = rows - spec.span
    if first < 0:
        return f"its window takes {spec.span:,} rows; there are {rows:,}"
    jumps = np.flatnonzero(np.diff(series.times[first:]) != np.timedelta64(spec.interval_s, "s"))
    if len(jumps):
        before = first + int(jumps[-1])
        return f"its window must not cross a hole, and after {show(before)} comes {show(before + 1)}"
    missing = np.argwhere(np.isnan(series.values[first :: spec.step]))
    if len(missing):
        row, column = missing[-1].tolist()
        return f"{features.columns[column]!r} is missing at {show(first + row * spec.step)}, which its window reads"
    return ""


def explain_holes(series: Series, features: SeriesFeatures, rows: slice, dropped: Mapping[str, int]) -> str:
    """Why no window of these rows is whole, and what to do about it."""
    what, worst = describe_holes(series, features, rows, dropped)
    if not worst:
        doubled = " with --duplicates mean" if (np.diff(series.times[rows]) == np.timedelta64(0, "s")).any() else ""
        takes = f"Use --horizon{doubled}, which takes such rows, without --lead and --lookback"
        return f"{what}. {takes}, --time none, which counts them, or a shorter --lookback"
    cure = "Fill it in, or use --horizon, which takes such rows, without --lead and --lookback"
    return f"{what}. {cure if worst in features.targets else 'Leave it out with --inputs'}"


def describe_holes(
    series: Series, features: SeriesFeatures, rows: slice, dropped: Mapping[str, int]
) -> tuple[str, str]:
    """What breaks most windows of these rows, and the column that lacks values; empty: the times have holes."""
    if dropped["dropped_missing"] > dropped["dropped_at_holes"]:
        lacking = {name: np.isnan(series.values[rows, series.columns.index(name)]).mean() for name in features.columns}
        worst = max(lacking, key=lambda name: float(lacking[name]))
        return f"{worst!r} is missing in {lacking[worst]:.0%} of its rows", worst
    return _describe_times(series.times[rows], series.interval_s), ""


def _describe_times(times: np.ndarray, interval_s: int) -> str:
    steps = np.diff(times).astype(np.int64)
    absent = ""
    if interval_s == DAY_S and len(times):
        seen = count_weekdays(times.astype("datetime64[D]"))
        absent = " and ".join(f"{name}s" for name, some in zip(WEEKDAYS, seen, strict=True) if not some)
    if absent and len(times) > 7:
        return f"there are no rows on {absent}"
    if (steps == 0).any():
        return f"{int(np.sum(steps == 0)):,} of {len(steps):,} times repeat the one before"
    return f"{int(np.sum(steps != interval_s)):,} of {len(steps):,} time steps are not {show_duration(interval_s)}"

"""The rows of a newer file of the same series, added to those of an older one."""

from dataclasses import replace

import numpy as np

from seqconv.data.records import Panel, Series, find_ends, is_missing
from seqconv.errors import DataError


def append_series(series: Series, newer: Series) -> Series:
    """The rows before the first of the newer file, then its own.

    Raises:
        DataError: it has other columns or another interval.
    """
    if newer.interval_s != series.interval_s or set(newer.columns) != set(series.columns):
        raise DataError(
            f"{newer.source}: must have the columns and the interval of {series.source}; got {newer.columns} every "
            f"{newer.interval_s} s. Give rows of the same columns and interval"
        )
    values = newer.values[:, [newer.columns.index(name) for name in series.columns]]
    times, kept = newer.times, len(series.times)
    if series.clock == "counted":  # a file without times goes on where the other one ends
        times = times - times[0] + series.times[-1] + np.timedelta64(series.interval_s, "s")
    else:
        kept = int(np.searchsorted(series.times, times[0]))
    return replace(
        series,
        times=np.concatenate([series.times[:kept], times]),
        values=np.concatenate([series.values[:kept], values]),
        notes=(*series.notes, _describe(newer.source, len(times), len(series.times) - kept)),
    )


def append_panel(panel: Panel, newer: Panel) -> Panel:
    """The series of both, each on one grid; where both have a value, that of the newer file counts.

    Raises:
        DataError: it has other columns, or times that are not on the grid of the older one.
    """
    for name in {panel.target, *panel.columns} - {newer.target, *newer.columns}:
        raise DataError(f"{newer.source}: must have the column {name!r}, as {panel.source}; it does not. Add it")
    steps = _renumber(panel, newer)
    keys = tuple(dict.fromkeys((*panel.keys, *newer.keys)))
    place = {key: number for number, key in enumerate(keys)}
    first, last = np.full(len(keys), np.iinfo(np.int64).max), np.full(len(keys), np.iinfo(np.int64).min)
    rows = []
    for each, own in ((panel, panel.steps), (newer, steps)):
        series = np.array([place[key] for key in each.keys], np.int64)[each.series]
        np.minimum.at(first, series, own)
        np.maximum.at(last, series, own)
        rows.append((series, own))
    offsets = np.concatenate([[0], np.cumsum(last - first + 1)])
    at = [offsets[series] + own - first[series] for series, own in rows]
    values = _lay(panel.values, newer.values, at, int(offsets[-1]))
    columns = {name: _lay(own, newer.columns[name], at, int(offsets[-1])) for name, own in panel.columns.items()}
    both = len(np.intersect1d(*at))
    notes = (*panel.notes, _describe(newer.source, len(newer.values), both))
    ends = find_ends(values, offsets)
    found = replace(panel, keys=keys, offsets=offsets, starts=first, ends=ends, values=values, columns=columns)
    return replace(found, notes=notes)


def _renumber(panel: Panel, newer: Panel) -> np.ndarray:
    """The steps of the newer rows as the older panel numbers them, int64 `[T]`."""
    if (panel.frequency.unit == "row") != (newer.frequency.unit == "row"):
        raise DataError(f"{newer.source}: must have times where {panel.source} has them. Name the same columns")
    if panel.frequency.unit == "row":  # rows without times go on where those of their series end
        ends = dict(zip(panel.keys, (panel.starts + np.diff(panel.offsets)).tolist(), strict=True))
        first = np.array([ends.get(key, 0) for key in newer.keys], np.int64)
        return np.asarray(newer.steps - (newer.starts - first)[newer.series])
    times = newer.frequency.times(newer.steps)
    if not panel.frequency.fits(times).all():
        raise DataError(
            f"{newer.source}: must have a row every {panel.frequency.name}, at the times of {panel.source}; it has "
            "others. Give rows of the same frequency"
        )
    return panel.frequency.steps(times)


def _lay(older: np.ndarray, newer: np.ndarray, at: list[np.ndarray], rows: int) -> np.ndarray:
    """A column of both at their places `at`; missing values do not count."""
    text = object in (older.dtype, newer.dtype)
    found = np.full(rows, None, object) if text else np.full(rows, np.nan)
    for own, place in zip((older, newer), at, strict=True):
        known = ~is_missing(own)
        found[place[known]] = own[known].astype(str) if text and own.dtype != object else own[known]
    return found


def _describe(source: str, rows: int, both: int) -> str:
    known = f", {both:,} of them for times known before, whose values count" if both else ""
    return f"newer rows: {rows:,} of {source}{known}"

"""Lay the rows of series on the steps of their frequency: a row for each, also where the table has none or several."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from seqconv.data.frequency import Frequency
from seqconv.data.readers.tables import Table
from seqconv.data.records import Panel, count, find_ends, is_missing
from seqconv.errors import DataError

MOST_HOLES = 20  # steps of the grid for each row of the table, above which the frequency must be wrong
ROW = Frequency("row")


class Rows(NamedTuple):
    """The rows of a table in the order of series and time.

    Args:
        order: row of the table, int64 `[R]`.
        series, steps: of each, int64 `[R]`.
        keys: the values of the ids of each series, `[S]`; empty ones: it is the only series.
    """

    order: np.ndarray
    series: np.ndarray
    steps: np.ndarray
    keys: tuple[tuple[str, ...], ...]

    def name(self, place: int) -> str:
        """Such as ` of Berlin, 7`: the series of a row here; empty if it is the only one."""
        key = self.keys[self.series[place]]
        return f" of {', '.join(key)}" if key else ""

    def show_place(self, table: Table, place: int) -> str:
        """Where a row here is in the file, for people."""
        return table.place(int(self.order[place]))


def lay_rows(
    table: Table,
    rows: Rows,
    target: tuple[str, np.ndarray],
    others: Mapping[str, np.ndarray],
    static: Collection[str] = (),
    duplicates: str = "refuse",
    future: bool = False,
) -> Panel:
    """Lay rows on the grid of their frequency, without the ids and the frequency itself.

    Args:
        target: name and values, in the order of the table like those of the other columns.
        static: which of the others have one value in each series.
        duplicates: what to do with several rows of one series and time, see `PanelDataConfig`.
        future: rows after the newest value of a series must follow each other without a gap.

    Raises:
        DataError: rows that do not lie on a grid, or a static column that varies.
    """
    repeated = (np.diff(rows.series) == 0) & (np.diff(rows.steps) == 0)
    first = np.concatenate([[0], np.flatnonzero(~repeated) + 1])  # of each distinct step
    series, steps = rows.series[first], rows.steps[first]
    starts_at = np.searchsorted(series, np.arange(len(rows.keys)))
    ends_at = np.searchsorted(series, np.arange(len(rows.keys)), side="right") - 1
    lengths = steps[ends_at] - steps[starts_at] + 1
    if lengths.sum() > MOST_HOLES * len(rows.order) + 1000:
        longest = int(np.argmax(lengths - np.bincount(series, minlength=len(rows.keys))))
        raise DataError(
            f"{table.path}: most steps must have a row; {', '.join(rows.keys[longest]) or 'the series'} has "
            f"{count(int((series == longest).sum()), 'row')} on {lengths[longest]:,} steps. Pass --frequency"
        )
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = offsets[series] + steps - steps[starts_at][series]
    laid = {}
    for name, values in {target[0]: target[1], **others}.items():
        own = values[rows.order]
        if name in static:
            _check_static(table, rows, name, own)
        merged = _merge(own, first, "last" if name in static else duplicates)
        empty = np.full(int(offsets[-1]), np.nan if merged.dtype != object else None, merged.dtype)
        empty[at] = merged
        laid[name] = empty
    values = laid.pop(target[0])
    ends = find_ends(values, offsets)
    panel = Panel((), rows.keys, offsets, steps[starts_at], ends, ROW, target[0], values, laid, str(table.path))
    if future:
        _check_future(panel, at)
    # what comes before the first value of a series says nothing of it
    known = np.where(np.isnan(values), len(values), np.arange(len(values)))
    first = np.minimum.reduceat(known, offsets[:-1])
    return panel.take_rows(np.where(first < offsets[1:], first, offsets[:-1]), offsets[1:])


def _check_static(table: Table, rows: Rows, name: str, values: np.ndarray) -> None:
    """Check that a static column has one value in each series, besides missing ones; rows in the order of `rows`."""
    if values.dtype == object:
        known = ~is_missing(values)
        values = np.where(known, np.unique(np.where(known, values, "").astype(str), return_inverse=True)[1], np.nan)
    held = np.flatnonzero(~np.isnan(values))
    change = (np.diff(rows.series[held]) == 0) & (np.diff(values[held]) != 0)
    if change.any():
        place = int(held[int(np.argmax(change)) + 1])
        raise DataError(
            f"{rows.show_place(table, place)}: {name!r} must have one value in each series, as a static column; "
            f"it has another here{rows.name(place)}. Name it with --known or --past"
        )


def _check_future(panel: Panel, at: np.ndarray) -> None:
    """Check that the rows after the newest value of a series follow it step by step.

    Args:
        at: rows of the panel that the table has.
    """
    absent = np.ones(len(panel.values), bool)
    absent[at] = False
    absent &= panel.is_future
    if absent.any():
        place = int(np.argmax(absent))
        series = int(panel.series[place])
        what = panel.whose(series)
        raise DataError(
            f"{panel.source}: rows of the future must follow the newest value{what} without a gap; step "
            f"{place - panel.ends[series] + 1} after it has no row. Add it"
        )


def _merge(values: np.ndarray, first: np.ndarray, how: str) -> np.ndarray:
    """One value for each run of rows that begins at `first`."""
    if len(first) == len(values) or how in ("first", "refuse") or (values.dtype == object and how != "last"):
        return np.asarray(values[first])
    last = np.append(first[1:], len(values)) - 1
    if how == "last":
        return np.asarray(values[last])
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), first)
    number = np.add.reduceat(known.astype(np.int64), first)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / (number if how == "mean" else 1), np.nan)


def fill_values(panel: Panel, how: str) -> Panel:
    """The panel with the missing values of its target filled, up to the newest one of each series.

    Args:
        how: `previous`, `linear` (between its neighbours) or `zero`; `none` leaves it as it is.
    """
    if how == "none":
        return panel
    values = panel.values.copy()
    for first, last in zip(panel.offsets[:-1], panel.ends, strict=True):
        own = values[first:last]
        known = np.flatnonzero(~np.isnan(own))
        if len(known) == len(own) or not len(known):
            continue
        rows = np.arange(len(own))
        if how == "zero":
            own[np.isnan(own)] = 0.0
        elif how == "linear":
            own[:] = np.interp(rows, known, own[known])
        else:
            own[:] = own[known[np.maximum(np.searchsorted(known, rows, side="right") - 1, 0)]]
    filled = int((np.isnan(panel.values) & ~np.isnan(values)).sum())
    notes = [f"{count(filled, 'missing value')} of {panel.target!r} filled: {how}"] if filled else []
    return replace(panel, values=values, notes=(*panel.notes, *notes))

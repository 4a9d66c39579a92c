"""What models of a panel read: the histories of many series, and what is known of the rows to forecast."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class PanelRows:
    """Every row of a panel as models read it, S series one after the other.

    Whatever is derived from all rows is computed once, however many examples are taken of them.

    Args:
        values: to forecast, float64 `[T]`; NaN is missing.
        known: columns that are known of rows to forecast too, float32 `[T, K]`; NaN is missing.
        static: columns of one value for each series, float32 `[S, K]`; NaN is missing.
        past: columns that are known of the rows before an anchor alone, float32 `[T, K]`; NaN is missing.
        holidays, calendar: what the time of a row says, of each step from the earliest to the latest, float32 `[D, K]`.
        steps: number of each row's step, int64 `[T]`.
        offsets: where each series starts, and the end, int64 `[S + 1]`.
        keys: the values of the ids of each series, `[S]`; empty: not known.
    """

    values: np.ndarray
    known: np.ndarray
    static: np.ndarray
    past: np.ndarray
    holidays: np.ndarray
    calendar: np.ndarray
    steps: np.ndarray
    offsets: np.ndarray
    keys: tuple[tuple[str, ...], ...] = ()

    def show_keys(self, series: np.ndarray) -> list[str]:
        """The ids of these series, for people: `Berlin, 7`; empty where there are none."""
        return [", ".join(self.keys[each]) if self.keys else "" for each in series]

    @cached_property
    def first_step(self) -> int:
        """The step of the first row of `holidays` and `calendar`."""
        return int(self.steps.min(initial=0))

    @cached_property
    def filled(self) -> np.ndarray:
        """The values without holes, see `fill_forward`, float64 `[T]`."""
        return fill_forward(self.values, self.offsets)

    @cached_property
    def logged(self) -> "PanelRows":
        """The same with the logarithm of one plus each value, which must not be negative; those that are count as
        zero."""
        return replace(self, values=np.log1p(np.maximum(self.values, 0.0)))

    @cached_property
    def _sums(self) -> "dict[int, RunningSums]":
        return {}

    @cached_property
    def sum_squares(self) -> "RunningSums":
        """Running sums of the squared changes from row to row of a series."""
        return RunningSums.of(_find_changes(self.values, self.offsets, 1) ** 2, self.offsets)

    def sum_changes(self, lag: int) -> "RunningSums":
        """Running sums of the absolute changes over `lag` rows of a series; 0: of the absolute values."""
        if lag not in self._sums:
            self._sums[lag] = RunningSums.of(_find_changes(self.values, self.offsets, lag), self.offsets)
        return self._sums[lag]


@dataclass(frozen=True)
class RunningSums:
    """Sums from the first row to before each row; each series has a unit of its own: small values would be lost next to
    large ones.

    Args:
        sums: in these units, float64 `[T + 1]`.
        counts: of known values, int32 or int64 `[T + 1]`.
        units: float64 `[S]`.
    """

    sums: np.ndarray
    counts: np.ndarray
    units: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, offsets: np.ndarray) -> "RunningSums":
        """Of values `[T]` that are not negative; NaN is missing."""
        known = ~np.isnan(values)
        values = np.where(known, values, 0.0)
        peaks = np.maximum.reduceat(values, offsets[:-1])
        units = np.where(peaks > 0, peaks, 1.0)
        values /= np.repeat(units, np.diff(offsets))
        kind = np.int32 if len(values) < 2**31 else np.int64
        sums, counts = np.zeros(len(values) + 1), np.zeros(len(values) + 1, kind)
        np.cumsum(values, out=sums[1:])
        np.cumsum(known, out=counts[1:], dtype=kind)
        return cls(sums, counts, units)

    def average(self, inputs: "PanelInputs") -> np.ndarray:
        """Means before each anchor, `[N]`; NaN where no value is known or all are zero."""
        number, total = (each[inputs.anchors] - each[inputs.starts] for each in (self.counts, self.sums))
        with np.errstate(invalid="ignore", divide="ignore"):
            # a difference of running sums is zero but for rounding where all values of the range are
            some = (number > 0) & (total > 1e-13 * self.sums[inputs.anchors])
            return np.asarray(np.where(some, total / number * self.units[inputs.series], np.nan))


def _find_changes(values: np.ndarray, offsets: np.ndarray, lag: int) -> np.ndarray:
    if not lag:
        return np.asarray(np.abs(values))
    changes = np.full(len(values), np.nan)
    np.abs(values[lag:] - values[:-lag], out=changes[lag:])
    first = offsets[:-1, None] + np.arange(lag)  # the other row is of another series
    changes[first[first < offsets[1:, None]]] = np.nan
    return changes


def fill_forward(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Each missing value of `[T]` as the last one known before it in its series, or else the first one known after it;
    0 where a series has none."""
    missing = np.flatnonzero(np.isnan(values))
    if not len(missing):
        return values
    known = np.flatnonzero(~np.isnan(values))
    series = np.searchsorted(offsets, missing, side="right") - 1
    place = np.searchsorted(known, missing)
    rows = np.append(known, len(values))
    before, after = rows[place - 1] if len(known) else rows[place], rows[place]
    has_before = (place > 0) & (before >= offsets[series])
    has_after = after < offsets[series + 1]
    found = values.copy()
    found[missing] = 0.0
    found[missing[has_after]] = values[after[has_after]]
    found[missing[has_before]] = values[before[has_before]]
    return found


@dataclass(frozen=True, eq=False)
class PanelInputs:
    """Forecasts to make: example n knows series `series[n]` before row `anchors[n]`, its first row to forecast.

    Each series has rows for the whole horizon of each of its anchors.

    Args:
        rows: of all series.
        series, anchors: int64 `[N]` both.
        horizon: rows to forecast.
    """

    rows: PanelRows
    series: np.ndarray
    anchors: np.ndarray
    horizon: int
    _found: dict[str, np.ndarray] = field(init=False, repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows to forecast, known columns and past columns of one example."""
        rows = self.rows
        known = sum(each.shape[1] for each in (rows.known, rows.static, rows.holidays, rows.calendar))
        return self.horizon, known, rows.past.shape[1]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that identify these examples."""
        return self.rows.values, self.rows.known, self.rows.static, self.rows.past, self.anchors

    @property
    def starts(self) -> np.ndarray:
        """The first row of each example's series, int64 `[N]`."""
        return np.asarray(self.rows.offsets[self.series])

    @property
    def ahead(self) -> np.ndarray:
        """The rows to forecast, int64 `[N, H]`."""
        return np.asarray(self.anchors[:, None] + np.arange(self.horizon))

    @property
    def log_values(self) -> "PanelInputs":
        """The same examples of logarithms, see `PanelRows.logged`."""
        return replace(self, rows=self.rows.logged)

    def take(self, index: np.ndarray) -> "PanelInputs":
        """The examples at `index`."""
        return replace(self, series=self.series[index], anchors=self.anchors[index])

    def join(self, other: "PanelInputs") -> "PanelInputs":
        """These examples, followed by the others of the same series."""
        series, anchors = (
            np.concatenate([one, two]) for one, two in ((self.series, other.series), (self.anchors, other.anchors))
        )
        return replace(self, series=series, anchors=anchors)

    def once(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """An array of that name, computed when it is first asked for: local models fit these histories once, though
        they are judged alone and in a blend."""
        if name not in self._found:
            self._found[name] = compute()
        return self._found[name]

    def shuffle_order(self, random: np.random.Generator) -> "PanelInputs":
        """The same examples with the rows of each series before its first anchor in random order."""
        values = self.rows.values.copy()
        for series in np.unique(self.series):
            rows = slice(self.rows.offsets[series], self.anchors[self.series == series].min())
            values[rows] = random.permutation(values[rows])
        return replace(self, rows=replace(self.rows, values=values))


def blank_panel(horizon: int, widths: Mapping[str, int]) -> PanelInputs:
    """One forecast after one row of zeros.

    Args:
        widths: how many columns each table of `PanelRows` has, by its name.
    """
    count, one = 1 + horizon, np.ones(1, np.int64)
    tables: dict[str, Any] = {
        name: np.zeros((count if name != "static" else 1, width), np.float32) for name, width in widths.items()
    }
    rows = PanelRows(np.zeros(count), **tables, steps=np.arange(count), offsets=np.array([0, count]))
    return PanelInputs(rows, 0 * one, one, horizon)

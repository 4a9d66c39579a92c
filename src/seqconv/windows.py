"""Scaling a series and cutting it into windows by index arithmetic; no window is ever stored."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from seqconv.errors import ConfigError, DataError


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column, `[C]` float64, from training rows only."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, columns: tuple[str, ...]) -> Self:
        """From rows `[T, C]`; missing values (NaN) are left out.

        Raises:
            DataError: a column without a value in these rows, or always the same: it cannot be scaled.
        """
        count = np.sum(~np.isnan(values), axis=0)
        for column, known in zip(columns, count, strict=True):
            if known == 0:
                raise DataError(f"column {column!r}: must hold values in the training rows; got none. Leave it out")
        mean, std = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        for column, spread, centre in zip(columns, std, mean, strict=True):
            # a spread of rounding noise alone would be blown up to unit size
            if spread <= 1e-12 * max(abs(centre), 1.0):
                raise DataError(f"column {column!r}: must vary in the training rows; always {centre:g}. Leave it out")
        return cls(mean, std)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """(values - mean) / std, float32 `[T, C]`, row behind row; missing stays missing."""
        return np.ascontiguousarray((values - self.mean) / self.std, np.float32)


@dataclass(frozen=True)
class WindowSpec:
    """Which rows make one example, in rows of the series.

    Anchor `r` reads rows `r - lookback, r - lookback + step, ... < r` and forecasts row `r + delay`. The newest row
    read is `r - step`, so the true lead is `step + delay`.
    """

    lookback: int
    step: int
    delay: int
    interval_s: int

    @classmethod
    def from_durations(cls, lookback_s: int, step_s: int, delay_s: int, interval_s: int) -> Self:
        """From seconds and the series' sampling interval.

        Raises:
            ConfigError: not a whole number of rows, no row, or a lookback that is no whole number of steps.
        """
        rows = {}
        for name, seconds in {"lookback": lookback_s, "step": step_s, "delay": delay_s}.items():
            if seconds % interval_s:
                raise ConfigError(
                    f"windows.{name} must be a whole number of rows of {interval_s} s; got {seconds} s. "
                    f"Use {max(round(seconds / interval_s), 1) * interval_s} s, or another multiple"
                )
            rows[name] = seconds // interval_s
        for name in ("lookback", "step"):
            if rows[name] < 1:
                raise ConfigError(f"windows.{name} must be at least one row ({interval_s} s); got 0")
        if rows["lookback"] % rows["step"]:
            raise ConfigError(f"windows.lookback must be a whole number of steps of {step_s} s; got {lookback_s} s")
        return cls(rows["lookback"], rows["step"], rows["delay"], interval_s)

    @property
    def length(self) -> int:
        """Steps of one window."""
        return self.lookback // self.step

    @property
    def lead(self) -> int:
        """Rows from the newest input to the target."""
        return self.step + self.delay

    def anchors(self, first: int, last: int) -> np.ndarray:
        """Every anchor whose window and target lie in rows `[first, last)`, int64; empty if none fits."""
        return np.arange(first + self.lookback, last - self.delay, dtype=np.int64)

    def keep_whole(
        self, anchors: np.ndarray, times: np.ndarray, values: np.ndarray, target: int
    ) -> tuple[np.ndarray, int, int]:
        """The anchors whose window crosses no irregular time step and holds no missing value.

        Args:
            times: datetime64[s] `[T]`.
            values: `[T, C]`; NaN is missing.
            target: column whose value at the target row must be known.

        Returns:
            The anchors that stay; how many fell to a hole or doubled time stamp; how many more to a missing value.
        """
        irregular = np.concatenate([[0], np.cumsum(np.diff(times) != np.timedelta64(self.interval_s, "s"))])
        start, end = anchors - self.lookback, anchors + self.delay
        regular = irregular[end] == irregular[start]
        known = ~self.holds_missing(anchors, values) & ~np.isnan(values[end, target])
        return anchors[regular & known], int(np.sum(~regular)), int(np.sum(regular & ~known))

    def holds_missing(self, anchors: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Whether a row that a window reads holds a missing value (NaN), bool `[N]`, for rows `[T, C]`."""
        missing = np.isnan(values).any(axis=1).astype(np.int64)
        # rows of one window lie `step` apart, so missing rows are counted along each remainder of `step`
        padded = np.pad(missing, (0, -len(missing) % self.step)).reshape(-1, self.step)
        counted = np.cumsum(padded, axis=0).ravel()
        first = anchors - self.lookback
        return np.asarray(counted[anchors - self.step] - counted[first] + missing[first] > 0)

    def describe(self, times: np.ndarray, anchor: int) -> str:
        """One window in time stamps.

        >>> hours = np.datetime64("2014-04-21T10:00") + np.arange(400) * np.timedelta64(1, "h")
        >>> WindowSpec(240, 1, 24, 3600).describe(hours, 241)
        'first input 2014-04-21 11:00, last input 2014-05-01 10:00, target 2014-05-02 11:00, lead 25 h'
        """

        def stamp(row: int) -> str:
            return str(times[row].astype("datetime64[m]")).replace("T", " ")

        rows = {"first input": anchor - self.lookback, "last input": anchor - self.step, "target": anchor + self.delay}
        stamps = ", ".join(f"{name} {stamp(row)}" for name, row in rows.items())
        return f"{stamps}, lead {show_duration(self.lead * self.interval_s)}"


def show_duration(seconds: int) -> str:
    """Hours if whole, else minutes or seconds: `"25 h"`, `"10 min"`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds} s"


@dataclass(frozen=True)
class WindowInputs:
    """Windows over one array: example n has rows `anchors[n] - lookback, + step, ... < anchors[n]`.

    Args:
        values: scaled series `[T, C]` float32, shared by all splits.
        anchors: `[N]` int64.
        lookback, step: rows.
    """

    values: np.ndarray
    anchors: np.ndarray
    lookback: int
    step: int

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and channels of one example."""
        return self.lookback // self.step, self.values.shape[1]

    def take(self, index: np.ndarray) -> "WindowInputs":
        """The examples at `index`."""
        return WindowInputs(self.values, self.anchors[index], self.lookback, self.step)

    def gather(self, index: np.ndarray) -> np.ndarray:
        """The windows at `index`, `[B, L, C]` float32."""
        offsets = np.arange(-self.lookback, 0, self.step)
        return np.asarray(self.values[self.anchors[index][:, None] + offsets])

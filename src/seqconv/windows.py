"""Scaling a series and cutting it into windows by index arithmetic; no window is ever stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from seqconv.config import WindowConfig
from seqconv.errors import ConfigError, DataError
from seqconv.settings import parse_duration


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
        mean = np.asarray(np.nanmean(values, axis=0, dtype=np.float64))
        std = np.asarray(np.nanstd(values, axis=0, dtype=np.float64))
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

    Anchor `r` reads rows `r - lookback, r - lookback + step, ... < r` and forecasts rows `r + delay`, one for each of
    `delays`. The newest row read is `r - step`, so the true leads are `step + delay`.
    """

    lookback: int
    step: int
    delays: tuple[int, ...]
    interval_s: int

    @classmethod
    def from_config(cls, config: WindowConfig, interval_s: int) -> Self:
        """From a recipe's times and the series' sampling interval.

        Raises:
            ConfigError: not a whole number of rows, no row, or a lookback that is no whole number of steps.
        """

        def rows(name: str, text: str) -> int:
            seconds = parse_duration(text, f"windows.{name}")
            if seconds % interval_s:
                raise ConfigError(
                    f"windows.{name} must be a whole number of rows of {interval_s} s; got {seconds} s. "
                    f"Use {max(round(seconds / interval_s), 1) * interval_s} s, or another multiple"
                )
            if name != "delay" and not seconds:
                raise ConfigError(f"windows.{name} must be at least one row ({interval_s} s); got 0")
            return seconds // interval_s

        lookback, step = rows("lookback", config.lookback), rows("step", config.step)
        if lookback % step:
            raise ConfigError(
                f"windows.lookback must be a whole number of steps of {config.step}; got {config.lookback}"
            )
        if not config.leads:
            return cls(lookback, step, (rows("delay", config.delay),), interval_s)
        leads: list[int] = []
        for text in config.leads:
            ends = [rows("leads", end) for end in text.split(" to ", 1)]
            leads += range(ends[0], ends[-1] + 1)
        if not leads or sorted(set(leads)) != leads:
            raise ConfigError(f"windows.leads must rise; got {', '.join(config.leads)}. Sort them, each once")
        return cls(lookback, step, tuple(lead - step for lead in leads), interval_s)

    @property
    def length(self) -> int:
        """Steps of one window."""
        return self.lookback // self.step

    @property
    def span(self) -> int:
        """Rows from the first to the newest that a window reads."""
        return self.lookback - self.step + 1

    @property
    def leads(self) -> tuple[int, ...]:
        """Rows from the newest input to each target."""
        return tuple(self.step + delay for delay in self.delays)

    @property
    def reach(self) -> int:
        """Rows from the first input to the last target, both included."""
        return self.lookback + self.delays[-1] + 1

    def anchors(self, first: int, last: int, reach_back: bool = False) -> np.ndarray:
        """Every anchor whose window and targets lie in rows `[first, last)`, int64; empty if none fits.

        Args:
            reach_back: the window may begin before `first`; the targets may not.
        """
        begin = max(self.lookback, first - self.delays[0]) if reach_back else first + self.lookback
        return np.arange(begin, last - self.delays[-1], dtype=np.int64)

    def live_anchors(self, rows: int) -> np.ndarray:
        """Every anchor whose window lies in the first `rows` rows, whether its target has come yet or not, int64."""
        return np.arange(self.lookback, rows + self.step, dtype=np.int64)

    def target_rows(self, anchors: np.ndarray) -> np.ndarray:
        """Row of each target, int64 `[N, H]`."""
        return np.asarray(anchors[:, None] + np.array(self.delays))

    def keep_whole(
        self, anchors: np.ndarray, times: np.ndarray, values: np.ndarray, targets: Sequence[int]
    ) -> tuple[np.ndarray, int, int]:
        """The anchors whose window crosses no irregular time step and holds no missing value.

        Args:
            times: datetime64[s] `[T]`.
            values: `[T, C]`; NaN is missing.
            targets: columns whose values at the target rows must be known.

        Returns:
            The anchors that stay; how many fell to a hole or doubled time stamp; how many more to a missing value.
        """
        regular = ~self.crosses_hole(anchors, times, self.delays[-1])
        known = ~self.holds_missing(anchors, values)
        lacks_target = np.isnan(values[:, list(targets)]).any(axis=1)
        for delay in self.delays:
            known &= ~lacks_target[anchors + delay]
        return anchors[regular & known], int(np.sum(~regular)), int(np.sum(regular & ~known))

    def crosses_hole(self, anchors: np.ndarray, times: np.ndarray, delay: int | None = None) -> np.ndarray:
        """Whether a time step from a window's first row to row `anchor + delay` is irregular, bool `[N]`.

        Args:
            times: datetime64[s] `[T]`.
            delay: None: to the newest row that the window reads.
        """
        irregular = np.concatenate([[0], np.cumsum(np.diff(times) != np.timedelta64(self.interval_s, "s"))])
        last = anchors + (-self.step if delay is None else delay)
        return np.asarray(irregular[last] != irregular[anchors - self.lookback])

    def is_broken(self, anchors: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Whether what a window reads crosses a hole or holds a missing value, bool `[N]`; rows as for `keep_whole`."""
        return np.asarray(self.crosses_hole(anchors, times) | self.holds_missing(anchors, values))

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
        >>> WindowSpec(240, 1, (24,), 3600).describe(hours, 241)
        'first input 2014-04-21 11:00, last input 2014-05-01 10:00, target 2014-05-02 11:00, lead 25 h'
        """

        def stamp(row: int) -> str:
            return str(times[row].astype("datetime64[m]")).replace("T", " ")

        rows = {"first input": anchor - self.lookback, "last input": anchor - self.step}
        rows |= {"target": anchor + self.delays[0]}
        rows |= {"last target": anchor + self.delays[-1]} if len(self.delays) > 1 else {}
        stamps = ", ".join(f"{name} {stamp(row)}" for name, row in rows.items())
        return f"{stamps}, lead {self.show_leads()}"

    def show_leads(self) -> str:
        """The leads in time: `"25 h"`, `"1 h, 6 h"`, `"1 h to 96 h (96)"`."""
        shown = [show_duration(lead * self.interval_s) for lead in self.leads]
        return ", ".join(shown) if len(shown) <= 4 else f"{shown[0]} to {shown[-1]} ({len(shown)})"


def local_times(times: np.ndarray, zone: str) -> np.ndarray:
    """UTC stamps datetime64[s] `[T]` as clocks in `zone` show them; no zone: as they are.

    Raises:
        ConfigError: an unknown time zone.
    """
    if not zone:
        return times
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"data.zone must be a time zone such as Europe/Berlin; got {zone!r}") from error
    hours, place = np.unique(times.astype("datetime64[h]"), return_inverse=True)
    stamps = (datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(clock) for hour in hours.astype(np.int64))
    offsets = np.array([stamp.utcoffset() for stamp in stamps], "timedelta64[s]")
    return np.asarray(times + offsets[place])


def show_duration(seconds: int) -> str:
    """Hours if whole, else minutes or seconds: `"25 h"`, `"10 min"`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds} s"


@dataclass(frozen=True)
class WindowTargets:
    """Targets of windows over one array, `[N, outputs]` float32, gathered where they are indexed.

    Of long horizons and many columns they are far larger than the series: `targets[rows]` and `targets[rows, outputs]`
    give arrays, and so does numpy wherever it needs all of them.

    Args:
        values: scaled series `[T, C]` float32.
        anchors: `[N]` int64.
        delays: rows from the anchor to each target.
        columns: of the targets; output `h * len(columns) + c` is column c after delay h.
    """

    values: np.ndarray
    anchors: np.ndarray
    delays: tuple[int, ...]
    columns: tuple[int, ...]
    dtype = np.dtype(np.float32)
    ndim = 2

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int]:
        """Examples and outputs."""
        return len(self.anchors), len(self.delays) * len(self.columns)

    def take(self, index: np.ndarray) -> "WindowTargets":
        """The targets of the examples at `index`."""
        return WindowTargets(self.values, self.anchors[index], self.delays, self.columns)

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, outputs = key if isinstance(key, tuple) else (key, slice(None))
        late, column = np.divmod(np.arange(self.shape[1])[outputs], len(self.columns))
        at = self.anchors[rows][..., None] + np.array(self.delays)[late]
        return np.ascontiguousarray(self.values[at, np.array(self.columns)[column]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


Targets = np.ndarray | WindowTargets


@dataclass(frozen=True)
class WindowInputs:
    """Windows over one array: example n has rows `anchors[n] - lookback, + step, ... < anchors[n]`.

    Args:
        values: scaled series `[T, C]` float32, shared by all splits.
        anchors: `[N]` int64.
        lookback, step: rows.
        times: time stamps of the rows, datetime64 `[T]`; None: not known.
    """

    values: np.ndarray
    anchors: np.ndarray
    lookback: int
    step: int
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and channels of one example."""
        return self.lookback // self.step, self.values.shape[1]

    @cached_property
    def contiguous(self) -> "WindowInputs":
        """The same windows over a copy of the rows, sorted by their remainder by `step`: a window's follow one another.

        Raises:
            DataError: see `check_rows`.
        """
        if self.step == 1:
            return self
        self.check_rows()
        parts = [self.values[remainder :: self.step] for remainder in range(self.step)]
        begins = np.cumsum([0] + [len(part) for part in parts])
        first, steps = self.anchors - self.lookback, self.shape[0]
        anchors = begins[first % self.step] + first // self.step + steps
        return WindowInputs(np.concatenate(parts), anchors, steps, 1)

    def check_rows(self) -> None:
        """Every window lies in the series.

        Raises:
            DataError: one begins before the first row or ends after the last.
        """
        rows, newest = len(self.values), (self.shape[0] - 1) * self.step - self.lookback
        for anchor in (self.anchors.min(), self.anchors.max()) if len(self) else ():
            if anchor < self.lookback or anchor + newest >= rows:
                raise DataError(
                    f"windows: every row must be in [0, {rows}); got anchor {anchor} with lookback {self.lookback}"
                )

    def take(self, index: np.ndarray) -> "WindowInputs":
        """The examples at `index`."""
        return replace(self, anchors=self.anchors[index])

    def gather(self, index: np.ndarray) -> np.ndarray:
        """The windows at `index`, `[B, L, C]` float32."""
        offsets = np.arange(-self.lookback, 0, self.step)
        return np.asarray(self.values[self.anchors[index][:, None] + offsets])

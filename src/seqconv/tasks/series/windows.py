"""Cuts a series into windows by index arithmetic; no window is ever stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from seqconv.data.frequency import WEEK_S
from seqconv.errors import ConfigError, OptionError
from seqconv.recipes.durations import UNITS_S, parse_duration, show_duration, split_range, to_duration
from seqconv.recipes.examples import WindowConfig


@dataclass(frozen=True)
class WindowSpec:
    """Which rows make one example, in rows of the series.

    Anchor `r` reads rows `r - lookback, r - lookback + step, ... < r` and forecasts rows `r + delay`, one for each of
    `delays`. The newest row read is `r - step`, so the leads are `step + delay`.
    """

    lookback: int
    step: int
    delays: tuple[int, ...]
    interval_s: int

    @classmethod
    def from_config(cls, config: WindowConfig, interval_s: int) -> Self:
        """From a recipe's times and the series' sampling interval.

        Raises:
            OptionError: a duration of zero or no whole number of rows, a lookback of no whole number of steps, or leads
                that do not rise.
        """

        def rows(name: str, text: str) -> int:
            seconds = parse_duration(text, name)
            kind = ConfigError if "." in name else OptionError  # a setting without a flag
            if seconds % interval_s:
                near = to_duration(max(round(seconds / interval_s), 1) * interval_s)
                raise kind(
                    f"{name} must be a whole number of rows of {show_duration(interval_s)}; got {text}. Use {near}"
                )
            if kind is OptionError and not seconds:
                raise kind(f"{name} must be at least one row ({show_duration(interval_s)}); got {text}")
            return seconds // interval_s

        lookback, step = rows("lookback", config.lookback), rows("step", config.step)
        if lookback % step:
            raise OptionError(f"lookback must be a whole number of steps of {config.step}; got {config.lookback}")
        if not config.leads:
            return cls(lookback, step, (rows("windows.delay", config.delay),), interval_s)
        leads: list[int] = []
        for text in config.leads:
            bounds = [rows("lead", part) for part in split_range(text)]
            leads += range(bounds[0], bounds[-1] + 1)
        if not leads or sorted(set(leads)) != leads:
            raise OptionError(f"lead must be ascending; got {', '.join(config.leads)}. Sort them, each once")
        return cls(lookback, step, tuple(lead - step for lead in leads), interval_s)

    @property
    def length(self) -> int:
        """Steps of one window."""
        return self.lookback // self.step

    @property
    def span(self) -> int:
        """Rows from the first to the newest that a window reads, both included."""
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
            reach_back: windows may begin before `first`; targets may not.
        """
        begin = max(self.lookback, first - self.delays[0]) if reach_back else first + self.lookback
        return np.arange(begin, last - self.delays[-1], dtype=np.int64)

    def live_anchors(self, rows: int) -> np.ndarray:
        """Every anchor whose window lies in the first `rows` rows, even if its target does not, int64."""
        return np.arange(self.lookback, rows + self.step, dtype=np.int64)

    def target_rows(self, anchors: np.ndarray) -> np.ndarray:
        """Row of each target, int64 `[N, H]`."""
        return np.asarray(anchors[:, None] + np.array(self.delays))

    def keep_whole(
        self, anchors: np.ndarray, times: np.ndarray, values: np.ndarray, targets: Sequence[int]
    ) -> tuple[np.ndarray, int, int]:
        """The anchors whose window crosses no irregular time step and contains no missing value.

        Args:
            times: datetime64[s] `[T]`.
            values: `[T, C]`; NaN is missing.
            targets: columns whose values at the target rows must be known.

        Returns:
            The anchors kept, the number dropped for a hole or repeated timestamp, the number for a missing value.
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
        """Whether the rows that a window reads cross a hole or hold a missing value, bool `[N]`; see `keep_whole`."""
        return np.asarray(self.crosses_hole(anchors, times) | self.holds_missing(anchors, values))

    def holds_missing(self, anchors: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Whether a row that a window reads contains a missing value (NaN), bool `[N]`, for rows `[T, C]`."""
        missing = np.isnan(values).any(axis=1).astype(np.int64)
        # rows of one window are `step` apart, so missing rows are counted separately for each remainder modulo `step`
        padded = np.pad(missing, (0, -len(missing) % self.step)).reshape(-1, self.step)
        counted = np.cumsum(padded, axis=0).ravel()
        first = anchors - self.lookback
        return np.asarray(counted[anchors - self.step] - counted[first] + missing[first] > 0)

    def describe(self, times: np.ndarray, anchor: int) -> str:
        """One window in timestamps.

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
        """The leads as durations: `"25 h"`, `"1 h, 6 h"`, `"1 h to 96 h (96)"`."""
        shown = [show_duration(lead * self.interval_s) for lead in self.leads]
        return ", ".join(shown) if len(shown) <= 4 else f"{shown[0]} to {shown[-1]} ({len(shown)})"


def block_length(spec: WindowSpec, count: int) -> int:
    """Neighbouring windows to resample together: a week, or the lead if that is longer.

    Errors of forecasts made within one lead of each other depend on the same events, weather lasts some days, and human
    activity repeats weekly. A short test split gets shorter blocks, so that there are twenty, but never shorter than
    the lead.
    """
    week = WEEK_S // spec.interval_s
    return max(spec.leads[-1], min(week, count // 20))


def suggest_lead(lead_s: int) -> str:
    """A lead of a season rather than of a step, for those who forecast `lead_s` seconds ahead; empty: it is that long.

    >>> suggest_lead(3600), suggest_lead(86400), suggest_lead(31 * 86400)
    ('24h', '7d', '')
    """
    seasons = {"24h": UNITS_S["d"], "7d": UNITS_S["w"], "28d": 4 * UNITS_S["w"]}
    return next((name for name, seconds in seasons.items() if lead_s < seconds), "")

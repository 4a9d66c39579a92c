"""What turns a panel into a model's inputs and its outputs into forecasts, as fitted on training rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqconv.data.frequency import Frequency
from seqconv.data.holidays import find_holidays
from seqconv.data.records import Panel, is_missing
from seqconv.errors import DataError
from seqconv.metrics.records import Json
from seqconv.networks.layers.base import Shape
from seqconv.tasks.entries import Entry, Number, RowCount, check_names
from seqconv.tasks.examples import Features, Part, Split
from seqconv.tasks.panel.forecasts import Forecasts, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs, blank_panel
from seqconv.tasks.scaling import find_flat
from seqconv.tasks.seen import hash_rows

HASHED_ROWS = 8  # before a row to forecast, by which it is recognised
SHOWN = 6  # examples that a report shows
MOST_LEVELS = 20  # categories of a column that are told apart; the rarer ones are one
HOLIDAY_COLUMNS = 3
CALENDARS = ("month", "weekday", "hour")  # known by nature, a column for each value


@dataclass(frozen=True, kw_only=True)
class FrequencyEntry(Entry):
    """What `bundle.json` holds of a `Frequency`."""

    unit: str
    size: RowCount
    phase: int
    day: int
    roll: str
    clock_s: int
    weekmask: str

    def __post_init__(self) -> None:
        if self.unit not in ("s", "bd", "mo", "row"):
            raise ValueError(f".unit must be s, bd, mo or row; got {self.unit!r:.40}")
        if self.roll not in ("", "forward", "backward") or not 1 <= self.day <= 31:
            raise ValueError(f".roll and .day must be a rule for days of the month; got {self.roll!r:.40}, {self.day}")
        if len(self.weekmask) != 7 or set(self.weekmask) - {"0", "1"} or "1" not in self.weekmask:
            raise ValueError(f".weekmask must be seven of 0 and 1; got {self.weekmask!r:.40}")

    @property
    def frequency(self) -> Frequency:
        return Frequency(self.unit, self.size, self.phase, self.day, self.roll, self.clock_s, self.weekmask)


@dataclass(frozen=True, kw_only=True)
class ColumnEntry(Entry):
    """What `bundle.json` holds of a column besides the target."""

    name: str
    role: str
    mean: Number
    std: Number
    levels: list[str]

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f".role must be one of {', '.join(ROLES)}; got {self.role!r:.40}")
        if self.std <= 0 or len(set(self.levels)) < len(self.levels) or len(self.levels) > MOST_LEVELS:
            raise ValueError(".std must be above zero, and .levels different and few; they are not")


@dataclass(frozen=True, kw_only=True)
class PanelEntry(Entry):
    """What `bundle.json` holds of `PanelFeatures`."""

    target: str
    ids: list[str]
    columns: list[ColumnEntry]
    frequency: FrequencyEntry
    zone: str
    horizon: RowCount
    season: RowCount
    lookback: RowCount
    positive: bool
    calendar: list[str]
    holidays: str = ""

    def __post_init__(self) -> None:
        check_names("ids", self.ids, 0)
        check_names("columns", [self.target, *(each.name for each in self.columns)])
        check_names("calendar", self.calendar, 0)
        if set(self.calendar) - set(CALENDARS):
            raise ValueError(f".calendar must be some of {', '.join(CALENDARS)}; it is not")


class _Forecasts(Part[PanelInputs]):
    """Forecasts to make, and the truth; a model returns several quantiles for each row of it."""

    def finish(self, outputs: np.ndarray) -> np.ndarray:
        return outputs

    def finish_bounds(self, outputs: np.ndarray) -> None:
        return None


ROLES = KNOWN, PAST, STATIC = "known", "past", "static"


@dataclass(frozen=True)
class Column:
    """A column besides the target.

    Args:
        role: `known`, also of the rows to forecast; `past`; or `static`, one value for each series.
        mean, std: of its training rows; 0 and 1 for categories.
        levels: of categories, the most common first; empty: it holds numbers.
    """

    name: str
    role: str
    mean: float = 0.0
    std: float = 1.0
    levels: tuple[str, ...] = ()

    @classmethod
    def fit(cls, name: str, role: str, values: np.ndarray) -> "Column":
        """From the training rows `[T]`: float64, or texts."""
        if values.dtype == object:
            names, counts = np.unique([each for each in values if each is not None], return_counts=True)
            common = names[np.argsort(-counts, kind="stable")][:MOST_LEVELS]
            return cls(name, role, levels=tuple(map(str, common)))
        known = values[~np.isnan(values)]
        mean, std = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
        return cls(name, role, mean, 1.0 if find_flat(np.array(mean), np.array(std)) else std)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Scaled numbers float32 `[T, 1]` with NaN where a value is missing, or a column of 0 and 1 for each level."""
        if not self.levels:
            numbers = values if values.dtype != object else np.full(len(values), np.nan)
            return ((numbers - self.mean) / self.std).astype(np.float32)[:, None]
        texts = values if values.dtype == object else np.array([_spell(each) for each in values], object)
        return np.stack([(texts == level).astype(np.float32) for level in self.levels], axis=1)

    @property
    def width(self) -> int:
        return len(self.levels) or 1


def _spell(value: float) -> str | None:
    return None if np.isnan(value) else f"{value:g}"


@dataclass(frozen=True)
class PanelFeatures(Features):
    """The features of a forecasting model of one or many series.

    Args:
        name: of the column to forecast.
        ids: columns that tell the series apart.
        columns: the others that are read.
        zone: in which times without one were read.
        horizon: rows to forecast.
        season: rows after which a series tends to repeat itself; 1: none.
        lookback: rows that regressions read.
        positive: no forecast is below zero.
        calendar: what is read of the time of each row, of `CALENDARS`.
        holidays: place whose holidays are read, see `find_holidays`; empty: none.
    """

    name: str
    ids: tuple[str, ...]
    columns: tuple[Column, ...]
    frequency: Frequency
    zone: str
    horizon: int
    season: int
    lookback: int
    positive: bool = False
    calendar: tuple[str, ...] = ()
    holidays: str = ""

    @cached_property
    def target(self) -> Forecasts:  # type: ignore[override]
        return Forecasts((self.name,), self.horizon)

    @property
    def shape(self) -> Shape:
        known = sum(each.width for each in self.columns if each.role != PAST)
        past = sum(each.width for each in self.columns if each.role == PAST)
        known += HOLIDAY_COLUMNS if self.holidays else 0
        return self.horizon, known + sum(len(_places(name)) for name in self.calendar), past

    def encode(self, panel: Panel) -> PanelInputs:
        """Every row of a panel, and blank rows as far as the horizon after the newest value reaches; no examples yet.

        Raises:
            DataError: a column is missing.
        """
        lengths = np.maximum(np.diff(panel.offsets), panel.lengths + self.horizon)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        own = np.arange(len(panel.values)) + np.repeat(offsets[:-1] - panel.offsets[:-1], np.diff(panel.offsets))
        values = np.full(int(offsets[-1]), np.nan)
        values[own] = panel.values
        steps = np.arange(len(values)) + np.repeat(panel.starts - offsets[:-1], lengths)
        encoded: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for column in self.columns:
            if column.name not in panel.columns:
                raise DataError(f"{panel.source}: must have the column {column.name!r} as in training; it does not")
            cells = panel.columns[column.name]
            wide = np.full(len(values), None if cells.dtype == object else np.nan, cells.dtype)
            wide[own] = cells
            if column.role == STATIC:
                wide = spread_static(wide, offsets)
            encoded[column.role != PAST].append(column.encode(wide))
        encoded[True] += [self._read_holidays(steps)] if self.holidays else []
        encoded[True] += [self._read_calendar(steps, name) for name in self.calendar]
        known, past = (
            np.concatenate(parts, axis=1) if parts else np.empty((len(values), 0), np.float32)
            for parts in (encoded[True], encoded[False])
        )
        none = np.empty(0, np.int64)
        return PanelInputs(values, known, past, steps, offsets, none, none, self.horizon)

    def _read_holidays(self, steps: np.ndarray) -> np.ndarray:
        """How many holidays lie in each step, and whether one is the day after or before, float32 `[T, 3]`."""
        first, last = int(steps.min(initial=0)), int(steps.max(initial=0))
        days = self.frequency.times(np.arange(first, last + 2)).astype("datetime64[D]")
        found = find_holidays(self.holidays, days[0], days[-1] + 366)
        begin, end = days[:-1], np.maximum(days[1:], days[:-1] + 1)
        held = np.searchsorted(found, end) - np.searchsorted(found, begin)
        table = np.stack([held, np.isin(end, found), np.isin(begin - 1, found)], axis=1).astype(np.float32)
        return np.asarray(table[steps - first])

    def _read_calendar(self, steps: np.ndarray, name: str) -> np.ndarray:
        """A column of 0 and 1 for each month, weekday or hour, float32 `[T, places]`."""
        first, last = int(steps.min(initial=0)), int(steps.max(initial=0))
        times = self.frequency.times(np.arange(first, last + 1))
        places = _places(name)
        table = (_read_place(times, name)[:, None] == places).astype(np.float32)
        return np.asarray(table[steps - first])

    def at(self, inputs: PanelInputs, series: np.ndarray, anchors: np.ndarray) -> PanelInputs:
        """Examples of encoded rows: the series and the first row to forecast of each, int64 `[N]` both."""
        return replace(inputs, series=series, anchors=anchors)

    def part(self, inputs: PanelInputs) -> "PanelPart":
        """Examples with their targets, in units of each example's scale; NaN where they are missing."""
        targets = inputs.values[inputs.ahead] / find_scales(inputs, self.season)[:, None]
        times = None
        if self.frequency.unit != "row":
            times = self.frequency.times(inputs.steps[inputs.anchors])
        # a step's number stands for its time: rows may be counted
        keys = hash_rows(inputs.steps.astype("datetime64[s]"), inputs.values[:, None], HASHED_ROWS)[inputs.anchors]
        return _Forecasts(inputs, targets, times, keys=keys)

    def keep(self, part: Part[Any], outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Of a few examples: their numbers `shown` `[M]`, the rows before them `history` `[M, L]`, `quantiles`
        `[M, H, levels]` and `truth` `[M, H]`, in the unit of the target."""
        shown = np.unique(np.linspace(0, len(part.targets) - 1, SHOWN).round().astype(np.int64))
        some = part.inputs.take(shown)
        rows = some.anchors[:, None] + np.arange(-min(max(2 * self.horizon, 2 * self.season), 200), 0)
        history = np.where(rows >= some.starts[:, None], some.values[np.maximum(rows, 0)], np.nan)
        scales = find_scales(some, self.season)[:, None]
        quantiles = to_quantiles(outputs[shown]) * scales[..., None]
        truth = np.asarray(part.targets)[shown] * scales
        return {"shown": shown, "history": history, "quantiles": quantiles, "truth": truth}

    def blank(self) -> PanelInputs:
        return blank_panel(self.shape)

    def identity(self) -> dict[str, str]:
        return {**super().identity(), "horizon": str(self.horizon)}

    def write(self, folder: Path) -> Json:
        return PanelEntry(
            target=self.name,
            ids=list(self.ids),
            columns=[
                ColumnEntry(name=each.name, role=each.role, mean=each.mean, std=each.std, levels=list(each.levels))
                for each in self.columns
            ],
            frequency=FrequencyEntry(**vars(self.frequency)),
            zone=self.zone,
            horizon=self.horizon,
            season=self.season,
            lookback=self.lookback,
            positive=self.positive,
            calendar=list(self.calendar),
            holidays=self.holidays,
        ).to_dict()

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        entry = PanelEntry.from_dict(table)
        columns = tuple(Column(e.name, e.role, e.mean, e.std, tuple(e.levels)) for e in entry.columns)
        return cls(
            entry.target,
            tuple(entry.ids),
            columns,
            entry.frequency.frequency,
            entry.zone,
            entry.horizon,
            entry.season,
            entry.lookback,
            entry.positive,
            tuple(entry.calendar),
            entry.holidays,
        )


def spread_static(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The first value of each series in all of its rows `[T]`."""
    found = values.copy()
    for first, last in pairwise(offsets):
        own = values[first:last]
        known = own[~is_missing(own)]
        if len(known):
            found[first:last] = known[0]
    return found


def find_scales(inputs: PanelInputs, season: int) -> np.ndarray:
    """The unit of each example, float64 `[N]`: the mean absolute error of the seasonal naive forecast in its history.

    It is what MASE divides by. Where a history has no such error, or is constant, the season is a row; then its mean
    size is taken, then 1.

    Reference: Hyndman and Koehler 2006, International Journal of Forecasting 22, 679-688.
    """
    scales = np.full(len(inputs), np.nan)
    place = np.arange(len(inputs.values)) - np.repeat(inputs.offsets[:-1], np.diff(inputs.offsets))
    for lag in dict.fromkeys((season, 1)):
        change = np.full(len(inputs.values), np.nan)
        change[lag:] = np.abs(inputs.values[lag:] - inputs.values[:-lag])
        change[place < lag] = np.nan  # the other row is of another series
        scales = np.where(np.isnan(scales), _average(change, inputs), scales)
    size = _average(np.abs(inputs.values), inputs)
    scales = np.where(np.isnan(scales), size, scales)
    return np.where(np.isnan(scales), 1.0, scales)


def _average(values: np.ndarray, inputs: PanelInputs) -> np.ndarray:
    """Means of the known values before each anchor, `[N]`, of values `[T]` that are not negative; NaN where there are
    none or their mean is zero."""
    known = ~np.isnan(values)
    # a series of small values is lost in running sums of large ones, unless each has a unit of its own
    peaks = np.maximum.reduceat(np.where(known, values, 0.0), inputs.offsets[:-1])
    units = np.where(peaks > 0, peaks, 1.0)
    scaled = np.where(known, values, 0.0) / np.repeat(units, np.diff(inputs.offsets))
    sums = np.concatenate([[0.0], np.cumsum(scaled)])
    counts = np.concatenate([[0], np.cumsum(known)])
    number, total = (each[inputs.anchors] - each[inputs.starts] for each in (counts, sums))
    with np.errstate(invalid="ignore", divide="ignore"):
        # a difference of running sums is zero but for rounding where all values of the range are
        some = (number > 0) & (total > 1e-13 * sums[inputs.anchors])
        return np.where(some, total / number * units[inputs.series], np.nan)


def _places(calendar: str) -> np.ndarray:
    return np.arange({"month": 12, "weekday": 7, "hour": 24}[calendar])


def _read_place(times: np.ndarray, calendar: str) -> np.ndarray:
    """The month, weekday or hour of each time, int64 `[T]` from 0."""
    if calendar == "month":
        return np.asarray(times.astype("datetime64[M]").astype(np.int64) % 12)
    days = times.astype("datetime64[D]")
    if calendar == "weekday":
        return np.asarray((days.astype(np.int64) + 3) % 7)
    return np.asarray((times - days).astype("timedelta64[h]").astype(np.int64))


PanelPart = Part[PanelInputs]
PanelSplit = Split[PanelFeatures, PanelInputs]

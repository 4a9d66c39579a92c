"""What turns a panel into a model's inputs and its outputs into forecasts, as fitted on training rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqconv.data.frequency import Frequency
from seqconv.data.holidays import find_holidays
from seqconv.data.records import Panel, is_missing
from seqconv.errors import DataError
from seqconv.metrics.errors import Metrics
from seqconv.metrics.records import Json
from seqconv.networks.layers.base import Shape
from seqconv.tasks.entries import Entry, Level, Number, RowCount, check_margins, check_names
from seqconv.tasks.examples import Features, Part, Split
from seqconv.tasks.panel.forecasts import MEDIAN, Forecasts, average_known, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs, PanelRows, blank_panel
from seqconv.tasks.panel.judging import measure_all
from seqconv.tasks.panel.levels import fit_level_factors, take_levels
from seqconv.tasks.scaling import find_spread
from seqconv.tasks.seen import hash_rows
from seqconv.tasks.target import Target

HASHED_ROWS = 8  # before a row to forecast, by which it is recognised
SHOWN = 6  # examples that a report shows
MOST_LEVELS = 20  # categories of a column that are told apart; the rarer ones are one
HOLIDAY_COLUMNS = 3
# of values that are zero, from which demand is intermittent: less than one in 1.32 rows has any
# Reference: Syntetos, Boylan and Croston 2005, Journal of the Operational Research Society 56, 495-503
INTERMITTENT = 1 - 1 / 1.32
CALENDARS = {"month": 12, "weekday": 7, "hour": 24}  # known by nature, a column for each value


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
    quantiles: list[Level] | None = None  # levels
    factors: list[Number] | None = None

    def __post_init__(self) -> None:
        check_margins(self.factors, 1, self.quantiles)
        if (self.factors is None) != (self.quantiles is None):
            raise ValueError(".factors must be there with .quantiles, and only then")
        check_names("ids", self.ids, 0)
        check_names("columns", [self.target, *(each.name for each in self.columns)])
        check_names("calendar", self.calendar, 0)
        if set(self.calendar) - CALENDARS.keys():
            raise ValueError(f".calendar must be some of {', '.join(CALENDARS)}; it is not")


class _Forecasts(Part[PanelInputs]):
    """Forecasts to make, and the truth; a model returns several quantiles for each row of it."""

    def finish(self, outputs: np.ndarray) -> np.ndarray:
        return outputs

    def finish_bounds(self, outputs: np.ndarray, quantiles: bool = False) -> None:
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
        return cls(name, role, float(known.mean()) if len(known) else 0.0, find_spread(known) or 1.0)

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
        levels: of the quantiles that were asked for; empty: all that models forecast.
        factors: of each of them, see `take_levels`.
        judged: see `Target`; not kept in a bundle.
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
    levels: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    judged: str = ""

    @cached_property
    def target(self) -> Forecasts:  # type: ignore[override]
        return Forecasts((self.name,), self.horizon, self.levels).judge_by(self.judged)

    def measure(self, outputs: np.ndarray, part: Part[Any], loss: str, target: Target | None = None) -> Metrics:
        found = super().measure(outputs, part, loss, target)
        scales = find_scales(part.inputs, self.season)
        return found | measure_all(to_quantiles(outputs), np.asarray(part.targets), scales)

    def choose_levels(self, quantiles: np.ndarray) -> np.ndarray:
        """The quantiles that were asked for, `[..., Q]`, of those of a model, `[..., 9]`, in the unit of the target."""
        if not self.levels:
            return quantiles
        found = take_levels(quantiles, self.levels, np.array(self.factors))
        return np.maximum(found, 0.0) if self.positive else found

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, fraction: float) -> Self:
        """The same with factors of the quantiles that were asked for; each of `bounds` is the outputs of the model."""
        return replace(self, factors=tuple(fit_level_factors(to_quantiles(bounds[0]), targets, self.levels).tolist()))

    @property
    def shape(self) -> Shape:
        return self.blank().shape

    def encode(self, panel: Panel) -> PanelRows:
        """Every row of a panel, and blank rows as far as the horizon after the newest value reaches.

        Raises:
            DataError: a column is missing.
        """
        lengths = np.maximum(np.diff(panel.offsets), panel.lengths + self.horizon)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        own = np.arange(len(panel.values)) + np.repeat(offsets[:-1] - panel.offsets[:-1], np.diff(panel.offsets))
        values = np.full(int(offsets[-1]), np.nan)
        values[own] = panel.values
        steps = np.arange(len(values)) + np.repeat(panel.starts - offsets[:-1], lengths)
        encoded: dict[str, list[np.ndarray]] = {role: [] for role in ROLES}
        for column in self.columns:
            if column.name not in panel.columns:
                raise DataError(
                    f"{panel.source}: must have the column {column.name!r} as in training; it does not. Add it"
                )
            cells = panel.columns[column.name]
            if column.role == STATIC:
                encoded[STATIC].append(column.encode(first_known(cells, panel.offsets)))
                continue
            wide = np.full(len(values), None if cells.dtype == object else np.nan, cells.dtype)
            wide[own] = cells
            encoded[column.role].append(column.encode(wide))
        known, past, static = (
            np.concatenate(encoded[role], axis=1) if encoded[role] else np.empty((count, 0), np.float32)
            for role, count in ((KNOWN, len(values)), (PAST, len(values)), (STATIC, len(panel)))
        )
        spanned = int(steps.min(initial=0)), int(steps.max(initial=0))
        holidays, calendar = self._read_holidays(*spanned), self._read_calendar(*spanned)
        return PanelRows(values, known, static, past, holidays, calendar, steps, offsets, panel.keys)

    def _read_holidays(self, first: int, last: int) -> np.ndarray:
        """How many holidays lie in each step, and whether one is the day after or before, float32 `[D, 3]`; without a
        place `[D, 0]`."""
        if not self.holidays:
            return np.empty((last - first + 1, 0), np.float32)
        days = self.frequency.times(np.arange(first, last + 2)).astype("datetime64[D]")
        found = find_holidays(self.holidays, days[0], days[-1] + 366)
        begin, end = days[:-1], np.maximum(days[1:], days[:-1] + 1)
        held = np.searchsorted(found, end) - np.searchsorted(found, begin)
        return np.stack([held, np.isin(end, found), np.isin(begin - 1, found)], axis=1).astype(np.float32)

    def _read_calendar(self, first: int, last: int) -> np.ndarray:
        """A column of 0 and 1 for each month, weekday or hour of each step, float32 `[D, places]`."""
        if not self.calendar:
            return np.empty((last - first + 1, 0), np.float32)
        times = self.frequency.times(np.arange(first, last + 1))
        found = [_read_place(times, name)[:, None] == np.arange(CALENDARS[name]) for name in self.calendar]
        return np.concatenate(found, axis=1).astype(np.float32)

    def at(self, rows: PanelRows, series: np.ndarray, anchors: np.ndarray) -> PanelInputs:
        """Examples of encoded rows: the series and the first row to forecast of each, int64 `[N]` both."""
        return PanelInputs(rows, series, anchors, self.horizon)

    def part(self, inputs: PanelInputs) -> "PanelPart":
        """Examples with their targets, in units of each example's scale; NaN where they are missing."""
        rows = inputs.rows
        targets = rows.values[inputs.ahead] / find_scales(inputs, self.season)[:, None]
        times = None
        if self.frequency.unit != "row":
            times = self.frequency.times(rows.steps[inputs.anchors])
        # a step's number stands for its time: rows may be counted
        keys = hash_rows(rows.steps.view("datetime64[s]"), rows.values[:, None], HASHED_ROWS, inputs.anchors)
        return _Forecasts(inputs, targets, times, keys=keys)

    def keep(self, part: Part[Any], outputs: np.ndarray) -> dict[str, np.ndarray]:
        """What a report shows: of a few examples their numbers `shown`, the `names` of their series, the rows before
        them `history` `[M, L]`, `quantiles` `[M, H, levels]` and `truth` `[M, H]`, in the unit of the target; of all
        their `series` and `mase` `[N]`."""
        shown = np.unique(np.linspace(0, len(part.targets) - 1, SHOWN).round().astype(np.int64))
        some = part.inputs.take(shown)
        rows = some.anchors[:, None] + np.arange(-min(max(2 * self.horizon, 2 * self.season), 200), 0)
        history = np.where(rows >= some.starts[:, None], some.rows.values[np.maximum(rows, 0)], np.nan)
        scales = find_scales(some, self.season)[:, None]
        quantiles = to_quantiles(outputs[shown]) * scales[..., None]
        truth = np.asarray(part.targets)[shown] * scales
        found = {"shown": shown, "history": history, "quantiles": quantiles, "truth": truth}
        errors = np.abs(to_quantiles(outputs)[..., MEDIAN] - np.asarray(part.targets))
        all_ = {"series": part.inputs.series, "mase": average_known(errors)}
        return found | all_ | {"names": np.array(part.inputs.rows.show_keys(some.series), str)}

    def blank(self) -> PanelInputs:
        widths = {role: sum(each.width for each in self.columns if each.role == role) for role in ROLES}
        widths["holidays"] = HOLIDAY_COLUMNS * bool(self.holidays)
        widths["calendar"] = sum(CALENDARS[name] for name in self.calendar)
        return blank_panel(self.horizon, widths)

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
            quantiles=list(self.levels) or None,
            factors=list(self.factors) or None,
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
            tuple(entry.quantiles or ()),
            tuple(entry.factors or ()),
        )


def first_known(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The first value of each series that is not missing, of `[T]`: `[S]`, missing where a series has none."""
    rows = np.where(is_missing(values), len(values), np.arange(len(values)))
    first = np.minimum.reduceat(rows, offsets[:-1])
    return np.asarray(values[np.where(first < offsets[1:], first, offsets[:-1])])


def find_scales(inputs: PanelInputs, season: int) -> np.ndarray:
    """The unit of each example, float64 `[N]`: the mean absolute error of the seasonal naive forecast in its history.

    It is what MASE divides by. Where a history has no such error, or is constant, the season is a row; then its mean
    size is taken, then 1.

    Reference: Hyndman and Koehler 2006, International Journal of Forecasting 22, 679-688.
    """
    scales = np.full(len(inputs), np.nan)
    for lag in dict.fromkeys((season, 1, 0)):
        left = np.flatnonzero(np.isnan(scales))
        if len(left):
            scales[left] = inputs.rows.sum_changes(lag).average(inputs.take(left))
    return np.where(np.isnan(scales), 1.0, scales)


def is_intermittent(values: np.ndarray) -> bool:
    """Whether values, NaN where they are missing, are demand of which much is zero and none below."""
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool((known >= 0).all()) and float((known == 0).mean()) >= INTERMITTENT


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

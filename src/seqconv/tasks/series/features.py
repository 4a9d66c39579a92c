"""What turns a series into a network's inputs and its outputs into forecasts, as fitted on training rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np

from seqconv.data.readers.zones import local_times
from seqconv.data.records import Series
from seqconv.errors import ConfigError, DataError
from seqconv.metrics.records import Bounds, Json
from seqconv.networks.inputs import WindowInputs, WindowTargets
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.containers import OfChannels
from seqconv.networks.plan import walk
from seqconv.recipes.durations import show_duration
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.entries import (
    MOST_ROWS,
    Entry,
    Level,
    Number,
    RowCount,
    Spread,
    check_among,
    check_margins,
    check_names,
    check_same,
)
from seqconv.tasks.examples import Features, Part, Split, TrainingData
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.calendar import CALENDAR, read_calendar
from seqconv.tasks.series.windows import WindowSpec, block_length, suggest_lead
from seqconv.tasks.values import Values

FARTHEST = 1e30  # scaled values beyond which products of float32 overflow


@dataclass(frozen=True, kw_only=True)
class SeriesEntry(Entry):
    """What `bundle.json` holds of `SeriesFeatures`."""

    columns: list[str]
    targets: list[str]
    mean: list[Number]
    std: list[Spread]
    calendar: list[str]
    zone: str
    change: bool
    lookback_rows: RowCount
    step_rows: RowCount
    delay_rows: list[Annotated[int, Bounds(-MOST_ROWS, MOST_ROWS)]]
    interval_s: RowCount
    margins: list[Number] | None = None
    quantiles: list[Level] | None = None  # levels

    def __post_init__(self) -> None:
        check_names("columns", self.columns)
        check_among("targets", self.targets, self.columns)
        check_among("calendar", self.calendar, CALENDAR)
        if not self.targets:
            raise ValueError(".targets must name a column; got none")
        if self.lookback_rows % self.step_rows:
            raise ValueError(f".lookback_rows must be a multiple of step_rows; got {self.lookback_rows}")
        if not self.delay_rows or self.delay_rows[0] <= -self.step_rows:
            raise ValueError(".delay_rows must lie after the newest row of the window; they do not")
        if any(one >= other for one, other in pairwise(self.delay_rows)):
            raise ValueError(".delay_rows must be ascending; they are not")
        check_margins(self.margins, len(self.delay_rows) * len(self.targets), self.quantiles)
        local_times(np.zeros(1, "datetime64[s]"), self.zone)  # refuses a zone that does not exist

    @property
    def spec(self) -> WindowSpec:
        """The windows."""
        return WindowSpec(self.lookback_rows, self.step_rows, tuple(self.delay_rows), self.interval_s)


@dataclass(frozen=True)
class SeriesFeatures(Features):
    """The features of a forecasting model.

    Args:
        columns: columns that the network reads, in order, the targets among them.
        targets: columns that it forecasts.
        calendar: periods (of `CALENDAR`) whose sine and cosine at each row are inputs after the columns.
        change: the network forecasts changes from the newest value of each target.
        zone: time zone in which the calendar is read; empty: timestamps as they are.
        margins: conformal correction of each output, scaled (see `metrics.conformal`), of quantiles one for each of
            their levels; empty: no intervals.
        levels: of quantiles in place of intervals; empty: no quantiles.
        judged: see `Target`; not kept in a bundle.
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    scaler: Scaler
    spec: WindowSpec
    calendar: tuple[str, ...] = ()
    change: bool = False
    zone: str = ""
    margins: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    judged: str = ""

    @cached_property
    def target(self) -> Values:  # type: ignore[override]
        places, spec = self.target_columns, self.spec
        horizons = tuple(show_duration(lead * spec.interval_s) for lead in spec.leads)
        scale = self.scaler.mean[places], self.scaler.std[places]
        return Values(self.targets, horizons, *scale, self.margins, self.levels).judge_by(self.judged)

    @property
    def target_columns(self) -> list[int]:
        """Indices of the targets in `columns`."""
        return [self.columns.index(name) for name in self.targets]

    def scale(self, series: Series) -> np.ndarray:
        """Scaled columns, then the calendar, float32 `[T, C]`; NaN is missing.

        Raises:
            DataError: a column is missing.
        """
        for name in self.columns:
            if name not in series.columns:
                raise DataError(f"{series.source}: must have the column {name!r} as in training; it does not")
        scaled = self.scaler.scale(series.values[:, [series.columns.index(name) for name in self.columns]])
        self._check_reach(series, scaled)
        if not self.calendar:
            return scaled
        waves = read_calendar(local_times(series.times, self.zone), self.calendar)
        return np.concatenate([scaled, waves.astype(np.float32)], axis=1)

    def _check_reach(self, series: Series, scaled: np.ndarray) -> None:
        far = ~(np.abs(scaled) <= FARTHEST) & ~np.isnan(scaled)
        if far.any():
            row, column = (int(place[0]) for place in np.nonzero(far))
            name, when = self.columns[column], str(series.times[row]).replace("T", " ")
            value = series.values[row, series.columns.index(name)]
            raise DataError(
                f"{series.source}: {name!r} must hold values like those of training; got {value:g} at {when}. Correct "
                "it or leave it empty"
            )

    def inputs(self, scaled: np.ndarray, anchors: np.ndarray, times: np.ndarray | None = None) -> WindowInputs:
        """Windows over scaled rows as `scale` returns them; `times` of the rows."""
        return WindowInputs(scaled, anchors, self.spec.lookback, self.spec.step, times)

    def targets_at(self, scaled: np.ndarray, anchors: np.ndarray) -> WindowTargets:
        """Scaled targets float32 `[N, outputs]`."""
        return WindowTargets(scaled, anchors, self.spec.delays, tuple(self.target_columns))

    def base_at(self, scaled: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        """What to add to the network's outputs, float32 `[N, outputs]`: the newest value of each target, or zero."""
        return self.base_of(self.inputs(scaled, anchors))

    def base_of(self, inputs: WindowInputs) -> np.ndarray:
        if not self.change:
            return np.zeros((len(inputs), self.target.outputs), np.float32)
        newest = inputs.values[(inputs.anchors - inputs.step)[:, None], self.target_columns]
        return np.asarray(np.tile(newest, len(self.spec.delays)))

    def block(self, count: int) -> int:
        return block_length(self.spec, count)

    def identity(self) -> dict[str, str]:
        return {**super().identity(), "leads": self.spec.show_leads()}

    def check_plan(self, plan: Plan, inputs: int) -> None:
        read = {layer.count(inputs) for _, layer in walk(plan) if isinstance(layer, OfChannels)}
        if not read:
            return
        columns = self.columns[: max(read)]
        if self.targets != columns or read != {len(columns)}:
            raise ConfigError(
                "data.target: channelwise and normalise forecast the columns that they read, in the same order, "
                f'{", ".join(columns)}; got {", ".join(self.targets)}. Use data.target="*" and, with the calendar '
                f"after the columns, channels = {len(self.columns)}"
            )

    def check_recipe(self, recipe: AnyRecipe) -> None:
        windows, spec = recipe.features, self.spec
        check_same("change", self.change, "windows.change", windows.change)
        wanted = WindowSpec.from_config(windows, spec.interval_s)
        check_same("lookback_rows", spec.lookback, "windows.lookback", wanted.lookback)
        check_same("step_rows", spec.step, "windows.step", wanted.step)
        check_same("delay_rows", spec.delays, "windows.leads", wanted.delays)
        if not recipe.data.calendar:
            check_same("calendar", self.calendar, "data.calendar", ())

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, fraction: float) -> Self:
        return replace(self, margins=self.target.find_margins(bounds, targets, fraction))

    def describe_start(self) -> str:
        if not self.change:
            return ""
        last = self.spec.leads[-1] * self.spec.interval_s
        cure = f"; try --lead {longer}" if (longer := suggest_lead(last)) else ""
        return f", the naive forecast: the newest value is the best forecast at {show_duration(last)}{cure}"

    def for_baseline(self) -> Self:
        """Baselines forecast values, not changes."""
        return replace(self, change=False) if self.change else self

    @property
    def shape(self) -> Shape:
        return (self.spec.length, len(self.columns) + 2 * len(self.calendar))

    def write(self, folder: Path) -> Json:
        spec = self.spec
        return {
            "columns": list(self.columns),
            "targets": list(self.targets),
            **self.scaler.to_dict(),
            "calendar": list(self.calendar),
            "zone": self.zone,
            "change": self.change,
            "lookback_rows": spec.lookback,
            "step_rows": spec.step,
            "delay_rows": list(spec.delays),
            "interval_s": spec.interval_s,
            **({"margins": list(self.margins)} if self.margins else {}),
            **({"quantiles": list(self.levels)} if self.levels else {}),
        }

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        entry = SeriesEntry.from_dict(table)
        return cls(
            tuple(entry.columns),
            tuple(entry.targets),
            Scaler.of(entry.mean, entry.std, entry.columns),
            entry.spec,
            tuple(entry.calendar),
            entry.change,
            entry.zone,
            tuple(entry.margins or ()),
            tuple(entry.quantiles or ()),
        )


SeriesSplit = Split[SeriesFeatures, WindowInputs]
SeriesPart = Part[WindowInputs]
SeriesTraining = TrainingData[SeriesFeatures, WindowInputs]

"""What turns raw data into a network's inputs and its outputs into answers, as fitted on training rows.

One object per task; a split, a bundle and a predictor hold the same one.
"""

from dataclasses import dataclass

import numpy as np

from seqconv.data.readers.zones import local_times
from seqconv.data.records import Series
from seqconv.errors import DataError
from seqconv.networks.inputs import WindowInputs, WindowTargets
from seqconv.networks.outputs import take_ends, widen
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.windows import WindowSpec
from seqconv.tasks.text.features import TextFeatures

CALENDAR = ("day", "week", "year")  # periods that the calendar inputs follow


CALENDAR_S = {"day": 86400.0, "week": 7 * 86400.0, "year": 365.2425 * 86400.0}


MONDAY = np.datetime64("2001-01-01T00:00:00")  # the start of a week, a year and a day


@dataclass(frozen=True)
class SeriesFeatures:
    """Of a forecasting model.

    Args:
        columns: that the network reads, in their order; the targets are among them.
        targets: columns that it forecasts.
        calendar: periods (of `CALENDAR`) whose sine and cosine at each row are inputs behind the columns.
        change: the network's outputs are changes from the newest value of their target.
        zone: time zone in which the calendar is read; empty: stamps as they are.
        margins: of each output, what its intervals are widened by, scaled (see `quantiles.fit_margins`); empty: the
            network has no intervals.
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    scaler: Scaler
    spec: WindowSpec
    calendar: tuple[str, ...] = ()
    change: bool = False
    zone: str = ""
    margins: tuple[float, ...] = ()
    metric = "mae"

    @property
    def outputs(self) -> int:
        """Answers of a network: for each lead, in order, one for each target."""
        return len(self.spec.delays) * len(self.targets)

    @property
    def target_columns(self) -> list[int]:
        """Places of the targets in `columns`."""
        return [self.columns.index(name) for name in self.targets]

    @property
    def output_scale(self) -> np.ndarray:
        """Training standard deviation of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.scaler.std[self.target_columns], len(self.spec.delays))

    @property
    def output_mean(self) -> np.ndarray:
        """Training mean of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.scaler.mean[self.target_columns], len(self.spec.delays))

    def scale(self, series: Series) -> np.ndarray:
        """Scaled columns, then the calendar, float32 `[T, C]`; NaN is missing.

        Raises:
            DataError: a column is missing.
        """
        for name in self.columns:
            if name not in series.columns:
                raise DataError(f"{series.source}: must have the column {name!r} as in training; it has not")
        scaled = self.scaler.scale(series.values[:, [series.columns.index(name) for name in self.columns]])
        if not self.calendar:
            return scaled
        waves = read_calendar(local_times(series.times, self.zone), self.calendar)
        return np.concatenate([scaled, waves.astype(np.float32)], axis=1)

    def inputs(self, scaled: np.ndarray, anchors: np.ndarray, times: np.ndarray | None = None) -> WindowInputs:
        """Windows over what `scale` gave, of rows at `times`."""
        return WindowInputs(scaled, anchors, self.spec.lookback, self.spec.step, times)

    def targets_at(self, scaled: np.ndarray, anchors: np.ndarray) -> WindowTargets:
        """Scaled targets float32 `[N, outputs]`."""
        return WindowTargets(scaled, anchors, self.spec.delays, tuple(self.target_columns))

    def base_at(self, scaled: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        """What is added to the network's outputs: the newest value of each target float32 `[N, outputs]`, or zero."""
        if not self.change:
            return np.zeros((len(anchors), self.outputs), np.float32)
        newest = scaled[(anchors - self.spec.step)[:, None], self.target_columns]
        return np.asarray(np.tile(newest, len(self.spec.delays)))

    def unscale(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the unit of their target, float32 `[N, H, targets]`."""
        values = np.asarray(outputs * self.output_scale + self.output_mean, np.float32)
        return values.reshape(len(outputs), len(self.spec.delays), len(self.targets))

    def finish(self, outputs: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """A network's outputs in the unit of their target, float32 `[N, H, targets]`: forecasts, and the low and high
        ends of the intervals around them, calibrated; None: it has none.

        Args:
            base: what `base_at` gives.
        """
        middle = outputs[:, : self.outputs]
        ends = take_ends(outputs, self.outputs) if self.margins else None
        forecast = self.unscale(middle + base)
        return forecast, None if ends is None else [
            self.unscale(end + base) for end in widen(ends, middle, self.margins)
        ]


Features = TextFeatures | SequenceFeatures | SeriesFeatures


def read_calendar(times: np.ndarray, periods: tuple[str, ...]) -> np.ndarray:
    """Sine and cosine of the place in each period, float64 `[T, 2 * periods]`, for stamps datetime64[s] `[T]`."""
    seconds = (times - MONDAY).astype("timedelta64[s]").astype(np.float64)
    angles = [2 * np.pi * (seconds % CALENDAR_S[name]) / CALENDAR_S[name] for name in periods]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)

"""What turns raw data into a network's inputs and its outputs into answers, as fitted on training rows.

One object per task; a split, a bundle and a predictor hold the same one.
"""

from dataclasses import dataclass

import numpy as np

from seqconv.data import Sequences, Series
from seqconv.errors import DataError
from seqconv.quantiles import take_ends, widen
from seqconv.tokens import Encoded, TokenInputs, Vocabulary, pad
from seqconv.windows import Scaler, WindowInputs, WindowSpec, WindowTargets, local_times

CALENDAR = ("day", "week", "year")  # periods that the calendar inputs follow
CALENDAR_S = {"day": 86400.0, "week": 7 * 86400.0, "year": 365.2425 * 86400.0}
MONDAY = np.datetime64("2001-01-01T00:00:00")  # the start of a week, a year and a day


@dataclass(frozen=True)
class TextFeatures:
    """Of a text model.

    Args:
        classes: names, in the order of the outputs; two have one output, the logit of the second.
        vocabulary: None where the data came already encoded.
        max_len: ids kept of each text, from its end.
        multi_label: a text may have several classes, or none; every class then has an output of its own.
    """

    classes: tuple[str, ...]
    vocabulary: Vocabulary | None
    max_len: int
    multi_label: bool = False

    @property
    def outputs(self) -> int:
        """Values that a network must return."""
        return 1 if len(self.classes) == 2 and not self.multi_label else len(self.classes)

    @property
    def metric(self) -> str:
        """Name of the share that is right."""
        return "f1" if self.multi_label else "accuracy"

    def inputs(self, encoded: Encoded) -> TokenInputs:
        """Texts of one length."""
        return TokenInputs(pad(encoded, self.max_len))


@dataclass(frozen=True)
class SequenceFeatures:
    """Of a sequence model.

    Args:
        classes: as for texts.
        channels: names of the columns of a sequence.
        scaler: of the channels.
        length: steps kept of each sequence, from its end.
        masked: a last channel says where a sequence has a step (1) and where it is padded (0); lengths differ.
    """

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    scaler: Scaler
    length: int
    masked: bool
    multi_label = False
    metric = "accuracy"

    @property
    def outputs(self) -> int:
        """Values that a network must return."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def inputs(self, sequences: Sequences) -> WindowInputs:
        """Scaled sequences of one length, zeros before a shorter one and where a value is missing.

        They lie end to end as windows of one series, which every engine reads.

        Raises:
            DataError: another number of channels.
        """
        if len(sequences.channels) != len(self.channels):
            raise DataError(
                f"{sequences.source}: must have {len(self.channels)} channel(s) as in training; "
                f"got {len(sequences.channels)}"
            )
        scaled = np.nan_to_num(self.scaler.scale(sequences.values), nan=0.0, posinf=np.inf, neginf=-np.inf)
        lengths = np.diff(sequences.offsets)
        count, kept = len(lengths), np.minimum(lengths, self.length)
        padded = np.zeros((count, self.length, len(self.channels) + self.masked), np.float32)
        place = np.arange(self.length)
        filled = place >= (self.length - kept)[:, None]  # [N, length]
        rows = sequences.offsets[1:, None] - self.length + place
        padded[filled, : len(self.channels)] = scaled[rows[filled]]
        if self.masked:
            padded[..., -1] = filled
        ends = np.arange(1, count + 1, dtype=np.int64) * self.length
        return WindowInputs(padded.reshape(count * self.length, -1), ends, self.length, 1)


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

"""Turns sequences into a network's inputs; fitted on training sequences."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqconv.data.records import Sequences
from seqconv.errors import DataError
from seqconv.metrics.records import Json
from seqconv.networks.inputs import WindowInputs, stack_windows
from seqconv.networks.layers.base import Shape
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks import entries
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.entries import Entry, Spread, Steps, Threshold, check_names, check_same
from seqconv.tasks.examples import Features, Part, Split, TrainingData
from seqconv.tasks.labels import make_target, restore_target
from seqconv.tasks.outcomes import NumberEntry, Outcome, calibrate_outcome, check_either
from seqconv.tasks.scaling import Scaler, find_flat, measure
from seqconv.tasks.target import Target
from seqconv.tasks.values import Number

SMALLEST = 1e-34  # of a standard deviation: values of float32 that are much smaller have few digits


@dataclass(frozen=True, kw_only=True)
class SequenceEntry(Entry):
    """What `bundle.json` holds of `SequenceFeatures`."""

    classes: list[str] | None = None
    channels: list[str]
    mean: list[entries.Number]
    std: list[Spread]
    length: Steps
    masked: bool
    shortest: Steps | None = None  # earlier versions have none
    thresholds: dict[str, Threshold] | None = None  # of the class that has one, see `ClassTarget`
    number: NumberEntry | None = None

    def __post_init__(self) -> None:
        check_either(self.classes, self.number)
        if self.classes is not None:
            check_names("classes", self.classes, 2)
        check_names("channels", self.channels)

    @property
    def target(self) -> Outcome:
        """What the answers are."""
        if self.number is None:
            return make_target(tuple(self.classes or ()), thresholds=self.thresholds)
        return self.number.target


@dataclass(frozen=True)
class SequenceFeatures(Features):
    """The features of a model for time-series classification.

    Args:
        target: what the answers are.
        channels: names of the columns of a sequence.
        scaler: of the channels.
        length: number of steps kept of each sequence, from its end.
        masked: lengths differ, so a last channel marks real steps (1) and padding (0).
        shortest: number of steps of the shortest training sequence, at most `length`; 0: not known, of models of
            earlier versions.
    """

    target: Outcome
    channels: tuple[str, ...]
    scaler: Scaler
    length: int
    masked: bool
    shortest: int = 0

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities; none if a number is predicted."""
        return self.target.names if isinstance(self.target, ClassTarget) else ()

    def inputs(self, sequences: Sequences) -> WindowInputs:
        """Scaled sequences of the same length; zeros pad shorter ones in front and replace missing values.

        They are joined end to end, as windows of one series, which every engine reads.

        Raises:
            DataError: a different number of channels.
        """
        if len(sequences.channels) != len(self.channels):
            raise DataError(
                f"{sequences.source}: must have {len(self.channels)} channel(s) as in training; "
                f"got {len(sequences.channels)}"
            )
        scaled = np.nan_to_num(self._scale(sequences), nan=0.0)
        lengths = np.diff(sequences.offsets)
        count, kept = len(lengths), np.minimum(lengths, self.length)
        padded = np.zeros((count, self.length, len(self.channels) + self.masked), np.float32)
        place = np.arange(self.length)
        filled = place >= (self.length - kept)[:, None]  # [N, length]
        rows = sequences.offsets[1:, None] - self.length + place
        padded[filled, : len(self.channels)] = scaled[rows[filled]]
        if self.masked:
            padded[..., -1] = filled
        return stack_windows(padded)

    def _scale(self, sequences: Sequences) -> np.ndarray:
        scaled = self.scaler.scale(round_values(sequences.values, self.scaler))
        if np.isinf(scaled).any():
            name = self.channels[int(np.argmax(np.isinf(scaled).any(axis=0)))]
            raise DataError(f"{sequences.source}: {name!r} holds values far beyond those of training. Correct them")
        return scaled

    def aim(self, target: Target) -> Self:
        assert isinstance(target, ClassTarget | Number)
        return replace(self, target=target)

    @property
    def shape(self) -> Shape:
        return (self.length, len(self.channels) + self.masked)

    def check_recipe(self, recipe: AnyRecipe) -> None:
        check_same("length", self.length, "sequence.length", recipe.features.length or self.length)

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, fraction: float) -> Self:
        return replace(self, target=calibrate_outcome(self.target, bounds, targets, fraction))

    def write(self, folder: Path) -> Json:
        return {
            **_write_target(self.target),
            "channels": list(self.channels),
            **self.scaler.to_dict(),
            "length": self.length,
            "masked": self.masked,
            **({"shortest": self.shortest} if self.masked and self.shortest else {}),
        }

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        entry = SequenceEntry.from_dict(table)
        scaler = Scaler.of(entry.mean, entry.std, entry.channels)
        shortest = entry.shortest or (0 if entry.masked else entry.length)
        return cls(entry.target, tuple(entry.channels), scaler, entry.length, entry.masked, shortest)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(restore_target(state))


def _write_target(target: Outcome) -> Json:
    if isinstance(target, ClassTarget):
        thresholds = {"thresholds": dict(target.thresholds)} if target.thresholds else {}
        return {"classes": list(target.names), **thresholds}
    return {"number": NumberEntry.of(target).to_dict()}


def fit_scaler(values: np.ndarray) -> Scaler:
    """Mean and deviation of each channel of steps `[T, C]`, NaN missing; 1 for a channel that is constant or empty."""
    scaler = _measure(values.astype(np.float32))
    coarse = is_coarse(scaler) | (scaler.std == 0) | np.isinf(scaler.std)  # squares of float32 under- or overflow
    if coarse.any():
        mean, std = measure(values.astype(np.float64))
        scaler = Scaler(np.where(coarse, mean, scaler.mean), np.where(coarse, std, scaler.std))
    return Scaler(scaler.mean, np.where(find_flat(values), 1.0, scaler.std))


def round_values(values: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Values `[T, C]` in the precision in which a channel is scaled: float32, unless that hides how it varies."""
    coarse = is_coarse(scaler)
    rounded = values.astype(np.float32)
    return np.where(coarse, values, rounded) if coarse.any() else rounded


def _measure(values: np.ndarray) -> Scaler:
    empty = np.isnan(values).all(axis=0)
    values = np.where(empty, 0, values) if empty.any() else values
    with np.errstate(over="ignore"):
        mean, std = (find(values, axis=0, dtype=np.float64) for find in (np.nanmean, np.nanstd))
    return Scaler(np.asarray(mean), np.asarray(std))


def is_coarse(scaler: Scaler) -> np.ndarray:
    """Whether float32, of seven digits, would leave three or fewer of them to tell values apart; bool `[C]`."""
    return np.asarray((np.abs(scaler.mean) > 1e4 * scaler.std) | (scaler.std < SMALLEST))


SequenceSplit = Split[SequenceFeatures, WindowInputs]
SequencePart = Part[WindowInputs]
SequenceTraining = TrainingData[SequenceFeatures, WindowInputs]

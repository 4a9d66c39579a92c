"""Turns sequences into a network's inputs; fitted on training sequences."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqconv.data.records import Sequences
from seqconv.errors import DataError
from seqconv.metrics.records import Json
from seqconv.networks.inputs import WindowInputs, stack_windows
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.examples import Features, Part, Split, TrainingData
from seqconv.tasks.labels import make_target, restore_target
from seqconv.tasks.scaling import Scaler


@dataclass(frozen=True)
class SequenceFeatures(Features):
    """The features of a model for time-series classification.

    Args:
        target: what the answers are.
        channels: names of the columns of a sequence.
        scaler: of the channels.
        length: number of steps kept of each sequence, from its end.
        masked: lengths differ, so a last channel marks real steps (1) and padding (0).
    """

    target: ClassTarget
    channels: tuple[str, ...]
    scaler: Scaler
    length: int
    masked: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self.target.names

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
        return stack_windows(padded)

    def write(self, folder: Path) -> Json:
        return {
            "classes": list(self.classes),
            "channels": list(self.channels),
            **self.scaler.to_dict(),
            "length": self.length,
            "masked": self.masked,
        }

    @classmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        target, channels = make_target(tuple(table["classes"])), tuple(table["channels"])
        return cls(target, channels, Scaler.from_dict(table), int(table["length"]), bool(table["masked"]))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(restore_target(state))


SequenceSplit = Split[SequenceFeatures, WindowInputs]
SequencePart = Part[WindowInputs]
SequenceTraining = TrainingData[SequenceFeatures, WindowInputs]

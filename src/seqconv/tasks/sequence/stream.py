"""Answers after each step of a sequence that is still being recorded."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqconv.data.records import LARGEST, Sequences
from seqconv.errors import DataError
from seqconv.tasks.bundle import Trained
from seqconv.tasks.sequence.answers import predict_sequences
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.streaming import State, Stream, check_shape
from seqconv.tasks.target import Columns


class SequenceStream(Stream):
    """A sequence, of which a step comes at a time."""

    values: np.ndarray  # the newest steps, float64 [L, C]

    def __init__(self, trained: Trained, state: State | None = None) -> None:
        """Begin, or go on.

        Raises:
            DataError: see `Stream`.
        """
        self.features: SequenceFeatures = trained.bundle.features
        self.columns = self.features.channels
        super().__init__(trained, state)

    def push(self, item: Any) -> np.ndarray:
        """The answer for the sequence so far, of which the newest steps are read that the model reads of any sequence.

        Args:
            item: a number for each channel, NaN or None where it is missing.

        Returns:
            Probability of each class, float32 `[classes]`; or a number and the bounds of its interval.

        Raises:
            DataError: not a number for each channel.
        """
        values = np.concatenate([self.values, self._read(item)])[-self.features.length :]
        known = np.zeros(0, np.int32), self.features.classes, self.columns, "the stream"
        answer = predict_sequences(self.trained, Sequences(values, np.array([0, len(values)]), *known))[0]
        self.values = values
        return np.asarray(answer)

    def _read(self, item: Any) -> np.ndarray:
        try:
            step = np.array([[math.nan if value is None else value for value in item]], np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"a step must be numbers; got {item!r:.60}. Correct it") from error
        if step.shape != (1, len(self.columns)):
            raise DataError(f"a step must have {len(self.columns)} channels; got {step.size}. Give a value for each")
        if (np.abs(step) > LARGEST).any():
            raise DataError("a step must hold numbers up to 3.4e38; got a larger one. Correct it")
        return step

    def push_cells(self, cells: Mapping[str, Any]) -> np.ndarray:
        for name in self.columns:
            if name not in cells:
                raise DataError(f"must have the channel {name!r}; got {', '.join(cells)}. Name it in the first line")
        return self.push([_read_cell(name, cells[name]) for name in self.columns])

    def to_columns(self, answer: np.ndarray) -> Columns:
        return self.features.target.to_columns(answer[None])

    def restart(self) -> None:
        self.values = np.empty((0, len(self.columns)))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"values": self.values}

    def take(self, arrays: State) -> None:
        values = check_shape("values", arrays["values"], "f", (len(self.columns),), self.features.length)
        if (np.abs(values) > LARGEST).any():
            raise ValueError("values must be up to 3.4e38")
        self.values = values.astype(np.float64)


def _read_cell(name: str, cell: Any) -> float:
    """A cell as a number; an empty one is missing."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return math.nan
    try:
        return float(cell)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name!r} must be a number; got {cell!r:.40}. Correct it or leave it empty") from error

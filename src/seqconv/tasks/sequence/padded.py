"""Scaled sequences as baselines read them: padded in front, without a mask channel."""

from typing import NamedTuple

import numpy as np

from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.sequence.views import View


class Padded(NamedTuple):
    """N sequences of at most L steps, without a mask channel.

    Args:
        values: float32 `[N, L, C]`; padded in front, so that every sequence ends at step L.
        starts: step at which each sequence begins, int64 `[N]`.
    """

    values: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, inputs: WindowInputs, features: SequenceFeatures) -> "Padded":
        """The scaled sequences of a network's inputs."""
        values = inputs.gather(np.arange(len(inputs)))
        count, length = values.shape[:2]
        steps = values[..., -1].sum(axis=1).astype(np.int64) if features.masked else np.full(count, length)
        # an empty example, as of a check, is one step of zeros
        return cls(np.ascontiguousarray(values[..., : len(features.channels)]), length - np.maximum(steps, 1))

    def stretch(self, units: np.ndarray) -> "Padded":
        """Each channel multiplied by its unit, `units` `[C]`."""
        return Padded(self.values * units, self.starts)

    def take(self, rows: slice | np.ndarray) -> "Padded":
        """The sequences at `rows`."""
        return Padded(self.values[rows], self.starts[rows])

    def to_view(self) -> View:
        """The same with channels first."""
        return View(np.ascontiguousarray(self.values.swapaxes(1, 2), np.float32), self.starts)

"""What kernels and quantiles read of a sequence: its steps, their differences, or its spectrum."""

from typing import NamedTuple

import numpy as np

STEPS, DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM = range(4)


class View(NamedTuple):
    """N sequences of C channels and at most L steps.

    Args:
        values: float32 `[N, C, L]`; zeros before the first step of a shorter sequence.
        starts: the first step of each, int64 `[N]`.
    """

    values: np.ndarray
    starts: np.ndarray

    @property
    def length(self) -> int:
        """L."""
        return int(self.values.shape[2])

    @property
    def channels(self) -> int:
        """C."""
        return int(self.values.shape[1])

    def take(self, rows: slice | np.ndarray) -> "View":
        """The sequences at `rows`."""
        return View(self.values[rows], self.starts[rows])

    def see(self, view: int) -> "View":
        """Another view of sequences that are given by their steps; of one step there is no other."""
        if view == STEPS or self.length == 1:
            return self
        if view == SPECTRUM:
            return self._transform()
        once = self._subtract()
        return once if view == DIFFERENCES else once.see(DIFFERENCES)

    def _subtract(self) -> "View":
        found = np.diff(self.values, axis=2)
        found *= ~self._padding[:, None, :-1]  # the first step less the padding before it
        return View(found, np.minimum(self.starts, found.shape[2] - 1))

    def _transform(self) -> "View":
        """Amplitudes, without the mean; all sequences have the frequencies of the longest."""
        steps = (self.length - self.starts)[:, None, None]
        centred = self.values - self.values.sum(axis=2, keepdims=True, dtype=np.float64) / steps
        centred *= ~self._padding[:, None]
        found = np.abs(np.fft.rfft(centred / np.sqrt(steps), axis=2)).astype(np.float32)
        return View(found, np.zeros(len(found), np.int64))

    @property
    def _padding(self) -> np.ndarray:
        return np.asarray(np.arange(self.length) < self.starts[:, None])  # [N, L]

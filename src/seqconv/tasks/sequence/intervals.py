"""Features of a sequence's intervals: quantiles of the values in each of them (QUANT)."""

from dataclasses import dataclass

import numpy as np

from seqconv.tasks.sequence.views import View

DEPTH = 6  # the shortest intervals are a 32nd of the sequence


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of the values in halves, quarters and so on of a view, and in as many intervals between these.

    Every second quantile of an interval is taken without the interval's mean.

    Args:
        view: what is read of a sequence, see `views`.
        length: L, the steps of that view.
        channels: C.
        share: values for each quantile of an interval of a sequence with L steps.

    Reference: Dempster, Schmidt and Webb 2024, "QUANT: a minimalist interval method for time series classification",
        arXiv:2308.00928, section 3.
    """

    view: int
    length: int
    channels: int
    share: int

    @property
    def count(self) -> int:
        """The number of features."""
        return self.channels * sum(number for _, _, number in self.intervals())

    def transform(self, seen: View, threads: int) -> np.ndarray:
        """Features float32 `[N, count]`; the intervals of a shorter sequence are shorter."""
        found = np.empty((len(seen.values), self.count), np.float32)
        for start in np.unique(seen.starts):
            rows = seen.starts == start
            steps = np.ascontiguousarray(seen.values[rows, :, start:])
            parts = [self._measure(steps, *interval) for interval in self.intervals()]
            found[rows] = np.concatenate(parts, axis=2).reshape(len(steps), -1)  # channel by channel
        return found

    def intervals(self) -> list[tuple[float, float, int]]:
        """Begin and end of each interval, as fractions of a sequence, and its number of quantiles."""
        found = []
        for depth in range(DEPTH):
            parts = 2**depth
            if parts > self.length:
                break
            number = 1 + (self.length // parts - 1) // self.share
            places = np.arange(2 * parts - 1) / (2 * parts)  # every second one lies between two of the others
            found += [(place, place + 1 / parts, number) for place in places]
        return found

    @staticmethod
    def locate(begin: float, end: float, length: int) -> tuple[int, int]:
        """The first step of an interval, and the one after its last."""
        first = min(int(begin * length), length - 1)
        return first, max(int(end * length), first + 1)

    @staticmethod
    def _measure(steps: np.ndarray, begin: float, end: float, number: int) -> np.ndarray:
        """Quantiles `[N, C, number]` of steps `[N, C, L]` between two fractions of L."""
        first, last = Quantiles.locate(begin, end, steps.shape[2])
        own = steps[:, :, first:last]
        ordered = np.sort(own, axis=2)
        places = np.linspace(0, own.shape[2] - 1, number) if number > 1 else np.array([(own.shape[2] - 1) / 2])
        below = places.astype(np.int64)
        above = np.minimum(below + 1, own.shape[2] - 1)
        found = ordered[:, :, below] + (places - below).astype(np.float32) * (
            ordered[:, :, above] - ordered[:, :, below]
        )
        found[:, :, 1::2] -= own.mean(axis=2, keepdims=True)
        return np.asarray(found)

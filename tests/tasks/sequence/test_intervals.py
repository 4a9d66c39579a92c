"""Quantiles of intervals against numpy's, also of lengths that differ."""

import numpy as np
import pytest

from seqconv.tasks.sequence.intervals import Quantiles
from seqconv.tasks.sequence.views import STEPS, View


def define(steps: np.ndarray, length: int, share: int) -> list[float]:
    """The features of one channel of a sequence that has `length` steps where it is longest."""
    found: list[float] = []
    for depth in range(6):
        parts = 2**depth
        if parts > length:
            break
        number = 1 + (length // parts - 1) // share
        for place in range(2 * parts - 1):
            first = min(int(place / (2 * parts) * len(steps)), len(steps) - 1)
            last = int((place / (2 * parts) + 1 / parts) * len(steps))
            own = steps[first : max(last, first + 1)].astype(np.float64)
            quantiles = np.quantile(own, np.linspace(0, 1, number) if number > 1 else [0.5])
            quantiles[1::2] -= own.mean()
            found += quantiles.tolist()
    return found


@pytest.mark.parametrize(("length", "share"), [(1, 4), (2, 4), (7, 4), (64, 4), (100, 4), (100, 9)])
def test_quantiles_are_their_definition(length, share):
    random = np.random.default_rng(length)
    starts = np.array([0, 0, length // 2, length - 1])
    values = random.normal(size=(4, 2, length)).astype(np.float32)
    seen, quantiles = View(values, starts), Quantiles(STEPS, length, 2, share)
    found = quantiles.transform(seen, 1)
    assert found.shape == (4, quantiles.count)
    for row, channels, start in zip(found, values, starts, strict=True):
        per_channel = [define(channel[start:], length, share) for channel in channels]
        np.testing.assert_allclose(row, np.concatenate(per_channel), rtol=1e-4, atol=1e-5)

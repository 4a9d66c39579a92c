"""Intervals around forecasts: two more outputs for each target, the loss that makes them quantiles, and calibration.

A network with intervals returns three values for each answer: all middles `[N, outputs]`, then all low ends, then all
high ends. An interval that is to hold a share s of the truth ends at the quantiles (1 - s) / 2 and (1 + s) / 2.
"""

import math

import numpy as np

from seqconv.windows import Targets

VALUES = 3  # middle, low end, high end


def count_values(share: float) -> int:
    """Values that a network returns for each answer; `share` 0: no interval."""
    return VALUES if share else 1


def find_levels(share: float) -> tuple[float, float]:
    """Quantiles at which an interval ends.

    >>> find_levels(0.75)
    (0.125, 0.875)
    """
    return (1 - share) / 2, (1 + share) / 2


def take_middle(outputs: np.ndarray, targets: Targets) -> np.ndarray:
    """The outputs that answer `targets`: the middles of intervals; all of a network that has none, or of classes."""
    return outputs[:, : targets.shape[1]] if targets.ndim == 2 else outputs


def take_ends(outputs: np.ndarray, answers: int) -> np.ndarray | None:
    """The low and high ends `[2, N, answers]`; None: the network has none.

    Ends that cross the middle are put there, as quantiles do not cross; the middle, which scores are of, stays.

    Reference: Chernozhukov, Fernandez-Val and Galichon 2010, "Quantile and probability curves without crossing",
    Econometrica 78, 1093-1125 (they sort all estimates, which would move the middle).
    """
    if outputs.shape[1] != VALUES * answers:
        return None
    middle, low, high = np.split(outputs, VALUES, axis=1)
    return _clamp(np.stack([low, high]), middle)


def _clamp(ends: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.stack([np.minimum(ends[0], middle), np.maximum(ends[1], middle)])


def widen(ends: np.ndarray, middle: np.ndarray, margins: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Ends `[2, N, answers]` moved outwards by the margin of each answer, or inwards where it is below zero."""
    moved = np.array(margins, ends.dtype)
    return _clamp(np.stack([ends[0] - moved, ends[1] + moved]), middle)


def score_ends(ends: np.ndarray, targets: np.ndarray, share: float) -> np.ndarray:
    """Loss of each end, float64 `[2, N, answers]`: twice the quantile loss, as the absolute error is of the median.

    |d| + (1 - 2 q) d for the quantile q and the difference d of end and target.

    Args:
        ends: as the network returns them, `[2, N, answers]`.

    Reference: Koenker and Bassett 1978, "Regression quantiles", Econometrica 46, 33-50.
    """
    difference = ends.astype(np.float64) - targets
    return np.asarray(np.abs(difference) + _tilt(share) * difference)


def slope_ends(ends: np.ndarray, targets: np.ndarray, share: float) -> np.ndarray:
    """Derivative of each of `score_ends`."""
    return np.asarray(np.sign(ends.astype(np.float64) - targets) + _tilt(share))


def _tilt(share: float) -> np.ndarray:
    return np.array([1 - 2 * level for level in find_levels(share)])[:, None, None]


def fit_margins(ends: np.ndarray, targets: np.ndarray, share: float) -> tuple[float, ...]:
    """For each answer the margin with which the intervals hold that share of rows that training did not see.

    By how far the truth lies outside (below zero: inside) is sorted; the margin is number ceil((N + 1) share) of N, the
    last one where there are too few rows. Rows that could change places with those to come would be held by at least
    that share of intervals. Neighbouring rows of a series could not: what the test rows say is told beside it.

    Args:
        ends: `[2, N, answers]`.
        targets: `[N, answers]`.

    Reference: Romano, Patterson and Candes 2019, "Conformalized quantile regression", NeurIPS, theorem 1.
    """
    outside = np.sort(np.maximum(ends[0] - targets, targets - ends[1]), axis=0)
    place = min(math.ceil((len(outside) + 1) * share), len(outside)) - 1
    return tuple(float(margin) for margin in outside[place])

"""How far a distribution has moved: the population stability index, and what of it is chance."""

import math

import numpy as np

WATCH, DRIFT = 0.1, 0.25  # the usual bounds: below the first nothing has changed, above the second much has
STRETCHES = 40  # of each length, from which the chance is told
UNUSUAL = 0.95  # fraction of them that lie below
SMOOTHING = 0.5  # added to each count, so that an empty bin is a rare one


def stability_index(before: np.ndarray, now: np.ndarray) -> float:
    """The sum over bins of (q - p) log(q / p), p and q the fractions of counts `[B]` before and now; 0: the same.

    Reference: Siddiqi 2006, "Credit risk scorecards", Wiley, chapter 9 (also for the bounds 0.1 and 0.25); the sum is
    the divergence J of Jeffreys 1946, Proceedings of the Royal Society A 186, 453-461.
    """
    return float(_find_indexes(before, now[None])[0])


def _find_indexes(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The index of each row of counts `[S, B]`, `[S]`."""
    p, q = ((each + SMOOTHING) / (each + SMOOTHING).sum(axis=-1, keepdims=True) for each in (before, now))
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1))


def chance_levels(bins: np.ndarray, size: int, ends: np.ndarray) -> list[float]:
    """The index that stretches of neighbouring training examples show against all of them, of 1, 2, 4, ... up to half
    of the examples: for each length the value below which 95 % of the stretches lie.

    Stretches rather than random draws: a month of a series differs from its years though nothing has changed.

    Args:
        bins: the bin of each value, int64 `[M]`, example after example.
        size: number of bins.
        ends: the values up to the end of each example, ascending, int64 `[N]`.
    """
    whole, count, found = np.bincount(bins, minlength=size), len(ends), []
    starts = np.concatenate([[0], ends])
    for power in range(int(math.log2(max(count // 2, 1))) + 1):
        length = 2**power
        firsts = np.unique(np.linspace(0, count - length, min(STRETCHES, 8 * count // length)).round().astype(np.int64))
        spans = zip(starts[firsts].tolist(), starts[firsts + length].tolist(), strict=True)
        counts = np.stack([np.bincount(bins[begin:end], minlength=size) for begin, end in spans])
        found.append(float(np.quantile(_find_indexes(whole, counts), UNUSUAL)))
    return found


def chance_of(levels: list[float], before: int, now: int) -> float:
    """The index that `now` new examples show by chance next to `before` of training, of what `chance_levels` gives.

    The index of two independent sets grows with 1 / before + 1 / now, that of a stretch of L with 1 / L - 1 / before,
    as it is part of the whole. So L is such that both are the same; between two lengths lies a straight line over the
    logarithm.

    >>> chance_of([3.0, 1.0, 0.5], 8, 4), round(chance_of([3.0, 1.0, 0.5], 4, 10**9), 6)
    (1.0, 1.0)
    """
    length = 1 / (1 / max(now, 1) + 2 / before)
    return float(np.interp(math.log2(max(length, 1)), np.arange(len(levels)), levels))

"""Conformal correction of prediction intervals."""

import math

import numpy as np


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

"""Conformal correction of prediction intervals and of quantiles."""

import math

import numpy as np


def fit_margins(bounds: np.ndarray, targets: np.ndarray, coverage: float) -> tuple[float, ...]:
    """The conformal correction of each answer: how far its bounds move outwards to reach the nominal coverage.

    Each row's score is how far the target lies outside its interval (negative: inside). The correction is the
    ceil((N + 1) coverage)-th smallest of the N scores, or the largest if there are too few rows. If calibration rows
    and future rows are exchangeable, the corrected intervals cover at least `coverage` of the future ones. Neighbouring
    rows of a series are not exchangeable, so the coverage measured on the test rows is reported too.

    Args:
        bounds: lower and upper, `[2, N, answers]`.
        targets: `[N, answers]`.
        coverage: nominal, above 0 and below 1.

    Reference: Romano, Patterson and Candes 2019, "Conformalized quantile regression", NeurIPS, theorem 1.
    """
    scores = np.sort(np.maximum(bounds[0] - targets, targets - bounds[1]), axis=0)
    place = min(math.ceil((len(scores) + 1) * coverage), len(scores)) - 1
    return tuple(float(margin) for margin in scores[place])


def fit_shifts(quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...]) -> tuple[float, ...]:
    """The conformal correction of each quantile of each answer by itself, `[Q * answers]`: below a quantile moved by it
    lies the fraction of the targets that is its level.

    It is the quantile, at the same level, of what the targets are above the quantile, with N + 1 places for the next
    one: of N scores in order, number (N + 1) level, between two of them on a straight line.

    Args:
        quantiles: `[Q, N, answers]`.
        targets: `[N, answers]`.

    Reference: Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world" (N + 1); Hyndman and Fan 1996,
    "Sample quantiles in statistical packages", American Statistician 50, definition 6.
    """
    pairs = zip(levels, quantiles, strict=True)
    found = [np.quantile(targets - each, level, axis=0, method="weibull") for level, each in pairs]
    return tuple(float(shift) for shift in np.concatenate(found))

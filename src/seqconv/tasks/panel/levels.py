"""Quantiles at any levels, from those at `LEVELS` that every model forecasts.

A quantile lies on the line from the median through the next one that is as far out or further, or through the outermost
one: how far along, in units of that one's distance from the median, is learned from the validation forecasts. So its
distance follows the step of the horizon and the series, as that of the others does.
"""

from statistics import NormalDist

import numpy as np

from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN

PRIOR = 100  # values that a factor takes to be as of a normal distribution, next to those that are
NORMAL = NormalDist()


def find_bases(levels: tuple[float, ...]) -> np.ndarray:
    """The place in `LEVELS` of the quantile that each level is derived from, int64 `[Q]`."""
    found = []
    for level in levels:
        outer = [place for place, each in enumerate(LEVELS) if abs(each - 0.5) >= abs(level - 0.5) - 1e-9]
        side = [place for place in outer if place == MEDIAN or (place > MEDIAN) == (level > 0.5)]
        found.append(min(side, key=lambda place: abs(place - MEDIAN), default=len(LEVELS) - 1 if level > 0.5 else 0))
    return np.array(found, np.int64)


def guess_factors(levels: tuple[float, ...]) -> np.ndarray:
    """The factors of a normal distribution, `[Q]`; 1 for the levels that models forecast."""
    found = []
    for level, base in zip(levels, find_bases(levels), strict=True):
        same = abs(level - LEVELS[base]) < 1e-9
        found.append(1.0 if same else NORMAL.inv_cdf(level) / NORMAL.inv_cdf(float(LEVELS[base])))
    return np.array(found)


def fit_level_factors(quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """The factors with which quantiles hold their levels of the targets, `[Q]`; few values move them little.

    Args:
        quantiles: at `LEVELS`, `[N, H, 9]`.
        targets: `[N, H]`, NaN where none is known.
    """
    median, found = quantiles[..., MEDIAN], guess_factors(levels)
    for place, (level, base) in enumerate(zip(levels, find_bases(levels), strict=True)):
        distance = np.abs(quantiles[..., base] - median)
        usable = (distance > 1e-9) & ~np.isnan(targets)
        if found[place] == 1 or not usable.any():
            continue
        side = 1.0 if level > 0.5 else -1.0
        ratios = side * (targets - median)[usable] / distance[usable]
        own = max(float(np.quantile(ratios, max(level, 1 - level), method="weibull")), 0.0)
        found[place] = (len(ratios) * own + PRIOR * found[place]) / (len(ratios) + PRIOR)
    return found


def take_levels(quantiles: np.ndarray, levels: tuple[float, ...], factors: np.ndarray) -> np.ndarray:
    """Quantiles at these levels, ascending, `[..., Q]`, from those at `LEVELS`, `[..., 9]`."""
    median = quantiles[..., MEDIAN : MEDIAN + 1]
    bases = find_bases(levels)
    found = np.where(factors == 1, quantiles[..., bases], median + factors * (quantiles[..., bases] - median))
    return np.asarray(np.sort(found, axis=-1))

"""Quantiles that hold what they should: learned from the errors on validation forecasts, the newest of which say most,
and moved with the errors on rows that are newer than those of training."""

from collections.abc import Callable

import numpy as np

from seqconv.tasks.panel.features import PanelFeatures, PanelPart
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, average_known
from seqconv.tasks.panel.inputs import PanelInputs

ENOUGH = 200  # errors from which the quantiles of a step are taken
PRIOR = 100  # values that calibration takes to be as they should, next to those that are
HALF_LIFE = 10  # horizons after which an error counts half
NEWEST = 10  # horizons before a forecast whose errors it follows
NEWEST_HALF_LIFE = 3  # horizons after which an error counts half in what is followed
USUAL = 4  # weight of usual errors, as of a horizon before those that are followed


def weigh_by_age(inputs: PanelInputs) -> np.ndarray:
    """How much the errors of each example count, float64 `[N]`: half as much after every `HALF_LIFE` horizons."""
    newest = np.zeros(int(inputs.series.max(initial=0)) + 1, np.int64)
    np.maximum.at(newest, inputs.series, inputs.anchors)
    return np.asarray(0.5 ** ((newest[inputs.series] - inputs.anchors) / inputs.horizon / HALF_LIFE))


def adjust_levels(errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Levels to read from errors for quantiles at `LEVELS` of the next one: a little further out, as n errors leave
    n + 1 places for it.

    Args:
        errors: of N forecasts by step, NaN where none is known, `[N, H]`.
        weights: of the forecasts, `[N]`.

    Reference: Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world" (n + 1); Kish 1965, "Survey
    sampling" (what n is where weights differ, and where errors of one forecast are large or small together).
    """
    sizes = np.abs(errors)
    known = ~np.isnan(sizes)
    if not known.any():
        return LEVELS
    count = weights.sum() ** 2 / (weights**2).sum()
    total, between = sizes[known].var(), average_known(sizes)[known.any(axis=1)].var()
    count *= np.clip(total / between, 1, errors.shape[1]) if between > 0 else 1
    return np.asarray(np.clip(0.5 + (LEVELS - 0.5) * (1 + 1 / count), 0, 1))


def find_quantiles(values: np.ndarray, weights: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles of weighted values `[N]`, N at least 1."""
    order = np.argsort(values, kind="stable")
    own = weights[order]
    return np.asarray(np.interp(levels, (np.cumsum(own) - own / 2) / own.sum(), values[order]))


def fit_spread(points: np.ndarray, part: PanelPart) -> np.ndarray:
    """Quantiles of the errors of point forecasts by step, in units of the scale, float64 `[H, levels]`.

    Args:
        points: scaled forecasts `[N, H]`.
        part: their targets.

    Neighbouring steps are taken together until there are enough errors, and the quantiles never come closer as the
    horizon grows.
    """
    errors = np.asarray(part.targets) - points
    horizon = errors.shape[1]
    weights = weigh_by_age(part.inputs)
    levels, weights = adjust_levels(errors, weights), np.broadcast_to(weights[:, None], errors.shape)
    found = np.zeros((horizon, len(LEVELS)))
    for step in range(horizon):
        around = 0
        while True:
            steps = slice(max(step - around, 0), step + around + 1)
            known = ~np.isnan(errors[:, steps])
            if known.sum() >= ENOUGH or around >= horizon:
                break
            around += 1
        if known.any():
            found[step] = find_quantiles(errors[:, steps][known], weights[:, steps][known], levels)
    width = found - found[:, MEDIAN : MEDIAN + 1]
    low, high = np.minimum.accumulate(width[:, :MEDIAN]), np.maximum.accumulate(width[:, MEDIAN + 1 :])
    return np.concatenate([low, np.zeros((horizon, 1)), high], axis=1)


def fit_factors(quantiles: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Factors `[levels]` of the distances from the median with which quantiles `[N, H, levels]` hold what they should.

    Few validation values move them little.

    Args:
        targets: `[N, H]`.
        weights: of the forecasts, `[N]`.
    """
    median = quantiles[..., MEDIAN]
    found = np.ones(len(LEVELS))
    levels, weights = adjust_levels(targets - median, weights), np.broadcast_to(weights[:, None], targets.shape)
    for place, level in enumerate(levels):
        distance = np.abs(quantiles[..., place] - median)
        usable = (distance > 1e-9) & ~np.isnan(targets)
        if place == MEDIAN or not usable.any():
            continue
        side = 1.0 if level > 0.5 else -1.0
        ratios = side * (targets - median)[usable] / distance[usable]
        factor = max(float(find_quantiles(ratios, weights[usable], np.array(max(level, 1 - level)))), 0.05)
        found[place] = (usable.sum() * factor + PRIOR) / (usable.sum() + PRIOR)
    return found


def measure_misses(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The mean absolute error of the medians next to the mean width of the widest intervals, of each forecast, float64
    `[N]`; NaN where no value is known, or no interval has a width.

    Args:
        quantiles: `[N, H, levels]`.
        truth: `[N, H]`, in the same unit.
    """
    known = ~np.isnan(truth)
    errors = average_known(np.abs(quantiles[..., MEDIAN] - truth))
    widths = average_known(np.where(known, quantiles[..., -1] - quantiles[..., 0], np.nan))
    return np.asarray(np.where(known.any(axis=1) & (widths > 0), errors / np.where(widths > 0, widths, 1), np.nan))


def measure_usual(quantiles: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """What `measure_misses` finds on average, of forecasts with weights `[N]`; 0: nothing."""
    misses = measure_misses(quantiles, truth)
    known = ~np.isnan(misses)
    return float(np.average(misses[known], weights=weights[known])) if known.any() else 0.0


def follow_errors(
    features: PanelFeatures,
    inputs: PanelInputs,
    seen: int,
    usual: float,
    forecast: Callable[[PanelInputs], np.ndarray],
) -> np.ndarray:
    """How large errors are before each example next to what intervals expect, float64 `[N]`; 1 where no row is newer
    than those of training.

    They are those of the same model on the newest whole horizons, which show that the level of errors has changed since
    it was fitted.

    Args:
        seen: the first step that training did not see.
        usual: what `measure_usual` found.
        forecast: quantiles of examples in the unit of the target, `[N, H, levels]`.
    """
    anchors = inputs.anchors[:, None] - np.arange(1, NEWEST + 1) * features.horizon
    unseen = inputs.rows.steps[np.maximum(anchors, 0)] >= seen
    usable = unseen & (anchors - inputs.starts[:, None] >= max(features.lookback, features.season + 1))
    if usual <= 0 or not usable.any():
        return np.ones(len(inputs))
    example, place = np.nonzero(usable)
    earlier, turn = np.unique(anchors[usable], return_inverse=True)
    series = np.searchsorted(inputs.rows.offsets, earlier, side="right") - 1
    some = features.at(inputs.rows, series, earlier)
    misses = measure_misses(forecast(some), inputs.rows.values[some.ahead])[turn] / usual
    weights = np.where(np.isnan(misses), 0.0, 0.5 ** (place / NEWEST_HALF_LIFE))
    count = np.bincount(example, weights > 0, len(inputs))
    prior = USUAL * 0.5 ** (count / NEWEST_HALF_LIFE)
    total = prior + np.bincount(example, weights * np.nan_to_num(misses), len(inputs))
    return np.asarray(total / (prior + np.bincount(example, weights, len(inputs))))

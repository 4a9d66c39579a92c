"""Losses of outputs against targets, example by example, and the quantile loss of interval bounds."""

import numpy as np

from seqconv.networks.inputs import Targets

CLASS_LOSSES = ("binary_crossentropy", "categorical_crossentropy", "as_printed")


CLIP = 1e-7


CHUNK = 2**22  # values that are compared at once: forecasts may be far larger than the series


def example_losses(outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
    """Loss of each example, `[N]` float64; their mean is what training lowers.

    Cross-entropies take logits. `as_printed` is Keras 2's binary cross-entropy on the raw output, clipped to
    [1e-7, 1 - 1e-7]; `huber` has its bend at 1.
    """
    found = [_example_losses(outputs[rows], targets[rows], loss) for rows in cut_rows(outputs)]
    return np.concatenate(found) if found else np.empty(0)


def cut_rows(outputs: np.ndarray) -> list[slice]:
    """Pieces of the rows that hold at most `CHUNK` values."""
    rows = max(CHUNK // max(outputs.shape[1], 1), 1)
    return [slice(first, first + rows) for first in range(0, len(outputs), rows)]


def _example_losses(outputs: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    if loss == "categorical_crossentropy":
        logits = outputs.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        own = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
        return np.asarray(np.log(np.exp(logits).sum(axis=1)) - own)
    if loss == "binary_crossentropy":
        logits = outputs.astype(np.float64)
        each = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    elif loss == "as_printed":
        # clipped in float32, as Keras did: there 1 - 1e-7 is 1 - 1.19e-7, and the largest losses depend on it
        share = np.clip(outputs.astype(np.float32), CLIP, 1 - CLIP).astype(np.float64)
        each = -targets * np.log(share) - (1 - targets) * np.log1p(-share)
    else:
        each = _forecast_losses(outputs.astype(np.float64) - targets, loss)
    return np.asarray(each.mean(axis=1))


def _forecast_losses(difference: np.ndarray, loss: str) -> np.ndarray:
    size: np.ndarray = np.abs(difference)
    if loss == "mae":
        return size
    if loss == "mse":
        return size**2
    if loss == "huber":
        return np.where(size <= 1, 0.5 * size**2, size - 0.5)
    raise ValueError(f"unknown loss {loss!r}")


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

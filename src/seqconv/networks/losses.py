"""Losses of outputs against targets, example by example, and the quantile loss of bounds and other quantiles."""

import numpy as np

from seqconv.networks.inputs import Targets

CLASS_LOSSES = ("binary_crossentropy", "categorical_crossentropy", "as_printed")
CLIP = 1e-7
CHUNK = 2**22  # values compared at once: all forecasts together may be far larger than the series


def example_losses(outputs: np.ndarray, targets: Targets, loss: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Loss of each example, `[N]` float64; training minimises the mean.

    Cross-entropies take logits. `as_printed` is Keras 2's binary cross-entropy on the raw output, clipped to
    [1e-7, 1 - 1e-7]; `huber` turns linear at 1.

    Args:
        weights: factors of the losses, by example or by example and output, `[N, 1]` or `[N, outputs]`; None: 1.
    """
    found = [
        _example_losses(outputs[rows], targets[rows], loss, None if weights is None else weights[rows])
        for rows in cut_rows(outputs)
    ]
    return np.concatenate(found) if found else np.empty(0)


def cut_rows(outputs: np.ndarray) -> list[slice]:
    """Slices of the rows, each of at most `CHUNK` values."""
    rows = max(CHUNK // max(outputs.shape[1], 1), 1)
    return [slice(first, first + rows) for first in range(0, len(outputs), rows)]


def _example_losses(outputs: np.ndarray, targets: np.ndarray, loss: str, weights: np.ndarray | None) -> np.ndarray:
    if loss == "categorical_crossentropy":
        logits = outputs.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        own = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
        losses: np.ndarray = np.log(np.exp(logits).sum(axis=1)) - own
        return losses if weights is None else losses * weights[:, 0]
    if loss == "binary_crossentropy":
        logits = outputs.astype(np.float64)
        each = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    elif loss == "as_printed":
        # clipped in float32, as Keras did: there 1 - 1e-7 is 1 - 1.19e-7, and the largest losses depend on it
        probability = np.clip(outputs.astype(np.float32), CLIP, 1 - CLIP).astype(np.float64)
        each = -targets * np.log(probability) - (1 - targets) * np.log1p(-probability)
    else:
        each = _forecast_losses(outputs.astype(np.float64) - targets, loss)
    return np.asarray((each if weights is None else each * weights).mean(axis=1))


def _forecast_losses(difference: np.ndarray, loss: str) -> np.ndarray:
    size: np.ndarray = np.abs(difference)
    if loss == "mae":
        return size
    if loss == "mse":
        return size**2
    if loss == "huber":
        return np.where(size <= 1, 0.5 * size**2, size - 0.5)
    raise ValueError(f"unknown loss {loss!r}")


def values_per_answer(levels: tuple[float, ...]) -> int:
    """Values that a network returns for each answer: the point forecast, and quantiles at these levels."""
    return 1 + len(levels)


def quantile_losses(quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Loss of each quantile, float64 `[Q, N, answers]`: twice the quantile loss, the absolute error at the median.

    |d| + (1 - 2 q) d for the quantile level q and the difference d of quantile and target.

    Args:
        quantiles: as the network returns them, `[Q, N, answers]`.

    Reference: Koenker and Bassett 1978, "Regression quantiles", Econometrica 46, 33-50.
    """
    difference = quantiles.astype(np.float64) - targets
    return np.asarray(np.abs(difference) + _asymmetry(levels) * difference)


def quantile_slopes(quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Derivative of each of `quantile_losses` with respect to its quantile."""
    return np.asarray(np.sign(quantiles.astype(np.float64) - targets) + _asymmetry(levels))


def _asymmetry(levels: tuple[float, ...]) -> np.ndarray:
    return np.array([1 - 2 * level for level in levels])[:, None, None]

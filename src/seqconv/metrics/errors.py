"""Errors of answers against targets: of several labels, and of forecasts."""

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.losses import cut_rows

Metrics = dict[str, float]
HIGHER = (  # metrics of which more is better
    *("accuracy", "f1", "balanced_accuracy", "macro_f1", "micro_f1", "auc", "average_precision"),
)


def rank_metric(name: str, value: float) -> float:
    """A number that is smaller for better values of a metric; where the metric is not defined, infinity."""
    if np.isnan(value):
        return np.inf
    return -value if name in HIGHER else value


def compare_labels(chosen: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """1 - F1 of the labels chosen and those that hold, both 0 and 1 `[N, classes]`: float64 `[N]`; 0 without any."""
    either = chosen.sum(axis=1) + holds.sum(axis=1)
    return np.asarray(1 - np.where(either > 0, 2 * (chosen * holds).sum(axis=1) / np.maximum(either, 1), 1))


def measure_squares(outputs: np.ndarray, targets: Targets) -> np.ndarray:
    """The mean squared error of each output, float64 `[outputs]`."""
    rows = cut_rows(outputs)
    sums = (((outputs[some].astype(np.float64) - targets[some]) ** 2).sum(axis=0) for some in rows)
    return np.asarray(sum(sums, np.zeros(outputs.shape[1])) / len(outputs))


def measure_forecasts(outputs: np.ndarray, targets: Targets, scale: np.ndarray) -> Metrics:
    """`mae` in the target's unit, `mae_scaled` and `mse_scaled` in standard deviations of the training rows, and `n`.

    Args:
        scale: standard deviation of each output's target in the training rows, in its unit, `[outputs]`.
    """
    size, square = np.zeros((2, outputs.shape[1]))
    for rows in cut_rows(outputs):
        errors = outputs[rows].astype(np.float64) - targets[rows]
        size += np.abs(errors).sum(axis=0)
        square += (errors**2).sum(axis=0)
    size, square = size / len(outputs), square / len(outputs)
    return {
        "mae": float((size * scale).mean()),
        "mae_scaled": float(size.mean()),
        "mse_scaled": float(square.mean()),
        "n": len(targets),
    }

"""How a network's outputs are read: point forecasts, interval bounds and class probabilities."""

import numpy as np

from seqconv import _native
from seqconv.networks.inputs import Targets
from seqconv.networks.losses import INTERVAL_VALUES


def take_point_forecasts(outputs: np.ndarray, targets: Targets) -> np.ndarray:
    """The outputs that are compared with `targets`: the point forecasts of a network with intervals, else all."""
    return outputs[:, : targets.shape[1]] if targets.ndim == 2 else outputs


def take_bounds(outputs: np.ndarray, answers: int) -> np.ndarray | None:
    """The lower and upper bounds `[2, N, answers]`; None if the network has no intervals.

    Quantiles do not cross: a bound on the wrong side of the point forecast is set to it. The point forecast, which is
    what scores measure, does not move.

    Reference: Chernozhukov, Fernandez-Val and Galichon 2010, "Quantile and probability curves without crossing",
    Econometrica 78, 1093-1125 (they sort all estimates, which would move the point forecast).
    """
    if outputs.shape[1] != INTERVAL_VALUES * answers:
        return None
    point, lower, upper = np.split(outputs, INTERVAL_VALUES, axis=1)
    return _clamp(np.stack([lower, upper]), point)


def _clamp(bounds: np.ndarray, point: np.ndarray) -> np.ndarray:
    return np.stack([np.minimum(bounds[0], point), np.maximum(bounds[1], point)])


def correct_bounds(bounds: np.ndarray, point: np.ndarray, margins: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Bounds `[2, N, answers]` moved outwards by the conformal correction of each answer, inwards if it is negative."""
    moved = np.array(margins, bounds.dtype)
    return _clamp(np.stack([bounds[0] - moved, bounds[1] + moved]), point)


def probabilities(outputs: np.ndarray, multi_label: bool = False) -> np.ndarray:
    """Class probabilities `[N, classes]` from logits `[N, 1]` or `[N, classes]`, in their dtype, float32 or float64.

    Args:
        multi_label: classes are independent, each with a sigmoid of its own.
    """
    return np.asarray(_native.probabilities(np.ascontiguousarray(outputs), multi_label))

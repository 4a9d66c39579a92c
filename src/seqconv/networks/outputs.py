"""How a network's outputs are read: point forecasts, quantiles or the bounds of intervals, and class probabilities."""

import numpy as np

from seqconv import _native
from seqconv.networks.inputs import Targets


def take_point_forecasts(outputs: np.ndarray, targets: Targets) -> np.ndarray:
    """The outputs that are compared with `targets`: the point forecasts of a network with quantiles, else all."""
    return outputs[:, : targets.shape[1]] if targets.ndim == 2 else outputs


def take_bounds(outputs: np.ndarray, answers: int, quantiles: bool = False) -> np.ndarray | None:
    """What follows the point forecasts, lower and upper bounds `[2, N, answers]` or quantiles `[Q, N, answers]`; None:
    nothing.

    A bound on the wrong side of the point forecast is set to it. The point forecast, which is what scores measure, does
    not move. Quantiles are sorted once they are corrected.

    Args:
        quantiles: they are no bounds of an interval around the point forecast.
    """
    if outputs.shape[1] == answers:
        return None
    point, *others = np.split(outputs, outputs.shape[1] // answers, axis=1)
    return np.stack(others) if quantiles else _clamp(np.stack(others), point)


def _clamp(bounds: np.ndarray, point: np.ndarray) -> np.ndarray:
    return np.stack([np.minimum(bounds[0], point), np.maximum(bounds[1], point)])


def correct_bounds(bounds: np.ndarray, point: np.ndarray, margins: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Bounds `[2, N, answers]` moved outwards by the conformal correction of each answer, inwards if it is negative."""
    moved = np.array(margins, bounds.dtype)
    return _clamp(np.stack([bounds[0] - moved, bounds[1] + moved]), point)


def correct_quantiles(quantiles: np.ndarray, shifts: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Quantiles `[Q, N, answers]`, each moved by its conformal correction and then sorted, so that none cross.

    Args:
        shifts: of each quantile and answer, `[Q * answers]`.

    Reference: Chernozhukov, Fernandez-Val and Galichon 2010, "Quantile and probability curves without crossing",
    Econometrica 78, 1093-1125.
    """
    moved = np.array(shifts, quantiles.dtype).reshape(len(quantiles), 1, -1)
    return np.asarray(np.sort(quantiles + moved, axis=0))


def probabilities(outputs: np.ndarray, multi_label: bool = False) -> np.ndarray:
    """Class probabilities `[N, classes]` from logits `[N, 1]` or `[N, classes]`, in their dtype, float32 or float64.

    Args:
        multi_label: classes are independent, each with a sigmoid of its own.
    """
    return np.asarray(_native.probabilities(np.ascontiguousarray(outputs), multi_label))

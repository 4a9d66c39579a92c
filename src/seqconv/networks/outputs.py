"""A network's outputs read: point forecasts, interval bounds and class probabilities."""

import numpy as np

from seqconv import _native
from seqconv.networks.inputs import Targets
from seqconv.networks.losses import VALUES


def take_middle(outputs: np.ndarray, targets: Targets) -> np.ndarray:
    """The outputs that answer `targets`: the middles of intervals; all of a network that has none, or of classes."""
    return outputs[:, : targets.shape[1]] if targets.ndim == 2 else outputs


def take_ends(outputs: np.ndarray, answers: int) -> np.ndarray | None:
    """The low and high ends `[2, N, answers]`; None: the network has none.

    Ends that cross the middle are put there, as quantiles do not cross; the middle, which scores are of, stays.

    Reference: Chernozhukov, Fernandez-Val and Galichon 2010, "Quantile and probability curves without crossing",
    Econometrica 78, 1093-1125 (they sort all estimates, which would move the middle).
    """
    if outputs.shape[1] != VALUES * answers:
        return None
    middle, low, high = np.split(outputs, VALUES, axis=1)
    return _clamp(np.stack([low, high]), middle)


def _clamp(ends: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.stack([np.minimum(ends[0], middle), np.maximum(ends[1], middle)])


def widen(ends: np.ndarray, middle: np.ndarray, margins: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Ends `[2, N, answers]` moved outwards by the margin of each answer, or inwards where it is below zero."""
    moved = np.array(margins, ends.dtype)
    return _clamp(np.stack([ends[0] - moved, ends[1] + moved]), middle)


def probabilities(outputs: np.ndarray, multi_label: bool = False) -> np.ndarray:
    """Of each class, `[N, classes]`, from logits `[N, 1]` or `[N, classes]`; float32 or float64, as the logits are.

    Args:
        multi_label: each class has a probability of its own.
    """
    return np.asarray(_native.probabilities(np.ascontiguousarray(outputs), multi_label))

"""Declarations of weight arrays, and their initial values.

Reference: Glorot and Bengio 2010; Saxe et al. 2014, arXiv:1312.6120; keras.layers.Embedding, Conv1D, GRU, LSTM.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seqconv.networks.layers.base import Shape

Initial = Callable[[Shape, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Weight:
    """One array of a layer.

    Args:
        shape: of the array.
        initial: draws its first values.
        by_id: it has a row for every id or feature, and a batch uses only a few of them.
        trained: the optimiser updates it by its gradient; if not, training may still update it, as a moving average.
        least: no value is ever below it.
    """

    shape: Shape
    initial: Initial
    by_id: bool = False
    trained: bool = True
    least: float = -math.inf


def zeros(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """All 0."""
    return np.zeros(shape, np.float32)


def ones(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """All 1."""
    return np.ones(shape, np.float32)


def uniform(limit: float) -> Initial:
    """Uniform in ± `limit`."""
    return lambda shape, random: random.uniform(-limit, limit, shape)


def glorot(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """Uniform in ± sqrt(6 / (fan in + fan out)) for a kernel `[..., inputs, outputs]`."""
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    return random.uniform(-limit, limit, shape)


def orthogonal(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """Orthonormal rows, for a kernel with at most as many rows as columns."""
    tall, triangle = np.linalg.qr(random.normal(size=shape[::-1]))
    return np.asarray((tall * np.sign(np.diag(triangle))).T)

"""Layers that keep the shape and have no weights: activations, dropout, levels."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from seqconv.networks.layers.base import STEPS, Elementwise, Shape
from seqconv.networks.layers.settings import Count, Rate


class Activation(Elementwise, family=True):
    """A function of each value, with its slope; float32 or float64."""

    @abstractmethod
    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """y, written to `out` if there is one."""

    @abstractmethod
    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """dy / dx at `x`, where the value is `y`; may stay unwritten to `out`."""


@dataclass(frozen=True)
class Relu(Activation):
    """max(x, 0); NaN stays NaN."""

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """max(x, 0)."""
        return np.asarray(np.maximum(x, 0, out=out))

    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """1 where the output is positive, else 0."""
        return y > 0


@dataclass(frozen=True)
class Tanh(Activation):
    """tanh(x)."""

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """tanh(x)."""
        return np.asarray(np.tanh(x, out=out))

    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """1 - y^2."""
        np.multiply(y, y, out=out)
        np.subtract(1, out, out=out)
        return out


ACTIVATIONS: dict[str, type[Elementwise]] = {kind.kind(): kind for kind in (Relu, Tanh)}


@dataclass(frozen=True)
class Dropout(Elementwise):
    """Zero each value with probability `rate` in training and scale the rest by 1 / (1 - rate).

    Reference: Srivastava et al. 2014, JMLR 15, 1929-1958.
    """

    rate: Rate

    def details(self) -> list[str]:
        """Rate."""
        return [str(self.rate)]

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """One value for each value of the input."""
        return {"mask": (shape, self.rate)} if self.rate > 0 else {}


@dataclass(frozen=True)
class SubtractLast(Elementwise):
    """x less its newest step: `[B, L, C]` -> the same; the first `channels` of them, or 0: all.

    A level that training never saw then makes no difference.

    Reference: Zeng et al. 2023, arXiv:2205.13504 (NLinear).
    """

    channels: Count = 0
    reads = STEPS

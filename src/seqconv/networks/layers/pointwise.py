"""Layers that keep the shape and have no weights: activations, dropout, subtracting the last step."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from seqconv.networks.layers.base import STEPS, KeepsShape, Shape
from seqconv.networks.layers.settings import Count, Factor, Rate


class Activation(KeepsShape, family=True):
    """A function of each value, with its derivative; float32 or float64."""

    @abstractmethod
    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """y, written to `out` if given."""

    @abstractmethod
    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """dy / dx at `x`, where the function is `y`; may use `out` for the result."""


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


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """0.5 + 0.5 tanh(x / 2): equal, and never overflows."""
        y = np.tanh(np.multiply(x, 0.5, out=out), out=out)
        y = np.multiply(y, 0.5, out=out)
        return np.asarray(np.add(y, 0.5, out=out))

    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """y (1 - y)."""
        np.subtract(1, y, out=out)
        np.multiply(y, out, out=out)
        return out


@dataclass(frozen=True)
class Elu(Activation):
    """x where x > 0, else alpha (exp(x) - 1).

    Reference: Clevert, Unterthiner and Hochreiter 2016, arXiv:1511.07289; keras.layers.ELU.
    """

    alpha: Factor = 1.0

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """alpha (exp(min(x, 0)) - 1) + max(x, 0), where one term is always 0."""
        y = np.expm1(np.minimum(x, 0, out=out), out=out)
        y = np.multiply(y, self.alpha, out=out)
        return np.asarray(np.add(y, np.maximum(x, 0), out=out))

    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """1 where x > 0, else y + alpha."""
        return np.asarray(np.where(x > 0, x.dtype.type(1), y + x.dtype.type(self.alpha)))


@dataclass(frozen=True)
class Gelu(Activation):
    """x P(X <= x) for a standard normal X: the exact form, not the tanh approximation.

    Reference: Hendrycks and Gimpel 2016, arXiv:1606.08415; keras.activations.gelu (approximate=False).
    """

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """x times the normal distribution function."""
        return np.asarray(np.multiply(x, normal_cdf(x), out=out))

    def slope(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        """The normal distribution function plus x times its density."""
        np.multiply(x, np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)), out=out)
        np.add(out, normal_cdf(x), out=out)
        return out


# coefficients of the polynomial in 1 / (1 + z / 2), from the constant on
ERFC = (
    *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806),
    *(0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277),
)


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """P(X <= x) for a standard normal X, to a relative error of 1.2e-7, the precision of float32.

    Reference: Press et al. 1992, "Numerical Recipes in C", second edition, section 6.2 (`erfcc`).
    """
    z = np.abs(x) * math.sqrt(0.5)
    t = 1 / (1 + 0.5 * z)
    exponent = np.full_like(t, ERFC[-1])
    for coefficient in ERFC[-2::-1]:
        exponent = exponent * t + coefficient
    tail = 0.5 * t * np.exp(exponent - z * z)
    return np.asarray(np.where(x < 0, tail, 1 - tail))


@dataclass(frozen=True)
class Softmax(KeepsShape):
    """exp(x_c) / sum_k exp(x_k) over the channels c of each step, or of a vector.

    A network must not end in it: losses and predictions take logits and apply softmax themselves.

    Reference: keras.layers.Softmax (axis -1).
    """


ACTIVATIONS: dict[str, type[KeepsShape]] = {kind.kind(): kind for kind in (Relu, Tanh, Sigmoid, Elu, Gelu, Softmax)}


@dataclass(frozen=True)
class Dropout(KeepsShape):
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
class SpatialDropout(Dropout):
    """Zero each channel, at all steps, with probability `rate` in training and scale the rest by 1 / (1 - rate).

    Reference: Tompson et al. 2015, arXiv:1411.4280; keras.layers.SpatialDropout1D.
    """

    reads = STEPS

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """One value for each channel, `[1, C]`."""
        return {"mask": ((1, shape[1]), self.rate)} if self.rate > 0 else {}


@dataclass(frozen=True)
class SubtractLast(KeepsShape):
    """x minus its newest step: `[B, L, C]` -> the same; in the first `channels` channels (0: all).

    Levels that training never saw then make no difference.

    Reference: Zeng et al. 2023, arXiv:2205.13504 (NLinear).
    """

    channels: Count = 0
    reads = STEPS

"""Recurrent layers."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqconv.networks.layers.base import STEPS, Field, Layer, Shape
from seqconv.networks.layers.settings import Flag, Inputs, Rate, Size
from seqconv.networks.layers.weights import Weight, glorot, orthogonal, zeros


@dataclass(frozen=True)
class Recurrent(Layer, family=True):
    """All states of a recurrent cell: `[B, L, C]` -> `[B, L, units]`.

    Masks for the input (`dropout`) and for the previous state (`recurrent_dropout`): one of each per example and gate,
    the same at every step.

    Reference: Gal and Ghahramani 2016, arXiv:1512.05287 (masks).
    """

    inputs: Inputs
    units: Size
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    reads = STEPS
    gates: ClassVar[int]

    @property
    def width(self) -> int:
        """Pre-activations of all gates at one step."""
        return self.gates * self.units

    def bias(self) -> Weight:
        """One value for each unit of each gate."""
        return Weight((self.width,), zeros)

    def weights(self) -> dict[str, Weight]:
        """Kernels for input and state, the gates next to each other, and bias."""
        kernel = Weight((self.inputs, self.width), glorot)
        return {"kernel": kernel, "recurrent_kernel": Weight((self.units, self.width), orthogonal), "bias": self.bias()}

    def shape_after(self, shape: Shape) -> Shape:
        """`(L, units)`."""
        return (shape[0], self.units)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """Unbounded."""
        return field._replace(steps=None)

    def multiply_adds(self, shape: Shape) -> int:
        """Both kernels at every step."""
        return shape[0] * sum(math.prod(each.shape) for name, each in self.weights().items() if name != "bias")

    def details(self) -> list[str]:
        """Units; both rates if there is dropout."""
        dropped = self.dropout or self.recurrent_dropout
        rates = [f"dropout {self.dropout}", str(self.recurrent_dropout)] if dropped else []
        return [str(self.units), *rates]

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """Masks of the input and of the state, `[gates, C]` and `[gates, units]`."""
        found = {
            "input_mask": ((self.gates, self.inputs), self.dropout),
            "recurrent_mask": ((self.gates, self.units), self.recurrent_dropout),
        }
        return {name: (size, rate) for name, (size, rate) in found.items() if rate > 0}


@dataclass(frozen=True)
class SimpleRnn(Recurrent):
    """The plain recurrent layer, all states: h' = tanh((x m) W + (h n) U + b), `[B, L, C]` -> `[B, L, units]`, with
    masks m (dropout) and n (recurrent dropout).

    Reference: Elman 1990, "Finding structure in time", Cognitive Science 14; keras.layers.SimpleRNN.
    """

    gates = 1


@dataclass(frozen=True)
class Gru(Recurrent):
    """Gated recurrent unit, all states: `[B, L, C]` -> `[B, L, units]`.

    Gate order z, r, h. With masks m (dropout) and n (recurrent dropout), one of each per example and gate:
    z, r = sigmoid((x m) W + (h n) U + b); `reset_after` false: c = tanh((x m) W + (r h n) U + b);
    true: c = tanh((x m) W + b + r ((h n) U + b')), with a second bias; h' = z h + (1 - z) c.

    Reference: Cho et al. 2014, arXiv:1406.1078 (v1: reset before, v3: after); Gal and Ghahramani 2016 for the masks.
    """

    reset_after: Flag = False
    gates = 3

    def bias(self) -> Weight:
        """A second one if the reset gate comes after the product."""
        return Weight((2, self.width), zeros) if self.reset_after else super().bias()


@dataclass(frozen=True)
class Lstm(Recurrent):
    """Long short-term memory, all states: `[B, L, C]` -> `[B, L, units]`; gate order i, f, c, o; masks as for Gru.

    i, f, o = sigmoid(x W + h U + b), g = tanh(x W + h U + b), c' = f c + i g, h' = o tanh(c'). The bias of the forget
    gate starts at 1.

    Reference: Hochreiter and Schmidhuber 1997; forget bias 1: Jozefowicz et al. 2015.
    """

    gates = 4

    def bias(self) -> Weight:
        """One value for each unit of each gate; those of the forget gate start at 1."""
        return Weight((self.width,), self._open)

    def _open(self, shape: Shape, random: np.random.Generator) -> np.ndarray:
        bias = zeros(shape, random)
        bias[self.units : 2 * self.units] = 1
        return bias

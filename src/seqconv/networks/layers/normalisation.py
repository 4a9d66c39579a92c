"""Batch and layer normalisation."""

import math
from dataclasses import dataclass

from seqconv.networks.layers.base import ANY, Field, Layer, Shape
from seqconv.networks.layers.settings import Factor, Inputs, Rate
from seqconv.networks.layers.weights import Weight, ones, zeros


class _Normalisation(Layer, family=True):
    """Keeps the shape; has a gain and a bias for each channel."""

    inputs: int
    reads = ANY

    def weights(self) -> dict[str, Weight]:
        """Gain and bias, by Keras's names."""
        return {"gamma": Weight((self.inputs,), ones), "beta": Weight((self.inputs,), zeros)}

    def shape_after(self, shape: Shape) -> Shape:
        """The same."""
        return shape

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The same."""
        return field

    def multiply_adds(self, shape: Shape) -> int:
        """One for each value."""
        return math.prod(shape)

    def details(self) -> list[str]:
        """None."""
        return []


@dataclass(frozen=True)
class BatchNormalisation(_Normalisation):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel: `[B, ..., inputs]` -> the same.

    In training, mean and (biased) variance of a channel are taken over the batch and all its steps, and update the
    moving averages that prediction uses: moving = momentum moving + (1 - momentum) batch, starting at 0 and 1.

    Reference: Ioffe and Szegedy 2015, arXiv:1502.03167; keras.layers.BatchNormalization.
    """

    inputs: Inputs
    momentum: Rate = 0.99
    epsilon: Factor = 1e-3

    def weights(self) -> dict[str, Weight]:
        """Gain and bias, and the moving averages, which have no gradient."""
        mean = Weight((self.inputs,), zeros, trained=False)
        variance = Weight((self.inputs,), ones, trained=False, least=0)
        return super().weights() | {"moving_mean": mean, "moving_variance": variance}


@dataclass(frozen=True)
class LayerNormalisation(_Normalisation):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta: `[B, ..., inputs]` -> the same, with mean and (biased)
    variance over the channels of each step.

    Reference: Ba, Kiros and Hinton 2016, arXiv:1607.06450; keras.layers.LayerNormalization (axis -1).
    """

    inputs: Inputs
    epsilon: Factor = 1e-3

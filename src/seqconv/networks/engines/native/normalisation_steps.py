"""Batch and layer normalisation."""

import numpy as np

from seqconv.networks.engines.native.context import FLOAT, Context
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.normalisation import BatchNormalisation, LayerNormalisation

EXACT = np.dtype(np.float64)  # of means over many values


class NormalisationStep:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with moments over the rows or the columns of `[N, C]`.

    Args:
        axis: 0: over batch and steps; 1: over channels.
    """

    def __init__(self, context: Context, at: str, epsilon: float, axis: int) -> None:
        self.context, self.at, self.epsilon, self.axis = context, at, epsilon, axis

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ..., C]` -> the same shape."""
        context, at, flat = self.context, self.at, x.reshape(-1, x.shape[-1])
        self.normal = context.buffer(f"{at}.normal", flat.shape)
        y = context.buffer(f"{at}.y", x.shape)
        self.mean = flat.mean(axis=self.axis, keepdims=True, dtype=EXACT)
        np.subtract(flat, self.mean.astype(FLOAT), out=self.normal)
        square = np.multiply(self.normal, self.normal, out=y.reshape(flat.shape))
        self.variance = square.mean(axis=self.axis, keepdims=True, dtype=EXACT)
        self.scale = (1 / np.sqrt(self.variance + self.epsilon)).astype(FLOAT)
        self.normal *= self.scale
        np.multiply(self.normal, context.weights[f"{at}.gamma"], out=y.reshape(flat.shape))
        y += context.weights[f"{at}.beta"]
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Gradients of input, gain and bias.

        With n the normal values, g = dy gamma and s the scale: dx = s (g - mean(g) - n mean(g n)).
        """
        context, at, normal, axis = self.context, self.at, self.normal, self.axis
        flat, dx = dy.reshape(normal.shape), context.buffer(f"{at}.dx", dy.shape)
        work = dx.reshape(normal.shape)
        np.sum(flat, axis=0, out=context.gradient(f"{at}.beta"))
        np.sum(np.multiply(flat, normal, out=work), axis=0, out=context.gradient(f"{at}.gamma"))
        scaled = flat * context.weights[f"{at}.gamma"]
        level = scaled.mean(axis=axis, keepdims=True, dtype=EXACT).astype(FLOAT)
        along = np.multiply(scaled, normal, out=work).mean(axis=axis, keepdims=True, dtype=EXACT).astype(FLOAT)
        np.subtract(scaled, np.multiply(normal, along, out=work), out=work)
        work -= level
        work *= self.scale
        return dx


class LayerNormalisationStep(NormalisationStep):
    """Moments of each step over its channels."""

    def __init__(self, context: Context, at: str, layer: LayerNormalisation) -> None:
        super().__init__(context, at, layer.epsilon, axis=1)


class BatchNormalisationStep(NormalisationStep):
    """Moments of each channel over the batch, which update the moving averages that prediction uses."""

    def __init__(self, context: Context, at: str, layer: BatchNormalisation) -> None:
        super().__init__(context, at, layer.epsilon, axis=0)
        self.momentum = layer.momentum

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ..., C]` -> the same shape."""
        context, at = self.context, self.at
        names = f"{at}.moving_mean", f"{at}.moving_variance"
        if train:
            y = super().forward(x, masks, train)
            for name, found in zip(names, (self.mean, self.variance), strict=True):
                context.moved[name] = self.momentum * context.weights[name] + (1 - self.momentum) * found[0]
            return y
        return normalise_batch(x, context, at, self.epsilon, context.buffer(f"{at}.y", x.shape))


def normalise_batch(x: np.ndarray, context: Context, at: str, epsilon: float, out: np.ndarray) -> np.ndarray:
    """Batch normalisation in prediction, with the moving averages."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (context.weights[f"{at}.{name}"] for name in names)
    gain = gamma / np.sqrt(variance + FLOAT.type(epsilon))
    np.multiply(x, gain, out=out)
    out += beta - mean * gain
    return out

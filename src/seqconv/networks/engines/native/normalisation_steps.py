"""Batch normalisation."""

import numpy as np

from seqconv.networks.engines.native.context import FLOAT, Context
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.normalisation import BatchNormalisation

EXACT = np.dtype(np.float64)  # of means over many values


class BatchNormalisationStep:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments of each channel over batch and steps.

    They update the moving averages that prediction uses.
    """

    def __init__(self, context: Context, at: str, layer: BatchNormalisation) -> None:
        self.context, self.at, self.layer = context, at, layer

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ..., C]` -> the same shape."""
        context, at, epsilon = self.context, self.at, self.layer.epsilon
        y = context.buffer(f"{at}.y", x.shape)
        if not train:
            return normalise_batch(x, context, at, epsilon, y)
        rows, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
        self.normal = context.buffer(f"{at}.normal", rows.shape)
        mean = rows.mean(axis=0, keepdims=True, dtype=EXACT)
        np.subtract(rows, mean.astype(FLOAT), out=self.normal)
        variance = np.multiply(self.normal, self.normal, out=out).mean(axis=0, keepdims=True, dtype=EXACT)
        self.scale = (1 / np.sqrt(variance + epsilon)).astype(FLOAT)
        self.normal *= self.scale
        np.multiply(self.normal, context.weights[f"{at}.gamma"], out=out)
        y += context.weights[f"{at}.beta"]
        for name, found in (("moving_mean", mean), ("moving_variance", variance)):
            kept = self.layer.momentum * context.weights[f"{at}.{name}"]
            context.moved[f"{at}.{name}"] = kept + (1 - self.layer.momentum) * found[0]
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Gradients of input, gain and bias.

        With n the normal values, g = dy gamma and s the scale: dx = s (g - mean(g) - n mean(g n)).
        """
        context, at, normal = self.context, self.at, self.normal
        flat, dx = dy.reshape(normal.shape), context.buffer(f"{at}.dx", dy.shape)
        work = dx.reshape(normal.shape)
        np.sum(flat, axis=0, out=context.gradient(f"{at}.beta"))
        np.sum(np.multiply(flat, normal, out=work), axis=0, out=context.gradient(f"{at}.gamma"))
        scaled = flat * context.weights[f"{at}.gamma"]
        level = scaled.mean(axis=0, keepdims=True, dtype=EXACT).astype(FLOAT)
        along = np.multiply(scaled, normal, out=work).mean(axis=0, keepdims=True, dtype=EXACT).astype(FLOAT)
        np.subtract(scaled, np.multiply(normal, along, out=work), out=work)
        work -= level
        work *= self.scale
        return dx


def normalise_batch(x: np.ndarray, context: Context, at: str, epsilon: float, out: np.ndarray) -> np.ndarray:
    """Batch normalisation in prediction, with the moving averages."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (context.weights[f"{at}.{name}"] for name in names)
    gain = gamma / np.sqrt(variance + FLOAT.type(epsilon))
    np.multiply(x, gain, out=out)
    out += beta - mean * gain
    return out

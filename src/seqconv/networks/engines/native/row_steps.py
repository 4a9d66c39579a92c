"""GELU, softmax and layer normalisation: native kernels on the rows of `[N, C]`."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import Context
from seqconv.networks.engines.native.plain_steps import PlainStep
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.normalisation import LayerNormalisation


class GeluStep(PlainStep):
    """x times the normal distribution function."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, ...]` -> the same shape."""
        y = self.context.buffer(f"{self.at}.y", x.shape)
        _native.gelu(x, y, self.context.threads)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy times the derivative."""
        dx = self.like_input()
        _native.gelu_backward(self.x, dy, dx, self.context.threads)
        return dx


class SoftmaxStep(PlainStep):
    """exp(x) divided by its sum over the channels."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, ..., C]` -> the same shape."""
        y = self.context.buffer(f"{self.at}.y", x.shape)
        _native.softmax(_rows(x), _rows(y), self.context.threads)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """y (dy - sum(dy y))."""
        dx = self.like_input()
        _native.softmax_backward(_rows(self.y), _rows(dy), _rows(dx), self.context.threads)
        return dx


class LayerNormalisationStep:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments of each step over its channels."""

    def __init__(self, context: Context, at: str, layer: LayerNormalisation) -> None:
        self.context, self.at, self.epsilon = context, at, layer.epsilon

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ..., C]` -> the same shape."""
        context, at, rows = self.context, self.at, _rows(x)
        self.normal = context.buffer(f"{at}.normal", rows.shape)
        self.scale = context.buffer(f"{at}.scale", rows.shape[:1])
        y = context.buffer(f"{at}.y", x.shape)
        gamma, beta = context.weights[f"{at}.gamma"], context.weights[f"{at}.beta"]
        _native.layer_norm(rows, gamma, beta, self.epsilon, self.normal, self.scale, _rows(y), context.threads)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Gradients of input, gain and bias."""
        context, at = self.context, self.at
        dx = context.buffer(f"{at}.dx", dy.shape)
        sums = context.gradient(f"{at}.gamma"), context.gradient(f"{at}.beta")
        gamma = context.weights[f"{at}.gamma"]
        _native.layer_norm_backward(_rows(dy), self.normal, self.scale, gamma, _rows(dx), *sums, context.threads)
        return dx


def _rows(x: np.ndarray) -> np.ndarray:
    """`[B, ..., C]` as `[N, C]`."""
    return x.reshape(-1, x.shape[-1])

"""Convolutions without a native kernel of their own: padding on both sides, strides, depthwise."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import Context
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.convolution import Conv, Sliding


class PadStep:
    """The zero padding of a convolution, before the first step and after the last."""

    def __init__(self, context: Context, at: str, layer: Sliding) -> None:
        self.context, self.at, self.layer = context, at, layer

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, left + L + right, C]`."""
        batch, steps, channels = self.shape = x.shape
        self.left, right = self.layer.pads(steps)
        if not self.left + right:
            return x
        y = self.context.buffer(f"{self.at}.padded", (batch, self.left + steps + right, channels))
        y[:, : self.left] = 0
        y[:, self.left : self.left + steps] = x
        y[:, self.left + steps :] = 0
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy without the padding."""
        return np.ascontiguousarray(dy[:, self.left : self.left + self.shape[1]])


def _cut_windows(x: np.ndarray, layer: Sliding) -> np.ndarray:
    """A view `[B, L', K, C]` of what the taps read at every output step, of padded values `[B, L, C]`."""
    batch, steps, channels = x.shape
    per_example, per_step, per_channel = x.strides
    count = (steps - layer.reach - 1) // layer.stride + 1
    strides = (per_example, layer.stride * per_step, layer.dilation * per_step, per_channel)
    return np.lib.stride_tricks.as_strided(x, (batch, count, layer.kernel, channels), strides)


class StridedConvStep:
    """Conv with a stride, on padded values: one matrix product with the windows as rows."""

    def __init__(self, context: Context, at: str, layer: Conv, first: bool) -> None:
        self.context, self.at, self.layer, self.first = context, at, layer, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L', O]`."""
        context, windows = self.context, _cut_windows(x, self.layer)
        self.rows = context.buffer(f"{self.at}.rows", windows.shape)
        self.rows[...] = windows
        self.shape = x.shape
        y = context.buffer(f"{self.at}.y", (*windows.shape[:2], self.layer.filters))
        kernel = context.weights[f"{self.at}.kernel"].reshape(-1, self.layer.filters)  # [K * C, O]
        _native.matmul(self._flat(), kernel, y.reshape(-1, self.layer.filters), False, False, context.threads)
        y += context.weights[f"{self.at}.bias"]
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernel and bias."""
        context, filters = self.context, self.layer.filters
        flat, dkernel = dy.reshape(-1, filters), context.gradient(f"{self.at}.kernel").reshape(-1, filters)
        _native.matmul(self._flat(), flat, dkernel, True, False, context.threads)
        np.sum(flat, axis=0, out=context.gradient(f"{self.at}.bias"))
        if self.first:
            return None
        kernel = context.weights[f"{self.at}.kernel"].reshape(-1, filters)
        drows = context.buffer(f"{self.at}.drows", self.rows.shape)
        _native.matmul(flat, kernel, drows.reshape(-1, len(kernel)), False, True, context.threads)
        dx = context.buffer(f"{self.at}.dx", self.shape)
        dx[...] = 0
        windows = _cut_windows(dx, self.layer)
        for tap in range(self.layer.kernel):  # steps of one tap are distinct, those of two taps may coincide
            windows[:, :, tap] += drows[:, :, tap]
        return dx

    def _flat(self) -> np.ndarray:
        """The windows as rows `[B * L', K * C]`."""
        return self.rows.reshape(self.rows.shape[0] * self.rows.shape[1], -1)


class DepthwiseConvStep:
    """Each channel of padded values convolved separately, tap by tap.

    Args:
        kernel: name of the weight `[K, C, M]`.
        bias: name of the weight `[C * M]`, if there is one.
    """

    def __init__(self, context: Context, layer: Sliding, kernel: str, bias: str, first: bool) -> None:
        self.context, self.layer, self.kernel, self.bias, self.first = context, layer, kernel, bias, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L', C * M]`."""
        context, kernel = self.context, self.context.weights[self.kernel]
        self.x, windows = x, _cut_windows(x, self.layer)
        batch, steps = windows.shape[:2]
        y = context.buffer(f"{self.kernel}.y", (batch, steps, *kernel.shape[1:]))
        part = context.buffer(f"{self.kernel}.part", y.shape)
        y[...] = context.weights[self.bias].reshape(kernel.shape[1:]) if self.bias else 0
        for tap, weights in enumerate(kernel):
            y += np.multiply(windows[:, :, tap, :, None], weights, out=part)
        return y.reshape(batch, steps, -1)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernel and bias."""
        context, kernel, dkernel = self.context, self.context.weights[self.kernel], self.context.gradient(self.kernel)
        if self.bias:
            np.sum(dy.reshape(-1, dy.shape[2]), axis=0, out=context.gradient(self.bias))
        windows, split = _cut_windows(self.x, self.layer), dy.reshape(*dy.shape[:2], *kernel.shape[1:])
        part = context.buffer(f"{self.kernel}.part", split.shape)
        for tap in range(len(kernel)):
            np.sum(np.multiply(windows[:, :, tap, :, None], split, out=part), axis=(0, 1), out=dkernel[tap])
        if self.first:
            return None
        dx = context.buffer(f"{self.kernel}.dx", self.x.shape)
        dx[...] = 0
        back = _cut_windows(dx, self.layer)
        for tap, weights in enumerate(kernel):
            back[:, :, tap] += np.multiply(split, weights, out=part).sum(axis=3)
        return dx

"""Channels as examples of their own, and channels scaled by their own window."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import Context, Step, run_backward, run_forward
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.containers import VARIANCE_FLOOR, Channelwise, Normalise


class ChannelwiseStep:
    """Channelwise: the channels of a batch as examples of their own."""

    def __init__(self, context: Context, at: str, layer: Channelwise, body: list[Step], first: bool) -> None:
        self.context, self.at, self.layer, self.body, self.first = context, at, layer, body, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, H * C]`."""
        batch, length, inputs = self.shape = x.shape
        channels = self.layer.count(inputs)
        windows = self._swap(x, "windows", (batch, channels, length)).reshape(batch * channels, length, 1)
        own = {
            name: mask.reshape(-1, *mask.shape[2:]) for name, mask in masks.items() if name.startswith(f"{self.at}.")
        }
        inner = run_forward(self.body, windows, own, train)
        outputs = inner.shape[1]
        return self._swap(inner.reshape(batch, channels, outputs), "y", (batch, outputs, channels)).reshape(batch, -1)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The gradient of the input; None to the network's own."""
        batch, length, inputs = self.shape
        channels = self.layer.count(inputs)
        swapped = self._swap(dy.reshape(batch, -1, channels), "dy", (batch, channels, dy.shape[1] // channels))
        inner = run_backward(self.body, swapped.reshape(batch * channels, -1))
        if self.first:
            return None
        assert inner is not None
        dx = self.context.buffer(f"{self.at}.dx", self.shape)
        dx[..., channels:] = 0
        dx[..., :channels] = inner.reshape(batch, channels, length).transpose(0, 2, 1)
        return dx

    def _swap(self, x: np.ndarray, name: str, shape: tuple[int, int, int]) -> np.ndarray:
        y = self.context.buffer(f"{self.at}.{name}", shape)
        _native.swap_axes(x, y, self.context.threads)
        return y


class NormaliseStep:
    """Normalise: each channel by its own window, the body's outputs scaled back."""

    def __init__(self, context: Context, at: str, layer: Normalise, body: list[Step]) -> None:
        self.context, self.at, self.layer, self.body = context, at, layer, body

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, H * C]`."""
        context, at, batch, channels = self.context, self.at, len(x), self.layer.count(x.shape[2])
        normalised = context.buffer(f"{at}.x", x.shape)
        mean, self.deviation = context.buffer(f"{at}.moments", (2, batch, channels))
        _native.normalise(x, normalised, mean, self.deviation, VARIANCE_FLOOR, context.threads)
        inner = run_forward(self.body, normalised, masks, train)
        y = context.buffer(f"{at}.y", (batch, inner.shape[1] // channels, channels))
        np.multiply(inner.reshape(y.shape), self.deviation[:, None], out=y)
        y += mean[:, None]
        return y.reshape(batch, -1)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The gradients of the body's weights; the input, which is the network's own, gets none."""
        scaled = dy.reshape(len(dy), -1, self.deviation.shape[1]) * self.deviation[:, None]
        run_backward(self.body, scaled.reshape(dy.shape))
        return None

"""A body of steps for every channel alone."""

import numpy as np

from seqconv import _native
from seqconv.engines.steps import Context, Step
from seqconv.models import VARIANCE_FLOOR, Channelwise, Masks


class ChannelwiseStep:
    """Channelwise: the channels of a batch as examples of their own, each scaled by its own window."""

    def __init__(self, context: Context, at: str, layer: Channelwise, body: list[Step]) -> None:
        self.context, self.at, self.layer, self.body = context, at, layer, body

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, H * C]`."""
        context, at, (batch, length, inputs) = self.context, self.at, x.shape
        channels = self.layer.count(inputs)
        windows = context.buffer(f"{at}.windows", (batch * channels, length, 1))
        self.moments = context.buffer(f"{at}.moments", (batch * channels, 2))
        _native.split_channels(x, windows, self.moments, VARIANCE_FLOOR, context.threads)
        own = {name: mask.reshape(-1, *mask.shape[2:]) for name, mask in masks.items() if name.startswith(f"{at}.")}
        inner = windows
        for step in self.body:
            inner = step.forward(inner, own, train)
        y = context.buffer(f"{at}.y", (batch, inner.shape[1] * channels))
        _native.join_channels(inner, self.moments, y, context.threads)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The gradients of the body's weights; the input, which is the network's own, gets none."""
        inner: np.ndarray | None = self.context.buffer(
            f"{self.at}.dy", (len(self.moments), dy.size // len(self.moments))
        )
        _native.split_gradients(dy, self.moments, inner, self.context.threads)
        for step in reversed(self.body):
            assert inner is not None  # only the first step, which runs last here, gives none
            inner = step.backward(inner)
        return None

"""Layers that need no kernel of their own, written in numpy.

A step keeps what its backward pass needs from its last forward pass. The arrays that a step returns are buffers, which
its next call overwrites. Dropout applies only where a mask is given.
"""

from abc import ABC, abstractmethod

import numpy as np

from seqconv.errors import DataError
from seqconv.networks.engines.native.context import FLOAT, Context
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.pointwise import Activation


class PlainStep(ABC):
    """A layer without weights, written in numpy."""

    def __init__(self, context: Context, at: str) -> None:
        self.context, self.at = context, at
        self.x: np.ndarray = np.empty(0, FLOAT)
        self.y: np.ndarray = self.x

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """Output of the layer."""
        self.x, self.y = x, self.apply(x)
        return self.y

    @abstractmethod
    def apply(self, x: np.ndarray) -> np.ndarray:
        """Output for `x`."""

    @abstractmethod
    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Gradient of the input."""

    def like_input(self) -> np.ndarray:
        """The array to write the gradient of the input to."""
        return self.context.buffer(f"{self.at}.dx", self.x.shape)


class ActivationStep(PlainStep):
    """A function of each value."""

    def __init__(self, context: Context, at: str, layer: Activation) -> None:
        super().__init__(context, at)
        self.layer = layer

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, ...]` -> the same shape."""
        return self.layer.apply(x, self.context.buffer(f"{self.at}.y", x.shape))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy times the derivative."""
        dx = self.like_input()
        np.multiply(self.layer.slope(self.x, self.y, dx), dy, out=dx)
        return dx


class MaxPoolStep(PlainStep):
    """Maximum of every `size` neighbouring steps; of equal maxima the first gets the gradient."""

    def __init__(self, context: Context, at: str, size: int) -> None:
        super().__init__(context, at)
        self.size = size

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, L // size, C]`."""
        groups = self._group(x)
        self.winners = groups.argmax(axis=2, keepdims=True)
        return np.ascontiguousarray(np.take_along_axis(groups, self.winners, axis=2)[:, :, 0])

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """To the winners."""
        dx = self.like_input()
        dx[...] = 0
        np.put_along_axis(self._group(dx), self.winners, dy[:, :, None], axis=2)
        return dx

    def _group(self, x: np.ndarray) -> np.ndarray:
        kept = x.shape[1] // self.size
        return x[:, : kept * self.size].reshape(len(x), kept, self.size, -1)


class AveragePoolStep(PlainStep):
    """Mean of every `size` neighbouring steps."""

    def __init__(self, context: Context, at: str, size: int) -> None:
        super().__init__(context, at)
        self.size = size

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, L // size, C]`."""
        batch, length, channels = x.shape
        y = self.context.buffer(f"{self.at}.y", (batch, length // self.size, channels))
        kept = x[:, : y.shape[1] * self.size]
        np.add(kept[:, 0 :: self.size], 0, out=y)
        for place in range(1, self.size):
            y += kept[:, place :: self.size]
        y /= np.float32(self.size)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """An equal part for every step of a group; zero for the dropped steps."""
        dx = self.like_input()
        each = dy / np.float32(self.size)
        kept = dy.shape[1] * self.size
        for place in range(self.size):
            dx[:, place : kept : self.size] = each
        dx[:, kept:] = 0
        return dx


class GlobalMaxPoolStep(PlainStep):
    """Maximum over all steps; of equal maxima the first gets the gradient."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, C]`."""
        self.winners = x.argmax(axis=1, keepdims=True)
        return np.ascontiguousarray(np.take_along_axis(x, self.winners, axis=1)[:, 0])

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """To the winners."""
        dx = self.like_input()
        dx[...] = 0
        np.put_along_axis(dx, self.winners, dy[:, None], axis=1)
        return dx


class GlobalAveragePoolStep(PlainStep):
    """Mean over all steps."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, C]`."""
        return np.asarray(x.mean(axis=1))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """An equal part for every step."""
        dx = self.like_input()
        dx[...] = (dy / np.float32(self.x.shape[1]))[:, None]
        return dx


class LastStepStep(PlainStep):
    """The newest step."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, C]`."""
        return np.ascontiguousarray(x[:, -1])

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """To the newest step only."""
        dx = self.like_input()
        dx[:, :-1] = 0
        dx[:, -1] = dy
        return dx


class SubtractLastStep(PlainStep):
    """x minus its newest step."""

    def __init__(self, context: Context, at: str, channels: int) -> None:
        super().__init__(context, at)
        self.channels = channels or None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> the same shape."""
        y = self.context.buffer(f"{self.at}.y", x.shape)
        y[...] = x
        y[..., : self.channels] -= x[:, -1:, : self.channels]
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy, with the negative sum over the steps added to the newest."""
        dx = self.like_input()
        dx[...] = dy
        dx[:, -1, : self.channels] -= dy[..., : self.channels].sum(axis=1)
        return dx


class PatchStep(PlainStep):
    """Every `size` neighbouring steps joined into one."""

    def __init__(self, context: Context, at: str, size: int) -> None:
        super().__init__(context, at)
        self.size = size

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, L // size, size * C]`."""
        batch, length, channels = x.shape
        kept = x[:, length % self.size :]
        return np.ascontiguousarray(kept).reshape(batch, length // self.size, self.size * channels)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Back to the steps; zero for the dropped ones."""
        batch, length, channels = self.x.shape
        dropped = length % self.size
        if not dropped:
            return dy.reshape(self.x.shape)
        dx = self.like_input()
        dx[:, :dropped] = 0
        dx[:, dropped:] = dy.reshape(batch, length - dropped, channels)
        return dx


class FlattenStep(PlainStep):
    """All steps joined."""

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[B, L, C]` -> `[B, L * C]`."""
        return np.ascontiguousarray(x).reshape(len(x), -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Back to the steps."""
        return dy.reshape(self.x.shape)


class DropoutStep:
    """x times its mask.

    Args:
        whole: whole channels are dropped, so that a mask has one step.
    """

    def __init__(self, context: Context, at: str, whole: bool = False) -> None:
        self.context, self.at, self.whole = context, at, whole

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ...]` -> the same shape; `x` itself without a mask.

        Raises:
            DataError: the mask has another shape.
        """
        self.mask = masks.get(f"{self.at}.mask")
        if self.mask is None:
            return x
        shape = (len(x), 1, x.shape[2]) if self.whole else x.shape
        if self.mask.shape != shape:
            raise DataError(f"mask {self.at}.mask: must have shape {shape}; got {self.mask.shape}")
        y = self.context.buffer(f"{self.at}.y", x.shape)
        np.multiply(x, self.mask, out=y)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy times the mask."""
        if self.mask is None:
            return dy
        dx = self.context.buffer(f"{self.at}.dx", dy.shape)
        np.multiply(dy, self.mask, out=dx)
        return dx

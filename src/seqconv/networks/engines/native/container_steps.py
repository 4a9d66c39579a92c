"""Steps that contain steps: residual blocks, branches, both directions, bodies for channels."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import Context, Step, Tokens, run_backward, run_forward
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.containers import VARIANCE_FLOOR, Add, Channelwise, Concat, Normalise


class ResidualStep:
    """x + body(x)."""

    def __init__(self, context: Context, at: str, body: list[Step]) -> None:
        self.context, self.at, self.body = context, at, body

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, ...]` -> the same shape."""
        inner = run_forward(self.body, x, masks, train)
        y = self.context.buffer(f"{self.at}.y", x.shape)
        np.add(x, inner, out=y)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy, plus the gradient through the body."""
        inner = run_backward(self.body, dy)
        assert inner is not None  # a body never contains the first step of a network
        dx = self.context.buffer(f"{self.at}.dx", dy.shape)
        np.add(dy, inner, out=dx)
        return dx


class BidirectionalStep:
    """One body reads the steps forwards, another backwards."""

    def __init__(self, context: Context, at: str, bodies: tuple[list[Step], list[Step]], first: bool) -> None:
        self.context, self.at, self.bodies, self.first = context, at, bodies, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L', 2 U]`, or `[B, 2 U]`."""
        turned = self.context.buffer(f"{self.at}.turned", x.shape)
        turned[...] = x[:, ::-1]
        forward, backward = (
            run_forward(body, each, masks, train) for body, each in zip(self.bodies, (x, turned), strict=True)
        )
        y = self.context.buffer(f"{self.at}.y", (*forward.shape[:-1], 2 * forward.shape[-1]))
        return np.concatenate([forward, backward[:, ::-1] if backward.ndim == 3 else backward], axis=-1, out=y)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The sum of the gradients through both bodies."""
        forward, backward = np.split(dy, 2, axis=-1)
        turned = backward[:, ::-1] if dy.ndim == 3 else backward
        forwards = run_backward(self.bodies[0], np.ascontiguousarray(forward))
        backwards = run_backward(self.bodies[1], np.ascontiguousarray(turned))
        if self.first:
            return None
        assert forwards is not None
        assert backwards is not None
        dx = self.context.buffer(f"{self.at}.dx", forwards.shape)
        np.add(forwards, backwards[:, ::-1], out=dx)
        return dx


class BranchesStep:
    """Concat or Add: several lists of steps on the same input."""

    def __init__(self, context: Context, at: str, layer: Concat | Add, branches: list[list[Step]], first: bool) -> None:
        self.context, self.at, self.branches, self.first = context, at, branches, first
        self.joins = isinstance(layer, Concat)

    def forward(self, x: np.ndarray | Tokens, masks: Masks, train: bool) -> np.ndarray:
        """The joined outputs of the branches."""
        found = [run_forward(branch, x, masks, train) for branch in self.branches]
        if self.joins:
            self.ends = np.cumsum([part.shape[-1] for part in found])
            y = self.context.buffer(f"{self.at}.y", (*found[0].shape[:-1], int(self.ends[-1])))
            return np.concatenate(found, axis=-1, out=y)
        y = self.context.buffer(f"{self.at}.y", found[0].shape)
        y[...] = found[0]
        for part in found[1:]:
            y += part
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The sum of the gradients through the branches."""
        parts = np.split(dy, self.ends[:-1], axis=-1) if self.joins else [dy] * len(self.branches)
        total: np.ndarray | None = None
        for branch, part in zip(self.branches, parts, strict=True):
            inner = run_backward(branch, np.ascontiguousarray(part))
            if self.first:
                continue
            assert inner is not None
            if total is None:
                total = self.context.buffer(f"{self.at}.dx", inner.shape)
                total[...] = inner
            else:
                total += inner
        return total


class ChannelwiseStep:
    """Channelwise: every channel of a batch as a separate example."""

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
        """The gradient of the input; None for the network's own input."""
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
    """Normalise: each channel standardised by its own window, the body's outputs scaled back."""

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
        """The gradients of the body's weights; the input is the network's own and gets none."""
        scaled = dy.reshape(len(dy), -1, self.deviation.shape[1]) * self.deviation[:, None]
        run_backward(self.body, scaled.reshape(dy.shape))
        return None

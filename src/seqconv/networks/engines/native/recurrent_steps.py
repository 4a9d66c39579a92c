"""Recurrent layers, alone or fused with an embedding."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import Context, Tokens
from seqconv.networks.engines.native.token_steps import TokenTable
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.kinds import Gru, Lstm, SimpleRnn


def _create_cell(layer: Gru | Lstm) -> _native.Gru | _native.Lstm:
    if isinstance(layer, Gru):
        return _native.Gru(layer.inputs, layer.units, layer.reset_after)
    return _native.Lstm(layer.inputs, layer.units)


class RecurrentStep:
    """Gru or Lstm (+ LastStep) on values."""

    def __init__(self, context: Context, at: str, layer: Gru | Lstm, last: bool, first: bool) -> None:
        self.context, self.at, self.units, self.last, self.first = context, at, layer.units, last, first
        self.cell = _create_cell(layer)

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L, H]`, or `[B, H]` if only the last state is needed."""
        context, at = self.context, self.at
        y = context.buffer(f"{at}.y", (*x.shape[: 1 if self.last else 2], self.units))
        kernel, recurrent, bias = (context.weights[f"{at}.{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
        if train:
            input_mask, recurrent_mask = masks.get(f"{at}.input_mask"), masks.get(f"{at}.recurrent_mask")
            self.cell.forward(x, kernel, recurrent, bias, input_mask, recurrent_mask, y, context.threads)
        else:
            self.cell.predict(x, kernel, recurrent, bias, y, context.threads)
        self.x = x
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernels and bias."""
        context, at = self.context, self.at
        dx = None if self.first else context.buffer(f"{at}.dx", self.x.shape)
        kernel, recurrent = context.weights[f"{at}.kernel"], context.weights[f"{at}.recurrent_kernel"]
        dkernel, drecurrent, dbias = (
            context.gradient(f"{at}.{name}") for name in ("kernel", "recurrent_kernel", "bias")
        )
        self.cell.backward(kernel, recurrent, dy, dx, dkernel, drecurrent, dbias, context.threads)
        return dx


class EmbedRecurrentStep:
    """Embed + Gru or Lstm (+ LastStep), without dropout: the input product is a look-up."""

    def __init__(self, context: Context, at: str, cell_at: str, layer: Gru | Lstm, last: bool) -> None:
        self.context, self.at, self.cell_at, self.units, self.last = context, at, cell_at, layer.units, last
        self.cell = _create_cell(layer)
        self.table = TokenTable(context, at, f"{cell_at}.kernel")

    def forward(self, x: Tokens, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L]` -> `[B, L, H]`, or `[B, H]` if only the last state is needed."""
        context = self.context
        y = context.buffer(f"{self.at}.y", (*x.ids.shape[: 1 if self.last else 2], self.units))
        recurrent, bias = (context.weights[f"{self.cell_at}.{name}"] for name in ("recurrent_kernel", "bias"))
        run = self.cell.forward_tokens if train else self.cell.predict_tokens
        run(x.ids, self.table.product(x.rows), recurrent, bias, y, context.threads)
        return y

    def backward(self, dy: np.ndarray) -> None:
        """Gradients of embeddings, kernels and bias."""
        context, at = self.context, self.cell_at
        recurrent, dtable = context.weights[f"{at}.recurrent_kernel"], self.table.gradient()
        drecurrent, dbias = context.gradient(f"{at}.recurrent_kernel"), context.gradient(f"{at}.bias")
        self.cell.backward_tokens(recurrent, dy, dtable, drecurrent, dbias, context.threads)
        self.table.backward()


class SimpleRnnStep:
    """SimpleRnn: one matrix product for the inputs of all steps, then one per step for the state."""

    def __init__(self, context: Context, at: str, layer: SimpleRnn, first: bool) -> None:
        self.context, self.at, self.units, self.first = context, at, layer.units, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L, H]`."""
        context, at, (batch, steps, inputs) = self.context, self.at, x.shape
        self.masks = masks.get(f"{at}.input_mask"), masks.get(f"{at}.recurrent_mask")  # [B, 1, C] and [B, 1, H]
        self.x = context.buffer(f"{at}.x", (steps, batch, inputs))
        self.x[...] = (x if self.masks[0] is None else x * self.masks[0]).swapaxes(0, 1)
        self.states = context.buffer(
            f"{at}.states", (steps + 1, batch, self.units)
        )  # before each step, and after the last
        self.states[0] = 0
        kept, product = context.buffer(f"{at}.kept", (2, batch, self.units))
        _native.matmul(
            self.x.reshape(-1, inputs),
            context.weights[f"{at}.kernel"],
            self.states[1:].reshape(-1, self.units),
            False,
            False,
            context.threads,
        )
        self.states[1:] += context.weights[f"{at}.bias"]
        for before, now in zip(self.states, self.states[1:], strict=False):
            np.multiply(before, 1 if self.masks[1] is None else self.masks[1][:, 0], out=kept)
            _native.matmul(kept, context.weights[f"{at}.recurrent_kernel"], product, False, False, context.threads)
            np.tanh(np.add(now, product, out=now), out=now)
        y = context.buffer(f"{at}.y", (batch, steps, self.units))
        y[...] = self.states[1:].swapaxes(0, 1)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernels and bias."""
        context, at, threads = self.context, self.at, self.context.threads
        slopes = context.buffer(f"{at}.slopes", self.states[1:].shape)  # gradients of the arguments of tanh
        back = context.buffer(f"{at}.back", slopes.shape[1:])
        back[...] = 0
        factor = 1 if self.masks[1] is None else self.masks[1][:, 0]
        for step in reversed(range(len(slopes))):
            state = self.states[step + 1]
            np.multiply(dy[:, step] + back, 1 - state * state, out=slopes[step])
            _native.matmul(slopes[step], context.weights[f"{at}.recurrent_kernel"], back, False, True, threads)
            back *= factor
        flat = slopes.reshape(-1, self.units)
        kept = np.multiply(self.states[:-1], factor, out=self.states[:-1]).reshape(flat.shape)
        _native.matmul(kept, flat, context.gradient(f"{at}.recurrent_kernel"), True, False, threads)
        inputs = self.x.reshape(len(flat), -1)
        _native.matmul(inputs, flat, context.gradient(f"{at}.kernel"), True, False, threads)
        np.sum(flat, axis=0, out=context.gradient(f"{at}.bias"))
        if self.first:
            return None
        _native.matmul(flat, context.weights[f"{at}.kernel"], inputs, False, True, threads)  # x is no longer needed
        dx = context.buffer(f"{at}.dx", (dy.shape[0], dy.shape[1], self.x.shape[2]))
        np.multiply(self.x.swapaxes(0, 1), 1 if self.masks[0] is None else self.masks[0], out=dx)
        return dx

"""Steps that run one native kernel, with the layers fused into it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import FLOAT, INT, Context, PackedStep, RowGradient, Tokens
from seqconv.networks.engines.native.token_steps import TokenTable
from seqconv.networks.layers.base import Masks, Shape
from seqconv.networks.layers.kinds import Conv, Embed


@dataclass(frozen=True)
class ConvOptions:
    """A convolution and what its kernel also runs: relu, and the maximum over `pool` steps (1: none, 0: all steps)."""

    conv: Conv
    relu: bool
    pool: int

    @cached_property
    def lost(self) -> int:
        """By how many steps the output is shorter than the input."""
        return self.conv.reach - self.conv.left_pad

    def shape(self, batch: int, steps: int) -> Shape:
        """Output shape for inputs of that many steps."""
        kept = steps - self.lost
        return (batch, kept // self.pool, self.conv.filters) if self.pool else (batch, self.conv.filters)

    @cached_property
    def values(self) -> tuple[int, int, bool, int]:
        """The options in the order of the kernels' arguments."""
        return self.conv.dilation, self.conv.left_pad, self.relu, self.pool


class ConvStep(PackedStep):
    """Conv (+ Relu) (+ MaxPool or GlobalMaxPool) on values.

    Args:
        kernel: name of the kernel weight in the layer.
    """

    def __init__(self, context: Context, at: str, options: ConvOptions, first: bool, kernel: str = "kernel") -> None:
        super().__init__(context)
        self.at, self.options, self.first, self.kernel = at, options, first, f"{at}.{kernel}"

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L, C]` -> `[B, L', O]` or `[B, O]`."""
        context, options = self.context, self.options
        shape = options.shape(x.shape[0], x.shape[1])
        y = context.buffer(f"{self.at}.y", shape)
        if not train:
            self.layer.forward(x, y, context.threads)
            return y
        arg = context.buffer(f"{self.at}.arg", shape, INT) if options.pool != 1 else None
        kernel, bias = context.weights[self.kernel], context.weights[f"{self.at}.bias"]
        _native.conv_forward(x, kernel, bias, y, arg, *options.values, context.threads)
        self.saved = x, y, arg
        return y

    def create_layer(self) -> _native.Layer:
        """The convolution with packed weights."""
        weights = self.context.weights
        return _native.Convolution(weights[self.kernel], weights[f"{self.at}.bias"], *self.options.values)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernel and bias."""
        context, (x, y, arg) = self.context, self.saved
        dx = None if self.first else context.buffer(f"{self.at}.dx", x.shape)
        kernel = context.weights[self.kernel]
        dkernel, dbias = context.gradient(self.kernel), context.gradient(f"{self.at}.bias")
        _native.conv_backward(x, kernel, y, arg, dy, dx, dkernel, dbias, *self.options.values, context.threads)
        return dx


class EmbedConvStep(PackedStep):
    """Embed + Conv (+ Relu) (+ MaxPool or GlobalMaxPool): y[t] is a sum of K rows of the table."""

    def __init__(self, context: Context, at: str, conv_at: str, options: ConvOptions) -> None:
        super().__init__(context)
        self.at, self.conv_at, self.options = at, conv_at, options
        self.table = TokenTable(context, at, f"{conv_at}.kernel")

    def forward(self, x: Tokens, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L]` -> `[B, L', O]` or `[B, O]`."""
        context, options = self.context, self.options
        shape = options.shape(*x.ids.shape)
        y = context.buffer(f"{self.at}.y", shape)
        arg = context.buffer(f"{self.at}.arg", shape, INT) if train and options.pool != 1 else None
        table, bias = self._product(x.rows), context.weights[f"{self.conv_at}.bias"]
        _native.token_conv_forward(x.ids, table, bias, y, arg, *options.values, context.threads)
        self.saved = x.ids, y, arg
        return y

    def create_layer(self) -> _native.Layer:
        """The look-up with the table of the whole vocabulary."""
        bias = self.context.weights[f"{self.conv_at}.bias"]
        return _native.TokenConvolution(self._product(None), bias, *self.options.values)

    def _product(self, rows: np.ndarray | None) -> np.ndarray:
        return self.table.product(rows).reshape(-1, self.options.conv.kernel, self.options.conv.filters)

    def backward(self, dy: np.ndarray) -> None:
        """Gradients of embeddings, kernel and bias."""
        context, options, (ids, y, arg) = self.context, self.options, self.saved
        dtable = self.table.gradient().reshape(-1, options.conv.kernel, options.conv.filters)
        dbias = context.gradient(f"{self.conv_at}.bias")
        _native.token_conv_backward(ids, y, arg, dy, dtable, dbias, *options.values, context.threads)
        self.table.backward()


class EmbedStep:
    """Embed alone: a look-up convolution with one tap, whose table is the embedding."""

    def __init__(self, context: Context, at: str, embed: Embed) -> None:
        self.context, self.at = context, at
        self.options = ConvOptions(Conv(embed.width, embed.width, 1), False, 1)
        self.bias, self.dbias = np.zeros((2, embed.width), FLOAT)

    def forward(self, x: Tokens, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L]` -> `[B, L, width]`."""
        context, table = self.context, self.context.weights[f"{self.at}.embeddings"]
        if x.rows is not None:
            used = context.buffer(f"{self.at}.used", (len(x.rows), table.shape[1]))
            _native.gather_rows(table, x.rows, used, context.threads)
            table = used
        y = context.buffer(f"{self.at}.y", (*x.ids.shape, table.shape[1]))
        _native.token_conv_forward(x.ids, table[:, None], self.bias, y, None, *self.options.values, context.threads)
        self.saved = x, y
        return y

    def backward(self, dy: np.ndarray) -> None:
        """Gradient of the rows used."""
        context, (x, y) = self.context, self.saved
        assert x.rows is not None  # training compacts the ids
        values = context.buffer(f"{self.at}.dused", (len(x.rows), y.shape[2]))
        _native.token_conv_backward(
            x.ids, y, None, dy, values[:, None], self.dbias, *self.options.values, context.threads
        )
        context.gradients[f"{self.at}.embeddings"] = RowGradient(x.rows, values)


class DenseStep(PackedStep):
    """x W + b."""

    def __init__(self, context: Context, at: str, outputs: int, first: bool) -> None:
        super().__init__(context)
        self.at, self.outputs, self.first = at, outputs, first

    def forward(self, x: np.ndarray, masks: Masks, train: bool) -> np.ndarray:
        """`[B, inputs]` -> `[B, outputs]`."""
        context, self.x = self.context, x
        y = context.buffer(f"{self.at}.y", (len(x), self.outputs))
        self.layer.forward(x, y, context.threads)
        return y

    def create_layer(self) -> _native.Layer:
        """The layer on the weights, without a copy."""
        return _native.Dense(self.context.weights[f"{self.at}.kernel"], self.context.weights[f"{self.at}.bias"])

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """Gradients of input, kernel and bias."""
        context = self.context
        _native.matmul(self.x, dy, context.gradient(f"{self.at}.kernel"), True, False, context.threads)
        np.sum(dy, axis=0, out=context.gradient(f"{self.at}.bias"))
        if self.first:
            return None
        dx = context.buffer(f"{self.at}.dx", self.x.shape)
        _native.matmul(dy, context.weights[f"{self.at}.kernel"], dx, False, True, context.threads)
        return dx

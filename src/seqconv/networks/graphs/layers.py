"""Each layer as operators of ONNX, for prediction: dropout is left out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqconv.errors import ConfigError
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.graphs.recurrent import recur
from seqconv.networks.graphs.tokens import add_ngrams, add_rows
from seqconv.networks.layers.base import Layer, Plan, Shape, Weights
from seqconv.networks.layers.containers import VARIANCE_FLOOR
from seqconv.networks.layers.convolution import Sliding
from seqconv.networks.layers.kinds import (
    Add,
    AveragePool,
    BatchNormalisation,
    Bidirectional,
    Channelwise,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Elu,
    Embed,
    Flatten,
    Gelu,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    LayerNormalisation,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Relu,
    Residual,
    SeparableConv,
    Sigmoid,
    SimpleRnn,
    Softmax,
    SpatialDropout,
    SubtractLast,
    Tanh,
    TokenConv,
)
from seqconv.networks.layers.recurrent import Recurrent


class Spot(NamedTuple):
    """Where a layer stands.

    Args:
        weights: of all layers.
        prefix: of the names of its own.
        shape: of its input, without the batch.
    """

    graph: Graph
    weights: Weights
    prefix: str
    shape: Shape

    def array(self, name: str) -> np.ndarray:
        """One of its weights."""
        return self.weights[self.prefix + name]

    def weight(self, name: str, array: np.ndarray | None = None) -> str:
        """The same as a constant of the graph, or in another form."""
        return self.graph.constant(self.array(name) if array is None else array, self.prefix + name)

    def run(self, body: Plan, x: str, place: str = "") -> str:
        """One of its bodies, on values of the shape of its input."""
        return draw_plan(body, x, self._replace(prefix=self.prefix + place))


def draw_plan(plan: Plan, x: str, spot: Spot) -> str:
    """The plan applied to ids int64 `[B, L]` or values float32 `[B, L, C]`; the name of what comes out.

    Args:
        spot: shape of `x`, and prefix of the names of the plan's weights.

    Raises:
        ConfigError: a layer without a case here.
    """
    shape = spot.shape
    for index, layer in enumerate(plan):
        if type(layer) not in CASES:
            raise ConfigError(f"export: ONNX has no operators for the layer {layer.kind()!r}. Train without it")
        x = CASES[type(layer)](layer, x, spot._replace(prefix=f"{spot.prefix}{index}.", shape=shape))
        shape = layer.output_shape(shape)
    return x


def _swap(graph: Graph, x: str) -> str:
    """`[B, L, C]` to `[B, C, L]` and back."""
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _slide(layer: Sliding, x: str, spot: Spot, kernel: str, bias: str | None, groups: int = 1) -> str:
    """The layer's padding, stride and dilation with a kernel `[O, C / groups, K]`."""
    graph, operands = spot.graph, [kernel, *([] if bias is None else [bias])]
    pads, sizes = list(layer.pads(spot.shape[0])), {"dilations": [layer.dilation], "strides": [layer.stride]}
    y = graph.add("Conv", _swap(graph, x), *operands, pads=pads, group=groups, kernel_shape=[layer.kernel], **sizes)
    return _swap(graph, y)


def _convolve(layer: Conv, x: str, spot: Spot) -> str:
    return _slide(layer, x, spot, spot.weight("kernel", spot.array("kernel").transpose(2, 1, 0)), spot.weight("bias"))


def _by_channel(spot: Spot, name: str) -> str:
    """A kernel `[K, C, M]` as ONNX has it, `[C * M, 1, K]`."""
    kernel = spot.array(name)
    return spot.weight(name, kernel.transpose(1, 2, 0).reshape(-1, 1, len(kernel)))


def _convolve_channels(layer: DepthwiseConv, x: str, spot: Spot) -> str:
    return _slide(layer, x, spot, _by_channel(spot, "kernel"), spot.weight("bias"), layer.inputs)


def _convolve_separately(layer: SeparableConv, x: str, spot: Spot) -> str:
    each = _slide(layer, x, spot, _by_channel(spot, "depthwise_kernel"), None, layer.inputs)
    pointwise = spot.weight("pointwise_kernel", spot.array("pointwise_kernel")[0])
    return spot.graph.add("Add", spot.graph.add("MatMul", each, pointwise), spot.weight("bias"))


def _scale(layer: Gelu, x: str, spot: Spot) -> str:
    graph = spot.graph
    error = graph.add("Erf", graph.add("Mul", x, np.float32(np.sqrt(0.5))))
    return graph.add("Mul", graph.add("Mul", x, np.float32(0.5)), graph.add("Add", error, np.float32(1)))


def _normalise_batch(layer: BatchNormalisation, x: str, spot: Spot) -> str:
    variance = spot.array("moving_variance").astype(np.float64)
    gain = (spot.array("gamma") / np.sqrt(variance + layer.epsilon)).astype(np.float32)
    centred = spot.graph.add("Sub", x, spot.weight("moving_mean"))
    return spot.graph.add("Add", spot.graph.add("Mul", centred, spot.weight("gamma", gain)), spot.weight("beta"))


def _normalise_layer(layer: LayerNormalisation, x: str, spot: Spot) -> str:
    own = spot.weight("gamma"), spot.weight("beta")
    return spot.graph.add("LayerNormalization", x, *own, axis=-1, epsilon=float(layer.epsilon))


def _pool(layer: MaxPool | AveragePool, x: str, spot: Spot) -> str:
    graph, sizes = spot.graph, [layer.size]
    operator = "MaxPool" if isinstance(layer, MaxPool) else "AveragePool"
    return _swap(graph, graph.add(operator, _swap(graph, x), kernel_shape=sizes, strides=sizes))


def _subtract_last(layer: SubtractLast, x: str, spot: Spot) -> str:
    graph, channels = spot.graph, spot.shape[1]
    read = (np.arange(channels) < (layer.channels or channels)).astype(np.float32)
    return graph.add("Sub", x, graph.add("Mul", graph.cut(x, 1, -1), read))


def _patch(layer: Patch, x: str, spot: Spot) -> str:
    steps, channels = spot.shape
    whole = spot.graph.cut(x, 1, steps % layer.size)
    return spot.graph.reshape(whole, 0, steps // layer.size, layer.size * channels)


def _run_branches(layer: Concat | Add, x: str, spot: Spot) -> str:
    found = [spot.run(branch, x, place) for place, branch in layer.bodies().items()]
    return spot.graph.join(found, -1) if isinstance(layer, Concat) else spot.graph.add("Sum", *found)


def _run_both_ways(layer: Bidirectional, x: str, spot: Spot) -> str:
    def reverse(values: str) -> str:
        return spot.graph.cut(values, 1, -1, np.iinfo(np.int64).min, -1)

    forward, backward = spot.run(layer.body, x, "forward."), spot.run(layer.body, reverse(x), "backward.")
    steps = len(layer.inner_shape(spot.shape)) == 2
    return spot.graph.join([forward, reverse(backward) if steps else backward], -1)


def _run_channels(layer: Channelwise, x: str, spot: Spot) -> str:
    """The body's outputs for every channel, `[B, H * C]`."""
    graph, (steps, inputs) = spot.graph, spot.shape
    channels, (outputs,) = layer.count(inputs), layer.inner_shape(spot.shape)
    windows = graph.reshape(_swap(graph, graph.cut(x, 2, 0, channels)), -1, steps, 1)
    inner = draw_plan(layer.body, windows, spot._replace(shape=layer.entering(spot.shape)))
    return graph.reshape(_swap(graph, graph.reshape(inner, -1, channels, outputs)), 0, channels * outputs)


def _run_normalised(layer: Normalise, x: str, spot: Spot) -> str:
    """The body's outputs, scaled back, `[B, H * C]`."""
    graph, inputs = spot.graph, spot.shape[1]
    channels, (outputs,) = layer.count(inputs), layer.inner_shape(spot.shape)
    read = graph.cut(x, 2, 0, channels)
    mean = graph.reduce("ReduceMean", read, 1, keep=True)
    centred = graph.add("Sub", read, mean)
    variance = graph.reduce("ReduceMean", graph.add("Mul", centred, centred), 1, keep=True)
    deviation = graph.add("Sqrt", graph.add("Add", variance, np.float32(VARIANCE_FLOOR)))
    rest = [graph.cut(x, 2, channels)] if channels < inputs else []
    inner = spot.run(layer.body, graph.join([graph.add("Div", centred, deviation), *rest], -1))
    times = outputs // channels
    scale, shift = (graph.join([graph.reshape(each, 0, channels)] * times, -1) for each in (deviation, mean))
    return graph.add("Add", graph.add("Mul", inner, scale), shift)


def _recur(layer: Recurrent, x: str, spot: Spot) -> str:
    names = ("kernel", "recurrent_kernel", "bias")
    return recur(spot.graph, layer, x, {name: spot.array(name) for name in names}, spot.prefix)


def _multiply(layer: Dense, x: str, spot: Spot) -> str:
    return spot.graph.add("Gemm", x, spot.weight("kernel"), spot.weight("bias"))


def _leave(layer: Dropout, x: str, spot: Spot) -> str:
    return x


CASES: dict[type[Layer], Callable[[Any, str, Spot], str]] = {
    Embed: lambda layer, x, spot: spot.graph.add("Gather", spot.weight("embeddings"), x, axis=0),
    TokenConv: lambda layer, x, spot: add_rows(
        spot.graph, layer, x, spot.shape[0], spot.array("table"), spot.weight("bias")
    ),
    NgramBag: lambda layer, x, spot: add_ngrams(
        spot.graph, layer, x, spot.shape[0], spot.array("table"), spot.array("scale")
    ),
    Conv: _convolve,
    DepthwiseConv: _convolve_channels,
    SeparableConv: _convolve_separately,
    Relu: lambda layer, x, spot: spot.graph.add("Relu", x),
    Tanh: lambda layer, x, spot: spot.graph.add("Tanh", x),
    Sigmoid: lambda layer, x, spot: spot.graph.add("Sigmoid", x),
    Elu: lambda layer, x, spot: spot.graph.add("Elu", x, alpha=float(layer.alpha)),
    Gelu: _scale,
    Softmax: lambda layer, x, spot: spot.graph.add("Softmax", x, axis=-1),
    Dropout: _leave,
    SpatialDropout: _leave,
    SubtractLast: _subtract_last,
    BatchNormalisation: _normalise_batch,
    LayerNormalisation: _normalise_layer,
    MaxPool: _pool,
    AveragePool: _pool,
    GlobalMaxPool: lambda layer, x, spot: spot.graph.reduce("ReduceMax", x, 1),
    GlobalAveragePool: lambda layer, x, spot: spot.graph.reduce("ReduceMean", x, 1),
    LastStep: lambda layer, x, spot: spot.graph.take(x, 1, spot.shape[0] - 1),
    Patch: _patch,
    Flatten: lambda layer, x, spot: spot.graph.add("Flatten", x, axis=1),
    Residual: lambda layer, x, spot: spot.graph.add("Add", x, spot.run(layer.body, x)),
    Concat: _run_branches,
    Add: _run_branches,
    Bidirectional: _run_both_ways,
    Channelwise: _run_channels,
    Normalise: _run_normalised,
    SimpleRnn: _recur,
    Gru: _recur,
    Lstm: _recur,
    Dense: _multiply,
}

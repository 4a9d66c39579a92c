"""A plan as the source of a PyTorch module and its weights; PyTorch itself is not needed to write it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqconv.errors import ConfigError
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
from seqconv.networks.pytorch.source import HELPERS

BUFFERS = {"moving_mean": "running_mean", "moving_variance": "running_var", "gamma": "weight", "beta": "bias"}


class TorchModule(NamedTuple):
    """The source of the class `Network` with its helpers, and its `state_dict`."""

    source: str
    weights: Weights


@dataclass
class _Module:
    """The lines of a module so far.

    Args:
        init, forward: of its methods.
        helpers: names of `source.HELPERS` that it uses.
        variables: how many there are.
    """

    init: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    variables: int = 0

    def name(self) -> str:
        """A new variable of `forward`."""
        self.variables += 1
        return f"x{self.variables}"


class _Spot(NamedTuple):
    """Where a layer stands: the module, all weights, the prefix of the names of its own, the shape of its input."""

    module: _Module
    given: Weights
    prefix: str
    shape: Shape

    def array(self, name: str) -> np.ndarray:
        """One of its weights."""
        return self.given[self.prefix + name]

    def hold(self, layer: Layer, code: str, arrays: Weights, part: str = "") -> str:
        """The attribute that holds a part of the module, made by `code`, with the weights by their names in PyTorch."""
        name = f"{layer.kind()}{part}_{self.prefix.rstrip('.').replace('.', '_')}"
        self.module.init.append(f"self.{name} = {code}")
        for each, array in arrays.items():
            self.module.weights[f"{name}.{each}"] = np.array(array, np.float32, order="C")
        return f"self.{name}"

    def parameter(self, layer: Layer, name: str) -> str:
        """The attribute that holds one of its weights as it is."""
        array, attribute = self.array(name), f"{layer.kind()}_{self.prefix.rstrip('.').replace('.', '_')}_{name}"
        self.module.init.append(f"self.{attribute} = nn.Parameter(torch.empty({array.shape}))")
        self.module.weights[attribute] = np.array(array, np.float32, order="C")
        return f"self.{attribute}"

    def write(self, line: str) -> None:
        """A further line of `forward`."""
        self.module.forward.append(line)


def write_module(plan: Plan, weights: Weights, shape: Shape, ending: str) -> TorchModule:
    """The class of a network that reads ids int64 `[B, L]` or scaled values `[B, L, C]`.

    Args:
        ending: what makes probabilities of its outputs, `sigmoid` or `softmax`; empty: they are numbers.

    Raises:
        ConfigError: a layer without a case here.
    """
    module = _Module()
    end = _run(plan, "x", _Spot(module, weights, "", shape))
    forward = "\n".join(f"        {line}" for line in [*module.forward, f"return {end}"])
    init = "\n".join(f"        {line}" for line in ["super().__init__()", *module.init])
    answer = {"sigmoid": "torch.sigmoid(self(x))", "softmax": "self(x).softmax(-1)"}.get(ending)
    reads = "ids int64 [B, {}]" if len(shape) == 1 else "scaled values float32 [B, {}, {}]"
    lines = [
        *(HELPERS[name] for name in sorted(module.helpers)),
        f'\n\nclass Network(nn.Module):\n    """{reads.format(*shape)} -> [B, outputs]."""\n',
        f"\n    def __init__(self):\n{init}\n",
        f"\n    def forward(self, x):\n{forward}\n",
    ]
    if answer:
        lines.append(f'\n    def probabilities(self, x):\n        """Of the classes."""\n        return {answer}\n')
    return TorchModule("".join(lines), module.weights)


def _run(plan: Plan, x: str, spot: _Spot) -> str:
    """Lines that apply the plan to the variable `x`; the variable that holds the result."""
    y, shape = x, spot.shape
    for index, layer in enumerate(plan):
        if type(layer) not in CASES:
            raise ConfigError(f"export: PyTorch has no lines for the layer {layer.kind()!r}. Train without it")
        own = spot._replace(prefix=f"{spot.prefix}{index}.", shape=shape)
        code = CASES[type(layer)](layer, y, own)
        shape = layer.output_shape(shape)
        if code != y:
            y = spot.module.name() if y == x else y
            spot.write(f"{y} = {code}  # {', '.join(map(str, ('B', *shape)))}")
    return y


def _slide(layer: Sliding, x: str, spot: _Spot, kernel: str) -> str:
    """A convolution with the layer's padding, steps in front of channels before and after it."""
    pads = layer.pads(spot.shape[0])
    rows = f"{x}.transpose(1, 2)"
    rows = f"functional.pad({rows}, {pads})" if any(pads) else rows
    return f"{kernel}({rows}).transpose(1, 2)"


def _settings(layer: Sliding, **more: Any) -> str:
    own = {"stride": layer.stride, "dilation": layer.dilation, "groups": 1, "bias": True} | more
    usual = {"stride": 1, "dilation": 1, "groups": 1, "bias": True}
    return "".join(f", {name}={value}" for name, value in own.items() if value != usual[name])


def _convolve(layer: Conv, x: str, spot: _Spot) -> str:
    code = f"nn.Conv1d({layer.inputs}, {layer.filters}, {layer.kernel}{_settings(layer)})"
    arrays = {"weight": spot.array("kernel").transpose(2, 1, 0), "bias": spot.array("bias")}
    return _slide(layer, x, spot, spot.hold(layer, code, arrays))


def _by_channel(layer: DepthwiseConv | SeparableConv, spot: _Spot, name: str, **more: Any) -> tuple[str, np.ndarray]:
    """A convolution of each channel, and its weights `[C * M, 1, K]`."""
    outputs = layer.inputs * layer.multiplier
    code = f"nn.Conv1d({layer.inputs}, {outputs}, {layer.kernel}{_settings(layer, groups=layer.inputs, **more)})"
    return code, spot.array(name).transpose(1, 2, 0).reshape(outputs, 1, layer.kernel)


def _convolve_channels(layer: DepthwiseConv, x: str, spot: _Spot) -> str:
    code, kernel = _by_channel(layer, spot, "kernel")
    return _slide(layer, x, spot, spot.hold(layer, code, {"weight": kernel, "bias": spot.array("bias")}))


def _convolve_separately(layer: SeparableConv, x: str, spot: _Spot) -> str:
    code, kernel = _by_channel(layer, spot, "depthwise_kernel", bias=False)
    depthwise = spot.hold(layer, code, {"weight": kernel}, "_depthwise")
    pointwise = {"weight": spot.array("pointwise_kernel")[0].T, "bias": spot.array("bias")}
    code = f"nn.Linear({layer.inputs * layer.multiplier}, {layer.filters})"
    return f"{spot.hold(layer, code, pointwise, '_pointwise')}({_slide(layer, x, spot, depthwise)})"


def _multiply(layer: Dense, x: str, spot: _Spot) -> str:
    arrays = {"weight": spot.array("kernel").T, "bias": spot.array("bias")}
    return f"{spot.hold(layer, f'nn.Linear({layer.inputs}, {layer.outputs})', arrays)}({x})"


def _embed(layer: Embed, x: str, spot: _Spot) -> str:
    arrays = {"weight": spot.array("embeddings")}
    return f"{spot.hold(layer, f'nn.Embedding({layer.rows}, {layer.width})', arrays)}({x})"


def _add_rows(layer: TokenConv, x: str, spot: _Spot) -> str:
    spot.module.helpers.add("WordFilters")
    arrays = {name: spot.array(name) for name in ("table", "bias")}
    return f"{spot.hold(layer, f'WordFilters({layer.rows}, {layer.filters}, {layer.kernel})', arrays)}({x})"


def _bag(layer: NgramBag, x: str, spot: _Spot) -> str:
    spot.module.helpers.add("NgramBag")
    arrays = {name: spot.array(name) for name in ("table", "scale")}
    code = f"NgramBag({layer.rows}, {layer.outputs}, {layer.longest}, {layer.buckets}, {float(layer.gain)})"
    return f"{spot.hold(layer, code, arrays)}({x})"


def _normalise_batch(layer: BatchNormalisation, x: str, spot: _Spot) -> str:
    arrays = {BUFFERS[name]: spot.array(name) for name in layer.weights()}
    arrays["num_batches_tracked"] = np.zeros((), np.float32)
    code = f"nn.BatchNorm1d({layer.inputs}, eps={layer.epsilon}, momentum={round(1 - layer.momentum, 9)})"
    own = spot.hold(layer, code, arrays)
    return f"{own}({x})" if len(spot.shape) == 1 else f"{own}({x}.transpose(1, 2)).transpose(1, 2)"


def _normalise_layer(layer: LayerNormalisation, x: str, spot: _Spot) -> str:
    arrays = {BUFFERS[name]: spot.array(name) for name in layer.weights()}
    return f"{spot.hold(layer, f'nn.LayerNorm({layer.inputs}, eps={layer.epsilon})', arrays)}({x})"


def _recur(layer: Recurrent, x: str, spot: _Spot) -> str:
    """All states. Dropout of inputs and states, which acts in training alone, is left out."""
    kernel, recurrent, bias = (spot.array(name) for name in ("kernel", "recurrent_kernel", "bias"))
    sizes = f"{layer.inputs}, {layer.units}"
    if isinstance(layer, Gru) and not layer.reset_after:
        spot.module.helpers.add("GatedUnit")
        arrays = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
        return f"{spot.hold(layer, f'GatedUnit({sizes})', arrays)}({x})"
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    order = np.arange(layer.width)
    if isinstance(layer, Gru):  # r, z, n in PyTorch
        z, r, c = np.split(order, 3)
        order = np.concatenate([r, z, c])
    arrays = {"weight_ih_l0": kernel.T[order], "weight_hh_l0": recurrent.T[order]}
    arrays |= {"bias_ih_l0": both[0][order], "bias_hh_l0": both[1][order]}
    kind = {Gru: "GRU", Lstm: "LSTM", SimpleRnn: "RNN"}[type(layer)]
    return f"{spot.hold(layer, f'nn.{kind}({sizes}, batch_first=True)', arrays)}({x})[0]"


def _run_both_ways(layer: Bidirectional, x: str, spot: _Spot) -> str:
    forward = _run(layer.body, x, spot._replace(prefix=f"{spot.prefix}forward."))
    reverse = spot.module.name()
    spot.write(f"{reverse} = {x}.flip(1)")
    backward = _run(layer.body, reverse, spot._replace(prefix=f"{spot.prefix}backward."))
    backward = f"{backward}.flip(1)" if len(layer.inner_shape(spot.shape)) == 2 else backward
    return f"torch.cat([{forward}, {backward}], dim=-1)"


def _run_branches(layer: Add | Concat | Residual, x: str, spot: _Spot) -> str:
    places = layer.bodies().items()
    found = [_run(body, x, spot._replace(prefix=spot.prefix + place)) for place, body in places]
    if isinstance(layer, Concat):
        return f"torch.cat([{', '.join(found)}], dim=-1)"
    return " + ".join([x, *found] if isinstance(layer, Residual) else found)


def _run_channels(layer: Channelwise, x: str, spot: _Spot) -> str:
    """The body's outputs for every channel, `[B, H * C]`."""
    (steps, inputs), each = spot.shape, spot.module.name()
    channels, (outputs,) = layer.count(inputs), layer.inner_shape(spot.shape)
    spot.write(f"{each} = {x}[..., :{channels}].transpose(1, 2).reshape(-1, {steps}, 1)  # each channel by itself")
    inner = _run(layer.body, each, spot._replace(shape=layer.entering(spot.shape)))
    return f"{inner}.reshape(-1, {channels}, {outputs}).transpose(1, 2).flatten(1)"


def _run_normalised(layer: Normalise, x: str, spot: _Spot) -> str:
    """The body's outputs, scaled back, `[B, H * C]`."""
    channels, (outputs,) = layer.count(spot.shape[1]), layer.inner_shape(spot.shape)
    read, mean, deviation, scaled = (spot.module.name() for _ in range(4))
    spot.write(f"{read} = {x}[..., :{channels}]")
    spot.write(f"{mean} = {read}.mean(dim=1)")
    spot.write(f"{deviation} = ({read}.var(dim=1, correction=0) + {VARIANCE_FLOOR}).sqrt()")
    spot.write(f"{scaled} = ({read} - {mean}[:, None]) / {deviation}[:, None]  # by the window's own scale")
    if channels < spot.shape[1]:
        spot.write(f"{scaled} = torch.cat([{scaled}, {x}[..., {channels}:]], dim=-1)")
    inner, times = _run(layer.body, scaled, spot), outputs // channels
    return f"{inner} * {deviation}.repeat(1, {times}) + {mean}.repeat(1, {times})"


def _subtract_last(layer: SubtractLast, x: str, spot: _Spot) -> str:
    channels = layer.channels or spot.shape[1]
    if channels == spot.shape[1]:
        return f"{x} - {x}[:, -1:]"
    return f"torch.cat([{x}[..., :{channels}] - {x}[:, -1:, :{channels}], {x}[..., {channels}:]], dim=-1)"


def _patch(layer: Patch, x: str, spot: _Spot) -> str:
    steps, channels = spot.shape
    return f"{x}[:, {steps % layer.size}:].reshape(-1, {steps // layer.size}, {layer.size * channels})"


def _drop(layer: Dropout, x: str, spot: _Spot) -> str:
    if not layer.rate:
        return x
    if isinstance(layer, SpatialDropout):
        own = spot.hold(layer, f"nn.Dropout1d({layer.rate})", {})
        return f"{own}({x}.transpose(1, 2)).transpose(1, 2)"
    return f"{spot.hold(layer, f'nn.Dropout({layer.rate})', {})}({x})"


def _pool(layer: MaxPool | AveragePool, x: str, spot: _Spot) -> str:
    kind = "max" if isinstance(layer, MaxPool) else "avg"
    return f"functional.{kind}_pool1d({x}.transpose(1, 2), {layer.size}).transpose(1, 2)"


CASES: dict[type[Layer], Callable[[Any, str, _Spot], str]] = {
    Embed: _embed,
    TokenConv: _add_rows,
    NgramBag: _bag,
    Conv: _convolve,
    DepthwiseConv: _convolve_channels,
    SeparableConv: _convolve_separately,
    Relu: lambda layer, x, spot: f"functional.relu({x})",
    Tanh: lambda layer, x, spot: f"torch.tanh({x})",
    Sigmoid: lambda layer, x, spot: f"torch.sigmoid({x})",
    Elu: lambda layer, x, spot: f"functional.elu({x}, {layer.alpha})",
    Gelu: lambda layer, x, spot: f"functional.gelu({x})",
    Softmax: lambda layer, x, spot: f"{x}.softmax(-1)",
    Dropout: _drop,
    SpatialDropout: _drop,
    SubtractLast: _subtract_last,
    BatchNormalisation: _normalise_batch,
    LayerNormalisation: _normalise_layer,
    MaxPool: _pool,
    AveragePool: _pool,
    GlobalMaxPool: lambda layer, x, spot: f"{x}.amax(1)",
    GlobalAveragePool: lambda layer, x, spot: f"{x}.mean(1)",
    LastStep: lambda layer, x, spot: f"{x}[:, -1]",
    Patch: _patch,
    Flatten: lambda layer, x, spot: f"{x}.flatten(1)",
    Residual: _run_branches,
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

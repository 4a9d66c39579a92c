"""Layers of Keras as layers of a plan with their weights; what cannot be said in a plan is refused by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.errors import BundleError, shorten
from seqconv.networks.layers.base import ANY, VECTOR, Layer, Weights
from seqconv.networks.layers.kinds import (
    AveragePool,
    BatchNormalisation,
    Bidirectional,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Elu,
    Embed,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    LayerNormalisation,
    Lstm,
    MaxPool,
    Relu,
    SeparableConv,
    SimpleRnn,
    Softmax,
    SpatialDropout,
)
from seqconv.networks.layers.pointwise import ACTIVATIONS
from seqconv.networks.layers.pooling import _Groups

Part = tuple[Layer, Weights]  # a layer and its weights by its own names
IDS, STEPS, ONE_VECTOR = 1, 2, 0  # what a layer may read: ids, steps and channels, one vector


@dataclass(frozen=True)
class Source:
    """A layer in a file.

    Args:
        place: of its weights in `arrays`, such as `conv1d_1`.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    place: str
    arrays: Mapping[str, np.ndarray]

    @property
    def title(self) -> str:
        """For messages."""
        return f"layer {shorten(repr(self.name), 60)} ({shorten(self.kind, 60)})"

    def vars(self, inside: str = "") -> list[np.ndarray]:
        """Its weights in their order, or those of a part of it."""
        found: list[np.ndarray] = []
        while (array := self.arrays.get(f"{self.place}{inside}/vars/{len(found)}")) is not None:
            found.append(array)
        return found

    def refuse(self, problem: str) -> BundleError:
        """The error to raise where a plan cannot say what the layer does."""
        return BundleError(f"{self.title}: {problem}. Leave it out of the network, or keep it in Keras")

    def need(self, name: str, *allowed: Any) -> Any:
        """A setting that must have one of these values, the first of which is the default."""
        value = self.config.get(name, allowed[0])
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not any(type(value) is type(each) and value == each for each in allowed):
            shown = " or ".join(repr(each) for each in allowed)
            raise self.refuse(f"{name} must be {shown} here; got {shorten(repr(value), 60)}")
        return value

    def size(self, name: str) -> int:
        """A setting that is one whole number of at least 1."""
        value = self.config.get(name)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if type(value) is not int or value < 1:
            raise self.refuse(f"{name} must be a whole number of at least 1; got {shorten(repr(value), 60)}")
        return value

    def number(self, name: str, least: float = 0.0, default: float = 0.0) -> float:
        """A setting that is a number of at least `least`."""
        value = self.config.get(name, default)
        if type(value) not in (int, float) or not least <= value < float("inf"):
            raise self.refuse(f"{name} must be a number of at least {least:g}; got {shorten(repr(value), 60)}")
        return float(value)

    def activation(self, name: str = "activation") -> list[Part]:
        """The layers that an activation becomes."""
        value = self.config.get(name)
        if value in (None, "linear"):
            return []
        if not isinstance(value, str) or value not in ACTIVATIONS:
            raise self.refuse(f"{name} must be {', '.join(ACTIVATIONS)}; got {shorten(repr(value), 60)}")
        return [(ACTIVATIONS[value](), {})]

    def fit(self, layer: Layer, arrays: list[np.ndarray], names: list[str]) -> Part:
        """The layer with weights of these names; missing biases are zero.

        Raises:
            BundleError: arrays of another number or shape.
        """
        declared, given = layer.weights(), dict(zip(names, arrays, strict=False))
        for name, weight in declared.items():
            if name == "bias" and "bias" not in names:
                given[name] = np.zeros(weight.shape, np.float32)
            if len(arrays) != len(names) or given[name].shape != weight.shape:
                got = ", ".join(str(array.shape) for array in arrays) or "none"
                must = ", ".join(str(declared[each].shape) for each in names)
                raise BundleError(f"{self.title}: its weights must be of the shapes {must}; got {got}. Save it again")
        return layer, given


def read_layer(source: Source, rank: int) -> tuple[list[Part], int]:
    """The layers that one of Keras becomes, and what comes out of them.

    Args:
        rank: what it reads, `IDS`, `STEPS` or `ONE_VECTOR`.

    Raises:
        BundleError: a plan cannot say what it does, or its weights do not fit.
    """
    if source.kind == "Lambda":
        raise source.refuse("it holds code, which is never run")
    if source.kind not in READERS:
        raise source.refuse("there is no such layer here")
    _check_policy(source)
    parts: list[Part] = READERS[source.kind](source, rank)
    for layer, _ in parts:
        reads = layer.reads
        if reads is not ANY and rank != (ONE_VECTOR if reads is VECTOR else reads.rank):
            got = {IDS: "ids", STEPS: "steps and channels", ONE_VECTOR: "one vector"}[rank]
            raise source.refuse(f"it must read {reads.text.partition(';')[0]}; got {got}")
        rank = _rank_after(layer, rank)
    return parts, rank


def _rank_after(layer: Layer, rank: int) -> int:
    if isinstance(layer, Embed):
        return STEPS
    vectors = (GlobalMaxPool, GlobalAveragePool, LastStep, Flatten)
    ends = layer.body[-1:] if isinstance(layer, Bidirectional) else (layer,)
    return ONE_VECTOR if ends and isinstance(ends[-1], vectors) else rank


def _check_policy(source: Source) -> None:
    policy = source.config.get("dtype", "float32")
    name = policy.get("config", {}).get("name") if isinstance(policy, dict) else policy
    if source.kind != "Embedding" and name not in ("float32", "float64", "mixed_float16", "mixed_bfloat16"):
        raise source.refuse(f"dtype must be float32; got {shorten(repr(name), 60)}")


def _read_embedding(source: Source, rank: int) -> list[Part]:
    source.need("mask_zero", False)
    layer = Embed(source.size("input_dim"), source.size("output_dim"))
    return [source.fit(layer, source.vars(), ["embeddings"])]


def _sliding(source: Source) -> dict[str, Any]:
    """The settings that all convolutions share."""
    source.need("data_format", "channels_last")
    return {
        "kernel": source.size("kernel_size"),
        "dilation": source.size("dilation_rate"),
        "padding": source.need("padding", "valid", "same", "causal"),
        "stride": source.size("strides"),
    }


def _biased(source: Source, *names: str) -> list[str]:
    return [*names, "bias"] if source.need("use_bias", True, False) else [*names]


def _read_conv(source: Source, rank: int) -> list[Part]:
    source.need("groups", 1)
    arrays = source.vars()
    inputs = arrays[0].shape[1] if arrays and arrays[0].ndim == 3 else 0
    layer = Conv(inputs=inputs, filters=source.size("filters"), **_sliding(source))
    return [source.fit(layer, arrays, _biased(source, "kernel")), *source.activation()]


def _read_depthwise(source: Source, rank: int) -> list[Part]:
    arrays, sizes = source.vars(), _sliding(source)
    inputs = arrays[0].shape[1] if arrays and arrays[0].ndim == 3 else 0
    layer = DepthwiseConv(inputs=inputs, multiplier=source.size("depth_multiplier"), **sizes)
    return [source.fit(layer, arrays, _biased(source, "kernel")), *source.activation()]


def _read_separable(source: Source, rank: int) -> list[Part]:
    arrays = source.vars()
    inputs = arrays[0].shape[1] if arrays and arrays[0].ndim == 3 else 0
    sizes = {"multiplier": source.size("depth_multiplier"), **_sliding(source)}
    layer = SeparableConv(inputs=inputs, filters=source.size("filters"), **sizes)
    names = _biased(source, "depthwise_kernel", "pointwise_kernel")
    return [source.fit(layer, arrays, names), *source.activation()]


def _read_groups(kind: Callable[[int], _Groups]) -> Callable[[Source, int], list[Part]]:
    def read(source: Source, rank: int) -> list[Part]:
        size = source.size("pool_size")
        strides = source.config.get("strides")
        if strides not in (None, size, [size]):
            raise source.refuse(f"strides must be pool_size, {size}; got {shorten(repr(strides), 60)}")
        source.need("padding", "valid")
        source.need("data_format", "channels_last")
        return [(kind(size), {})]

    return read


def _read_global(kind: Callable[[], Layer]) -> Callable[[Source, int], list[Part]]:
    def read(source: Source, rank: int) -> list[Part]:
        source.need("keepdims", False)
        source.need("data_format", "channels_last")
        return [(kind(), {})]

    return read


def _check_axis(source: Source, rank: int) -> None:
    last = 1 if rank == ONE_VECTOR else 2
    source.need("axis", -1, last)


def _read_batch_normalisation(source: Source, rank: int) -> list[Part]:
    _check_axis(source, rank)
    arrays = source.vars()
    names = [name for name, flag in (("gamma", "scale"), ("beta", "center")) if source.need(flag, True, False)]
    names += ["moving_mean", "moving_variance"]
    width = len(arrays[-1]) if arrays and arrays[-1].ndim == 1 else 0
    momentum, epsilon = source.number("momentum", default=0.99), source.number("epsilon", 1e-12, 1e-3)
    layer = BatchNormalisation(width, momentum, epsilon)
    return [_complete(source, layer, arrays, names)]


def _read_layer_normalisation(source: Source, rank: int) -> list[Part]:
    _check_axis(source, rank)
    source.need("rms_scaling", False)
    arrays = source.vars()
    names = [name for name, flag in (("gamma", "scale"), ("beta", "center")) if source.need(flag, True, False)]
    if not arrays:
        raise source.refuse("scale or center must be true")
    layer = LayerNormalisation(len(arrays[0]), source.number("epsilon", 1e-12, 1e-3))
    return [_complete(source, layer, arrays, names)]


def _complete(source: Source, layer: Layer, arrays: list[np.ndarray], names: list[str]) -> Part:
    """A normalisation whose gain is 1 and bias 0 where it has none."""
    rest = {name: weight.initial(weight.shape, np.random.default_rng(0)) for name, weight in layer.weights().items()}
    if len(arrays) != len(names):
        return source.fit(layer, arrays, names)
    given = rest | dict(zip(names, arrays, strict=True))
    return source.fit(layer, [given[name] for name in layer.weights()], [*layer.weights()])


def _read_recurrent(kind: type[Any], cell: str = "/cell") -> Callable[[Source, int], list[Part]]:
    def read(source: Source, rank: int) -> list[Part]:
        for name in ("return_state", "go_backwards", "stateful", "time_major"):
            source.need(name, False)
        return _read_cell(source, kind, cell)

    return read


def _read_cell(source: Source, kind: type[Any], inside: str) -> list[Part]:
    """All states, and the last one alone unless the layer returns sequences."""
    source.need("activation", "tanh")
    if kind is not SimpleRnn:
        source.need("recurrent_activation", "sigmoid")
    arrays = source.vars(inside)
    inputs = arrays[0].shape[0] if arrays and arrays[0].ndim == 2 else 0
    extra = {"reset_after": source.need("reset_after", True, False)} if kind is Gru else {}
    rates = {name: source.number(name) for name in ("dropout", "recurrent_dropout")}
    layer = kind(inputs=inputs, units=source.size("units"), **rates, **extra)
    part = source.fit(layer, arrays, _biased(source, "kernel", "recurrent_kernel"))
    return [part] if source.need("return_sequences", False, True) else [part, (LastStep(), {})]


RECURRENT = {"GRU": Gru, "LSTM": Lstm, "SimpleRNN": SimpleRnn}


def _read_bidirectional(source: Source, rank: int) -> list[Part]:
    source.need("merge_mode", "concat")
    directions = []
    for place, key, backwards in (("forward_layer", "layer", False), ("backward_layer", "backward_layer", True)):
        inner = source.config.get(key) or source.config.get("layer")
        if not isinstance(inner, dict) or inner.get("class_name") not in RECURRENT:
            raise source.refuse(f"its layer must be {', '.join(RECURRENT)}; got {shorten(repr(inner), 60)}")
        config = inner.get("config", {})
        kind = inner["class_name"]
        own = Source(kind, f"{source.name}, {place}", config, f"{source.place}/{place}", source.arrays)
        own.need("go_backwards", False, key in source.config and backwards)
        for name in ("return_state", "stateful"):
            own.need(name, False)
        directions.append(_read_cell(own, RECURRENT[kind], "/cell"))
    forward, backward = directions
    if [layer for layer, _ in forward] != [layer for layer, _ in backward]:
        raise source.refuse("both directions must have the same settings")
    named = {
        f"{place}.{index}.{name}": array
        for place, parts in (("forward", forward), ("backward", backward))
        for index, (_, own_weights) in enumerate(parts)
        for name, array in own_weights.items()
    }
    return [(Bidirectional(tuple(layer for layer, _ in forward)), named)]


def _read_dense(source: Source, rank: int) -> list[Part]:
    """Of steps a convolution with a kernel of one step."""
    arrays, units, names = source.vars(), source.size("units"), _biased(source, "kernel")
    inputs = arrays[0].shape[0] if arrays and arrays[0].ndim == 2 else 0
    if rank == STEPS and arrays:
        wide = [arrays[0][None], *arrays[1:]]
        return [source.fit(Conv(inputs, units, 1), wide, names), *source.activation()]
    return [source.fit(Dense(inputs, units), arrays, names), *source.activation()]


def _read_dropout(kind: type[Dropout]) -> Callable[[Source, int], list[Part]]:
    def read(source: Source, rank: int) -> list[Part]:
        source.need("noise_shape", None)
        return [(kind(source.number("rate")), {})]

    return read


def _read_relu(source: Source, rank: int) -> list[Part]:
    source.need("max_value", None)
    for name in ("negative_slope", "threshold"):
        source.need(name, 0.0, 0)
    return [(Relu(), {})]


def _read_softmax(source: Source, rank: int) -> list[Part]:
    _check_axis(source, rank)
    return [(Softmax(), {})]


def _read_flatten(source: Source, rank: int) -> list[Part]:
    source.need("data_format", "channels_last")
    return [] if rank == ONE_VECTOR else [(Flatten(), {})]


READERS: dict[str, Callable[[Source, int], list[Part]]] = {
    "Embedding": _read_embedding,
    "Conv1D": _read_conv,
    "DepthwiseConv1D": _read_depthwise,
    "SeparableConv1D": _read_separable,
    "MaxPooling1D": _read_groups(MaxPool),
    "AveragePooling1D": _read_groups(AveragePool),
    "GlobalMaxPooling1D": _read_global(GlobalMaxPool),
    "GlobalAveragePooling1D": _read_global(GlobalAveragePool),
    "BatchNormalization": _read_batch_normalisation,
    "LayerNormalization": _read_layer_normalisation,
    **{name: _read_recurrent(kind) for name, kind in RECURRENT.items()},
    "Bidirectional": _read_bidirectional,
    "Dense": _read_dense,
    "Dropout": _read_dropout(Dropout),
    "SpatialDropout1D": _read_dropout(SpatialDropout),
    "Activation": lambda source, rank: source.activation(),
    "ReLU": _read_relu,
    "ELU": lambda source, rank: [(Elu(source.number("alpha", 1e-12, 1.0)), {})],
    "Softmax": _read_softmax,
    "Flatten": _read_flatten,
}

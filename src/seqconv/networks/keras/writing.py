"""A plan as a functional model of Keras; what Keras has no layer for is refused by its name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqconv.errors import ConfigError
from seqconv.networks.keras.reading import to_snake_case
from seqconv.networks.layers.base import Layer, Plan, Shape, Weights
from seqconv.networks.layers.convolution import Sliding
from seqconv.networks.layers.kinds import (
    Add,
    AveragePool,
    BatchNormalisation,
    Bidirectional,
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
    Relu,
    Residual,
    SeparableConv,
    Sigmoid,
    SimpleRnn,
    Softmax,
    SpatialDropout,
    Tanh,
)
from seqconv.networks.layers.recurrent import Recurrent

Config = dict[str, Any]
RECURRENT: dict[type[Layer], str] = {Gru: "GRU", Lstm: "LSTM", SimpleRnn: "SimpleRNN"}


class KerasModel(NamedTuple):
    """The content of a file, see `data.keras`."""

    config: Config
    arrays: dict[str, np.ndarray]


@dataclass
class _Model:
    """The layers so far, and the weights of all of them."""

    layers: list[Config] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, config: Config, reads: list["_Value"], shape: Shape, stored: dict[str, Any]) -> "_Value":
        """A new layer and what it gives.

        Args:
            stored: its weights, by the place of their group inside it.
        """
        place = to_snake_case(kind)
        number = self.counts[place] = self.counts.get(place, -1) + 1
        name = f"{place}_{number}" if number else place
        given = [each.describe() for each in reads]
        table = describe_object(kind, {"name": name, **config})
        args = [given] if len(given) > 1 else given
        nodes: list[Config] = [{"args": args, "kwargs": {}}] if given else []
        self.layers.append({**table, "name": name, "inbound_nodes": nodes})
        for inside, arrays in stored.items():
            self.arrays |= {f"{name}{inside}/vars/{at}": array for at, array in enumerate(arrays)}
        return _Value(name, shape)


def describe_object(kind: str, config: Config) -> Config:
    """A layer as Keras names it."""
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


class _Value(NamedTuple):
    """What a layer gives: its name, and the shape without the batch."""

    name: str
    shape: Shape

    def describe(self) -> Config:
        """For the layer that reads it."""
        history = [self.name, 0, 0]
        tensor = {"shape": [None, *self.shape], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": tensor}


class _Spot(NamedTuple):
    """Where a layer stands: the model, all weights, and the prefix of the names of its own."""

    model: _Model
    weights: Weights
    prefix: str

    def arrays(self, *names: str) -> list[np.ndarray]:
        """Some of its weights."""
        return [self.weights[self.prefix + name] for name in names]


def write_network(plan: Plan, weights: Weights, shape: Shape, ending: str) -> KerasModel:
    """A functional model that reads ids `[L]` or scaled values `[L, C]`.

    Args:
        ending: the activation to end in, `sigmoid` or `softmax`; empty: none.

    Raises:
        ConfigError: Keras has no such layer.
    """
    model = _Model()
    kind = "int32" if len(shape) == 1 else "float32"
    start = model.add("InputLayer", {"batch_shape": [None, *shape], "dtype": kind}, [], shape, {})
    end = _run(plan, start, _Spot(model, weights, ""))
    if ending:
        end = model.add("Activation", {"activation": ending}, [end], end.shape, {})
    inner = {"name": "model", "trainable": True, "layers": model.layers}
    inner |= {"input_layers": [start.name, 0, 0], "output_layers": [end.name, 0, 0]}
    table = {"module": "keras.src.models.functional", "class_name": "Functional", "config": inner}
    return KerasModel({**table, "registered_name": "Functional"}, model.arrays)


def _run(plan: Plan, x: _Value, spot: _Spot) -> _Value:
    for index, layer in enumerate(plan):
        own = spot._replace(prefix=f"{spot.prefix}{index}.")
        if isinstance(layer, LastStep) and index and isinstance(plan[index - 1], Recurrent):
            continue  # the recurrent layer before it gives its last state alone
        if isinstance(layer, Recurrent):
            x = _recur(layer, plan[index + 1 : index + 2], x, own)
            continue
        if type(layer) not in CASES:
            raise _refuse(f"no layer {layer.kind()!r}")
        x = CASES[type(layer)](layer, x, own)
    return x


def _refuse(lacking: str) -> ConfigError:
    """The error to raise where Keras has no such layer."""
    return ConfigError(f"export: Keras has {lacking}. Write an ONNX file (--onnx)")


def _sizes(layer: Sliding) -> Config:
    return {
        "kernel_size": [layer.kernel],
        "strides": [layer.stride],
        "padding": layer.padding,
        "dilation_rate": [layer.dilation],
    }


def _convolve(layer: Conv | DepthwiseConv | SeparableConv, x: _Value, spot: _Spot) -> _Value:
    if not isinstance(layer, Conv) and layer.padding == "causal":
        raise _refuse(f"no {layer.kind()!r} with causal padding")
    if layer.stride > 1 and layer.dilation > 1:
        raise _refuse(f"no {layer.kind()!r} with both stride and dilation")
    kind = {Conv: "Conv1D", DepthwiseConv: "DepthwiseConv1D", SeparableConv: "SeparableConv1D"}[type(layer)]
    config = _sizes(layer)
    config |= {} if isinstance(layer, Conv) else {"depth_multiplier": layer.multiplier}
    config |= {} if isinstance(layer, DepthwiseConv) else {"filters": layer.filters}
    arrays = spot.arrays(*layer.weights())
    return spot.model.add(kind, config, [x], layer.output_shape(x.shape), {"": arrays})


def _describe_cell(layer: Recurrent, last: bool) -> Config:
    rates = {"dropout": layer.dropout, "recurrent_dropout": layer.recurrent_dropout}
    extra = {"reset_after": layer.reset_after} if isinstance(layer, Gru) else {}
    return {"units": layer.units, "return_sequences": not last, **rates, **extra}


def _recur(layer: Recurrent, after: Plan, x: _Value, spot: _Spot) -> _Value:
    last = bool(after) and isinstance(after[0], LastStep)
    shape = (layer.units,) if last else layer.output_shape(x.shape)
    stored = {"/cell": spot.arrays(*layer.weights())}
    return spot.model.add(RECURRENT[type(layer)], _describe_cell(layer, last), [x], shape, stored)


def _run_both_ways(layer: Bidirectional, x: _Value, spot: _Spot) -> _Value:
    first, *rest = layer.body
    if not isinstance(first, Recurrent) or [type(each) for each in rest] not in ([], [LastStep]):
        raise _refuse("no 'bidirectional' of more than one recurrent layer")
    cell = {"name": f"{first.kind()}_inside", **_describe_cell(first, bool(rest))}
    stored = {
        f"/{side}_layer/cell": spot._replace(prefix=f"{spot.prefix}{side}.0.").arrays(*first.weights())
        for side in ("forward", "backward")
    }
    config = {"merge_mode": "concat", "layer": describe_object(RECURRENT[type(first)], cell)}
    return spot.model.add("Bidirectional", config, [x], layer.output_shape(x.shape), stored)


def _run_branches(layer: Add | Concat | Residual, x: _Value, spot: _Spot) -> _Value:
    found = [_run(body, x, spot._replace(prefix=spot.prefix + place)) for place, body in layer.bodies().items()]
    found = [x, *found] if isinstance(layer, Residual) else found
    if len(found) == 1:
        return found[0]
    kind, config = ("Concatenate", {"axis": -1}) if isinstance(layer, Concat) else ("Add", {})
    return spot.model.add(kind, config, found, layer.output_shape(x.shape), {})


def _plain(kind: str, settings: Callable[[Any], Config] = lambda layer: {}) -> Callable[[Any, _Value, _Spot], _Value]:
    """A layer of Keras whose weights have the order of ours."""

    def write(layer: Layer, x: _Value, spot: _Spot) -> _Value:
        stored = {"": spot.arrays(*layer.weights())}
        return spot.model.add(kind, settings(layer), [x], layer.output_shape(x.shape), stored)

    return write


def _activate(name: str) -> Callable[[Any, _Value, _Spot], _Value]:
    return _plain("Activation", lambda layer: {"activation": name})


def _pool(layer: MaxPool | AveragePool) -> Config:
    return {"pool_size": [layer.size], "strides": [layer.size]}


CASES: dict[type[Layer], Callable[[Any, _Value, _Spot], _Value]] = {
    Embed: _plain("Embedding", lambda layer: {"input_dim": layer.rows, "output_dim": layer.width}),
    Conv: _convolve,
    DepthwiseConv: _convolve,
    SeparableConv: _convolve,
    Relu: _activate("relu"),
    Tanh: _activate("tanh"),
    Sigmoid: _activate("sigmoid"),
    Elu: _plain("ELU", lambda layer: {"alpha": layer.alpha}),
    Gelu: _activate("gelu"),
    Softmax: _activate("softmax"),
    Dropout: _plain("Dropout", lambda layer: {"rate": layer.rate}),
    SpatialDropout: _plain("SpatialDropout1D", lambda layer: {"rate": layer.rate}),
    BatchNormalisation: _plain(
        "BatchNormalization", lambda layer: {"momentum": layer.momentum, "epsilon": layer.epsilon}
    ),
    LayerNormalisation: _plain("LayerNormalization", lambda layer: {"epsilon": layer.epsilon}),
    MaxPool: _plain("MaxPooling1D", _pool),
    AveragePool: _plain("AveragePooling1D", _pool),
    GlobalMaxPool: _plain("GlobalMaxPooling1D"),
    GlobalAveragePool: _plain("GlobalAveragePooling1D"),
    Flatten: _plain("Flatten"),
    Residual: _run_branches,
    Concat: _run_branches,
    Add: _run_branches,
    Bidirectional: _run_both_ways,
    Dense: _plain("Dense", lambda layer: {"units": layer.outputs}),
}

"""The contract of the layers: one table with a small example of each kind, worked out by hand."""

from dataclasses import dataclass, field
from typing import Any

from seqconv.networks.layers.base import IDS, VECTOR, Layer, Plan, Shape
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
from seqconv.networks.plan import shapes

ROWS = 9  # ids


@dataclass(frozen=True)
class Row:
    """A layer, and what is known of it from elsewhere: worked out by hand.

    Args:
        enters, leaves: shapes without the batch.
        recipe: settings that a user writes for it; what follows from the data is left out.
        grown: receptive field and stride after it, for 1 and 1 before.
        cost: multiply-adds.
    """

    layer: Layer
    enters: Shape
    leaves: Shape
    parameters: int
    label: str
    grown: tuple[int | None, int] = (1, 1)
    cost: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)


def _row(layer: Layer, leaves: Shape, parameters: int, label: str, **rest: Any) -> Row:
    """With `[7, 3]` steps and channels, 7 ids or 3 values, whatever the layer reads."""
    enters: Shape = {IDS: (7,), VECTOR: (3,)}.get(layer.reads, (7, 3))
    return Row(layer, enters, leaves, parameters, label, **rest)


TABLE: dict[str, Row] = {
    "embed": _row(Embed(ROWS, 2), (7, 2), 18, "Embed(9, 2)", recipe={"width": 2}),
    "token conv": _row(
        TokenConv(ROWS, 4, 2), (6, 4), 76, "TokenConv(4, 2)",
        grown=(2, 1), cost=6 * 2 * 4, recipe={"filters": 4, "kernel": 2},
    ),
    "token conv, kernel above the text": _row(
        TokenConv(ROWS, 4, 9), (1, 4), 328, "TokenConv(4, 9)",
        grown=(9, 1), cost=36, recipe={"filters": 4, "kernel": 9},
    ),
    "ngram bag": _row(
        NgramBag(ROWS, 3, 2, 5, 2.0), (3,), 2 * 14 * 3, "NgramBag(2, 5 buckets)",
        grown=(7, 1), cost=7 * 2 * 3, recipe={"outputs": 3, "longest": 2, "buckets": 5, "gain": 2.0},
    ),
    "conv": _row(
        Conv(3, 4, 3), (5, 4), 40, "Conv(4, 3)", grown=(3, 1), cost=5 * 36, recipe={"filters": 4, "kernel": 3}
    ),
    "conv, dilated": _row(
        Conv(3, 4, 3, 2), (3, 4), 40, "Conv(4, 3, dilation 2)",
        grown=(5, 1), cost=3 * 36, recipe={"filters": 4, "kernel": 3, "dilation": 2},
    ),
    "conv, causal": _row(
        Conv(3, 4, 3, 2, "causal"), (7, 4), 40, "Conv(4, 3, dilation 2, causal)",
        grown=(5, 1), cost=7 * 36, recipe={"filters": 4, "kernel": 3, "dilation": 2, "padding": "causal"},
    ),
    "conv, same": _row(
        Conv(3, 4, 4, 1, "same"), (7, 4), 52, "Conv(4, 4, same)",
        grown=(4, 1), cost=7 * 48, recipe={"filters": 4, "kernel": 4, "padding": "same"},
    ),
    "conv, strided": _row(
        Conv(3, 4, 3, stride=2), (3, 4), 40, "Conv(4, 3, stride 2)",
        grown=(3, 2), cost=3 * 36, recipe={"filters": 4, "kernel": 3, "stride": 2},
    ),
    "conv, strided, same": _row(
        Conv(3, 4, 3, 2, "same", 3), (3, 4), 40, "Conv(4, 3, stride 3, dilation 2, same)",
        grown=(5, 3), cost=3 * 36,
        recipe={"filters": 4, "kernel": 3, "dilation": 2, "padding": "same", "stride": 3},
    ),
    "conv, strided, causal": _row(
        Conv(3, 4, 2, 1, "causal", 2), (4, 4), 28, "Conv(4, 2, stride 2, causal)",
        grown=(2, 2), cost=4 * 24, recipe={"filters": 4, "kernel": 2, "padding": "causal", "stride": 2},
    ),
    "conv, stride above the kernel": _row(
        Conv(3, 4, 1, stride=3), (3, 4), 16, "Conv(4, 1, stride 3)",
        grown=(1, 3), cost=3 * 12, recipe={"filters": 4, "kernel": 1, "stride": 3},
    ),
    "depthwise conv": _row(
        DepthwiseConv(3, 3), (5, 3), 12, "DepthwiseConv(3)", grown=(3, 1), cost=5 * 9, recipe={"kernel": 3}
    ),
    "depthwise conv, several filters": _row(
        DepthwiseConv(3, 2, 2, 3, "same", 2), (4, 6), 18,
        "DepthwiseConv(2, stride 2, dilation 3, same, multiplier 2)",
        grown=(4, 2), cost=4 * 12,
        recipe={"kernel": 2, "multiplier": 2, "dilation": 3, "padding": "same", "stride": 2},
    ),
    "separable conv": _row(
        SeparableConv(3, 4, 3), (5, 4), 9 + 12 + 4, "SeparableConv(4, 3)",
        grown=(3, 1), cost=5 * (9 + 12), recipe={"filters": 4, "kernel": 3},
    ),
    "separable conv, several filters": _row(
        SeparableConv(3, 4, 3, 2, 1, "causal", 2), (4, 4), 18 + 24 + 4,
        "SeparableConv(4, 3, stride 2, causal, multiplier 2)",
        grown=(3, 2), cost=4 * (18 + 24),
        recipe={"filters": 4, "kernel": 3, "multiplier": 2, "padding": "causal", "stride": 2},
    ),
    "relu": _row(Relu(), (7, 3), 0, "Relu"),
    "tanh": _row(Tanh(), (7, 3), 0, "Tanh"),
    "sigmoid": _row(Sigmoid(), (7, 3), 0, "Sigmoid"),
    "elu": _row(Elu(0.5), (7, 3), 0, "Elu", recipe={"alpha": 0.5}),
    "gelu": _row(Gelu(), (7, 3), 0, "Gelu"),
    "softmax": _row(Softmax(), (7, 3), 0, "Softmax"),
    "dropout": _row(Dropout(0.4), (7, 3), 0, "Dropout(0.4)", recipe={"rate": 0.4}),
    "spatial dropout": _row(SpatialDropout(0.4), (7, 3), 0, "SpatialDropout(0.4)", recipe={"rate": 0.4}),
    "subtract last": _row(SubtractLast(2), (7, 3), 0, "SubtractLast", recipe={"channels": 2}),
    "batch normalisation": _row(
        BatchNormalisation(3, 0.9), (7, 3), 12, "BatchNormalisation", cost=21, recipe={"momentum": 0.9}
    ),
    "layer normalisation": _row(
        LayerNormalisation(3, 0.1), (7, 3), 6, "LayerNormalisation", cost=21, recipe={"epsilon": 0.1}
    ),
    "max pool": _row(MaxPool(2), (3, 3), 0, "MaxPool(2)", grown=(2, 2), recipe={"size": 2}),
    "average pool": _row(AveragePool(3), (2, 3), 0, "AveragePool(3)", grown=(3, 3), recipe={"size": 3}),
    "global max pool": _row(GlobalMaxPool(), (3,), 0, "GlobalMaxPool", grown=(7, 1)),
    "global average pool": _row(GlobalAveragePool(), (3,), 0, "GlobalAveragePool", grown=(7, 1)),
    "last step": _row(LastStep(), (3,), 0, "LastStep"),
    "patch": _row(Patch(2), (3, 6), 0, "Patch(2)", grown=(2, 2), recipe={"size": 2}),
    "flatten": _row(Flatten(), (21,), 0, "Flatten", grown=(7, 1)),
    "residual": _row(
        Residual((Conv(3, 3, 2, 2, "causal"), Relu())), (7, 3), 21, "Residual(Conv(3, 2, dilation 2, causal), Relu)",
        grown=(3, 1), cost=7 * 18,
        recipe={"layers": [
            {"layer": "conv", "filters": 3, "kernel": 2, "dilation": 2, "padding": "causal", "activation": "relu"},
        ]},
    ),
    "concat": _row(
        Concat(((Conv(3, 2, 2), LastStep()), (MaxPool(2), Flatten()))), (11,), 14,
        "Concat(Conv(2, 2), LastStep | MaxPool(2), Flatten)", grown=(6, 2), cost=6 * 12,
        recipe={"branches": [
            [{"layer": "conv", "filters": 2, "kernel": 2}, {"layer": "last_step"}],
            [{"layer": "max_pool", "size": 2}, {"layer": "flatten"}],
        ]},
    ),
    "add": _row(
        Add(((Conv(3, 3, 1),), (Tanh(), Dropout(0.3)))), (7, 3), 12, "Add(Conv(3, 1) | Tanh, Dropout(0.3))", cost=63,
        recipe={"branches": [
            [{"layer": "conv", "filters": 3, "kernel": 1}], [{"layer": "tanh"}, {"layer": "dropout", "rate": 0.3}],
        ]},
    ),
    "bidirectional": _row(
        Bidirectional((Gru(3, 4, 0.2, 0.3),)), (7, 8), 2 * 96, "Bidirectional(Gru(4, dropout 0.2, 0.3))",
        grown=(None, 1), cost=2 * 7 * 84,
        recipe={"layers": [{"layer": "gru", "units": 4, "dropout": 0.2, "recurrent_dropout": 0.3}]},
    ),
    "bidirectional, last states": _row(
        Bidirectional((Lstm(3, 2), LastStep())), (4,), 2 * 48, "Bidirectional(Lstm(2), LastStep)",
        grown=(None, 1), cost=2 * 7 * 40,
        recipe={"layers": [{"layer": "lstm", "units": 2}, {"layer": "last_step"}]},
    ),
    "channelwise": _row(
        Channelwise((Dropout(0.3), Flatten(), Dense(7, 2)), 2), (4,), 16,
        "Channelwise(Dropout(0.3), Flatten, Dense(2))", grown=(7, 1), cost=2 * 14,
        recipe={"channels": 2, "layers": [
            {"layer": "dropout", "rate": 0.3}, {"layer": "flatten"}, {"layer": "dense", "outputs": 2},
        ]},
    ),
    "normalise": _row(
        Normalise((Flatten(), Dense(21, 6)), 2), (6,), 132, "Normalise(Flatten, Dense(6))", grown=(7, 1), cost=126,
        recipe={"channels": 2, "layers": [{"layer": "flatten"}, {"layer": "dense", "outputs": 6}]},
    ),
    "simple rnn": _row(
        SimpleRnn(3, 4), (7, 4), 32, "SimpleRnn(4)", grown=(None, 1), cost=7 * 28, recipe={"units": 4}
    ),
    "simple rnn, masked": _row(
        SimpleRnn(3, 4, 0.2, 0.3), (7, 4), 32, "SimpleRnn(4, dropout 0.2, 0.3)",
        grown=(None, 1), cost=7 * 28, recipe={"units": 4, "dropout": 0.2, "recurrent_dropout": 0.3},
    ),
    "gru": _row(Gru(3, 4), (7, 4), 96, "Gru(4)", grown=(None, 1), cost=7 * 84, recipe={"units": 4}),
    "gru, masked": _row(
        Gru(3, 4, 0.2, 0.3, True), (7, 4), 108, "Gru(4, dropout 0.2, 0.3)", grown=(None, 1), cost=7 * 84,
        recipe={"units": 4, "dropout": 0.2, "recurrent_dropout": 0.3, "reset_after": True},
    ),
    "lstm": _row(Lstm(3, 4), (7, 4), 128, "Lstm(4)", grown=(None, 1), cost=7 * 112, recipe={"units": 4}),
    "lstm, masked": _row(
        Lstm(3, 4, 0.2, 0.3), (7, 4), 128, "Lstm(4, dropout 0.2, 0.3)", grown=(None, 1), cost=7 * 112,
        recipe={"units": 4, "dropout": 0.2, "recurrent_dropout": 0.3},
    ),
    "dense": _row(Dense(3, 4), (4,), 16, "Dense(4)", cost=12, recipe={"outputs": 4}),
}  # fmt: skip


def surround(row: Row) -> tuple[Plan, Shape]:
    """The layer between others that have weights, so that gradients pass through it, and the shape that they read."""
    shape = row.enters
    front: Plan = ()
    if not row.layer.must_lead:
        front = (Conv(3, 3, 1), GlobalAveragePool()) if row.layer.reads is VECTOR else (Conv(3, 3, 1),)
        shape = (5, 3) if row.layer.reads is VECTOR else shape
    plan = (*front, row.layer)
    plan = plan if len(row.leaves) == 1 else (*plan, Flatten())
    return (*plan, Dense(shapes(plan, shape)[-1][0], 2)), shape

"""Networks, examples and comparisons that the tests of the engines share."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.native.network import NativeNetwork
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Layer, Plan, Shape, Weights
from seqconv.networks.layers.kinds import (
    Add,
    AveragePool,
    Bidirectional,
    Channelwise,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Embed,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Relu,
    Residual,
    SeparableConv,
    SimpleRnn,
    SpatialDropout,
    SubtractLast,
    Tanh,
    TokenConv,
)
from seqconv.networks.layers.pointwise import ACTIVATIONS
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.network import Network
from seqconv.networks.plan import entries, initial_weights, shapes
from seqconv.recipes.sections import TrainingConfig

WIDTHS = st.sampled_from([1, 2, 3, 7, 16, 33])
RATES = st.sampled_from([0.0, 0.3])
_PATCHES: Plan = (
    *(Patch(8), Conv(8, 16, 2), Relu(), Flatten(), Dense(80, 32), Relu(), Dropout(0.3)),
    Dense(32, 12),
)
_EACH_COLUMN: Plan = (Channelwise((Add(((Flatten(), Dense(50, 12)), _PATCHES)),), 21),)


def _read_row(values: int) -> Plan:
    return Dense(values, 16), Relu(), Dropout(0.3), Dense(16, 12 * 21)


RECIPES: dict[str, tuple[Plan, Shape]] = {
    "imdb-conv1d": (
        (
            *(Embed(300, 16), Conv(16, 32, 7), Relu(), MaxPool(5), Conv(32, 32, 7), Relu()),
            *(GlobalMaxPool(), Dense(32, 1)),
        ),
        (80,),
    ),
    "imdb-lstm": ((Embed(300, 32), Lstm(32, 32), LastStep(), Dense(32, 1)), (60,)),
    "imdb-wide": (
        (
            Add(
                (
                    (
                        Concat(tuple((TokenConv(300, 32, k), Relu(), GlobalMaxPool()) for k in (1, 2, 3))),
                        *(Dropout(0.5), Dense(96, 1)),
                    ),
                    (NgramBag(300, 1, 3, 2000, 3.0),),
                )
            ),
        ),
        (60,),
    ),
    "jena-conv1d": (
        (
            *(Conv(14, 32, 5), Relu(), MaxPool(3), Conv(32, 32, 5), Relu(), MaxPool(3), Conv(32, 32, 5), Relu()),
            *(GlobalMaxPool(), Dense(32, 1)),
        ),
        (100, 14),
    ),
    "jena-conv1d-gru": (
        (
            *(Conv(14, 32, 5), Relu(), MaxPool(3), Conv(32, 32, 5), Relu()),
            *(Gru(32, 32, 0.1, 0.5), LastStep(), Dense(32, 1)),
        ),
        (90, 14),
    ),
    "jena-gru": ((Gru(14, 32, 0.2, 0.2), LastStep(), Dense(32, 1)), (40, 14)),
    "etth1": ((Normalise((Channelwise((Flatten(), Dense(40, 12))),)),), (40, 7)),
    "weather": (
        (
            Add(
                (
                    (Normalise((Add((_EACH_COLUMN, (LastStep(), *_read_row(25)))),), 21),),
                    (Concat(((LastStep(),), (GlobalAveragePool(),))), *_read_row(50)),
                )
            ),
        ),
        (50, 25),
    ),
    "dilated": (
        (
            Conv(3, 16, 1),
            *(Residual((Conv(16, 16, 2, 2**level, "causal"), Relu())) for level in range(4)),
            *(LastStep(), Dense(16, 2)),
        ),
        (20, 3),
    ),
}


TEXT: Plan = (Embed(50, 6), Conv(6, 8, 3), Relu(), MaxPool(2), Dropout(0.2), GlobalMaxPool(), Dense(8, 1))
IDS: Plan = (
    Add(
        (
            (
                Concat(
                    (
                        (TokenConv(50, 8, 2), Relu(), GlobalMaxPool()),
                        (TokenConv(50, 4, 3), Tanh(), GlobalAveragePool()),
                        (Embed(50, 6), GlobalMaxPool(), Dropout(0.3)),
                    )
                ),
                Dense(18, 1),
            ),
            (NgramBag(50, 1, 2, 70, 2.0),),
        )
    ),
)
SERIES: Plan = (Conv(3, 8, 3), Relu(), MaxPool(2), Gru(8, 8, 0.1, 0.3), LastStep(), Dense(8, 1))


def examples_for(plan: Plan, count: int = 60) -> tuple[TokenInputs | WindowInputs, np.ndarray]:
    random = np.random.default_rng(7)
    targets = random.normal(size=(count, 1)).astype(np.float32)
    if count_rows(plan):
        return TokenInputs(batch_for(plan, (15,), count)), targets
    values = random.normal(size=(count + 40, 3)).astype(np.float32)
    return WindowInputs(values, np.arange(30, 30 + count), 30, 2), targets


def train(net: Network, steps: int, seed: int = 0, batch: int = 8) -> list[float]:
    """Losses of that many steps on batches and masks drawn from `seed`."""
    inputs, targets = examples_for(net.plan)
    random = np.random.default_rng(seed)
    batches = (random.integers(0, len(inputs), batch) for _ in range(steps))
    masks = DropoutMasks(net.plan, inputs.shape, random, net.threads)
    results = net.train_batches(inputs, targets, batches, masks.draw)
    return [result.loss for result in results]


def random_weights(plan: Plan, seed: int = 0) -> Weights:
    """Weights large enough to matter, biases included."""
    random = np.random.default_rng(seed)
    weights = initial_weights(plan, seed)
    return {name: (array + random.normal(0, 0.1, array.shape)).astype(np.float32) for name, array in weights.items()}


def native(plan: Plan, weights: Weights | None = None, threads: int = 2, **training: Any) -> NativeNetwork:
    return NativeNetwork(plan, weights or random_weights(plan), TrainingConfig(**({"loss": "mse"} | training)), threads)


def agree(found: np.ndarray, expected: np.ndarray, tolerance: float, scale: float = 0.0) -> None:
    """Equal to `tolerance` of the largest value, or of `scale`."""
    assert found.shape == expected.shape
    if found.size:
        limit = tolerance * max(np.abs(expected).max(), scale, 1e-6)
        assert np.abs(found - expected).max() <= limit, (np.abs(found - expected).max(), limit)


def count_rows(plan: Plan) -> int:
    """Ids that a plan can read; 0: it reads values."""
    return min((layer.rows for _, layer in entries(plan) if isinstance(layer, ReadsIds)), default=0)


def batch_for(plan: Plan, shape: Shape, batch: int, seed: int = 0) -> np.ndarray:
    """Values, or ids with padding before them."""
    random, rows = np.random.default_rng(seed), count_rows(plan)
    if not rows:
        return random.normal(size=(batch, *shape)).astype(np.float32)
    ids = random.integers(0, rows, (batch, *shape), dtype=np.int32)
    ids[np.arange(shape[0]) < random.integers(0, shape[0] + 1, (batch, 1))] = 0
    return ids


def targets_for(loss: str, batch: int, outputs: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if loss == "categorical_crossentropy":
        return random.integers(0, outputs, batch, dtype=np.int32)
    targets = random.normal(size=(batch, outputs)).astype(np.float32)
    return (targets > 0).astype(np.float32) if loss in ("binary_crossentropy", "as_printed") else targets


@st.composite
def layers(draw: st.DrawFn, shape: Shape) -> Layer:
    """One layer that takes `[L, C]`."""
    steps, channels = shape
    kind = draw(
        st.sampled_from(
            [
                *("conv", "conv", "causal", "same", "strided", "depthwise", "separable", "residual"),
                *("relu", "tanh", "sigmoid", "elu", "gelu", "softmax"),
                *("pool", "average", "patch", "dropout", "spatial", "level"),
                *("gru", "lstm", "simple", "both"),
            ]
        )
    )
    if kind == "conv":
        kernel = draw(st.integers(1, min(steps, 5)))
        dilation = draw(st.integers(1, (steps - 1) // (kernel - 1) if kernel > 1 else 3))
        return Conv(channels, draw(WIDTHS), kernel, min(dilation, 4))
    if kind == "causal":
        return Conv(channels, draw(WIDTHS), draw(st.integers(1, 4)), draw(st.integers(1, 3)), "causal")
    if kind in ("same", "strided", "depthwise", "separable"):
        padding, stride = draw(st.sampled_from(["same", "causal"])), draw(st.integers(1, 3))
        kernel, dilation, multiplier = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
        if kind == "depthwise":
            return DepthwiseConv(channels, kernel, multiplier, dilation, padding, stride)
        if kind == "separable":
            return SeparableConv(channels, draw(WIDTHS), kernel, multiplier, dilation, padding, stride)
        return Conv(channels, draw(WIDTHS), kernel, dilation, padding, stride)
    if kind in ("pool", "average"):
        return (MaxPool if kind == "pool" else AveragePool)(draw(st.integers(1, min(steps, 4))))
    if kind == "patch":
        return Patch(draw(st.integers(1, min(steps, 4))))
    if kind == "residual":
        kernel, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        body: Plan = (Conv(channels, channels, kernel, dilation, "causal"),)
        return Residual(body + draw(st.sampled_from([(), (Relu(),), (Tanh(),), (Dropout(0.3), Relu())])))
    if kind == "simple":
        return SimpleRnn(channels, draw(WIDTHS), draw(RATES), draw(RATES))
    if kind == "both":
        return Bidirectional((Gru(channels, draw(WIDTHS), draw(RATES), draw(RATES)),))
    if kind == "gru":
        return Gru(channels, draw(WIDTHS), draw(RATES), draw(RATES), draw(st.booleans()))
    if kind == "lstm":
        return Lstm(channels, draw(WIDTHS), draw(RATES), draw(RATES))
    if kind == "level":
        return SubtractLast(draw(st.integers(0, channels)))
    plain = {"dropout": Dropout(0.4), "spatial": SpatialDropout(0.4)}
    return plain[kind] if kind in plain else ACTIVATIONS[kind]()


@st.composite
def id_fronts(draw: st.DrawFn) -> Plan:
    """Layers that give `[L, C]` for ids."""
    rows, width = draw(st.sampled_from([1, 5, 40])), draw(WIDTHS)
    filters = TokenConv(rows, width, draw(st.integers(1, 4)))
    return draw(st.sampled_from([(Embed(rows, width),), (filters,), (filters, Relu())]))


@st.composite
def branches(draw: st.DrawFn, shape: Shape, text: bool, outputs: int) -> tuple[Plan, ...]:
    """Branches that give one vector each: of any width, or of `outputs` if that is not 0."""
    found: list[Plan] = []
    for _ in range(draw(st.integers(1, 3))):
        if text and draw(st.integers(0, 3)) == 0:
            width = outputs or draw(WIDTHS)
            bag = NgramBag(draw(st.sampled_from([1, 5, 40])), width, draw(st.integers(1, 3)), draw(WIDTHS))
            found.append((bag,))
            continue
        front = draw(id_fronts()) if text else (draw(layers(shape)),)
        pool = draw(st.sampled_from([GlobalMaxPool(), GlobalMaxPool(), GlobalAveragePool(), LastStep()]))
        plan: Plan = (*front, pool)
        found.append((*plan, Dense(shapes(plan, shape)[-1][0], outputs)) if outputs else plan)
    return tuple(found)


@st.composite
def branched_plans(draw: st.DrawFn, text: bool, outputs: int = 3) -> tuple[Plan, Shape]:
    """A plan of branches, nested or not, and the shape of its examples."""
    shape: Shape = (draw(st.integers(1, 24)),) if text else (draw(st.integers(1, 24)), draw(WIDTHS))
    joined: Plan = (Concat(draw(branches(shape, text, 0))), draw(st.sampled_from([Relu(), Tanh(), Dropout(0.5)])))
    joined = (*joined, Dense(shapes(joined, shape)[-1][0], outputs))
    return draw(st.sampled_from([joined, (Add((joined, *draw(branches(shape, text, outputs)))),)])), shape


@st.composite
def plans(draw: st.DrawFn, text: bool, outputs: int = 3) -> tuple[Plan, Shape]:
    """A plan and the shape of its examples."""
    steps = draw(st.integers(1, 24))
    plan: tuple[Layer, ...] = ()
    shape = entry = (steps,) if text else (steps, draw(WIDTHS))
    if text:
        plan = draw(id_fronts())
        shape = shapes(plan, shape)[-1]
    for _ in range(draw(st.integers(0, 4))):
        plan = (*plan, draw(layers(shape)))
        shape = plan[-1].output_shape(shape)
    plan = (*plan, draw(st.sampled_from([GlobalMaxPool(), GlobalAveragePool(), LastStep(), Flatten()])))
    shape = plan[-1].output_shape(shape)
    if draw(st.booleans()):
        plan = (*plan, Dense(shape[0], 5), draw(st.sampled_from([Relu(), Tanh(), Dropout(0.5)])), Dense(5, outputs))
    else:
        plan = (*plan, Dense(shape[0], outputs))
    if entry[1:] == (1,) and draw(st.booleans()):
        channels = draw(st.integers(1, 5))
        bodies: Plan = (Channelwise(plan, draw(st.integers(0, channels))),)
        if draw(st.booleans()):
            return (Conv(2, channels, 1), *bodies), (entry[0], 2)
        return (Normalise(bodies, bodies[0].count(channels)) if draw(st.booleans()) else bodies[0],), (
            entry[0],
            channels,
        )
    return plan, entry

"""Layers for Python: each call returns the table that a recipe holds for that layer.

A network is a list of them, in order, and goes wherever the name of a recipe does: `seqconv.train("reviews.csv",
network=[...])`, `TextClassifier(network=[...])`. What the data determine (channels, words, classes) is filled in there,
and what a layer must be is checked there too. `B` examples, `L` steps, `C` channels in the shapes below.

Examples:
    >>> from seqconv.layers import Conv, Embed, GlobalMaxPool, Output
    >>> network = [Embed(16), Conv(32, 7, activation="relu"), GlobalMaxPool(), Output()]
    >>> network[1]
    {'layer': 'conv', 'filters': 32, 'kernel': 7, 'activation': 'relu'}
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from seqconv.networks.layers.kinds import KINDS
from seqconv.recipes.sections import LayerSpec

Layers = LayerSpec | Sequence[LayerSpec]  # one layer, or several in order


def _list(layers: Layers) -> list[LayerSpec]:
    return [layers] if isinstance(layers, dict) else list(layers)


def _table(layer: str, activation: str | None = None, **settings: Any) -> LayerSpec:
    """The table, without settings that have their defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(KINDS[layer])}  # type: ignore[arg-type]
    given = {name: value for name, value in settings.items() if name not in defaults or value != defaults[name]}
    return {"layer": layer} | given | ({} if activation is None else {"activation": activation})


def Embed(width: int) -> LayerSpec:
    """A table with a row for each word: ids `[B, L]` -> `[B, L, width]`."""
    return _table("embed", width=width)


def TokenConv(filters: int, kernel: int, *, activation: str | None = None) -> LayerSpec:
    """A convolution over words without an embedding: ids `[B, L]` -> `[B, L', filters]`."""
    return _table("token_conv", activation, filters=filters, kernel=kernel)


def NgramBag(longest: int, buckets: int, *, gain: float = 1.0) -> LayerSpec:
    """A linear layer on words and n-grams of up to `longest` words, in a hashed table of `buckets` rows: ids `[B, L]`
    -> `[B, outputs]`, as many as the data need."""
    return _table("ngram_bag", longest=longest, buckets=buckets, gain=gain)


def Conv(
    filters: int,
    kernel: int,
    *,
    dilation: int = 1,
    padding: str = "valid",
    stride: int = 1,
    activation: str | None = None,
) -> LayerSpec:
    """A convolution `[B, L, C]` -> `[B, L', filters]`; `padding` is `valid`, `causal` or `same`."""
    return _table("conv", activation, filters=filters, kernel=kernel, dilation=dilation, padding=padding, stride=stride)


def DepthwiseConv(
    kernel: int,
    *,
    multiplier: int = 1,
    dilation: int = 1,
    padding: str = "valid",
    stride: int = 1,
    activation: str | None = None,
) -> LayerSpec:
    """A convolution of each channel by itself: `[B, L, C]` -> `[B, L', C * multiplier]`."""
    return _table(
        "depthwise_conv",
        activation,
        kernel=kernel,
        multiplier=multiplier,
        dilation=dilation,
        padding=padding,
        stride=stride,
    )


def SeparableConv(
    filters: int,
    kernel: int,
    *,
    multiplier: int = 1,
    dilation: int = 1,
    padding: str = "valid",
    stride: int = 1,
    activation: str | None = None,
) -> LayerSpec:
    """`DepthwiseConv`, then a convolution of kernel 1: `[B, L, C]` -> `[B, L', filters]`."""
    return _table(
        "separable_conv",
        activation,
        filters=filters,
        kernel=kernel,
        multiplier=multiplier,
        dilation=dilation,
        padding=padding,
        stride=stride,
    )


def Relu() -> LayerSpec:
    """max(x, 0)."""
    return _table("relu")


def Tanh() -> LayerSpec:
    """tanh(x)."""
    return _table("tanh")


def Sigmoid() -> LayerSpec:
    """1 / (1 + exp(-x))."""
    return _table("sigmoid")


def Elu(alpha: float = 1.0) -> LayerSpec:
    """x where x > 0, else alpha (exp(x) - 1)."""
    return _table("elu", alpha=alpha)


def Gelu() -> LayerSpec:
    """x P(X <= x) for a standard normal X."""
    return _table("gelu")


def Softmax() -> LayerSpec:
    """exp(x_c) / sum_k exp(x_k) over the channels."""
    return _table("softmax")


def Dropout(rate: float) -> LayerSpec:
    """Zero each value with probability `rate` in training and scale the rest by 1 / (1 - rate)."""
    return _table("dropout", rate=rate)


def SpatialDropout(rate: float) -> LayerSpec:
    """Likewise whole channels, at all steps."""
    return _table("spatial_dropout", rate=rate)


def SubtractLast(channels: int = 0) -> LayerSpec:
    """x minus its newest step, in the first `channels` channels (0: all)."""
    return _table("subtract_last", channels=channels)


def BatchNormalisation(*, momentum: float = 0.99, epsilon: float = 1e-3) -> LayerSpec:
    """Standardise each channel over the batch; by running means once trained."""
    return _table("batch_normalisation", momentum=momentum, epsilon=epsilon)


def LayerNormalisation(*, epsilon: float = 1e-3) -> LayerSpec:
    """Standardise the channels of each step."""
    return _table("layer_normalisation", epsilon=epsilon)


def MaxPool(size: int) -> LayerSpec:
    """Maximum of every `size` neighbouring steps: `[B, L, C]` -> `[B, L // size, C]`."""
    return _table("max_pool", size=size)


def AveragePool(size: int) -> LayerSpec:
    """Mean of every `size` neighbouring steps: `[B, L, C]` -> `[B, L // size, C]`."""
    return _table("average_pool", size=size)


def GlobalMaxPool() -> LayerSpec:
    """Maximum over all steps: `[B, L, C]` -> `[B, C]`."""
    return _table("global_max_pool")


def GlobalAveragePool() -> LayerSpec:
    """Mean over all steps: `[B, L, C]` -> `[B, C]`."""
    return _table("global_average_pool")


def LastStep() -> LayerSpec:
    """The newest step: `[B, L, C]` -> `[B, C]`."""
    return _table("last_step")


def Patch(size: int) -> LayerSpec:
    """Every `size` neighbouring steps as one: `[B, L, C]` -> `[B, L // size, size * C]`."""
    return _table("patch", size=size)


def Flatten() -> LayerSpec:
    """All steps joined: `[B, L, C]` -> `[B, L * C]`."""
    return _table("flatten")


def Residual(layers: Layers) -> LayerSpec:
    """x + layers(x)."""
    return _table("residual", layers=_list(layers))


def Concat(*branches: Layers) -> LayerSpec:
    """Branches that read the same input, their outputs joined along the channels."""
    return _table("concat", branches=[_list(branch) for branch in branches])


def Add(*branches: Layers) -> LayerSpec:
    """Branches that read the same input, their outputs summed."""
    return _table("add", branches=[_list(branch) for branch in branches])


def Bidirectional(layers: Layers) -> LayerSpec:
    """The layers forwards and a copy backwards, joined along the channels: `[B, L, C]` -> `[B, L', 2 U]`."""
    return _table("bidirectional", layers=_list(layers))


def Channelwise(layers: Layers, *, channels: int = 0) -> LayerSpec:
    """The same layers for every channel (the first `channels`; 0: all) separately: `[B, L, C]` -> `[B, H * C]`."""
    return _table("channelwise", layers=_list(layers), channels=channels)


def Normalise(layers: Layers, *, channels: int = 0) -> LayerSpec:
    """The layers see each channel standardised by its own window; their outputs are scaled back."""
    return _table("normalise", layers=_list(layers), channels=channels)


def SimpleRnn(units: int, *, dropout: float = 0.0, recurrent_dropout: float = 0.0) -> LayerSpec:
    """The plain recurrent layer, all states: `[B, L, C]` -> `[B, L, units]`; `LastStep` keeps the newest."""
    return _table("simple_rnn", units=units, dropout=dropout, recurrent_dropout=recurrent_dropout)


def Gru(units: int, *, dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = False) -> LayerSpec:
    """Gated recurrent unit, all states: `[B, L, C]` -> `[B, L, units]`; `LastStep` keeps the newest."""
    return _table("gru", units=units, dropout=dropout, recurrent_dropout=recurrent_dropout, reset_after=reset_after)


def Lstm(units: int, *, dropout: float = 0.0, recurrent_dropout: float = 0.0) -> LayerSpec:
    """Long short-term memory, all states: `[B, L, C]` -> `[B, L, units]`; `LastStep` keeps the newest."""
    return _table("lstm", units=units, dropout=dropout, recurrent_dropout=recurrent_dropout)


def Dense(outputs: int, *, zeros: bool = False, activation: str | None = None) -> LayerSpec:
    """Fully connected: `[B, C]` -> `[B, outputs]`; with `zeros` the weights start at 0."""
    return _table("dense", activation, outputs=outputs, zeros=zeros)


def Output(*, zeros: bool = False) -> LayerSpec:
    """The last layer: `Dense` with as many outputs as the data need, logits for classes."""
    return {"layer": "output"} | ({"zeros": True} if zeros else {})

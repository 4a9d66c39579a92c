"""What a plan costs, layer by layer: shape, parameters, receptive field, multiply-adds."""

import math
from dataclasses import dataclass

from seqconv.networks.layers.base import (
    Add,
    Channelwise,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    Layer,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Plan,
    Residual,
    Shape,
    TokenConv,
    count_parameters,
    weight_shapes,
)
from seqconv.networks.shapes import output_shape, shapes


@dataclass(frozen=True)
class LayerSummary:
    """One row of `summarise`: `receptive_field` in input steps (None: unbounded), cost per example."""

    name: str
    shape: Shape
    parameters: int
    receptive_field: int | None
    multiply_adds: int


def summarise(plan: Plan, shape: Shape) -> list[LayerSummary]:
    """Layer, output shape, parameters, receptive field and multiply-adds of one example, layer by layer."""
    rows = []
    field: int | None = 1
    stride = 1  # input steps between neighbouring steps here
    for layer in plan:
        out = output_shape(layer, shape)
        field, stride = _grow_field(layer, field, stride, shape)
        rows.append(LayerSummary(_label(layer), out, count_parameters((layer,)), field, _multiply_adds(layer, shape)))
        shape = out
    return rows


def _grow_field(layer: Layer, field: int | None, stride: int, shape: Shape) -> tuple[int | None, int]:
    if field is None:
        return None, stride
    match layer:
        case Conv():
            return field + layer.reach * stride, stride
        case TokenConv(kernel=kernel):
            return field + (kernel - 1) * stride, stride
        case NgramBag():
            return shape[0], stride
        case MaxPool(size):
            return field + (size - 1) * stride, stride * size
        case Patch(size):
            return field + (size - 1) * stride, stride * size
        case GlobalMaxPool() | GlobalAveragePool() | Flatten():
            return field + (shape[0] - 1) * stride, stride
        case Gru() | Lstm():
            return None, stride
        case Residual(body) | Normalise(body):
            for inner in body:
                field, stride = _grow_field(inner, field, stride, shape)
        case Channelwise(body):
            return _follow(body, field, stride, (shape[0], 1))
        case Concat(branches) | Add(branches):
            return _widest([_follow(branch, field, stride, shape) for branch in branches])
    return field, stride


def _follow(plan: Plan, field: int | None, stride: int, shape: Shape) -> tuple[int | None, int]:
    for layer in plan:
        field, stride = _grow_field(layer, field, stride, shape)
        shape = output_shape(layer, shape)
    return field, stride


def _widest(ends: list[tuple[int | None, int]]) -> tuple[int | None, int]:
    fields, strides = [field for field, _ in ends if field is not None], [stride for _, stride in ends]
    return max(fields) if len(fields) == len(ends) else None, max(strides)


def _multiply_adds(layer: Layer, shape: Shape) -> int:
    match layer:
        case Conv():
            return output_shape(layer, shape)[0] * layer.kernel * layer.inputs * layer.filters
        case Gru() | Lstm():
            return shape[0] * sum(math.prod(size) for name, size in weight_shapes((layer,)).items() if name != "0.bias")
        case Dense(inputs, outputs):
            return inputs * outputs
        case Residual(body) | Normalise(body):
            return _sum_multiply_adds(body, shape)
        case Channelwise(body):
            return layer.count(shape[1]) * _sum_multiply_adds(body, (shape[0], 1))
        case Concat(branches) | Add(branches):
            return sum(_sum_multiply_adds(branch, shape) for branch in branches)
        case TokenConv():
            return output_shape(layer, shape)[0] * layer.kernel * layer.filters
        case NgramBag():
            return shape[0] * layer.longest * layer.outputs
    return 0


def _sum_multiply_adds(plan: Plan, shape: Shape) -> int:
    before = [shape, *shapes(plan, shape)]
    return sum(_multiply_adds(layer, at) for layer, at in zip(plan, before, strict=False))


def _label(layer: Layer) -> str:
    name = type(layer).__name__
    match layer:
        case Conv():
            dilation = f", dilation {layer.dilation}" if layer.dilation > 1 else ""
            causal = ", causal" if layer.padding == "causal" else ""
            return f"{name}({layer.filters}, {layer.kernel}{dilation}{causal})"
        case Embed(rows, width):
            return f"{name}({rows}, {width})"
        case MaxPool(size) | Patch(size):
            return f"{name}({size})"
        case Gru() | Lstm():
            dropped = layer.dropout or layer.recurrent_dropout
            rates = f", dropout {layer.dropout}, {layer.recurrent_dropout}" if dropped else ""
            return f"{name}({layer.units}{rates})"
        case Dense(outputs=outputs):
            return f"{name}({outputs})"
        case Dropout(rate):
            return f"{name}({rate})"
        case TokenConv(filters=filters, kernel=kernel):
            return f"{name}({filters}, {kernel})"
        case NgramBag():
            return f"{name}({layer.longest}, {layer.buckets} buckets)"
        case Residual(body) | Channelwise(body) | Normalise(body):
            return f"{name}({', '.join(_label(inner) for inner in body)})"
        case Concat(branches) | Add(branches):
            return f"{name}({' | '.join(', '.join(map(_label, branch)) for branch in branches)})"
    return name

"""Layer-by-layer summary of a plan: shape, parameters, receptive field, multiply-adds."""

from dataclasses import dataclass

from seqconv.networks.layers.base import Field, Plan, Shape
from seqconv.networks.plan import count_parameters, grow_field


@dataclass(frozen=True)
class LayerSummary:
    """One row of `summarise`: `receptive_field` in input steps (None: unbounded); multiply-adds per example."""

    name: str
    shape: Shape
    parameters: int
    receptive_field: int | None
    multiply_adds: int


def summarise(plan: Plan, shape: Shape) -> list[LayerSummary]:
    """The summary of every layer, for examples of this shape."""
    rows = []
    field = Field(1, 1)
    for layer in plan:
        out = layer.output_shape(shape)
        field = grow_field((layer,), field, shape)
        parameters, cost = count_parameters((layer,)), layer.multiply_adds(shape)
        rows.append(LayerSummary(layer.label, out, parameters, field.steps, cost))
        shape = out
    return rows

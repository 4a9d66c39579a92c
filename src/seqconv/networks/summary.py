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


class Summary(tuple[LayerSummary, ...]):
    """The layers of a network, in order; printed, a table of them."""

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(row.parameters for row in self)

    def list_rows(self) -> list[list[str]]:
        """A head and the cells of each layer, the last row for all."""
        fields = ["all" if row.receptive_field is None else f"{row.receptive_field:,}" for row in self]
        rows = [
            [row.name, str(row.shape), f"{row.parameters:,}", field, f"{row.multiply_adds:,}"]
            for row, field in zip(self, fields, strict=True)
        ]
        cost = sum(row.multiply_adds for row in self)
        head = ["layer", "output shape", "parameters", "receptive field", "multiply-adds"]
        return [head, *rows, ["all", "", f"{self.parameters:,}", "", f"{cost:,}"]]

    def __repr__(self) -> str:
        return show_table(self.list_rows())


def show_table(rows: list[list[str]]) -> str:
    """Rows of cells, the first of which is a head, as lines of text; the first column on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


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

"""The columns of a table, whatever they are for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from seqconv.inspection.findings import Column, number, quote
from seqconv.readers.files import Table

if TYPE_CHECKING:
    import polars

EXAMPLES = 3


def describe_columns(
    table: Table, kinds: Mapping[str, str], known: Mapping[str, Column] | None = None
) -> tuple[Column, ...]:
    """Each column's kind, number of empty cells, and its range or examples.

    Args:
        kinds: what a column is to training, where that is known.
        known: columns that are described already.
    """
    known = known or {}
    return tuple(known.get(cells.name) or _describe(cells, kinds.get(cells.name, "")) for cells in table.frame)


def describe_numbers(name: str, values: np.ndarray, kind: str = "number") -> Column:
    """A column of numbers `[T]`; NaN is missing."""
    known = values[~np.isnan(values)]
    span = f"{number(known.min())} to {number(known.max())}" if len(known) else "none"
    if len(known) and known.min() == known.max():
        span = f"always {number(known[0])}"
    return Column(name, kind, len(values) - len(known), span)


def _describe(column: "polars.Series", kind: str) -> Column:
    dtype = column.dtype
    if dtype.is_numeric():
        return describe_numbers(column.name, column.to_numpy().astype(np.float64), kind or "number")
    missing = column.null_count()
    if dtype.is_temporal():
        low, high = str(column.min()), str(column.max())
        return Column(column.name, kind or "time", missing, f"{low} to {high}")
    if str(dtype) != "String":
        return Column(column.name, kind or str(dtype).lower(), missing, "")
    missing += int((column.str.strip_chars() == "").sum())
    examples = [str(cell).strip() for cell in column.head(1000).drop_nulls().unique(maintain_order=True)]
    shown = ", ".join(quote(cell) for cell in [cell for cell in examples if cell][:EXAMPLES])
    return Column(column.name, kind or "text", missing, shown or "none")

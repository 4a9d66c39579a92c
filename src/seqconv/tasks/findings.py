"""The results of an inspection: columns, findings, facts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqconv.data.display import Card, Shown
from seqconv.data.readers.files import Table
from seqconv.errors import SeqconvError

if TYPE_CHECKING:
    import polars

Weight = Literal["blocks", "costs", "note"]
WEIGHTS: tuple[Weight, ...] = ("blocks", "costs", "note")
SHOWN = 3  # places named in a finding
_LONG = 40  # characters shown of an example


@dataclass(frozen=True)
class Finding:
    """A problem or peculiarity of a file.

    Args:
        what: the finding.
        where: column and lines, if any.
        action: what training does about it, and what the user can do.
        weight: blocks: training refuses the file; costs: rows are lost or scores are distorted; note: worth knowing.
    """

    what: str
    where: str
    action: str
    weight: Weight = "note"


@dataclass(frozen=True)
class Column:
    """A column of a table or a channel of sequences: its role in training (`kind`), range or examples (`values`)."""

    name: str
    kind: str
    missing: int
    values: str


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """The contents of a file and what training would do about them.

    Args:
        task: text, series or sequence; empty: not recognised.
        facts: specific to the task: classes, lengths, interval, periods.
        findings: the most serious first.
        notes: what was inferred, and how the file was read.
    """

    source: str
    task: str
    rows: int
    columns: tuple[Column, ...]
    facts: dict[str, Any]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def card(self) -> Card:
        """The rows, the findings and the columns."""
        blocked = any(each.weight == "blocks" for each in self.findings)
        title = f"{self.source}: {self.rows:,} rows, {self.task or 'of unknown kind'}"
        says = [f"{each.what}: {each.action}" for each in self.findings] or ["No problems found."]
        rows = [[each.name, each.kind, f"{each.missing:,}", each.values] for each in self.columns]
        head = ["column", "type", "missing", "range or examples"]
        return Card(title, (*says, *self.notes), [head, *rows] if rows else (), "bad" if blocked else "")


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The most serious first, otherwise in their order."""
    return tuple(sorted(findings, key=lambda finding: WEIGHTS.index(finding.weight)))


def show_places(rows: np.ndarray | Sequence[int], place: Callable[[int], str], path: str | Path = "") -> str:
    """A list of places: `line 4, line 9, line 12 and 5 more`."""
    named = ", ".join(place(int(row)).removeprefix(f"{path}, ") for row in rows[:SHOWN])
    return named + (f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else "")


def refuse(error: SeqconvError, path: str | Path = "") -> Finding:
    """An error of training as a finding."""
    message = str(error)
    where = ""
    if message.startswith(str(path)):
        where, _, message = message[len(str(path)) :].partition(": ")
    what, _, cure = message.rpartition(". ")
    action = f"refused: {cure[0].lower()}{cure[1:]}" if what and cure else "refused"
    return Finding(what or message, where.removeprefix(", "), action, "blocks")


def quote(text: str) -> str:
    """The beginning of a text on one line, in quotes."""
    short = text if len(text) <= _LONG else text[: _LONG - 3] + "..."
    return repr(short)


def number(value: float) -> str:
    """A number with up to five digits, large ones as integers: `1,234.5`, `-3`, `1,640,600`."""
    return f"{value:,.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:,.5g}"


def take_rows(table: Table, rows: np.ndarray) -> Table:
    """The table with these rows, int64, in this order."""
    numbers = np.asarray(table.numbers)[rows].tolist()
    return replace(table, frame=table.frame[rows], numbers=numbers)


EXAMPLES = 3


def describe_columns(
    table: Table, kinds: Mapping[str, str], known: Mapping[str, Column] | None = None
) -> tuple[Column, ...]:
    """Each column's kind, number of empty cells, and its range or examples.

    Args:
        kinds: roles in training by column, if known.
        known: columns described already.
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

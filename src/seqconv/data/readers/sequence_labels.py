"""What is predicted of the sequences of a table: classes, or numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqconv.data.readers.files import Table
from seqconv.data.readers.values import read_numbers
from seqconv.errors import DataError

NO_LABELS = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Outcome:
    """Labels, classes and the name of a number, as `Sequences` has them; settings and notes on how they were read."""

    labels: np.ndarray = field(default_factory=lambda: NO_LABELS)
    classes: tuple[str, ...] = ()
    number: str = ""
    settled: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_outcome(table: Table, name: str, is_number: bool, rows: np.ndarray | None = None) -> Outcome:
    """The labels in a column.

    Args:
        is_number: they are numbers to predict, not classes.
        rows: the row of each sequence; None: every row is one.

    Raises:
        DataError: one is missing, or not a number.
    """
    rows = np.arange(len(table.frame)) if rows is None else rows
    if is_number:
        values = read_numbers(table, name, asked=True, missing=np.nan)[0]
        assert values is not None
        if np.isnan(values[rows]).any():
            where = table.place(int(rows[np.argmax(np.isnan(values[rows]))]))
            raise DataError(f"{where}: {name!r} must be a number to predict; it is empty. Fill it in or drop the row")
        return Outcome(values[rows], (), name, {"target": (name,)})
    cells = [_name_class(cell) for cell in table.frame[name].gather(rows).to_list()]
    if "" in cells:
        where = table.place(int(rows[cells.index("")]))
        raise DataError(f"{where}: the label {name!r} must not be missing. Fill it in or drop the row")
    labels, classes = code_classes(cells)
    return Outcome(labels, classes, "", {"label": (name,)}, (f"labels from column {name!r}",))


def _name_class(cell: Any) -> str:
    """A class as text; a whole number as such; empty: missing."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def check_constant(table: Table, name: str, series: np.ndarray, keys: Sequence[str]) -> None:
    """Check that a column is the same in all rows of each sequence.

    Args:
        series: the sequence of each row, `[R]`.
        keys: what people call each sequence.

    Raises:
        DataError: it is not.
    """
    column = table.frame[name]
    order = np.argsort(series, kind="stable")
    first = order[np.searchsorted(series[order], np.arange(len(keys)))][series]  # the first row of each row's sequence
    differs = column.ne_missing(column.gather(first)).to_numpy()
    if differs.any():
        row = int(np.argmax(differs))
        got = f"got {str(column[int(first[row])])!r:.40} and {str(column[row])!r:.40}"
        cure = "Name other --id columns, or a column that is the same in all rows of a sequence"
        raise DataError(f"{table.place(row)}: {name!r} must be one value for {keys[series[row]]}; {got}. {cure}")


def code_classes(cells: Sequence[str], classes: tuple[str, ...] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class of each cell, int32 `[N]`, and the classes in order: those that are known, or else those that occur."""
    classes = classes or order_classes(sorted(set(cells)))
    codes = {name: code for code, name in enumerate(classes)}
    return np.array([codes[cell] for cell in cells], np.int32), classes


def order_classes(classes: Iterable[str]) -> tuple[str, ...]:
    """Sorted by value if all are numbers, else in the given order."""
    classes = tuple(classes)
    try:
        return tuple(sorted(classes, key=float))
    except ValueError:
        return classes

"""Columns that say something about each example: what it weighs in training, its group, and its split."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from seqconv.data.readers.columns import find_column
from seqconv.data.readers.files import Table
from seqconv.data.readers.folders import SPLITS
from seqconv.errors import DataError

NAMES = {name: split for split, names in SPLITS for name in names}  # in a column of splits -> the split


class Roles(NamedTuple):
    """Columns of a table by what they say; empty: there is none."""

    weight: str = ""
    group: str = ""
    split: str = ""

    def find(self, table: Table) -> "Roles":
        """The same with each column by its name.

        Raises:
            DataError: no such column.
        """
        return Roles(*(name and find_column(table, name) for name in self))

    def refuse(self, where: object) -> None:
        """Check that nothing is asked for, for data without columns.

        Raises:
            DataError: something is.
        """
        for role, name in self._asdict().items():
            if name:
                raise DataError(
                    f"{where}: data.{role} needs a table with a column {name!r}; this is none. Leave it out"
                )


NO_ROLES = Roles()


class Marked(NamedTuple):
    """What the columns say of N examples; None: nothing.

    Args:
        weights: 0 or more, float64 `[N]`.
        groups: numbers from 0, int64 `[N]`.
        splits: `train`, `validation` or `test`, `[N]`.
    """

    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    splits: np.ndarray | None = None


NO_MARKS = Marked()


def read_marks(table: Table, roles: Roles) -> Marked:
    """What the columns of a table say.

    Args:
        roles: by name.

    Raises:
        DataError: a weight that is no number of at least 0, an empty group, or an unknown split; with the line.
    """
    return Marked(
        _read_weights(table, roles.weight) if roles.weight else None,
        _read_groups(table, roles.group) if roles.group else None,
        _read_splits(table, roles.split) if roles.split else None,
    )


def suggest_split(table: Table, taken: Collection[str]) -> tuple[str, ...]:
    """A note on a column that says the split of each row, though nobody asked for it.

    Args:
        taken: columns that are something else.
    """
    for column in table.frame:
        if column.name in taken or str(column.dtype) != "String":
            continue
        found = set(column.unique().to_list())
        if len(found) > 1 and all(cell is not None and cell.strip().lower() in NAMES for cell in found):
            shown = ", ".join(sorted(found))
            return (f"the column {column.name!r} says {shown}, but rows are split anew; --split {column.name} uses it",)
    return ()


def _list_cells(table: Table, name: str) -> list[str]:
    return ["" if cell is None else str(cell).strip() for cell in table.frame[name].to_list()]


def _read_weights(table: Table, name: str) -> np.ndarray:
    cells, found = _list_cells(table, name), np.empty(len(table.frame))
    for row, cell in enumerate(cells):
        try:
            found[row] = float(cell)
        except ValueError:
            found[row] = np.nan
        if not 0 <= found[row] < np.inf:
            raise DataError(
                f"{table.place(row)}: the weight {name!r} must be a number of at least 0; got {cell[:40]!r}. Correct it"
            )
    return found


def _read_groups(table: Table, name: str) -> np.ndarray:
    cells, numbers = _list_cells(table, name), dict[str, int]()
    if "" in cells:
        raise DataError(f"{table.place(cells.index(''))}: the group {name!r} is empty. Fill it in or remove the row")
    return np.array([numbers.setdefault(cell, len(numbers)) for cell in cells], np.int64)


def _read_splits(table: Table, name: str) -> np.ndarray:
    cells = _list_cells(table, name)
    for row, cell in enumerate(cells):
        if cell.lower() not in NAMES:
            raise DataError(
                f"{table.place(row)}: the split {name!r} must be train, validation, valid, dev or test; "
                f"got {cell[:40]!r}. Correct it"
            )
    return np.array([NAMES[cell.lower()] for cell in cells])

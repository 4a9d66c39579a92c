"""Read texts and their labels or numbers from a table that has already been read: Table -> Rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.readers.columns import MARKS, find_column, find_labels, guess_columns, holds_many_numbers
from seqconv.data.readers.files import Table, settle_header
from seqconv.data.readers.lists import find_mark, read_lists
from seqconv.data.readers.numbers import is_number
from seqconv.data.readers.roles import NO_MARKS, NO_ROLES, Marked, Roles, read_marks, suggest_split
from seqconv.data.readers.sequence_labels import read_outcome
from seqconv.errors import DataError

ALL = ("all",)  # columns

_TRUTH = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}


class TextColumns(NamedTuple):
    """What is known of the columns of a table of texts; empty: it is inferred.

    Args:
        text, label, target: see `texts.read_texts`.
        header: whether the first row of a CSV or TSV names the columns; None: infer it.
        roles: what further columns say.
        columns: further columns to learn from; `all`: every other one.
    """

    text: str = ""
    label: str = ""
    target: str = ""
    header: bool | None = None
    roles: Roles = NO_ROLES
    columns: tuple[str, ...] = ()

    def asked(self, table: Table) -> str:
        """The labels or numbers that the user named, as `columns.find_labels` reads them; empty: none.

        Raises:
            DataError: no such column.
        """
        return self.label or (self.target and find_column(table, self.target))

    def refuse(self, where: object) -> None:
        """Check that no column is asked for that only a table has.

        Raises:
            DataError: one is.
        """
        self.roles.refuse(where)
        for role, name in (("target", self.target), ("columns", ", ".join(self.columns))):
            if name:
                must = f"data.{role} needs a table with a column {name!r}"
                raise DataError(f"{where}: {must}; this is none. Leave it out")


ANY_COLUMNS = TextColumns()


@dataclass(frozen=True)
class Rows:
    """N texts and their labels as written in the file.

    Args:
        labels: the labels of each text.
        several: multi-label: each text may have any number of labels.
        notes: what a report should say about the file.
        place: names a row and its file, for errors.
        classes: class names in order; empty: to be derived from the labels.
        settled: see `Texts`.
        marked: what further columns say of each text.
        columns: see `Texts`.
        number: what numbers to predict are called; empty: there are labels.
        numbers: in place of the labels, float64 `[N]`.
    """

    texts: list[str]
    labels: Sequence[tuple[str, ...]]
    several: bool
    notes: tuple[str, ...]
    place: Callable[[int], str]
    classes: tuple[str, ...] = ()
    settled: Mapping[str, Any] = field(default_factory=dict)
    marked: Marked = NO_MARKS
    columns: Mapping[str, list[str | None]] = field(default_factory=dict)
    number: str = ""
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0))


def rows_from_table(table: Table, columns: TextColumns) -> Rows:
    """Texts and labels, or numbers, of a table.

    Raises:
        DataError: see `texts.read_texts`.
    """
    if columns.label and columns.target:
        raise DataError(f"{table.path}: data.label and data.target exclude each other; got both. Leave one out")
    roles = columns.roles.find(table)
    name, labels, notes = guess_columns(table, columns.text, columns.asked(table), tuple(filter(None, roles)))
    notes = (*table.notes, *notes, *(() if roles.split else suggest_split(table, (name, *labels))))
    settled: dict[str, Any] = {"text": name} | settle_header(table)
    settled |= {role: column for role, column in roles._asdict().items() if column}
    taken = (name, *labels, *filter(None, roles))
    further = read_columns(table, columns.columns, taken)
    if further:
        notes, settled = (*notes, f"read next to the text: {', '.join(further)}"), settled | {"columns": tuple(further)}
    rows = Rows(list_cells(table, name), [], False, notes, table.place, settled=settled, columns=further)
    rows = replace(rows, marked=read_marks(table, roles))
    if columns.target or (not columns.label and holds_many_numbers(table.frame[labels[0]])):
        return _add_numbers(rows, table, labels[0], not columns.target)
    return _add_labels(rows, table, labels, columns.label)


def read_columns(table: Table, names: Sequence[str], taken: Sequence[str] = ()) -> dict[str, list[str | None]]:
    """The cells of columns next to the text as texts, by name; None: missing.

    Args:
        names: of the columns, or their numbers from 1; `all`: every column that is not taken.
        taken: columns that are something else.

    Raises:
        DataError: no such column, one that is taken, or lists.
    """
    found = [each for each in table.frame.columns if each not in taken] if tuple(names) == ALL else []
    found = found or [find_column(table, name) for name in names if (name,) != ALL]
    for name in found:
        if name in taken:
            raise DataError(f"{table.path}: data.columns must be other columns than {name!r}, which is read already")
        if table.frame[name].dtype.is_nested():
            raise DataError(f"{table.path}: the column {name!r} must hold texts or numbers; it holds lists. Drop it")
    return {name: [_write_cell(cell) for cell in table.frame[name].to_list()] for name in found}


def _write_cell(cell: Any) -> str | None:
    """A cell as a CSV file would hold it."""
    if cell is None:
        return None
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _add_numbers(rows: Rows, table: Table, name: str, guessed: bool) -> Rows:
    """The rows with the numbers of a column."""
    numbers = read_outcome(table, name, is_number=True).labels
    many = f"{table.frame[name].n_unique():,} different values of {name!r}"
    notes = (f"{many} are numbers to predict; --label {name} makes them classes",) if guessed else ()
    settled = {**rows.settled, "target": (name,)}
    return replace(rows, number=name, numbers=numbers, settled=settled, notes=(*rows.notes, *notes))


def _add_labels(rows: Rows, table: Table, names: tuple[str, ...], label: str) -> Rows:
    """The rows with the labels of one column or of several; `label`: as the user named them."""
    if len(names) > 1:
        chosen = [_read_truths(table, each) for each in names]
        labels = [tuple(np.compress(row, names).tolist()) for row in zip(*chosen, strict=True)]
        settled = {**rows.settled, "label": names}
        return replace(rows, labels=labels, several=True, classes=names, settled=settled)
    given = find_labels(table, label)[1] if label else ""
    labels, mark, note = _read_labels(table, names[0], given)
    settled = {**rows.settled, "label": (names[0] + (mark if mark in MARKS else ""),)}
    if not label and is_number(table.frame[names[0]]) and len(set(labels)) > 2:
        note = (*note, f"{len(set(labels))} numbers of {names[0]!r} are classes; --target {names[0]} predicts a number")
    several = mark not in ("", "=")
    return replace(rows, labels=labels, several=several, settled=settled, notes=(*rows.notes, *note))


def list_cells(table: Table, name: str) -> list[str]:
    """The texts of a column; an empty cell of a CSV or TSV is an empty text.

    Raises:
        DataError: a missing text in another format, or a column that does not hold text.
    """
    import polars

    column = table.frame[name]
    missing = column.is_null() if table.format not in ("csv", "tsv") else polars.Series([False])
    if missing.any():
        row = int(missing.arg_max() or 0)
        raise DataError(f"{table.place(row)}: the text {name!r} must not be missing. Fill it in or remove the row")
    if column.dtype != polars.String:
        raise DataError(f"{table.path}: the column {name!r} must hold texts; it holds {column.dtype}. Choose another")
    return column.fill_null("").to_list()


def _read_truths(table: Table, name: str) -> list[bool]:
    cells = table.frame[name].to_list()
    found = [_TRUTH.get(str(cell).strip().lower()) for cell in cells]
    if None in found:
        row = found.index(None)
        got = "nothing" if cells[row] is None else repr(str(cells[row])[:40])
        raise DataError(
            f"{table.place(row)}: the label {name!r}, one of several, must be 0 or 1; got {got}. Correct it"
        )
    return [bool(each) for each in found]


def _read_labels(table: Table, name: str, mark: str) -> tuple[list[tuple[str, ...]], str, tuple[str, ...]]:
    """The labels of each row, what separates several (`list`: lists; `=` or empty: one each), and a note."""
    import polars

    column = table.frame[name]
    lists = isinstance(column.dtype, polars.List)
    if not lists and column.dtype != polars.String:
        raise DataError(
            f"{table.path}: the label column {name!r} must hold text, numbers or lists; it is {column.dtype}"
        )
    cells = column.cast(polars.List(polars.String)).to_list() if lists else column.str.strip_chars().to_list()
    missing = [cell is None or cell == "" for cell in cells]
    if any(missing):
        where = table.place(missing.index(True))
        raise DataError(f"{where}: the label {name!r} is empty. Fill it in or remove the row")
    if lists:
        return [tuple(dict.fromkeys(cell)) for cell in cells], "list", ()
    if not mark and (listed := read_lists(cells)) is not None:
        several = "list" if any(len(each) != 1 for each in listed) else ""
        return listed, several, (f"labels of {name!r} read from lists like {cells[0][:40]}",)
    found = mark or find_mark(set(cells))
    if found in ("", "="):
        return [(cell,) for cell in cells], found, ()
    labels = [tuple(dict.fromkeys(part for each in cell.split(found) if (part := each.strip()))) for cell in cells]
    return labels, found, () if mark else (f"several labels per row in {name!r}, separated by {found}",)

"""Texts that a model is asked about, with the columns next to them, from memory, a request or a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from seqconv.data.frames import list_texts
from seqconv.data.readers.columns import guess_text
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.files import Table
from seqconv.data.readers.jsonlines import name_kind
from seqconv.data.readers.text_tables import ALL, list_cells, read_columns
from seqconv.data.records import Texts
from seqconv.errors import DataError
from seqconv.tasks.seen import hash_texts

_MARK = "\x1f"  # between the cells of an example where they are recognised


@dataclass(frozen=True)
class TextRows:
    """N texts and the cells of the columns next to them, see `Texts`."""

    texts: list[str]
    columns: Mapping[str, list[str | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, texts: Texts) -> Self:
        """Labelled texts without their labels."""
        return cls(texts.texts, texts.columns)

    def take(self, row: int) -> "TextRows":
        """One of them."""
        return TextRows([self.texts[row]], {name: [cells[row]] for name, cells in self.columns.items()})


def join_texts(parts: list[TextRows]) -> TextRows:
    """Texts with the same columns, one part after the other."""
    columns = {name: [cell for part in parts for cell in part.columns[name]] for name in parts[0].columns}
    return TextRows([text for part in parts for text in part.texts], columns)


def read_given(given: Any, column: str, names: Sequence[str]) -> TextRows:
    """Texts in memory: a list or a column; with columns next to them a frame, or a list of dictionaries.

    Args:
        column: of the texts.
        names: of the columns next to them that are read; none: the texts alone are.

    Raises:
        DataError: an item that is not a text, or a column that is missing.
    """
    if isinstance(given, TextRows):
        return given
    if not names:
        return TextRows(given if isinstance(given, list) else list_texts(given, "the texts"))
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return read_objects(list(given), column, names, 1)
    return rows_of_table(table_from_frame(given), column, names)


def rows_of_frame(frame: Any, column: str, names: Sequence[str]) -> tuple[TextRows, str]:
    """The texts of a data frame, the cells of the columns named, or of `all` others, and the column of the texts.

    Args:
        column: of the texts; empty: it is inferred.

    Raises:
        DataError: no such column, or no column that is clearly the text.
    """
    table = table_from_frame(frame, "X")
    name, _ = guess_text(table, column, () if tuple(names) == ALL else tuple(names))
    return TextRows(list_cells(table, name), read_columns(table, names, (name,))), name


def rows_of_table(table: Table, column: str, names: Sequence[str]) -> TextRows:
    """The texts of a table, and the columns next to them.

    Raises:
        DataError: a column is missing.
    """
    for name in names:
        if name not in table.frame.columns:
            got = ", ".join(table.frame.columns)[:100]
            must = f"must have the column {name!r}, which the model reads next to the text"
            raise DataError(f"{table.path}: {must}; got {got}. Add it; its cells may be empty")
    return TextRows(list_cells(table, column), read_columns(table, names))


def read_objects(items: list[Any], column: str, names: Sequence[str], first: int) -> TextRows:
    """Texts of a request with columns next to them: objects with a key for each.

    Args:
        first: number of the first one.

    Raises:
        DataError: an item that is no object, lacks a key, has another, or holds something else than cells.
    """
    keys, found = (column, *names), []
    for number, item in enumerate(items, first):
        where = f"texts, item {number}"
        if not isinstance(item, Mapping):
            shown = ", ".join(map(repr, keys))
            raise DataError(f"{where}: must be an object with the keys {shown}; got {name_kind(item)}. Write it so")
        for key in dict.fromkeys((*keys, *item)):
            if key not in item or key not in keys:
                state = "is absent" if key in keys else "is no column that the model reads"
                raise DataError(f"{where}: must have the keys {', '.join(map(repr, keys))}; {key!r:.40} {state}")
        if not isinstance(item[column], str):
            raise DataError(f"{where}: {column!r} must be a text; got {name_kind(item[column])}. Write it in quotes")
        found.append({name: _to_cell(item[name], f"{where}: {name!r}") for name in names})
    cells = {name: [each[name] for each in found] for name in names}
    return TextRows([item[column] for item in items], cells)


def _to_cell(value: Any, where: str) -> str | None:
    """A JSON value as the cell of a table."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.number):
        return None if value != value else repr(value.item() if isinstance(value, np.number) else value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise DataError(f"{where} must be a text, a number, true, false or null; got {name_kind(value)}. Correct it")


def make_text_keys(texts: Sequence[str], columns: Mapping[str, Sequence[str | None]]) -> np.ndarray:
    """The key of each text, with its columns if it has any, uint64 `[N]`."""
    return hash_texts(join_cells(texts, columns))


def join_cells(texts: Sequence[str], columns: Mapping[str, Sequence[str | None]]) -> Sequence[str]:
    """Texts by which examples are told apart: with the cells of their columns, if they have any."""
    if not columns:
        return texts
    cells = [["" if cell is None else cell for cell in own] for own in columns.values()]
    return [_MARK.join(row) for row in zip(texts, *cells, strict=True)]

"""Read the numeric columns of a table: text with marks between thousands, and marks of missing values."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data.readers.files import GUESS, Table
from seqconv.data.readers.numbers import (
    COMMA,
    FORMS,
    MARKS,
    POINT,
    choose_decimal,
    describe_marks,
    guess_decimal,
    replace_marks,
)
from seqconv.data.readers.times import is_time
from seqconv.data.records import count
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

MISSING = -9999.0  # what the Jena station writes when a sensor fails
SENTINELS = frozenset({-99.0, -999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, -32768.0, 32767.0})  # of other programs


def first_cell(column: "polars.Series") -> str:
    """The first cell that is not empty."""
    row = column.is_not_null().arg_max()
    return "" if row is None or column[row] is None else str(column[row]).strip()


def prove_decimal(table: Table) -> Table:
    """The table with the decimal mark that its columns of text prove together."""
    import polars

    if table.format in ("csv", "tsv"):  # whose reader has looked for it
        return table
    return replace(table, found=guess_decimal(each for each in table.frame if each.dtype == polars.String))


def settle_decimal(table: Table) -> dict[str, str]:
    """The setting `decimal` by which a table was read; nothing if it was given, or nothing proves it."""
    return {"decimal": table.found} if table.decimal == GUESS and table.found != GUESS else {}


def parse_columns(table: Table, names: Sequence[str], missing: float) -> Table:
    """The table with those of these columns as numbers that are text, such as `1.234,5` or `NA`, and all numbers."""
    import polars

    texts = [name for name in names if name in table.frame.columns and table.frame[name].dtype == polars.String]
    read = [(name, read_numbers(table, name, missing=missing)[0]) for name in texts]
    found = [polars.Series(name, values, nan_to_null=True) for name, values in read if values is not None]
    return replace(table, frame=table.frame.with_columns(found))


def read_numbers(
    table: Table, name: str, asked: bool = False, missing: float = MISSING
) -> tuple[np.ndarray | None, list[str]]:
    """A column `[T]` with NaN for missing values, or None if it is not numeric; and notes.

    Args:
        table: the table.
        name: of the column.
        asked: the user named the column, so it must be numeric.
        missing: number that stands for a missing value; NaN: none.

    Raises:
        DataError: a cell that is not a finite number; with `asked`, also a column that is not numeric.
    """
    numbers, note = _to_numbers(table, table.frame[name], asked)
    notes = [note] if note else []
    if numbers is None:
        return None, notes
    values, more = _mark_missing(table, name, numbers.to_numpy(), missing)
    return values, [*notes, *more]


def _to_numbers(table: Table, column: "polars.Series", asked: bool) -> "tuple[polars.Series | None, str]":
    """The column as Float64, or None if it is not numeric (an error if `asked`), and a note."""
    import polars

    problem = ""
    if not len(column.drop_nulls()):
        if asked:  # of a file of which training has read others
            return column.cast(polars.Float64), ""
        problem = "is empty"
    elif column.dtype.is_numeric() or column.dtype == polars.Boolean:
        return column.cast(polars.Float64), ""
    elif column.dtype != polars.String:
        problem = "holds times" if column.dtype.is_temporal() else "is not numeric"
    else:
        numbers, note = _parse_numbers(table, column, asked)
        if numbers is not None:
            return numbers, note
        first = first_cell(column)
        problem = "holds times" if is_time(first) else f"is text like {first[:20]!r}"
    if asked:
        raise DataError(f"{table.path}: {column.name!r} must be a numeric column; it {problem}. Choose another")
    return None, f"column {column.name!r} {problem}, left out"


def _parse_numbers(table: Table, column: "polars.Series", asked: bool) -> "tuple[polars.Series | None, str]":
    """Text with placeholders for missing numbers or other marks as Float64, and a note; None for other text."""
    import polars

    cells = column.str.strip_chars()
    marked = (cells.is_in(MARKS) | (cells == "")).fill_null(False)
    cells = cells.set(marked, None)
    known = cells.drop_nulls()
    notes = [f"{count(int(marked.sum()), 'cell')} in {column.name!r} read as missing"] if marked.any() else []
    decimal = choose_decimal(known, table.decimal, table.found)
    numbers = replace_marks(cells, decimal).cast(polars.Float64, strict=False)
    bad = numbers.is_null() & cells.is_not_null()
    if not bad.any():
        return numbers, ", ".join([*notes, *describe_marks(column.name, known, decimal)])
    other = {COMMA: POINT, POINT: COMMA}.get(decimal, "")
    foreign = bool(other) and known.str.contains(FORMS[other]).all()
    if asked or foreign or 2 * int(bad.sum()) <= len(known):
        if decimal == GUESS:  # the cells that the form of most of them does not fit
            bad = min((~cells.str.contains(form) for form in FORMS.values()), key=lambda each: int(each.sum()))
        row = int(bad.arg_max() or 0)
        form = f" with a decimal {decimal}, as in other columns or files" if foreign else ""
        problem = f"got {column[row][:40]!r}. Correct it or leave it empty"
        raise DataError(f"{table.place(row)}: {column.name!r} must be a number{form}; {problem}")
    return None, ""


def _mark_missing(table: Table, name: str, values: np.ndarray, missing: float) -> tuple[np.ndarray, list[str]]:
    """A column `[T]` with NaN in place of `missing`, and notes."""
    infinite = np.isinf(values)
    if infinite.any():
        where = table.place(int(np.argmax(infinite)))
        raise DataError(f"{where}: {name!r} must be finite. Correct it or leave it empty")
    blank, marked = int(np.isnan(values).sum()), values == missing
    notes = []
    if marked.any():
        values = np.where(marked, np.nan, values)
        notes.append(f"{count(int(marked.sum()), 'value')} of {missing:g} in {name!r} read as missing")
    notes += [f"{count(blank, 'value')} missing in {name!r}"] if blank else []
    if blank + int(marked.sum()) < len(values):
        notes += [
            f"{count(int(np.sum(values == mark)), 'value')} of {mark:g} in {name!r}, far from all others, kept; leave "
            "them empty if they mean missing"
            for mark in sorted({float(np.nanmin(values)), float(np.nanmax(values))} & SENTINELS)
            if _is_far(values, mark)
        ]
    return values, notes


def _is_far(values: np.ndarray, mark: float) -> bool:
    """Whether all other values are close together and far from `mark`."""
    rest = values[(values != mark) & ~np.isnan(values)]
    return len(rest) > 0 and bool(np.abs(rest - mark).min() > 2 * np.ptp(rest) > 0)

"""A date in columns of its parts: year, month and day; year and quarter; year and week."""

from typing import TYPE_CHECKING

from seqconv.data.readers.files import Table
from seqconv.data.readers.names import DAY, MONTH, QUARTER, WEEK, YEAR
from seqconv.data.readers.numbers import as_numbers
from seqconv.data.readers.spellings import find_month
from seqconv.data.readers.times import YEARS

if TYPE_CHECKING:
    import polars

_MARKS = {QUARTER: "Q", WEEK: "W", MONTH: "", DAY: ""}
_HIGHEST = {QUARTER: 4, WEEK: 53, MONTH: 12, DAY: 31}


def is_year(column: "polars.Series") -> bool:
    """Whether a column holds years, by its name and its numbers."""
    return YEAR.fullmatch(column.name.strip()) is not None and _is_within(column, *YEARS)


def find_parts(frame: "polars.DataFrame") -> list[str]:
    """The columns that make up a date together with one of years: the finest of them; empty: there are none."""
    found: dict[object, str] = {}
    for column in frame:
        kind = next((kind for kind in _MARKS if kind.fullmatch(column.name.strip())), None)
        if kind and kind not in found and (_is_within(column, 1, _HIGHEST[kind]) or _is_named(column, kind is MONTH)):
            found[kind] = column.name
    for kinds in ((MONTH, DAY), (WEEK,), (MONTH,), (QUARTER,)):
        if all(kind in found for kind in kinds):
            return [found[kind] for kind in kinds]
    return []


def is_part(name: str) -> bool:
    """Whether a column is called like a part of a date smaller than a year."""
    return any(kind.fullmatch(name.strip()) for kind in _MARKS)


def join_parts(table: Table, names: list[str]) -> "polars.Series":
    """Dates like `2020-01-31`, `2020-Q1` or `2020-January` from a column of years and those of `find_parts`, `[T]`."""
    import polars

    texts = []
    for name in names:
        cells = table.frame[name]
        if cells.dtype != polars.String:
            cells = cells.cast(polars.Int64, strict=False).cast(polars.String).str.zfill(2)
        cells = cells.str.strip_chars()
        mark = next((mark for kind, mark in _MARKS.items() if kind.fullmatch(name.strip())), "")
        cells = cells.str.replace(r"^[A-Za-z]*", mark) if mark else cells
        texts.append(cells)
    joined = texts[0]
    for each in texts[1:]:
        joined = joined + "-" + each
    return joined.alias(", ".join(names))


def _is_within(column: "polars.Series", low: int, high: int) -> bool:
    """Whether the first number and all others, written as text or not, are whole and in that range."""
    numbers = as_numbers(column)
    if numbers is None or not len(numbers.drop_nulls()):
        return False
    return bool(((numbers >= low) & (numbers <= high) & (numbers % 1 == 0)).all())


def _is_named(column: "polars.Series", month: bool) -> bool:
    """Whether a text column holds names of months, or else quarters or weeks like `Q1` or `W05`."""
    if str(column.dtype) != "String" or not len(column.drop_nulls()):
        return False
    cell = str(column.drop_nulls()[0]).strip()
    return find_month(cell) > 0 if month else cell[:1] in "QqWwTt" and cell[1:].isdigit()

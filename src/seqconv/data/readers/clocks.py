"""A time of day in a column of its own, next to dates: hours, `1300`, `18.00.00`, `1:00 PM`."""

import re
from typing import TYPE_CHECKING

from seqconv.data.readers.files import Table
from seqconv.data.readers.times import read_times

if TYPE_CHECKING:
    import polars

_NAME = re.compile(
    r"(hr|hour|hours|hora|heure|stunde|std|uhrzeit|uhr|time|time[ _-]?of[ _-]?day|hh|hhmm)s?", re.IGNORECASE
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?( ?[AaPp][Mm])?")
_DOTTED = re.compile(r"\d{1,2}\.\d\d(\.\d\d)?")
NONE = "none"  # the time column of a table whose rows are counted


def find_clock(table: Table, date: str) -> str:
    """The column of times of day that belongs to a column of dates; empty: there is none."""
    return next((column.name for column in table.frame if column.name != date and is_clock(column)), "")


def is_clock(column: "polars.Series") -> bool:
    """Whether a column holds times of day alone, by its cells, or by its name and its cells."""
    cells = column.drop_nulls()
    if not len(cells):
        return False
    return _is_clock(cells) or bool(_NAME.fullmatch(column.name) and _to_texts(cells) is not None)


def _is_clock(cells: "polars.Series") -> bool:
    return str(cells.dtype) == "String" and _CLOCK.fullmatch(str(cells[0]).strip()) is not None


def _to_texts(cells: "polars.Series") -> "polars.Series | None":
    """Times of day as `HH:MM` or `HH:MM:SS`; None if the cells are none."""
    import polars

    if cells.dtype == polars.String:
        texts = cells.str.strip_chars()
        if texts.str.contains(f"^(?:{_DOTTED.pattern})$").all():
            return texts.str.replace_all(".", ":", literal=True)
        if texts.str.contains(r"^\d{1,2}:\d\d").all():
            return texts
        cells = texts.cast(polars.Float64, strict=False)
    if not cells.dtype.is_numeric() or cells.null_count() or (cells % 1 != 0).any() or (cells < 0).any():
        return None
    numbers = cells.cast(polars.Int64)
    hours, minutes = (numbers, numbers * 0) if (numbers <= 24).all() else (numbers // 100, numbers % 100)
    if (hours > 24).any() or (minutes > 59).any():
        return None
    digits = (each.cast(polars.String).str.zfill(2) for each in (hours, minutes))
    first, second = digits
    return first + ":" + second


def join_clock(table: Table, date: str, clock: str) -> "polars.Series":
    """Dates and times of day in one column of text, `[T]`."""
    import polars

    days, times = table.frame[date], table.frame[clock]
    texts = _to_texts(times)
    if days.dtype != polars.String:
        days = polars.Series(read_times(days, table.place).stamps.astype("datetime64[us]")).dt.to_string("%Y-%m-%d")
    return (days.str.strip_chars() + " " + (times if texts is None else texts)).alias(date)

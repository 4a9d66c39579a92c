"""A time of day in a column of its own, next to dates: hours, `1300`, `18.00.00`, `1:00 PM`."""

import re
from typing import TYPE_CHECKING

from seqconv.data.readers.files import Table
from seqconv.data.readers.names import MINUTE
from seqconv.data.readers.numbers import as_numbers
from seqconv.data.readers.times import read_times

if TYPE_CHECKING:
    import polars

_NAME = re.compile(
    r"(hr|hour|hours|hora|heure|stunde|std|uhrzeit|uhr|time|time[ _-]?of[ _-]?day|hh|hhmm)s?", re.IGNORECASE
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?( ?[AaPp]\.?[Mm]\.?)?|\d{1,2} ?[AaPp]\.?[Mm]\.?")
_DOTTED = re.compile(r"\d{1,2}\.\d\d(\.\d\d)?")
NONE = "none"  # the time column of a table whose rows are counted


def find_clock(table: Table, dates: list[str]) -> list[str]:
    """The column of times of day that belongs to columns of dates, and one of minutes if it holds hours; or nothing."""
    rest = [column for column in table.frame if column.name not in dates]
    clock = next((column for column in rest if is_clock(column)), None)
    if clock is None:
        return []
    minutes = (each.name for each in rest if MINUTE.fullmatch(each.name.strip()) and _is_below(each, 60))
    return [clock.name, *([] if _is_clock(clock.drop_nulls()) or not _is_below(clock, 25) else minutes)][:2]


def _is_below(column: "polars.Series", end: int) -> bool:
    """Whether a column holds whole numbers from 0 to below `end`."""
    numbers = as_numbers(column)
    return numbers is not None and bool(((numbers >= 0) & (numbers < end) & (numbers % 1 == 0)).all())


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


def join_clock(days: "polars.Series", clocks: "list[polars.Series]", table: Table) -> "polars.Series":
    """Dates and times of day, or hours and minutes, in one column of text, `[T]`."""
    import polars

    texts = _to_texts(clocks[0])
    times = clocks[0] if texts is None else texts
    if clocks[1:]:
        minutes = clocks[1].cast(polars.Int64, strict=False).cast(polars.String).str.zfill(2)
        times = times.str.head(3) + minutes
    if days.dtype != polars.String:
        days = polars.Series(days.name, read_times(days, table.place).stamps.astype("datetime64[us]")).dt.to_string(
            "%Y-%m-%d"
        )
    return (days.str.strip_chars() + " " + times).alias(days.name)

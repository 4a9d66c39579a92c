"""Read a time series from a table: path -> Series."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data.readers.clocks import NONE, find_clock, is_clock, join_clock
from seqconv.data.readers.files import GUESS, settle_header
from seqconv.data.readers.ids import check_one_series, find_ids
from seqconv.data.readers.names import DATED, NUMBERED
from seqconv.data.readers.numbers import as_numbers
from seqconv.data.readers.parts import find_parts, is_part, is_year, join_parts
from seqconv.data.readers.sampling import find_spacing, space_rows
from seqconv.data.readers.tables import Table, read_table
from seqconv.data.readers.times import (
    DAY_FIRST,
    EXAMPLES,
    MONTH_FIRST,
    Times,
    is_number_of_time,
    is_time,
    read_times,
)
from seqconv.data.readers.values import MISSING, first_cell, prove_decimal, read_numbers, settle_decimal
from seqconv.data.records import Series
from seqconv.errors import ConfigError, DataError, nearest
from seqconv.recipes.durations import parse_duration, show_duration

if TYPE_CHECKING:
    import polars

START = np.datetime64("2000-01-01T00:00:00", "s")  # assumed for rows without times


def read_series(
    path: str | Path,
    time: str = "",
    interval: str = "",
    zone: str = "",
    header: bool | None = None,
    columns: Sequence[str] = (),
    missing: float = MISSING,
) -> Series:
    """Read a table with a time column and numeric columns; empty cells are missing values.

    Whatever is inferred or left out is recorded in the notes.

    Args:
        path: CSV, TSV, Parquet, Arrow or JSON lines.
        time: the time column, or several such as `date,hour`; empty: infer it; `none`: count the rows, whatever their
            times are.
        interval: spacing of the rows, such as `1d`; empty: the most common one. Required if the file has no times
            (they then start in 2000) or if its rows are calendar months.
        zone: time zone of times without one, such as `Europe/Berlin`; they become UTC.
        header: whether the first row of a CSV or TSV names the columns; None: infer it.
        columns: read only these; empty: every numeric column.
        missing: number that stands for a missing value; NaN: none.

    Raises:
        DataError: see `tables.read_table`; no times; a cell that is not a time or not a finite number; times with and
            without a UTC offset; times that run backwards.
        ConfigError: an invalid interval or time zone.
    """
    table = read_table(path, header)
    for name in columns:
        if name in table.frame.columns and not table.frame[name].count():
            raise DataError(f"{path}: {name!r} must be a numeric column; it is empty. Choose another")
    return series_from_table(table, time, interval, zone, columns, missing)


def series_from_table(
    table: Table,
    time: str = "",
    interval: str = "",
    zone: str = "",
    columns: Sequence[str] = (),
    missing: float = MISSING,
    dates: str = GUESS,
) -> Series:
    """The same from a table that has already been read.

    Args:
        dates: see `read_times`.

    Raises:
        DataError, ConfigError: see `read_series`.
    """
    interval_s = parse_duration(interval, "interval") if interval else 0
    if interval and interval_s < 1:
        raise ConfigError(f"interval: must be at least one second; got {interval!r}")
    table = prove_decimal(table)
    found = find_times(table, time)
    if zone and not found:
        raise ConfigError(f"zone: needs a time column; {table.path} has none, got zone {zone!r}. Leave it out")
    read = partial(read_times, place=table.place, zone=zone, dates=dates)
    times, interval_s, counted, notes = _read_stamps(table, found, time, interval_s, read)
    clock = "counted" if counted else "utc" if times.absolute else "local"
    values, names, more = _read_values(table, found, columns, missing)
    settled = settle_header(table) | {"time": NONE if time == NONE else join_names(found) or NONE}
    settled |= {"dates": times.dates} if times.dates else {}
    settled |= settle_decimal(table)
    notes = [*table.notes, *notes, *more]
    return Series(times.stamps, values, names, interval_s, str(table.path), tuple(notes), times.zone, clock, settled)


# Times


def _read_stamps(
    table: Table, found: list[str], time: str, interval_s: int, read: Callable[["polars.Series"], Times]
) -> tuple[Times, int, bool, list[str]]:
    """The times of the rows, their interval, whether they are counted rather than read, and notes."""
    if not found or (time == NONE and interval_s):
        stamps = _count_times(table, interval_s)
        why = f"times in {found[0]!r} left out" if found else "no time column"
        note = f"{why}: rows counted from 2000-01-01, {show_duration(interval_s)} apart"
        return Times(stamps), interval_s, True, [note]
    times = read(time_cells(table, found))
    if time == NONE:
        forward = np.diff(times.stamps).astype(np.int64)
        interval_s = interval_s or find_spacing(forward)
        note = f"times in {found[0]!r} left out: rows counted from 2000-01-01, {show_duration(interval_s)} apart"
        return Times(_count_times(table, interval_s)), interval_s, True, [note]
    check_one_series(table, times.stamps, found)
    stamps, interval_s, more = space_rows(
        times.stamps, interval_s, str(table.path), table.place, local=not times.absolute
    )
    named = " and ".join(map(repr, found))
    notes = [] if time else [f"times from column{'s' if found[1:] else ''} {named}"]
    counted = bool((stamps != times.stamps).any())  # months, laid evenly
    zone = "" if counted else times.zone
    return replace(times, stamps=stamps, zone=zone), interval_s, counted, [*notes, *times.notes, *more]


def oldest_first(table: Table, time: str, dates: str = GUESS) -> Table:
    """The table in the order of its times, with a note, if it is in the reverse order; else as it is."""
    found = find_times(table, time)
    if not found or not _may_fall(table, found, dates):
        return table
    try:
        steps = np.diff(read_times(time_cells(table, found), table.place, dates=dates).stamps).astype(np.int64)
    except DataError:  # reported where the times are read
        return table
    if not len(steps) or (steps > 0).any() or not (steps < 0).any():
        return table
    notes = (*table.notes, "the newest row is first: read in the order of the times")
    return replace(table, frame=table.frame.reverse(), numbers=table.numbers[::-1], notes=notes)


def _may_fall(table: Table, found: list[str], dates: str) -> bool:
    """Whether the last time may be before the first, in an order of day and month in which both can be read."""
    ends, read = replace(table, frame=table.frame[[0, -1]]), []
    for order in (DAY_FIRST, MONTH_FIRST) if dates == GUESS else (dates,):
        with suppress(DataError):
            read.append(read_times(time_cells(ends, found), table.place, dates=order).stamps)
    return not read or any(last < first for first, last in read)


def find_times(table: Table, time: str) -> list[str]:
    """The date or time column, followed by separate ones of smaller parts and of times of day; empty: no times.

    Raises:
        DataError: the table has no column called `time`.
    """
    frame = table.frame
    if time == NONE and NONE not in frame.columns:
        time = ""
    if time and time not in frame.columns:
        return _find_named(table, split_names(time))
    likely = [_add_parts(frame, time)] if time else _list_times(table)
    varied = (names for names in likely if any(frame[name].n_unique() > 1 for name in names))
    found = next(varied, next(iter(likely), []))
    if not found or ":" in first_cell(frame[found[0]]):
        return found
    if found[1:]:
        return [*found, *(find_clock(table, found) if len(found) == 3 else [])]
    return found if 2 * frame[found[0]].n_unique() > len(frame) else [*found, *find_clock(table, found)]


def split_names(time: str) -> list[str]:
    """The columns that a setting of times names, separated by commas."""
    return [each.strip() for each in time.split(",")]


def join_names(found: list[str]) -> str:
    """The setting that names these columns of times, or the first alone where a name has a comma; empty: none."""
    return found[0] if found[1:] and "," in "".join(found) else ",".join(found)


def _find_named(table: Table, names: list[str]) -> list[str]:
    """These columns of times; the first alone if it has times of day.

    Raises:
        DataError: the table lacks one.
    """
    frame = table.frame
    if names[0] in frame.columns and ":" in first_cell(frame[names[0]]):
        return names[:1]
    for name in names:
        if name not in frame.columns:
            raise DataError(f"{table.path}: must have the column {name!r}; it does not. {nearest(name, frame.columns)}")
    return names


def _add_parts(frame: "polars.DataFrame", name: str) -> list[str]:
    return [name, *(find_parts(frame) if is_year(frame[name]) else [])]


def _list_times(table: Table) -> list[list[str]]:
    """What may be times: columns of a native type, of text with the name of one, of other text, of numbers, of parts.

    A year alone counts if it does not recur, other than once for each value of another column.
    """
    import polars

    frame = table.frame
    years = [each.name for each in frame if is_year(each)]
    native = [each.name for each in frame if isinstance(each.dtype, polars.Date | polars.Datetime)]
    texts = [
        each.name for each in frame if each.dtype == polars.String and is_time(first_cell(each)) and not is_clock(each)
    ]
    named = [name for name in texts if DATED.search(name)]
    numbers = [each.name for each in frame if each.name not in years and _is_numbered(each)]
    parts = [_add_parts(frame, name) for name in years]
    parts = [names for names in parts if names[1:] or _is_time_by_year(table, names[0])]
    return [*([name] for name in (*native, *named, *texts, *numbers)), *parts]


def _is_numbered(column: "polars.Series") -> bool:
    numbers = as_numbers(column) if NUMBERED.fullmatch(column.name.strip()) else None
    return numbers is not None and is_number_of_time(numbers)


def _is_dated(column: "polars.Series") -> bool:
    """Whether a column of any name holds numbers that can be times and rise from row to row."""
    numbers = as_numbers(column)
    return numbers is not None and is_number_of_time(numbers) and bool((numbers.diff().drop_nulls() > 0).all())


def _is_time_by_year(table: Table, name: str) -> bool:
    years = table.frame[name]
    if years.n_unique() == len(years):
        return True
    numbers = as_numbers(years)
    return numbers is not None and bool(find_ids(table, numbers.fill_null(0).to_numpy(), [name]))


def time_cells(table: Table, found: list[str]) -> "polars.Series":
    """The cells `[T]` of the columns that `find_times` found, for `read_times`."""
    dates = [name for at, name in enumerate(found) if not at or is_part(name)]
    days = table.frame[found[0]] if len(dates) == 1 else join_parts(table, dates)
    clocks = [table.frame[name] for name in found if name not in dates]
    return join_clock(days, clocks, table) if clocks else days


def _count_times(table: Table, interval_s: int) -> np.ndarray:
    if not interval_s:
        got = f"got the columns {', '.join(table.frame.columns)[:100]!r}"
        raise DataError(f"{table.path}: must have a column of times like {EXAMPLES}; {got}. {_find_cure(table)}")
    return START + np.arange(len(table.frame)) * np.timedelta64(interval_s, "s")


def _find_cure(table: Table) -> str:
    """What to do about a table in which no times were found."""
    import polars

    frame = table.frame
    late = [each.name for each in frame if each.dtype == polars.String and is_time(first_cell(each[1:]))]
    if late:
        return (
            f"{table.place(0)} holds {first_cell(frame[late[0]])!r} in {late[0]!r}, and times come after it. Remove it"
        )
    likely = next((each.name for each in frame if _is_dated(each)), "")
    perhaps = f", perhaps {likely!r}," if likely else ""
    every = "give the time from row to row with --every"
    return f"Name it{perhaps} with --time, reformat its times, or {every}"


# Values


def _read_values(
    table: Table, times: list[str], asked: Sequence[str], missing: float
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Values `[T, C]` with NaN for missing ones, the column names, and notes."""
    for name in asked:
        if name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise DataError(f"{table.path}: must have the column {name!r}; it does not. {hint}")
    notes: list[str] = []
    chosen: dict[str, np.ndarray] = {}
    for column in table.frame:
        if column.name not in asked if asked else column.name in times:
            continue
        numbers, more = read_numbers(table, column.name, bool(asked), missing)
        notes += more
        if numbers is not None:
            chosen[column.name] = numbers
    if not chosen:
        why = f" ({'; '.join(notes)[:200]})" if notes else ""
        raise DataError(f"{table.path}: must have a numeric column next to the times; got none{why}. Add one")
    notes += ["the header has lost characters (\ufffd)"] if "\ufffd" in "".join(chosen) else []
    values = np.empty((len(table.frame), len(chosen)))
    for place, each in enumerate(chosen.values()):
        values[:, place] = each
    return values, tuple(chosen), notes

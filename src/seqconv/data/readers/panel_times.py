"""The times of the rows of a table of one or many series: Table -> Times."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seqconv.data.frequency import DAY_S, lasts_days
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.files import GUESS
from seqconv.data.readers.ids import number_series
from seqconv.data.readers.names import DATED
from seqconv.data.readers.series import find_times, time_cells
from seqconv.data.readers.tables import Table
from seqconv.data.readers.times import EXAMPLES, Place, Times, is_number_of_time, read_times
from seqconv.data.readers.values import MISSING, first_cell
from seqconv.data.readers.zones import local_times
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

_OFFSET = r"\s*(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)\s*$"
_STEP_NAME = re.compile(r"(ds|t|step|period|index|time|date|row|week|month|day|hour|cycle)s?", re.IGNORECASE)
_CLOCK = re.compile(r"\d:\d\d")
_DAY = re.compile(r"\d{4}|\d\D+\d")


@dataclass(frozen=True)
class PanelColumns:
    """What the columns of a table are, as far as the user said; see `PanelDataConfig`."""

    ids: tuple[str, ...] = ()
    time: str = ""
    target: str = ""
    numbers: tuple[str, ...] = ()  # known and past columns
    static: tuple[str, ...] = ()
    frequency: str = ""
    zone: str = ""
    dates: str = GUESS
    missing: float = MISSING
    duplicates: str = "refuse"


def find_panel_times(table: Table, columns: PanelColumns) -> list[str]:
    """The column of times, or of whole numbers that count the rows of each series; empty: rows are counted."""
    if columns.time == NONE and NONE not in table.frame.columns:
        return []
    found, taken = find_times(table, columns.time), (*columns.ids, columns.target)
    if not found:
        names = (each.name for each in table.frame if str(each.dtype) == "Int64" and each.name not in taken)
        found = [name for name in names if _STEP_NAME.fullmatch(name.strip())][:1]
    if not found:
        _check_unread(table, taken)
    return found


def _check_unread(table: Table, taken: tuple[str, ...]) -> None:
    """Check that no column was meant to hold the times, in a form that is not read.

    Raises:
        DataError: one was.
    """
    for column in table.frame:
        first = first_cell(column)
        named = DATED.search(column.name) or _STEP_NAME.fullmatch(column.name.strip())
        meant = _CLOCK.search(first) or (named and _DAY.search(first))
        if column.name in taken or str(column.dtype) != "String" or not meant:
            continue
        raise DataError(
            f"{table.place(0)}: {column.name!r} must be a time like {EXAMPLES}; got {first[:40]!r}. Correct it, name "
            "another column with --time, or count the rows with --time none"
        )


def read_stamps(table: Table, found: list[str], columns: PanelColumns) -> Times:
    """Times of the rows, datetime64[s] `[R]`; int64 where rows are counted."""
    if not found:
        ids = columns.ids
        if not ids:
            return Times(np.arange(len(table.frame)), notes=("no time column: the rows are counted",))
        series, _ = number_series(table, ids)
        order = np.argsort(series, kind="stable")
        first = np.searchsorted(series[order], np.arange(series.max() + 1))
        places = np.empty(len(series), np.int64)
        places[order] = np.arange(len(series)) - first[series[order]]
        return Times(places, notes=("no time column: the rows of each series are counted",))
    cells = time_cells(table, found)
    counted = columns.frequency.isdigit() or (cells.dtype.is_numeric() and not is_number_of_time(cells))
    if counted and str(cells.dtype) == "Int64" and not cells.null_count():
        return Times(cells.to_numpy().astype(np.int64), notes=(f"{found[0]!r} counts the rows",))
    times = _read_repeated(cells, table.place, columns.zone, columns.dates)
    note = [] if columns.time else [f"times from column{'s' if found[1:] else ''} {' and '.join(map(repr, found))}"]
    return replace(times, notes=(*note, *times.notes))


def _read_repeated(cells: "polars.Series", place: Place, zone: str, dates: str) -> Times:
    """The same as `read_times`; the times of a table of many series, which recur in each, are read once."""
    import polars

    if cells.dtype != polars.String or zone not in ("", "UTC"):  # the hour that clocks repeat is told by its rows
        return read_times(cells, place, zone, dates)
    known = cells.unique(maintain_order=True)
    if 2 * len(known) > len(cells):
        return read_times(cells, place, zone, dates)
    try:
        times = read_times(known, place, zone, dates)
    except DataError:  # which names the row
        return read_times(cells, place, zone, dates)
    return replace(times, stamps=times.stamps[cells.cast(polars.Enum(known)).to_physical().to_numpy()])


def keep_clock(times: Times, table: Table, found: list[str], columns: PanelColumns) -> Times:
    """Times with an offset or zone as local times, if rows are days or longer: a day is one whatever the clocks do.

    The clock then shows the same in all rows, midnight as a rule; in UTC it would jump with summer time, or from series
    to series.
    """
    if not times.absolute or (columns.frequency and not lasts_days(columns.frequency)):
        return times
    local = read_local(times, table, found)
    clocks, utc = (each.astype(np.int64) % DAY_S for each in (local, times.stamps))
    if (clocks != clocks[0]).any() or (clocks[0] and (utc == utc[0]).all()):
        return times
    notes = [each for each in times.notes if "converted to UTC" not in each]
    return replace(times, stamps=local, absolute=False, zone="", notes=(*notes, "times read as local dates"))


def read_local(times: Times, table: Table, found: list[str]) -> np.ndarray:
    """Times that are in UTC as they are written, datetime64[s] `[R]`."""
    cells = time_cells(table, found)
    if times.zone or str(cells.dtype) != "String":
        return local_times(times.stamps, times.zone)
    return _read_repeated(cells.str.replace(_OFFSET, ""), table.place, "", GUESS).stamps

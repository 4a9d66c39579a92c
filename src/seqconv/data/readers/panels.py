"""Read one or many series from a table, each laid on the steps of its frequency: Table -> Panel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqconv.data.frequency import Frequency, find_frequency, fit_frequency, parse_frequency
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.files import GUESS, settle_header
from seqconv.data.readers.grids import Rows, lay_rows
from seqconv.data.readers.ids import find_ids
from seqconv.data.readers.names import DATED
from seqconv.data.readers.series import find_times, join_names, time_cells
from seqconv.data.readers.tables import Table
from seqconv.data.readers.times import EXAMPLES, Place, Times, is_number_of_time, read_times
from seqconv.data.readers.values import MISSING, first_cell, prove_decimal, read_numbers, settle_decimal
from seqconv.data.records import Panel
from seqconv.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import polars

MOST_UNKNOWN = 0.1  # fraction of the rows to forecast in which a column that is known may be empty
EVENLY_SPACED = 4  # equal gaps of a series that show its frequency
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


def read_panel(table: Table, columns: PanelColumns) -> Panel:
    """The series of a table, in the order in which they first appear.

    Rows may be in any order. Whatever is inferred or left out is in the notes.

    Raises:
        DataError: no such column, no column of times or of numbers, an empty id, times that do not follow one
            frequency, or several rows of one series and time.
        ConfigError: an invalid frequency or time zone.
    """
    table = prove_decimal(table)
    _check_names(table, columns)
    found = _find_times(table, columns)
    stamps = _read_stamps(table, found, columns)
    ids, notes = _choose_ids(table, stamps, found, columns)
    series, keys = _number_series(table, ids)
    order = _sort(series, stamps.stamps)
    offsets = np.searchsorted(series[order], np.arange(len(keys) + 1))
    frequency, more = _choose_frequency(table, stamps.stamps[order], offsets, columns)
    rows = Rows(order, series[order], frequency.steps(stamps.stamps[order]), keys)
    _check_steps(table, rows, stamps.stamps[order], frequency, columns)
    taken = [*found, *ids]
    target, told = _read_target(table, taken, columns)
    named = (*columns.numbers, *columns.static)
    known = () if named else _find_known(table, taken, target, rows)
    others, others_told = _read_others(table, [*taken, target[0]], named or known, columns.missing)
    if known:
        others_told = [f"known of the rows to forecast: {', '.join(map(repr, known))}; --known names others"]
    notes = [*table.notes, *stamps.notes, *notes, *more, *told, *others_told]
    panel = lay_rows(table, rows, target, others, columns.static, columns.duplicates, bool(columns.numbers or known))
    settled: dict[str, Any] = settle_header(table) | settle_decimal(table)
    settled |= {"id": ids, "time": join_names(found) or NONE, "frequency": frequency.code}
    settled |= {"known": known} if known else {}
    settled |= {"target": (target[0],)} | ({"dates": stamps.dates} if stamps.dates else {})
    clock = "utc" if stamps.absolute else "local"
    return replace(
        panel, names=ids, frequency=frequency, notes=tuple(notes), zone=stamps.zone, clock=clock, settled=settled
    )


def _check_names(table: Table, columns: PanelColumns) -> None:
    for name in (*columns.ids, columns.target, *columns.numbers, *columns.static):
        if name and name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise DataError(f"{table.path}: must have the column {name!r}; it does not. {hint}")


# Times


def _find_times(table: Table, columns: PanelColumns) -> list[str]:
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


def _read_stamps(table: Table, found: list[str], columns: PanelColumns) -> Times:
    """Times of the rows, datetime64[s] `[R]`; int64 where rows are counted."""
    if not found:
        ids = columns.ids
        if not ids:
            return Times(np.arange(len(table.frame)), notes=("no time column: the rows are counted",))
        series, _ = _number_series(table, ids)
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


# Series


def _choose_ids(
    table: Table, times: Times, found: list[str], columns: PanelColumns
) -> tuple[tuple[str, ...], list[str]]:
    if columns.ids:
        return columns.ids, []
    if len(np.unique(times.stamps)) == len(times.stamps):
        return (), []
    taken = [*found, columns.target, *columns.numbers]
    ids = find_ids(table, times.stamps, taken)
    if not ids:
        return (), []
    number = table.frame.select(ids).n_unique()
    return ids, [f"{number:,} series, one for each value of {' and '.join(map(repr, ids))}"]


def _number_series(table: Table, ids: Sequence[str]) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """The series of each row, int64 `[R]`, numbered as they appear; and the values of the ids of each series."""
    import polars

    if not ids:
        return np.zeros(len(table.frame), np.int64), ((),)
    # rows of one series after the other are numbered together
    changes = table.frame.select(polars.any_horizontal(polars.col(ids).ne_missing(polars.col(ids).shift()))).to_series()
    first = changes.to_numpy(writable=True)
    first[0] = True
    runs = table.frame.filter(polars.Series(first)).select(polars.col(name).cast(polars.String) for name in ids)
    for name in ids:
        empty = runs[name].is_null() | (runs[name] == "")
        if empty.any():
            row = int(np.flatnonzero(first)[int(empty.arg_max() or 0)])
            raise DataError(f"{table.place(row)}: the id {name!r} must be given; it is empty. Fill it in")
    known = runs.unique(maintain_order=True)
    numbers = runs.join(known.with_row_index(" series"), on=list(ids), how="left", maintain_order="left")[" series"]
    return numbers.to_numpy().astype(np.int64)[np.cumsum(first) - 1], tuple(known.rows())


def _sort(series: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """The rows by series, then time; a table in that order already is left so."""
    ahead = (np.diff(series) > 0) | ((np.diff(series) == 0) & (np.diff(stamps).astype(np.int64) >= 0))
    return np.arange(len(series)) if ahead.all() else np.lexsort((stamps, series))


def _choose_frequency(
    table: Table, stamps: np.ndarray, offsets: np.ndarray, columns: PanelColumns
) -> tuple[Frequency, list[str]]:
    counted = not np.issubdtype(stamps.dtype, np.datetime64)
    if columns.frequency:
        unit, size = parse_frequency(columns.frequency)
        if counted != (unit == "row"):
            known = "counts the rows of" if counted else "has the times of"
            raise ConfigError(f"frequency must fit {table.path}, which {known} each series; got {columns.frequency!r}")
        return fit_frequency(unit, size, stamps), []
    found = find_frequency(stamps, offsets)
    if found is None:
        ids = f": each value of {', '.join(map(repr, columns.ids))} has one row" if columns.ids else ""
        raise DataError(
            f"{table.path}: must have two different times in a series; it has none{ids}. Add rows, or name other --id "
            "columns"
        )
    return found, [] if counted else [f"frequency: a row each {found.name}; --frequency sets another"]


def _check_steps(table: Table, rows: Rows, stamps: np.ndarray, frequency: Frequency, columns: PanelColumns) -> None:
    """Check that the times of each series are those of the frequency.

    Args:
        stamps: of the rows, in their order.
    """
    odd = ~frequency.fits(stamps)
    inner = np.diff(rows.series) == 0
    gaps = np.where(inner, np.diff(rows.steps), 0)
    if frequency.unit == "s":
        # rows a little off their step, such as seconds late, lie in it as long as there is one in each
        again = inner & (gaps == 0) & (np.diff(stamps).astype(np.int64) > 0)
        odd = np.append(False, again & (columns.duplicates == "refuse"))
    if odd.any():
        place = int(np.argmax(odd))
        when = str(stamps[place]).removesuffix("T00:00:00").replace("T", " ")
        raise DataError(
            f"{rows.show_place(table, place)}: times must be {frequency.span} apart, as {(1 - odd.mean()):.0%} "
            f"of the rows are; got {when}{rows.name(place)}. Correct it, or pass --frequency"
        )
    if columns.frequency and len(gaps) > 1 and gaps.max() > 1 and not (gaps == 1).any():
        closest = int(gaps[gaps > 1].min())
        raise DataError(
            f"{table.path}: --frequency must fit the times; no two rows are {frequency.span} apart, the closest "
            f"{closest} times as far. Leave --frequency out: it is found"
        )
    if not columns.frequency:
        _check_one_frequency(table, rows, gaps, frequency)


def _check_one_frequency(table: Table, rows: Rows, gaps: np.ndarray, frequency: Frequency) -> None:
    """Check that no series has rows evenly spaced at a multiple of the frequency of the others."""
    inner = np.flatnonzero(np.diff(rows.series) == 0)
    if not len(inner):
        return
    first = np.flatnonzero(np.diff(rows.series[inner], prepend=-1))
    least, most = np.minimum.reduceat(gaps[inner], first), np.maximum.reduceat(gaps[inner], first)
    number = np.diff(np.append(first, len(inner)))
    wide = (least > 1) & (least == most) & (number >= EVENLY_SPACED)
    if wide.any():
        place = int(inner[first[int(np.argmax(wide))]]) + 1
        raise DataError(
            f"{rows.show_place(table, place)}: series must share one frequency, {frequency.span}; the rows"
            f"{rows.name(place)} are {least[wide][0]} times as far apart. Put it into a table of its "
            "own, or pass --frequency"
        )


# Columns


def _read_target(table: Table, taken: Sequence[str], columns: PanelColumns) -> tuple[tuple[str, np.ndarray], list[str]]:
    """Name and values of the target, in the order of the table, and notes."""
    target, notes = columns.target, []
    if not target:
        named = (*taken, *columns.numbers, *columns.static)
        numeric = [each.name for each in table.frame if each.name not in named and each.dtype.is_numeric()]
        if len(numeric) != 1:
            got = f"got {', '.join(numeric)[:200]}" if numeric else "got none"
            raise DataError(f"{table.path}: --target must name the column to forecast, among the numeric ones; {got}")
        target = numeric[0]
        notes.append(f"target: {target!r}, the only column of numbers")
    values, more = read_numbers(table, target, asked=True, missing=columns.missing)
    assert values is not None
    # how many are missing is said by series, without the rows to forecast
    return (target, values), [*notes, *(each for each in more if not each.endswith(f" missing in {target!r}"))]


def _read_others(
    table: Table, taken: Sequence[str], names: Sequence[str], missing: float
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The other columns of these names, in the order of the table, and notes.

    Args:
        taken: names of the columns of ids and times, and of the target.
    """
    others: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name in dict.fromkeys(names):
        if name in taken:
            raise DataError(f"{table.path}: {name!r} must be a column of its own; it is the target, time or an id")
        others[name], told = _read_other(table, name, missing)
        notes += told
    left = [each for each in table.frame.columns if each not in (*taken, *others)]
    if left:
        listed = ", ".join(map(repr, left[:8])) + (", ..." if left[8:] else "")
        notes.insert(0, f"not used: {listed}; name them with --known, --past or --static")
    return others, notes


def _find_known(table: Table, taken: Sequence[str], target: tuple[str, np.ndarray], rows: Rows) -> tuple[str, ...]:
    """The columns of numbers that are given where the target is not yet: in the rows after its newest value."""
    values = target[1][rows.order]
    newest = np.full(int(rows.series.max()) + 1, np.iinfo(np.int64).min)
    known = ~np.isnan(values)
    np.maximum.at(newest, rows.series[known], rows.steps[known])
    later = np.zeros(len(values), bool)
    later[rows.order] = rows.steps > newest[rows.series]
    if not later.any():
        return ()
    frame = table.frame.filter(later)
    free = [each for each in frame if each.name not in (*taken, target[0]) and each.dtype.is_numeric()]
    return tuple(each.name for each in free if each.null_count() < MOST_UNKNOWN * len(each))


def _read_other(table: Table, name: str, missing: float) -> tuple[np.ndarray, list[str]]:
    """Numbers float64 `[R]`, or categories as texts."""
    values, notes = read_numbers(table, name, missing=missing)
    if values is not None:
        return values, notes
    import polars

    return table.frame[name].cast(polars.String).to_numpy().astype(object), []

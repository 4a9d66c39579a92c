"""Read one or many series from a table, each laid on the steps of its frequency: Table -> Panel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seqconv.data.frequency import Frequency, find_frequency, fit_frequency, parse_frequency
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.files import settle_header
from seqconv.data.readers.ids import find_ids
from seqconv.data.readers.series import MISSING, find_times, read_numbers, time_cells
from seqconv.data.readers.tables import Table
from seqconv.data.readers.times import GUESS, Times, is_number_of_time, read_times
from seqconv.data.records import Panel, count, find_ends
from seqconv.errors import ConfigError, DataError, nearest

MOST_HOLES = 20  # steps of the grid for each row of the table, above which the frequency must be wrong
_STEP_NAME = re.compile(r"(ds|t|step|period|index|time|date|row|week|month|day|hour|cycle)s?", re.IGNORECASE)


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


class _Rows(NamedTuple):
    """The rows of a table in the order of series and time.

    Args:
        order: row of the table, int64 `[R]`.
        series, steps: of each, int64 `[R]`.
    """

    order: np.ndarray
    series: np.ndarray
    steps: np.ndarray


def read_panel(table: Table, columns: PanelColumns) -> Panel:
    """The series of a table, in the order in which they first appear.

    Rows may be in any order. Whatever is inferred or left out is in the notes.

    Raises:
        DataError: no such column, no column of times or of numbers, an empty id, times that do not follow one
            frequency, or several rows of one series and time.
        ConfigError: an invalid frequency or time zone.
    """
    _check_names(table, columns)
    found = _find_times(table, columns)
    stamps = _read_stamps(table, found, columns)
    ids, notes = _choose_ids(table, stamps, found, columns)
    series, keys = _number_series(table, ids)
    order = _sort(series, stamps.stamps)
    offsets = np.searchsorted(series[order], np.arange(len(keys) + 1))
    frequency, more = _choose_frequency(table, stamps.stamps[order], offsets, columns)
    _check_steps(table, stamps.stamps, order, frequency, series, keys)
    rows = _Rows(order, series[order], frequency.steps(stamps.stamps[order]))
    target, others, told = _read_columns(table, [*found, *ids], columns)
    notes = [*table.notes, *stamps.notes, *notes, *more, *told]
    panel = _lay(table, rows, target, others, keys, columns)
    settled = settle_header(table) | {"id": ids, "time": found[0] if found else NONE, "frequency": frequency.code}
    settled |= {"target": (target[0],)} | ({"dates": stamps.dates} if stamps.dates else {})
    clock = "utc" if stamps.absolute else "local"
    return replace(
        panel, names=ids, frequency=frequency, notes=tuple(notes), zone=stamps.zone, clock=clock, settled=settled
    )


def _check_names(table: Table, columns: PanelColumns) -> None:
    asked = (*columns.ids, columns.target, *columns.numbers, *columns.static)
    for name in asked if columns.time in ("", NONE) else (*asked, columns.time):
        if name and name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise DataError(f"{table.path}: must have the column {name!r}; it does not. {hint}")


# Times


def _find_times(table: Table, columns: PanelColumns) -> list[str]:
    """The column of times, or of whole numbers that count the rows of each series; empty: rows are counted."""
    if columns.time == NONE and NONE not in table.frame.columns:
        return []
    found = find_times(table, columns.time)
    if not found:
        taken = (*columns.ids, columns.target)
        names = (each.name for each in table.frame if str(each.dtype) == "Int64" and each.name not in taken)
        found = [name for name in names if _STEP_NAME.fullmatch(name.strip())][:1]
    return found


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
    times = read_times(cells, table.place, columns.zone, columns.dates)
    note = [] if columns.time else [f"times from column{'s' if found[1:] else ''} {' and '.join(map(repr, found))}"]
    return replace(times, notes=(*note, *times.notes))


# Series


def _choose_ids(
    table: Table, times: Times, found: list[str], columns: PanelColumns
) -> tuple[tuple[str, ...], list[str]]:
    if columns.ids:
        return columns.ids, []
    order = np.argsort(times.stamps, kind="stable")
    if (np.diff(times.stamps[order]).astype(np.int64) > 0).all():
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
    frame = table.frame.select(polars.col(name).cast(polars.String) for name in ids)
    for name in ids:
        empty = frame[name].is_null() | (frame[name] == "")
        if empty.any():
            row = int(empty.arg_max() or 0)
            raise DataError(f"{table.place(row)}: the id {name!r} must be given; it is empty. Fill it in")
    known = frame.unique(maintain_order=True)
    numbers = frame.join(known.with_row_index(" series"), on=list(ids), how="left", maintain_order="left")[" series"]
    return numbers.to_numpy().astype(np.int64), tuple(known.rows())


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
        raise DataError(
            f"{table.path}: must have two different times in a series; it has none. Add rows, or pass --frequency"
        )
    return found, [] if counted else [f"frequency: a row each {found.name}; --frequency sets another"]


def _check_steps(
    table: Table,
    stamps: np.ndarray,
    order: np.ndarray,
    frequency: Frequency,
    series: np.ndarray,
    keys: Sequence[object],
) -> None:
    odd = ~frequency.fits(stamps)
    if odd.any() and frequency.unit == "s":
        # rows a little beside their step, such as seconds late, lie in it as long as there is one in each
        return
    if odd.any():
        row = int(np.argmax(odd))
        when = str(stamps[row]).removesuffix("T00:00:00").replace("T", " ")
        raise DataError(
            f"{table.place(row)}: times must be a {frequency.name} apart, as {(1 - odd.mean()):.0%} of the rows are; "
            f"got {when}{_name(keys, series[row])}. Correct it, or pass --frequency"
        )


def _name(keys: Sequence[object], series: int) -> str:
    key = keys[series]
    return f" of {', '.join(key)}" if isinstance(key, tuple) and key else ""


# Columns


def _read_columns(
    table: Table, taken: Sequence[str], columns: PanelColumns
) -> tuple[tuple[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """Name and values of the target, the other columns that the user named, all in the order of the table; notes."""
    target, notes = columns.target, []
    if not target:
        free = [each.name for each in table.frame if each.name not in taken]
        free = [name for name in free if name not in (*columns.numbers, *columns.static)]
        numeric = [name for name in free if table.frame[name].dtype.is_numeric()]
        if len(numeric) != 1:
            got = f"got {', '.join(numeric)[:200]}" if numeric else "got none"
            raise DataError(f"{table.path}: --target must name the column to forecast, among the numeric ones; {got}")
        target = numeric[0]
        notes.append(f"target: {target!r}, the only column of numbers")
    values, more = read_numbers(table, target, asked=True, missing=columns.missing)
    assert values is not None
    others: dict[str, np.ndarray] = {}
    for name in dict.fromkeys((*columns.numbers, *columns.static)):
        if name in (target, *taken):
            raise DataError(f"{table.path}: {name!r} must be a column of its own; it is the target, time or an id")
        others[name], told = _read_other(table, name, columns.missing)
        more = [*more, *told]
    left = [each for each in table.frame.columns if each not in (*taken, target, *others)]
    if left:
        listed = ", ".join(map(repr, left[:8])) + (", ..." if left[8:] else "")
        notes.append(f"not used: {listed}; name them with --known, --past or --static")
    return (target, values), others, [*notes, *more]


def _read_other(table: Table, name: str, missing: float) -> tuple[np.ndarray, list[str]]:
    """Numbers float64 `[R]`, or categories as texts."""
    values, notes = read_numbers(table, name, missing=missing)
    if values is not None:
        return values, notes
    import polars

    return table.frame[name].cast(polars.String).to_numpy().astype(object), []


def _lay(
    table: Table,
    rows: _Rows,
    target: tuple[str, np.ndarray],
    others: dict[str, np.ndarray],
    keys: tuple[tuple[str, ...], ...],
    columns: PanelColumns,
) -> Panel:
    """Lay the rows on the grid of the frequency."""
    repeated = (np.diff(rows.series) == 0) & (np.diff(rows.steps) == 0)
    if repeated.any() and columns.duplicates == "refuse":
        row = int(rows.order[int(np.argmax(repeated)) + 1])
        what = _name(keys, int(rows.series[int(np.argmax(repeated))]))
        raise DataError(
            f"{table.place(row)}: times must differ{what and ' within' + what.removeprefix(' of')}; this one is there "
            "already. Pass --duplicates sum, mean, first or last, or name further --id columns"
        )
    first = np.concatenate([[0], np.flatnonzero(~repeated) + 1])  # of each distinct step
    series, steps = rows.series[first], rows.steps[first]
    starts_at = np.searchsorted(series, np.arange(len(keys)))
    ends_at = np.searchsorted(series, np.arange(len(keys)), side="right") - 1
    lengths = steps[ends_at] - steps[starts_at] + 1
    if lengths.sum() > MOST_HOLES * len(rows.order) + 1000:
        longest = int(np.argmax(lengths - np.bincount(series, minlength=len(keys))))
        raise DataError(
            f"{table.path}: most steps must have a row; {_name(keys, longest)[4:] or 'the series'} has "
            f"{count(int((series == longest).sum()), 'row')} on {lengths[longest]:,} steps. Pass --frequency"
        )
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = offsets[series] + steps - steps[starts_at][series]
    laid = {}
    for name, values in {target[0]: target[1], **others}.items():
        merged = _merge(values[rows.order], first, "last" if name in columns.static else columns.duplicates)
        empty = np.full(int(offsets[-1]), np.nan if merged.dtype != object else None, merged.dtype)
        empty[at] = merged
        laid[name] = empty
    values = laid.pop(target[0])
    ends = find_ends(values, offsets)
    return Panel((), keys, offsets, steps[starts_at], ends, Frequency("row"), target[0], values, laid, str(table.path))


def _merge(values: np.ndarray, first: np.ndarray, how: str) -> np.ndarray:
    """One value for each run of rows that begins at `first`."""
    if len(first) == len(values) or how in ("first", "refuse") or (values.dtype == object and how != "last"):
        return np.asarray(values[first])
    last = np.append(first[1:], len(values)) - 1
    if how == "last":
        return np.asarray(values[last])
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), first)
    number = np.add.reduceat(known.astype(np.int64), first)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / (number if how == "mean" else 1), np.nan)


def fill_values(panel: Panel, how: str) -> Panel:
    """The panel with the missing values of its target filled, up to the newest one of each series.

    Args:
        how: `previous`, `linear` (between its neighbours) or `zero`; `none` leaves it as it is.
    """
    if how == "none":
        return panel
    values = panel.values.copy()
    for first, last in zip(panel.offsets[:-1], panel.ends, strict=True):
        own = values[first:last]
        known = np.flatnonzero(~np.isnan(own))
        if len(known) == len(own) or not len(known):
            continue
        rows = np.arange(len(own))
        if how == "zero":
            own[np.isnan(own)] = 0.0
        elif how == "linear":
            own[:] = np.interp(rows, known, own[known])
        else:
            own[:] = own[known[np.maximum(np.searchsorted(known, rows, side="right") - 1, 0)]]
    filled = int((np.isnan(panel.values) & ~np.isnan(values)).sum())
    notes = [f"{count(filled, 'missing value')} of {panel.target!r} filled: {how}"] if filled else []
    return replace(panel, values=values, notes=(*panel.notes, *notes))

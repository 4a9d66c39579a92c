"""What a second table says of the rows to forecast: Panel, Table -> Panel."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.ids import number_series
from seqconv.data.readers.panel_times import PanelColumns, find_panel_times, read_local, read_stamps
from seqconv.data.readers.panels import read_other
from seqconv.data.readers.series import join_names, split_names
from seqconv.data.readers.tables import Table
from seqconv.data.readers.values import prove_decimal, read_numbers
from seqconv.data.records import Panel, is_missing
from seqconv.errors import DataError, nearest


def add_future(panel: Panel, table: Table, columns: PanelColumns, known: Sequence[str]) -> Panel:
    """The panel with a table's rows after the newest value of each series.

    A row that the panel has already keeps the cells that are empty in the table.

    Args:
        columns: by which the panel was read.
        known: the columns to take; others, the target among them, are not read.

    Raises:
        DataError: a column is missing, an id has no past, or rows do not follow the newest value one by one.
    """
    table = prove_decimal(table)
    times = _name_times(table, columns)
    columns = replace(columns, time=join_names(times) or NONE)
    for name in (*panel.names, *times, *known):
        if name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise DataError(f"{table.path}: must have the column {name!r} of the rows to forecast; it does not. {hint}")
    series = _match_series(panel, table)
    ahead = _count_ahead(panel, table, series, columns)
    lengths = np.diff(panel.offsets)
    wanted = panel.lengths.copy()
    np.maximum.at(wanted, series, panel.lengths[series] + ahead + 1)
    wanted = np.maximum(wanted, lengths)
    offsets = np.concatenate([[0], np.cumsum(wanted)])
    own = np.arange(len(panel.values)) + np.repeat(offsets[:-1] - panel.offsets[:-1], lengths)
    at = offsets[:-1][series] + panel.lengths[series] + ahead
    laid = {}
    for name, cells in panel.columns.items():
        wide = np.full(int(offsets[-1]), np.nan if cells.dtype != object else None, cells.dtype)
        wide[own] = cells
        if name in known:
            later = _read_cells(table, name, cells.dtype == object, columns.missing)
            given = ~is_missing(later)
            wide[at[given]] = later[given]
        laid[name] = wide
    values = np.full(int(offsets[-1]), np.nan)
    values[own] = panel.values
    return replace(panel, values=values, columns=laid, offsets=offsets, ends=offsets[:-1] + panel.lengths)


def _name_times(table: Table, columns: PanelColumns) -> list[str]:
    """The columns of times; a form has whole dates where the past has years and months."""
    if columns.time in (NONE, *table.frame.columns):  # one name may look like several
        return [columns.time] if columns.time != NONE else []
    first, *parts = split_names(columns.time)
    whole = first in table.frame.columns and not set(parts) <= set(table.frame.columns)
    return [first] if whole else [first, *parts]


def _match_series(panel: Panel, table: Table) -> np.ndarray:
    """The series of the panel that each row belongs to, int64 `[R]`."""
    numbers, keys = number_series(table, panel.names)
    places = {key: place for place, key in enumerate(panel.keys)}
    found = np.array([places.get(key, -1) for key in keys])[numbers]
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        key = ", ".join(keys[numbers[row]])
        raise DataError(
            f"{table.place(row)}: ids must be those of the series; {key} has no past. Add its past, or remove it"
        )
    return np.asarray(found)


def _count_ahead(panel: Panel, table: Table, series: np.ndarray, columns: PanelColumns) -> np.ndarray:
    """How many rows each row is after the first to forecast of its series, int64 `[R]`."""
    first = panel.starts + panel.lengths
    found = find_panel_times(table, columns)
    times = read_stamps(table, found, replace(columns, ids=panel.names))
    stamps = read_local(times, table, found) if times.absolute and panel.clock == "local" else times.stamps
    if not found:
        return np.asarray(stamps)  # they are counted from the newest value on
    if panel.clock == "utc" and not times.absolute and np.issubdtype(stamps.dtype, np.datetime64):
        must = "times must have a UTC offset or a zone, like those of the past; they have none"
        raise DataError(f"{table.place(0)}: {must}. Correct them")
    steps = panel.frequency.steps(stamps)
    odd = ~panel.frequency.fits(stamps) & (panel.frequency.unit != "s")
    ahead = steps - first[series]
    early = ahead < 0
    order = np.lexsort((ahead, series))
    again = np.zeros(len(series), bool)
    again[order[1:]] = (np.diff(series[order]) == 0) & (np.diff(ahead[order]) == 0)
    for wrong, problem in (
        (odd, f"times must be {panel.frequency.span} apart, as in the past"),
        (early, "rows to forecast must come after the newest value"),
        (again, "times must differ"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            whose = panel.whose(int(series[row]))
            when = str(stamps[row]).removesuffix("T00:00:00").replace("T", " ")
            raise DataError(f"{table.place(row)}: {problem}; got {when}{whose}. Correct or remove it")
    _check_gaps(panel, table, series, ahead, order)
    return np.asarray(ahead)


def _check_gaps(panel: Panel, table: Table, series: np.ndarray, ahead: np.ndarray, order: np.ndarray) -> None:
    """Check that the rows of each series, in this order, follow the newest value without a gap."""
    held = (np.diff(panel.offsets) - panel.lengths)[series[order]]  # that the panel has already
    new = np.append(True, np.diff(series[order]) > 0)
    before = np.where(new, -1, np.roll(ahead[order], 1))
    gap = ahead[order] > np.maximum(before + 1, held)
    if gap.any():
        place = int(np.argmax(gap))
        row, whose = int(order[place]), int(series[order][place])
        step = max(int(before[place]) + 1, int(held[place])) + 1
        key = panel.whose(whose)
        raise DataError(
            f"{table.place(row)}: rows to forecast must follow the newest value{key} without a gap; step {step} after "
            "it has no row. Add it"
        )


def _read_cells(table: Table, name: str, texts: bool, missing: float) -> np.ndarray:
    """Cells of a column `[R]`, numbers or texts as in the past.

    Raises:
        DataError: a text in a column of numbers.
    """
    if not texts:
        numbers, _ = read_numbers(table, name, asked=True, missing=missing)
        assert numbers is not None
        return numbers
    cells, _ = read_other(table, name, missing)
    return cells if cells.dtype == object else np.array([None if np.isnan(e) else f"{e:g}" for e in cells], object)

"""Read one or many series from a table, each laid on the steps of its frequency: Table -> Panel."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.data.alike import describe_alike
from seqconv.data.frequency import DAY_S, Frequency, find_frequency, fit_frequency, parse_frequency
from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.files import settle_header
from seqconv.data.readers.grids import Rows, lay_rows
from seqconv.data.readers.ids import find_ids, number_series
from seqconv.data.readers.panel_times import PanelColumns, find_panel_times, keep_clock, read_stamps
from seqconv.data.readers.series import join_names
from seqconv.data.readers.tables import Table
from seqconv.data.readers.times import Times
from seqconv.data.readers.values import prove_decimal, read_numbers, settle_decimal
from seqconv.data.readers.zones import Stamps
from seqconv.data.records import Panel
from seqconv.errors import DataError, OptionError, nearest

MOST_UNKNOWN = 0.1  # fraction of the rows to forecast in which a column that is known may be empty
EARLY = 4  # a series ends early by one in so many of the rows of a usual one
EVENLY_SPACED = 4  # equal gaps of a series that show its frequency
UNEVEN = 1.2  # the longest of such gaps by the shortest: months are 28 to 31 days


def panel_from_table(table: Table, columns: PanelColumns) -> Panel:
    """The series of a table, in the order in which they first appear.

    Rows may be in any order. Whatever is inferred or left out is in the notes.

    Raises:
        DataError: no such column, no column of times or of numbers, an empty id, times that do not follow one
            frequency, or several rows of one series and time.
        OptionError: an invalid frequency or time zone.
    """
    table = prove_decimal(table)
    _check_names(table, columns)
    found = find_panel_times(table, columns)
    stamps = keep_clock(read_stamps(table, found, columns), table, found, columns)
    ids, notes = _choose_ids(table, stamps, found, columns)
    series, keys = number_series(table, ids)
    order = _sort(series, stamps.stamps)
    offsets = np.searchsorted(series[order], np.arange(len(keys) + 1))
    frequency, more = _choose_frequency(table, stamps.stamps[order], offsets, columns)
    rows = Rows(order, series[order], frequency.steps(stamps.stamps[order]), keys)
    _check_steps(table, rows, stamps.stamps[order], frequency, columns)
    _check_repeats(table, rows, stamps.stamps, found, columns)
    taken = [*found, *ids]
    target, told = _read_target(table, taken, columns)
    named = (*columns.numbers, *columns.static)
    known = () if named else _find_known(table, taken, target, rows)
    others, others_told = _read_others(table, [*taken, target[0]], named or known, columns.missing)
    if known:
        others_told = [f"known of the rows to forecast: {', '.join(map(repr, known))}; --known names others"]
    notes = [*table.notes, *stamps.notes, *notes, *_describe_alike(keys), *more, *told, *others_told]
    panel = lay_rows(table, rows, target, others, columns.static, columns.duplicates, bool(columns.numbers or known))
    settled: dict[str, Any] = settle_header(table) | settle_decimal(table)
    settled |= {"id": ids, "time": join_names(found) or NONE, "frequency": frequency.code}
    settled |= {"known": known} if known else {}
    settled |= {"target": (target[0],)} | ({"dates": stamps.dates} if stamps.dates else {})
    clock = "utc" if stamps.absolute else "local"
    panel = replace(panel, names=ids, frequency=frequency, zone=stamps.zone, clock=clock, form=table.form)
    return replace(panel, notes=(*notes, *describe_early(panel)), settled=settled)


def describe_early(panel: Panel) -> list[str]:
    """Which series end long before the others, in a sentence; none if none does."""
    lasts = panel.starts + panel.lengths
    soon = lasts < lasts.max() - max(int(np.median(panel.lengths)) // EARLY, 1)
    early = np.flatnonzero(soon & (panel.lengths > 0))
    if not len(early):
        return []
    first = int(early[np.argmin(lasts[early])])
    last = panel.frequency.times(lasts[first : first + 1] - 1)
    when = Stamps(last, panel.zone, panel.frequency.seconds >= DAY_S).texts[0]
    what = f"{len(early):,} of {len(panel):,} series end long before the others"
    return [f"{what}, such as {panel.show_key(first)} on {when}: forecast from their own last rows on"]


def _check_names(table: Table, columns: PanelColumns) -> None:
    for name in (*columns.ids, columns.target, *columns.numbers, *columns.static):
        if name and name not in table.frame.columns:
            hint = nearest(name, table.frame.columns)
            raise DataError(f"{table.path}: must have the column {name!r}; it does not. {hint}")


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


def _describe_alike(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Series that may be one, in a sentence each."""
    return [f"series that {how}; write them alike if they are one" for how in describe_alike(map(", ".join, keys))]


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
            raise OptionError(f"frequency must fit {table.path}, which {known} each series; got {columns.frequency!r}")
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
        cure = "Correct it" if columns.frequency else "Correct it, pass --frequency, or count the rows with --time none"
        cure = next((f"{how[0].upper()}{how[1:]}" for how in _describe_alike(rows.keys)), cure)
        others = "as in training or by --frequency" if columns.frequency else f"as {1 - odd.mean():.0%} of the rows are"
        raise DataError(
            f"{rows.show_place(table, place)}: times must be {frequency.span} apart, {others}; got "
            f"{when}{rows.name(place)}. {cure}"
        )
    if columns.frequency and len(gaps) > 1 and gaps.max() > 1 and not (gaps == 1).any():
        closest = int(gaps[gaps > 1].min())
        raise DataError(
            f"{table.path}: rows must be {frequency.span} apart, the frequency given or found in training; the closest "
            f"are {closest} times as far apart. Give such a table, or train with another --frequency"
        )
    if not columns.frequency:
        _check_one_frequency(table, rows, gaps, frequency)


def _check_repeats(table: Table, rows: Rows, stamps: np.ndarray, found: list[str], columns: PanelColumns) -> None:
    """Check that no series has two rows of one time, unless the user said what to do with them."""
    repeated = (np.diff(rows.series) == 0) & (np.diff(rows.steps) == 0)
    if not repeated.any() or columns.duplicates != "refuse":
        return
    place = int(np.argmax(repeated)) + 1
    within = rows.name(place).replace(" of ", " within ", 1)
    near = () if rows.name(place) else find_ids(table, stamps, [*found, columns.target, *columns.numbers], 1.0)
    cure = f"name series apart with --id {','.join(near)}" if near else "name further --id columns"
    raise DataError(
        f"{rows.show_place(table, place)}: times must differ{within}; this one is there already. "
        f"Drop one, or train with --duplicates sum, mean, first or last, or {cure}"
    )


def _check_one_frequency(table: Table, rows: Rows, gaps: np.ndarray, frequency: Frequency) -> None:
    """Check that no series has rows evenly spaced at a multiple of the frequency of the others: months among days."""
    inner = np.flatnonzero(np.diff(rows.series) == 0)
    if not len(inner):
        return
    first = np.flatnonzero(np.diff(rows.series[inner], prepend=-1))
    least, most = np.minimum.reduceat(gaps[inner], first), np.maximum.reduceat(gaps[inner], first)
    number = np.diff(np.append(first, len(inner)))
    wide = (least > 1) & (most <= UNEVEN * least) & (number >= EVENLY_SPACED)
    if wide.any():
        place = int(inner[first[int(np.argmax(wide))]]) + 1
        raise DataError(
            f"{rows.show_place(table, place)}: series must share one frequency, {frequency.span}; the rows"
            f"{rows.name(place)} are {least[wide][0]:,} times as far apart. Put it into a table of its "
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
        others[name], told = read_other(table, name, missing)
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


def read_other(table: Table, name: str, missing: float) -> tuple[np.ndarray, list[str]]:
    """Numbers float64 `[R]`, or categories as texts."""
    values, notes = read_numbers(table, name, missing=missing)
    if values is not None:
        return values, notes
    import polars

    return table.frame[name].cast(polars.String).to_numpy().astype(object), []

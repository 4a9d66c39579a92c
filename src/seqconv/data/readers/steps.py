"""The steps of sequences whose rows have times: their order, their interval, and steps that are missing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqconv.data.readers.clocks import NONE
from seqconv.data.readers.files import Table
from seqconv.data.readers.series import find_times, join_names, time_cells
from seqconv.data.readers.times import read_times
from seqconv.data.records import count
from seqconv.errors import DataError
from seqconv.recipes.durations import parse_seconds, show_seconds

if TYPE_CHECKING:
    import polars

_UNEVEN = 0.02  # of a step, that times may be off it
_FILLED = 3  # times as many steps as rows, up to which missing ones are filled in
_SINCE_1970 = 1e8  # seconds from which a number is taken for a time (1973); a thousand times as many are milliseconds
_NAMES = ("time", "timestamp", "t", "step", "index", "seconds", "datetime")  # of columns of numbers, in lower case


@dataclass(frozen=True)
class Clock:
    """The times of the rows of a table.

    Args:
        stamps: datetime64[us] `[R]`, or numbers that only order the rows.
        columns: that they were read from; empty: rows are in order.
        notes: how they were read.
    """

    stamps: np.ndarray
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The setting `time` for the same times."""
        return join_names(list(self.columns)) or NONE

    @property
    def is_time(self) -> bool:
        """Whether stamps are times, so that durations mean something."""
        return self.stamps.dtype.kind == "M"


class Laid(NamedTuple):
    """The time between two steps as text, empty if steps are counted; and notes."""

    interval: str
    notes: tuple[str, ...]


def read_clock(table: Table, name: str, taken: tuple[str, ...]) -> Clock:
    """Times of the rows, to the microsecond.

    Args:
        name: of the time column; `none`: rows are in order; empty: inferred.
        taken: columns that are something else.

    Raises:
        DataError: no such column, or a cell that is no time.
    """
    if name == NONE and NONE not in table.frame.columns:
        return Clock(np.arange(len(table.frame)))
    found = find_times(table, name) if name else [each for each in find_times(table, "") if each not in taken]
    if not found:
        found = [each for each in table.frame.columns if each.lower() in _NAMES and each not in taken][:1]
    if not found:
        return Clock(np.arange(len(table.frame)), (), ("no time column: steps are in the order of the rows",))
    note = () if name else (f"times from column {' and '.join(map(repr, found))}",)
    return Clock(_read_stamps(table, time_cells(table, found)), tuple(found), note)


def _read_stamps(table: Table, cells: "polars.Series") -> np.ndarray:
    import polars

    if cells.null_count():
        where = table.place(int(cells.is_null().arg_max() or 0))
        raise DataError(f"{where}: {cells.name!r} must be a time; it is empty. Fill it in or drop the row")
    if cells.dtype == polars.String:
        precise = _read_precise(cells)
        return read_times(cells, table.place).stamps.astype("datetime64[us]") if precise is None else precise
    if cells.dtype.is_numeric():
        numbers: np.ndarray = cells.to_numpy()
        least = float(np.abs(numbers).min())
        for unit in range(4) if least >= _SINCE_1970 else ():
            if least < _SINCE_1970 * 1000 ** (unit + 1):
                return np.asarray(np.round(numbers * (1e6 / 1000**unit)).astype("datetime64[us]"))
        return numbers
    if cells.dtype not in (polars.Date, polars.Datetime):
        raise DataError(
            f"{table.place(0)}: {cells.name!r} must hold times; it holds {cells.dtype}. Name another column"
        )
    zone = getattr(cells.dtype, "time_zone", None)
    cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else cells
    return cells.cast(polars.Datetime("us")).to_numpy().astype("datetime64[us]")


def _read_precise(cells: "polars.Series") -> np.ndarray | None:
    """ISO 8601 with fractions of seconds; None: they have another form."""
    import polars

    for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"):
        found = cells.str.strip_chars().str.strip_suffix("Z").str.to_datetime(form, time_unit="us", strict=False)
        if not found.null_count():
            return found.cast(polars.Datetime("us")).to_numpy().astype("datetime64[us]")
    return None


def lay_steps(
    table: Table, clock: Clock, order: np.ndarray, values: np.ndarray, offsets: np.ndarray, interval: str
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, Laid]:
    """Times, values and offsets of evenly spaced steps: rows that are missing between others are missing values.

    Args:
        order: the rows by sequence and time, `[R]`.
        values: in that order, `[R, C]`.
        offsets: where each sequence starts.
        interval: time between two steps that the user or training says; empty: the most common one.

    Raises:
        DataError: two rows of one sequence with the same time, or another interval.
    """
    stamps = clock.stamps[order]
    if not clock.columns:
        return None, values, offsets, Laid(interval, ())
    gaps = np.diff(stamps).astype(np.float64) / (1e6 if clock.is_time else 1)
    inner = np.ones(len(gaps), bool)
    inner[offsets[1:-1] - 1] = False
    _check_repeats(table, clock, order, inner & (gaps == 0))
    if not inner.any():
        return stamps, values, offsets, Laid(interval, ())
    usual = float(np.median(gaps[inner]))
    said = _check_interval(table, clock, usual, interval)
    steps = np.round(gaps / usual).astype(np.int64)
    even = np.abs(gaps / usual - steps)[inner].max() <= _UNEVEN * max(int(steps[inner].max()), 1) and steps[inner].min()
    if not even:
        return stamps, values, offsets, Laid(said, ("times are not evenly spaced; read as steps of equal length",))
    steps[~inner] = 1
    places = np.concatenate([[0], np.cumsum(steps)])
    more = int(places[-1]) + 1 - len(stamps)
    if not more or places[-1] + 1 > _FILLED * len(stamps):
        return stamps, values, offsets, Laid(said, ())
    filled = np.full((places[-1] + 1, values.shape[1]), np.nan)
    filled[places] = values
    laid = np.interp(np.arange(len(filled)), places, stamps.astype(np.float64)).astype(stamps.dtype)
    offsets = np.append(places[offsets[:-1]], len(filled))
    return laid, filled, offsets, Laid(said, (f"{count(more, 'step')} missing between others: values missing there",))


def _check_repeats(table: Table, clock: Clock, order: np.ndarray, again: np.ndarray) -> None:
    if again.any():
        row = int(order[int(np.argmax(again)) + 1])
        cure = "Drop it, name further --id columns, or take the rows in order with --time none"
        raise DataError(f"{table.place(row)}: must be the only row of its sequence with its {clock.name!r}. {cure}")


def _check_interval(table: Table, clock: Clock, usual: float, interval: str) -> str:
    """The interval of the steps as a setting; empty: their times are only numbers."""
    if not interval:
        return show_seconds(usual) if clock.is_time else ""
    wanted = parse_seconds(interval, "data.interval")
    if clock.is_time and abs(usual - wanted) > _UNEVEN * wanted:
        got = f"it has one every {show_seconds(usual)}"
        raise DataError(f"{table.path}: must have a step every {interval} as in training; {got}. Resample it")
    return interval

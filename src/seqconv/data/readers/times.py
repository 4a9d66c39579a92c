"""Parse a column of dates, date-times or epoch numbers: polars.Series -> Times."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from seqconv.data.readers.files import GUESS
from seqconv.data.readers.names import COUNTED, YEAR_WEEK
from seqconv.data.readers.numbers import as_numbers
from seqconv.data.readers.spellings import respell, respell_cell
from seqconv.data.readers.zones import check_zone, to_utc
from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

Place = Callable[[int], str]  # names a row and its file, for errors

DAY_FIRST, MONTH_FIRST = "day first", "month first"
_MIDNIGHT = r"[ T]24:00(:00)?$"  # the end of a day
EXAMPLES = "31.12.2016 23:50:00 or 2016-12-31 23:50:00"

EARLIEST = 10**8  # seconds since 1970 accepted as a time (from 1973); a thousand times as many are milliseconds
EPOCH_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}  # per second
_WIDTHS = {"%Y": 4, "%Y%m": 6, "%Y%m%d": 8, "%Y%m%d%H": 10, "%Y%m%d%H%M": 12, "%Y%m%d%H%M%S": 14}  # digits: 20161231
YEARS = (1500, 2200)  # first and last year of such numbers
_EXACT_YEARS = (1900, 2200)  # of those that have an hour
_EXCEL, _EXCEL_DAYS = "days", (20000, 60000)  # numbers of days that Excel has from 1954 to 2064
_BEFORE_1970 = 25569  # days that Excel counts up to 1970
_FOOTER = 10  # most rows below a table that are taken for its footer
_ROUNDS = 8  # time formats that one column may mix

_NAMES = ("UTC", "GMT")
_TIME = re.compile(
    r"(?:(?P<year>\d{4})(?P<separator>[-/.])\d{1,2}(?P=separator)\d{1,2}"
    r"|(?P<first>\d{1,2})(?P<mark>[-/. ])\d{1,2}(?P=mark)(?P<last>\d{4}|\d\d))"
    r"(?:(?P<gap>T| +)\d{1,2}:\d\d(?P<second>:\d\d)?(?P<fraction>\.\d+)?(?P<half> ?[AaPp][Mm])?"
    r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?"
)


@dataclass(frozen=True)
class Times:
    """Timestamps of T rows.

    Args:
        stamps: datetime64[s] `[T]`.
        absolute: whether they are known to be UTC; otherwise they may be local times.
        zone: the local time zone; empty: unknown, or UTC.
        notes: how the cells were interpreted.
        dates: the order in which days and months were read, where it could be either; else empty.
    """

    stamps: np.ndarray
    absolute: bool = False
    zone: str = ""
    notes: tuple[str, ...] = ()
    dates: str = ""


def is_time(cell: str) -> bool:
    """Whether a cell looks like a time.

    >>> is_time("31.12.2016 23:50:00"), is_time("2016-12-31T23:50Z"), is_time("31.12")
    (True, True, False)
    """
    return _guess_format(respell_cell(cell.strip()), month_first=False) is not None


def read_times(cells: "polars.Series", place: Place, zone: str = "", dates: str = GUESS) -> Times:
    """Read dates and date-times from text or a native type, or from numbers since 1970 or like 20161231.

    Args:
        cells: `[T]`.
        place: names a row in errors.
        zone: time zone of timestamps without one; these local times become UTC.
        dates: how dates like 03/04/2021 are written: `day first`, `month first`, or `guess`.

    Raises:
        DataError: a cell that is not a time; times with and without a UTC offset; a local time skipped by the clocks.
        ConfigError: an unknown time zone.
    """
    import polars

    if zone:
        check_zone(zone)
    if cells.dtype.is_float():
        cells = cells.fill_nan(None)
    if cells.null_count():
        row = int(cells.is_null().arg_max() or 0)
        cure = _describe_end(cells, row) or ". Fill it in or remove the row"
        raise DataError(f"{place(row)}: {cells.name!r} must be a time; it is empty{cure}")
    if cells.dtype == polars.String:
        numbers = as_numbers(cells)
        if numbers is None or not _number_format(numbers):
            return _from_texts(cells, place, zone, dates)
        if numbers.null_count():
            _refuse(cells, int(numbers.is_null().arg_max() or 0), place, "those above it")
        cells = numbers
    if cells.dtype.is_numeric():
        return _from_numbers(cells, place, zone)
    if cells.dtype not in (polars.Date, polars.Datetime):
        raise DataError(f"{place(0)}: {cells.name!r} must hold times; it holds {cells.dtype}. Name another column")
    own_zone: str = getattr(cells.dtype, "time_zone", None) or ""
    cells = cells.cast(polars.Datetime("us", own_zone or None))
    if not own_zone:
        return _conclude(cells, place, zone)
    stamps = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return _conclude(stamps, place, zone or own_zone, [f"{own_zone} times converted to UTC"], absolute=True)


def is_number_of_time(cells: "polars.Series") -> bool:
    """Whether a numeric column can be times.

    Seconds (or smaller units) since 1970, dates like 20161231 or 2016, or, if it is called a date, days of Excel.
    """
    return _number_format(cells) != ""


def _conclude(
    cells: "polars.Series", place: Place, zone: str, notes: Iterable[str] = (), absolute: bool = False
) -> Times:
    """Timestamps from Datetime in microseconds; `absolute`: already in UTC."""
    precise = cells.to_numpy().astype("datetime64[us]")
    stamps = precise.astype("datetime64[s]")
    notes = list(notes)
    if (stamps != precise).any():
        merged = (np.diff(stamps).astype(np.int64) == 0) & (np.diff(precise).astype(np.int64) != 0)
        if merged.any():
            row = int(np.argmax(merged)) + 1
            problem = f"got {precise[row]}. Remove the column and pass an interval of 1s"
            raise DataError(f"{place(row)}: times must differ by at least one second; {problem}")
        notes.append(f"fractions of seconds in {cells.name!r} dropped")
    if zone not in ("", "UTC") and not absolute:
        stamps = to_utc(stamps, zone, place)
        notes.append(f"local times in {zone} converted to UTC")
    return Times(stamps, absolute or bool(zone), "" if zone == "UTC" else zone, tuple(notes))


# Numbers


def _number_format(cells: "polars.Series") -> str:
    """The unit of numbers since 1970, a format like `%Y%m%d`, `days` as Excel counts them, or an empty string."""
    low, high = float(cells.min() or 0), float(cells.max() or 0)  # type: ignore[arg-type]
    if COUNTED.fullmatch(cells.name.strip()) and _EXCEL_DAYS[0] <= low and high < _EXCEL_DAYS[1]:
        return _EXCEL
    for form, width in _WIDTHS.items():
        earliest, latest = YEARS if width <= 8 else _EXACT_YEARS
        first, last = (year * 10 ** (width - 4) for year in (earliest, latest + 1))
        dated = first <= low and high < last and not (cells % 1 != 0).any()
        # up to a day's digits a number is a date, right or wrong; with more it may count seconds since 1970
        if dated and (width <= 8 or not _parse_digits(cells, width).null_count()):
            return form
    return next(
        (unit for unit, per in EPOCH_UNITS.items() if EARLIEST * per <= low and high < 1000 * EARLIEST * per), ""
    )


def _parse_digits(cells: "polars.Series", width: int) -> "polars.Series":
    """Numbers of that many digits as times; null where one is none."""
    import polars

    texts = cells.cast(polars.Int64).cast(polars.String)
    rest = "0101000000"[width - 4 :] if width <= 8 else "000000"[width - 8 :]
    return (texts + rest).str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="us")


def _from_numbers(cells: "polars.Series", place: Place, zone: str) -> Times:
    import polars

    form = _number_format(cells)
    known = f"numbers of {cells.name!r} read as"
    if form in EPOCH_UNITS:
        per_second = EPOCH_UNITS[form]
        scaled = cells * (10**6 // per_second) if per_second <= 10**6 else cells // 1000
        stamps = scaled.round().cast(polars.Int64).cast(polars.Datetime("us"))
        return _conclude(stamps, place, zone, [f"{known} {form} since 1970, UTC"], absolute=True)
    if form == _EXCEL:
        stamps = ((cells - _BEFORE_1970) * 86400).round().cast(polars.Int64) * 10**6
        return _conclude(stamps.cast(polars.Datetime("us")), place, zone, [f"{known} days as Excel counts them"])
    if form == "%Y%m" and YEAR_WEEK.fullmatch(cells.name.strip()):
        texts = cells.cast(polars.Int64).cast(polars.String).str.replace(r"^(\d{4})", "${1}-W")
        return _from_texts(texts, place, zone, GUESS)
    if not form:
        raise DataError(
            f"{place(0)}: {cells.name!r} must hold times; got the number {cells[0]}, neither a date like 20161231 nor "
            "seconds since 1970. Name the time column, or remove it and pass the interval"
        )
    width = _WIDTHS[form]
    parsed = _parse_digits(cells, width)
    if parsed.null_count():
        row = int(parsed.is_null().arg_max() or 0)
        raise DataError(
            f"{place(row)}: {cells.name!r} must be a date like those above it; got {cells[row]}. Correct it"
        )
    return _conclude(parsed, place, zone, [f"{known} dates like {'20161231235000'[:width]}"])


def write_numbers(times: np.ndarray, local: np.ndarray, like: "polars.Series") -> "polars.Series | None":
    """Times as numbers of the kind that a column holds, the reverse of `read_times`; None: that kind is read only.

    Args:
        times, local: datetime64[s] `[T]`, as read and as people write them.
        like: cells of the column.
    """
    import polars

    form = _number_format(like)
    if form in EPOCH_UNITS:
        return polars.Series(like.name, times.astype(np.int64) * EPOCH_UNITS[form])
    if form == _EXCEL:
        return polars.Series(like.name, local.astype(np.int64) / 86400 + _BEFORE_1970)
    if not form or YEAR_WEEK.fullmatch(like.name.strip()):
        return None
    return polars.Series(like.name, local.astype("datetime64[us]")).dt.strftime(form).cast(polars.Int64)


# Texts


def _guess_format(cell: str, month_first: bool) -> str | None:
    """The `strptime` format of a time; None if it is not one."""
    found = _TIME.fullmatch(cell)
    if found is None or (found["zone"] and found["half"]):
        return None
    separator = found["separator"] or found["mark"]
    if found["year"]:
        date = ["%Y", "%m", "%d"]
    else:
        date = ["%m", "%d"] if month_first else ["%d", "%m"]
        date.append("%Y" if len(found["last"]) == 4 else "%y")
    form = separator.join(date)
    if found["gap"]:
        form += found["gap"] + ("%I:%M" if found["half"] else "%H:%M")
        form += (":%S" if found["second"] else "") + ("%.f" if found["fraction"] else "")
        form += " %p" if found["half"] else ""
    zone = found["zone"] or ""
    return form + (zone if zone.endswith(_NAMES) else "%#z" if zone else "")


def _from_texts(cells: "polars.Series", place: Place, zone: str, dates: str) -> Times:
    written = cells = cells.str.strip_chars()
    late = cells.str.contains(_MIDNIGHT)
    if late.any():
        cells = cells.str.replace(r"([ T])24:00", "${1}00:00")
    notes, order = [], ""
    parsed, zoned, failed = _parse(cells, place, dates == MONTH_FIRST)
    if failed >= 0 and _TIME.fullmatch(cells[failed]) is None:  # plain ones are far faster to read as they are
        cells = respell(cells)
        parsed, zoned, failed = _parse(cells, place, dates == MONTH_FIRST)
        if cells[0][4:5] == "-" and not cells[0].startswith(written[0][:7]):
            notes.append(f"times like {written[0]!r} read as {cells[0]}")
    found = _TIME.fullmatch(cells[0])
    if found is not None and found["mark"] in ("/", "-"):
        order = DAY_FIRST if dates == GUESS else dates
        if dates == GUESS and (failed >= 0 or _is_one_month_each_year(parsed)):
            swapped, _, still = _parse(cells, place, month_first=True)
            if still < 0:
                parsed, failed, order = swapped, -1, MONTH_FIRST
        if dates == GUESS and (order == MONTH_FIRST or not (parsed.dt.day() > 12).any()):
            sure = str(parsed[0])[:10]
            notes.append(f"dates like {written[0]!r} read as {order}; write them as {sure} if that is wrong")
    if failed >= 0:
        like = "those above it" if failed else EXAMPLES
        _refuse(written, failed, place, f"{like}, {order}" if dates != GUESS and order else like)
    if zoned:
        notes.append("times with a UTC offset converted to UTC")
    if late.any():
        parsed = parsed + late.cast(int) * timedelta(days=1)
        notes.append("the hour 24:00 read as midnight of the next day")
    return replace(_conclude(parsed, place, zone, notes, absolute=zoned), dates=order)


def _refuse(cells: "polars.Series", row: int, place: Place, like: str) -> NoReturn:
    problem = f"got {cells[row][:40]!r}{_describe_end(cells, row) or '. Correct it'}"
    raise DataError(f"{place(row)}: {cells.name!r} must be a time like {like}; {problem}")


def _describe_end(cells: "polars.Series", row: int) -> str:
    """What to do about a row from which to the end no cell is a time, such as a total or a source; else empty."""
    rest = cells[row:].to_list()
    if not row or len(rest) > _FOOTER or any(_may_be_time(cell) for cell in rest):
        return ""
    where, them = (f"last {len(rest)} rows", "them") if rest[1:] else ("last row", "it")
    return f" in the {where}, as in a footer. Remove {them}"


def _may_be_time(cell: object) -> bool:
    """Whether a cell is a time, or meant as one: it has digits and no word."""
    if not isinstance(cell, str):
        return cell is not None
    return is_time(cell) or (any(map(str.isdigit, cell)) and not re.search(r"[^\W\d_]{3}", cell))


def _is_one_month_each_year(parsed: "polars.Series") -> bool:
    """How the first days of months look over several years when day and month are swapped."""
    return parsed.dt.month().n_unique() == 1 and parsed.dt.year().n_unique() > 1 and not (parsed.dt.day() > 12).any()


def _parse(cells: "polars.Series", place: Place, month_first: bool) -> "tuple[polars.Series, bool, int]":
    """Times in UTC or as written; whether the cells have a UTC offset; the first cell that is not a time, or -1.

    Cells may differ in precision: each round reads those in the format of the first one left.
    """
    import polars

    stamps = np.full(len(cells), np.datetime64("NaT"), "datetime64[us]")
    left = np.arange(len(cells))
    zoned: bool | None = None
    for _ in range(_ROUNDS):
        rest = cells if len(left) == len(cells) else cells.gather(left)
        form = _guess_format(rest[0], month_first)
        if form is None:
            break
        if zoned not in (None, form.endswith(("z", *_NAMES))):
            other = "without" if zoned else "with"
            raise DataError(
                f"{place(int(left[0]))}: times must either all have a UTC offset or none; {rest[0][:40]!r} is "
                f"{other} one. Use one format"
            )
        zoned = form.endswith(("z", *_NAMES))
        parsed = rest.str.to_datetime(form, strict=False, time_unit="us")
        if zoned:
            parsed = parsed.dt.replace_time_zone(None)
        stamps[left] = parsed.to_numpy()
        unread = np.isnat(stamps[left])
        if unread[0] or not unread.any():
            left = left[unread]
            break
        left = left[unread]
    return polars.Series(cells.name, stamps), bool(zoned), int(left[0]) if len(left) else -1

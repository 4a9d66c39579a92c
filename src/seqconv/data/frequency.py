"""The step from one row of a series to the next, on the calendar: times <-> whole numbers."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seqconv.errors import OptionError
from seqconv.recipes.durations import CALENDAR_UNITS, UNITS_S, split_duration, to_duration

DAY_S, WEEK_S, WEEKS_A_YEAR = 86400, 604800, 52
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONDAY_TO_FRIDAY = "1111100"
_EPOCH = np.datetime64("1970-01-01", "D")
_MONTH_END = 31  # a day of the month that no month exceeds: its last one
_EACH = {
    **{"s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week"},
    **{"bd": "business day", "mo": "month", "q": "quarter", "y": "year"},
}
# names that other programs give to frequencies; what they say of the day or month is found from the times
_ALIASES = {"D": "d", "B": "bd", "W": "w", "M": "mo", "ME": "mo", "MS": "mo", "Q": "q", "QE": "q", "QS": "q"}
_ALIASES |= {"Y": "y", "YE": "y", "YS": "y", "A": "y", "AS": "y", "H": "h", "T": "min", "S": "s"}
_ALIASES |= {"BM": "mo", "BME": "mo", "BMS": "mo", "BQ": "q", "BQE": "q", "BQS": "q", "BY": "y", "BYE": "y", "BYS": "y"}


Result = Callable[["Frequency", np.ndarray], np.ndarray]


def _of_distinct(function: Result) -> Result:
    """The function, computed once for each time: the series of a panel have the same times."""

    def compute(frequency: "Frequency", times: np.ndarray) -> np.ndarray:
        times = np.asarray(times)
        found, place = find_distinct(times)
        if 2 * len(found) > len(times):
            return function(frequency, times)
        return np.asarray(function(frequency, found)[place])

    return functools.wraps(function)(compute)


def find_distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values in ascending order, and the place of each among them, int64 `[T]`."""
    found = np.unique(values)  # with places it would sort all values
    return found, np.searchsorted(found, values)


class Season(NamedTuple):
    """A number of rows after which a series tends to repeat itself, and what lies that far back."""

    rows: int
    name: str


@dataclass(frozen=True)
class Frequency:
    """How far apart the rows of a series are, on the calendar.

    Each time on it has a number, `steps`, and each number a time, `times`: a missing row is a missing number, and the
    row after January 31 is that of February 28 or 29.

    Args:
        unit: `s`, seconds; `bd`, days of the week that `weekmask` names; `mo`, calendar months; `row`, no calendar:
            times are whole numbers.
        size: units from one row to the next.
        phase: of the rows among `size` units: seconds since 1970, or months since January 1970, modulo `size`.
        day: of the month, for `mo`; a day that a month lacks is its last one, so 31 is the end of every month.
        roll: for `mo`: `forward` or `backward` to the next or previous weekday if `day` is none; empty: as it is.
        clock_s: seconds after midnight, for `bd` and `mo`.
        weekmask: for `bd`: seven of `0` and `1`, from Monday.
    """

    unit: str
    size: int = 1
    phase: int = 0
    day: int = 1
    roll: str = ""
    clock_s: int = 0
    weekmask: str = MONDAY_TO_FRIDAY

    @property
    def code(self) -> str:
        """As a duration in settings: `15min`, `1bd`, `1q`; `1` for rows without a calendar."""
        if self.unit == "s":
            return to_duration(self.size)
        if self.unit == "mo":
            name = next(name for name in ("y", "q", "mo") if self.size % CALENDAR_UNITS[name] == 0)
            return f"{self.size // CALENDAR_UNITS[name]}{name}"
        return f"{self.size}{self.unit}" if self.unit == "bd" else str(self.size)

    @property
    def name(self) -> str:
        """For people: `15 minutes`, `month`, `2 weeks`."""
        if self.unit == "row":
            return "row" if self.size == 1 else f"{self.size} rows"
        count, unit = split_duration(self.code)
        if self.unit == "bd" and self.weekmask != MONDAY_TO_FRIDAY:
            return "day but " + ", ".join(_skipped(self.weekmask))
        each = _EACH[unit]
        return each if count == 1 else f"{count:g} {each}s"

    @property
    def span(self) -> str:
        """The same with its article: `15 minutes`, `a month`, `an hour`."""
        name = self.name
        return name if name[0].isdigit() else f"{'an' if name == 'hour' else 'a'} {name}"

    def spell(self, count: int) -> str:
        """So many rows, for people: `12 months`, `1 day`, `8 rows` where a row is several units."""
        each = self.name if self.name in _EACH.values() else "row"
        return f"{count:,} {each}{'s' * (count != 1)}"

    @property
    def seconds(self) -> int:
        """The length of a step in seconds, on average: a month is the twelfth part of 365.2425 days."""
        if self.unit == "mo":
            return self.size * 2629746
        if self.unit == "bd":
            return self.size * WEEK_S // self.weekmask.count("1")
        return self.size

    @property
    def seasons(self) -> tuple[Season, ...]:
        """The day, week and year, as far as they are a whole number of rows, more than one; the shortest first."""
        if self.unit == "mo":
            lengths = {12 // self.size if 12 % self.size == 0 else 0: f"same {self.name} last year"}
        elif self.unit == "bd":
            week = self.weekmask.count("1")
            lengths = {week: "same weekday last week", WEEKS_A_YEAR * week: "same weekday last year"}
            lengths = {rows // self.size if rows % self.size == 0 else 0: name for rows, name in lengths.items()}
        elif self.unit == "s":
            spans = {DAY_S: "same time yesterday", WEEK_S: "same time last week"}
            if self.size >= DAY_S:
                spans = {WEEK_S: "same day last week"}
            spans[WEEKS_A_YEAR * WEEK_S] = "same week last year"  # whole weeks, so that weekdays meet the same weekdays
            lengths = {span // self.size if span % self.size == 0 else 0: name for span, name in spans.items()}
        else:
            lengths = {}
        return tuple(Season(rows, name) for rows, name in lengths.items() if rows > 1)

    @_of_distinct
    def steps(self, times: np.ndarray) -> np.ndarray:
        """The number of the step that each time lies in, int64; rising by 1 from one row to the next.

        Args:
            times: datetime64[s]; int64 for `row`.
        """
        if self.unit == "row":
            return np.asarray(times, np.int64) // self.size
        if self.unit == "s":
            return (times.astype("datetime64[s]").astype(np.int64) - self.phase) // self.size
        if self.unit == "bd":
            days = np.busday_count(_EPOCH, times.astype("datetime64[D]"), weekmask=self.weekmask)
            return np.asarray((days - self.phase) // self.size, np.int64)
        return np.asarray((times.astype("datetime64[M]").astype(np.int64) - self.phase) // self.size)

    def times(self, steps: np.ndarray) -> np.ndarray:
        """The time of each step: datetime64[s]; int64 for `row`."""
        units = np.asarray(steps, np.int64) * self.size
        if self.unit == "row":
            return units
        units = units + self.phase
        if self.unit == "s":
            return units.astype("datetime64[s]")
        if self.unit == "bd":
            days = np.busday_offset(_EPOCH, units, roll="forward", weekmask=self.weekmask)
        else:
            days = _days_of_months(units.astype("datetime64[M]"), self.day, self.roll)
        return np.asarray(days.astype("datetime64[s]") + np.timedelta64(self.clock_s, "s"))

    @_of_distinct
    def fits(self, times: np.ndarray) -> np.ndarray:
        """Whether each time is that of a step, bool."""
        return np.asarray(self.times(self.steps(times)) == times)

    def count(self, duration: str, name: str = "duration") -> int:
        """The rows in a duration: `12mo` is 12 rows of months and 4 rows of quarters; a bare number counts rows.

        Args:
            duration: such as `24h`, `12mo`, `8q`, `10bd`, `30`.
            name: of the setting, for errors.

        Raises:
            OptionError: not a duration, or not a whole number of rows.
        """
        amount, unit = split_duration(duration, name)
        if not unit:
            rows = amount
        elif unit in CALENDAR_UNITS and self.unit == "mo":
            rows = amount * CALENDAR_UNITS[unit] / self.size
        elif unit == "bd" and self.unit == "bd":
            rows = amount / self.size
        elif unit == "w" and self.unit == "bd":
            rows = amount * self.weekmask.count("1") / self.size
        elif unit in UNITS_S and self.unit == "s":
            rows = amount * UNITS_S[unit] / self.size
        elif unit == "y" and self.unit == "s" and self.size >= DAY_S:
            days = {"d": 365, "w": WEEKS_A_YEAR}.get(split_duration(self.code)[1], 0)
            rows = amount * days / split_duration(self.code)[0]
        else:
            rows = 0.5
        if rows != int(rows):
            raise OptionError(
                f"{name} must be a whole number of rows, each {self.span}; got {duration}. "
                f"Count rows, such as {max(round(amount), 1)}"
            )
        return int(rows)


def parse_frequency(text: str) -> tuple[str, int]:
    """The unit and size of a frequency as people write it: `1h`, `15min`, `mo`, `2w`; also pandas' `MS` or `W-SUN`.

    >>> parse_frequency("15min"), parse_frequency("QS-OCT"), parse_frequency("y"), parse_frequency("1")
    (('s', 900), ('mo', 3), ('mo', 12), ('row', 1))

    Raises:
        OptionError: not a frequency.
    """
    found = re.fullmatch(r"\s*(\d*)\s*([A-Za-z]*)(-[A-Za-z]{3})?\s*", text)
    unit = _ALIASES.get(found[2], found[2]) if found else ""
    if found and not unit and found[1] and int(found[1]):
        return "row", int(found[1])
    count = int(found[1] or 1) if found else 0
    if count and unit in CALENDAR_UNITS:
        return "mo", count * CALENDAR_UNITS[unit]
    if count and unit == "bd":
        return "bd", count
    if count and unit in UNITS_S:
        return "s", count * UNITS_S[unit]
    raise OptionError(
        f"frequency must be the time from row to row, such as 15min, 1h, 1d, 1bd (business days), 1w, 1mo, 1q, 1y; "
        f"got {text!r}"
    )


def lasts_days(text: str) -> bool:
    """Whether a frequency as people write it is a day or longer."""
    unit, size = parse_frequency(text)
    return unit in ("bd", "mo") or (unit == "s" and size >= DAY_S)


def fit_frequency(unit: str, size: int, times: np.ndarray) -> Frequency:
    """The frequency of this unit and size that most of the times fit.

    Args:
        times: datetime64[s] `[T]`, T > 0; int64 for `row`.
    """
    if unit == "row":
        return Frequency(unit, size)
    times, place = find_distinct(times)
    rows = np.bincount(place)  # of each time
    if unit == "s":
        return Frequency(unit, size, phase=most_common(times.astype("datetime64[s]").astype(np.int64) % size, rows)[0])
    days = times.astype("datetime64[D]")
    clock_s = most_common((times - days).astype("timedelta64[s]").astype(np.int64), rows)[0]
    if unit == "bd":
        frequency = Frequency(unit, size, clock_s=clock_s, weekmask=_find_weekmask(days) or MONDAY_TO_FRIDAY)
        return replace(frequency, phase=most_common(replace(frequency, size=1).steps(times) % size, rows)[0])
    phase = most_common(times.astype("datetime64[M]").astype(np.int64) % size, rows)[0]
    day, roll = _find_day(days, rows)
    return Frequency(unit, size, phase, day, roll, clock_s)


def find_frequency(times: np.ndarray, offsets: np.ndarray | None = None) -> Frequency | None:
    """The frequency of one or many series, from their times; None if no series has two of them.

    Args:
        times: datetime64[s] or int64 `[T]`, rising within each series.
        offsets: where each series starts, and the end: int64 `[S + 1]`; None: one series.

    The times need not all fit: those that do not are for the caller to judge (`Frequency.fits`).
    """
    jumps = np.diff(times).astype(np.int64)
    ahead = jumps > 0
    if offsets is not None:
        starts = offsets[1:-1]
        ahead[starts[(starts > 0) & (starts < len(times))] - 1] = False
    jumps = jumps[ahead]
    if not len(jumps):
        return None
    common, fraction = most_common(jumps)
    if not np.issubdtype(times.dtype, np.datetime64):
        return Frequency("row", common)
    distinct, place = find_distinct(times)
    size = _months_apart(np.diff(distinct.astype("datetime64[M]").astype(np.int64)[place])[ahead], jumps)
    if size:
        frequency = fit_frequency("mo", size, times)
        if frequency.fits(times).all() or common % DAY_S or fraction <= 0.9:
            return frequency
    if common == DAY_S and _find_weekmask(distinct.astype("datetime64[D]")):
        return fit_frequency("bd", 1, times)
    return fit_frequency("s", common, times)


# How times lie on the calendar


def _days_of_months(months: np.ndarray, day: int, roll: str) -> np.ndarray:
    """That day of each month, datetime64[D]."""
    first = months.astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[D]") - first).astype(np.int64)
    days = first + np.minimum(day, length) - 1
    return np.busday_offset(days, 0, roll=roll) if roll else days  # type: ignore[call-overload,no-any-return]


def _find_day(days: np.ndarray, rows: np.ndarray) -> tuple[int, str]:
    """The day of the month, and how it is rolled off weekends, that most rows follow; the plain ones first.

    Args:
        days: distinct ones, datetime64[D] `[D]`.
        rows: how many of each there are, int64 `[D]`.
    """
    months = days.astype("datetime64[M]")
    latest = int((days - months.astype("datetime64[D]")).astype(np.int64).max()) + 1
    common = most_common((days - months.astype("datetime64[D]")).astype(np.int64), rows)[0] + 1
    rules = [(1, ""), (_MONTH_END, ""), (latest, ""), (_MONTH_END, "backward"), (1, "forward"), (common, "")]
    fitting = [int(rows[_days_of_months(months, *rule) == days].sum()) for rule in rules]
    return rules[int(np.argmax(fitting))]


def _months_apart(months: np.ndarray, jumps: np.ndarray) -> int:
    """The most common number of calendar months from one row to the next; 0 if rows follow no calendar.

    Args:
        months, jumps: from each row to the next, in months and in seconds.
    """
    common, _ = most_common(months)
    if not common:
        return 0
    days = jumps[months == common] / (DAY_S * common)  # the last weekdays of two months are up to 33 days apart
    return common if ((days >= 27) & (days <= 34)).mean() >= 0.9 else 0


def _find_weekmask(days: np.ndarray) -> str:
    """The weekdays of daily rows, if some never occur though the rows cover three weeks or more; else empty."""
    if (days.max() - days.min()).astype(int) < 21:
        return ""
    counts = count_weekdays(days)
    return "".join("1" if each else "0" for each in counts) if not counts.all() else ""


def count_weekdays(days: np.ndarray) -> np.ndarray:
    """How many of the days, datetime64[D], are a Monday, a Tuesday, ..., int64 `[7]`."""
    return np.bincount((days.astype(np.int64) + 3) % 7, minlength=7)  # 1970-01-01 was a Thursday


def _skipped(weekmask: str) -> list[str]:
    return [name for name, kept in zip(WEEKDAYS, weekmask, strict=True) if kept == "0"]


def most_common(values: np.ndarray, rows: np.ndarray | None = None) -> tuple[int, float]:
    """The most common of whole numbers, the smallest on a tie, and the fraction of them that it is.

    Args:
        rows: how often each counts, int64 `[T]`; None: once.
    """
    found, place = find_distinct(values)
    counts = np.bincount(place, rows)
    return int(found[np.argmax(counts)]), float(counts.max() / counts.sum())

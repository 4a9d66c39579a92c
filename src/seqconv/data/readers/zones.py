"""Local times and clock changes: wall-clock times -> UTC."""

import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from seqconv.errors import ConfigError, DataError, nearest, shorten

_HOUR_S = 3600


def check_zone(zone: str) -> None:
    """Check that a time zone exists.

    Raises:
        ConfigError: an unknown time zone.
    """
    import polars

    try:
        polars.Series([0]).cast(polars.Datetime("ms")).dt.replace_time_zone(zone)
    except polars.exceptions.ComputeError as error:
        known = zoneinfo.available_timezones()
        hint = f" {nearest(zone, known)}" if any(zone[:3] in name for name in known) else ""
        got = shorten(repr(zone), 40)
        raise ConfigError(f"data.zone must be a time zone such as Europe/Berlin; got {got}.{hint}") from error


def to_utc(local: np.ndarray, zone: str, place: Callable[[int], str]) -> np.ndarray:
    """Local times in a known zone, datetime64[s] `[T]`, converted to UTC.

    An hour repeated by a clock change is resolved by row order: first summer time, then winter time. If its rows occur
    only once, they are summer time.

    Args:
        local: datetime64[s] `[T]`.
        zone: a time zone name such as `Europe/Berlin`.
        place: names a row in errors.

    Raises:
        DataError: a time that the clocks skip, or a repeated hour whose rows are not in that order.
    """
    early, late = _convert(local, zone, "earliest"), _convert(local, zone, "latest")
    skipped = np.isnat(early)
    if skipped.any():
        row = int(np.argmax(skipped))
        raise DataError(
            f"{place(row)}: must be a time in {zone}; the clocks skip {_show(local[row])} there. "
            "Leave the zone out if the times are UTC, or correct them"
        )
    rows = np.flatnonzero(early != late)
    breaks = (np.diff(rows) > 1) | (np.diff(local[rows]) > np.timedelta64(1, "D"))
    for run in np.split(rows, np.flatnonzero(breaks) + 1) if len(rows) else []:
        second = run[_second_pass(local[run], place(int(run[0]))) :]
        early[second] = late[second]
    return early


def next_utc(local: np.ndarray, zone: str) -> np.ndarray:
    """Local times `[T]` in UTC: the first time of those that recur, and an hour later those that the clocks skip."""
    found = _convert(local, zone, "earliest")
    skipped = np.isnat(found)
    found[skipped] = _convert(local[skipped] + np.timedelta64(_HOUR_S, "s"), zone, "earliest")
    return found


def _convert(local: np.ndarray, zone: str, ambiguous: Literal["earliest", "latest"]) -> np.ndarray:
    """Local times `[T]` in UTC; NaT for times that the clocks skip."""
    import polars

    stamps = polars.Series(local.astype("datetime64[ms]"))
    stamps = stamps.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    return stamps.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy().astype("datetime64[s]")


def _second_pass(local: np.ndarray, where: str) -> int:
    """The row at which winter time starts in a repeated hour: where times go back or, once, are equal."""
    steps = np.diff(local).astype(np.int64)
    for turns in (np.flatnonzero(steps < 0), np.flatnonzero(steps == 0)):
        if len(turns) > 1:
            raise DataError(
                f"{where}: the hour from {_show(local[0])}, repeated by the clock change, must be in order: all of it "
                "in summer time, then all of it in winter time. Sort the rows that way"
            )
        if len(turns):
            return int(turns[0]) + 1
    return len(local)


def suspect_clock_changes(stamps: np.ndarray, interval_s: int) -> bool:
    """Whether most repeated or missing hours of timestamps `[T]` are at clock changes: Sundays, around 2 am."""
    steps = np.diff(stamps).astype(np.int64)
    odd = np.flatnonzero((steps == 0) | (steps == interval_s + _HOUR_S) | ((steps < 0) & (steps >= -_HOUR_S)))
    return len(odd) > 0 and bool(2 * np.sum(_is_changing(stamps[odd])) > len(odd))


def _is_changing(stamps: np.ndarray) -> np.ndarray:
    """Whether a timestamp is before 4 am on a Sunday in March, April or September to November."""
    days = stamps.astype("datetime64[D]")
    sunday = (days.astype(np.int64) + 3) % 7 == 6  # 1970-01-01 was a Thursday
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    early = (stamps - days).astype(np.int64) < 4 * _HOUR_S
    return np.asarray(sunday & early & np.isin(month, (3, 4, 9, 10, 11)))


def _show(stamp: np.datetime64) -> str:
    return str(stamp).replace("T", " ")


def local_times(times: np.ndarray, zone: str) -> np.ndarray:
    """UTC timestamps, datetime64[s] `[T]`, as local times in `zone`; unchanged if `zone` is empty.

    Raises:
        ConfigError: an unknown time zone.
    """
    if not zone:
        return times
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a name that no file can have, or a folder's
        raise ConfigError(
            f"data.zone must be a time zone such as Europe/Berlin; got {shorten(repr(zone), 40)}"
        ) from error
    hours, place = np.unique(times.astype("datetime64[h]"), return_inverse=True)
    stamps = (datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(clock) for hour in hours.astype(np.int64))
    offsets = np.array([stamp.utcoffset() for stamp in stamps], "timedelta64[s]")
    return np.asarray(times + offsets[place])


class Stamps(NamedTuple):
    """A column of times to write.

    Args:
        times: datetime64[s] `[T]`; int64 where rows are counted.
        zone: in which they are written, if they are UTC; empty: as they are.
        days: rows are a day or more apart, so that midnight need not be written.
        utc: the times are UTC.
    """

    times: np.ndarray
    zone: str
    days: bool
    utc: bool = False

    @property
    def texts(self) -> list[str]:
        """As people write them: dates where no row has a time of day."""
        if not np.issubdtype(self.times.dtype, np.datetime64):
            return [str(each) for each in self.times]
        texts = [_show(each) for each in local_times(self.times, self.zone)]
        return [each[:10] for each in texts] if self.days and all(e.endswith("00:00:00") for e in texts) else texts

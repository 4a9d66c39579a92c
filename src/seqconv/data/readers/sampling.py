"""How the rows of a series follow each other: order, repeated stamps, the most frequent spacing, calendar months."""

from collections.abc import Callable

import numpy as np

from seqconv.data.readers.zones import suspect_clock_changes
from seqconv.data.records import count
from seqconv.errors import DataError
from seqconv.recipes.durations import show_duration

_DAY_S = 86400


_REGULAR = 0.9  # share of equal spacings from which rows are evenly spaced


_UNEVEN = 0.05  # share of other spacings from which that is said


def space_rows(
    stamps: np.ndarray, interval_s: int, source: str, place: Callable[[int], str], local: bool
) -> tuple[np.ndarray, int, list[str]]:
    """Check that times run forwards and find the spacing of the rows.

    Rows that follow the calendar (a month, quarter or year each) get evenly spaced stamps if the interval is given.

    Args:
        stamps: datetime64[s] `[T]`.
        interval_s: as the user gives it; 0: the most frequent spacing.
        local: no time zone is known, so that the stamps may be local times.

    Returns:
        The stamps, the interval in seconds, and notes.

    Raises:
        DataError: times that run backwards; all the same; calendar months without an interval; an interval that no
            two rows have.
    """
    steps = np.diff(stamps).astype(np.int64)
    _check_order(stamps, steps, place, local)
    forward = steps[steps > 0]
    if not len(forward):
        raise DataError(
            f"{source}: must hold at least two times; got {count(len(stamps), 'row')} of one time. Give more rows"
        )
    spacings, counts = np.unique(forward, return_counts=True)
    common, share = int(spacings[np.argmax(counts)]), float(counts.max() / len(forward))
    repeated = int(np.sum(steps == 0))
    notes = [f"{count(repeated, 'time stamp')} repeated, kept"] if repeated else []
    if share < _REGULAR and (months := _months_apart(stamps, steps)):
        each = "month" if months == 1 else f"{months} months"
        if not interval_s:
            raise DataError(
                f"{source}: rows must be evenly spaced; got one for each {each} of the calendar. "
                f"Pass an interval, such as {30 * months}d, to count all of them as equally long"
            )
        passed = stamps.astype("datetime64[M]").astype(np.int64)
        even = stamps[0] + ((passed - passed[0]) // months * interval_s).astype("timedelta64[s]")
        return even, interval_s, [*notes, f"each {each} counted as {show_duration(interval_s)}"]
    if interval_s and interval_s not in spacings:
        problem = f"got {show_duration(interval_s)}, the rows are mostly {show_duration(common)} apart"
        raise DataError(f"{source}: the interval must be a spacing that the rows have; {problem}. Leave it out")
    if local and suspect_clock_changes(stamps, common):
        notes.append("looks like local time with clock changes; pass the time zone, such as Europe/Berlin")
    interval_s = interval_s or common
    uneven = int(np.sum(steps != interval_s))
    if uneven > _UNEVEN * len(steps):
        notes.append(
            f"{uneven} of {len(steps)} time steps are not {show_duration(interval_s)}, and no window crosses them; to "
            "count rows instead, leave the times out and pass an interval"
        )
    return stamps, interval_s, notes


def _check_order(stamps: np.ndarray, steps: np.ndarray, place: Callable[[int], str], local: bool) -> None:
    if not (steps < 0).any():
        return
    row = int(np.argmax(steps < 0)) + 1
    cure = "Sort the rows"
    if local and suspect_clock_changes(stamps, int(np.median(steps))):
        cure += ", or pass the time zone if the clocks went back there"
    stamp = str(stamps[row]).replace("T", " ")
    raise DataError(f"{place(row)}: times must not run backwards; got {stamp}. {cure}")


def _months_apart(stamps: np.ndarray, steps: np.ndarray) -> int:
    """1, 3 or 12 where rows follow the calendar by the month, quarter or year (any number of months); else 0."""
    passed = np.diff(stamps.astype("datetime64[M]").astype(np.int64))
    jumps, counts = np.unique(passed[steps > 0], return_counts=True)
    months = int(jumps[np.argmax(counts)])
    if not months or counts.max() < _REGULAR * counts.sum():
        return 0
    days = steps[(passed == months) & (steps > 0)] / _DAY_S
    return months if 28 * months <= days.min() and days.max() <= 31 * months else 0

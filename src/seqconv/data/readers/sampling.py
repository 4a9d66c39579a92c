"""The time order of a series' rows: repeated timestamps, the most common spacing, calendar months."""

from collections.abc import Callable

import numpy as np

from seqconv.data.frequency import DAY_S, most_common
from seqconv.data.readers.zones import suspect_clock_changes
from seqconv.data.records import count
from seqconv.errors import DataError, SeveralSeries
from seqconv.recipes.durations import show_duration, to_duration

_REGULAR = 0.9  # rows are evenly spaced if at least this fraction of spacings is equal
_UNEVEN = 0.05  # uneven spacings are reported above this fraction


def space_rows(
    stamps: np.ndarray, interval_s: int, source: str, place: Callable[[int], str], local: bool
) -> tuple[np.ndarray, int, list[str]]:
    """Check that times do not decrease, and find the spacing of the rows.

    Monthly, quarterly or yearly rows get evenly spaced timestamps if the interval is given.

    Args:
        stamps: datetime64[s] `[T]`.
        interval_s: given by the user, in seconds; 0: the most common spacing.
        source: name of the data, for errors.
        place: names a row in errors.
        local: no time zone is known, so the timestamps may be local times.

    Returns:
        The timestamps `[T]`, the interval in seconds, and notes.

    Raises:
        DataError: times that run backwards; identical times; calendar months without an interval; an interval that
            no two rows have.
    """
    steps = np.diff(stamps).astype(np.int64)
    _check_order(stamps, steps, place, local)
    forward = steps[steps > 0]
    if not len(forward) and interval_s and len(stamps) == 1:  # the last piece of a file
        return stamps, interval_s, []
    if not len(forward):
        raise DataError(
            f"{source}: must have at least two different times; got {count(len(stamps), 'row')} with one. Add rows"
        )
    common, fraction = most_common(forward)
    repeated = int(np.sum(steps == 0))
    notes = [f"{count(repeated, 'repeated timestamp')}, kept"] if repeated else []
    if fraction < _REGULAR and (months := _months_apart(stamps, steps)):
        each = "month" if months == 1 else f"{months} months"
        if not interval_s:
            raise SeveralSeries(
                f"{source}: rows must be evenly spaced; got one row per {each}. Use --horizon, without "
                f"--lead and --lookback, or --every {30 * months}d, which treats them as equally long"
            )
        passed = stamps.astype("datetime64[M]").astype(np.int64)
        even = stamps[0] + ((passed - passed[0]) // months * interval_s).astype("timedelta64[s]")
        return even, interval_s, [*notes, f"each {each} treated as {show_duration(interval_s)}"]
    if interval_s and interval_s not in forward:
        problem = f"got {show_duration(interval_s)}, the rows are mostly {show_duration(common)} apart"
        cure = f", or pass --step {to_duration(interval_s)} to read every {interval_s // common}th row"
        cure = cure if interval_s % common == 0 else ""
        raise DataError(f"{source}: the interval must be a spacing between rows; {problem}. Leave it out{cure}")
    if local and suspect_clock_changes(stamps, common):
        notes.append("looks like local time with clock changes; pass the time zone, such as Europe/Berlin")
    interval_s = interval_s or common
    uneven = int(np.sum(steps != interval_s))
    if uneven > _UNEVEN * len(steps):
        notes.append(
            f"{uneven} of {len(steps)} time steps are not {show_duration(interval_s)}, and no window crosses them; "
            "--time none counts rows instead"
        )
    return stamps, interval_s, notes


def find_spacing(steps: np.ndarray) -> int:
    """The most common positive step, in seconds; a day if there is none."""
    forward = steps[steps > 0]
    return most_common(forward)[0] if len(forward) else DAY_S


def _check_order(stamps: np.ndarray, steps: np.ndarray, place: Callable[[int], str], local: bool) -> None:
    if not (steps < 0).any():
        return
    row = int(np.argmax(steps < 0)) + 1
    cure = "Sort the rows by time"
    if local and suspect_clock_changes(stamps, int(np.median(steps))):
        cure += ", or pass the time zone if the clocks went back there"
    stamp = str(stamps[row]).replace("T", " ")
    raise DataError(f"{place(row)}: times must not run backwards; got {stamp}. {cure}")


def _months_apart(stamps: np.ndarray, steps: np.ndarray) -> int:
    """The whole number of calendar months (1, 3, 12, ...) from one row to the next; 0 if rows follow no calendar."""
    passed = np.diff(stamps.astype("datetime64[M]").astype(np.int64))
    jumps, counts = np.unique(passed[steps > 0], return_counts=True)
    months = int(jumps[np.argmax(counts)])
    if not months or counts.max() < _REGULAR * counts.sum():
        return 0
    days = steps[(passed == months) & (steps > 0)] / DAY_S
    return months if 28 * months <= days.min() and days.max() <= 31 * months else 0

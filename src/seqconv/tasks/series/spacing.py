"""The times of a series: unreadable, unsorted, repeated and missing ones."""

from dataclasses import dataclass

import numpy as np

from seqconv.data.readers.files import Table
from seqconv.data.readers.sampling import space_rows
from seqconv.data.readers.series import START, time_cells
from seqconv.data.readers.times import Times, is_time, read_times
from seqconv.data.readers.zones import suspect_clock_changes
from seqconv.data.records import count
from seqconv.errors import DataError
from seqconv.recipes.durations import parse_duration, show_duration
from seqconv.recipes.sections import SeriesDataConfig
from seqconv.tasks.findings import Finding, quote, refuse, show_places, take_rows


@dataclass(frozen=True)
class Spacing:
    """The rows of a table in chronological order, as far as their times can be read.

    Args:
        table: rows with a time, sorted.
        stamps: datetime64[s] `[T]`; rows counted from 2000 where there are no times.
        interval_s: sampling interval; 0: not known.
        findings: what training refuses about the times.
        notes: how they were read.
    """

    table: Table
    stamps: np.ndarray
    interval_s: int
    zone: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def show(self, row: int) -> str:
        """A row's stamp: `2016-12-31 23:50`."""
        return str(self.stamps[row]).replace("T", " ").removesuffix(":00")


def read_spacing(table: Table, found: list[str], config: SeriesDataConfig) -> Spacing:
    """Read the times in the columns `found`; whatever training would refuse becomes a finding and is left out.

    Raises:
        ConfigError: an invalid interval or time zone.
    """
    asked = parse_duration(config.interval, "interval") if config.interval else 0
    findings: list[Finding] = []
    if not found:
        if not asked:
            what = "no column of times"
            action = "refused: pass --every, the time between two rows, or name the column with --time"
            findings.append(Finding(what, "", action, "blocks"))
        return _count_rows(table, asked, tuple(findings))
    table, times = _read(table, found, config.zone, findings)
    if times is None:
        return _count_rows(table, 0, tuple(findings))
    table, stamps = _sort(table, times, findings)
    try:
        stamps, interval_s, notes = space_rows(stamps, asked, str(table.path), table.place, local=False)
    except DataError as error:
        findings.append(refuse(error, table.path))
        return Spacing(table, stamps, 0, times.zone, tuple(findings), times.notes)
    if not times.absolute and suspect_clock_changes(stamps, interval_s):
        what = "looks like local time: an hour is skipped or occurs twice where clocks change"
        where = show_places(_odd_rows(stamps, interval_s), table.place, table.path)
        action = "kept as if it were UTC: those windows are dropped and the hour of day shifts. Pass --time-zone"
        findings.append(Finding(what, where, action, "costs"))
    counted = [note for note in notes if " counted as " in note]
    return Spacing(table, stamps, interval_s, times.zone, tuple(findings), (*times.notes, *counted))


def _count_rows(table: Table, interval_s: int, findings: tuple[Finding, ...]) -> Spacing:
    stamps = START + np.arange(len(table.frame)) * np.timedelta64(interval_s or 1, "s")
    return Spacing(table, stamps, interval_s, "", findings, ())


def _read(table: Table, found: list[str], zone: str, findings: list[Finding]) -> tuple[Table, Times | None]:
    """The rows whose time can be read, and their times (None: they cannot be read together)."""
    cells = time_cells(table, found)
    try:
        return table, read_times(cells, table.place, zone)
    except DataError as error:
        problem = error
    known = (~cells.is_null()).to_numpy()
    if str(cells.dtype) == "String":
        known &= np.array([cell is not None and is_time(cell) for cell in cells.to_list()])
    if known.all() or not known.any():
        findings.append(refuse(problem, table.path))
        return table, _read_without_zone(table, found, findings) if zone else None
    rows = np.flatnonzero(~known)
    example = cells[int(rows[0])]
    what = f"{count(len(rows), 'cell')} of {found[0]!r} hold no time" + (
        f", such as {quote(example)}" if example else ""
    )
    action = "refused: correct the cells or remove the rows"
    findings.append(Finding(what, show_places(rows, table.place, table.path), action, "blocks"))
    return _read(take_rows(table, np.flatnonzero(known)), found, zone, findings)


def _read_without_zone(table: Table, found: list[str], findings: list[Finding]) -> Times | None:
    return _read(table, found, "", findings)[1]


def _sort(table: Table, times: Times, findings: list[Finding]) -> tuple[Table, np.ndarray]:
    stamps = times.stamps
    steps = np.diff(stamps).astype(np.int64)
    if not (steps < 0).any():
        return table, stamps
    rows = np.flatnonzero(steps < 0) + 1
    cure = "refused: sort the rows"
    if not times.absolute and suspect_clock_changes(stamps, int(np.median(steps))):
        cure += ", or pass --time-zone if the clocks went back there"
    what = f"times run backwards {count(len(rows), 'time')}"
    findings.append(Finding(what, show_places(rows, table.place, table.path), cure, "blocks"))
    order = np.argsort(stamps, kind="stable")
    return take_rows(table, order), stamps[order]


def _odd_rows(stamps: np.ndarray, interval_s: int) -> np.ndarray:
    return np.flatnonzero(np.diff(stamps).astype(np.int64) != interval_s) + 1


def _show_long(seconds: int) -> str:
    return show_duration(seconds) if seconds % 3600 == 0 or seconds < 3 * 3600 else f"{seconds / 3600:.1f} h"


def judge_spacing(spacing: Spacing) -> dict[str, tuple[np.ndarray, Finding]]:
    """Holes, repeated and uneven timestamps: which time steps `[T - 1]`, and the finding without its action."""
    steps, interval_s = np.diff(spacing.stamps).astype(np.int64), spacing.interval_s
    table, found = spacing.table, {}

    def add(kind: str, odd: np.ndarray, what: str, where: str) -> None:
        if odd.any():
            found[kind] = odd, Finding(what, where, "", "costs")

    def after(odd: np.ndarray) -> str:
        return show_places(np.flatnonzero(odd) + 1, table.place, table.path)

    wide = steps > interval_s
    if wide.any():
        longest = int(np.argmax(steps))
        lost = int((steps[wide] // interval_s - 1).sum())
        what = f"{count(int(wide.sum()), 'hole')} in the times" + (f", {count(lost, 'row')} missing" if lost else "")
        where = f"before {after(wide)}; the longest, {_show_long(int(steps[longest]))}, from {spacing.show(longest)}"
        add("holes", wide, what, f"{where} to {spacing.show(longest + 1)}")
    add("repeated", steps == 0, f"{count(int((steps == 0).sum()), 'timestamp')} repeated", after(steps == 0))
    close = (steps > 0) & (steps < interval_s)
    what = f"{count(int(close.sum()), 'row')} less than {show_duration(interval_s)} after the previous one"
    add("close", close, what, after(close))
    return found

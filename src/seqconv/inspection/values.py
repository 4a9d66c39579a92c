"""The columns of a series: what is missing, stands for missing, never changes, or gives the target away."""

from dataclasses import dataclass

import numpy as np

from seqconv.data import count
from seqconv.errors import DataError
from seqconv.inspection.findings import Finding, number, quote, refuse, show_places
from seqconv.readers.files import Table
from seqconv.readers.series import MISSING, SENTINELS, read_numbers

REPEATED = 3  # times from which an extreme value is suspicious
FEWEST_VALUES = 10  # different ones that a column must have beside a suspicious one
TWIN = 0.999  # correlation from which two columns say the same
TELLS = 0.95  # correlation of changes from which one column tells another's future
OWN = 0.8  # the same of the target's own past: then its future is no secret
FEWEST_PAIRS = 50  # that such a correlation is computed from
LONGEST_LEAD = 10_000  # rows
CLIPPED = 0.5  # per cent of the changes at either end that count as much as the next: a spike alone is no relation


@dataclass(frozen=True)
class Numbers:
    """A column of numbers `[T]`, NaN where one is missing; `marked`: rows of -9999; `refused`: cells that are none."""

    name: str
    values: np.ndarray
    marked: np.ndarray
    refused: bool = False


def read_column(table: Table, name: str, asked: bool) -> tuple[Numbers | None, list[Finding]]:
    """A column as training reads it; where training refuses it, without the cells that are at fault."""
    column = table.frame[name]
    numeric = column.dtype.is_numeric()
    marked = np.flatnonzero((column == MISSING).fill_null(False).to_numpy()) if numeric else np.zeros(0, np.int64)
    try:
        values, notes = read_numbers(table, name, asked)
    except DataError as error:
        return _read_leniently(table, name, marked, error)
    if values is not None:
        return Numbers(name, values, marked), []
    what = notes[0].removeprefix("column ").removesuffix(", left out")
    return None, [Finding(what, name, "left out")]


def _read_leniently(
    table: Table, name: str, marked: np.ndarray, error: DataError
) -> tuple[Numbers | None, list[Finding]]:
    import polars

    column = table.frame[name]
    texts = str(column.dtype) == "String"
    if not texts and not column.dtype.is_numeric():
        return None, [refuse(error, table.path)]
    numbers = column.str.strip_chars().cast(polars.Float64, strict=False) if texts else column.cast(polars.Float64)
    values = numbers.to_numpy().copy()
    bad = np.isinf(values)
    if texts and not np.isfinite(values).any():  # no column of numbers at all
        return None, [refuse(error, table.path)]
    if texts:
        blank = (column.str.strip_chars().is_in(["", "?", "-"]) | column.is_null()).fill_null(True)
        bad |= np.isnan(values) & ~blank.to_numpy() & (column.str.to_lowercase() != "nan").fill_null(True).to_numpy()
    rows = np.flatnonzero(bad)
    values[bad | (values == MISSING)] = np.nan
    if not len(rows):
        return Numbers(name, values, marked, refused=True), [refuse(error, table.path)]
    kind = "no finite number" if np.isinf(numbers.to_numpy()[rows]).all() else "no number"
    where = f"{name!r}: {show_places(rows, table.place, table.path)}"
    what = f"{count(len(rows), 'cell')} with {kind}, such as {quote(str(column[int(rows[0])]))}"
    action = "refused: correct the cells or leave them empty; or name other columns with --inputs"
    return Numbers(name, values, marked, refused=True), [Finding(what, where, action, "blocks")]


def judge_sentinel(column: Numbers, table: Table) -> list[Finding]:
    """A smallest or largest value, far from the rest, that looks like a mark for a missing one.

    A known one (999, -99, ...) must lie half the range of all others away from them; any other must repeat and lie
    twice that range away.
    """
    known = column.values[~np.isnan(column.values)]
    found = []
    for extreme in (known.min(), known.max()) if len(known) else ():
        rest = known[known != extreme]
        if not len(rest):
            continue
        low, high = rest.min(), rest.max()
        gap = max(low - extreme, extreme - high)
        repeats = len(known) - len(rest)
        far = gap > 0.5 * (high - low) if extreme in SENTINELS else gap > 2 * (high - low) and repeats >= REPEATED
        if not far or len(np.unique(rest[:100_000])) < FEWEST_VALUES:
            continue
        rows = np.flatnonzero(column.values == extreme)
        where = f"{column.name!r}: {show_places(rows, table.place, table.path)}"
        what = (
            f"{count(repeats, 'value')} of {number(extreme)}, while all others lie in {number(low)} to {number(high)}"
        )
        found.append(Finding(what, where, "kept as a number; leave the cells empty if it means missing", "costs"))
    return found


def judge_leak(column: Numbers, target: Numbers) -> list[Finding]:
    """Whether a column tells the target's future, or is the target again.

    A leak: the column's changes are those of the target some rows later (|correlation| of first differences at least
    0.95, the outermost half per cent of both clipped), and no earlier changes of the target itself are (below 0.8). The
    levels alone would accuse every column with the target's trend or season.
    """
    found = []
    both = ~np.isnan(column.values) & ~np.isnan(target.values)
    same = _correlate(column.values[both], target.values[both]) if both.sum() >= FEWEST_PAIRS else 0.0
    if abs(same) > TWIN:
        what = f"the target again (correlation {same:.4f} at the same time)"
        found.append(Finding(what, f"{column.name!r}", "kept: no leak, its future is unknown too; it adds little"))
    one, other = _changes(column.values), _changes(target.values)
    lead = _best_lead(one, other)
    if not lead:
        return found
    tells = _correlate_later(one, other, lead)
    if abs(tells) >= TELLS and abs(_correlate_later(other, other, lead)) < OWN and not _knows_itself(other):
        what = (
            f"gives the target away: its changes are those of {target.name!r} {count(lead, 'row')} later "
            f"(correlation {tells:.3f}), which the target's own past does not tell"
        )
        action = "kept, and the score says nothing; leave the column out with --inputs"
        found.append(Finding(what, f"{column.name!r}", action, "costs"))
    return found


def _changes(values: np.ndarray) -> np.ndarray:
    """First differences `[T - 1]`, the outermost clipped, about zero mean, NaN where one is missing."""
    changes = np.diff(values)
    known = changes[~np.isnan(changes)]
    if len(known) < FEWEST_PAIRS:
        return np.full(len(changes), np.nan)
    low, high = np.percentile(known, [CLIPPED, 100 - CLIPPED])
    clipped = np.clip(changes, low, high)
    return np.asarray(clipped - np.nanmean(clipped))


def _spectrum(changes: np.ndarray) -> np.ndarray:
    return np.fft.rfft(np.nan_to_num(changes), 2 * len(changes))


def _best_lead(one: np.ndarray, other: np.ndarray) -> int:
    """Rows, at least 1, after which `other` follows `one` most closely; 0: they cannot be compared."""
    longest = min(LONGEST_LEAD, len(one) - FEWEST_PAIRS)
    if longest < 1 or not np.nansum(np.square(one)) or not np.nansum(np.square(other)):
        return 0
    together = np.fft.irfft(np.conj(_spectrum(one)) * _spectrum(other), 2 * len(one))
    return 1 + int(np.argmax(np.abs(together[1 : longest + 1])))


def _knows_itself(changes: np.ndarray) -> bool:
    """Whether a series' own past tells its changes, as it does for a plain wave."""
    lead = _best_lead(changes, changes)
    return lead > 0 and abs(_correlate_later(changes, changes, lead)) >= OWN


def _correlate_later(one: np.ndarray, other: np.ndarray, lead: int) -> float:
    """Correlation of `one` with `other` `lead` rows later."""
    early, late = one[:-lead], other[lead:]
    both = ~np.isnan(early) & ~np.isnan(late)
    return _correlate(early[both], late[both]) if both.sum() >= FEWEST_PAIRS else 0.0


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum() / scale) if scale > 0 and np.isfinite(scale) else 0.0

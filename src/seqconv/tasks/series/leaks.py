"""The columns of a series: missing values and marks for them, constant columns, and leaks of the target."""

from dataclasses import dataclass

import numpy as np

from seqconv.data.readers.files import Table
from seqconv.data.readers.values import SENTINELS, read_numbers
from seqconv.data.records import count
from seqconv.errors import DataError
from seqconv.tasks.findings import Finding, number, quote, refuse, show_places

REPEATED = 3  # repetitions from which an extreme value is suspicious
FEWEST_VALUES = 10  # distinct values that a column must have besides a suspicious one
TWIN = 0.999  # correlation from which two columns are considered the same
LEAK = 0.9  # correlation of changes from which one column predicts another
OWN = 0.8  # correlation with its own past from which a target is considered predictable anyway
FEWEST_PAIRS = 50  # of values, for such a correlation
LONGEST_LEAD = 10_000  # rows
MOST_ROWS = 2**18  # newest rows examined
CLIPPED = 0.5  # per cent of the changes clipped at either end: a single spike is no relation

_NONE = np.zeros(0, np.int64)  # no row


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers `[T]`, NaN where missing; `marked`: rows with `data.missing`; `refused`: rows without a
    number."""

    name: str
    values: np.ndarray
    marked: np.ndarray
    refused: np.ndarray


def read_column(table: Table, name: str, asked: bool, missing: float) -> tuple[Numbers | None, list[Finding]]:
    """A column as training reads it; if training refuses it, without the cells at fault."""
    column = table.frame[name]
    numeric = column.dtype.is_numeric()
    marked = np.flatnonzero((column == missing).fill_null(False).to_numpy()) if numeric else _NONE
    try:
        values, notes = read_numbers(table, name, asked, missing)
    except DataError as error:
        return _read_leniently(table, name, marked, missing, error)
    if values is not None:
        return Numbers(name, values, marked, _NONE), []
    what = notes[0].removeprefix(f"column {name!r} ").removesuffix(", left out")
    return None, [Finding(what, repr(name), "left out")]


def _read_leniently(
    table: Table, name: str, marked: np.ndarray, missing: float, error: DataError
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
    values[bad | (values == missing)] = np.nan
    if not len(rows):
        return Numbers(name, values, marked, _NONE), [refuse(error, table.path)]
    kind = "no finite number" if np.isinf(numbers.to_numpy()[rows]).all() else "no number"
    where = f"{name!r}: {show_places(rows, table.place, table.path)}"
    what = f"{count(len(rows), 'cell')} with {kind}, such as {quote(str(column[int(rows[0])]))}"
    action = "refused: correct the cells or leave them empty; or name other columns with --inputs"
    return Numbers(name, values, marked, rows), [Finding(what, where, action, "blocks")]


def judge_sentinel(column: Numbers, table: Table) -> list[Finding]:
    """A smallest or largest value, far from the rest, that may stand for a missing one.

    A well-known mark (999, -99, ...) must be half the range of all other values away from them; any other must repeat
    and be twice that range away.
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


class Leaks:
    """Looks for columns that reveal a target's future.

    A leak: the column's value is the target's change over the coming lead, or its changes are those of the target some
    rows later (|correlation| at least 0.9, with half a per cent of the changes clipped at either end), while the
    target's own level and earlier changes do not predict the same (below 0.8). Comparing levels would flag every
    column that shares the target's trend or season.

    Args:
        lead: rows.
    """

    def __init__(self, target: Numbers, lead: int) -> None:
        self.target, self.lead = target, lead
        values = target.values[-MOST_ROWS:]
        self.coming = _clip(values[lead:] - values[:-lead])
        self.drawn_back = abs(_correlate(values[:-lead], self.coming)) >= OWN  # its own level predicts the change
        self.changes = _find_changes(target.values[-MOST_ROWS:])
        self.spectrum = _transform(self.changes)
        lead = self._find_lead(self.spectrum)
        self.open = lead > 0 and abs(_correlate_later(self.changes, self.changes, lead)) < OWN

    def judge(self, column: Numbers) -> list[Finding]:
        """Whether a column reveals the target's future, or duplicates the target."""
        found, name = [], repr(column.name)
        same = _correlate(column.values, self.target.values)
        if abs(same) > TWIN:
            what = f"{name} duplicates the target (correlation {same:.4f} at the same time)"
            found.append(Finding(what, name, "kept: no leak, its future is unknown too; it adds little"))
        if leak := self._find_leak(column.values[-MOST_ROWS:]) if self.open else "":
            what = f"{name} leaks the target: {leak}, which the target's own past does not predict"
            action = "kept, which makes the score meaningless; leave the column out with --inputs"
            found.append(Finding(what, name, action, "costs"))
        return found

    def _find_leak(self, values: np.ndarray) -> str:
        """What a column reveals of the target's future; empty: nothing."""
        of = repr(self.target.name)
        now = _correlate(values[: -self.lead], self.coming)
        if abs(now) >= LEAK and not self.drawn_back:
            return f"it is the change of {of} over the next {count(self.lead, 'row')} (correlation {now:.3f})"
        changes = _find_changes(values)
        later = self._find_lead(_transform(changes))
        follows = _correlate_later(changes, self.changes, later) if later else 0.0
        if abs(follows) >= LEAK:
            return f"its changes are those of {of} {count(later, 'row')} later (correlation {follows:.3f})"
        return ""

    def _find_lead(self, spectrum: np.ndarray) -> int:
        """Lag in rows, at least 1, at which the target's changes follow others most closely; 0: too few rows."""
        longest = min(LONGEST_LEAD, len(self.changes) - FEWEST_PAIRS)
        if longest < 1:
            return 0
        together = np.fft.irfft(np.conj(spectrum) * self.spectrum)
        return 1 + int(np.argmax(np.abs(together[1 : longest + 1])))


def _find_changes(values: np.ndarray) -> np.ndarray:
    """First differences `[T - 1]`, clipped, with mean zero."""
    changes = _clip(np.diff(values))
    return np.asarray(changes - np.nanmean(changes)) if len(changes) > np.isnan(changes).sum() else changes


def _clip(changes: np.ndarray) -> np.ndarray:
    """Clips the outermost values; NaN where one is missing, everywhere if few are known."""
    known = changes[~np.isnan(changes)]
    if len(known) < FEWEST_PAIRS:
        return np.full(len(changes), np.nan)
    low, high = np.percentile(known, [CLIPPED, 100 - CLIPPED])
    return np.asarray(np.clip(changes, low, high))


def _transform(changes: np.ndarray) -> np.ndarray:
    """Fourier transform, zero-padded for the longest lead; missing values count as zero."""
    return np.fft.rfft(np.nan_to_num(changes), 2 ** (len(changes) + LONGEST_LEAD).bit_length())


def _correlate_later(one: np.ndarray, other: np.ndarray, lead: int) -> float:
    """Correlation of `one` with `other` `lead` rows later."""
    return _correlate(one[:-lead], other[lead:])


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation over the known pairs; 0: too few, or one of them is constant."""
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < FEWEST_PAIRS:
        return 0.0
    one, other = one[both] - one[both].mean(), other[both] - other[both].mean()
    scale = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum() / scale) if scale > 0 and np.isfinite(scale) else 0.0

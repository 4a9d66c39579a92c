"""Columns next to texts, as models read them: words of their own at the end of a text, and scaled numbers.

A column is read through slots. Each slot gives every example one token: that of its category, or of the interval that
its number lies in; a missing cell and a category that training never saw have tokens of their own. Networks read the
tokens as further ids after those of a text; the machines of words and characters read them as features, and next to
them the numbers themselves. Columns of sentences are joined with the text.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from seqconv.errors import DataError
from seqconv.metrics.records import Bounds, Json
from seqconv.tasks import entries
from seqconv.tasks.entries import Entry, Spread
from seqconv.tasks.scaling import find_spread

Cells = Mapping[str, Sequence[str | None]]  # of each column, as they were written; None: missing
MISSING, OTHER, FIRST = 0, 1, 2  # tokens of a slot: of a missing cell, of one unlike those of training, of the others
MOST_CATEGORIES = 200  # of a column; rarer ones are alike
INTERVALS = 16  # of the numbers of a column, equally many training rows in each
FARTHEST = 5.0  # standard deviations beyond which a number is no larger
WORDY = 3.0  # mean words of a cell from which a column is text
MARKS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None")
NUMBER, CATEGORY, TEXT = "number", "category", "text"
PARTS = {"month": "M", "weekday": "D", "hour": "h"}  # of a time, and the unit by which it is found
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?Z?")
_THOUSANDS, _COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"), re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True, kw_only=True)
class Slot(Entry):
    """One way in which a column is read.

    Args:
        column: its name.
        kind: `number`, `category`, `text`, or of a column of times `time` (years), `month`, `weekday` or `hour`.
        mean, std: of numbers in the training rows.
        edges: between the intervals of numbers, ascending.
        values: categories that have tokens, the most frequent first.
    """

    column: str
    kind: str
    mean: entries.Number = 0.0
    std: Spread = 1.0
    edges: list[entries.Number] | None = None
    values: list[str] | None = None
    size: Annotated[int, Bounds(0, MOST_CATEGORIES + FIRST)] = 0

    def __post_init__(self) -> None:
        if self.kind not in (NUMBER, CATEGORY, TEXT, "time", *PARTS):
            raise ValueError(f".kind must be known; got {self.kind!r:.40}")
        given = self.edges is not None, self.values is not None
        if given != (self.is_number, not self.is_number and self.kind != TEXT):
            raise ValueError(f".edges must be those of numbers, and .values those of categories; got {self.kind!r}")
        if (np.diff(self.edges or ()) <= 0).any() or len(set(self.values or ())) < len(self.values or ()):
            raise ValueError(".edges must ascend, and .values differ; they do not")
        known = len(self.edges or ()) + 1 if self.is_number else len(self.values or ())
        if self.size != (0 if self.kind == TEXT else known + FIRST):
            raise ValueError(f".size must be that of its tokens; got {self.size}")

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers that are read as such, too."""
        return self.kind in (NUMBER, "time")

    @property
    def usual(self) -> str | float | None:
        """A cell as they are in training; None: an empty one."""
        if self.kind == NUMBER:
            return float(f"{self.mean:.4g}")
        return self.values[0] if self.kind == CATEGORY and self.values else None

    def to_tokens(self, cells: Sequence[str | None]) -> np.ndarray:
        """The token of each cell, int32 `[N]`, and for numbers their places, from 0.

        Raises:
            DataError: a cell of a column of numbers or times is something else.
        """
        if self.values is not None:
            known = {value: place for place, value in enumerate(self.values, start=FIRST)}
            found = (tidy_cell(cell) if self.kind == CATEGORY else self._take_part(cell) for cell in cells)
            return np.array([MISSING if each is None else known.get(each, OTHER) for each in found], np.int32)
        numbers = self.to_numbers(cells)
        places = FIRST + np.searchsorted(np.array(self.edges), np.nan_to_num(numbers), side="right")
        return np.where(np.isnan(numbers), MISSING, places).astype(np.int32)

    def to_numbers(self, cells: Sequence[str | None]) -> np.ndarray:
        """The number of each cell, NaN where it is missing, float64 `[N]`.

        Raises:
            DataError: see `to_tokens`.
        """
        read = parse_number if self.kind == NUMBER else parse_years
        found = [np.nan if (tidy := tidy_cell(cell)) is None else read(tidy) for cell in cells]
        for row, (number, cell) in enumerate(zip(found, cells, strict=True), start=1):
            if number is None:
                what = "a number" if self.kind == NUMBER else "a time like 2024-12-31 or 2024-12-31 23:59"
                raise DataError(
                    f"column {self.column!r}, row {row}: must be {what}, as in training; got {cell!r:.40}. "
                    "Correct it or leave it empty"
                )
        return np.array(found, np.float64)

    def _take_part(self, cell: str | None) -> str | None:
        tidy = tidy_cell(cell)
        return None if tidy is None or not TIME.fullmatch(tidy) else _part(tidy, self.kind)


@dataclass(frozen=True)
class Columns:
    """How all columns next to a text are read; none: the text is all there is."""

    slots: tuple[Slot, ...] = ()

    @classmethod
    def fit(cls, cells: Cells) -> Self:
        """Kinds, scales and categories as the cells of the training rows tell."""
        return cls(tuple(slot for name, own in cells.items() for slot in _fit_slots(name, own)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(dict.fromkeys(slot.column for slot in self.slots))

    @property
    def read(self) -> tuple[Slot, ...]:
        """The slots that give tokens."""
        return tuple(slot for slot in self.slots if slot.size)

    @property
    def tokens(self) -> int:
        """How many tokens there are, of all slots together."""
        return sum(slot.size for slot in self.slots)

    @property
    def numbers(self) -> int:
        """How many numbers are read."""
        return sum(slot.is_number for slot in self.read)

    @property
    def features(self) -> int:
        """Features of a linear model: tokens, then numbers."""
        return self.tokens + self.numbers

    def join(self, texts: Sequence[str], cells: Cells) -> list[str]:
        """The texts with those of other columns in front of them, each on a line."""
        others = [cells[slot.column] for slot in self.slots if slot.kind == TEXT]
        if not others:
            return list(texts)
        rows = zip(*others, texts, strict=True)
        return ["\n".join(part for cell in row if (part := cell or "").strip()) for row in rows]

    def to_tokens(self, cells: Cells) -> np.ndarray:
        """The tokens of N examples, int32 `[N, slots]`, each slot's after those of the slots before it.

        Raises:
            DataError: see `Slot.to_tokens`.
        """
        starts = np.cumsum([0, *(slot.size for slot in self.read)])[:-1]
        found = [start + slot.to_tokens(cells[slot.column]) for start, slot in zip(starts, self.read, strict=True)]
        return np.stack(found, axis=1).astype(np.int32)

    def to_numbers(self, cells: Cells) -> np.ndarray:
        """The numbers of N examples in standard deviations, 0 where missing, float32 `[N, numbers]`.

        Raises:
            DataError: see `Slot.to_tokens`.
        """
        scaled = [(slot.to_numbers(cells[slot.column]) - slot.mean) / slot.std for slot in self.read if slot.is_number]
        found = np.stack(scaled, axis=1) if scaled else np.zeros((len(next(iter(cells.values()))), 0))
        return np.nan_to_num(found).clip(-FARTHEST, FARTHEST).astype(np.float32)

    def describe(self, first: int) -> Json:
        """How cells become ids and numbers, for readers of texts elsewhere.

        Args:
            first: id of the first token.
        """
        slots = []
        for slot in self.read:
            own = {"column": slot.column, "kind": slot.kind, "first": first}
            if slot.edges is None:
                slots.append(own | {"values": slot.values})
            else:
                slots.append(own | {"edges": slot.edges, "mean": slot.mean, "std": slot.std})
            first += slot.size
        joined = [slot.column for slot in self.slots if slot.kind == TEXT]
        return {"joined": joined, "missing": list(MARKS), "farthest": FARTHEST, "slots": slots}


NO_COLUMNS = Columns()


def _fit_slots(name: str, cells: Sequence[str | None]) -> list[Slot]:
    known = [tidy for cell in cells if (tidy := tidy_cell(cell)) is not None]
    if known and all(parse_number(cell) is not None for cell in known):
        return [_fit_number(name, NUMBER, np.array([parse_number(cell) for cell in known], np.float64))]
    if known and all(parse_years(cell) is not None for cell in known):
        years = _fit_number(name, "time", np.array([parse_years(cell) for cell in known], np.float64))
        parts = {kind: sorted({_part(cell, kind) for cell in known}) for kind in PARTS}
        return [years, *(_slot_of(name, kind, values) for kind, values in parts.items() if len(values) > 1)]
    if known and np.mean([len(cell.split()) for cell in known]) >= WORDY:
        return [Slot(column=name, kind=TEXT)]
    counts = Counter(known)
    often = [value for value, times in counts.most_common(MOST_CATEGORIES) if times > 1]
    return [_slot_of(name, CATEGORY, often)]


def _slot_of(name: str, kind: str, values: list[str]) -> Slot:
    return Slot(column=name, kind=kind, values=values, size=len(values) + FIRST)


def _fit_number(name: str, kind: str, numbers: np.ndarray) -> Slot:
    distinct = np.unique(numbers)
    if len(distinct) <= INTERVALS:
        edges = (distinct[1:] + distinct[:-1]) / 2
    else:
        edges = np.unique(np.quantile(numbers, np.arange(1, INTERVALS) / INTERVALS))
    std = find_spread(numbers) or 1.0
    size = len(edges) + 1 + FIRST
    return Slot(column=name, kind=kind, mean=float(numbers.mean()), std=std, edges=edges.tolist(), size=size)


def tidy_cell(cell: str | None) -> str | None:
    """A cell without blanks around it; None: it is missing."""
    tidy = "" if cell is None else cell.strip()
    return None if tidy in MARKS else tidy


def parse_number(cell: str) -> float | None:
    """A number with a decimal point or comma, perhaps with commas between thousands; None: it is none.

    >>> [parse_number(cell) for cell in ("1.5", "1,5", "1,234.5", "12,345", "-3e2", "five", "inf")]
    [1.5, 1.5, 1234.5, 12345.0, -300.0, None, None]
    """
    if _THOUSANDS.fullmatch(cell):
        cell = cell.replace(",", "")
    elif _COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if np.isfinite(found) and "_" not in cell else None


def parse_years(cell: str) -> float | None:
    """A time like 2024-12-31 or 2024-12-31 23:59 in years; None: it is none.

    >>> parse_years("1971-01-01"), parse_years("31.12.2024")
    (1.0, None)
    """
    if not TIME.fullmatch(cell):
        return None
    try:
        return float(_to_time(cell).astype("datetime64[s]").astype(np.int64) / (365 * 86400))
    except ValueError:
        return None


def _to_time(cell: str) -> np.datetime64:
    return np.datetime64(cell.removesuffix("Z").replace(" ", "T"))


def _part(cell: str, kind: str) -> str:
    """The month, weekday (1: Monday) or hour of a time."""
    count = int(_to_time(cell).astype(f"datetime64[{PARTS[kind]}]").astype(np.int64))
    return str({"month": count % 12 + 1, "weekday": (count + 3) % 7 + 1, "hour": count % 24}[kind])

"""Labelled texts, labelled sequences and time series in memory: what every reader returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.display import COLUMN_HEAD, Card, Shown, count_answers, describe_column, say_answers, say_span
from seqconv.data.frequency import Frequency
from seqconv.errors import DataError, near_path

CLASSES = ("neg", "pos")
LARGEST = float(np.finfo(np.float32).max)  # of a value in a sequence, so that its square is finite in float64


@dataclass(frozen=True, repr=False)
class Texts(Shown):
    """N texts and their classes.

    Args:
        labels: single-label: int32 `[N]`, indices into `classes`; multi-label: uint8 `[N, classes]` of 0 and 1; float64
            `[N]`: numbers.
        classes: names; none if the labels are numbers.
        notes: what a report should say about the file.
        settled: for a table, the data settings by which it was read, inferred ones included: other files are read in
            the same way.
        weights: what each text counts in training, 0 or more, float64 `[N]`; None: all count the same.
        groups: number of the group of each text, int64 `[N]`: a group is never split. None: copies are groups.
        number: what the numbers are called; empty: the labels are classes.
        columns: the cells of further columns of each text, as they were written, by the columns' names.
    """

    texts: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()
    settled: Mapping[str, Any] = field(default_factory=dict)
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    number: str = ""
    columns: Mapping[str, list[str | None]] = field(default_factory=dict)

    def take(self, index: np.ndarray) -> "Texts":
        """The texts at `index`, in that order."""
        weights, groups = (None if each is None else each[index] for each in (self.weights, self.groups))
        texts = [self.texts[row] for row in index]
        columns = {name: [cells[row] for row in index] for name, cells in self.columns.items()}
        return replace(self, texts=texts, labels=self.labels[index], weights=weights, groups=groups, columns=columns)

    def join(self, other: "Texts") -> "Texts":
        """These texts, followed by others with labels of the same classes; groups are told apart by their file."""
        columns = {name: cells + other.columns[name] for name, cells in self.columns.items()}
        texts, marked = self.texts + other.texts, _join_marked(self, other, len(self.texts), len(other.texts))
        return replace(self, texts=texts, labels=np.concatenate([self.labels, other.labels]), columns=columns, **marked)

    def card(self) -> Card:
        """How many texts there are, and of which classes."""
        what = f"{len(self.texts):,} texts, {say_answers(self.labels, self.classes, self.number)}"
        return Card(f"{self.source}: {what}", self.notes, count_answers(self.labels, self.classes, self.number))


@dataclass(frozen=True)
class EncodedTexts:
    """N texts given as word ranks: 1 is the most frequent word, 2 the next; no start, padding or unknown tokens.

    Args:
        ids: ranks of all texts, concatenated, int32 `[sum of lengths]`.
        offsets: where each text starts in `ids`, and the end: int64 `[N + 1]`.
        labels: int32 `[N]`, indices into `classes`.
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str
    weights: None = None

    def take(self, index: np.ndarray) -> "EncodedTexts":
        """The texts at `index`, in that order."""
        rows, offsets = _take_ragged(self.offsets, index)
        return EncodedTexts(self.ids[rows], offsets, self.labels[index], self.classes, self.source)


@dataclass(frozen=True)
class TextData:
    """Training, test and validation texts; a part that is None is held out from `train`.

    Args:
        newer: the rows of later files, of which as many are held out, see `tasks.updates`.
    """

    train: Texts | EncodedTexts
    test: Texts | EncodedTexts | None = None
    validation: Texts | EncodedTexts | None = None
    newer: tuple[Texts, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, repr=False)
class Sequences(Shown):
    """N sequences of C channels, each with its class, or with a number to predict.

    Args:
        values: steps of all sequences, concatenated, float64 (or float32) `[sum of lengths, C]`; NaN is missing.
        offsets: where each sequence starts in `values`, and the end: int64 `[N + 1]`.
        labels: int32 `[N]`, indices into `classes`; or float64 `[N]`, numbers; empty if labels were not requested.
        classes: names; none if the labels are numbers.
        channels: C names.
        notes: what a report should say about the file.
        number: what the numbers are called; empty: the labels are classes.
        keys: the values of the id columns of each sequence, by the columns' names; empty: it has none.
        settled: for a table, the data settings by which it was read, inferred ones included.
        times: of each step, datetime64[us] or numbers `[sum of lengths]`; None: steps are counted.
        weights, groups: see `Texts`.
        splits: `train`, `validation` or `test`, `[N]`, as a column says; None: there is none.
    """

    values: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()
    number: str = ""
    keys: Mapping[str, list[str]] = field(default_factory=dict)
    settled: Mapping[str, Any] = field(default_factory=dict)
    times: np.ndarray | None = None
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    splits: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: np.ndarray) -> "Sequences":
        """The sequences at `index`, in that order."""
        rows, offsets = _take_ragged(self.offsets, index)
        labels = self.labels[index] if len(self.labels) else self.labels
        keys = {name: [values[place] for place in index] for name, values in self.keys.items()}
        times = None if self.times is None else self.times[rows]
        marked = {"weights": self.weights, "groups": self.groups, "splits": self.splits}
        taken: dict[str, Any] = {name: None if each is None else each[index] for name, each in marked.items()}
        values = self.values[rows]
        return replace(self, values=values, offsets=offsets, labels=labels, keys=keys, times=times, **taken)

    def join(self, other: "Sequences") -> "Sequences":
        """These sequences, followed by others of the same channels and classes; groups are told apart by their file."""
        values = np.concatenate([self.values, other.values])
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        keys = {name: own + other.keys[name] for name, own in self.keys.items()}
        times = None if self.times is None or other.times is None else np.concatenate([self.times, other.times])
        labels, marked = np.concatenate([self.labels, other.labels]), _join_marked(self, other, len(self), len(other))
        return replace(
            self, values=values, offsets=offsets, labels=labels, keys=keys, times=times, splits=None, **marked
        )

    def card(self) -> Card:
        """How many sequences there are, how long, and of which classes."""
        lengths = np.diff(self.offsets)
        answers = self.labels, self.classes, self.number
        what = f"{len(self):,} sequences of {say_span(lengths)} steps, {count(len(self.channels), 'channel')}"
        return Card(f"{self.source}: {what}, {say_answers(*answers)}", self.notes, count_answers(*answers))


@dataclass(frozen=True)
class SequenceData:
    """Training, test and validation sequences; a part that is None is held out from `train`. See also `TextData`."""

    train: Sequences
    test: Sequences | None = None
    validation: Sequences | None = None
    newer: tuple[Sequences, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, repr=False)
class Series(Shown):
    """A time series of T rows and C columns.

    Args:
        times: datetime64[s] `[T]`, non-decreasing; holes and repeated timestamps are left as they are.
        values: float64 `[T, C]`, NaN where a value is missing.
        interval_s: the most common spacing of `times`, in seconds.
        notes: what a report should say about the file.
        zone: local time zone, such as `Europe/Berlin` (`times` are then UTC); empty: UTC, or unknown.
        clock: what `times` are: `utc`; `local`, in an unknown zone; `counted`, generated rather than read.
        settled: see `Texts`.
    """

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    interval_s: int
    source: str
    notes: tuple[str, ...] = ()
    zone: str = ""
    clock: str = "local"
    settled: Mapping[str, Any] = field(default_factory=dict)

    @property
    def newest(self) -> np.datetime64:
        """The time of the last row."""
        return np.datetime64(self.times[-1])

    def card(self) -> Card:
        """How many rows there are, from when to when, and the range of each column."""
        ends = f", {self.times[0]} to {self.times[-1]}".replace("T", " ") if len(self.times) else ""
        title = f"{self.source}: {count(len(self.times), 'row')}, {count(len(self.columns), 'column')}{ends}"
        rows = [describe_column(name, column) for name, column in zip(self.columns, self.values.T, strict=True)]
        return Card(title, self.notes, [COLUMN_HEAD, *rows])


@dataclass(frozen=True)
class SeriesData:
    """A series to split by fractions, or three separate parts (with `test` alone, `train` is split in two)."""

    train: Series
    test: Series | None = None
    validation: Series | None = None


@dataclass(frozen=True, repr=False)
class Panel(Shown):
    """S series of one table, one after the other, each with a row for every step of its frequency.

    A row that the table lacks is there with missing values. Rows after the newest value of the target may follow: what
    is known of the future.

    Args:
        names: columns of the table that tell the series apart; none: it is one series.
        keys: the values of these columns for each series, `[S]`.
        offsets: where each series starts, and the end, int64 `[S + 1]`.
        starts: the number of each series' first step (see `Frequency.steps`), int64 `[S]`.
        ends: the row after the newest value of each series' target, int64 `[S]`.
        frequency: the step from row to row.
        target: name of the column to forecast.
        values: of the target, float64 `[T]`; NaN is missing.
        columns: the other columns by name, `[T]`: float64 with NaN, or texts with None, where a value is missing.
        notes, zone, clock, settled: see `Series`.
        form: the kind of data frame that it was read from, a `Form`; None: a file.
    """

    names: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    offsets: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    frequency: Frequency
    target: str
    values: np.ndarray
    columns: Mapping[str, np.ndarray]
    source: str
    notes: tuple[str, ...] = ()
    zone: str = ""
    clock: str = "local"
    settled: Mapping[str, Any] = field(default_factory=dict)
    form: Any = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def steps(self) -> np.ndarray:
        """The number of each row's step, int64 `[T]`."""
        lengths = np.diff(self.offsets)
        return np.asarray(np.arange(len(self.values)) + np.repeat(self.starts - self.offsets[:-1], lengths))

    @property
    def series(self) -> np.ndarray:
        """Which series each row is of, int64 `[T]`."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series up to the newest value of its target, int64 `[S]`."""
        return np.asarray(self.ends - self.offsets[:-1])

    @property
    def newest(self) -> Any:
        """The time of the newest value of any series; the number of its row where rows are counted."""
        steps = self.starts + self.lengths - 1
        return self.frequency.times(steps[self.lengths > 0]).max()

    @property
    def is_future(self) -> np.ndarray:
        """Whether each row comes after the newest value of its series, bool `[T]`."""
        return np.asarray(np.arange(len(self.values)) >= np.repeat(self.ends, np.diff(self.offsets)))

    def take_rows(self, first: np.ndarray, last: np.ndarray) -> "Panel":
        """Rows `first` to `last`, int64 `[S]` both, of each series; a series that is left without a row is gone.

        Args:
            first, last: within the rows of the series.
        """
        if np.array_equal(first, self.offsets[:-1]) and np.array_equal(last, self.offsets[1:]):
            return self
        kept = last > first
        first, last, starts, keys = first[kept], last[kept], self.starts[kept], compress(self.keys, kept)
        lengths = last - first
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
        columns = {name: values[rows] for name, values in self.columns.items()}
        starts = starts + first - self.offsets[:-1][kept]
        values = self.values[rows]
        ends = find_ends(values, offsets)
        return replace(
            self, keys=tuple(keys), offsets=offsets, starts=starts, ends=ends, values=values, columns=columns
        )

    def show_key(self, series: int) -> str:
        """The values of the id columns, for people: `Berlin, 7`; `the series` where there are none."""
        return ", ".join(self.keys[series]) or "the series"

    def whose(self, series: int) -> str:
        """The same as the end of a sentence: ` of Berlin, 7`; empty where there are none."""
        return f" of {self.show_key(series)}" if self.keys[series] else ""

    def card(self) -> Card:
        """How many series there are, how long, and the range of each column of numbers."""
        title = f"{self.source}: {len(self):,} series of {say_span(self.lengths)} rows, each {self.frequency.span}"
        named = {self.target: self.values, **self.columns}
        rows = [describe_column(name, column) for name, column in named.items()]
        return Card(title, self.notes, [COLUMN_HEAD, *rows])


def is_missing(cells: np.ndarray) -> np.ndarray:
    """Which cells of a column of a panel are missing, bool: NaN among numbers, None among texts."""
    if cells.dtype != object:
        return np.asarray(np.isnan(cells))
    return np.array([each is None for each in cells.ravel()], bool).reshape(cells.shape)


def find_ends(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The row after the newest value of each series, its first row where it has none, int64 `[S]`.

    Args:
        values: `[T]`; NaN is missing.
        offsets: where each series starts, and the end; none is empty.
    """
    rows = np.where(np.isnan(values), -1, np.arange(len(values)))
    if not len(values):
        return np.zeros(0, np.int64)
    return np.asarray(np.maximum(np.maximum.reduceat(rows, offsets[:-1]) + 1, offsets[:-1]))


@dataclass(frozen=True)
class PanelData:
    """A panel, which is split by time; its `test` and `validation` are never apart.

    Args:
        origins: forecasts of each series to judge by; 0: as many as the recipe says.
    """

    train: Panel
    origins: int = 0
    test: None = None
    validation: None = None


def _join_marked(one: Any, other: Any, count: int, more: int) -> dict[str, Any]:
    """The weights and groups of examples, `count` of one and `more` of another; none where neither has any."""
    found: dict[str, Any] = {}
    if one.weights is not None or other.weights is not None:
        own = (np.ones(size) if each.weights is None else each.weights for each, size in ((one, count), (other, more)))
        found["weights"] = np.concatenate([*own])
    if one.groups is not None or other.groups is not None:
        first = np.arange(count) if one.groups is None else one.groups
        second = np.arange(more) if other.groups is None else other.groups
        found["groups"] = np.concatenate([first, first.max(initial=-1) + 1 + second])
    return found


def _take_ragged(offsets: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the runs at `index`, concatenated, and the offsets of the runs among them, both int64."""
    lengths = np.diff(offsets)[index]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.arange(taken[-1]) + np.repeat(offsets[:-1][index] - taken[:-1], lengths), taken


def unreadable(path: Path, error: OSError) -> DataError:
    """The error to raise when a file cannot be opened or read."""
    cure = (near_path(path) if isinstance(error, FileNotFoundError) else "") or "Check the path"
    return DataError(f"{path}: must be a readable file; {error.strerror or error}. {cure}")


def count(number: int, noun: str) -> str:
    """`0 rows`, `1 row`, `2 rows`."""
    return f"{number} {noun}{'s' if number != 1 else ''}"

"""What a bundle keeps of its training data to tell whether new data are like them: histograms and error rates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from seqconv.metrics.records import Bounds
from seqconv.metrics.stability import chance_levels
from seqconv.tasks import entries
from seqconv.tasks.entries import Entry, check_names

BINS = 10  # of numbers, equally many training values in each
FEWEST = 10  # training values in each bin
KNOWN_ENDS = 200  # values from which others hardly lie beyond the smallest and the largest: one in a hundred
MOST_LEVELS = 100  # categories that have a bin of their own
MISSING, OTHER = "missing", "other"
INPUTS, LABELS, ANSWERS = "inputs", "labels", "answers"


@dataclass(frozen=True)
class Sample:
    """The values of one variable in some data.

    Args:
        values: numbers, float64 `[M]` with NaN where one is missing; of categories their places in `names`, int64, -1
            where one is missing.
        names: of categories; None: they are numbers.
        ends: the values up to the end of each example, int64 `[N]`; None: each example has one.
        of: `inputs`, `labels` or `answers`.
    """

    name: str
    values: np.ndarray
    names: tuple[str, ...] | None = None
    ends: np.ndarray | None = None
    of: str = INPUTS

    @classmethod
    def of_names(cls, name: str, cells: Iterable[str | None], of: str = INPUTS) -> "Sample":
        """Categories; None is missing."""
        known: dict[str, int] = {}
        codes = [-1 if cell is None else known.setdefault(cell, len(known)) for cell in cells]
        return cls(name, np.array(codes, np.int64), tuple(known), of=of)

    @property
    def key(self) -> tuple[str, str]:
        """By which the same variable of other data is found."""
        return self.of, self.name

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.values if self.ends is None else self.ends)


@dataclass(frozen=True, kw_only=True)
class Variable(Entry):
    """The distribution of one variable in training.

    Args:
        of: see `Sample`.
        edges: between the bins of numbers, ascending; a value equal to one lies below it.
        levels: of categories, the most frequent first.
        examples: that the values are of.
        counts: of values in each bin; last those that are missing, and of categories before it those that are others.
        chance: what `chance_levels` gives.
        mean: of numbers.
    """

    name: str
    of: str
    edges: list[entries.Number] | None = None
    levels: list[str] | None = None
    examples: Annotated[int, Bounds(1, entries.MOST_ROWS)]
    counts: list[int]
    chance: list[entries.Number]
    mean: entries.Number | None = None

    def __post_init__(self) -> None:
        if (self.edges is None) == (self.levels is None) or self.of not in (INPUTS, LABELS, ANSWERS):
            raise ValueError(f" must have edges or levels of inputs, labels or answers; got {self.of!r:.40}")
        if (np.diff(self.edges or ()) <= 0).any() or not self.chance:
            raise ValueError(".edges must ascend, and .chance be there; they do not")
        check_names("levels", self.levels or (), 0)
        if len(self.counts) != len(self.bins) or min(self.counts) < 0 or not sum(self.counts):
            raise ValueError(f".counts must be of {len(self.bins)} bins; got {len(self.counts)}")

    @classmethod
    def fit(cls, sample: Sample) -> "Variable | None":
        """From the training rows; None: there are none."""
        if not len(sample.values):
            return None
        edges, levels = (_cut(sample.values), None) if sample.names is None else (None, _rank(sample))
        empty = [1] * (len(edges) + 2 if edges is not None else len(levels or ()) + 2)
        blank = cls(name=sample.name, of=sample.of, edges=edges, levels=levels, examples=1, counts=empty, chance=[0.0])
        places = blank.place(sample)
        ends = np.arange(1, len(places) + 1) if sample.ends is None else sample.ends
        known = sample.values[np.isfinite(sample.values)] if sample.names is None else sample.values[:0]
        return cls(
            name=sample.name,
            of=sample.of,
            edges=edges,
            levels=levels,
            examples=sample.count,
            counts=np.bincount(places, minlength=len(empty)).tolist(),
            chance=chance_levels(places, len(empty), ends),
            mean=float(known.mean()) if len(known) else None,
        )

    @property
    def key(self) -> tuple[str, str]:
        """That of its samples."""
        return self.of, self.name

    @property
    def bins(self) -> list[str]:
        """The name of each bin."""
        if self.levels is not None:
            return [*self.levels, OTHER, MISSING]
        if not self.edges:  # of a column that was empty
            return ["any", MISSING]
        edges = [f"{edge:.4g}" for edge in self.edges]
        between = [f"{low} to {high}" if low != high else low for low, high in pairwise(edges)]
        return [f"to {edges[0]}", *between, f"above {edges[-1]}", MISSING]

    def place(self, sample: Sample) -> np.ndarray:
        """The bin of each value, int64 `[M]`."""
        last = len(self.counts) - 1
        if self.levels is None:
            # a number beyond all others is one; so is infinity
            found = np.searchsorted(np.array(self.edges, np.float64), sample.values, side="left")
            return np.asarray(np.where(np.isnan(sample.values), last, found), np.int64)
        known = {level: place for place, level in enumerate(self.levels)}
        places = [known.get(name, last - 1) for name in sample.names or ()]
        return np.asarray(np.array([*places, last], np.int64)[sample.values])  # -1 is the last of them

    def count(self, sample: Sample) -> np.ndarray:
        """How many values lie in each bin, int64 `[bins]`."""
        return np.bincount(self.place(sample), minlength=len(self.counts))


def _cut(values: np.ndarray) -> list[float]:
    """Edges of bins that hold equally many values, of few different ones of a bin for each; with empty bins for what
    lies below and above all of them, unless these are a few of many."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if not len(distinct):
        return []
    ends = [np.nextafter(distinct[0], -np.inf), distinct[-1]]
    inner = (distinct[1:] + distinct[:-1]) / 2
    if len(distinct) > BINS:
        bins = max(min(len(known) // FEWEST, BINS), 2)
        inner = np.quantile(known, np.arange(1, bins) / bins)
        ends = ends if len(known) >= KNOWN_ENDS else []  # others lie beyond the ends of a few
    return [float(each) for each in np.unique([*ends, *inner]) if abs(each) < np.inf]


def _rank(sample: Sample) -> list[str]:
    """The most frequent categories; one that occurs once may be a person's name, and says nothing."""
    counts = np.bincount(sample.values[sample.values >= 0], minlength=len(sample.names or ()))
    order = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    return [(sample.names or ())[place] for place in order if counts[place] > 1]


@dataclass(frozen=True, kw_only=True)
class Rate(Entry):
    """A mean over examples that were not trained on: of errors, or of how far confidence lies above what is right.

    Args:
        error: its standard error; NaN where there are too few examples to tell.
        n: examples.
    """

    name: str
    mean: float
    error: float
    n: int

    @classmethod
    def of(cls, name: str, values: np.ndarray, block: int = 1) -> "Rate":
        """The mean of values `[N]`, of which `block` neighbours are alike."""
        blocks = len(values) // block
        means = values[: blocks * block].reshape(blocks, block).mean(axis=1, dtype=np.float64) if blocks else values
        error = float(means.std(ddof=1) / np.sqrt(blocks)) if blocks > 1 else float("nan")
        return cls(name=name, mean=float(values.mean(dtype=np.float64)), error=error, n=len(values))


@dataclass(frozen=True, kw_only=True)
class Profile(Entry):
    """What training data, and answers for data that were not trained on, are like."""

    variables: list[Variable]
    rates: list[Rate]

    @classmethod
    def fit(cls, samples: Iterable[Sample], rates: Mapping[str, Any], block: int) -> "Profile":
        """From samples of the training examples, and of the answers for test examples and their `rates`, `[N]` each."""
        fitted = [Variable.fit(sample) for sample in samples]
        means = [Rate.of(name, np.asarray(values, np.float64), block) for name, values in rates.items()]
        return cls(variables=[each for each in fitted if each is not None], rates=means)

"""Which labelled examples are held out, once or in turn."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

FOLDS = 10  # into which whole groups are cut, at most, unless a smaller fraction is to be held out
STREAMS = {"validation": 0, "test": 2, "folds": 3}  # of random numbers, after the seed; training draws from stream 1


def open_stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers that draw the validation rows, the test rows or the folds."""
    return np.random.default_rng([seed, STREAMS[name]])


class HoldoutSettings(Protocol):
    """Which fraction of the examples is held out, and how."""

    @property
    def validation(self) -> float: ...
    @property
    def test(self) -> float: ...
    @property
    def holdout(self) -> str: ...


def draw_holdouts(
    labels: np.ndarray,
    groups: np.ndarray | None,
    settings: HoldoutSettings,
    seed: int,
    drawn: Sequence[str],
    whole: bool = False,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Draw the test rows, then the validation rows, if they are among `drawn`: name, remaining rows, rows held out.

    Both training and `inspect` draw them here.

    Args:
        labels, groups: of all examples, see `hold_out`; groups are used only if the holdout is stratified.
        whole: the user has named the groups: they are used in any case, however large they are.
    """
    rows, stratified = np.arange(len(labels)), settings.holdout == "stratified"
    for name, fraction in (("test", settings.test), ("validation", settings.validation)):
        if name in drawn:
            random = open_stream(seed, name)
            if whole and groups is not None:
                rows, held = hold_out_groups(rows, labels, groups, fraction, random)
                yield name, rows, held
                continue
            rows, held = hold_out(rows, labels, groups if stratified else None, fraction, random, stratified)
            yield name, rows, held


def number_copies(items: Sequence[Any]) -> np.ndarray:
    """A group number for each item, the same for equal items, int64 `[N]`."""
    numbers: dict[Any, int] = {}
    return np.fromiter((numbers.setdefault(item, len(numbers)) for item in items), np.int64, len(items))


def hold_out(
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    fraction: float,
    random: np.random.Generator,
    stratified: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay and the rows held out, both shuffled.

    Not stratified: the last fraction of the shuffled rows. Stratified: that fraction of each class, with whole groups,
    so that no copy of a held-out text is trained on. Of classes too small for a row of their own, that fraction of all
    their rows together, one row of a class, the larger ones first. Every class keeps at least one row.

    Args:
        rows: indices into `labels`, int64 `[M]`.
        labels: of all examples, int32 `[N]`, or 0 and 1 `[N, classes]`, which count as one class.
        groups: group number of each example, `[N]`; None: every example is its own group.
    """
    order = random.permutation(rows) if stratified else rows[random.permutation(len(rows))]
    if not stratified:
        kept = len(rows) - round(len(rows) * fraction)
        return order[:kept], order[kept:]
    strata = np.zeros(len(order), np.int64) if labels.ndim == 2 else labels[order].astype(np.int64)  # [M]
    group = order if groups is None else groups[order]  # [M]
    # place of each group's first row [G], group of each row [M], rows of each group [G]
    _, first, group_of, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    shuffled = np.argsort(first)  # the groups in shuffled order, [G]
    chosen = np.zeros(len(first), bool)  # groups held out, [G]
    small: list[tuple[int, np.ndarray]] = []  # rows of a class, and its groups of one row
    begins = strata[first[shuffled]]  # class in which each group begins, [G]
    by_class = np.argsort(begins, kind="stable")
    for stratum, rows_of_class in zip(*map(np.ndarray.tolist, np.unique(strata, return_counts=True)), strict=True):
        here = slice(*np.searchsorted(begins, (stratum, stratum + 1), sorter=by_class))
        mine = shuffled[by_class[here]]  # groups that begin in this class
        if fraction * rows_of_class < 1:
            small.append((rows_of_class, mine[sizes[mine] == 1]))
            continue
        most = min(round(fraction * rows_of_class), int(sizes[mine].sum()) - 1)  # rows to hold out
        mine = mine[sizes[mine] <= most]
        chosen[mine[np.cumsum(sizes[mine]) <= most]] = True
    chosen[_choose_of_small(small, fraction, first)] = True
    held_out = chosen[group_of]  # [M]
    return order[~held_out], order[held_out]


def _choose_of_small(small: list[tuple[int, np.ndarray]], fraction: float, first: np.ndarray) -> list[int]:
    """Groups of one row to hold out of classes too small for their fraction to be a row: the largest remainders.

    Args:
        small: for each class its number of rows, and its groups of one row in shuffled order.
        first: place of each group's first row in shuffled order, `[G]`, which breaks ties.
    """
    wanted = round(fraction * sum(rows for rows, _ in small if rows > 1))
    ranked = sorted(
        (-rows, int(first[groups[0]]), int(groups[0])) for rows, groups in small if rows > 1 and len(groups)
    )
    return [group for _, _, group in ranked[:wanted]]


def hold_out_groups(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, fraction: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay and the rows held out: of folds of whole groups, about that fraction, but one at least.

    Args:
        rows, labels, groups: see `hold_out`.
    """
    of = Fraction(fraction).limit_denominator(FOLDS)
    folds = max(min(max(of.denominator, round(1 / fraction)), len(np.unique(groups[rows]))), 1)
    fold_of = assign_folds(labels[rows], groups[rows], folds, random)
    held = fold_of < min(max(round(fraction * folds), 1), folds - 1)
    return rows[~held], rows[held]


def join_groups(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The smallest groups that hold whole groups of both, as numbers `[N]`, of numbers from 0 `[N]`."""
    found = one
    while True:
        joined = found
        for groups in (other, one):
            lowest = np.full(int(groups.max(initial=-1)) + 1, np.iinfo(np.int64).max)
            np.minimum.at(lowest, groups, joined)
            joined = lowest[groups]
        if np.array_equal(joined, found):
            return np.unique(joined, return_inverse=True)[1].astype(np.int64)
        found = joined


def assign_folds(labels: np.ndarray, groups: np.ndarray | None, folds: int, random: np.random.Generator) -> np.ndarray:
    """The fold of each example, int64 `[N]`: classes are spread evenly, groups stay whole.

    Args:
        labels, groups: see `hold_out`.
    """
    count = len(labels)
    strata = np.zeros(count, np.int64) if labels.ndim == 2 else labels.astype(np.int64)
    order = random.permutation(count)
    groups = np.arange(count) if groups is None else groups
    # [G], [N] and [G], as in `hold_out`
    _, first, group_of, sizes = np.unique(groups[order], return_index=True, return_inverse=True, return_counts=True)
    filled = np.zeros((strata.max(initial=0) + 1, folds), np.int64)  # rows by class and fold
    total = np.zeros(folds, np.int64)  # rows by fold
    chosen = np.zeros(len(first), np.int64)  # fold of each group, [G]
    for group in np.argsort(first):  # in shuffled order
        own = filled[strata[order[first[group]]]]
        fold = np.lexsort((total, own))[0]  # the one with the fewest rows of the class, then of all
        own[fold] += sizes[group]
        total[fold] += sizes[group]
        chosen[group] = fold
    fold_of = np.empty(count, np.int64)
    fold_of[order] = chosen[group_of]
    return fold_of

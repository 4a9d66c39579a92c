"""Which labelled examples are held out, once or in turn."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

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
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The test rows, then the validation rows, as far as each is among `drawn`: name, rows that are left, rows held
    out; training and `inspect` both take them from here.

    Args:
        labels, groups: of all examples, see `hold_out`; groups count only where the holdout is stratified.
    """
    rows, stratified = np.arange(len(labels)), settings.holdout == "stratified"
    for name, fraction in (("test", settings.test), ("validation", settings.validation)):
        if name in drawn:
            random = open_stream(seed, name)
            rows, held = hold_out(rows, labels, groups if stratified else None, fraction, random, stratified)
            yield name, rows, held


def number_copies(items: Sequence[Any]) -> np.ndarray:
    """A number for each item, the same for equal ones, int64 `[N]`: the groups that stay together."""
    numbers: dict[Any, int] = {}
    return np.fromiter((numbers.setdefault(item, len(numbers)) for item in items), np.int64, len(items))


def hold_out(
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    share: float,
    random: np.random.Generator,
    stratified: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay and the rows held out, both shuffled.

    Not stratified: the last share of the shuffled rows. Stratified: the share of each class, and rows of one group
    stay together, so that no copy of a held-out text is trained on. A class keeps at least one row.

    Args:
        rows: int64 `[M]`, places in `labels`.
        labels: of all examples, int32 `[N]`, or 0 and 1 `[N, classes]`, which are not stratified.
        groups: number of each example's group, `[N]`; None: every example is its own.
    """
    order = random.permutation(rows) if stratified else rows[random.permutation(len(rows))]
    if not stratified:
        kept = len(rows) - round(len(rows) * share)
        return order[:kept], order[kept:]
    strata = np.zeros(len(order), np.int64) if labels.ndim == 2 else labels[order].astype(np.int64)
    group = order if groups is None else groups[order]
    _, first, place, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    chosen = np.zeros(len(first), bool)  # by group
    by_place = np.argsort(first)  # groups in shuffled order
    for stratum in np.unique(strata):
        mine = by_place[strata[first[by_place]] == stratum]
        wanted = min(round(share * np.sum(strata == stratum)), int(sizes[mine].sum()) - 1)
        mine = mine[sizes[mine] <= wanted]
        before = np.cumsum(sizes[mine]) - sizes[mine]
        taken = before + sizes[mine] <= wanted
        chosen[mine[taken]] = True
    held_out = chosen[place]
    return order[~held_out], order[held_out]


def fold_rows(labels: np.ndarray, groups: np.ndarray | None, folds: int, random: np.random.Generator) -> np.ndarray:
    """The fold of each example, int64 `[N]`: each class is spread evenly, rows of one group stay together.

    Args:
        labels, groups: see `hold_out`.
    """
    count = len(labels)
    strata = np.zeros(count, np.int64) if labels.ndim == 2 else labels.astype(np.int64)
    order = random.permutation(count)
    groups = np.arange(count) if groups is None else groups
    _, first, place, sizes = np.unique(groups[order], return_index=True, return_inverse=True, return_counts=True)
    filled = np.zeros((strata.max(initial=0) + 1, folds), np.int64)  # rows by class and fold
    total = np.zeros(folds, np.int64)
    chosen = np.zeros(len(first), np.int64)
    for group in np.argsort(first):  # in shuffled order
        own = filled[strata[order[first[group]]]]
        fold = np.lexsort((total, own))[0]  # the emptiest of the class, then of all
        own[fold] += sizes[group]
        total[fold] += sizes[group]
        chosen[group] = fold
    found = np.empty(count, np.int64)
    found[order] = chosen[place]
    return found

"""Which labelled examples are held out."""

import numpy as np


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

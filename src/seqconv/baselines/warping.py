"""Dynamic time warping of many pairs at once, and the nearest neighbour under it."""

import numpy as np

MOST_CELLS = 4e9  # steps against steps of one channel that a baseline may compare
COLUMNS = 64  # sequences that are compared with others at once
BLOCK = 100_000  # values of one diagonal that are kept at a time: they stay in a core's cache
SHARES = (*range(21), 100)  # tried windows, in per cent of the length


def cost(counts: list[int], length: int, channels: int) -> float:
    """Cells to compare sequences of training, validation and test, learning the window included."""
    train, validation, test = counts
    learned = train * sum(min(2 * share / 100 + 1 / length, 1) for share in SHARES)
    return train * (validation + test + learned) * length**2 * (1 + channels) / 2


def warp(
    first: np.ndarray, second: np.ndarray, band: int, starts: np.ndarray | None = None, others: np.ndarray | None = None
) -> np.ndarray:
    """Distances `[A, B]`: the smallest sum of squared differences along a path through both sequences, its root.

    Args:
        first, second: float32 `[A, L, C]` and `[B, L, C]`; sequences end with step L.
        band: how far two steps that meet may lie apart.
        starts, others: where the sequences of `first` and of `second` begin, `[A]` and `[B]`; None: at 0.

    Reference: Sakoe and Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition".
    """
    ragged = starts is not None and others is not None and bool(starts.any() or others.any())
    if ragged:  # one padded step more, so that every pair has steps before both begin
        first, second = (np.pad(each, ((0, 0), (1, 0), (0, 0))) for each in (first, second))
    found = np.empty((len(first), len(second)), np.float32)
    rows = max(1, BLOCK // (min(first.shape[1], band + 1) * COLUMNS))
    for top in range(0, len(first), rows):
        for left in range(0, len(second), COLUMNS):
            down, across = slice(top, top + rows), slice(left, left + COLUMNS)
            begins = (starts[down] + 1, others[across] + 1) if ragged else None
            found[down, across] = _warp_block(first[down], second[across], band, begins)
    return np.sqrt(found)


def _warp_block(
    first: np.ndarray, second: np.ndarray, band: int, starts: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """Squared distances `[A, B]`; cells of one diagonal (steps i and k - i) are computed together."""
    (count, length, channels), others = first.shape, len(second)
    left = np.ascontiguousarray(first.transpose(2, 1, 0))[..., None]  # [C, L, A, 1]
    right = np.ascontiguousarray(second.transpose(2, 1, 0)[:, ::-1])[:, :, None]  # [C, L, 1, B], the last step first
    # sums of the newest three diagonals, by i + 1: the row before the first step is where nothing has been compared
    sums = np.full((3, length + 2, count, others), np.inf, np.float32)
    sums[1, 0] = 0  # the corner before the first cell
    scratch = np.empty((length, count, others), np.float32)
    for k in range(2 * length - 1):
        low, high = max(0, k - length + 1, -((band - k) // 2)), min(k, length - 1, (k + band) // 2)
        newest, before, older = sums[k % 3], sums[(k - 1) % 3], sums[(k - 2) % 3]
        size = high - low + 1
        if size > 0:
            cells = newest[low + 1 : high + 2]
            mirrored = slice(length - 1 - k + low, length - k + high)  # step k - i of the second
            cells[...] = np.square(left[0, low : high + 1] - right[0, mirrored])
            for channel in range(1, channels):
                np.subtract(left[channel, low : high + 1], right[channel, mirrored], out=scratch[:size])
                np.square(scratch[:size], out=scratch[:size])
                cells += scratch[:size]
            best = np.minimum(before[low : high + 1], before[low + 1 : high + 2], out=scratch[:size])
            np.minimum(best, older[low : high + 1], out=best)
            cells += best
            if starts is not None:
                _open_padding(cells, np.arange(low, high + 1), k, starts)
        newest[low], newest[high + 2] = np.inf, np.inf
    return sums[(2 * length - 2) % 3, length]


def _open_padding(cells: np.ndarray, steps: np.ndarray, k: int, starts: tuple[np.ndarray, np.ndarray]) -> None:
    """Nothing has been compared where both sequences are padded; where one is, no path leads."""
    padded = steps[:, None, None] < starts[0][:, None], (k - steps)[:, None, None] < starts[1]
    cells[padded[0] ^ padded[1]] = np.inf
    cells[padded[0] & padded[1]] = 0


def nearest(distances: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The distance to the nearest training sequence of each class, `[A, classes]`; far for a class without one.

    Args:
        distances: to the training sequences, `[A, B]`.
        inside: which of them are of each class, bool `[B, classes]`.
    """
    found = np.stack([distances[:, each].min(axis=1, initial=np.inf) for each in inside.T], axis=1)
    far = 1 + found.max(where=np.isfinite(found), initial=0)
    return np.where(np.isfinite(found), found, far)


def learn_band(train: np.ndarray, inside: np.ndarray) -> int:
    """The narrowest of the bands with the fewest errors when each training sequence is classified by the others.

    Args:
        train: float32 `[B, L, C]`.
        inside: their classes, bool `[B, classes]`.
    """
    length, truth = train.shape[1], inside.argmax(axis=1)

    def errors(band: int) -> int:
        distances = warp(train, train, band)
        np.fill_diagonal(distances, np.inf)
        return int(np.sum(nearest(distances, inside).argmin(axis=1) != truth))

    return min(sorted({-(-share * length // 100) for share in SHARES}), key=errors)

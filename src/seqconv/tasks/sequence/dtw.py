"""Dynamic time warping (DTW) of many pairs at once, and nearest neighbours under it."""

import numpy as np

MOST_CELLS = 4e9  # pairs of steps of one channel, to learn the window and again to predict
COLUMNS = 64  # sequences compared with others at once
BLOCK = 100_000  # values of one diagonal computed at a time, so that they stay in a core's cache
MOST_KEPT = 1_000_000  # values of one diagonal, those outside the band included
TOO_FAR = 1e12  # its square and sums of squares still fit into float32
WINDOWS = (*range(21), 100)  # windows to try, in per cent of the length


def bands(length: int) -> list[int]:
    """Windows to choose from, in steps: up to a fifth of the length, and the whole length."""
    return sorted({-(-window * length // 100) for window in WINDOWS})


def cost(pairs: int, length: int, channels: int) -> float:
    """Cost of comparing that many pairs, in cells of one channel."""
    return pairs * length**2 * (1 + channels) / 2


def affordable(length: int, channels: int) -> int:
    """How many training sequences the window may be learned on."""
    fractions = sum(min((2 * band + 1) / length, 1) for band in bands(length))
    return int((MOST_CELLS / cost(1, length, channels) / fractions / min(channels, 2)) ** 0.5)


def pairwise_distances(
    first: np.ndarray, starts: np.ndarray, second: np.ndarray, others: np.ndarray, band: int
) -> np.ndarray:
    """DTW distances `[A, B]`: the root of the smallest sum of squared differences along a path through both sequences.

    Args:
        first, second: float32 `[A, L, C]` and `[B, L, C]`; every sequence ends at step L.
        starts, others: steps at which the sequences of `first` and of `second` begin, `[A]` and `[B]`.
        band: by how many steps two aligned steps may differ at most.

    Reference: Sakoe and Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition".
    """
    if starts.any() or others.any():
        first, second = _mark_padding(first, starts), _mark_padding(second, others)
    found = np.empty((len(first), len(second)), np.float32)
    length = first.shape[1]
    rows = max(1, min(BLOCK // min(length, band + 1), MOST_KEPT // length) // COLUMNS)
    for top in range(0, len(first), rows):
        for left in range(0, len(second), COLUMNS):
            down, across = slice(top, top + rows), slice(left, left + COLUMNS)
            found[down, across] = _block_distances(first[down], second[across], band)
    return np.asarray(np.sqrt(found))


def _mark_padding(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """One more padded step in front, and a channel that marks padding.

    Aligning padding with padding costs nothing, and with a real step too much: every path runs through the padding of
    both to the corner before their first steps. There is such a corner because both have a padded step.
    """
    padded = np.zeros((len(values), values.shape[1] + 1, values.shape[2] + 1), np.float32)
    padded[:, 1:, :-1] = values
    padded[..., -1] = TOO_FAR * (np.arange(padded.shape[1]) <= starts[:, None])
    return padded


def _block_distances(first: np.ndarray, second: np.ndarray, band: int) -> np.ndarray:
    """Squared distances `[A, B]`; the cells of one diagonal (steps i and k - i) are computed together."""
    (count, length, channels), others = first.shape, len(second)
    left = np.ascontiguousarray(first.transpose(2, 1, 0))[..., None]  # [C, L, A, 1]
    right = np.ascontiguousarray(second.transpose(2, 1, 0)[:, ::-1])[:, :, None]  # [C, L, 1, B], the last step first
    # sums of the last three diagonals, by i + 1: the row before the first step is where nothing has been compared
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
        newest[low], newest[high + 2] = np.inf, np.inf
    return np.asarray(sums[(2 * length - 2) % 3, length])


def nearest_by_class(distances: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The distance to the nearest training sequence of each class, `[A, classes]`; large for a class without one.

    Args:
        distances: to the training sequences, `[A, B]`.
        inside: which of them are of each class, bool `[B, classes]`.
    """
    found = np.stack([distances[:, each].min(axis=1, initial=np.inf) for each in inside.T], axis=1)
    far = 1 + found.max(where=np.isfinite(found), initial=0)
    return np.where(np.isfinite(found), found, far)


def count_errors(values: np.ndarray, starts: np.ndarray, inside: np.ndarray, band: int) -> int:
    """Leave-one-out errors: training sequences whose nearest neighbour is of another class."""
    distances = _distances_to_others(values, starts, band)
    return int(np.sum(nearest_by_class(distances, inside).argmin(axis=1) != inside.argmax(axis=1)))


def add_squared_errors(values: np.ndarray, starts: np.ndarray, numbers: np.ndarray, band: int) -> float:
    """The sum of squared leave-one-out errors of numbers `[N, 1]`: each is predicted to be that of its neighbour."""
    nearest = _distances_to_others(values, starts, band).argmin(axis=1)
    return float(np.square(numbers[nearest] - numbers).sum())


def _distances_to_others(values: np.ndarray, starts: np.ndarray, band: int) -> np.ndarray:
    distances = pairwise_distances(values, starts, values, starts, band)
    np.fill_diagonal(distances, np.inf)
    return distances

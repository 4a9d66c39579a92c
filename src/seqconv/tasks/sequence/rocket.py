"""Random convolutional kernels and two features of each: the fraction of positive values, and the maximum."""

from typing import NamedTuple

import numpy as np

from seqconv import _native

KERNELS = 10_000
FEWEST_KERNELS = 100
LENGTHS = (7, 9, 11)
MOST_PRODUCTS = 2e11  # of all convolutions together
MOST_VALUES = 20_000_000  # of the training rows' features
MOST_SOLVED = 2000  # rows or features, whichever are fewer: fitting the classifier takes time cubic in them
BLOCK = 500_000  # outputs of one convolution kept at a time


class Kernels(NamedTuple):
    """O kernels of one length, dilation and padding (on both sides).

    Args:
        weights: float32 `[K, C, O]`, zero where a kernel does not read a channel.
        bias: float32 `[O]`.
    """

    weights: np.ndarray
    bias: np.ndarray
    dilation: int
    padding: int


def affordable(rows: int, total: int, length: int, channels: int) -> int:
    """How many kernels a baseline may use.

    Args:
        rows: training sequences.
        total: sequences of all splits together.
    """
    products = total * length * channels * float(np.mean(LENGTHS))  # of one kernel
    most = min(MOST_PRODUCTS / products, MOST_VALUES / (2 * rows))
    if rows > MOST_SOLVED:
        most = min(most, MOST_SOLVED / 2)
    return int(min(max(most, FEWEST_KERNELS), KERNELS))


def draw_kernels(count: int, length: int, channels: int, random: np.random.Generator) -> list[Kernels]:
    """Random kernels for sequences of that length, grouped by what can run in one call.

    Reference: Dempster, Petitjean and Webb 2020, arXiv:1910.13051, section 3.1; the number of channels of a kernel as
    in the authors' code for many channels: two to the power of a uniform number.
    """
    sizes = random.choice([size for size in LENGTHS if size <= length] or [length], count)
    longest = np.log2(np.maximum((length - 1) / np.maximum(sizes - 1, 1), 1))
    dilations = (2 ** random.uniform(0, longest)).astype(np.int64)
    paddings = random.integers(0, 2, count) * ((sizes - 1) * dilations // 2)
    shapes, place = np.unique(np.stack([sizes, dilations, paddings], axis=1), axis=0, return_inverse=True)
    found = []
    for (size, dilation, padding), number in zip(shapes, np.bincount(place.reshape(-1)), strict=True):
        weights = random.normal(size=(size, channels, number))
        weights -= weights.mean(axis=0)
        read = (2 ** random.uniform(0, np.log2(min(channels, size) + 1), number)).astype(np.int64)
        weights[:, random.random((channels, number)).argsort(axis=0) >= read] = 0
        bias = random.uniform(-1, 1, number)
        found.append(Kernels(weights.astype(np.float32), bias.astype(np.float32), int(dilation), int(padding)))
    return found


def pack(kernels: list[Kernels]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Width, dilation, padding and number of kernels of each group, int64 `[G, 4]`; all weights, flat; all biases."""
    groups = [(len(each.weights), each.dilation, each.padding, len(each.bias)) for each in kernels]
    weights = np.concatenate([each.weights.ravel() for each in kernels])
    return np.array(groups), weights, np.concatenate([each.bias for each in kernels])


def unpack(groups: np.ndarray, weights: np.ndarray, biases: np.ndarray, channels: int) -> list[Kernels]:
    """The kernels that `pack` was given."""
    sizes, numbers = groups[:, 0] * channels * groups[:, 3], groups[:, 3]
    parts = np.split(weights, np.cumsum(sizes)[:-1]), np.split(biases, np.cumsum(numbers)[:-1])
    return [
        Kernels(flat.reshape(width, channels, number), bias, dilation, padding)
        for (width, dilation, padding, number), flat, bias in zip(groups.tolist(), *parts, strict=True)
    ]


def check_groups(groups: np.ndarray, length: int, channels: int, values: int, kernels: int) -> None:
    """Check that packed groups are of that many weights and kernels, as `draw_kernels` makes them for such sequences.

    Raises:
        ValueError: they are not.
    """
    # float64: products of damaged numbers must not overflow
    width, dilation, padding, number = groups.T.astype(np.float64)
    span = (width - 1) * dilation
    if (np.minimum(np.minimum(width, dilation), number) < 1).any() or (span >= length).any() or (padding > span).any():
        raise ValueError(f"groups must be of kernels within {length} steps; they are not")
    if (width * channels * number).sum() != values or number.sum() != kernels:
        raise ValueError(f"groups must be of {values} weights and {kernels} biases; they are not")


def transform(values: np.ndarray, starts: np.ndarray, kernels: list[Kernels]) -> np.ndarray:
    """Features float32 `[N, 2 * kernels]`: for each group the fractions of positive values, then the maxima.

    Zeros where a sequence is too short for a kernel.

    Args:
        values: float32 `[N, L, C]`; the sequence of row n begins at step `starts[n]`.
    """
    found = np.empty((len(values), 2 * sum(len(each.bias) for each in kernels)), np.float32)
    first = 0
    for each in kernels:
        number = len(each.bias)
        padded = np.pad(values, ((0, 0), (each.padding, each.padding), (0, 0)))
        steps = padded.shape[1] - (len(each.weights) - 1) * each.dilation
        block = max(1, BLOCK // (steps * number))
        for low in range(0, len(values), block):
            rows = slice(low, low + block)
            part = found[rows, first : first + 2 * number]
            _convolve(padded[rows], starts[rows], each, part[:, :number], part[:, number:])
        first += 2 * number
    return found


def _convolve(padded: np.ndarray, starts: np.ndarray, each: Kernels, fractions: np.ndarray, maxima: np.ndarray) -> None:
    steps = padded.shape[1] - (len(each.weights) - 1) * each.dilation
    y = np.empty((len(padded), steps, len(each.bias)), np.float32)
    _native.conv_forward(padded, each.weights, each.bias, y, None, each.dilation, 0, False, 1, 1)
    if starts.any():  # windows that begin in the padding before a short sequence, beyond the kernel's own
        y[np.arange(steps) < starts[:, None]] = -np.inf
    maxima[...] = y.max(axis=1)
    above = np.ones((1, steps), np.float32) @ (y > 0).astype(np.float32)  # a product: three times as fast as a sum
    np.divide(above[:, 0], np.maximum(steps - starts, 1)[:, None], out=fractions, casting="same_kind")
    maxima[steps <= starts] = 0

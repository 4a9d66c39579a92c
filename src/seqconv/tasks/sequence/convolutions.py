"""Features of random convolution kernels that are never trained: MultiRocket and Hydra."""

from dataclasses import dataclass

import numpy as np

from seqconv import _native

WIDTH = 9  # taps of a kernel
KERNELS = 84  # ways to choose three of the taps, which are 2 instead of -1
POOLS = 4
MOST_DILATIONS = 32
MOST_CHANNELS = 9  # that one kernel adds up
GROUP = 8  # Hydra: kernels that compete
_GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass(frozen=True)
class MultiRocket:
    """Kernels with their biases.

    Args:
        dilations: int64 `[D]`.
        bias_counts: of each kernel at each dilation, int64 `[D]`.
        biases: float32 `[sum of 84 * bias_counts]`.
        channels: those that each kernel adds up, one kernel after the other, int32.
        channel_counts: int32 `[D, 84]`.
    """

    dilations: np.ndarray
    bias_counts: np.ndarray
    biases: np.ndarray
    channels: np.ndarray
    channel_counts: np.ndarray

    @property
    def count(self) -> int:
        """The number of features."""
        return POOLS * len(self.biases)

    def transform(self, x: np.ndarray, starts: np.ndarray, threads: int) -> np.ndarray:
        """Features float32 `[N, count]` of sequences x float32 `[N, C, L]` that begin at steps `starts`."""
        found = np.empty((len(x), self.count), np.float32)
        arrays = (self.dilations, self.bias_counts, self.biases, self.channels, self.channel_counts)
        _native.multirocket(x, starts, *arrays, found, threads)
        return found


def fit_multirocket(
    x: np.ndarray, starts: np.ndarray, features: int, random: np.random.Generator, threads: int
) -> MultiRocket:
    """Dilations, channels and biases; a bias is a quantile of a kernel's values on a training sequence.

    Args:
        x: float32 `[N, C, L]`.
        starts: step at which each sequence begins, int64 `[N]`.
        features: about how many to make, without the four ways to pool.

    Reference: Dempster, Schmidt and Webb 2021, arXiv:2012.08791, section 3; several channels as in its appendix.
    """
    channels, length = x.shape[1:]
    dilations, counts = choose_dilations(int(length - np.median(starts)), max(features // KERNELS, 1))
    kernels = len(dilations) * KERNELS
    read, read_counts = draw_channels(channels, MOST_CHANNELS, kernels, random)
    arrays = (read, read_counts.reshape(len(dilations), KERNELS))
    rows = random.integers(len(x), size=(len(dilations), KERNELS))
    quantiles = (np.arange(1, KERNELS * counts.sum() + 1) * _GOLDEN) % 1
    biases = np.empty(len(quantiles), np.float32)
    _native.multirocket_biases(x, starts, dilations, counts, rows, quantiles, *arrays, biases, threads)
    return MultiRocket(dilations, counts, biases, *arrays)


def choose_dilations(length: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Dilations, spread over powers of two, and the number of features of a kernel at each, int64 `[D]`."""
    most = min(features, MOST_DILATIONS)
    top = np.log2(max((length - 1) / (WIDTH - 1), 1))
    dilations, times = np.unique(np.logspace(0, top, most, base=2).astype(np.int64), return_counts=True)
    counts = times * features // most
    counts[: features - counts.sum()] += 1
    return dilations, counts.astype(np.int64)


def draw_channels(channels: int, most: int, kernels: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The channels that each kernel adds up, one kernel after the other, and how many each has, both int32."""
    if channels == 1:
        return np.zeros(kernels, np.int32), np.ones(kernels, np.int32)
    counts = (2 ** random.uniform(0, np.log2(min(channels, most) + 1), kernels)).astype(np.int32)
    chosen = [random.choice(channels, count, replace=False) for count in counts]
    return np.concatenate(chosen).astype(np.int32), counts


@dataclass(frozen=True)
class Hydra:
    """Groups of kernels that compete at each step.

    Args:
        dilations: int64 `[D]`.
        weights: float32 `[D, groups, 9, 8]`.
        channels: those that each group adds up, one group after the other, int32.
        channel_counts: int32 `[D, groups]`.
    """

    dilations: np.ndarray
    weights: np.ndarray
    channels: np.ndarray
    channel_counts: np.ndarray

    @property
    def count(self) -> int:
        """The number of features."""
        return int(len(self.dilations) * self.weights.shape[1] * 2 * GROUP)

    def transform(self, x: np.ndarray, starts: np.ndarray, threads: int) -> np.ndarray:
        """Square roots of the counts, float32 `[N, count]`; see `MultiRocket.transform`."""
        found = np.empty((len(x), len(self.dilations), self.weights.shape[1], 2, GROUP), np.float32)
        _native.hydra(x, starts, self.dilations, self.weights, self.channels, self.channel_counts, found, threads)
        return np.sqrt(np.maximum(found, 0, out=found), out=found).reshape(len(x), -1)


def draw_hydra(length: int, channels: int, groups: int, random: np.random.Generator) -> Hydra:
    """Random kernels for sequences of that length.

    Reference: Dempster, Schmidt and Webb 2023, arXiv:2203.13652, section 3.
    """
    top = int(np.log2(max((length - 1) / (WIDTH - 1), 1)))
    dilations = 2 ** np.arange(top + 1, dtype=np.int64)
    weights = random.standard_normal((len(dilations), groups, GROUP, WIDTH))
    weights -= weights.mean(axis=-1, keepdims=True)
    weights /= np.abs(weights).sum(axis=-1, keepdims=True)
    read, counts = draw_channels(channels, GROUP, len(dilations) * groups, random)
    packed = np.ascontiguousarray(weights.swapaxes(2, 3), np.float32)
    return Hydra(dilations, packed, read, counts.reshape(len(dilations), groups))

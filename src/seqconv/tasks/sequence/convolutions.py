"""Features of random convolution kernels that are never trained: MultiRocket and Hydra."""

from dataclasses import dataclass

import numpy as np

from seqconv import _native
from seqconv.tasks.sequence.views import View

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
        view: what they read of a sequence, see `views`.
        pools: features of each bias: 4, or 1, the fraction of values above it (MiniRocket).
        dilations: int64 `[D]`.
        bias_counts: of each kernel at each dilation, int64 `[D]`.
        biases: float32 `[sum of 84 * bias_counts]`.
        channels: those that each kernel adds up, one kernel after the other, int32.
        channel_counts: int32 `[D, 84]`.
    """

    view: int
    pools: int
    dilations: np.ndarray
    bias_counts: np.ndarray
    biases: np.ndarray
    channels: np.ndarray
    channel_counts: np.ndarray

    @property
    def count(self) -> int:
        """The number of features."""
        return self.pools * len(self.biases)

    def transform(self, seen: View, threads: int) -> np.ndarray:
        """Features float32 `[N, count]`."""
        found = np.empty((len(seen.values), self.count), np.float32)
        arrays = (self.dilations, self.bias_counts, self.biases, self.channels, self.channel_counts)
        _native.multirocket(*seen, *arrays, found, threads)
        return found


def fit_multirocket(
    view: int, seen: View, biases: int, pools: int, random: np.random.Generator, threads: int
) -> MultiRocket:
    """Dilations, channels and biases; a bias is a quantile of a kernel's values on a training sequence.

    Args:
        seen: that view of the training sequences.
        biases: about how many.

    Reference: Dempster, Schmidt and Webb 2021, arXiv:2012.08791, section 3; several channels as in its appendix.
    """
    dilations, counts = choose_dilations(int(seen.length - np.median(seen.starts)), max(biases // KERNELS, 1))
    shape = (len(dilations), KERNELS)
    read, read_counts = draw_channels(seen.channels, MOST_CHANNELS, len(dilations) * KERNELS, random)
    channels = (read, read_counts.reshape(shape))
    rows = random.integers(len(seen.values), size=shape)
    quantiles = (np.arange(1, KERNELS * counts.sum() + 1) * _GOLDEN) % 1
    found = np.empty(len(quantiles), np.float32)
    _native.multirocket_biases(*seen, dilations, counts, rows, quantiles, *channels, found, threads)
    return MultiRocket(view, pools, dilations, counts, found, *channels)


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
        view: what they read of a sequence, see `views`.
        dilations: int64 `[D]`.
        weights: float32 `[D, groups, 9, 8]`.
        channels: those that each group adds up, one group after the other, int32.
        channel_counts: int32 `[D, groups]`.
    """

    view: int
    dilations: np.ndarray
    weights: np.ndarray
    channels: np.ndarray
    channel_counts: np.ndarray

    @property
    def count(self) -> int:
        """The number of features."""
        return int(len(self.dilations) * self.weights.shape[1] * 2 * GROUP)

    def transform(self, seen: View, threads: int) -> np.ndarray:
        """Square roots of the counts, float32 `[N, count]`."""
        found = np.empty((len(seen.values), len(self.dilations), self.weights.shape[1], 2, GROUP), np.float32)
        _native.hydra(*seen, self.dilations, self.weights, self.channels, self.channel_counts, found, threads)
        return np.sqrt(np.maximum(found, 0, out=found), out=found).reshape(len(found), -1)


def draw_hydra(view: int, seen: View, groups: int, random: np.random.Generator) -> Hydra:
    """Random kernels for sequences as long as those of a view.

    Reference: Dempster, Schmidt and Webb 2023, arXiv:2203.13652, section 3.
    """
    top = int(np.log2(max((seen.length - 1) / (WIDTH - 1), 1)))
    dilations = 2 ** np.arange(top + 1, dtype=np.int64)
    weights = random.standard_normal((len(dilations), groups, GROUP, WIDTH))
    weights -= weights.mean(axis=-1, keepdims=True)
    weights /= np.abs(weights).sum(axis=-1, keepdims=True)
    read, counts = draw_channels(seen.channels, GROUP, len(dilations) * groups, random)
    packed = np.ascontiguousarray(weights.swapaxes(2, 3), np.float32)
    return Hydra(view, dilations, packed, read, counts.reshape(len(dilations), groups))

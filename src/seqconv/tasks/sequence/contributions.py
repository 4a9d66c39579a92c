"""What each step of a sequence contributes to a linear function of pooled features, exactly."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from seqconv.networks.threads import count_threads
from seqconv.tasks.sequence.convolutions import GROUP, WIDTH, Hydra, MultiRocket
from seqconv.tasks.sequence.intervals import Quantiles
from seqconv.tasks.sequence.ridge_blend import Part, RidgeBlend
from seqconv.tasks.sequence.views import DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM, View

TAPS = np.array(list(combinations(range(WIDTH), 3)))  # of each kernel those that are 2 instead of -1
HALF = WIDTH // 2


class Contributions(NamedTuple):
    """The margin of each output, step by step.

    Args:
        steps: of each channel, float64 `[outputs, C, L]`.
        spectrum: of each channel's frequencies, which belong to all steps together, `[outputs, C]`.
        constant: the rest: what an average training sequence gets; of models of earlier versions the bias; `[outputs]`.
    """

    steps: np.ndarray
    spectrum: np.ndarray
    constant: np.ndarray


def decompose(model: RidgeBlend, seen: View) -> Contributions:
    """The contributions to each output for one sequence; they and the constant add up to it.

    A feature counts by how far it is from its mean over the training sequences. What it is in this sequence belongs to
    the steps that it pools (values above a bias, the longest run of them, steps that a kernel wins, values at a
    quantile), and a value of a kernel to the steps under its taps in equal parts; its mean to all steps alike.

    Args:
        seen: the steps of the sequence, as the model reads them.
    """
    channels, length = seen.channels, seen.length
    start = int(seen.starts[0])
    outputs = model.weights.shape[1]
    steps, spectrum = np.zeros((outputs, channels, length)), np.zeros((outputs, channels))
    parts = model.parts
    bounds = np.cumsum([0, *(part.count for part in parts)])
    weights = model.weights.T.astype(np.float64)  # [outputs, F]
    for part, first, last in zip(parts, bounds[:-1], bounds[1:], strict=True):
        view = seen.see(part.view)
        x = view.values[0, :, view.starts[0] :].astype(np.float64)
        features = part.transform(view, count_threads(0))[0].astype(np.float64)
        found = _spread(part, x, weights[:, first:last], features, model.centre[first:last].astype(np.float64))
        if part.view == SPECTRUM and length > 1:
            spectrum += found.sum(axis=2)
        else:
            steps[..., start:] += _to_steps(found, part.view, length - start)
    return Contributions(steps, spectrum, model.bias + weights @ model.centre.astype(np.float64))


def _to_steps(found: np.ndarray, view: int, length: int) -> np.ndarray:
    """Contributions of a view's steps `[outputs, C, V]` as those of the sequence's `[outputs, C, length]`: half of a
    difference belongs to each of its two steps."""
    times = {DIFFERENCES: 1, SECOND_DIFFERENCES: 2}.get(view, 0)
    for _ in range(min(times, length - found.shape[2])):
        found = (np.pad(found, ((0, 0), (0, 0), (0, 1))) + np.pad(found, ((0, 0), (0, 0), (1, 0)))) / 2
    return found


def _spread(part: Part, x: np.ndarray, weights: np.ndarray, features: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """What each step of a view `[C, V]` contributes, `[outputs, C, V]`."""
    if isinstance(part, Quantiles):
        return _spread_quantiles(part, x, weights, features, centre)
    found, read, place = np.zeros((len(weights), *x.shape)), _read_channels(part), 0
    for number, dilation in enumerate(part.dilations.tolist()):
        for kernel in range(part.channel_counts.shape[1]):
            own = next(read)
            total, values = x[own].sum(axis=0), (weights, features, place)
            if isinstance(part, MultiRocket):
                line, used = _pool_rocket(part, (number, kernel), total, values)
            else:
                line, used = _pool_hydra(part, (number, kernel), total, values)
            even = -(weights[:, place : place + used] @ centre[place : place + used]) / x.shape[1]
            found[:, own] += ((_spread_taps(line, dilation) + even[:, None]) / len(own))[:, None]
            place += used
    return found


def _read_channels(part: MultiRocket | Hydra) -> Iterator[np.ndarray]:
    """The channels that each kernel or group reads, one after the other."""
    return iter(np.split(part.channels, np.cumsum(part.channel_counts.ravel())[:-1]))


def _spread_taps(line: np.ndarray, dilation: int) -> np.ndarray:
    """Contributions of the values of a kernel `[outputs, V]`, by the steps under its taps in equal parts."""
    count = line.shape[1]
    shifts = [shift for tap in range(-HALF, HALF + 1) if abs(shift := tap * dilation) < count]
    inside, found = np.zeros(count), np.zeros_like(line)
    for shift in shifts:
        inside[max(-shift, 0) : count - max(shift, 0)] += 1
    each = line / inside
    for shift in shifts:
        found[:, max(shift, 0) : count + min(shift, 0)] += each[:, max(-shift, 0) : count - max(shift, 0)]
    return found


Own = tuple[np.ndarray, np.ndarray, int]  # weights [outputs, F] and features of a part, and the place of the first one


def _shift(total: np.ndarray, dilation: int) -> np.ndarray:
    """The values under each tap, zero outside, `[9, V]`."""
    around = np.pad(total, HALF * dilation)
    return np.stack([around[tap * dilation : tap * dilation + len(total)] for tap in range(WIDTH)])


def _pool_rocket(part: MultiRocket, where: tuple[int, int], total: np.ndarray, own: Own) -> tuple[np.ndarray, int]:
    """What each value of one kernel contributes by its features, `[outputs, V]`, and how many features it has."""
    (number, kernel), (weights, features, place) = where, own
    dilation, count = int(part.dilations[number]), int(part.bias_counts[number])
    shifted, edge = _shift(total, dilation), HALF * dilation
    y = 3 * shifted[TAPS[kernel]].sum(axis=0) - shifted.sum(axis=0)
    inner = np.ones(len(y), bool)
    if (kernel + number) % 2 and len(y) > 2 * edge:  # without padding
        inner[:edge] = inner[len(y) - edge :] = False
    first = place // part.pools
    above = (y > part.biases[first : first + count, None]) & inner
    used = count * part.pools
    shares = [above, above * (y - part.biases[first : first + count, None]), above, _find_runs(above)]
    masses = np.stack(shares[: part.pools], axis=1).reshape(used, -1).astype(np.float64)
    return _share_out(masses, inner, weights[:, place : place + used] * features[place : place + used]), used


def _find_runs(above: np.ndarray) -> np.ndarray:
    """The longest run of each row, bool like `above` `[N, V]`."""
    places = np.arange(above.shape[1])
    runs = places - np.maximum.accumulate(np.where(above, -1, places), axis=1)
    ends = runs.argmax(axis=1)[:, None]
    return np.asarray((places <= ends) & (places > ends - runs.max(axis=1, keepdims=True)))


def _share_out(masses: np.ndarray, inner: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values `[outputs, N]` shared out by masses `[N, V]`, evenly where there are none: their sums, `[outputs, V]`."""
    sums = masses.sum(axis=1)
    known = sums > 0
    rest = values[:, ~known].sum(axis=1, keepdims=True) / inner.sum()
    return np.asarray((values[:, known] / sums[known]) @ masses[known] + rest * inner)


def _pool_hydra(part: Hydra, where: tuple[int, int], total: np.ndarray, own: Own) -> tuple[np.ndarray, int]:
    """The same of one group of kernels, at whose steps the largest and the smallest value win."""
    (number, group), (weights, features, place) = where, own
    shifted = _shift(total, int(part.dilations[number]))
    y = part.weights[number, group].T.astype(np.float64) @ shifted  # [8, V]
    kernels = np.arange(GROUP)[:, None]
    most = (kernels == y.argmax(axis=0)) * np.maximum(y.max(axis=0), 0)
    masses = np.concatenate([most, kernels == y.argmin(axis=0)])
    used = 2 * GROUP
    return _share_out(
        masses, np.ones(len(total), bool), weights[:, place : place + used] * features[place : place + used]
    ), used


def _spread_quantiles(
    part: Quantiles, x: np.ndarray, weights: np.ndarray, features: np.ndarray, centre: np.ndarray
) -> np.ndarray:
    """A quantile belongs to the one or two steps with these values, and a mean to all steps of its interval."""
    outputs, (channels, length) = len(weights), x.shape
    found = np.zeros((outputs, channels, length))
    own = weights.reshape(outputs, channels, -1)
    rest = (weights * (features - centre)).reshape(outputs, channels, -1).sum(axis=2)
    place = 0
    for begin, end, number in part.intervals():
        first, last = part.locate(begin, end, length)
        order = np.argsort(x[:, first:last], axis=1, kind="stable") + first
        places = np.linspace(0, last - first - 1, number) if number > 1 else np.array([(last - first - 1) / 2])
        below = places.astype(np.int64)
        above, upper = np.minimum(below + 1, last - first - 1), places - below
        for channel, ranked in enumerate(order):
            w = own[:, channel, place : place + number]
            np.add.at(found[:, channel].T, ranked[below], (w * (1 - upper) * x[channel, ranked[below]]).T)
            np.add.at(found[:, channel].T, ranked[above], (w * upper * x[channel, ranked[above]]).T)
            even = w[:, 1::2].sum(axis=1, keepdims=True)
            found[:, channel, first:last] -= even * x[channel, first:last] / (last - first)
        place += number
    # what they are on average, and rounding
    return np.asarray(found + ((rest - found.sum(axis=2)) / length)[..., None])

"""MiniRocket and MultiRocket as operators of ONNX, which round as the kernels do: counts are the same."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from seqconv.networks.graphs.graph import Graph
from seqconv.tasks.sequence.convolutions import KERNELS, WIDTH, MultiRocket
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.sequence.views import DIFFERENCES, STEPS

TAPS = np.array([*combinations(range(WIDTH), 3)])  # those that are 2 of each kernel, [84, 3]
DRAWN = (STEPS, DIFFERENCES)  # views without a Fourier transform, which rounds in its own way everywhere


class DrawnView(NamedTuple):
    """A `View` of sequences in a graph.

    Args:
        values: float32 `[B, C, L]`.
        starts: the first step of each, float32 `[B, 1, 1]`.
        length: L.
    """

    graph: Graph
    values: str
    starts: str
    length: int

    @property
    def is_real(self) -> str:
        """Whether each step belongs to the sequence, bool `[B, 1, L]`."""
        return self.graph.add("GreaterOrEqual", np.arange(self.length, dtype=np.float32), self.starts)

    def see(self, view: int) -> "DrawnView":
        """See `View.see`."""
        if view == STEPS or self.length == 1:
            return self
        graph, length = self.graph, self.length - 1
        changes = graph.add("Sub", graph.cut(self.values, 2, 1), graph.cut(self.values, 2, 0, length))
        real = graph.cast(graph.cut(self.is_real, 2, 0, length), np.float32)
        starts = graph.add("Min", self.starts, np.float32(length - 1))
        return DrawnView(graph, graph.add("Mul", changes, real), starts, length)


def read_view(graph: Graph, network: str, features: SequenceFeatures) -> DrawnView:
    """The steps of what a network reads, float32 `[B, L, C]`, with the mask channel if there is one."""
    channels, length = len(features.channels), features.length
    values = graph.add("Transpose", graph.cut(network, 2, 0, channels), perm=[0, 2, 1])
    if not features.masked:
        return DrawnView(graph, values, graph.constant(np.zeros((1, 1, 1), np.float32)), length)
    steps = graph.add("Max", graph.reduce("ReduceSum", graph.cut(network, 2, channels), 1, keep=True), np.float32(1))
    return DrawnView(graph, values, graph.add("Sub", np.float32(length), steps), length)


def draw_rockets(seen: DrawnView, rockets: Sequence[MultiRocket]) -> str:
    """The features of each, one after the other, float32 `[B, F]`."""
    found = []
    for rocket in rockets:
        own, first, read = seen.see(rocket.view), 0, 0
        for place, (dilation, count) in enumerate(zip(rocket.dilations, rocket.bias_counts, strict=True)):
            biases = rocket.biases[first : first + KERNELS * count].reshape(1, KERNELS, count, 1)
            counts = rocket.channel_counts[place]
            channels = np.split(rocket.channels[read : read + counts.sum()], np.cumsum(counts)[:-1])
            first, read = first + KERNELS * int(count), read + int(counts.sum())
            if count:
                whole = (np.arange(KERNELS) + place) % 2 == 0
                values = _convolve(own, int(dilation), channels)
                found.append(_pool(own, values, biases, _find_steps(own, int(dilation), whole), rocket.pools))
    return seen.graph.join(found, 1)


def _convolve(seen: DrawnView, dilation: int, channels: Sequence[np.ndarray]) -> str:
    """The values of each kernel at each step, `[B, 84, L]`."""
    graph, count = seen.graph, max(int(each.max()) for each in channels) + 1
    values = graph.add("Gather", seen.values, np.arange(count), axis=1)
    padded = graph.add("Pad", values, np.array([0, 0, 4 * dilation] * 2))
    taps = [graph.cut(padded, 2, tap * dilation, tap * dilation + seen.length) for tap in range(WIDTH)]
    sums = taps[0]
    for tap in taps[1:]:
        sums = graph.add("Add", sums, tap)
    stacked, found = graph.join(taps, 1), ""  # [B, 9 * channels, L]
    for number in range(max(map(len, channels))):
        has = np.array([len(each) > number for each in channels])
        row = np.array([each[number] if more else 0 for each, more in zip(channels, has, strict=True)])
        one, two, three = (graph.add("Gather", stacked, TAPS[:, place] * count + row, axis=1) for place in range(3))
        three_taps = graph.add("Add", graph.add("Add", one, two), three)
        # float64 rounds once, as a fused multiply-add does
        tripled = graph.add("Mul", graph.cast(three_taps, np.float64), np.float64(3))
        own_sums = graph.cast(graph.add("Gather", sums, row, axis=1), np.float64)
        value = graph.cast(graph.add("Sub", tripled, own_sums), np.float32)
        if not has.all():
            value = graph.add("Mul", value, has.astype(np.float32)[:, None])
        found = graph.add("Add", found, value) if found else value
    return found


class _Steps(NamedTuple):
    """Where values of a kernel count: from `first` `number` steps, float32 `[B, 84, 1]`; `inside`, `[B, 84, L]`."""

    first: str
    number: str
    inside: str


def _find_steps(seen: DrawnView, dilation: int, whole: np.ndarray) -> _Steps:
    graph, edge = seen.graph, 4 * dilation
    length = graph.add("Sub", np.float32(seen.length), seen.starts)
    fits = graph.cast(graph.add("Greater", length, np.float32(2 * edge)), np.float32)
    cut = graph.add("Mul", fits, np.where(whole, 0, edge).astype(np.float32)[:, None])
    first = graph.add("Add", seen.starts, cut)
    last = graph.add("Sub", np.float32(seen.length), cut)
    steps = np.arange(seen.length, dtype=np.float32)
    inside = graph.add("And", graph.add("GreaterOrEqual", steps, first), graph.add("Less", steps, last))
    return _Steps(first, graph.add("Sub", last, first), inside)


def _pool(seen: DrawnView, values: str, biases: np.ndarray, steps: _Steps, pools: int) -> str:
    """The features of each bias of each kernel, `[B, 84 * biases * pools]`."""
    graph = seen.graph
    first, count, inside, wide = (
        graph.add("Unsqueeze", each, np.array([2])) for each in (steps.first, steps.number, steps.inside, values)
    )
    above = graph.add("And", graph.add("Greater", wide, biases), inside)  # [B, 84, biases, L]
    number = graph.cast(above, np.float32)
    total = graph.reduce("ReduceSum", number, 3, keep=True)
    found = [graph.add("Div", total, count)]
    if pools > 1:
        some, several = graph.add("Greater", total, np.float32(0)), graph.add("Max", total, np.float32(1))
        mean = graph.add("Div", graph.reduce("ReduceSum", graph.add("Mul", wide, number), 3, keep=True), several)
        found.append(graph.add("Where", some, graph.add("Sub", mean, biases), np.float32(0)))
        places = graph.add("Mul", graph.add("Sub", np.arange(seen.length, dtype=np.float32), first), number)
        place = graph.add("Div", graph.reduce("ReduceSum", places, 3, keep=True), several)
        found.append(graph.add("Where", some, graph.add("Div", place, count), np.float32(-1)))
        found.append(graph.add("Div", _find_longest(seen, above), count))
    return graph.reshape(graph.join(found, 3), 0, int(np.prod(biases.shape)) * pools)


def _find_longest(seen: DrawnView, above: str) -> str:
    """The longest run of true steps, `[B, 84, biases, 1]`: the farthest that a step lies from the last false one."""
    graph, reached = seen.graph, 1
    steps = np.arange(seen.length, dtype=np.float32)
    newest = graph.add("Where", above, np.float32(-1), steps)
    while reached < seen.length:
        pads = np.zeros(8, np.int64)
        pads[3] = reached
        before = graph.add("Pad", graph.cut(newest, 3, 0, seen.length - reached), pads, np.float32(-1))
        newest, reached = graph.add("Max", newest, before), 2 * reached
    return graph.reduce("ReduceMax", graph.add("Sub", steps, newest), 3, keep=True)

"""Prediction for many windows of one series: whatever overlapping windows have in common is computed once.

In every layer of a network of convolutions and pools, position j of a window that begins at row r lies at row
r + j * stride; so a layer evaluated once at every row serves all windows. The dilation of a convolution is multiplied
by the stride; a pool becomes a sliding maximum and multiplies the stride. Outputs equal those of single windows up to
rounding.

Reference: Giusti et al. 2013, arXiv:1302.1700 (fragments of max pooling); Yu and Koltun 2016, arXiv:1511.07122 (the
dilated form).
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.compiler import compile_plan, is_one_kernel
from seqconv.networks.engines.native.context import FLOAT, Context, run_forward
from seqconv.networks.engines.native.normalisation_steps import normalise_batch
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.layers.base import Layer, Plan, Shape
from seqconv.networks.layers.kinds import (
    BatchNormalisation,
    Conv,
    Dropout,
    Embed,
    Gelu,
    GlobalAveragePool,
    GlobalMaxPool,
    LastStep,
    MaxPool,
    Relu,
    Residual,
)
from seqconv.networks.layers.pointwise import Activation

FEWEST = 64  # windows below which sharing is not considered
ROWS = 16384  # most rows at which the windows of a chunk begin: activations stay in cache; chunks overlap by one window
CHUNKS = 4  # the number of chunks is a multiple of it, to divide evenly among threads
TAIL = 256  # windows per run of the layers after the shared ones
OUTPUTS = 4  # positions, `dilation` apart, that the kernel computes together; it computes fewer by another path
SLIDING = 2  # a shared row costs up to that many times its multiply-adds, because maxima slide at every row

Reduction = GlobalMaxPool | GlobalAveragePool | LastStep


class Sheet(NamedTuple):
    """One layer at every row: `values[i]` `[C]` is the position at row `origin + i`; a window's are `stride` apart."""

    values: np.ndarray
    origin: int
    stride: int


class Reach(NamedTuple):
    """State after a shared layer: shape, stride in rows, number of leading positions that depend on causal padding."""

    shape: Shape
    stride: int
    padded: int


def _follow(layer: Layer, here: Reach) -> Reach | None:
    """The state after one more layer; None if it cannot be shared."""
    shape = layer.output_shape(here.shape)
    match layer:
        case Conv() if is_one_kernel(layer):
            return Reach(shape, here.stride, here.padded + layer.left_pad)
        case Activation() | Dropout() | BatchNormalisation():
            return here
        case MaxPool(size):
            return Reach(shape, here.stride * size, -(-here.padded // size))
        case Residual(body):
            inner: Reach | None = here
            for part in body:
                inner = _follow(part, inner) if inner is not None else None
            return inner
    return None


def _multiply_adds(layers: Plan) -> int:
    """Multiply-adds of the convolutions at one position."""
    total = 0
    for layer in layers:
        if isinstance(layer, Conv):
            total += layer.kernel * layer.inputs * layer.filters
        elif isinstance(layer, Residual):
            total += _multiply_adds(layer.body)
    return total


@dataclass(frozen=True)
class SharedPass:
    """The first `shared` layers of a plan at every row, then `reduction` if any, then the rest for each window.

    `reach` is the state after the shared layers.
    """

    plan: Plan
    context: Context
    shared: int
    reduction: Reduction | None
    reach: Reach

    @classmethod
    def create(cls, plan: Plan, context: Context, inputs: WindowInputs) -> Self | None:
        """The pass for these windows, or None if sharing is not exact or not cheaper."""
        if len(inputs) < FEWEST:
            return None
        found = _split(plan, Reach(inputs.shape, inputs.step, 0))
        if found is None:
            return None
        shared, reach = found
        following = plan[shared] if shared < len(plan) else None
        reduction = following if isinstance(following, GlobalMaxPool | GlobalAveragePool | LastStep) else None
        one = cls(plan, context, shared, reduction, reach)
        return one if one._is_cheaper(inputs) else None

    def run(self, inputs: WindowInputs, outputs: np.ndarray) -> None:
        """Write the outputs `[N, outputs]`.

        Raises:
            DataError: see `WindowInputs.check_rows`.
        """
        inputs.check_rows()
        order = np.argsort(inputs.anchors, kind="stable")  # other kinds are slow on sorted input
        starts = inputs.anchors[order] - inputs.lookback
        if self.reduction is None:
            self._run_windows(inputs, order, starts, outputs)
        else:
            self._run_vectors(inputs, order, starts, outputs)

    def _is_cheaper(self, inputs: WindowInputs) -> bool:
        starts = np.sort(inputs.anchors, kind="stable") - inputs.lookback
        span = (inputs.shape[0] - 1) * inputs.step
        rows = sum(int(starts[stop - 1] - starts[begin]) + 1 + span for begin, stop in _chunks(starts))
        alone, here = 0, Reach(inputs.shape, inputs.step, 0)
        for layer in self.plan[: self.shared]:
            following = _follow(layer, here)
            assert following is not None
            here = following
            alone += here.shape[0] * _multiply_adds((layer,))
        return SLIDING * rows * _multiply_adds(self.plan[: self.shared]) < len(inputs) * alone

    def _run_vectors(self, inputs: WindowInputs, order: np.ndarray, starts: np.ndarray, outputs: np.ndarray) -> None:
        """Each window is one vector after the reduction; every chunk runs on one thread."""
        chunks, workers = list(_chunks(starts)), self.context.threads

        def work(number: int) -> None:
            context = Context(self.context.weights, 1)
            steps = compile_plan(self.plan, context, start=self.shared + 1)
            for begin, stop in chunks[number::workers]:
                sheet = self._evaluate(inputs, starts[begin], starts[stop - 1], context)
                x = self._reduce(sheet, starts[begin:stop] - starts[begin], context)
                outputs[order[begin:stop]] = run_forward(steps, x, {}, False)

        with ThreadPoolExecutor(workers) as executor:
            list(executor.map(work, range(workers)))

    def _run_windows(self, inputs: WindowInputs, order: np.ndarray, starts: np.ndarray, outputs: np.ndarray) -> None:
        """If a recurrent layer follows: it reads each window's positions of the last shared layer."""
        steps, span = compile_plan(self.plan, self.context, start=self.shared), self.reach.shape[0] * self.reach.stride
        for begin, stop in _chunks(starts):
            sheet = self._evaluate(inputs, starts[begin], starts[stop - 1], self.context)
            for low in range(begin, stop, TAIL):
                ends = starts[low : min(low + TAIL, stop)] - starts[begin] - sheet.origin + span
                x = self.context.buffer("shared.windows", (len(ends), *self.reach.shape))
                _native.gather_windows(sheet.values, ends, span, sheet.stride, x, self.context.threads)
                outputs[order[low : low + len(ends)]] = run_forward(steps, x, {}, False)

    def _evaluate(self, inputs: WindowInputs, first: int, last: int, context: Context) -> Sheet:
        """The shared layers for windows that begin at rows `first` to `last`; row 0 of the sheet is row `first`."""
        rows = inputs.values[first : last + 1 + (inputs.shape[0] - 1) * inputs.step]
        return _run_layers(self.plan[: self.shared], Sheet(rows, 0, inputs.step), context, "")

    def _reduce(self, sheet: Sheet, starts: np.ndarray, context: Context) -> np.ndarray:
        """One vector `[C]` for each window."""
        steps, stride = self.reach.shape[0], sheet.stride
        if isinstance(self.reduction, LastStep):
            return _take_rows(sheet.values, starts + (steps - 1) * stride - sheet.origin)
        if isinstance(self.reduction, GlobalMaxPool):
            return _take_rows(_slide_maximum(sheet.values, steps, stride, context, "reduce"), starts)
        return _take_rows(_slide_sum(sheet.values, steps, stride), starts) / np.float32(steps)


def shortest_padding(plan: Plan) -> tuple[int, int] | None:
    """How much leading padding of texts can be dropped without changing any bit of the outputs.

    Positions of the last layer that see only padding all have the same value, so the maximum needs one of them; a few
    more are kept so that the kernel computes the others by the same path.

    Returns:
        Padding can be dropped in multiples of the first number of ids while the second number stays; None if an output
        depends on the number of positions.
    """
    seen = stride = period = 1
    for layer in plan:
        match layer:
            case Conv() if is_one_kernel(layer) and not layer.left_pad:
                seen += layer.reach * stride
                period = math.lcm(period, OUTPUTS * layer.dilation * stride)
            case MaxPool(size):
                seen += (size - 1) * stride
                stride *= size
            case GlobalMaxPool():
                period = math.lcm(period, OUTPUTS * stride)
                return period, seen + period - stride
            case Embed() | Activation() | Dropout():
                pass
            case _:
                break
    return None


def _split(plan: Plan, here: Reach) -> tuple[int, Reach] | None:
    """How many layers can be shared exactly, and the state after them; None without a convolution among them."""
    best = None
    for index, layer in enumerate(plan):
        if isinstance(layer, LastStep) and here.padded < here.shape[0]:
            best = index, here  # the newest position does not see the padding
        following = _follow(layer, here)
        if following is None:
            break
        here = following
        if not here.padded:
            best = index + 1, here
    return best if best is not None and _multiply_adds(plan[: best[0]]) else None


def _chunks(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Slices of the ascending `starts`, each spanning at most `ROWS` rows; rows between slices are skipped."""
    span = int(starts[-1] - starts[0]) + 1
    rows = -(-span // (-(-span // (ROWS * CHUNKS)) * CHUNKS))
    begin = 0
    while begin < len(starts):
        stop = int(np.searchsorted(starts, starts[begin] + rows))
        yield begin, stop
        begin = stop


def _take_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`values` at the ascending `rows`, without a copy if they are consecutive."""
    first, count = int(rows[0]), len(rows)
    follow = rows[-1] == first + count - 1 and bool(np.all(np.diff(rows) == 1))
    return values[first : first + count] if follow else np.asarray(values[rows])


def _run_layers(layers: Plan, sheet: Sheet, context: Context, prefix: str) -> Sheet:
    index = 0
    while index < len(layers):
        at, layer = f"{prefix}{index}", layers[index]
        match layer:
            case Conv():
                relu = isinstance(layers[index + 1] if index + 1 < len(layers) else None, Relu)
                sheet = _convolve(layer, relu, sheet, context, at)
                index += relu
            case MaxPool(size):
                values = _slide_maximum(sheet.values, size, sheet.stride, context, at)
                sheet = Sheet(values, sheet.origin, sheet.stride * size)
            case Residual(body):
                inner = _run_layers(body, sheet, context, f"{at}.")
                skipped = inner.origin - sheet.origin
                before = sheet.values[skipped : skipped + len(inner.values)]
                out = context.buffer(f"shared.{at}", before.shape)
                sheet = inner._replace(values=np.add(before, inner.values, out=out))
            case BatchNormalisation(epsilon=epsilon):
                out = context.buffer(f"shared.{at}", sheet.values.shape)
                sheet = sheet._replace(values=normalise_batch(sheet.values, context, at, epsilon, out))
            case Gelu():
                out = context.buffer(f"shared.{at}", sheet.values.shape)
                _native.gelu(sheet.values, out, context.threads)
                sheet = sheet._replace(values=out)
            case Activation():
                out = context.buffer(f"shared.{at}", sheet.values.shape)
                sheet = sheet._replace(values=layer.apply(sheet.values, out=out))
        index += 1
    return sheet


def _convolve(conv: Conv, relu: bool, sheet: Sheet, context: Context, at: str) -> Sheet:
    """A convolution at every row; the first output of a causal one lies at the row of its last tap."""
    kernel, bias = context.weights[f"{at}.kernel"], context.weights[f"{at}.bias"]
    rows = len(sheet.values) - conv.reach * sheet.stride
    y = context.buffer(f"shared.{at}", (1, rows, conv.filters))
    dilation = conv.dilation * sheet.stride
    _native.conv_forward(sheet.values[None], kernel, bias, y, None, dilation, 0, relu, 1, context.threads)
    return Sheet(y[0], sheet.origin + conv.left_pad * sheet.stride, sheet.stride)


def _slide_maximum(x: np.ndarray, steps: int, stride: int, context: Context, at: str) -> np.ndarray:
    """y[i] = maximum of x[i + j * stride] for j < steps."""
    y = context.buffer(f"shared.{at}", (len(x) - (steps - 1) * stride, x.shape[1]))
    _native.slide_maximum(x, steps, stride, y, context.threads)
    return y


def _slide_sum(x: np.ndarray, steps: int, stride: int) -> np.ndarray:
    """y[i] = sum of x[i + j * stride] for j < steps, from sums over powers of two."""
    rows = len(x) - (steps - 1) * stride
    total = np.zeros((rows, x.shape[1]), FLOAT)
    offset, width = 0, 1
    while True:
        if steps & width:
            total += x[offset * stride : offset * stride + rows]
            offset += width
        if 2 * width > steps:
            return total
        x, width = x[: -width * stride] + x[width * stride :], 2 * width

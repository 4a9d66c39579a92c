"""Networks as plain data: layer records, plans, shapes, counts. No framework is imported here.

A plan is a tuple of layers, applied in order to ids `[B, L]` or to values `[B, L, C]`. Every engine reads the same
plan; shapes, parameters, receptive field and cost are computed from it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqconv.errors import ConfigError

Shape = tuple[int, ...]
Weights = dict[str, np.ndarray]
Masks = dict[str, np.ndarray]


@dataclass(frozen=True)
class Embed:
    """Row `id` of a table: ids `[B, L]` -> `[B, L, width]`."""

    rows: int
    width: int


@dataclass(frozen=True)
class Conv:
    """1D convolution, stride 1: y[t] = bias + sum_k x[t + k * dilation] W_k.

    `valid` gives `L - (kernel - 1) * dilation` steps; `causal` pads that many zeros on the left and gives `L`.
    """

    inputs: int
    filters: int
    kernel: int
    dilation: int = 1
    padding: str = "valid"

    @property
    def reach(self) -> int:
        """Steps between the first and the last tap."""
        return (self.kernel - 1) * self.dilation

    @property
    def left_pad(self) -> int:
        """Zeros before the first step."""
        return self.reach if self.padding == "causal" else 0


@dataclass(frozen=True)
class TokenConv:
    """1D convolution over one-hot ids: y[t] = bias + sum_k table[x[t + k], k], ids `[B, L]` -> `[B, L', filters]`.

    `L' = L - kernel + 1`; an input shorter than the kernel gets padding ids (0) on its left, and gives one step. The
    padding id has rows of the table like any other.

    Reference: Johnson and Zhang 2015, arXiv:1412.1058.
    """

    rows: int
    filters: int
    kernel: int


@dataclass(frozen=True)
class NgramBag:
    """A linear layer on the words and n-grams that occur in a text: ids `[B, L]` -> `[B, outputs]`.

    With the features f of a text, each once: y = gain * sum_f scale[f] table[f] / sqrt(sum_f scale[f]^2), and 0 for a
    text without any. Features are its ids but padding (0), rows 0 to `rows` - 1, and every 2 to `longest` neighbouring
    ids without padding, hashed to one of `buckets` rows after those: with h = id_1, then h = h * MULTIPLIER + id_j for
    each further one, and last h = h ^ (h >> 32), all modulo 2^64, the bucket is (h mod 2^63) mod `buckets`.
    Training leaves `scale` as it is: log-count ratios (see `engines.ngrams.fit_scales`), or ones.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL; Joulin et al. 2017, arXiv:1607.01759 (buckets).
    """

    rows: int
    outputs: int
    longest: int
    buckets: int
    gain: float = 1.0


MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio. Reference: Knuth, TAOCP 3, section 6.4
VARIANCE_FLOOR = 1e-5  # of `Channelwise`


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True)
class Tanh:
    """tanh(x)."""


@dataclass(frozen=True)
class MaxPool:
    """Maximum of each `size` neighbouring steps; an incomplete last group is dropped, as in Keras."""

    size: int


@dataclass(frozen=True)
class GlobalMaxPool:
    """Maximum over all steps: `[B, L, C]` -> `[B, C]`."""


@dataclass(frozen=True)
class GlobalAveragePool:
    """Mean over all steps: `[B, L, C]` -> `[B, C]`."""


@dataclass(frozen=True)
class LastStep:
    """The newest step: `[B, L, C]` -> `[B, C]`."""


@dataclass(frozen=True)
class SubtractLast:
    """x less its newest step: `[B, L, C]` -> the same; the first `channels` of them, or 0: all.

    A level that training never saw then makes no difference.

    Reference: Zeng et al. 2023, arXiv:2205.13504 (NLinear).
    """

    channels: int = 0


@dataclass(frozen=True)
class Patch:
    """Each `size` neighbouring steps as one, their channels side by side: `[B, L, C]` -> `[B, L // size, size * C]`.

    The oldest steps that fill no patch are dropped.
    """

    size: int


@dataclass(frozen=True)
class Flatten:
    """All steps side by side: `[B, L, C]` -> `[B, L * C]`."""


@dataclass(frozen=True)
class Dropout:
    """Zero each value with probability `rate` in training and scale the rest by 1 / (1 - rate)."""

    rate: float


@dataclass(frozen=True)
class Residual:
    """x + body(x); the body keeps the shape."""

    body: "Plan"


@dataclass(frozen=True)
class Concat:
    """Branches side by side on the same input, their outputs joined along the channels."""

    branches: "tuple[Plan, ...]"


@dataclass(frozen=True)
class Add:
    """Branches side by side on the same input, the sum of their outputs."""

    branches: "tuple[Plan, ...]"


@dataclass(frozen=True)
class Channelwise:
    """One body for every channel alone: `[B, L, C]` -> `[B, H * C]`, for each of the body's H outputs one per channel;
    the first `channels` of them, or 0: all.

    A channel's window `[L, 1]` enters the body less its mean and over its standard deviation s = sqrt(variance + 1e-5),
    and the body's outputs are scaled back, so that neither a level nor a spread that training never saw matters.

    Reference: Nie et al. 2023, arXiv:2211.14730 (channels alone); Kim et al. 2022, "Reversible instance normalization",
    ICLR (without its affine part; 1e-5 as there).
    """

    body: "Plan"
    channels: int = 0

    def count(self, channels: int) -> int:
        """Channels of an input that are read."""
        return self.channels or channels


@dataclass(frozen=True)
class Gru:
    """Gated recurrent unit, all states: `[B, L, C]` -> `[B, L, units]`.

    Gate order z, r, h. With masks m (dropout) and n (recurrent dropout), one of each per example and gate:
    z, r = sigmoid((x m) W + (h n) U + b); `reset_after` false: c = tanh((x m) W + (r h n) U + b);
    true: c = tanh((x m) W + b + r ((h n) U + b')), with a second bias; h' = z h + (1 - z) c.

    Reference: Cho et al. 2014, arXiv:1406.1078 (v1: reset before, v3: after); Gal and Ghahramani 2016 for the masks.
    """

    inputs: int
    units: int
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    reset_after: bool = False


@dataclass(frozen=True)
class Lstm:
    """Long short-term memory, all states: `[B, L, C]` -> `[B, L, units]`; gate order i, f, c, o; masks as for Gru.

    Reference: Hochreiter and Schmidhuber 1997; forget bias 1: Jozefowicz et al. 2015.
    """

    inputs: int
    units: int
    dropout: float = 0.0
    recurrent_dropout: float = 0.0


@dataclass(frozen=True)
class Dense:
    """x W + b: `[B, inputs]` -> `[B, outputs]`.

    Args:
        zeros: training starts at W = 0, that is at an output of nothing (a forecast of no change, say).
    """

    inputs: int
    outputs: int
    zeros: bool = False


ReadsIds = Embed | TokenConv | NgramBag
Reduces = MaxPool | GlobalMaxPool | GlobalAveragePool | LastStep | Patch | Flatten
Nests = Residual | Concat | Add | Channelwise
Layer = ReadsIds | Conv | Gru | Lstm | Dense | Relu | Tanh | Dropout | SubtractLast | Reduces | Nests
Plan = tuple[Layer, ...]
ANY_RANK = (Relu, Tanh, Dropout, Residual, Concat, Add)


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """Shape that leaves `layer`, without the batch, for the one that enters: `(L,)`, `(L, C)` or `(C,)`.

    Raises:
        ConfigError: the layer cannot take this shape.
    """
    _check_input(layer, shape)
    match layer:
        case Embed(width=width):
            return (shape[0], width)
        case TokenConv(filters=filters, kernel=kernel):
            return (max(shape[0] - kernel + 1, 1), filters)
        case NgramBag(outputs=outputs):
            return (outputs,)
        case Conv():
            return (shape[0] + layer.left_pad - layer.reach, layer.filters)
        case MaxPool(size):
            return (shape[0] // size, shape[1])
        case GlobalMaxPool() | GlobalAveragePool() | LastStep():
            return (shape[1],)
        case Patch(size):
            return (shape[0] // size, size * shape[1])
        case Flatten():
            return (shape[0] * shape[1],)
        case Channelwise(body, channels):
            inner = shapes(body, (shape[0], 1))[-1] if body else (shape[0], 1)
            if len(inner) != 1:
                raise ConfigError(f"channelwise: the body must end in one vector; got {inner}. Flatten or pool it")
            if channels > shape[1]:
                raise ConfigError(f"channelwise: channels must be at most the input's {shape[1]}; got {channels}")
            return (inner[0] * layer.count(shape[1]),)
        case Residual(body):
            inner = shapes(body, shape)[-1] if body else shape
            if inner != shape:
                raise ConfigError(f"residual: the body must keep the shape {shape}; it gives {inner}")
            return shape
        case Concat(branches) | Add(branches):
            return _join(layer, [shapes(branch, shape)[-1] for branch in branches if branch])
        case Gru() | Lstm():
            return (shape[0], layer.units)
        case Dense(outputs=outputs):
            return (outputs,)
    return shape


def _join(layer: Concat | Add, found: list[Shape]) -> Shape:
    """Shape of joined branches."""
    name, same = type(layer).__name__, slice(-1) if isinstance(layer, Concat) else slice(None)
    if not found or len(found) < len(layer.branches):
        raise ConfigError(f"{name}: must have branches, each of at least one layer; got {len(found)} of that kind")
    if len({(len(shape), shape[same]) for shape in found}) > 1:
        what = "as many steps" if isinstance(layer, Concat) else "the same shape"
        raise ConfigError(f"{name}: the outputs of all branches must have {what}; got {', '.join(map(str, found))}")
    return (*found[0][:-1], sum(shape[-1] for shape in found)) if isinstance(layer, Concat) else found[0]


def _check_input(layer: Layer, shape: Shape) -> None:
    name = type(layer).__name__
    rank = None if isinstance(layer, ANY_RANK) else 1 if isinstance(layer, Dense | ReadsIds) else 2
    if rank is not None and len(shape) != rank:
        need = "ids [L]" if isinstance(layer, ReadsIds) else "steps and channels [L, C]"
        if isinstance(layer, Dense):
            need = "one vector [C]; put a global pooling layer or last_step before it"
        raise ConfigError(f"{name}: the input must be {need}; got {shape}")
    if isinstance(layer, Conv | Gru | Lstm | Dense) and layer.inputs != shape[-1]:
        raise ConfigError(f"{name}: the input must have {layer.inputs} channels; got {shape[-1]}")
    taken = 1
    if isinstance(layer, Conv | MaxPool | Patch):
        taken = layer.size if isinstance(layer, MaxPool | Patch) else layer.reach + 1 - layer.left_pad
    if not isinstance(layer, Dense) and shape[0] < taken:
        raise ConfigError(f"{name}: the input must have at least {taken} steps; got {shape[0]}. Use a longer input")


def shapes(plan: Plan, shape: Shape) -> list[Shape]:
    """Shape after each layer, without the batch.

    >>> shapes((Embed(10, 4), Conv(4, 8, 3), MaxPool(2), GlobalMaxPool(), Dense(8, 1)), (20,))
    [(20, 4), (18, 8), (9, 8), (8,), (1,)]
    """
    found = []
    for layer in plan:
        shape = output_shape(layer, shape)
        found.append(shape)
    return found


def layer_weights(layer: Layer) -> dict[str, Shape]:
    """Name and shape of every weight array of a layer alone, without those of layers within it."""
    match layer:
        case Embed(rows, width):
            return {"embeddings": (rows, width)}
        case TokenConv(rows, filters, kernel):
            return {"table": (rows, kernel, filters), "bias": (filters,)}
        case NgramBag(rows, outputs, _, buckets):
            return {"table": (rows + buckets, outputs), "scale": (rows + buckets, outputs)}
        case Conv():
            return {"kernel": (layer.kernel, layer.inputs, layer.filters), "bias": (layer.filters,)}
        case Dense(inputs, outputs):
            return {"kernel": (inputs, outputs), "bias": (outputs,)}
        case Gru() | Lstm():
            width = (3 if isinstance(layer, Gru) else 4) * layer.units
            bias: Shape = (2, width) if isinstance(layer, Gru) and layer.reset_after else (width,)
            return {"kernel": (layer.inputs, width), "recurrent_kernel": (layer.units, width), "bias": bias}
    return {}


def walk(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer with its place: `"2"`, then `"2.0"`, `"2.1"` for the body of a residual layer 2; `"2.0.1"` is the
    second layer of the first branch of layer 2."""
    for index, layer in enumerate(plan):
        at = f"{prefix}{index}"
        yield at, layer
        match layer:
            case Residual(body) | Channelwise(body):
                yield from walk(body, f"{at}.")
            case Concat(branches) | Add(branches):
                for number, branch in enumerate(branches):
                    yield from walk(branch, f"{at}.{number}.")


def entries(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers that read the network's own input, with their places."""
    match plan[:1]:
        case (Concat(branches) | Add(branches),):
            for number, branch in enumerate(branches):
                yield from entries(branch, f"{prefix}0.{number}.")
        case (layer,):
            yield f"{prefix}0", layer


def weight_shapes(plan: Plan) -> dict[str, Shape]:
    """Name and shape of every weight array, in the order of the layers; Keras's layouts.

    >>> weight_shapes((Conv(14, 32, 5),))
    {'0.kernel': (5, 14, 32), '0.bias': (32,)}
    """
    return {f"{at}.{name}": shape for at, layer in walk(plan) for name, shape in layer_weights(layer).items()}


def count_parameters(plan: Plan) -> int:
    """Number of trainable values."""
    return sum(math.prod(shape) for shape in weight_shapes(plan).values())

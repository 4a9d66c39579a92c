"""Networks as plain data: layer records, plans, shapes, counts. No framework is imported here.

A plan is a tuple of layers, applied in order to ids `[B, L]` or to values `[B, L, C]`. Every engine reads the same
plan; shapes, parameters, receptive field and cost are computed from it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

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


VARIANCE_FLOOR = 1e-5  # of `Normalise`


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
class _OfChannels:
    """A body for the first `channels` channels of an input, or 0: all."""

    body: "Plan"
    channels: int = 0

    def count(self, channels: int) -> int:
        """How many of an input's channels these are."""
        return self.channels or channels


@dataclass(frozen=True)
class Channelwise(_OfChannels):
    """One body for every channel alone, `[L, 1]` -> `[H]`: `[B, L, C]` -> `[B, H * C]`, for each of the H outputs one
    per channel; the first `channels` of them, or 0: all.

    Reference: Nie et al. 2023, arXiv:2211.14730.
    """


@dataclass(frozen=True)
class Normalise(_OfChannels):
    """A body that sees each channel less its window's mean and over its standard deviation s = sqrt(variance + 1e-5),
    its outputs scaled back: `[B, L, C]` -> `[B, H * C]`; the first `channels` of them, or 0: all. Channels behind those
    enter as they are.

    The body returns for each of H outputs one per channel. Neither a level nor a spread that training never saw
    matters then.

    Reference: Kim et al. 2022, "Reversible instance normalization", ICLR (without its affine part; 1e-5 as there).
    """


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


Nests = Residual | Concat | Add | Channelwise | Normalise


Layer = ReadsIds | Conv | Gru | Lstm | Dense | Relu | Tanh | Dropout | SubtractLast | Reduces | Nests


Plan = tuple[Layer, ...]


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
            case Residual(body) | Channelwise(body) | Normalise(body):
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

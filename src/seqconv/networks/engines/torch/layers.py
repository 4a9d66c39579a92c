"""Each layer as a differentiable PyTorch function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seqconv.networks.engines.torch.recurrent import recur
from seqconv.networks.layers.base import Layer, Plan
from seqconv.networks.layers.containers import VARIANCE_FLOOR
from seqconv.networks.layers.convolution import Sliding
from seqconv.networks.layers.kinds import (
    Add,
    AveragePool,
    BatchNormalisation,
    Bidirectional,
    Channelwise,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Elu,
    Embed,
    Flatten,
    Gelu,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    LayerNormalisation,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Relu,
    Residual,
    SeparableConv,
    Sigmoid,
    SimpleRnn,
    Softmax,
    SpatialDropout,
    SubtractLast,
    Tanh,
    TokenConv,
)
from seqconv.networks.layers.recurrent import Recurrent
from seqconv.networks.layers.tokens import MULTIPLIER

Tensors = dict[str, Tensor]


class Given(NamedTuple):
    """The arrays for one pass through a plan.

    Args:
        weights: of all layers.
        masks: of dropout; without a mask a layer applies no dropout.
        moved: collects updated moving averages by the name of the weight; None: the pass predicts.
    """

    weights: Tensors
    masks: Tensors
    moved: Tensors | None = None


def run(plan: Plan, x: Tensor, given: Given, prefix: str = "") -> Tensor:
    """The plan applied to ids `[B, L]` or values `[B, L, C]`; its weights' and masks' names begin with `prefix`.

    Raises:
        TypeError: a layer without a case here.
    """
    for index, layer in enumerate(plan):
        if type(layer) not in CASES:
            raise TypeError(f"engines/torch: must have a case for the layer {layer.kind()!r}; it has none")
        x = CASES[type(layer)](layer, x, Own(f"{prefix}{index}.", given))
    return x


@dataclass(frozen=True)
class Own:
    """The arrays of the layer whose names begin with `prefix`."""

    prefix: str
    given: Given

    def weight(self, name: str) -> Tensor:
        """One of its weights."""
        return self.given.weights[self.prefix + name]

    def masks(self) -> Tensors:
        """Its masks and those of its bodies."""
        found = self.given.masks.items()
        return {name.removeprefix(self.prefix): mask for name, mask in found if name.startswith(self.prefix)}

    def run(self, body: Plan, x: Tensor, place: str = "") -> Tensor:
        """Apply one of its bodies."""
        return run(body, x, self.given, self.prefix + place)


def _embed(layer: Embed, ids: Tensor, own: Own) -> Tensor:
    return functional.embedding(ids, own.weight("embeddings"))


def _sum_rows(layer: TokenConv, ids: Tensor, own: Own) -> Tensor:
    """Sums of the table's rows at every step, `[B, L', O]`."""
    table = own.weight("table")
    padded = functional.pad(ids, (max(layer.kernel - ids.shape[1], 0), 0))
    steps = padded.shape[1] - layer.kernel + 1
    rows = [functional.embedding(padded[:, k : k + steps], table[:, k]) for k in range(layer.kernel)]
    return torch.stack(rows).sum(0) + own.weight("bias")


def _bag(layer: NgramBag, ids: Tensor, own: Own) -> Tensor:
    table, scale = own.weight("table"), own.weight("scale")
    return torch.stack([_sum_features(layer, each, table, scale) for each in ids])


def _sum_features(layer: NgramBag, ids: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """The output for one text's ids `[L]`."""
    multiplier = MULTIPLIER - 2**64  # as a signed number; products wrap around, which is arithmetic modulo 2^64
    hashed, found = ids, [ids[ids > 0]]
    for further in range(1, layer.longest):
        hashed = hashed[:-1] * multiplier + ids[further:]
        mixed = (hashed ^ (hashed >> 32 & 0xFFFFFFFF)) & (2**63 - 1)
        whole = (ids.unfold(0, further + 1, 1) > 0).all(1) if further < len(ids) else ids[:0] > 0
        found.append(layer.rows + mixed[whole] % layer.buckets)
    rows = torch.unique(torch.cat(found))
    length = scale[rows].square().sum(0).sqrt()
    total = layer.gain * (scale[rows] * table[rows]).sum(0)
    return torch.where(length == 0, 0, total / torch.where(length == 0, 1, length))


def _slide(layer: Sliding, x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int = 1) -> Tensor:
    """The layer's padding, stride and dilation with a kernel `[O, C / groups, K]`."""
    padded = functional.pad(x.transpose(1, 2), layer.pads(x.shape[1]))
    return functional.conv1d(padded, kernel, bias, layer.stride, 0, layer.dilation, groups).transpose(1, 2)


def _convolve(layer: Conv, x: Tensor, own: Own) -> Tensor:
    return _slide(layer, x, own.weight("kernel").permute(2, 1, 0), own.weight("bias"))


def _convolve_channels(layer: DepthwiseConv, x: Tensor, own: Own) -> Tensor:
    kernel = own.weight("kernel").permute(1, 2, 0).reshape(-1, 1, layer.kernel)  # [C * M, 1, K]
    return _slide(layer, x, kernel, own.weight("bias"), layer.inputs)


def _convolve_separately(layer: SeparableConv, x: Tensor, own: Own) -> Tensor:
    kernel = own.weight("depthwise_kernel").permute(1, 2, 0).reshape(-1, 1, layer.kernel)  # [C * M, 1, K]
    return _slide(layer, x, kernel, None, layer.inputs) @ own.weight("pointwise_kernel")[0] + own.weight("bias")


def _normalise_batch(layer: BatchNormalisation, x: Tensor, own: Own) -> Tensor:
    mean, variance = own.weight("moving_mean"), own.weight("moving_variance")
    if own.given.moved is not None:
        values = x.flatten(0, -2)
        found = values.mean(0), values.var(0, correction=0)
        for name, before, now in zip(("moving_mean", "moving_variance"), (mean, variance), found, strict=True):
            own.given.moved[own.prefix + name] = layer.momentum * before + (1 - layer.momentum) * now.detach()
        mean, variance = found
    return (x - mean) / (variance + layer.epsilon).sqrt() * own.weight("gamma") + own.weight("beta")


def _normalise_layer(layer: LayerNormalisation, x: Tensor, own: Own) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], own.weight("gamma"), own.weight("beta"), layer.epsilon)


def _run_both_ways(layer: Bidirectional, x: Tensor, own: Own) -> Tensor:
    forward, backward = own.run(layer.body, x, "forward."), own.run(layer.body, x.flip(1), "backward.")
    return torch.cat([forward, backward.flip(1) if backward.ndim == 3 else backward], dim=-1)


def _recur(layer: Recurrent, x: Tensor, own: Own) -> Tensor:
    return recur(layer, x, own.weight("kernel"), own.weight("recurrent_kernel"), own.weight("bias"), own.masks())


def _pool(layer: MaxPool | AveragePool, x: Tensor, own: Own) -> Tensor:
    pool = functional.max_pool1d if isinstance(layer, MaxPool) else functional.avg_pool1d
    pooled: Tensor = pool(x.transpose(1, 2), layer.size)
    return pooled.transpose(1, 2)


def _subtract_last(layer: SubtractLast, x: Tensor, own: Own) -> Tensor:
    return x - x[:, -1:] * (torch.arange(x.shape[2], device=x.device) < (layer.channels or x.shape[2]))


def _patch(layer: Patch, x: Tensor, own: Own) -> Tensor:
    return x[:, x.shape[1] % layer.size :].reshape(len(x), -1, layer.size * x.shape[2])


def _drop(layer: Dropout, x: Tensor, own: Own) -> Tensor:
    return x * own.masks().get("mask", x.new_ones(()))


def _run_branches(layer: Concat | Add, x: Tensor, own: Own) -> Tensor:
    found = [own.run(branch, x, place) for place, branch in layer.bodies().items()]
    return torch.cat(found, dim=-1) if isinstance(layer, Concat) else torch.stack(found).sum(0)


def _run_channels(layer: Channelwise, x: Tensor, own: Own) -> Tensor:
    """The body's outputs for every channel, `[B, H * C]`."""
    batch, length, inputs = x.shape
    channels = layer.count(inputs)
    windows = x[..., :channels].transpose(1, 2).reshape(batch * channels, length, 1)
    masks = {own.prefix + name: mask.flatten(0, 1) for name, mask in own.masks().items()}
    inner = run(layer.body, windows, own.given._replace(masks=masks), own.prefix)
    return inner.reshape(batch, channels, -1).transpose(1, 2).reshape(batch, -1)


def _run_normalised(layer: Normalise, x: Tensor, own: Own) -> Tensor:
    """The body's outputs, scaled back, `[B, H * C]`."""
    channels = layer.count(x.shape[2])
    read = x[..., :channels]
    mean = read.mean(dim=1)
    deviation = (read.var(dim=1, correction=0) + VARIANCE_FLOOR).sqrt()
    scaled = (read - mean[:, None]) / deviation[:, None]
    inner = own.run(layer.body, torch.cat([scaled, x[..., channels:]], dim=-1))
    times = inner.shape[1] // channels
    return inner * deviation.repeat(1, times) + mean.repeat(1, times)


CASES: dict[type[Layer], Callable[[Any, Tensor, Own], Tensor]] = {
    Embed: _embed,
    TokenConv: _sum_rows,
    NgramBag: _bag,
    Conv: _convolve,
    DepthwiseConv: _convolve_channels,
    SeparableConv: _convolve_separately,
    Relu: lambda layer, x, own: x.relu(),
    Tanh: lambda layer, x, own: x.tanh(),
    Sigmoid: lambda layer, x, own: x.sigmoid(),
    Elu: lambda layer, x, own: functional.elu(x, layer.alpha),
    Gelu: lambda layer, x, own: functional.gelu(x),
    Softmax: lambda layer, x, own: x.softmax(-1),
    Dropout: _drop,
    SpatialDropout: _drop,
    SubtractLast: _subtract_last,
    BatchNormalisation: _normalise_batch,
    LayerNormalisation: _normalise_layer,
    MaxPool: _pool,
    AveragePool: _pool,
    GlobalMaxPool: lambda layer, x, own: x.max(dim=1).values,
    GlobalAveragePool: lambda layer, x, own: x.mean(dim=1),
    LastStep: lambda layer, x, own: x[:, -1],
    Patch: _patch,
    Flatten: lambda layer, x, own: x.flatten(1),
    Residual: lambda layer, x, own: x + own.run(layer.body, x),
    Concat: _run_branches,
    Add: _run_branches,
    Bidirectional: _run_both_ways,
    Channelwise: _run_channels,
    Normalise: _run_normalised,
    SimpleRnn: _recur,
    Gru: _recur,
    Lstm: _recur,
    Dense: lambda layer, x, own: x @ own.weight("kernel") + own.weight("bias"),
}

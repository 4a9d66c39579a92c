"""Compiles a plan to steps on native kernels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from seqconv.networks.engines.native.container_steps import (
    BidirectionalStep,
    BranchesStep,
    ChannelwiseStep,
    NormaliseStep,
    ResidualStep,
)
from seqconv.networks.engines.native.context import Context, Step
from seqconv.networks.engines.native.convolution_steps import DepthwiseConvStep, PadStep, StridedConvStep
from seqconv.networks.engines.native.kernel_steps import ConvOptions, ConvStep, DenseStep, EmbedConvStep, EmbedStep
from seqconv.networks.engines.native.normalisation_steps import BatchNormalisationStep
from seqconv.networks.engines.native.plain_steps import (
    ActivationStep,
    AveragePoolStep,
    DropoutStep,
    FlattenStep,
    GlobalAveragePoolStep,
    GlobalMaxPoolStep,
    LastStepStep,
    MaxPoolStep,
    PatchStep,
    SubtractLastStep,
)
from seqconv.networks.engines.native.recurrent_steps import EmbedRecurrentStep, RecurrentStep, SimpleRnnStep
from seqconv.networks.engines.native.row_steps import GeluStep, LayerNormalisationStep, SoftmaxStep
from seqconv.networks.engines.native.token_steps import NgramBagStep, TokenConvStep
from seqconv.networks.layers.base import Layer, Plan
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


@dataclass(frozen=True)
class Spot:
    """The position of a layer in a plan.

    Args:
        following: the layers after it.
        prefix, index: of its path `at`, with which the names of its weights begin.
        first: it reads the network's own input, which needs no gradient.
    """

    following: Plan
    context: Context
    prefix: str
    index: int
    first: bool

    @property
    def at(self) -> str:
        """Its path, such as `"2.0.1"`."""
        return f"{self.prefix}{self.index}"

    @property
    def next_at(self) -> str:
        """The path of the layer after it."""
        return f"{self.prefix}{self.index + 1}"

    def compile(self, body: Plan, place: str = "", leads: bool = False) -> list[Step]:
        """The steps of a plan inside the layer; `leads`: it reads the layer's own input."""
        return compile_plan(body, self.context, f"{self.at}.{place}", leads=leads and self.first)


def compile_plan(plan: Plan, context: Context, prefix: str = "", start: int = 0, leads: bool = True) -> list[Step]:
    """Steps for the layers of `plan` from `start` on; the weights' names begin with `prefix`.

    Args:
        leads: layer 0 reads the network's own input, which needs no gradient.

    Raises:
        TypeError: a layer without a step.
    """
    steps: list[Step] = []
    while start < len(plan):
        layer = plan[start]
        spot = Spot(plan[start + 1 :], context, prefix, start, leads and start == 0)
        if type(layer) in FUSED:
            found, taken = FUSED[type(layer)](layer, spot)
        elif type(layer) in SINGLE:
            found, taken = [SINGLE[type(layer)](layer, spot)], 0
        else:
            raise TypeError(f"engines/native: must have a step for the layer {layer.kind()!r}; it has none")
        steps += found
        start += 1 + taken
    return steps


def is_one_kernel(conv: Conv) -> bool:
    """Whether one native kernel can run it: stride 1, with padding on the left or none."""
    return conv.stride == 1 and conv.padding != "same"


def _compile_embed(embed: Embed, spot: Spot) -> tuple[list[Step], int]:
    """Together with the next layer if both reduce to one look-up."""
    context, at, next_at = spot.context, spot.at, spot.next_at
    match spot.following[:1]:
        case (Conv() as conv,) if is_one_kernel(conv):
            relu, pool, taken = _read_fused(spot.following[1:])
            return [EmbedConvStep(context, at, next_at, ConvOptions(conv, relu, pool))], 1 + taken
        case (Gru() | Lstm() as layer,) if not layer.dropout and not layer.recurrent_dropout:
            last = _begins_with_last_step(spot.following[1:])
            return [EmbedRecurrentStep(context, at, next_at, layer, last)], 1 + last
    return [EmbedStep(context, at, embed)], 0


def _compile_token_conv(layer: TokenConv, spot: Spot) -> tuple[list[Step], int]:
    relu, pool, taken = _read_fused(spot.following)
    return [TokenConvStep(spot.context, spot.at, layer, relu, pool)], taken


def _compile_conv(conv: Conv, spot: Spot) -> tuple[list[Step], int]:
    """One kernel, after a padding step where the kernel cannot pad; with a stride, a matrix product of windows."""
    context, at, first = spot.context, spot.at, spot.first
    pad: list[Step] = [] if is_one_kernel(conv) else [PadStep(context, at, conv)]
    if conv.stride > 1:
        return [*pad, StridedConvStep(context, at, conv, first)], 0
    relu, pool, taken = _read_fused(spot.following)
    options = ConvOptions(replace(conv, padding="valid") if pad else conv, relu, pool)
    return [*pad, ConvStep(context, at, options, first)], taken


def _compile_depthwise(layer: DepthwiseConv, spot: Spot) -> tuple[list[Step], int]:
    context, at = spot.context, spot.at
    step = DepthwiseConvStep(context, layer, f"{at}.kernel", f"{at}.bias", spot.first)
    return [PadStep(context, at, layer), step], 0


def _compile_separable(layer: SeparableConv, spot: Spot) -> tuple[list[Step], int]:
    context, at = spot.context, spot.at
    relu, pool, taken = _read_fused(spot.following)
    depthwise = DepthwiseConvStep(context, layer, f"{at}.depthwise_kernel", "", spot.first)
    options = ConvOptions(Conv(layer.inputs * layer.multiplier, layer.filters, 1), relu, pool)
    pointwise = ConvStep(context, at, options, False, "pointwise_kernel")
    return [PadStep(context, at, layer), depthwise, pointwise], taken


def _compile_recurrent(layer: Gru | Lstm, spot: Spot) -> tuple[list[Step], int]:
    last = _begins_with_last_step(spot.following)
    return [RecurrentStep(spot.context, spot.at, layer, last, spot.first)], int(last)


def _begins_with_last_step(layers: Plan) -> bool:
    return isinstance(next(iter(layers), None), LastStep)


def _read_fused(layers: Plan) -> tuple[bool, int, int]:
    """Which of the two layers after a convolution its kernel runs: whether a relu, the pool's steps (1: no pool, 0:
    global), and how many layers that takes."""
    relu = isinstance(next(iter(layers), None), Relu)
    match layers[relu : relu + 1]:
        case (MaxPool(size),):
            return relu, size, relu + 1
        case (GlobalMaxPool(),):
            return relu, 0, relu + 1
    return relu, 1, int(relu)


def _compile_both_ways(layer: Bidirectional, spot: Spot) -> Step:
    forward, backward = (spot.compile(body, place, leads=True) for place, body in layer.bodies().items())
    return BidirectionalStep(spot.context, spot.at, (forward, backward), spot.first)


def _compile_channels(layer: Channelwise, spot: Spot) -> Step:
    return ChannelwiseStep(spot.context, spot.at, layer, spot.compile(layer.body, leads=True), spot.first)


def _compile_branches(layer: Concat | Add, spot: Spot) -> Step:
    branches = [spot.compile(branch, place, leads=True) for place, branch in layer.bodies().items()]
    return BranchesStep(spot.context, spot.at, layer, branches, spot.first)


# layers that need several steps or absorb layers after them: the steps, and how many layers are absorbed
FUSED: dict[type[Layer], Callable[[Any, Spot], tuple[list[Step], int]]] = {
    Embed: _compile_embed,
    TokenConv: _compile_token_conv,
    Conv: _compile_conv,
    DepthwiseConv: _compile_depthwise,
    SeparableConv: _compile_separable,
    Gru: _compile_recurrent,
    Lstm: _compile_recurrent,
}
SINGLE: dict[type[Layer], Callable[[Any, Spot], Step]] = {
    NgramBag: lambda layer, spot: NgramBagStep(spot.context, spot.at, layer),
    Relu: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Tanh: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Sigmoid: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Elu: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Gelu: lambda layer, spot: GeluStep(spot.context, spot.at),
    Softmax: lambda layer, spot: SoftmaxStep(spot.context, spot.at),
    Dropout: lambda layer, spot: DropoutStep(spot.context, spot.at),
    SpatialDropout: lambda layer, spot: DropoutStep(spot.context, spot.at, whole=True),
    BatchNormalisation: lambda layer, spot: BatchNormalisationStep(spot.context, spot.at, layer),
    LayerNormalisation: lambda layer, spot: LayerNormalisationStep(spot.context, spot.at, layer),
    SubtractLast: lambda layer, spot: SubtractLastStep(spot.context, spot.at, layer.channels),
    MaxPool: lambda layer, spot: MaxPoolStep(spot.context, spot.at, layer.size),
    AveragePool: lambda layer, spot: AveragePoolStep(spot.context, spot.at, layer.size),
    GlobalMaxPool: lambda layer, spot: GlobalMaxPoolStep(spot.context, spot.at),
    GlobalAveragePool: lambda layer, spot: GlobalAveragePoolStep(spot.context, spot.at),
    LastStep: lambda layer, spot: LastStepStep(spot.context, spot.at),
    Patch: lambda layer, spot: PatchStep(spot.context, spot.at, layer.size),
    Flatten: lambda layer, spot: FlattenStep(spot.context, spot.at),
    Residual: lambda layer, spot: ResidualStep(spot.context, spot.at, spot.compile(layer.body)),
    Concat: _compile_branches,
    Add: _compile_branches,
    Bidirectional: _compile_both_ways,
    Channelwise: _compile_channels,
    Normalise: lambda layer, spot: NormaliseStep(spot.context, spot.at, layer, spot.compile(layer.body, leads=True)),
    SimpleRnn: lambda layer, spot: SimpleRnnStep(spot.context, spot.at, layer, spot.first),
    Dense: lambda layer, spot: DenseStep(spot.context, spot.at, layer.outputs, spot.first),
}

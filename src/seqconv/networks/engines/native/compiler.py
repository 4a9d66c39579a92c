"""The steps that run on native kernels, and the compiler that finds them in a plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seqconv.networks.engines.native.channel_steps import ChannelwiseStep, NormaliseStep
from seqconv.networks.engines.native.context import Context, Step
from seqconv.networks.engines.native.kernel_steps import (
    ConvOptions,
    ConvStep,
    DenseStep,
    EmbedConvStep,
    EmbedRecurrentStep,
    EmbedStep,
    RecurrentStep,
)
from seqconv.networks.engines.native.plain_steps import (
    ActivationStep,
    DropoutStep,
    FlattenStep,
    GlobalAveragePoolStep,
    GlobalMaxPoolStep,
    LastStepStep,
    MaxPoolStep,
    PatchStep,
    ResidualStep,
    SubtractLastStep,
)
from seqconv.networks.engines.native.token_steps import BranchesStep, NgramBagStep, TokenConvStep
from seqconv.networks.layers.base import Layer, Plan
from seqconv.networks.layers.kinds import (
    Add,
    Channelwise,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Relu,
    Residual,
    SubtractLast,
    Tanh,
    TokenConv,
)


@dataclass(frozen=True)
class Spot:
    """Where a layer stands in a plan.

    Args:
        following: the layers after it.
        prefix, index: of its name; the weights' names begin with `at`.
        first: it reads the network's own input, which needs no gradient.
    """

    following: Plan
    context: Context
    prefix: str
    index: int
    first: bool

    @property
    def at(self) -> str:
        """Its place, `"2.0.1"`."""
        return f"{self.prefix}{self.index}"

    @property
    def next_at(self) -> str:
        """The place of the layer after it."""
        return f"{self.prefix}{self.index + 1}"

    def compile(self, body: Plan, place: str = "", leads: bool = False) -> list[Step]:
        """The steps of a plan within the layer; `leads`: it reads what the layer reads."""
        return compile_plan(body, self.context, f"{self.at}.{place}", leads=leads and self.first)


def compile_plan(plan: Plan, context: Context, prefix: str = "", start: int = 0, leads: bool = True) -> list[Step]:
    """Steps for the layers of `plan` from `start` on; the weights' names begin with `prefix`.

    Args:
        leads: layer 0 reads the network's own input, which needs no gradient.

    Raises:
        TypeError: a layer that has no step.
    """
    steps: list[Step] = []
    while start < len(plan):
        layer = plan[start]
        spot = Spot(plan[start + 1 :], context, prefix, start, leads and start == 0)
        if type(layer) in FUSED:
            step, taken = FUSED[type(layer)](layer, spot)
        elif type(layer) in SINGLE:
            step, taken = SINGLE[type(layer)](layer, spot), 0
        else:
            raise TypeError(f"engines/native: must have a step for the layer {layer.kind()!r}; it has none")
        steps.append(step)
        start += 1 + taken
    return steps


def _compile_embed(embed: Embed, spot: Spot) -> tuple[Step, int]:
    """With the layer after it if both are one look-up."""
    context, at, next_at = spot.context, spot.at, spot.next_at
    match spot.following[:1]:
        case (Conv() as conv,):
            relu, pool, taken = _read_fused(spot.following[1:])
            return EmbedConvStep(context, at, next_at, ConvOptions(conv, relu, pool)), 1 + taken
        case (Gru() | Lstm() as layer,) if not layer.dropout and not layer.recurrent_dropout:
            last = _begins_with_last_step(spot.following[1:])
            return EmbedRecurrentStep(context, at, next_at, layer, last), 1 + last
    return EmbedStep(context, at, embed), 0


def _compile_token_conv(layer: TokenConv, spot: Spot) -> tuple[Step, int]:
    relu, pool, taken = _read_fused(spot.following)
    return TokenConvStep(spot.context, spot.at, layer, relu, pool), taken


def _compile_conv(conv: Conv, spot: Spot) -> tuple[Step, int]:
    relu, pool, taken = _read_fused(spot.following)
    return ConvStep(spot.context, spot.at, ConvOptions(conv, relu, pool), spot.first), taken


def _compile_recurrent(layer: Gru | Lstm, spot: Spot) -> tuple[Step, int]:
    last = _begins_with_last_step(spot.following)
    return RecurrentStep(spot.context, spot.at, layer, last, spot.first), int(last)


def _begins_with_last_step(layers: Plan) -> bool:
    return isinstance(next(iter(layers), None), LastStep)


def _read_fused(layers: Plan) -> tuple[bool, int, int]:
    """Of the two layers after a convolution, what runs in its kernel: is there a relu, the pool's steps (1: none, 0:
    all), and how many layers that is."""
    relu = isinstance(next(iter(layers), None), Relu)
    match layers[relu : relu + 1]:
        case (MaxPool(size),):
            return relu, size, relu + 1
        case (GlobalMaxPool(),):
            return relu, 0, relu + 1
    return relu, 1, int(relu)


def _compile_channels(layer: Channelwise, spot: Spot) -> Step:
    return ChannelwiseStep(spot.context, spot.at, layer, spot.compile(layer.body, leads=True), spot.first)


def _compile_branches(layer: Concat | Add, spot: Spot) -> Step:
    branches = [spot.compile(branch, place, leads=True) for place, branch in layer.bodies().items()]
    return BranchesStep(spot.context, spot.at, layer, branches, spot.first)


# layers that take some of those after them into their step, and how many
FUSED: dict[type[Layer], Callable[[Any, Spot], tuple[Step, int]]] = {
    Embed: _compile_embed,
    TokenConv: _compile_token_conv,
    Conv: _compile_conv,
    Gru: _compile_recurrent,
    Lstm: _compile_recurrent,
}


SINGLE: dict[type[Layer], Callable[[Any, Spot], Step]] = {
    NgramBag: lambda layer, spot: NgramBagStep(spot.context, spot.at, layer),
    Relu: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Tanh: lambda layer, spot: ActivationStep(spot.context, spot.at, layer),
    Dropout: lambda layer, spot: DropoutStep(spot.context, spot.at),
    SubtractLast: lambda layer, spot: SubtractLastStep(spot.context, spot.at, layer.channels),
    MaxPool: lambda layer, spot: MaxPoolStep(spot.context, spot.at, layer.size),
    GlobalMaxPool: lambda layer, spot: GlobalMaxPoolStep(spot.context, spot.at),
    GlobalAveragePool: lambda layer, spot: GlobalAveragePoolStep(spot.context, spot.at),
    LastStep: lambda layer, spot: LastStepStep(spot.context, spot.at),
    Patch: lambda layer, spot: PatchStep(spot.context, spot.at, layer.size),
    Flatten: lambda layer, spot: FlattenStep(spot.context, spot.at),
    Residual: lambda layer, spot: ResidualStep(spot.context, spot.at, spot.compile(layer.body)),
    Concat: _compile_branches,
    Add: _compile_branches,
    Channelwise: _compile_channels,
    Normalise: lambda layer, spot: NormaliseStep(spot.context, spot.at, layer, spot.compile(layer.body, leads=True)),
    Dense: lambda layer, spot: DenseStep(spot.context, spot.at, layer.outputs, spot.first),
}

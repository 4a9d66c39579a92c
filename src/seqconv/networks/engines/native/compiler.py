"""The steps that run on native kernels, and the compiler that finds them in a plan."""

from collections.abc import Callable

from seqconv.networks.engines.native.channel_steps import ChannelwiseStep, NormaliseStep
from seqconv.networks.engines.native.context import Context, Step
from seqconv.networks.engines.native.kernel_steps import (
    ConvOptions,
    ConvStep,
    DenseStep,
    EmbedStep,
    RecurrentStep,
    TokenConvStep,
    TokenRecurrentStep,
)
from seqconv.networks.engines.native.plain_steps import (
    DropoutStep,
    FlattenStep,
    GlobalAveragePoolStep,
    GlobalMaxPoolStep,
    LastStepStep,
    MaxPoolStep,
    PatchStep,
    ReluStep,
    ResidualStep,
    SubtractLastStep,
    TanhStep,
)
from seqconv.networks.engines.native.token_steps import BranchesStep, NgramBagStep, TokenFilterStep
from seqconv.networks.layers.base import (
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
    Layer,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Plan,
    Relu,
    Residual,
    SubtractLast,
    Tanh,
    TokenConv,
)

PLAIN: dict[type, Callable[[Context, str], Step]] = {
    Relu: ReluStep,
    Tanh: TanhStep,
    GlobalMaxPool: GlobalMaxPoolStep,
    GlobalAveragePool: GlobalAveragePoolStep,
    LastStep: LastStepStep,
    Flatten: FlattenStep,
    Dropout: DropoutStep,
}


def compile_plan(plan: Plan, context: Context, prefix: str = "", start: int = 0, leads: bool = True) -> list[Step]:
    """Steps for the layers of `plan` from `start` on; the weights' names begin with `prefix`.

    Args:
        leads: layer 0 reads the network's own input, which needs no gradient.
    """
    steps = []
    while start < len(plan):
        step, taken = _compile_at(plan, context, prefix, start, leads and start == 0)
        steps.append(step)
        start += taken
    return steps


def _compile_at(plan: Plan, context: Context, prefix: str, index: int, first: bool) -> tuple[Step, int]:
    """The step that begins at that layer, and the number of layers that it covers."""
    at = f"{prefix}{index}"
    match plan[index]:
        case Embed() as embed:
            return _compile_embed(plan, context, at, f"{prefix}{index + 1}", embed)
        case Conv() as conv:
            options, taken = _conv_options(conv, plan[index + 1 : index + 3])
            return ConvStep(context, at, options, first), 1 + taken
        case Gru() | Lstm() as layer:
            last = isinstance(_get(plan, index + 1), LastStep)
            return RecurrentStep(context, at, layer, last, first), 1 + last
        case Dense(outputs=outputs):
            return DenseStep(context, at, outputs, first), 1
        case MaxPool(size):
            return MaxPoolStep(context, at, size), 1
        case Patch(size):
            return PatchStep(context, at, size), 1
        case SubtractLast(channels):
            return SubtractLastStep(context, at, channels), 1
        case Residual(body):
            return ResidualStep(context, at, compile_plan(body, context, f"{at}.", leads=False)), 1
        case Channelwise(body) as layer:
            return ChannelwiseStep(context, at, layer, compile_plan(body, context, f"{at}.", leads=first), first), 1
        case Normalise(body) as layer:
            return NormaliseStep(context, at, layer, compile_plan(body, context, f"{at}.")), 1
        case TokenConv() as filters:
            relu, pool, taken = _following(plan[index + 1 : index + 3])
            return TokenFilterStep(context, at, filters, relu, pool), 1 + taken
        case NgramBag() as bag:
            return NgramBagStep(context, at, bag), 1
        case (Concat() | Add()) as layer:
            branches = [
                compile_plan(branch, context, f"{at}.{number}.", leads=first)
                for number, branch in enumerate(layer.branches)
            ]
            return BranchesStep(context, at, layer, branches, first), 1
        case layer:
            return PLAIN[type(layer)](context, at), 1


def _get(plan: Plan, index: int) -> Layer | None:
    return plan[index] if index < len(plan) else None


def _compile_embed(plan: Plan, context: Context, at: str, next_at: str, embed: Embed) -> tuple[Step, int]:
    index = int(at.rpartition(".")[2])
    match _get(plan, index + 1):
        case Conv() as conv:
            options, taken = _conv_options(conv, plan[index + 2 : index + 4])
            return TokenConvStep(context, at, next_at, options), 2 + taken
        case Gru() | Lstm() as layer if not layer.dropout and not layer.recurrent_dropout:
            last = isinstance(_get(plan, index + 2), LastStep)
            return TokenRecurrentStep(context, at, next_at, layer, last), 2 + last
    return EmbedStep(context, at, embed), 1


def _conv_options(conv: Conv, following: Plan) -> tuple[ConvOptions, int]:
    """What of the two layers after a convolution runs with it, and how many layers that is."""
    relu, pool, taken = _following(following)
    return ConvOptions(conv, relu, pool), taken


def _following(layers: Plan) -> tuple[bool, int, int]:
    """Of the two layers after a convolution: is there a relu, the pool's steps (1: none, 0: all), how many count."""
    relu = bool(layers) and isinstance(layers[0], Relu)
    match layers[relu : relu + 1]:
        case (MaxPool(size),):
            return relu, size, relu + 1
        case (GlobalMaxPool(),):
            return relu, 0, relu + 1
    return relu, 1, int(relu)

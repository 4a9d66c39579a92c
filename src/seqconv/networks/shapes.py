"""Shapes that leave layers, and what a layer cannot take."""

from seqconv.errors import ConfigError
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
    ReadsIds,
    Relu,
    Residual,
    Shape,
    Tanh,
    TokenConv,
)

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
        case Residual() | Channelwise() | Normalise():
            return _wrap(layer, shape)
        case Concat(branches) | Add(branches):
            return _join(layer, [shapes(branch, shape)[-1] for branch in branches if branch])
        case Gru() | Lstm():
            return (shape[0], layer.units)
        case Dense(outputs=outputs):
            return (outputs,)
    return shape


def _wrap(layer: Residual | Channelwise | Normalise, shape: Shape) -> Shape:
    """Shape that leaves a layer with one body."""
    enters = (shape[0], 1) if isinstance(layer, Channelwise) else shape
    inner = shapes(layer.body, enters)[-1] if layer.body else enters
    match layer:
        case Channelwise():
            if len(inner) != 1:
                raise ConfigError(f"channelwise: the body must end in one vector; got {inner}. Flatten or pool it")
            return (inner[0] * _count_channels("channelwise", layer, shape),)
        case Normalise():
            count = _count_channels("normalise", layer, shape)
            if len(inner) != 1 or inner[0] % count:
                raise ConfigError(
                    f"normalise: the body must end in a vector, as many values for each of {count} channels; "
                    f"got {inner}"
                )
        case Residual() if inner != shape:
            raise ConfigError(f"residual: the body must keep the shape {shape}; it gives {inner}")
    return inner


def _count_channels(name: str, layer: Channelwise | Normalise, shape: Shape) -> int:
    if layer.channels > shape[1]:
        raise ConfigError(f"{name}: channels must be at most the input's {shape[1]}; got {layer.channels}")
    return layer.count(shape[1])


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

"""Properties of a whole plan: its layers in order, shapes, weights, masks, receptive field and cost."""

import math
from collections.abc import Iterator

import numpy as np

from seqconv.errors import ConfigError
from seqconv.networks.layers.base import IDS, Field, Layer, Plan, Shape, Weights
from seqconv.networks.layers.weights import Weight


def walk(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer with its path: `"2"`, then `"2.0"`, `"2.1"` for the body of a residual layer 2; `"2.0.1"` is the
    second layer of the first branch of layer 2."""
    for index, layer in enumerate(plan):
        at = f"{prefix}{index}"
        yield at, layer
        for place, body in layer.bodies().items():
            yield from walk(body, f"{at}.{place}")


def entries(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers that read the network's own input, with their paths."""
    for layer in plan[:1]:
        if not layer.opens:
            yield f"{prefix}0", layer
            continue
        for place, body in layer.bodies().items():
            yield from entries(body, f"{prefix}0.{place}")


def shapes(plan: Plan, shape: Shape) -> list[Shape]:
    """Shape after each layer, without the batch.

    >>> from seqconv.networks.layers.kinds import Conv, Embed, GlobalMaxPool
    >>> shapes((Embed(10, 4), Conv(4, 8, 3), GlobalMaxPool()), (20,))
    [(20, 4), (18, 8), (8,)]
    """
    found = []
    for layer in plan:
        shape = layer.output_shape(shape)
        found.append(shape)
    return found


def count_outputs(plan: Plan, shape: Shape) -> int:
    """Outputs per example of a plan that reads examples of `shape`.

    Raises:
        ConfigError: the plan cannot take this shape, or does not end in one vector.
    """
    first = dict(entries(plan))
    for at, layer in walk(plan):
        if layer.must_lead and at not in first:
            raise ConfigError(f"network: {layer.kind()} {layer.must_lead}, so it must be the first layer")
    if len({layer.reads is IDS for layer in first.values()}) > 1:
        raise ConfigError("network: the first layers of all branches must read ids, or none of them; got both kinds")
    final = shapes(plan, shape)[-1] if plan else shape
    if len(final) != 1:
        raise ConfigError(f"network: must end in one vector per example; got shape {final}. Add a pooling layer")
    return final[0]


def plan_weights(plan: Plan) -> dict[str, Weight]:
    """Every weight array by name, in the order of the layers."""
    return {f"{at}.{name}": weight for at, layer in walk(plan) for name, weight in layer.weights().items()}


def weight_shapes(plan: Plan) -> dict[str, Shape]:
    """Name and shape of every weight array, in the order of the layers; Keras's layouts.

    >>> from seqconv.networks.layers.kinds import Conv
    >>> weight_shapes((Conv(14, 32, 5),))
    {'0.kernel': (5, 14, 32), '0.bias': (32,)}
    """
    return {name: weight.shape for name, weight in plan_weights(plan).items()}


def count_parameters(plan: Plan) -> int:
    """Total number of values in the weight arrays."""
    return sum(math.prod(shape) for shape in weight_shapes(plan).values())


def initial_weights(plan: Plan, seed: int) -> Weights:
    """Initial weights, float32, drawn in the order of the layers; see `layers.weights`."""
    random = np.random.default_rng(seed)
    return {
        name: weight.initial(weight.shape, random).astype(np.float32, copy=False)
        for name, weight in plan_weights(plan).items()
    }


def mask_shapes(plan: Plan, shape: Shape, prefix: str = "") -> dict[str, tuple[Shape, float]]:
    """Shape (without the batch) and rate of every dropout mask that training draws."""
    found: dict[str, tuple[Shape, float]] = {}
    for index, layer in enumerate(plan):
        found |= {f"{prefix}{index}.{name}": mask for name, mask in layer.masks(shape).items()}
        shape = layer.output_shape(shape)
    return found


def grow_field(plan: Plan, field: Field, shape: Shape) -> Field:
    """The receptive field after the plan, given that of its input."""
    for layer in plan:
        field = field if field.steps is None else layer.field_after(field, shape)
        shape = layer.output_shape(shape)
    return field


def sum_multiply_adds(plan: Plan, shape: Shape) -> int:
    """Multiply-adds for one example."""
    before = [shape, *shapes(plan, shape)]
    return sum(layer.multiply_adds(at) for layer, at in zip(plan, before, strict=False))

"""Models of Keras, sequential or functional, as plans: a chain of layers, in which branches begin and end together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.errors import BundleError, shorten
from seqconv.networks.keras.layers import IDS, ONE_VECTOR, STEPS, Part, Source, read_layer
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.kinds import Add, Concat, Dropout, Residual, Sigmoid, Softmax

MOST_LAYERS = 300
MERGES = {"Add": Add, "Concatenate": Concat}
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class KerasNetwork:
    """A model of Keras as a plan.

    Args:
        plan, weights: without the activation that the model ends in, as all plans here.
        shape: of one input, `(L,)` ids or `(L, C)` values; None: any number of steps.
        ending: that activation, `sigmoid` or `softmax`; empty: none.
    """

    plan: Plan
    weights: Weights
    shape: Shape
    ending: str


@dataclass(frozen=True)
class _Node:
    """A layer in the model's graph, and the names of those that it reads; `source` of the input: None."""

    source: Source | None
    inputs: tuple[str, ...]


def read_network(config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> KerasNetwork:
    """The model of a file.

    Args:
        config, arrays: see `data.keras.KerasFile`.

    Raises:
        BundleError: a plan cannot say what the model does; the message names the layer.
    """
    kind, inner = config.get("class_name"), config.get("config")
    if kind not in ("Sequential", "Functional") or not isinstance(inner, dict):
        raise BundleError(f"must be a Sequential or Functional model; got {shorten(repr(kind), 60)}. Build it as one")
    try:
        layers = inner["layers"]
        if not isinstance(layers, list) or not 0 < len(layers) <= MOST_LAYERS:
            raise BundleError(f"must have 1 to {MOST_LAYERS} layers; it has not. Use a smaller model")
        read = _read_sequence if kind == "Sequential" else _read_graph
        nodes, shape, end = read(layers, inner, arrays)
        plan, weights = join_parts(_Reader(nodes, IDS if len(shape) == 1 else STEPS).read(end))
    except BundleError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, StopIteration, RecursionError) as error:
        raise BundleError(f"must be a model as Keras 3 writes it; {shorten(repr(error))}. Save it again") from error
    ending = plan[-1].kind() if plan and isinstance(plan[-1], Sigmoid | Softmax) else ""
    return KerasNetwork(plan[:-1] if ending else plan, weights, shape, ending)


def join_parts(parts: list[Part]) -> tuple[Plan, Weights]:
    """Layers one after the other, and their weights under the names that they have in the plan."""
    weights = {f"{at}.{name}": array for at, (_, own) in enumerate(parts) for name, array in own.items()}
    return tuple(layer for layer, _ in parts), weights


def _read_sequence(
    layers: list[Any], inner: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, _Node], Shape, str]:
    nodes, before = {"": _Node(None, ())}, ""
    shape: Shape | None = None
    for number, (name, source) in enumerate(_list_sources(layers, arrays)):
        if source.kind == "InputLayer":
            shape = _read_shape(source.config.get("batch_shape") or source.config.get("batch_input_shape"))
            continue
        key = f"{number} {name}"
        nodes[key], before = _Node(source, (before,)), key
    found = shape or _read_shape(inner.get("build_input_shape"))
    return nodes, found, before


def _read_graph(
    layers: list[Any], inner: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, _Node], Shape, str]:
    start, end = (_read_end(inner[key]) for key in ("input_layers", "output_layers"))
    nodes: dict[str, _Node] = {}
    shape: Shape = ()
    for (name, source), table in zip(_list_sources(layers, arrays), layers, strict=True):
        if name == start:
            shape = _read_shape(source.config.get("batch_shape") or source.config.get("batch_input_shape"))
            nodes[name] = _Node(None, ())
            continue
        if len(table["inbound_nodes"]) != 1:
            raise source.refuse("it must be used once; its weights are shared")
        nodes[name] = _Node(source, _list_inputs(table["inbound_nodes"][0]))
    return nodes, _read_shape([None, *shape]), end


def _read_end(value: Any) -> str:
    """The name of the only input or output: `[name, 0, 0]`, or a list of one of those."""
    if isinstance(value[0], list) and len(value) == 1:
        value = value[0]
    if not isinstance(value[0], str):
        raise BundleError(f"must have one input and one output; got {len(value)} of them. Build it so")
    return str(value[0])


def _list_inputs(node: Any) -> tuple[str, ...]:
    """The layers whose outputs a layer reads."""
    if isinstance(node, list):  # as Keras 2 wrote it: [[name, 0, 0, {}], ...]
        return tuple(str(each[0]) for each in node)
    given = node["args"]
    given = given[0] if len(given) == 1 and isinstance(given[0], list) else given
    return tuple(str(each["config"]["keras_history"][0]) for each in given)


def _read_shape(value: Any) -> Shape:
    """Without the batch.

    Raises:
        BundleError: not ids, nor steps and channels.
    """
    sizes = tuple(value[1:]) if isinstance(value, list) else ()
    whole = all(size is None or (type(size) is int and size > 0) for size in sizes)
    if len(sizes) not in (1, 2) or not whole or (len(sizes) == 2 and sizes[1] is None):
        must = "must read ids [L] or steps and channels [L, C]"
        raise BundleError(f"{must}; its input is {shorten(repr(value), 60)}. Name the shape in keras.Input")
    return sizes


def _list_sources(layers: list[Any], arrays: Mapping[str, np.ndarray]) -> list[tuple[str, Source]]:
    """Each layer with its name; weights are stored under the name of its class, which is numbered."""
    counts: dict[str, int] = {}
    found = []
    for table in layers:
        kind, config = table["class_name"], table["config"]
        name = str(config.get("name", table.get("name", kind)))
        registered = table.get("registered_name")
        if not isinstance(kind, str) or (registered and registered != kind):
            named, own = (shorten(repr(each), 60) for each in (name, registered or kind))
            raise BundleError(f"layer {named}: it is a custom object, {own}, whose code is not here. Leave it out")
        place = to_snake_case(kind)
        number = counts[place] = counts.get(place, -1) + 1
        found.append((name, Source(kind, name, config, f"{place}_{number}" if number else place, arrays)))
    return found


def to_snake_case(name: str) -> str:
    """As Keras does: `conv1d`, `global_max_pooling1d`, `gru`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class _Reader:
    """Turns a graph of layers into a chain, whose branches begin at one layer and end at another."""

    def __init__(self, nodes: Mapping[str, _Node], rank: int) -> None:
        self.nodes, self.rank = nodes, rank
        self.used: set[str] = set()
        self.known: dict[str, tuple[str, ...]] = {}

    def read(self, end: str) -> list[Part]:
        """All layers up to the output."""
        start = next(name for name, node in self.nodes.items() if node.source is None)
        parts, rank = self._chain(end, start, self.rank)
        if rank != ONE_VECTOR:
            raise BundleError("must end in one vector for each example; it does not. Add a pooling layer")
        return parts

    def _passes(self, name: str) -> tuple[str, ...]:
        """The layers through which every path from the input to this one leads, itself the last."""
        if name not in self.known:
            self.known[name] = ()  # of a layer that reads itself
            before = [self._passes(each) for each in self.nodes[name].inputs]
            alike = [each for each in before[0] if all(each in other for other in before)] if before else []
            self.known[name] = (*alike, name)
        return self.known[name]

    def _chain(self, end: str, start: str, rank: int) -> tuple[list[Part], int]:
        """The layers after `start`, up to `end`; `rank` is that of what `start` gives."""
        if end == start:
            return [], rank
        node = self.nodes[end]
        source = node.source
        if source is None or not node.inputs:
            raise BundleError(f"layer {end!r}: it must follow from the input; it does not. Build the model anew")
        if end in self.used:
            raise source.refuse("branches that begin and end together must not share it")
        self.used.add(end)
        if source.kind not in MERGES:
            if len(node.inputs) > 1:
                raise source.refuse(f"it must read one layer; it reads {len(node.inputs)}")
            parts, rank = self._chain(node.inputs[0], start, rank)
            own, rank = read_layer(source, rank)
            return [*parts, *own], rank
        fork = [each for each in self._passes(node.inputs[0]) if all(each in self._passes(o) for o in node.inputs)][-1]
        parts, rank = self._chain(fork, start, rank)
        branches = [self._chain(each, fork, rank) for each in node.inputs]
        if len({own for _, own in branches}) > 1:
            raise source.refuse("what it joins must have as many axes")
        return [*parts, _merge(source, [own for own, _ in branches], branches[0][1])], branches[0][1]


def _merge(source: Source, branches: list[list[Part]], rank: int) -> Part:
    """Branches as one layer; one that does nothing becomes a dropout of nothing, or the sum a residual layer."""
    if source.kind == "Concatenate":
        source.need("axis", -1, 1 if rank == ONE_VECTOR else 2)
    elif len(branches) == 2 and [] in branches:
        plan, weights = join_parts(branches[0] or branches[1])
        return Residual(plan), weights
    joined = [join_parts(each or [(Dropout(0.0), {})]) for each in branches]
    named = {f"{number}.{name}": array for number, (_, own) in enumerate(joined) for name, array in own.items()}
    return MERGES[source.kind](tuple(plan for plan, _ in joined)), named

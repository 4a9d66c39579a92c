"""A trained model as operators of ONNX: what all tasks share. See `networks.graphs`."""

from typing import Any, Protocol

import numpy as np

from seqconv.networks.graphs.graph import Graph
from seqconv.networks.graphs.layers import Spot, draw_plan
from seqconv.networks.layers.base import Weights
from seqconv.networks.plan import count_outputs
from seqconv.recipes.sections import BLEND, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import split_parts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.kinds import find_task
from seqconv.tasks.outcomes import Outcome
from seqconv.tasks.steps import StepNumber
from seqconv.tasks.task import Arrays
from seqconv.tasks.values import Number, Values


def name_examples(inputs: Any, count: int) -> str:
    """What the examples of a trial are; None: not those of the data."""
    return f"{count} {'made-up' if inputs is None else 'test'} examples"


class GraphInputs(Protocol):
    """What the models of a task read, in a graph."""

    @property
    def graph(self) -> Graph:
        """The graph."""

    @property
    def network(self) -> str:
        """What a network reads: ids int64 `[B, L]` or values float32 `[B, L, C]`."""

    @property
    def base(self) -> str | None:
        """What is added to a network's outputs, float64 `[B, outputs]`; None: nothing."""


def draw_model(bundle: AnyBundle, inputs: GraphInputs) -> str:
    """The outputs of a network, baseline or blend, float64 `[B, outputs]`, as `Model.predict` returns them.

    Raises:
        ConfigError: a layer or baseline that ONNX has no operators for.
    """
    recipe, kinds = bundle.recipe, find_task(bundle.recipe).baselines
    if not recipe.has_layers:
        return restore(kinds, recipe.training.model, bundle.features, bundle.weights).draw(inputs)
    if recipe.training.model != BLEND:
        return _draw_network(bundle, bundle.weights, inputs)
    parts, graph, count = split_parts(bundle.weights, recipe.task), inputs.graph, bundle.features.target.outputs
    network = _draw_network(bundle, parts.network, inputs)
    own = graph.cut(network, 1, 0, count)
    answers = {kind: restore(kinds, kind, bundle.features, each).draw(inputs) for kind, each in parts.members.items()}
    answers[NETWORK] = own if inputs.base is None else graph.add("Add", own, inputs.base)
    weighed = [graph.add("Mul", answers[name], np.asarray(factor)) for name, factor in parts.factors.items()]
    blended = graph.add("Sum", *weighed)
    blended = blended if inputs.base is None else graph.add("Sub", blended, inputs.base)
    moved, width = graph.add("Sub", blended, own), count_outputs(bundle.plan, bundle.shape)
    bounds = [graph.add("Add", graph.cut(network, 1, at, at + count), moved) for at in range(count, width, count)]
    return graph.join([blended, *bounds], 1)


def _draw_network(bundle: AnyBundle, weights: Weights, inputs: GraphInputs) -> str:
    outputs = draw_plan(bundle.plan, inputs.network, Spot(inputs.graph, weights, "", bundle.shape))
    return inputs.graph.cast(outputs, np.float64)


def draw_bounds(graph: Graph, outputs: str, target: Values, width: int) -> list[str]:
    """Point forecasts, and what `target.bounds` names, after the conformal correction, each float64 `[B, answers]`.

    Args:
        outputs: of a network with `width` values.

    Reference: `networks.outputs.take_bounds`, `correct_bounds` and `correct_quantiles`.
    """
    answers = 1 if isinstance(target, Number) else target.outputs
    margins = np.array(target.margins, np.float64)
    point, count = graph.cut(outputs, 1, 0, answers), len(target.bounds)
    firsts = range(answers, (count + 1) * answers, answers)
    bounds = [graph.cut(outputs, 1, at, at + answers) if width > answers else point for at in firsts]
    if target.levels:
        shifts = margins.reshape(count, 1, answers)
        moved = [graph.add("Add", each, shift) for each, shift in zip(bounds, shifts, strict=True)]
        return [point, *_sort_together(graph, moved, answers)]
    if not count:
        return [point]
    lower, upper = bounds
    lower = graph.add("Min", graph.add("Sub", graph.add("Min", lower, point), margins), point)
    upper = graph.add("Max", graph.add("Add", graph.add("Max", upper, point), margins), point)
    return [point, lower, upper]


def describe_bounds(target: Values) -> dict[str, str]:
    """What `target.bounds` names, in words."""
    sides = {"low": "lower bound", "high": "upper bound"}
    return {name: sides.get(name) or f"quantile at {name[1:]}" for name in target.bounds}


def _sort_together(graph: Graph, values: list[str], answers: int) -> list[str]:
    """For each answer the values `[B, answers]` in ascending order."""
    stacked = graph.sort(graph.join([graph.reshape(each, -1, 1, answers) for each in values], 1))
    return [graph.take(stacked, 1, place) for place in range(len(values))]


def give_outcome(bundle: AnyBundle, graph: Graph, outputs: str) -> None:
    """The outputs that answer: `probabilities` float32 `[B, classes]`, or `prediction` and what `target.bounds`
    names float64 `[B]` in the unit of the number."""
    target: Outcome = bundle.features.target
    if isinstance(target, ClassTarget):
        found = graph.cast(_draw_probabilities(target, graph, outputs), np.float32)
        about = "probability of each class, in the order of `classes`"
        graph.give("probabilities", found, np.float32, ("batch", len(target.names)), about)
        return
    names = {"prediction": "the number"} | describe_bounds(target)
    for (name, about), scaled in zip(names.items(), _draw_numbers(bundle, target, graph, outputs), strict=True):
        values = graph.add("Add", graph.add("Mul", scaled, target.std), target.mean)
        if isinstance(target, StepNumber):
            values = graph.add("Max", graph.add("Min", values, target.values[-1:]), target.values[:1])
        graph.give(name, graph.reshape(values, -1), np.float64, ("batch",), f"{about}, in its unit")


def answer_outcome(target: Outcome, outputs: np.ndarray) -> Arrays:
    """What `give_outcome` has a graph answer, from a model's outputs."""
    if isinstance(target, ClassTarget):
        return {"probabilities": target.probabilities(outputs)}
    return {name: np.asarray(values) for name, values in target.answer(outputs).items()}


def _draw_probabilities(target: ClassTarget, graph: Graph, outputs: str) -> str:
    """Float64 `[B, classes]`."""
    if target.outputs > 1 and not target.several:
        return graph.add("Softmax", outputs, axis=-1)
    positive = graph.add("Sigmoid", outputs)
    if target.several:
        return positive
    return graph.join([graph.add("Sigmoid", graph.add("Neg", outputs)), positive], 1)


def _draw_numbers(bundle: AnyBundle, target: Number, graph: Graph, outputs: str) -> list[str]:
    """Scaled predictions and bounds, float64 `[B, 1]`."""
    width = count_outputs(bundle.plan, bundle.shape) if bundle.plan else target.outputs
    if isinstance(target, StepNumber):
        below = graph.add("CumSum", _draw_probabilities(target.classes, graph, outputs), np.int64(1))
        found = [_draw_step(target, graph, below, level) for level in (0.5, *target.levels)]
        outputs, width = graph.join(found, 1), len(found)
    return draw_bounds(graph, outputs, target, width)


def _draw_step(target: StepNumber, graph: Graph, below: str, level: float) -> str:
    """See `StepNumber.to_quantile`, of the probabilities of values up to each."""
    reached = graph.cast(graph.add("GreaterOrEqual", below, np.float64(level - 1e-9)), np.float32)
    return graph.add("Gather", target.scaled, graph.add("ArgMax", reached, axis=1, keepdims=1), axis=0)

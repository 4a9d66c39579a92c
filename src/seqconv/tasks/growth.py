"""A trained network that goes on with more classes or words than it had: its weights, moved to a larger plan."""

from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.networks.layers.base import Weights
from seqconv.networks.layers.tokens import NgramBag, ReadsIds
from seqconv.networks.losses import values_per_answer
from seqconv.networks.ngrams import fit_scales
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import plan_weights, walk
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BLEND
from seqconv.tasks.blend import join_parts, split_parts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.examples import Part
from seqconv.tasks.labels import make_target
from seqconv.tasks.target import Target

UNLIKELY = -1.0  # bias of a class that a model did not have


def grow_classes(bundle: AnyBundle, data: Any, threads: int = 1) -> AnyBundle:
    """The model with the classes that it lacks of the newer data, after its own; forecasts have none.

    Args:
        data: as a task's `load` gives them.
    """
    grown = add_classes(bundle, data)
    if grown is bundle.features.target:
        return bundle
    return regrow(bundle, bundle.features.aim(grown), fit_recipe(bundle.recipe, grown))


def add_classes(bundle: AnyBundle, data: Any) -> Target:
    """The target of a model, with the classes of newer data that it lacks after its own."""
    target: Target = bundle.features.target
    classes = getattr(data.train, "classes", ())
    if not isinstance(target, ClassTarget) or set(classes) <= set(target.names):
        return target
    return make_target((*target.names, *(name for name in classes if name not in target.names)), target.several)


def fit_recipe(recipe: AnyRecipe, target: Target) -> AnyRecipe:
    """The recipe for more classes than it had: a loss of several, without the threshold of one of two."""
    if recipe.training.loss == target.loss:
        return recipe
    loss: Any = target.loss
    return replace(recipe, training=replace(recipe.training, loss=loss, threshold="", positive=""))


def regrow(bundle: AnyBundle, features: Any, recipe: AnyRecipe, ids: int = 0) -> AnyBundle:
    """The model with larger features; the weights that it lacks count nothing.

    Args:
        ids: how many of the ids that it can read had a word before; 0: no word is new.
    """
    if not bundle.plan:
        return replace(bundle, features=features, recipe=recipe)
    outputs = features.target.outputs * values_per_answer(recipe.network_training.levels)
    plan = build_plan(recipe.network.layers, bundle.shape, recipe.features.ids, outputs)
    parts, task = split_network(bundle), recipe.task
    before = dict(walk(bundle.plan))
    network = {}
    for name, weight in plan_weights(plan).items():
        own, layer = parts[name], before[name.rpartition(".")[0]]
        if ids and weight.by_id and isinstance(layer, ReadsIds):
            own = _add_words(layer, own, ids, weight.shape[0])
        network[name] = widen_outputs(own, weight.shape[-1], weight.trained)
    grown = replace(bundle, features=features, recipe=recipe, plan=plan)
    if recipe.training.model != BLEND:
        return replace(grown, weights=network)
    return replace(grown, weights=join_parts(split_parts(bundle.weights, task)._replace(network=network), task))


def split_network(bundle: AnyBundle) -> Weights:
    """The weights of a model's network, which may stand in a blend."""
    if bundle.recipe.training.model != BLEND:
        return bundle.weights
    return split_parts(bundle.weights, bundle.recipe.task).network


def start_weights(bundle: AnyBundle, part: Part[Any], threads: int) -> Weights:
    """The weights with which a grown network goes on: n-grams that training never saw are scaled as the newer examples
    tell."""
    weights = dict(split_network(bundle))
    for name, fresh in fit_scales(bundle.plan, part.inputs, part.targets, threads).items():
        weights[name] = np.where(weights[name] == 0, fresh, weights[name])
    return weights


def widen_outputs(weights: np.ndarray, outputs: int, trained: bool = True, new: float = 0.0) -> np.ndarray:
    """Weights `[..., outputs]` for more outputs. A single logit becomes those of two classes, half as large each.

    Args:
        trained: else they are scales, of which each output has its own.
        new: those of the outputs that are new.
    """
    if weights.shape[-1] == outputs:
        return weights
    if weights.ndim == 1 and trained:
        new = UNLIKELY
    if weights.shape[-1] == 1:
        weights = np.concatenate([weights, weights], axis=-1)
        weights = weights * np.array([-0.5, 0.5], weights.dtype) if trained else weights
    more = np.full((*weights.shape[:-1], outputs - weights.shape[-1]), new, weights.dtype)
    return np.concatenate([weights, more], axis=-1)


def _add_words(layer: ReadsIds, table: np.ndarray, ids: int, height: int) -> np.ndarray:
    """A table by id with more rows, in front of those of n-grams. New words are read as the unknown word was, and count
    nothing in a bag of n-grams."""
    silent = np.ones_like(table[0]) if (table == 1).all() else layer.silent_row(table)  # scales that are not fitted
    more = np.repeat(silent[None], height - len(table), axis=0)
    found = np.concatenate([table[: layer.rows], more, table[layer.rows :]])
    if not isinstance(layer, NgramBag):
        found[ids : layer.rows] = silent  # rows of no word, which no step has reached
    return found

"""A network that the user brings along, from a file of Keras: its layers in a recipe, its weights to start from.

What the data say in other ways here than in Keras is converted: ids of words, two classes as one output.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from seqconv.data.keras import SUFFIX, read_keras_file
from seqconv.data.urls import name_file
from seqconv.errors import BundleError, OptionError
from seqconv.networks.keras.reading import KerasNetwork, read_network
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.kinds import Dense
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.parsing import describe_plan
from seqconv.networks.plan import walk
from seqconv.recipes.recipe import AnyRecipe, Layers, recipe_from_dict
from seqconv.recipes.sections import LayerSpec
from seqconv.tasks.examples import Features
from seqconv.tasks.kinds import find_task
from seqconv.tasks.values import Values


def is_given(network: Layers) -> TypeGuard[str]:
    """Whether it is a file rather than the name of a recipe or layers."""
    return isinstance(network, str) and network.lower().endswith(SUFFIX)


def add_weights(overrides: Sequence[str], network: Layers) -> Sequence[str]:
    """The overrides of a recipe, and that it starts from the weights of such a file."""
    return [*overrides, f"network.weights={network}"] if is_given(network) else overrides


def read_given(path: str) -> KerasNetwork:
    """The network of a file.

    Raises:
        BundleError: there is none, or a plan cannot say what it does.
        MissingExtra: h5py is not installed.
    """
    content = read_keras_file(path)
    try:
        return read_network(content.config, content.arrays)
    except BundleError as error:
        raise BundleError(f"{content.source}: {error}") from error


def take_given(recipe: AnyRecipe, path: str, data: Any, given: set[str]) -> tuple[AnyRecipe, set[str]]:
    """The recipe with the network of a file, and the settings not to infer: those given, and those that follow.

    Args:
        data: of the recipe, or None.
        given: settings that the user gave, which stay.
    """
    network, table = read_given(path), recipe.to_dict()
    table["network"] |= {"layers": _describe(network), "weights": path}
    table["description"] = f"{name_file(recipe.data.source)}, the network of {Path(path).name}"
    found = find_task(recipe).fit_settings(recipe, data, network, given)
    chosen = {name: value for name, value in found.items() if name not in given}
    for name, value in chosen.items():
        section, _, key = name.partition(".")
        table[section][key] = value
    return recipe_from_dict(table), given | {"network.layers", "network.weights", *chosen}


def _describe(network: KerasNetwork) -> list[LayerSpec]:
    """The layers as a recipe has them: the number of ids and of outputs follows from the data."""
    specs = _drop_rows(describe_plan(network.plan))
    return [*specs[:-1], {"layer": "output"}] if isinstance(network.plan[-1], Dense) else specs


def _drop_rows(specs: list[LayerSpec]) -> list[LayerSpec]:
    found = []
    for spec in specs:
        own = dict(spec)
        own.pop("rows", None)
        if "branches" in own:
            own["branches"] = [_drop_rows(branch) for branch in own["branches"]]
        found.append(own)
    return found


def load_given(recipe: AnyRecipe, plan: Plan, features: Features) -> Weights:
    """The weights that a recipe names, for a plan whose sizes are those of the data; none if it names no file.

    Raises:
        BundleError: see `read_given`.
        OptionError: the network answers another number of values.
    """
    if not recipe.network.weights:
        return {}
    network = read_given(recipe.network.weights)
    weights = dict(network.weights)
    for at, layer in walk(network.plan):
        if isinstance(layer, ReadsIds):
            rows = find_task(recipe).take_rows(recipe, features, layer.rows)
            weights |= {f"{at}.{name}": weights[f"{at}.{name}"][rows] for name in layer.weights()}
    if recipe.network.unscaled:
        weights |= _scale(plan, weights, features)
    own, last = plan[-1], network.plan[-1]
    if isinstance(own, Dense) and isinstance(last, Dense) and own.outputs != last.outputs:
        if (own.outputs, last.outputs, network.ending) != (1, 2, "softmax"):
            raise OptionError(
                f"network {recipe.network.weights} answers {last.outputs} value(s); the data need {own.outputs}. "
                "Choose other data or targets"
            )
        end = f"{len(plan) - 1}."
        # the logit of the second of two classes is the difference of theirs
        weights |= {f"{end}{name}": np.diff(weights[f"{end}{name}"]) for name in ("kernel", "bias")}
    return weights


def _scale(plan: Plan, weights: Weights, features: Features) -> Weights:
    """The last layer's weights of a network that forecasts in units, for one that forecasts standard deviations."""
    target, end = features.target, f"{len(plan) - 1}."
    if not isinstance(target, Values) or not isinstance(plan[-1], Dense) or plan[-1].outputs != target.outputs:
        raise OptionError("network.unscaled is for networks that end in a number for each target. Leave it out")
    kernel, bias = (weights[f"{end}{name}"].astype(np.float64) for name in ("kernel", "bias"))
    found = {"kernel": kernel / target.scale, "bias": (bias - target.centre) / target.scale}
    return {f"{end}{name}": array.astype(np.float32) for name, array in found.items()}

"""Completes a recipe with settings inferred from its data."""

import dataclasses
from typing import Any

from seqconv.recipes.recipe import AnyRecipe, Guesses, recipe_from_dict
from seqconv.recipes.sections import BEST, KINDS

FEW, MANY = (
    20_000,
    100_000,
)  # examples up to which networks are small and models are refitted; up to which batches are small
REFIT = (
    "refit: small data set, so the final model is retrained on training + validation rows; "
    "--set training.refit=false skips it"
)


def settle(recipe: AnyRecipe, data: Any) -> AnyRecipe:
    """The recipe with the data settings by which its training file was read, for every file that is read later."""
    settled = getattr(data.train, "settled", {})
    return dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, **settled)) if settled else recipe


def complete(recipe: AnyRecipe, guesses: Guesses, given: set[str]) -> tuple[AnyRecipe, tuple[str, ...]]:
    """The recipe with inferred settings filled in, and notes on them.

    Args:
        guesses: inferred by the task from the recipe's data.
        given: settings that the user gave, such as `windows.lookback`, which stay.
    """
    table, found = recipe.to_dict(), choose_guesses(recipe, guesses, given)
    for name, (value, _) in found.items():
        section, _, key = name.partition(".")
        table[section][key] = value
    return recipe_from_dict(table), tuple(note for _, note in found.values() if note)


def choose_guesses(recipe: AnyRecipe, guesses: Guesses, given: set[str]) -> Guesses:
    """The guesses without those in `given`; if the layers are given, training is not inferred either."""
    if "network.layers" in given:  # the training settings belong to the network
        given = given | {name for name in guesses if name.startswith("training.") and name != "training.loss"}
    if recipe.training.quantiles:  # in place of intervals
        given = given | {"training.coverage"}
    model = recipe.training.model
    if "training.model" in guesses and "training.model" not in given:
        model = guesses["training.model"][0]
    if model not in KINDS[recipe.task].baselines:
        usual = model == BEST and not KINDS[recipe.task].networks
        refit = guesses.get("training.refit", (usual, ""))[0]
        found = guesses | {"training.refit": (refit, REFIT if refit else "")}
    else:
        found = guesses | {"training.refit": (model in KINDS[recipe.task].refitted, "")}
    return {name: guess for name, guess in found.items() if name not in given}

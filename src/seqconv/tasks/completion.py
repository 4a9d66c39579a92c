"""A recipe completed with what is inferred from its data."""

from seqconv.recipes.recipe import NETWORK, AnyRecipe, Guesses, recipe_from_dict

FEW, MANY = 20_000, 100_000  # examples up to which a network is small and no row can be spared, and a batch
REFIT = (
    "refit: few examples, so a last fit takes training and validation rows; --set training.refit=false leaves it out"
)


def complete(recipe: AnyRecipe, guesses: Guesses, given: set[str]) -> tuple[AnyRecipe, tuple[str, ...]]:
    """The recipe with its guesses, and what to say of them.

    Args:
        guesses: of the task, for the recipe's data.
        given: settings that the user names, such as `windows.lookback`: not guessed.
    """
    table, found = recipe.to_dict(), choose_guesses(recipe, guesses, given)
    for name, (value, _) in found.items():
        section, _, key = name.partition(".")
        table[section][key] = value
    return recipe_from_dict(table), tuple(note for _, note in found.values() if note)


def choose_guesses(recipe: AnyRecipe, guesses: Guesses, given: set[str]) -> Guesses:
    """The guesses without those in `given`; where the layers are, training goes with them."""
    # baselines are fitted once
    refit = recipe.training.model == NETWORK and guesses.get("training.refit", (False, ""))[0]
    found = guesses | {"training.refit": (refit, REFIT if refit else "")}
    if "network.layers" in given:  # training goes with its network
        given = given | {name for name in found if name.startswith("training.") and name != "training.loss"}
    return {name: guess for name, guess in found.items() if name not in given}

"""A data file -> the recipe that trains on it: what the user says is kept, what can be guessed is guessed and told."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqconv.data import datasets
from seqconv.data.readers.kinds import guess_task
from seqconv.data.records import SequenceData, SeriesData, TextData
from seqconv.errors import ConfigError, nearest
from seqconv.recipes.recipe import (
    NETWORK,
    STARTS,
    Guesses,
    Recipe,
    apply_overrides,
    read_recipe,
    recipe_from_dict,
    recipe_names,
)
from seqconv.tasks.sequence.guess import _guess_sequences
from seqconv.tasks.series.guess import _guess_series
from seqconv.tasks.text.guess import _guess_texts

REFIT = (
    "refit: few examples, so a last fit takes training and validation rows; --set training.refit=false leaves it out"
)

Data = TextData | SeriesData | SequenceData


@dataclass(frozen=True)
class Draft:
    """A recipe, what was guessed for it, and its data, read already (None: not read yet)."""

    recipe: Recipe
    notes: tuple[str, ...]
    data: Data | None


def draft_recipe(source: str, overrides: Sequence[str] = (), network: str = "", progress: Any = None) -> Draft:
    """The recipe of that name, in that TOML file, or for that data file or folder.

    Args:
        source: one of `STARTS` with a `data.source` among the overrides is drafted as that file alone.
        overrides: `section.key=value`, what the user says; nothing of it is guessed.
        network: name of a recipe whose network and training settings are taken; empty: the default for the data.

    Raises:
        ConfigError: neither a recipe nor a file, or settings that do not hold.
        DataError: the file is not what it should be.
    """
    said = {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in overrides)}
    if said.get("training.refit") == "true" and said.get("training.model", NETWORK) != NETWORK:
        raise ConfigError(f"--refit needs a network; got --model {said['training.model']}. Drop one of them")
    start = source if "data.source" in said and source in STARTS.values() else ""
    if start:
        source = said["data.source"]
    elif source in recipe_names() or source.endswith(".toml"):
        recipe = read_recipe(source, tuple(overrides))
        return Draft(_take_network(recipe, network, overrides) if network else recipe, (), None)
    path = Path(source).expanduser()
    if not path.exists():
        hint = nearest(source, recipe_names())
        raise ConfigError(f"{source}: must be a recipe, or an existing file or folder; got neither. {hint}")
    given = set(said)
    task, why = (read_recipe(start).task, f"of {start}") if start else guess_task(path, given)
    recipe = read_recipe(STARTS[task], (f"data.source={path}", *overrides))
    recipe = dataclasses.replace(recipe, name=_name(path), description=f"{path.name}, the default network")
    if network:
        recipe = _take_network(recipe, network, overrides)
    data = datasets.load(recipe.data, progress)
    recipe, notes = complete_recipe(recipe, data, given | ({"network.layers"} if network else set()))
    return Draft(recipe, (f"task: {task} ({why})", *notes), data)


def complete_recipe(recipe: Recipe, data: Data, given: set[str]) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with what can be guessed from its data, and what was guessed.

    Args:
        given: settings that the user names, such as `windows.lookback`: not guessed.

    Raises:
        ConfigError: a series whose target cannot be guessed.
    """
    found = guess_settings(recipe, data, given)
    table = recipe.to_dict()
    for name, (value, _) in found.items():
        section, _, key = name.partition(".")
        table[section][key] = value
    return recipe_from_dict(table), tuple(note for _, note in found.values() if note)


def _name(path: Path) -> str:
    """A name for runs: the file's, without its ending."""
    stem = path.resolve().name
    while (shorter := Path(stem).stem) != stem:
        stem = shorter
    return stem.removesuffix("_TRAIN") or "run"


def _take_network(recipe: Recipe, name: str, overrides: Sequence[str]) -> Recipe:
    other = read_recipe(name)
    if other.task != recipe.task:
        raise ConfigError(f"--network {name} is for a {other.task} task; the data are of a {recipe.task} task")
    table, taken = recipe.to_dict(), other.to_dict()
    for section in ("network", "training"):
        table[section] = taken[section]
    table["description"] = f"{Path(recipe.data.source).name}, the network of {name}"
    own = [each for each in overrides if each.startswith(("network.", "training."))]
    return recipe_from_dict(apply_overrides(table, own))


def guess_settings(recipe: Recipe, data: Data, given: set[str]) -> Guesses:
    """Settings that fit the data, without those in `given`; where the layers are, training goes with them."""
    if isinstance(data, TextData):
        found = _guess_texts(data)
    elif isinstance(data, SequenceData):
        found = _guess_sequences(data)
    else:
        found = _guess_series(recipe, data, given)
    # baselines are fitted once
    refit = recipe.training.model == NETWORK and found.get("training.refit", (False, ""))[0]
    found["training.refit"] = (refit, REFIT if refit else "")
    if "network.layers" in given:  # training goes with its network
        given = given | {name for name in found if name.startswith("training.") and name != "training.loss"}
    return {name: guess for name, guess in found.items() if name not in given}

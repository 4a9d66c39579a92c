"""What a run is given -> its recipe, its data if they were read, and notes: a path, a recipe, or data in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from seqconv.data.memory import hidden_folder, hide, write_data
from seqconv.data.urls import name_file
from seqconv.errors import name_parameters
from seqconv.recipes.keywords import FILES, write_overrides
from seqconv.recipes.recipe import AnyRecipe, Layers, Recipe, apply_overrides, recipe_from_dict
from seqconv.tasks.guessing import SuggestedRecipe, change_network, suggest_for_data, suggest_recipe
from seqconv.tasks.kinds import find_data
from seqconv.training.folder import Options

OWN = ("network", "on_epoch_end")  # keyword arguments that are neither settings nor options
OPTIONS = tuple(field.name for field in fields(Options))


def split_options(options: Options | None, given: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """Keyword arguments that are options, in `options`, and the others."""
    own = {name: each for name, each in given.items() if name in OPTIONS}
    return replace(options or Options(), **own), {name: each for name, each in given.items() if name not in own}


def open_source(
    source: Any, network: Layers | Path | None = None, settings: Mapping[str, Any] | None = None
) -> SuggestedRecipe:
    """The recipe for a source.

    Args:
        source: a recipe, its name or TOML file; a data file or folder; what a `read_` function returns; or what
            `write_data` takes.
        network: see `take_network`, or a file of Keras, see `tasks.given`; None: as the data say.
        settings: see `write_overrides`; `validation` and `test` may be data too.

    Raises:
        SeqconvError: none of these, or an invalid setting.
    """
    network, settings = "" if network is None else network, dict(settings or {})
    network = str(network) if isinstance(network, Path) else network
    if isinstance(source, Recipe) and network == "" and not settings:
        return SuggestedRecipe(source, (), None)
    with hidden_folder() as folder:
        for name in FILES:
            if not isinstance(settings.get(name), int | float | str | Path | None):
                settings[name], _ = write_data(settings[name], folder / name, settings)
        found = None if isinstance(source, str | Path | Recipe) else find_data(source)
        path, own = source, dict[str, Any]()
        if found is None and not isinstance(source, str | Path | Recipe):
            path, own = write_data(source, folder / "data", settings)
        overrides = write_overrides(own | settings, (*OWN, *OPTIONS))
        if isinstance(source, Recipe):
            return SuggestedRecipe(_change(source, network, overrides), (), None)
        if found is not None:
            return suggest_for_data(*found, overrides, network)
        return _forget(suggest_recipe(str(path), overrides, network), folder)


def _change(recipe: AnyRecipe, network: Layers, overrides: Sequence[str]) -> AnyRecipe:
    changed = change_network(recipe, network, ()) if network != "" else recipe
    return recipe_from_dict(apply_overrides(changed.to_dict(), overrides)) if overrides else changed


def _forget(suggested: SuggestedRecipe, folder: Path) -> SuggestedRecipe:
    """The same without the names of files that are gone."""
    recipe, data = suggested.recipe, suggested.data
    own = {name: hide(each, folder) for name, each in vars(recipe.data).items() if isinstance(each, str)}
    about = recipe.description
    if own["source"] != recipe.data.source:
        about = about.replace(name_file(recipe.data.source), own["source"])
    recipe = replace(recipe, description=about, data=replace(recipe.data, **own))
    if data is not None:
        parts = {name: getattr(data, name) for name in ("train", "test", "validation")}
        hidden = {n: replace(each, source=hide(each.source, folder)) for n, each in parts.items() if each is not None}
        data = replace(data, **hidden)
    return SuggestedRecipe(recipe, tuple(name_parameters(hide(note, folder)) for note in suggested.notes), data)

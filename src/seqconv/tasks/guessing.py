"""Suggests a recipe for a data file: settings that the user gives stay, the others are inferred."""

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqconv.data.readers.folders import find_files
from seqconv.data.urls import fetch, is_url, join_url, name_file
from seqconv.errors import ConfigError, OptionError, SeqconvError, SeveralSeries, nearest
from seqconv.recipes.recipe import (
    AnyRecipe,
    Layers,
    apply_overrides,
    read_recipe,
    recipe_from_dict,
    recipe_names,
    take_network,
)
from seqconv.recipes.sections import BEST, BLEND, KINDS, NETWORK, read_setting
from seqconv.tasks.completion import complete, settle
from seqconv.tasks.given import add_weights, is_given, take_given
from seqconv.tasks.kinds import TASKS, find_task
from seqconv.tasks.recognition import guess_task
from seqconv.tasks.task import Data

ONE_SERIES = ("windows.", "data.interval", "data.inputs", "data.calendar")  # settings that only one series has
A_PANEL = "several series, or rows that follow the calendar"


@dataclass(frozen=True)
class SuggestedRecipe:
    """A suggested recipe, notes on what was inferred, and its data if they were read (else None)."""

    recipe: AnyRecipe
    notes: tuple[str, ...]
    data: Data | None


def suggest_recipe(
    source: str, overrides: Sequence[str] = (), network: Layers = "", progress: Any = None
) -> SuggestedRecipe:
    """The recipe of that name, in that TOML file, or for that data file or folder.

    Args:
        source: name or file; the name of a task's starting recipe, with `data.source` among the overrides, means that
            file, read as data of that task.
        overrides: `section.key=value`, settings that the user gave, which are not inferred.
        network: see `take_network`, or a file of Keras, see `given`; empty: the default for the data.

    Raises:
        ConfigError: neither a recipe nor a file, or invalid settings.
        DataError: the file cannot be read.
    """
    overrides = add_weights(overrides, network)
    chosen = {
        read_setting(name.strip()): value.strip() for name, _, value in (each.partition("=") for each in overrides)
    }
    starts = {kind.start for kind in KINDS.values()}
    start = source if "data.source" in chosen and source in starts else ""
    if start:
        source = chosen["data.source"]
    elif source in recipe_names() or source.endswith(".toml"):
        recipe = read_recipe(source, tuple(overrides))
        _check_together(chosen, recipe.task)
        return SuggestedRecipe(change_network(recipe, network, overrides) if network != "" else recipe, (), None)
    own = path = fetch(source) if is_url(source) else _check_source(source)
    path, others = find_files(own)
    place = join_url(source) if is_url(source) else str(path)
    overrides = [*(f"{name}={file}" for name, file in others.items()), *overrides]
    given = set(chosen)
    name, why = (read_recipe(start).task, "as asked") if start else guess_task(path, chosen)
    if not start:
        name, why = _follow_model(name, why, chosen.get("training.model", NETWORK))
    _check_together(chosen, name)
    try:
        recipe, data = _read(name, place, overrides, network, progress)
    except SeveralSeries:
        if start or not may_be_several(name, given):
            raise
        name, why = KINDS[name].several, A_PANEL
        recipe, data = _read(name, place, overrides, network, progress)
    files = [f"files of {own}: {', '.join(file.name for file in (path, *others.values()))}"] if path != own else []
    recipe, notes = _complete(dataclasses.replace(recipe, name=_name(own)), data, given, network)
    return SuggestedRecipe(recipe, (*files, f"task: {name} ({why})", *notes), data)


def suggest_for_data(task: str, data: Data, overrides: Sequence[str] = (), network: Layers = "") -> SuggestedRecipe:
    """The recipe for data of a task that have been read.

    Args:
        overrides, network: as for `suggest_recipe`.

    Raises:
        ConfigError: invalid settings.
    """
    chosen = {read_setting(name): value for name, _, value in (each.partition("=") for each in overrides)}
    _check_together(chosen, task)
    path, overrides = Path(data.train.source), add_weights(overrides, network)
    recipe, _ = _read(task, str(path), overrides, network, None, data)
    read = read_recipe(KINDS[task].start, tuple(overrides)).data
    for setting in (each.removeprefix("data.") for each in chosen if each.startswith("data.")):
        if getattr(read, setting) != getattr(recipe.data, setting):
            got = f"got {getattr(read, setting)!r}"
            raise OptionError(f"{setting} must be left out with data that have been read; {got}. Pass it to the reader")
    name = _name(path) if path.exists() else "data"
    recipe, notes = _complete(dataclasses.replace(recipe, name=name), data, set(chosen), network)
    return SuggestedRecipe(recipe, notes, data)


def _complete(recipe: AnyRecipe, data: Data, given: set[str], network: Layers) -> tuple[AnyRecipe, tuple[str, ...]]:
    """The recipe with what is inferred from its data, and notes."""
    if is_given(network):
        recipe, given = take_given(recipe, network, data, given)
    given |= {"network.layers"} if network != "" else set()
    unread = _list_unread(recipe.task, given)
    recipe, notes = complete(recipe, find_task(recipe).guess(recipe, data, given), given)
    about = f"{name_file(recipe.data.source)}, the model {recipe.training.model}"
    recipe = dataclasses.replace(recipe, description=recipe.description if network != "" else about)
    return recipe, (*unread, *notes)


def _check_source(source: str) -> Path:
    """The file or folder of data.

    Raises:
        ConfigError: there is none, or it is a run.
    """
    path = Path(source).expanduser()
    if path.is_symlink() and not path.exists():
        raise ConfigError(f"{source}: must be an existing file or folder; it is a link to nothing. Correct the link")
    if not path.exists():
        neighbours = map(str, path.parent.iterdir()) if path.parent.is_dir() else ()
        near = difflib.get_close_matches(str(path), neighbours, n=1)
        hint = nearest(str(path), near) if near else nearest(source, recipe_names())
        raise ConfigError(f"{source}: must be a recipe, or an existing file or folder; got neither. {hint}")
    if (path / "recipe.toml").is_file() and (path / "model").is_dir():
        raise ConfigError(f"{source}: must be a recipe or data; it is a run. To train like it, give {path}/recipe.toml")
    return path


def _list_unread(task: str, given: Collection[str]) -> list[str]:
    """A note on settings that were given and that no model of the task reads."""
    unread = [] if KINDS[task].networks else [each for each in ("epochs", "coverage") if f"training.{each}" in given]
    return [f"not used: {', '.join(unread)}, which only networks of layers have"] if unread else []


def _check_together(chosen: Mapping[str, str], task: str) -> None:
    """Check that settings that were given do not contradict each other."""
    model = chosen.get("training.model", NETWORK)
    if chosen.get("training.refit") == "true" and model not in (NETWORK, BLEND, BEST, *KINDS[task].refitted):
        raise OptionError(f"refit needs a network; got model {model}. Leave one out")
    if "training.quantiles" in chosen and chosen.get("training.coverage", "0") not in ("0", "0.0"):
        raise OptionError("training.quantiles take the place of training.coverage; got both. Leave one out")


def _follow_model(name: str, why: str, model: str) -> tuple[str, str]:
    """The task and the reason; the only one alike that has the model that the user named."""
    alike = [task for task, kind in KINDS.items() if kind.forecasts == KINDS[name].forecasts and model in kind.models]
    return (alike[0], f"model {model}") if len(alike) == 1 and name not in alike else (name, why)


def may_be_several(task: str, given: set[str]) -> bool:
    """Whether another task takes data of this one that are several series: not if a setting is of one series alone."""
    return bool(KINDS[task].several) and not any(each.startswith(ONE_SERIES) for each in given)


def holds_several(recipe: AnyRecipe, given: set[str]) -> bool:
    """Whether a file that looks like one series is a panel: it holds several, or its rows follow the calendar."""
    if not may_be_several(recipe.task, given):
        return False
    try:
        find_task(recipe).load(recipe.data, None)
    except SeveralSeries:
        return True
    except SeqconvError:  # whatever else is wrong is for the task to tell
        return False
    return False


def _read(
    name: str, place: str, overrides: Sequence[str], network: Layers, progress: Any, data: Data | None = None
) -> tuple[AnyRecipe, Data]:
    """The recipe that a task starts with, for a file, and its data, which may have been read."""
    kind = KINDS[name]
    recipe = read_recipe(kind.start, (f"data.source={place}", *overrides))
    if network != "" and not is_given(network):  # one that is given depends on the data
        recipe = change_network(recipe, network, overrides)
    data = data or TASKS[name].load(recipe.data, progress)
    return settle(recipe, data), data


def _name(path: Path) -> str:
    """A name for runs: that of the file, without its suffix."""
    stem = path.resolve().name
    while (shorter := Path(stem).stem) != stem:
        stem = shorter
    return stem.removesuffix("_TRAIN") or "run"


def change_network(recipe: AnyRecipe, network: Layers, overrides: Sequence[str]) -> AnyRecipe:
    """What `take_network` gives, described as such, with those of the overrides that are about networks."""
    if is_given(network):
        return take_given(recipe, network, None, {read_setting(each.partition("=")[0]) for each in overrides})[0]
    what = f"the network of {network}" if isinstance(network, str) else "a network of one's own"
    table = take_network(recipe, network).to_dict() | {"description": f"{name_file(recipe.data.source)}, {what}"}
    own = [each for each in overrides if each.startswith(("network.", "training."))]
    return recipe_from_dict(apply_overrides(table, own))

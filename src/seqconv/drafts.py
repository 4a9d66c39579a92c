"""A data file -> the recipe that trains on it: what the user says is kept, what can be guessed is guessed and told."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqconv import datasets
from seqconv.config import (
    ALL,
    NETWORK,
    STARTS,
    Recipe,
    SeriesDataConfig,
    WindowConfig,
    apply_overrides,
    read_recipe,
    recipe_from_dict,
    recipe_names,
)
from seqconv.data import EncodedTexts, SequenceData, Series, SeriesData, TextData, Texts
from seqconv.defaults import default_sequence_settings, default_series_settings, default_text_settings
from seqconv.errors import ConfigError, nearest
from seqconv.features import TextFeatures
from seqconv.periods import find_periods
from seqconv.readers.kinds import guess_task
from seqconv.settings import UNITS_S, parse_duration
from seqconv.tokens import count_words

SHORTEST_WINDOW, PLAIN_WINDOW, LONGEST_WINDOW = 16, 48, 512  # steps
PERIODS_BACK = 2  # of the strongest period in a window
SHARE = 20  # a window is at most that part of the rows
TRAINING = 0.7  # share of the rows whose periods are looked at: those that every default split trains on
CUT = 0.99  # share of the texts that max_len leaves whole
SHORTEST_TEXT, LONGEST_TEXT = 20, 2000
SAMPLE = 5000  # texts whose lengths are looked at
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


Guesses = dict[str, tuple[Any, str]]  # setting -> value, and what to say of it


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


def _guess_loss(classes: tuple[str, ...]) -> Guesses:
    return {"training.loss": ("categorical_crossentropy" if len(classes) > 2 else "binary_crossentropy", "")}


def _guess_sequences(data: SequenceData) -> Guesses:
    lengths = np.diff(data.train.offsets)
    chosen = default_sequence_settings(len(lengths), int(lengths.max()))
    return _guess_loss(data.train.classes) | {name: (value, "") for name, value in chosen.items()}


def _guess_texts(data: TextData) -> Guesses:
    train = data.train
    found = {"training.loss": ("binary_crossentropy", "")} if train.labels.ndim == 2 else _guess_loss(train.classes)
    if isinstance(train, EncodedTexts):
        lengths = np.sort(np.diff(train.offsets))
    else:
        lengths = np.sort(count_words(train.texts[:: max(1, len(train.texts) // SAMPLE)]))
    if isinstance(train, Texts) and train.columns:  # the reader told what it found
        found |= {"data.text": (train.columns[0], ""), "data.label": (list(train.columns[1:]), "")}
    longest = int(lengths[min(int(len(lengths) * CUT), len(lengths) - 1)]) + 1  # and the start
    kept = min(max(longest, SHORTEST_TEXT), LONGEST_TEXT)
    cut = float(np.mean(lengths >= kept))
    outputs = TextFeatures(train.classes, None, kept, train.labels.ndim == 2).outputs
    chosen = default_text_settings(len(train.labels), float(lengths.mean()), outputs)
    found |= {name: (value, "") for name, value in chosen.items()}
    return found | {"text.max_len": (kept, f"max_len: {kept} words of each text, which cuts {cut:.1%} of them")}


def _guess_series(recipe: Recipe, data: SeriesData, given: set[str]) -> Guesses:
    series, found = data.train, Guesses()
    assert isinstance(recipe.data, SeriesDataConfig)
    assert isinstance(recipe.features, WindowConfig)
    targets = (recipe.data.inputs or series.columns) if recipe.data.target == ALL else recipe.data.target
    if not targets and len(series.columns) == 1:
        targets = series.columns
        found["data.target"] = (list(targets), f"target: {targets[0]!r}, the only column of numbers")
    if not targets or targets[0] not in series.columns:
        known = ", ".join(series.columns)
        raise ConfigError(f"{series.source}: --target must name a column to forecast; got {targets}. Known: {known}")
    step_s = parse_duration(recipe.features.step) if "windows.step" in given else series.interval_s
    found["windows.step"] = (to_duration(step_s), f"step: {to_duration(step_s)}, the sampling interval")
    found["windows.lookback"] = _guess_lookback(series, targets[0], step_s)
    if "windows.delay" not in given:
        found["windows.leads"] = ([to_duration(step_s)], f"lead: {to_duration(step_s)}, one step ahead")
    lookback = recipe.features.lookback if "windows.lookback" in given else found["windows.lookback"][0]
    length = max(parse_duration(lookback) // step_s, 1)
    examples = round(len(series.times) * recipe.data.train_end)
    chosen = default_series_settings(examples, length, len(recipe.data.inputs or series.columns))
    told = "calendar: time of day, week and year are inputs too; --set data.calendar=false leaves them out"
    return found | {name: (value, told if name == "data.calendar" else "") for name, value in chosen.items()}


def _guess_lookback(series: Series, target: str, step_s: int) -> tuple[str, str]:
    """Two strongest periods of the training rows if they fit into a window, else what a short window holds."""
    values = series.values[: round(len(series.times) * TRAINING), series.columns.index(target)]
    per_step = max(step_s // series.interval_s, 1)
    longest = max(min(LONGEST_WINDOW, len(series.times) // (SHARE * per_step)), 1)  # steps
    periods = [period.rows for period in find_periods(values)]
    fitting = [-(-rows * PERIODS_BACK // per_step) for rows in periods if rows * PERIODS_BACK <= longest * per_step]
    steps = max(fitting[0] if fitting else PLAIN_WINDOW, SHORTEST_WINDOW)
    lookback = to_duration(min(steps, longest) * step_s)
    if not fitting:
        return lookback, f"lookback: {lookback} (no period of {target!r} fits)"
    period = to_duration(
        next(rows for rows in periods if rows * PERIODS_BACK <= longest * per_step) * series.interval_s
    )
    return lookback, f"lookback: {lookback} (twice the strongest period of {target!r} that fits, {period})"


def to_duration(seconds: int) -> str:
    """In the largest unit that divides it: what `parse_duration` reads.

    >>> to_duration(7200), to_duration(90)
    ('2h', '90s')
    """
    unit = max((name for name, size in UNITS_S.items() if seconds % size == 0), key=lambda name: UNITS_S[name])
    return f"{seconds // UNITS_S[unit]}{unit}"

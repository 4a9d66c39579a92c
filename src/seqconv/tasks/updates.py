"""Labelled rows of later files: held out like the others, so that old test rows stay what they were."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seqconv.errors import DataError
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.examples import NAMES
from seqconv.tasks.holdout import draw_holdouts, number_copies
from seqconv.tasks.labels import align_labels, choose_rows, list_sources, strata
from seqconv.tasks.target import Target

Keys = Callable[[Any], np.ndarray]  # of labelled examples, see `tasks.seen`


def merge_newer(data: Any, recipe: AnyRecipe, find_keys: Keys, groups: np.ndarray | None, always: bool = False) -> Any:
    """Data with the examples of newer files in the splits; the older ones are split as if these were not there.

    Of each newer file the same fractions are held out. A newer example that is a copy of one before goes where that is;
    if the label is the same too, it is left out.

    Args:
        data: `TextData` or `SequenceData`.
        groups: group number of each example of `data.train`, `[N]`; None: each is its own group.
        always: cut the splits even if there are no newer files.

    Raises:
        DataError: labels of another kind.
    """
    if not data.newer and not always:
        return data
    sources = list_sources(data)
    rows = choose_rows(sources, recipe.data, groups, recipe.training.seed)
    parts = {name: source.take(index) for name, source, index in zip(NAMES, sources, rows, strict=True)}
    for newer in data.newer:
        parts = _add(parts, newer, recipe, find_keys)
    return replace(data, **parts, newer=())


def pool_newer(data: Any) -> Any:
    """Data with the examples of newer files after those of `train`, for folds."""
    train = data.train
    for newer in data.newer:
        train, other = _align(train, newer)
        train = train.join(other)
    return replace(data, train=train, newer=())


def known_rows(part: Any, target: Target) -> np.ndarray:
    """Which examples have labels that a model knows, bool `[N]`; numbers always are."""
    names = getattr(target, "names", ())
    if not part.classes:
        return np.ones(len(part.labels), bool)
    known = np.array([name in names for name in part.classes])
    return np.asarray(known[part.labels] if part.labels.ndim == 1 else ~part.labels[:, ~known].any(axis=1))


def take_known(part: Any, target: Target) -> Any:
    """The examples whose labels a model knows, with these as their classes."""
    found = part.take(np.flatnonzero(known_rows(part, target)))
    if not part.classes:
        return found
    kept = np.array([place for place, name in enumerate(part.classes) if name in target.names], np.int64)
    names = tuple(part.classes[place] for place in kept)
    if found.labels.ndim == 2:
        return replace(found, labels=found.labels[:, kept], classes=names)
    place = np.zeros(len(part.classes), np.int32)
    place[kept] = np.arange(len(kept))
    return replace(found, labels=place[found.labels], classes=names)


def _add(parts: dict[str, Any], newer: Any, recipe: AnyRecipe, find_keys: Keys) -> dict[str, Any]:
    """The splits with the examples of one newer file."""
    train, newer = _align(parts["train"], newer)
    several = train.labels.ndim == 2
    parts = {name: align_labels(part, train.classes, several) for name, part in parts.items()}
    keys, known, place = find_keys(newer), dict[int, str](), dict[tuple[int, Any], bool]()
    for name, part in parts.items():
        own = find_keys(part).tolist()
        known |= dict.fromkeys(own, name)
        place |= dict.fromkeys(zip(own, _mark(part.labels), strict=True), True)
    again = np.array([(key, mark) in place for key, mark in zip(keys.tolist(), _mark(newer.labels), strict=True)], bool)
    split = np.array([known.get(key, "") for key in keys.tolist()], str)
    rows = {name: np.flatnonzero((split == name) & ~again) for name in NAMES}
    fresh = np.flatnonzero(split == "")
    rest, held = _hold_out(newer.take(fresh), recipe, keys[fresh])
    for name, index in (("train", rest), *held.items()):
        rows[name] = np.concatenate([rows[name], fresh[index]])
    notes = [f"newer rows: {len(newer.labels) - again.sum():,} of {newer.source}"]
    notes += [f"{newer.source}: {again.sum():,} rows are known from before: left out"] if again.any() else []
    found = {name: part.join(newer.take(rows[name])) for name, part in parts.items()}
    return found | {"train": replace(found["train"], notes=(*found["train"].notes, *notes))}


def _hold_out(newer: Any, recipe: AnyRecipe, keys: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows of newer examples to train on, and those of the other splits; of very few none are held out."""
    rest, held, labels = np.arange(len(keys)), {}, strata(newer.labels)
    drawn = draw_holdouts(labels, number_copies(keys.tolist()), recipe.data, recipe.training.seed, NAMES[1:])
    for name, left, out in drawn if len(keys) > 1 else ():
        rest, held[name] = left, out
    return rest, held


def _align(train: Any, newer: Any) -> tuple[Any, Any]:
    """Both with the classes of both, the older ones first, and several labels per example if either has them.

    Raises:
        DataError: classes in one, numbers in the other.
    """
    if bool(train.number) != bool(newer.number):
        kinds = ("classes", "numbers")
        raise DataError(
            f"{newer.source}: must hold {kinds[bool(train.number)]} as in training; got {kinds[bool(newer.number)]}"
        )
    classes = (*train.classes, *(name for name in newer.classes if name not in train.classes))
    several = 2 in (train.labels.ndim, newer.labels.ndim)
    return align_labels(train, classes, several), align_labels(newer, classes, several)


def _mark(labels: np.ndarray) -> list[Any]:
    """Each label as something that can be compared."""
    return [row.tobytes() for row in labels] if labels.ndim == 2 else labels.tolist()

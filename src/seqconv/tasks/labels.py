"""Raw data and a recipe -> training, validation and test examples. What is fitted sees training rows only."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from seqconv.data.records import EncodedTexts, Sequences, Texts
from seqconv.errors import ConfigError, DataError, nearest
from seqconv.recipes.recipe import Guesses, SequenceDataConfig, TextDataConfig
from seqconv.tasks.examples import NAMES, Rows
from seqconv.tasks.holdout import hold_out
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.text.features import TextFeatures

Labelled = TypeVar("Labelled", Texts, EncodedTexts, Sequences)


def class_targets(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as `Part.targets` has them."""
    if labels.ndim == 2:
        return labels.astype(np.float32)
    return labels.astype(np.float32)[:, None] if classes == 2 else labels.astype(np.int32)


def align_labels(part: Labelled, classes: tuple[str, ...]) -> Labelled:
    """The same examples, labels counting into `classes`.

    Raises:
        DataError: a class that `classes` does not hold, or one label an example here and several there.
    """
    unknown = set(part.classes) - set(classes)
    if unknown:
        raise DataError(
            f"{part.source}: every label must be one of the training labels ({', '.join(classes[:20])}); "
            f"got {sorted(unknown)[0]!r}. Correct the label, or train with it"
        )
    if part.classes == classes:
        return part
    if part.labels.ndim == 2:
        labels = np.zeros((len(part.labels), len(classes)), part.labels.dtype)
        labels[:, [classes.index(name) for name in part.classes]] = part.labels
    else:
        labels = np.array([classes.index(name) for name in part.classes], np.int32)[part.labels]
    return replace(part, labels=labels, classes=classes)


def _sources(data: Any, classes: tuple[str, ...]) -> list[Any]:
    """What the training, validation and test examples are taken of."""
    return [data.train if part is None else align_labels(part, classes) for part in (None, data.validation, data.test)]


def _choose_rows(
    sources: list[Any], config: TextDataConfig | SequenceDataConfig, groups: np.ndarray | None, seed: int
) -> Rows:
    """Which examples of its source each split takes."""
    train, validation, test = sources
    labels = train.labels
    rows, stratified = np.arange(len(labels)), config.holdout == "stratified"
    rows_of = {"validation": np.arange(len(validation.labels)), "test": np.arange(len(test.labels))}
    shares = {"test": (test, config.test, 2), "validation": (validation, config.validation, 0)}
    for name, (source, share, stream) in shares.items():
        if source is train:
            random = np.random.default_rng([seed, stream])
            rows, rows_of[name] = hold_out(rows, labels, groups, share, random, stratified)
    if not len(rows) or not all(map(len, rows_of.values())):
        counts = ", ".join(f"{len(part)} {name}" for name, part in zip(NAMES, (rows, *rows_of.values()), strict=True))
        raise DataError(
            f"{train.source}: must hold examples for training, validation and test; got {counts}. "
            "Give more, or change data.validation"
        )
    seen = labels[rows].sum(axis=0) if labels.ndim == 2 else np.bincount(labels[rows])
    if np.sum(seen > 0) < 2:
        raise DataError(f"{train.source}: the training data must be of at least two classes; got one. Add the other")
    return rows, rows_of["validation"], rows_of["test"]


def _class_facts(sources: list[Any], rows: Rows, classes: tuple[str, ...]) -> dict[str, Any]:
    splits = {}
    for name, source, index in zip(NAMES, sources, rows, strict=True):
        labels = source.labels[index]
        counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(classes))
        shares = {label: int(count) for label, count in zip(classes, counts, strict=True)}
        splits[name] = {"examples": len(labels), "classes": shares}
    return {"source": sources[0].source, "notes": list(getattr(sources[0], "notes", ())), "splits": splits}


def _guess_loss(classes: tuple[str, ...]) -> Guesses:
    return {"training.loss": ("categorical_crossentropy" if len(classes) > 2 else "binary_crossentropy", "")}


def _check_labels(examples: Texts | EncodedTexts | Sequences, features: TextFeatures | SequenceFeatures) -> None:
    if not len(examples.labels):
        raise DataError(f"{examples.source}: must hold labelled examples; got none. Give a file with labels")
    if examples.labels.ndim == 2 and not features.multi_label:
        raise DataError(
            f"{examples.source}: must have one label an example as in training; got several. Name one label column"
        )


def _choose_classes(features: TextFeatures | SequenceFeatures, outputs: np.ndarray, name: str | None) -> list[int]:
    if not np.isfinite(outputs).all():
        raise DataError(
            f"the model's answer must be a number; got {outputs.ravel()[0]}. Its training failed: train again"
        )
    if name is not None:
        if name not in features.classes:
            raise ConfigError(f"--class: unknown class {name!r}. {nearest(name, features.classes)}")
        return [features.classes.index(name)]
    if features.multi_label:
        return list(range(len(features.classes)))
    return [1] if features.outputs == 1 else [int(outputs[0].argmax())]

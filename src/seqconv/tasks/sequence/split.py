"""Splits labelled sequences into training, validation and test examples."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from seqconv.data.records import SequenceData, Sequences
from seqconv.errors import DataError
from seqconv.recipes.recipe import SequenceRecipe
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.examples import NAMES, Part, Split, TrainingData
from seqconv.tasks.labels import choose_rows, cut_class_folds, describe_classes, list_sources
from seqconv.tasks.outcomes import fit_outcome, take_outcomes
from seqconv.tasks.results import FoldFacts
from seqconv.tasks.scaling import find_flat
from seqconv.tasks.seen import hash_items
from seqconv.tasks.sequence.features import (
    SequenceFeatures,
    SequencePart,
    SequenceSplit,
    SequenceTraining,
    fit_scaler,
)
from seqconv.tasks.sequence.profile import sample_sequences
from seqconv.tasks.updates import merge_newer, pool_newer, take_known
from seqconv.tasks.weights import weigh_examples


def split_sequences(
    data: SequenceData, recipe: SequenceRecipe, threads: int = 1, trained: SequenceFeatures | None = None
) -> SequenceSplit:
    """Training, validation and test examples of one length; splits without a file are held out of the training file.

    Args:
        threads: not needed.
        trained: features of a trained model; None: fit them to the training sequences.

    Raises:
        DataError: fewer than two classes, too few sequences, or no channel that varies.
    """
    data = merge_sequences(data, recipe)
    sources: list[Sequences] = list_sources(data, None if trained is None else trained.target)
    rows = choose_rows(sources, recipe.data, data.train.groups, recipe.training.seed, trained is not None)
    cut = [source.take(index) for source, index in zip(sources, rows, strict=True)]
    features = _fit(cut[0], recipe) if trained is None else trained
    facts = describe_classes(sources, rows, features.classes)
    facts |= {"channels": list(features.channels), "length": features.length}
    facts["notes"] += _note_constant(cut[0])
    for name, part in zip(NAMES, cut, strict=True):
        lengths = np.diff(part.offsets)
        facts["splits"][name] |= {"shortest": int(lengths.min()), "longest": int(lengths.max())}
    weights = weigh_examples(cut, recipe.training.class_weight)
    train, validation, test = (_make_part(features, part, own) for part, own in zip(cut, weights, strict=True))
    samples = partial(sample_sequences, features, cut[0])
    return Split(train, validation, test, features, facts, lambda row: cut[2].take(np.array([row])), samples)


def merge_sequences(data: SequenceData, recipe: SequenceRecipe, always: bool = False) -> SequenceData:
    """Data with the sequences of newer files in its splits, see `merge_newer`."""
    found: SequenceData = merge_newer(data, recipe, make_keys, data.train.groups, always)
    return found


def encode_sequences(train: Sequences, validation: Sequences | None, recipe: SequenceRecipe) -> SequenceTraining:
    """Sequences to fit a network to, without test examples."""
    features = _fit(train, recipe)
    parts = [train] if validation is None else [train, validation]
    weights = weigh_examples(parts, recipe.training.class_weight)
    made = [_make_part(features, part, own) for part, own in zip(parts, weights, strict=True)]
    return TrainingData(made[0], made[1] if validation is not None else None, features)


def _fit(train: Sequences, recipe: SequenceRecipe) -> SequenceFeatures:
    lengths = np.diff(train.offsets)
    length = recipe.features.length or int(lengths.max())
    shortest = min(int(lengths.min()), length)
    if find_flat(train.values).all():
        raise DataError(
            f"{train.source}: must have a channel that varies in the training rows; got none. Give other data"
        )
    scaler = fit_scaler(train.values)
    target = fit_outcome(train, recipe.training)
    return SequenceFeatures(target, train.channels, scaler, length, shortest < length, shortest)


def _note_constant(train: Sequences) -> list[str]:
    constant = [name for name, same in zip(train.channels, find_flat(train.values), strict=True) if same]
    shown = ", ".join(map(repr, constant[:5])) + (f" and {len(constant) - 5} more" if len(constant) > 5 else "")
    return [f"{shown} never change{'' if constant[1:] else 's'} in the training rows: of no use"] if constant else []


def _make_part(features: SequenceFeatures, part: Sequences, weights: np.ndarray | None) -> SequencePart:
    return Part(features.inputs(part), features.target.encode(part.labels), keys=make_keys(part), weights=weights)


def make_keys(sequences: Sequences) -> np.ndarray:
    """The key of each sequence."""
    values = sequences.values.astype(np.float64) + 0.0  # no negative zero
    return hash_items(steps.tobytes() for steps in np.split(values, sequences.offsets[1:-1]))


def fold_sequences(
    data: SequenceData, recipe: SequenceRecipe, folds: int, window: str
) -> Iterator[tuple[FoldFacts, SequenceData]]:
    """For each stratified fold: facts, and data to train and test on.

    Raises:
        ConfigError: more folds than sequences.
    """
    data = pool_newer(data)
    for facts, rest, tested in cut_class_folds(data.train, data.train.groups, folds, recipe.training.seed):
        yield facts, replace(data, train=rest, test=tested)


def take_sequences(
    bundle: Bundle[SequenceFeatures], data: SequenceData, threads: int
) -> tuple[SequencePart, list[str]]:
    """Labelled sequences as examples for a trained model, and the notes of their reader.

    Raises:
        DataError: no labels, unknown labels, or a different number of channels.
    """
    sequences, targets = take_outcomes(data.train, bundle.features.target)
    part = Part(bundle.features.inputs(sequences), targets, keys=make_keys(sequences))
    return part, [*sequences.notes]


def list_tested_sequences(bundle: Bundle[SequenceFeatures], data: SequenceData) -> SequenceData:
    """The test rows of classes that the model has."""
    return SequenceData(take_known(merge_sequences(data, bundle.recipe, always=True).test, bundle.features.target))

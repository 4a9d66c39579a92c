"""Labelled sequences and a recipe -> training, validation and test examples."""

from typing import Any

import numpy as np

from seqconv.data.records import SequenceData
from seqconv.recipes.recipe import Recipe, SequenceConfig, SequenceDataConfig
from seqconv.tasks.examples import NAMES, Part, Split
from seqconv.tasks.labels import _check_labels, _choose_rows, _class_facts, _sources, align_labels, class_targets
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.sequence.features import SequenceFeatures


def split_sequences(data: SequenceData, recipe: Recipe) -> Split:
    """What has no file of its own is held out of the training sequences; scaled on training rows, of one length.

    Raises:
        DataError: fewer than two classes, too few sequences, or a channel that cannot be scaled.
    """
    config, settings = recipe.data, recipe.features
    assert isinstance(config, SequenceDataConfig)
    assert isinstance(settings, SequenceConfig)
    sources = _sources(data, data.train.classes)
    rows = _choose_rows(sources, config, None, recipe.training.seed)
    cut = [source.take(index) for source, index in zip(sources, rows, strict=True)]
    lengths = [np.diff(part.offsets) for part in cut]
    length = settings.length or int(lengths[0].max())
    masked = bool(lengths[0].min() < length)
    scaler = Scaler.fit(cut[0].values, cut[0].channels)
    features = SequenceFeatures(data.train.classes, data.train.channels, scaler, length, masked)
    parts = [Part(features.inputs(part), class_targets(part.labels, len(features.classes))) for part in cut]
    facts = _class_facts(sources, rows, features.classes) | {"channels": list(features.channels), "length": length}
    for name, each in zip(NAMES, lengths, strict=True):
        facts["splits"][name] |= {"shortest": int(each.min()), "longest": int(each.max())}
    train, validation, test = parts
    return Split(train, validation, test, features, facts)


def _take_sequences(features: Any, data: SequenceData) -> tuple[Part, list[str]]:
    assert isinstance(features, SequenceFeatures)
    sequences = data.train
    _check_labels(sequences, features)
    sequences = align_labels(sequences, features.classes)
    return Part(features.inputs(sequences), class_targets(sequences.labels, len(features.classes))), [*sequences.notes]

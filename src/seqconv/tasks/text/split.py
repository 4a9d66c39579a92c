"""Labelled texts and a recipe -> training, validation and test examples."""

from typing import Any

import numpy as np

from seqconv.data.records import EncodedTexts, TextData, Texts
from seqconv.recipes.recipe import Recipe, TextConfig, TextDataConfig
from seqconv.tasks.examples import NAMES, Part, Rows, Split
from seqconv.tasks.holdout import number_copies
from seqconv.tasks.labels import _choose_rows, _class_facts, _sources, class_targets
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Encoded, Vocabulary, from_ranks


def split_texts(data: TextData, recipe: Recipe, trained: TextFeatures | None = None, threads: int = 1) -> Split:
    """What has no file of its own is held out of the training texts; everything encoded.

    Args:
        trained: features of a trained model; None: fitted on the training rows.

    Raises:
        DataError: fewer than two classes, or too few texts for all splits.
    """
    config, text = recipe.data, recipe.features
    assert isinstance(config, TextDataConfig)
    assert isinstance(text, TextConfig)
    sources = _sources(data, data.train.classes)
    groups = group_texts(data.train) if config.holdout == "stratified" else None
    rows = _choose_rows(sources, config, groups, recipe.training.seed)
    vocabulary, encoded = _encode(sources, rows, text, trained.vocabulary if trained else None, threads)
    multi_label = data.train.labels.ndim == 2
    features = TextFeatures(data.train.classes, vocabulary, text.max_len, multi_label)
    parts = [
        Part(features.inputs(ids), class_targets(source.labels[index], len(features.classes)))
        for ids, source, index in zip(encoded, sources, rows, strict=True)
    ]
    facts = _class_facts(sources, rows, features.classes)
    for name, ids in zip(NAMES, encoded, strict=True):
        lengths = np.diff(ids.offsets)
        share = f"{np.mean(lengths > text.max_len):.1%}"
        facts["splits"][name] |= {"median ids": int(np.median(lengths)), "cut by max_len": share}
    train, validation, test = parts
    return Split(train, validation, test, features, facts)


def group_texts(texts: Texts | EncodedTexts) -> np.ndarray | None:
    """The group of each text, the same for copies, int64 `[N]`; None for encoded texts."""
    return None if isinstance(texts, EncodedTexts) else number_copies(texts.texts)


def _encode(
    sources: list[Any], rows: Rows, text: TextConfig, vocabulary: Vocabulary | None, threads: int
) -> tuple[Vocabulary | None, list[Encoded]]:
    """Ids of each split; words are counted on the training rows alone. Encoded data have no words."""
    if isinstance(sources[0], EncodedTexts):
        taken = [source.take(index) for source, index in zip(sources, rows, strict=True)]
        return None, [from_ranks(part.ids, part.offsets, text.vocabulary) for part in taken]
    train, *others = ([source.texts[i] for i in index] for source, index in zip(sources, rows, strict=True))
    if vocabulary is None:
        vocabulary, encoded = Vocabulary.fit_encode(train, text.vocabulary, threads)
    else:
        encoded = vocabulary.encode(train, threads)
    return vocabulary, [encoded, *(vocabulary.encode(texts, threads) for texts in others)]

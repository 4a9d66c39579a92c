"""Labelled texts as examples of a trained model."""

from dataclasses import replace

import numpy as np

from seqconv.data.records import EncodedTexts, Texts
from seqconv.errors import DataError
from seqconv.models.bundle import Bundle
from seqconv.recipes.recipe import TextConfig, count_threads
from seqconv.tasks.examples import Part
from seqconv.tasks.labels import _check_labels, align_labels, class_targets
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Encoded, from_ranks


def _take_texts(bundle: Bundle, texts: Texts | EncodedTexts, threads: int) -> tuple[Part, list[str]]:
    features = bundle.features
    assert isinstance(features, TextFeatures)
    notes = list(getattr(texts, "notes", ()))
    _check_labels(texts, features)
    if features.multi_label and texts.labels.ndim == 1:  # a row each with just one label
        texts = replace(texts, labels=np.eye(len(texts.classes), dtype=np.uint8)[texts.labels])
    labels = align_labels(texts, features.classes).labels  # type: ignore[type-var]
    inputs = features.inputs(_encode(bundle, features, texts, threads))
    return Part(inputs, class_targets(labels, len(features.classes))), notes


def _encode(bundle: Bundle, features: TextFeatures, texts: Texts | EncodedTexts, threads: int) -> Encoded:
    if isinstance(texts, EncodedTexts) != (features.vocabulary is None):
        kinds = ("raw texts", "word ranks")
        raise DataError(
            f"{texts.source}: must hold {kinds[features.vocabulary is None]}, which the model was trained on; "
            f"it holds {kinds[features.vocabulary is not None]}"
        )
    if isinstance(texts, EncodedTexts):
        assert isinstance(bundle.recipe.features, TextConfig)
        return from_ranks(texts.ids, texts.offsets, bundle.recipe.features.vocabulary)
    assert features.vocabulary is not None
    return features.vocabulary.encode(texts.texts, count_threads(threads))

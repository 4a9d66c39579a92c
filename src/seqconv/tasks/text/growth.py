"""A trained text model that goes on: its new words, and the rows that it can be tested on."""

from dataclasses import replace

from seqconv.data.records import TextData, Texts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.growth import grow_classes, regrow
from seqconv.tasks.text.split import merge_texts, split_texts
from seqconv.tasks.text.vocabulary import Vocabulary, count_words
from seqconv.tasks.updates import take_known

MOST_WORDS = 2**24  # that a vocabulary may have
WORDS_PER_ENTRY = 5  # running words of the newer texts for each word that is new


def grow_text(bundle: AnyBundle, data: TextData, threads: int = 1) -> AnyBundle:
    """The model with the classes and words that it lacks of newer texts; the ids of its words stay.

    With columns next to the text, whose tokens follow the words, no word is new.
    """
    grown = grow_classes(bundle, data, threads)
    if not isinstance(data.train, Texts):
        return grown
    split = split_texts(data, grown.recipe, threads, grown.features)
    assert split.train.inputs.texts is not None
    return add_words(grown, split.train.inputs.texts.tolist(), threads)


def add_words(bundle: AnyBundle, texts: list[str], threads: int = 1) -> AnyBundle:
    """The model with the most frequent words that it lacks of newer texts, one for each `WORDS_PER_ENTRY` at most."""
    vocabulary = bundle.features.vocabulary
    if not bundle.plan or bundle.features.columns.read or not any(map(str.strip, texts)):
        return bundle
    known, most = set(vocabulary.words), int(count_words(texts, threads).sum()) // WORDS_PER_ENTRY
    found = Vocabulary.fit(texts, MOST_WORDS, threads).words
    fresh = [word for word in found if word not in known][: max(most, 1)]
    if not fresh:
        return bundle
    larger = Vocabulary((*vocabulary.words, *fresh), vocabulary.normalised)
    ids = max(bundle.recipe.features.vocabulary, len(larger))
    recipe = replace(bundle.recipe, features=replace(bundle.recipe.features, vocabulary=ids))
    return regrow(bundle, replace(bundle.features, vocabulary=larger), recipe, len(vocabulary))


def list_tested_texts(bundle: AnyBundle, data: TextData) -> TextData:
    """The test rows of classes that the model has."""
    if not isinstance(data.train, Texts):
        return data
    return TextData(take_known(merge_texts(data, bundle.recipe, always=True).test, bundle.features.target))

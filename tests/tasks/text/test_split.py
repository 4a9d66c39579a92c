"""Texts are split at random: every class in its fraction, and what is fitted sees training rows only."""

from dataclasses import replace

import numpy as np
import pytest

from seqconv.data.records import EncodedTexts, TextData, Texts
from seqconv.errors import DataError
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.text.split import split_texts


def text_recipe(**text):
    return recipe_from_dict(
        {
            "task": "text",
            "data": {"source": "x", "validation": 0.25, "holdout": "random"},
            "text": {"vocabulary": 50, **text},
        }
    )


def texts(count: int, word: str = "word", classes: tuple[str, ...] = ("neg", "pos")) -> Texts:
    labels = np.arange(count, dtype=np.int32) % len(classes)
    return Texts([f"{word}{i} shared" for i in range(count)], labels, classes, "made")


def test_texts_are_shuffled_and_the_last_share_is_held_out():
    data = TextData(texts(40), texts(8, "test"))
    split = split_texts(data, text_recipe(vocabulary=100))
    assert [len(part.inputs) for part in (split.train, split.validation, split.test)] == [30, 10, 8]
    known = set(split.features.vocabulary.words)
    # a word of a held-out text is unknown: the vocabulary comes from training rows only
    assert len(known) == 31
    assert not any(word.startswith("test") for word in known)
    held_out = split.validation.inputs.ids
    assert np.all(held_out[:, -1] == split.features.vocabulary.encode(["shared"]).ids[-1])
    assert np.all(held_out[:, -2] == 2)
    assert split.train.targets.dtype == np.float32
    assert split.facts["splits"]["train"]["examples"] == 30


def test_another_seed_holds_out_other_texts():
    data = TextData(texts(40), texts(8))
    recipe = text_recipe()
    table = recipe.to_dict()
    table["training"]["seed"] = 1
    one, same, other = (
        split_texts(data, each).features.vocabulary for each in (recipe, recipe, recipe_from_dict(table))
    )
    assert one == same
    assert one != other


def test_more_than_two_classes_give_class_numbers_and_an_output_each():
    classes = ("a", "b", "c")
    split = split_texts(TextData(texts(30, classes=classes), texts(6, classes=classes)), text_recipe())
    assert split.features.target.outputs == 3
    assert split.train.targets.dtype == np.int32
    assert split.train.targets.ndim == 1


def test_encoded_texts_need_no_vocabulary():
    def encoded(count):
        ids = np.arange(1, 3 * count + 1, dtype=np.int32)
        labels = np.arange(count, dtype=np.int32) % 2
        return EncodedTexts(ids, np.arange(0, 3 * count + 1, 3, dtype=np.int64), labels, ("neg", "pos"), "made.npz")

    split = split_texts(TextData(encoded(20), encoded(4)), text_recipe(max_len=5))
    assert split.features.vocabulary is None
    # ranks 1, 2, 3 of the first test text become ids 3, 4, 5 behind the start id
    assert split.test.inputs.ids[0].tolist() == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("train", "test"), [(1, 5), (40, 0), (0, 5)])
def test_too_few_texts_are_refused(train, test):
    with pytest.raises(DataError, match="must hold examples for training, validation and test"):
        split_texts(TextData(texts(train), texts(test)), text_recipe())


def test_labels_that_never_recur_are_told_as_such():
    names = tuple(f"order {number}" for number in range(40))
    data = TextData(Texts([f"word{i}" for i in range(40)], np.arange(40, dtype=np.int32), names, "made"))
    recipe = replace(text_recipe(), data=replace(text_recipe().data, holdout="stratified"))
    with pytest.raises(DataError, match=r"made: a label must recur, .*; each of 40 is in one row. Name another --lab"):
        split_texts(data, recipe)


def test_one_class_is_refused():
    single = texts(20)
    single.labels[:] = 1
    with pytest.raises(DataError, match="at least two classes; got one"):
        split_texts(TextData(single, texts(5)), text_recipe())


def test_what_has_no_file_of_its_own_is_held_out_with_every_class_in_its_share():
    classes = ("a", "b", "c")
    labels = np.repeat(np.arange(3, dtype=np.int32), (100, 20, 1))
    data = TextData(Texts([f"word{i}" for i in range(121)], labels, classes, "made"))
    recipe = recipe_from_dict({"task": "text", "data": {"source": "x"}, "text": {"vocabulary": 500}})
    split = split_texts(data, recipe)
    counts = [np.bincount(part.targets, minlength=3).tolist() for part in (split.train, split.validation, split.test)]
    assert counts == [[64, 13, 1], [16, 3, 0], [20, 4, 0]]


def test_several_labels_a_text_give_an_output_each():
    labels = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]] * 20, np.uint8)
    data = TextData(Texts([f"word{i}" for i in range(60)], labels, ("a", "b", "c"), "made"))
    split = split_texts(data, text_recipe(vocabulary=100))
    assert split.features.target.several
    assert split.features.target.outputs == 3
    assert split.train.targets.shape == (36, 3)
    assert split.train.targets.dtype == np.float32


def test_a_test_label_that_training_does_not_know_is_named():
    data = TextData(texts(40), texts(6, classes=("neg", "neutral")))
    with pytest.raises(DataError, match=r"training labels; got 'neutral'\. Known: neg, pos"):
        split_texts(data, text_recipe())


def test_test_labels_count_into_the_training_classes():
    data = TextData(texts(30, classes=("a", "b", "c")), texts(6, classes=("b", "c")))
    split = split_texts(data, text_recipe(vocabulary=100))
    assert split.test.targets.tolist() == [1, 2, 1, 2, 1, 2]

"""Splits: nothing crosses from one to the next, and what is fitted sees training rows only."""

import numpy as np
import pytest

from seqconv.config import recipe_from_dict
from seqconv.data import EncodedTexts, Series, TextData, Texts
from seqconv.errors import ConfigError, DataError
from seqconv.splits import split_series, split_texts

HOUR = np.timedelta64(3600, "s")


def series(rows: int = 400, columns: tuple[str, ...] = ("row", "noise")) -> Series:
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(rows) * HOUR
    random = np.random.default_rng(0)
    values = np.stack([np.arange(rows, dtype=np.float64), *random.normal(size=(len(columns) - 1, rows))], axis=1)
    return Series(times, values, columns, 3600, "made.csv", ())


def series_recipe(**sections):
    table = {"data": {"source": "x", "target": "row", "train_end": 0.5, "validation_end": 0.75}}
    table["windows"] = {"lookback": "10h", "step": "1h", "delay": "5h"}
    for name, values in sections.items():
        table[name] = table.get(name, {}) | values
    return recipe_from_dict({"task": "series", **table})


def text_recipe(**text):
    return recipe_from_dict(
        {"task": "text", "data": {"source": "x", "validation": 0.25}, "text": {"vocabulary": 50, **text}}
    )


def rows_of(part, spec):
    first = part.inputs.anchors.min() - spec.lookback
    last = part.inputs.anchors.max() + spec.delay
    return first, last


def test_no_window_target_included_crosses_a_split():
    split = split_series(series(), series_recipe())
    assert rows_of(split.train, split.spec) == (0, 199)
    assert rows_of(split.validation, split.spec) == (200, 299)
    assert rows_of(split.test, split.spec) == (300, 399)


def test_the_target_is_the_value_that_the_lead_says_scaled_on_training_rows():
    split = split_series(series(), series_recipe())
    assert split.scaler.mean[0] == pytest.approx(99.5)
    back = split.test.targets[:, 0] * split.target_scale + split.target_mean
    np.testing.assert_allclose(back, split.test.inputs.anchors + split.spec.delay, rtol=1e-5)
    assert split.test.times[0] == series().times[split.test.inputs.anchors[0] + 5]


def test_rows_after_the_training_split_do_not_change_what_is_fitted():
    changed = series()
    changed.values[200:] *= 1000
    one, other = split_series(series(), series_recipe()), split_series(changed, series_recipe())
    np.testing.assert_array_equal(one.scaler.mean, other.scaler.mean)
    np.testing.assert_array_equal(one.train.inputs.values[:200], other.train.inputs.values[:200])


def test_holes_and_missing_values_are_counted():
    holed = series()
    holed.times[100:] += HOUR
    holed.values[250, 1] = np.nan
    split = split_series(holed, series_recipe())
    assert split.facts["irregular time steps"] == 1
    # windows with targets: 16 rows each, so 15 cross a step between two rows; 10 read the missing row
    assert split.facts["splits"]["train"]["dropped_at_holes"] == 15
    assert split.facts["splits"]["validation"]["dropped_missing"] == 10


def test_inputs_can_be_chosen_and_must_hold_the_target():
    split = split_series(series(), series_recipe(data={"inputs": ["row"]}))
    assert split.columns == ("row",)
    with pytest.raises(ConfigError, match="must hold the target 'row'"):
        split_series(series(), series_recipe(data={"inputs": ["noise"]}))


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"data": {"target": "rows"}}, "Did you mean 'row'?"),
        ({"data": {"inputs": ["row", "nois"]}}, "Did you mean 'noise'?"),
        ({"windows": {"lookback": "100h"}}, "the validation split must hold a window of 106 rows"),
        ({"windows": {"step": "90min"}}, "whole number of rows"),
        ({"data": {"validation_end": 0.5}}, "validation_end must be above"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(sections, says):
    with pytest.raises(ConfigError) as caught:
        split_series(series(), series_recipe(**sections))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_split_without_a_whole_window_is_refused():
    holed = series()
    holed.values[300::5, 1] = np.nan
    with pytest.raises(DataError, match="the test split must hold a window without a hole"):
        split_series(holed, series_recipe())


def texts(count: int, word: str = "word", classes: tuple[str, ...] = ("neg", "pos")) -> Texts:
    labels = np.arange(count, dtype=np.int32) % len(classes)
    return Texts([f"{word}{i} shared" for i in range(count)], labels, classes, "made")


def test_texts_are_shuffled_and_the_last_share_is_held_out():
    data = TextData(texts(40), texts(8, "test"))
    split = split_texts(data, text_recipe(vocabulary=100))
    assert [len(part.inputs) for part in (split.train, split.validation, split.test)] == [30, 10, 8]
    known = set(split.vocabulary.words)
    # a word of a held-out text is unknown: the vocabulary comes from training rows only
    assert len(known) == 31
    assert not any(word.startswith("test") for word in known)
    held_out = split.validation.inputs.ids
    assert np.all(held_out[:, -1] == split.vocabulary.encode(["shared"]).ids[-1])
    assert np.all(held_out[:, -2] == 2)
    assert split.train.targets.dtype == np.float32
    assert split.facts["splits"]["train"]["texts"] == 30


def test_another_seed_holds_out_other_texts():
    data = TextData(texts(40), texts(8))
    recipe = text_recipe()
    table = recipe.to_dict()
    table["training"]["seed"] = 1
    one, same, other = (split_texts(data, each).vocabulary for each in (recipe, recipe, recipe_from_dict(table)))
    assert one == same
    assert one != other


def test_more_than_two_classes_give_class_numbers_and_an_output_each():
    classes = ("a", "b", "c")
    split = split_texts(TextData(texts(30, classes=classes), texts(6, classes=classes)), text_recipe())
    assert split.outputs == 3
    assert split.train.targets.dtype == np.int32
    assert split.train.targets.ndim == 1


def test_encoded_texts_need_no_vocabulary():
    def encoded(count):
        ids = np.arange(1, 3 * count + 1, dtype=np.int32)
        labels = np.arange(count, dtype=np.int32) % 2
        return EncodedTexts(ids, np.arange(0, 3 * count + 1, 3, dtype=np.int64), labels, ("neg", "pos"), "made.npz")

    split = split_texts(TextData(encoded(20), encoded(4)), text_recipe(max_len=5))
    assert split.vocabulary is None
    # ranks 1, 2, 3 of the first test text become ids 3, 4, 5 behind the start id
    assert split.test.inputs.ids[0].tolist() == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("train", "test"), [(1, 5), (40, 0), (0, 5)])
def test_too_few_texts_are_refused(train, test):
    with pytest.raises(DataError, match="must hold texts for training, validation and test"):
        split_texts(TextData(texts(train), texts(test)), text_recipe())


def test_one_class_is_refused():
    single = texts(20)
    single.labels[:] = 1
    with pytest.raises(DataError, match="at least two classes; got one"):
        split_texts(TextData(single, texts(5)), text_recipe())

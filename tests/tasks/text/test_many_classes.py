"""Texts of thousands of classes: what is thinned so that they fit into memory, and that it changes nothing else."""

import numpy as np
import pytest

from seqconv.data.records import TextData, Texts
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks import stacking
from seqconv.tasks.baselines import fit_majority
from seqconv.tasks.text import machines
from seqconv.tasks.text import split as splits
from seqconv.tasks.text.guess import default_text_settings
from seqconv.tasks.text.machines import Words, fit_machine


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 30).astype(np.int32)
    texts = [" ".join([f"own{label}", *random.choice(["a", "b", "c"], 3)]) + f" {n}" for n, label in enumerate(labels)]
    return TextData(Texts(texts, labels, tuple(f"class{number}" for number in range(12)), "made"))


def split_data(data):
    return splits.split_texts(data, read_recipe("text", ("training.loss=categorical_crossentropy",)))


def test_models_of_very_many_outputs_are_judged_by_fewer_texts_which_is_said(data, monkeypatch):
    whole = split_data(data)
    monkeypatch.setattr(splits, "MOST_JUDGED", 12 * 20)
    few = split_data(data)
    assert len(few.validation.targets) == len(few.test.targets) == 20
    assert set(few.test.keys) < set(whole.test.keys)
    assert any("judged by 20 validation and test texts at most" in note for note in few.facts["notes"])
    np.testing.assert_array_equal(few.train.keys, whole.train.keys)
    for row in (0, 19):
        assert splits.make_text_keys(few.example(row).texts, {}) == few.test.keys[row]


def test_machines_that_are_fitted_in_pieces_are_the_same(data, monkeypatch):
    split = split_data(data)
    whole = fit_machine(Words, split).arrays
    monkeypatch.setattr(machines, "MOST_MEMBERS", 1)
    for name, array in fit_machine(Words, split).arrays.items():
        np.testing.assert_array_equal(array, whole[name])


def test_the_majority_counts_classes_in_pieces(data, monkeypatch):
    split = split_data(data)
    whole = fit_majority(split).logits
    monkeypatch.setattr("seqconv.tasks.baselines.PIECE", 7)
    np.testing.assert_array_equal(fit_majority(split).logits, whole)


def test_factors_are_chosen_by_evenly_spaced_rows_where_there_are_very_many(monkeypatch):
    random = np.random.default_rng(0)
    targets = random.integers(0, 4, 400)
    right = np.eye(4)[targets] * 3
    scores = [right + random.normal(0, 1, right.shape), random.normal(0, 1, right.shape)]
    monkeypatch.setattr(stacking, "MOST_WEIGHED", 4 * 200)
    rows = np.linspace(0, 399, 200).round().astype(int)
    thinned = stacking.choose_factors([each[rows] for each in scores], targets[rows], "categorical_crossentropy")
    found = stacking.choose_factors(scores, targets, "categorical_crossentropy")
    np.testing.assert_array_equal(found, thinned)


def test_the_layer_on_the_filters_stays_small():
    few, many = (default_text_settings(60_000, 9, outputs)["network.layers"] for outputs in (900, 5000))
    assert [layers[0]["branches"][0][0]["filters"] for layers in (few, many)] == [128, 64]

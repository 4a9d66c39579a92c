"""Scales of n-gram layers, counted by hand."""

import numpy as np
import pytest

from seqconv.networks.inputs import TokenInputs
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import Add, Dense, Dropout, Embed, GlobalMaxPool, NgramBag, TokenConv
from seqconv.networks.ngrams import SMOOTHING, fit_scales, list_features

IDS = np.array([[0, 3, 3], [0, 3, 4], [4, 5, 4], [0, 0, 5]], np.int32)


def ratio(inside: int, outside: int, all_inside: int, all_outside: int, height: int) -> float:
    more = SMOOTHING
    p, q = (inside + more) / (all_inside + more * height), (outside + more) / (all_outside + more * height)
    return abs(np.log(p / q))


def test_scales_of_two_classes_are_log_count_ratios() -> None:
    found = fit_scales((NgramBag(6, 1, 1, 2),), TokenInputs(IDS), np.array([[1], [1], [0], [0]], np.float32), 1)
    # features of the first class: 3, 3 and 4; of the other: 4 and 5, 5
    expected = [0, 0, 0, ratio(2, 0, 3, 3, 8), ratio(1, 1, 3, 3, 8), ratio(0, 2, 3, 3, 8), 0, 0]
    np.testing.assert_allclose(found["0.scale"][:, 0], expected, rtol=1e-6)
    assert found["0.scale"].dtype == np.float32


def test_each_class_is_held_against_the_others() -> None:
    scales = fit_scales((NgramBag(6, 3, 1, 1),), TokenInputs(IDS), np.array([0, 1, 2, 2], np.int32), 1)["0.scale"]
    assert scales[3, 0] == pytest.approx(ratio(1, 1, 1, 5, 7))
    assert scales[5, 2] == pytest.approx(ratio(2, 0, 3, 3, 7))
    several = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.float32)  # a text may be of several classes, or none
    scales = fit_scales((NgramBag(6, 2, 1, 1),), TokenInputs(IDS), several, 1)["0.scale"]
    assert scales[4, 1] == pytest.approx(ratio(2, 0, 4, 2, 7))


def test_many_texts_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    inputs, targets = TokenInputs(random.integers(0, 9, (50, 7), dtype=np.int32)), random.random((50, 1)) < 0.5
    layer = NgramBag(9, 1, 3, 40)
    whole = fit_scales((layer,), inputs, targets, 2)["0.scale"]
    monkeypatch.setattr("seqconv.networks.ngrams.CHUNK", 7)
    np.testing.assert_array_equal(fit_scales((layer,), inputs, targets, 1)["0.scale"], whole)
    rows = list_features(layer, inputs.ids, 1).rows
    assert (whole[np.unique(rows)] > 0).mean() > 0.9
    assert not np.delete(whole, np.unique(rows), axis=0).any()


def test_only_layers_that_give_the_outputs_are_scaled() -> None:
    targets = np.array([[1], [1], [0], [0]], np.float32)
    deep: Plan = (TokenConv(6, 2, 1), GlobalMaxPool(), Dense(2, 1))
    wide: Plan = (NgramBag(6, 1, 2, 8), Dropout(0.5))
    assert list(fit_scales((Add((deep, wide)),), TokenInputs(IDS), targets, 1)) == ["0.1.0.scale"]
    assert fit_scales((NgramBag(6, 4, 2, 8), Dense(4, 1)), TokenInputs(IDS), targets, 1) == {}
    assert fit_scales((NgramBag(6, 2, 2, 8), Dense(2, 5)), TokenInputs(IDS), np.array([4, 3, 2, 1], np.int32), 1) == {}
    assert fit_scales((Embed(6, 2), GlobalMaxPool(), Dense(2, 1)), TokenInputs(IDS), targets, 1) == {}

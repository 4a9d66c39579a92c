"""Weights of examples: by class, as scikit-learn has them, and their own."""

import re

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from seqconv.data.records import Texts
from seqconv.errors import DataError, OptionError
from seqconv.tasks.weights import parse_class_weights, weigh_classes, weigh_examples

NAMES = ("a", "b", "c")


def texts(labels, weights=None, classes=NAMES):
    own = None if weights is None else np.array(weights, np.float64)
    return Texts(["x"] * len(labels), np.array(labels), classes, "made.csv", weights=own)


def test_nothing_is_weighed_without_being_asked_for():
    assert weigh_examples([texts([0, 1]), texts([1])], "none") == [None, None]


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.random.default_rng(0).choice(3, 200, p=[0.9, 0.07, 0.03])
    found = weigh_classes("balanced", labels, NAMES)
    np.testing.assert_allclose(found[1], compute_class_weight("balanced", classes=np.arange(3), y=labels))
    (weights,) = weigh_examples([texts(labels)], "balanced")
    np.testing.assert_allclose(weights[:, 0], compute_sample_weight("balanced", labels), rtol=1e-6)
    assert [weights[labels == each].sum() for each in range(3)] == pytest.approx([200 / 3] * 3)


def test_balanced_classes_weigh_the_same_with_weights_of_examples():
    labels, own = np.array([0, 0, 0, 1, 2, 2]), [1, 2, 3, 5, 1, 0]
    (weights,) = weigh_examples([texts(labels, own)], "balanced")
    assert [weights[labels == each].sum() for each in range(3)] == pytest.approx([2, 2, 2])
    assert weights[5] == 0
    assert weights[1] == pytest.approx(2 * weights[0])


def test_a_class_without_training_examples_has_no_part_in_the_balance():
    assert weigh_classes("balanced", np.array([0, 0, 0, 2]), NAMES)[1].tolist() == [4 / 6, 0, 2]


def test_of_several_labels_each_is_weighed_alone():
    holds = np.array([[1, 0], [1, 1], [1, 0], [0, 0]], np.uint8)
    found = weigh_classes("balanced", holds, ("a", "b"))
    for place in range(2):
        wanted = compute_class_weight("balanced", classes=np.array([0, 1]), y=holds[:, place])
        np.testing.assert_allclose(found[:, place], wanted)
    (weights,) = weigh_examples([texts(holds, classes=("a", "b"))], "b=3")
    np.testing.assert_allclose(weights, np.array([[1, 1], [1, 3], [1, 1], [1, 1]]) * 8 / 10)


def test_the_training_examples_set_the_scale():
    train, validation = weigh_examples([texts([0, 0, 1, 1], [2, 4, 6, 8]), texts([1, 0], [5, 10])], "none")
    assert train[:, 0].tolist() == pytest.approx([0.4, 0.8, 1.2, 1.6])
    assert validation[:, 0].tolist() == pytest.approx([1, 2])
    named, other = weigh_examples([texts([0, 0, 1, 2]), texts([2])], "c=5,a=0.5")
    assert named[:, 0].tolist() == pytest.approx([0.5 / 1.75, 0.5 / 1.75, 1 / 1.75, 5 / 1.75])
    assert other[0, 0] == named[3, 0]


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("spam=10", {"spam": 10}),
        (" not spam = 0.5 , spam=1e1", {"not spam": 0.5, "spam": 10}),
        ("a,b=2,x=1=3", {"a,b": 2, "x=1": 3}),
    ],
)
def test_names_may_hold_commas_blanks_and_equals_signs(setting, wanted):
    assert parse_class_weights(setting) == wanted


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("balance", "must be none, balanced, or CLASS=WEIGHT separated by commas, such as spam=10; got 'balance'"),
        ("a=1,b", "got 'a=1,b'"),
        ("", "got ''"),
        ("a=much", "a weight must be a number above 0; got 'much'"),
        ("a=0", "got '0'"),
        ("a=-1", "got '-1'"),
        ("a=nan", "got 'nan'"),
        ("a=inf", "got 'inf'"),
        ("d=2", "unknown class 'd'"),
    ],
)
def test_wrong_settings(setting, says):
    with pytest.raises(OptionError, match=re.escape(says)):
        weigh_examples([texts([0, 1, 2])], setting)


def test_weights_of_zero_alone_are_refused():
    with pytest.raises(DataError, match=re.escape("made.csv: the training weights must not all be zero")):
        weigh_examples([texts([0, 1], [0, 0])], "balanced")


def test_numbers_have_no_classes_to_weigh():
    part = texts([0.5, 1.5], [1, 3], ())
    assert weigh_examples([part], "none")[0][:, 0].tolist() == pytest.approx([0.5, 1.5])
    with pytest.raises(OptionError, match="class_weight is for classes; numbers are predicted here"):
        weigh_examples([part], "balanced")

"""Weights of examples and classes in the classifiers."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV

from seqconv.estimators.classifiers import TextClassifier


def make_rare(count=1000, seed=0):
    """Texts of which one in a hundred is rare; the word of the rare ones occurs in three times as many others."""
    random = np.random.default_rng(seed)
    words = np.array(["the", "parcel", "came", "today", "and", "was", "fine", "thanks"])
    labels = np.arange(count) % 100 == 0
    hint = np.arange(count) % 25 == 0
    texts = [" ".join([*random.choice(words, 2), "refund" if each else "parcel"]) for each in hint]
    return texts, np.where(labels, "fraud", "fine")


def test_weights_of_classes_find_a_rare_one():
    texts, labels = make_rare()
    settings = {"random_state": 0, "n_jobs": 1, "epochs": 5}
    plain = TextClassifier(**settings).fit(texts, labels)
    others, actual = make_rare(seed=1)
    assert set(plain.predict(others)) == {"fine"}
    for weighted in (
        TextClassifier(class_weight="balanced", **settings).fit(texts, labels),
        TextClassifier(class_weight={"fraud": 99}, **settings).fit(texts, labels),
        TextClassifier(**settings).fit(texts, labels, sample_weight=np.where(labels == "fraud", 99, 1)),
    ):
        found = weighted.predict(others) == "fraud"
        assert found[actual == "fraud"].mean() >= 0.8
        assert found.mean() <= 0.04  # no text without the word
    assert weighted.bundle_.recipe.training.class_weight == "none"


def test_equal_weights_change_nothing():
    texts, labels = make_rare(60)
    settings = {"random_state": 0, "n_jobs": 1, "epochs": 2}
    plain = TextClassifier(**settings).fit(texts, labels)
    for weights in (np.ones(len(texts)), [7.0] * len(texts)):
        weighted = TextClassifier(**settings).fit(texts, labels, sample_weight=weights)
        np.testing.assert_array_equal(weighted.predict_proba(texts), plain.predict_proba(texts))


def test_weights_of_examples_are_routed():
    texts, labels = make_rare(2000)
    weights = np.where(labels == "fraud", 99.0, 1.0)
    model = TextClassifier(random_state=0, n_jobs=1)
    with config_context(enable_metadata_routing=True):
        asks = model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        grid = GridSearchCV(asks, {"epochs": [5]}, cv=2).fit(texts, labels, sample_weight=weights)
    assert grid.best_score_ > 0.6  # in which the rare texts weigh half
    others, actual = make_rare(seed=1)
    assert np.mean(grid.predict(others)[actual == "fraud"] == "fraud") >= 0.8


@pytest.mark.parametrize(
    ("settings", "weights", "says"),
    [
        ({}, [1.0], "sample_weight must be a number for each of 60 examples"),
        ({}, [1.0] * 59 + [-1.0], "sample_weight, row 60: must be a number of at least 0; got -1.0"),
        ({"class_weight": {"maybe": 2}}, None, "training.class_weight: unknown class 'maybe'"),
        ({"class_weight": {"fine": 0}}, None, "a weight must be a number above 0; got '0'"),
        ({"class_weight": "balance"}, None, "class_weight must be none, balanced, or CLASS=WEIGHT"),
        ({"class_weight": 3}, None, "class_weight must be 'balanced', a dictionary, or None; got 3"),
    ],
)
def test_wrong_weights(settings, weights, says):
    texts, labels = make_rare(60)
    with pytest.raises(ValueError, match=says):
        TextClassifier(random_state=0, **settings).fit(texts, labels, sample_weight=weights)

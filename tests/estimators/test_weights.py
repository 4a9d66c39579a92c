"""Weights of examples and classes in the classifiers."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV

from seqconv.errors import ConfigError, DataError
from seqconv.estimators.classifiers import SequenceClassifier, TextClassifier


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


def test_a_threshold_is_chosen_on_rows_held_out():
    texts, labels = make_rare(4000)
    others, actual = make_rare(seed=1)
    settings = {"random_state": 0, "n_jobs": 1, "epochs": 4}
    for threshold in ("recall=0.9", "cost=1:30", 0.05):
        model = TextClassifier(threshold=threshold, validation=0.4, **settings).fit(texts, labels)
        ((name, value),) = model.bundle_.features.target.thresholds
        assert name == "fraud"
        found = model.predict(others) == "fraud"
        assert (found == (model.predict_proba(others)[:, list(model.classes_).index("fraud")] > value)).all()
        assert found[actual == "fraud"].mean() >= 0.6
    assert value == 0.05
    assert TextClassifier(threshold=0.3, validation=0, **settings).fit(texts, labels).bundle_.features.target.thresholds
    named = TextClassifier(threshold=0.999, positive="fine", **settings).fit(texts, labels)
    assert named.bundle_.features.target.thresholds == (("fine", 0.999),)
    assert "fraud" in named.predict(others)
    held_out = TextClassifier(threshold="f1", **settings).fit(texts, labels)  # without being asked for
    assert "validation_loss" in held_out.history_


def test_thresholds_of_several_labels_and_of_sequences():
    texts, labels = make_rare(2000)
    several = np.stack([labels == "fraud", np.arange(2000) % 2 == 0], axis=1).astype(int)
    model = TextClassifier(threshold="recall=0.9", validation=0.4, random_state=0, n_jobs=1, epochs=4).fit(
        texts, several
    )
    assert [name for name, _ in model.bundle_.features.target.thresholds] == ["0", "1"]
    assert model.predict(texts)[several[:, 0] == 1, 0].mean() > 0.6
    random = np.random.default_rng(0)
    rare = np.arange(400) % 20 == 0
    X = random.normal(size=(400, 20)) + np.where(rare, 0.8, 0)[:, None]
    settings = {"epochs": 10, "random_state": 0, "n_jobs": 1}
    sequences = SequenceClassifier(threshold="f1", validation=0.3, **settings).fit(X, rare)
    ((name, value),) = sequences.bundle_.features.target.thresholds
    assert name == "True"
    assert (sequences.predict(X) == (sequences.predict_proba(X)[:, 1] > value)).all()
    weighted = SequenceClassifier(class_weight="balanced", **settings).fit(X, rare)
    plain = SequenceClassifier(**settings).fit(X, rare)
    assert weighted.predict_proba(X)[:, 1].mean() > 2 * plain.predict_proba(X)[:, 1].mean()


def test_a_threshold_needs_rows_held_out():
    texts, labels = make_rare(200)
    with pytest.raises(ConfigError, match="threshold='f1' is chosen on rows held out; got none"):
        TextClassifier(threshold="f1", validation=0, epochs=1).fit(texts, labels)
    with pytest.raises(DataError, match="threshold needs two classes"):
        TextClassifier(threshold="f1", epochs=1).fit(["a b", "c d", "e f"] * 9, [0, 1, 2] * 9)

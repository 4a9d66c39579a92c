"""`partial_fit` of texts: what the first call fixes, what further calls learn, and what they refuse."""

import pickle

import numpy as np
import polars
import pytest

from seqconv import TextClassifier
from seqconv.errors import DataError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.models.predictor import Predictor

WORDS = ["film", "plot", "the", "scene", "actor"]
ALL = ["animal", "no", "yes"]


def make(count, seed, marks=("good", "bad")):
    """Texts of which one word tells the class."""
    random, labels = np.random.default_rng(seed), {"good": "yes", "superb": "yes", "bad": "no", "zebra": "animal"}
    chosen = random.choice(marks, count)
    texts = [" ".join(random.permutation([*random.choice(WORDS, 5), mark])) for mark in chosen]
    return texts, np.array([labels[mark] for mark in chosen])


@pytest.fixture(scope="module")
def first():
    return TextClassifier(random_state=0).partial_fit(*make(200, 0), classes=ALL)


@pytest.mark.parametrize(("model", "least"), [("blend", 0.85), ("network", 0.7), ("words", 0.85)])
def test_further_calls_learn_new_words_and_classes_that_the_first_one_named(model, least):
    texts, labels = make(300, 1, ("good", "superb", "bad", "zebra"))
    old, truths = make(100, 2)
    found = TextClassifier(model=model, random_state=0).partial_fit(*make(200, 0), classes=ALL)
    before = found.score(texts[200:], labels[200:])
    found.partial_fit(texts[:200], labels[:200])
    assert found.classes_.tolist() == ALL
    assert found.score(texts[200:], labels[200:]) > max(before + 0.15, least)
    assert found.score(old, truths) > 0.9


def test_calls_are_deterministic_and_a_pickle_goes_on_alike(first):
    texts, labels = make(120, 3, ("good", "zebra"))
    copies = [pickle.loads(pickle.dumps(first)) for _ in range(2)]
    found = [each.partial_fit(texts, labels).predict_proba(texts) for each in copies]
    np.testing.assert_array_equal(*found)


def test_fit_starts_anew_and_partial_fit_goes_on_from_a_fit(first):
    texts, labels = make(200, 0)
    again = pickle.loads(pickle.dumps(first)).fit(texts, labels)
    assert again.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(
        again.predict_proba(texts), TextClassifier(random_state=0).fit(texts, labels).predict_proba(texts)
    )
    assert again.partial_fit(*make(50, 4)).score(texts, labels) > 0.95


def test_the_model_is_saved_as_it_answers(first, tmp_path):
    texts, labels = make(120, 3, ("good", "zebra"))
    found = pickle.loads(pickle.dumps(first)).partial_fit(texts, labels)
    write_bundle(found.bundle_, tmp_path / "model")
    saved = Predictor(read_bundle(tmp_path / "model")).predict(texts)
    np.testing.assert_allclose(saved, found.predict_proba(texts), atol=1e-6)


def test_a_batch_may_hold_one_text_and_weights_count(first):
    found = pickle.loads(pickle.dumps(first)).partial_fit(["superb superb"], ["yes"])
    assert found.predict(["superb"]).tolist() == ["yes"]
    texts = ["odd film"] * 20
    scores = [
        pickle.loads(pickle.dumps(first))
        .partial_fit(texts, ["yes", "no"] * 10, sample_weight=[weight, 1] * 10)
        .predict_proba(["odd film"])[0, 2]
        for weight in (1, 9)
    ]
    assert scores[1] > scores[0] + 0.05


def test_columns_next_to_the_text_go_on_too():
    texts, labels = make(200, 0)
    frame = polars.DataFrame({"text": texts, "price": np.where(labels == "yes", 9, 1)})
    found = TextClassifier(text="text", columns=["price"], random_state=0).partial_fit(frame, labels, classes=ALL)
    assert found.partial_fit(frame[:50], labels[:50]).score(frame, labels) > 0.95


def test_wrong_classes_are_refused_in_one_line(first):
    texts, labels = make(20, 5)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        TextClassifier().partial_fit(texts, labels)
    with pytest.raises(DataError, match="classes must be at least two; got \\['yes'\\]"):
        TextClassifier().partial_fit(texts, labels, classes=["yes"])
    fresh = pickle.loads(pickle.dumps(first))
    with pytest.raises(ValueError, match="y must hold labels of classes; got 'none'"):
        fresh.partial_fit(texts[:1], ["none"])
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        fresh.partial_fit(texts, labels, classes=["no", "yes"])
    np.testing.assert_array_equal(fresh.predict_proba(texts), first.predict_proba(texts))  # a refused call leaves it
    with pytest.raises(ValueError, match="must be fitted to the old rows"):
        TextClassifier(model="nb-svm").fit(texts, labels).partial_fit(texts, labels)

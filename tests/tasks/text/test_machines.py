"""Support vector machines on hashed features: features against a slow definition, machines against scikit-learn."""

import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from seqconv import _native
from seqconv.networks.inputs import TokenInputs, hold_texts
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.labels import make_target
from seqconv.tasks.text import machines
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.machines import BITS, LONGEST, Characters, Words, fit_machine
from seqconv.tasks.text.unicode import compose
from seqconv.tasks.text.vocabulary import split

CHANCE = random.Random(3)
NAMES = ["good", "bad", "film", "plot", "won't", "été", "电影", "a"]
some_texts = st.lists(st.text(alphabet="ab 'É\t\n电ดี.-", max_size=12), max_size=5)


def hash_feature(feature: str) -> int:
    """The definition of the module."""
    h = 0
    for byte in feature.encode():
        h = (h + byte + 1) * 0x9E3779B97F4A7C15 % 2**64
    return (h ^ h >> 32) % 2**BITS


def list_words(text: str) -> list[str]:
    return split(text)


def list_characters(text: str) -> list[str]:
    tidy = " " + re.sub("[ \t-\r]+", " ", compose(text).lower()).strip(" ") + " "
    tidy = " " if tidy == "  " else tidy
    found = [tidy[first : first + size] for size in range(1, LONGEST + 1) for first in range(len(tidy) - size + 1)]
    return [each for each in found if each != " "]


@pytest.mark.parametrize(("kind", "listed"), [(Words, list_words), (Characters, list_characters)])
@given(texts=some_texts, threads=st.integers(1, 3))
def test_features_are_those_of_the_definition(kind, listed, texts, threads):
    buckets, times, offsets = kind.count(texts, threads)
    assert len(offsets) == len(texts) + 1
    for text, first, last in zip(texts, offsets, offsets[1:], strict=False):
        found = dict(zip(buckets[first:last].tolist(), times[first:last].tolist(), strict=True))
        assert list(found) == sorted(found)
        assert found == Counter(map(hash_feature, listed(text)))


def draw(count: int, classes: int = 2) -> tuple[list[str], np.ndarray]:
    """Texts of which one word in ten tells the class, and their classes."""
    labels = np.array([CHANCE.randrange(classes) for _ in range(count)])
    texts = [
        " ".join([*CHANCE.choices(NAMES, k=9), f"class{label if CHANCE.random() < 0.8 else 0}"]) for label in labels
    ]
    return texts, labels


def make_split(classes: int, count: int = 300, several: bool = False, weights: np.ndarray | None = None) -> Split:
    target = make_target(tuple(f"c{number}" for number in range(classes)), several)
    parts = []
    for rows in (count, 100, 100):
        texts, labels = draw(rows, classes)
        known = (labels[:, None] == np.arange(classes)).astype(np.uint8) if several else labels
        parts.append(Part(TokenInputs(np.zeros((rows, 1), np.int32), hold_texts(texts)), target.encode(known)))
    parts[0] = Part(parts[0].inputs, parts[0].targets, weights=weights)
    return Split(*parts, TextFeatures(target, None, 1), {})


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kind", [Words, Characters])
def test_the_machine_is_that_of_scikit_learn(kind, classes):
    data = make_split(classes)
    model = fit_machine(kind, data)
    texts = data.train.inputs.texts.tolist()
    buckets, times, offsets = kind.count(texts, 1)
    counts = csr_matrix((times, buckets, offsets), shape=(len(texts), 2**BITS))[:, model.buckets]
    x = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    rows = model.rows(texts)
    np.testing.assert_allclose(
        csr_matrix((rows.values, rows.columns, rows.offsets), shape=x.shape).toarray(), x.toarray(), atol=1e-6
    )
    reference = LinearSVC(tol=1e-6).fit(x, np.asarray(data.train.targets).reshape(-1))
    scores = reference.decision_function(x).reshape(len(texts), -1)
    found = model.predict(data.train.inputs) / model.scale
    assert np.abs(found - scores).mean() < 0.02 * np.abs(scores).mean()


@pytest.mark.parametrize("own", [False, True], ids=["a row", "an output and a row"])
def test_a_row_counts_as_often_as_its_weight_says(own):
    texts, labels = draw(60)
    weights = np.random.default_rng(0).integers(0, 4, (60, 2 if own else 1))

    known = np.unique(Words.count(texts, 1)[0])

    def fit(texts: list[str], members: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        buckets, times, offsets = Words.count(texts, 1)
        columns, values = np.searchsorted(known, buckets).astype(np.int32), times.astype(np.float32)
        weights, bias = np.zeros((len(known), len(members)), np.float32), np.zeros(len(members), np.float32)
        members, costs = np.ascontiguousarray(members), np.ascontiguousarray(costs, np.float32)
        _native.linear_machines(columns, values, offsets, members, costs, 1e-8, 5000, 0, weights, bias, 1)
        return weights, bias

    members = np.stack([labels == 1, labels == 0]).astype(np.uint8)
    found = fit(texts, members, weights.T)
    for output in range(2):
        again = np.repeat(np.arange(60), weights[:, output if own else 0])
        expected = fit([texts[row] for row in again], members[:, again], np.ones((1, len(again))))
        np.testing.assert_allclose(found[0][:, output], expected[0][:, output], atol=1e-3)
        np.testing.assert_allclose(found[1][output], expected[1][output], atol=1e-3)


def test_a_machine_of_labels_of_their_own_and_of_weighed_rows():
    data = make_split(3, several=True, weights=np.full((300, 3), 2.0, np.float32))
    model = fit_machine(Words, data)
    outputs, targets = model.predict(data.test.inputs), data.test.targets
    assert data.features.target.errors(outputs, targets, "binary_crossentropy").mean() < 0.4


@pytest.mark.parametrize("weighed", [False, True])
def test_a_regression_is_that_of_scikit_learn(weighed):
    texts, labels = draw(200)
    random = np.random.default_rng(0)
    targets = np.stack([labels + random.normal(size=200), random.normal(size=200)]).astype(np.float32)
    costs = random.integers(0, 3, (1, 200)).astype(np.float32) if weighed else np.ones((1, 200), np.float32)
    columns, times, offsets = Words.count(texts, 1)
    known, columns = np.unique(columns, return_inverse=True)
    weights, bias = np.zeros((len(known), 2), np.float32), np.zeros(2, np.float32)
    rows = columns.astype(np.int32), times.astype(np.float32), offsets
    _native.linear_regressions(*rows, targets, costs, 1e-7, 5000, 0, weights, bias, 1)
    x = csr_matrix((rows[1], rows[0], offsets), shape=(200, len(known))).toarray()
    wide = np.concatenate([x, np.ones((200, 1))], axis=1)  # the bias counts as a weight
    reference = Ridge(0.5, fit_intercept=False).fit(wide, targets.T, costs[0])
    np.testing.assert_allclose(weights, reference.coef_[:, :-1].T, atol=2e-4)
    np.testing.assert_allclose(bias, reference.coef_[:, -1], atol=2e-4)


def test_the_same_bits_on_any_number_of_threads(monkeypatch):
    data, found = make_split(3), []
    for threads in (1, 2, 3):
        monkeypatch.setattr(machines, "count_threads", lambda asked, own=threads: own)
        found.append(fit_machine(Characters, data))
    for other in found[1:]:
        for name, array in found[0].arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name])


def test_a_class_that_training_lacks_and_texts_without_a_known_word():
    data = make_split(3)
    rows = np.flatnonzero(np.asarray(data.train.targets) != 2)
    model = fit_machine(Words, Split(data.train.take(rows), data.validation, data.test, data.features, {}))
    outputs = model.predict(TokenInputs(np.zeros((3, 1), np.int32), hold_texts(["", "unseen", "class1"])))
    assert np.isfinite(outputs).all()
    assert outputs[:2].argmax(axis=1).tolist() == outputs[:1].argmax(axis=1).tolist() * 2
    assert outputs[2].argmax() == 1
    assert outputs[:, 2].max() < 0


def test_fewer_features_are_the_largest():
    model = fit_machine(Words, make_split(2))
    smaller = model.prune(0.5)
    sizes = np.abs(model.weights[:, 0] * model.rarity)
    assert len(smaller.buckets) == round(len(model.buckets) / 2)
    assert set(smaller.buckets.tolist()) == set(model.buckets[np.argsort(-sizes)][: len(smaller.buckets)].tolist())
    smaller.check()


def test_typing_errors_cost_characters_less_than_words():
    data = make_split(4)
    damaged = [text.replace("class", "clas") for text in data.test.inputs.texts]
    inputs, classes = TokenInputs(data.test.inputs.ids, hold_texts(damaged)), np.asarray(data.test.targets)
    right = [(fit_machine(kind, data).predict(inputs).argmax(axis=1) == classes).mean() for kind in (Words, Characters)]
    assert right[1] > right[0] + 0.2


def test_columns_and_costs_are_checked():
    columns, values, offsets = np.array([5], np.int32), np.ones(1, np.float32), np.array([0, 1])
    weights, bias, ones = np.zeros((5, 1), np.float32), np.zeros(1, np.float32), np.ones((1, 1), np.float32)
    members = np.ones((1, 1), np.uint8)
    with pytest.raises(ValueError, match="columns"):
        _native.sparse_product(columns, values, offsets, weights, np.zeros((1, 1), np.float32), 1)
    with pytest.raises(ValueError, match="costs"):
        _native.linear_machines(columns - 1, values, offsets, members, -ones, 0.1, 9, 0, weights, bias, 1)
    with pytest.raises(ValueError, match="bits"):
        _native.character_counts(["a"], 5, 31, 1)

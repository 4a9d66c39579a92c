"""Baselines for texts: counts against independent references, and what each of them can and cannot learn."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from seqconv.networks.inputs import TokenInputs
from seqconv.tasks.baselines import fit_majority
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.labels import make_target
from seqconv.tasks.scoring import fit_baselines
from seqconv.tasks.text import baselines as texts
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.task import TEXT

NOT, GOOD, BAD = 3, 4, 5


def text_split(parts: Sequence[Part], classes: tuple[str, ...], multi_label: bool = False) -> Split:
    train, validation, test = parts
    return Split(train, validation, test, TextFeatures(make_target(tuple(classes), multi_label), None, 100), {})


def pad(texts: list[list[int]], length: int) -> np.ndarray:
    return np.array([[0] * (length - len(text)) + text for text in texts], np.int32)


def texts_by_order(count: int, seed: int) -> Part:
    """Class 1 where `not` stands before `good`, class 0 where it stands before `bad`; both hold the same words."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    texts = [
        [1, *random.integers(6, 30, random.integers(0, 8)), NOT, *((GOOD, 9, BAD) if label else (BAD, 9, GOOD)), 8]
        for label in labels
    ]
    return Part(TokenInputs(pad(texts, 16)), labels.astype(np.float32)[:, None])


def topics(count: int, seed: int, classes: int = 3) -> Part:
    """Each class has a word of its own, in nine texts of ten."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    own = np.where(random.random(count) < 0.9, 3 + labels, 20)
    ids = np.concatenate([np.ones((count, 1)), random.integers(10, 40, (count, 6)), own[:, None]], axis=1)
    return Part(TokenInputs(ids.astype(np.int32)), labels.astype(np.int32))


@pytest.fixture(scope="module")
def by_order() -> Split:
    return text_split([texts_by_order(count, seed) for seed, count in enumerate((400, 100, 200))], ("bad", "good"))


@pytest.fixture(scope="module")
def by_topic() -> Split:
    return text_split([topics(count, seed) for seed, count in enumerate((300, 100, 200))], ("a", "b", "c"))


def test_text_baselines_come_in_order_with_scores_and_seconds(by_order):
    heard: list[str] = []
    found = fit_baselines(TEXT, by_order, heard.append)
    assert [each.name for each in found] == heard[:3] == ["majority class", "TF-IDF + logistic regression", "NB-SVM"]
    assert heard[3:] == [f"SVM on {unit}: skipped, the texts are word ranks" for unit in ("words", "characters")]
    for each in found:
        assert (each.validation["n"], each.test["n"]) == (100, 200)
        assert each.test_outputs.shape == (200, 1)
        right = (each.test_outputs > 0) == by_order.test.targets
        assert each.test["accuracy"] == pytest.approx(right.mean())
        assert each.seconds > 0


def test_pairs_see_the_order_that_words_alone_cannot(by_order):
    _, words, pairs = fit_baselines(TEXT, by_order)
    assert words.test["accuracy"] < 0.65
    assert pairs.test["accuracy"] == 1


def test_many_classes(by_topic):
    majority, words, pairs = fit_baselines(TEXT, by_topic)
    assert majority.test["accuracy"] < 0.5
    for each in (words, pairs):
        assert each.test_outputs.shape == (200, 3)
        assert each.test["accuracy"] > 0.85
        assert each.test["loss"] < 0.6 < majority.test["loss"]


def test_majority_gives_the_class_shares():
    part = Part(TokenInputs(np.full((5, 2), 3, np.int32)), np.array([1, 1, 0, 1, 0], np.float32)[:, None])
    outputs = fit_majority(text_split([part, part, part], ("no", "yes"))).predict(part.inputs)
    assert outputs.shape == (5, 1)
    assert 1 / (1 + np.exp(-outputs[0, 0])) == pytest.approx(4 / 7)  # one more of each


def test_padding_and_start_are_no_words(by_order):
    def bare(part: Part) -> Part:
        assert isinstance(part.inputs, TokenInputs)
        ids = np.where(part.inputs.ids == 1, 0, part.inputs.ids)
        return replace(part, inputs=TokenInputs(np.concatenate([np.zeros((len(ids), 3), np.int32), ids], axis=1)))

    other = replace(by_order, **{name: bare(getattr(by_order, name)) for name in ("train", "validation", "test")})
    for one, two in zip(fit_baselines(TEXT, by_order), fit_baselines(TEXT, other), strict=True):
        np.testing.assert_allclose(one.test_outputs, two.test_outputs, rtol=1e-9)


def test_test_labels_are_only_scored(by_order):
    flipped = replace(by_order, test=replace(by_order.test, targets=1 - by_order.test.targets))
    for one, two in zip(fit_baselines(TEXT, by_order), fit_baselines(TEXT, flipped), strict=True):
        np.testing.assert_array_equal(one.test_outputs, two.test_outputs)
        assert one.test["accuracy"] == pytest.approx(1 - two.test["accuracy"])


def test_a_class_that_training_never_saw_and_empty_texts_are_no_crash():
    train, test = topics(60, 0, classes=2), topics(40, 1, classes=3)
    assert isinstance(test.inputs, TokenInputs)
    test.inputs.ids[:5] = 0
    for each in fit_baselines(TEXT, text_split([train, test, test], ("a", "b", "c"))):
        assert np.isfinite(each.test["loss"])
        assert np.all(each.test_outputs.argmax(axis=1) != 2)


def test_training_rows_of_one_class_only():
    part = texts_by_order(30, 0)
    one_sided = replace(part, targets=np.ones_like(part.targets))
    for each in fit_baselines(TEXT, text_split([one_sided, part, part], ("no", "yes"))):
        assert np.all(each.test_outputs > 0)


def lay_out(counts: texts.Counts, values: np.ndarray, width: int) -> np.ndarray:
    """Values of what texts hold as a table `[N, width]`."""
    table = np.zeros((len(counts.starts) - 1, width))
    table[counts.rows, counts.columns] = values
    return table


@given(st.lists(st.lists(st.integers(2, 6), max_size=7), min_size=1, max_size=6))
def test_words_and_pairs_are_counted_like_a_dictionary_would(rows):
    ids = pad([[1, *row] for row in rows], 8)
    other = np.array([[0, 1, 2, 3, 2, 3, 6, 4]], np.int32)
    words = 7  # ids 0 to 6
    pairs_seen = texts.find_pairs(TokenInputs(ids), words)
    width = words + len(pairs_seen)
    counted = [texts.count_columns(texts.find_columns(each, words, pairs_seen)) for each in (ids, other)]
    train, test = (lay_out(counts, counts.times, width) for counts in counted)
    counts = Counter(pair for row in rows for pair in pairwise(row))
    known = sorted(pair for pair, times in counts.items() if times >= 2)
    assert train.shape == (len(rows), words + len(known))
    for row, found in zip(rows, train, strict=True):
        pairs = Counter(pairwise(row))
        assert found.tolist() == [row.count(word) for word in range(words)] + [pairs[pair] for pair in known]
    expected = [{(2, 3): 2, (3, 2): 1, (3, 6): 1, (6, 4): 1}.get(pair, 0) for pair in known]
    assert test[0].tolist() == [0, 0, 2, 2, 1, 0, 1, *expected]


def test_tf_idf_is_that_of_scikit_learn(by_topic):
    model = texts.fit_tf_idf(by_topic)
    inputs = [part.inputs for part in (by_topic.train, by_topic.test)]
    counted = [model.count(each.ids) for each in inputs]
    raw = [lay_out(counts, counts.times, model.words) for counts in counted]
    reference = TfidfTransformer(sublinear_tf=True).fit(raw[0])
    weighted = [reference.transform(each).toarray() for each in raw]
    for counts, expected in zip(counted, weighted, strict=True):
        np.testing.assert_allclose(
            lay_out(counts, model.scaled(counts, model.scales[0]), model.words), expected, rtol=1e-9
        )
    answers = []
    for strength in (1.0, 3.0, 10.0):
        classifier = LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.1, random_state=0)
        margins = [
            classifier.fit(csr_matrix(weighted[0]), by_topic.train.targets == each).decision_function(weighted[1])
            for each in range(3)
        ]
        answers.append(-np.logaddexp(0, -np.stack(margins, axis=1)))
    found = model.predict(inputs[1])
    assert min(np.abs(found - answer).max() for answer in answers) < 1e-9


def test_nb_svm_weighs_by_log_count_ratios(by_order):
    model = texts.fit_nb_svm(by_order)
    ids, good = by_order.train.inputs.ids, by_order.train.targets[:, 0] > 0
    counts = model.count(ids)
    occurs = lay_out(counts, np.ones(len(counts.columns)), model.scales.shape[1]) > 0
    inside, outside = 1 + occurs[good].sum(axis=0), 1 + occurs[~good].sum(axis=0)
    np.testing.assert_allclose(model.scales[0], np.log(inside / inside.sum() / (outside / outside.sum())), atol=1e-12)
    rows = occurs * model.scales[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(by_order.train.inputs), rows @ model.weights.T + model.bias, atol=1e-9)


def several_topics(count: int, seed: int, classes: int = 4) -> Part:
    """Each class that a text has gives it a word of its own; a text may have none."""
    random = np.random.default_rng(seed)
    labels = random.random((count, classes)) < 0.4
    own = np.where(labels, 3 + np.arange(classes), 0)
    ids = np.concatenate([np.ones((count, 1)), random.integers(10, 40, (count, 6)), own], axis=1)
    return Part(TokenInputs(ids.astype(np.int32)), labels.astype(np.float32))


@pytest.mark.parametrize("classes", [2, 4])
def test_several_classes_a_text(classes):
    parts = [several_topics(count, seed, classes) for seed, count in enumerate((300, 100, 200))]
    majority, words, pairs = fit_baselines(TEXT, text_split(parts, tuple("abcd"[:classes]), multi_label=True))
    shares = (parts[0].targets.sum(axis=0) + 1) / 302
    np.testing.assert_allclose(1 / (1 + np.exp(-majority.test_outputs[0])), shares)
    for each in (words, pairs):
        assert each.test_outputs.shape == (200, classes)
        assert each.test["f1"] > 0.95
        assert each.test["loss"] < 0.3 < majority.test["loss"]


def test_a_text_class_that_all_or_none_of_the_training_texts_have():
    train, test = several_topics(50, 0), several_topics(50, 1)
    train.targets[:, 0], train.targets[:, 1] = 1, 0
    for each in fit_baselines(TEXT, text_split([train, test, test], tuple("abcd"), multi_label=True)):
        assert np.isfinite(each.test["loss"])
        assert np.all(each.test_outputs[:, 0] > 0)
        assert np.all(each.test_outputs[:, 1] < 0)


def test_twenty_texts_and_a_class_with_one():
    train, test = topics(20, 0, classes=2), topics(20, 1, classes=2)
    train.targets[7] = 2
    for each in fit_baselines(TEXT, text_split([train, test, test], ("a", "b", "c"))):
        assert np.isfinite(each.test["loss"])
        assert each.test_outputs.shape == (20, 3)


def test_a_hundred_classes_take_one_penalty():
    parts = [topics(count, seed, classes=100) for seed, count in enumerate((2000, 200, 200))]
    for part in parts:  # clear of the other words
        ids = part.inputs.ids
        ids[:, -1] = np.where(ids[:, -1] == 20, 20, ids[:, -1] + 100)
    _, words, pairs = fit_baselines(TEXT, text_split(parts, tuple(f"{index:02d}" for index in range(100))))
    assert min(words.test["accuracy"], pairs.test["accuracy"]) > 0.8


def test_large_data_are_thinned_and_told(monkeypatch, by_order):
    monkeypatch.setattr(texts, "MOST_TEXTS", 200)
    heard: list[str] = []
    found = fit_baselines(TEXT, by_order, heard.append)
    assert heard[0] == "TF-IDF + logistic regression, NB-SVM: fitted on 200 of the 400 training texts"
    np.testing.assert_array_equal(
        found[0].test_outputs, fit_majority(by_order).predict(by_order.test.inputs)
    )  # of all 400
    assert found[2].test["accuracy"] == 1
    monkeypatch.setattr(texts, "MOST_WORDS", 3000)
    heard.clear()
    fit_baselines(TEXT, by_order, heard.append)
    assert int(heard[0].split()[-6]) < 200


def test_chunks_change_nothing(monkeypatch, by_topic):
    whole = fit_baselines(TEXT, by_topic)
    monkeypatch.setattr(texts, "CHUNK", 7)
    for one, two in zip(whole, fit_baselines(TEXT, by_topic), strict=True):
        np.testing.assert_array_equal(one.test_outputs, two.test_outputs)


def test_trec_questions(real_data):
    def read(name: str) -> tuple[list[str], list[list[str]]]:
        lines = (real_data / "trec" / name).read_text("latin-1").splitlines()
        return [line.partition(":")[0] for line in lines], [re.findall(r"\w+", line.lower())[2:] for line in lines]

    (labels, questions), (test_labels, test_questions) = read("TREC.train"), read("TREC.test")
    classes = tuple(sorted(set(labels)))
    ids = {word: place + 3 for place, (word, _) in enumerate(Counter(chain(*questions)).most_common(9997))}

    def encode(texts: list[list[str]], names: list[str]) -> Part:
        rows = [[1, *(ids.get(word, 2) for word in text)][-40:] for text in texts]
        return Part(TokenInputs(pad(rows, 40)), np.array([classes.index(name) for name in names], np.int32))

    order = np.random.default_rng(0).permutation(len(labels))
    shuffled = encode([questions[place] for place in order], [labels[place] for place in order])
    train, validation = (
        Part(shuffled.inputs.take(part), shuffled.targets[part]) for part in (np.arange(4452), np.arange(4452, 5452))
    )
    split = text_split([train, validation, encode(test_questions, test_labels)], classes)
    _, words, pairs = fit_baselines(TEXT, split)
    assert words.test["accuracy"] > 0.8
    assert pairs.test["accuracy"] > 0.85

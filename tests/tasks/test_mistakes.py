"""The surest mistakes: which they are, and the excerpt of a long text that they keep."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.predictors import THREE, by_hand, text_predictor
from seqconv.networks.inputs import TokenInputs
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.mistakes import LONGEST, Mistakes, find_mistakes
from seqconv.tasks.text.vocabulary import pad

LOGITS = "binary_crossentropy"


def find(predictor, texts: list[str], targets: np.ndarray, keys: np.ndarray | None = None) -> Mistakes | None:
    """Of a text model on these test examples."""
    features = predictor.bundle.features
    part = Part(TokenInputs(pad(features.words.encode(texts), features.max_len)), targets, keys=keys)
    split = Split(part, part, part, features, {}, lambda row: [texts[row]])
    return find_mistakes(lambda: predictor, TASKS["text"].explain, split, predictor.model.predict(part.inputs), LOGITS)


def test_the_surest_mistakes_come_first_with_what_they_are_due_to():
    texts = ["film", "good film", "not bad", "not bad good"]
    found = find(by_hand(), texts, np.array([[0], [0], [0], [1]], np.float32))
    assert found.total == 3
    assert [one.row for one in found.surest] == [3, 2, 1]
    first = found.surest[0]
    assert (first.actual, first.predicted, first.class_, first.text) == ("neg", "pos", "pos", "not bad")
    assert first.probability == pytest.approx(1 / (1 + np.exp(-3.75)))
    assert first.because == "Mostly because of \u201cnot bad\u201d."
    assert [(word.start, word.end, word.effect) for word in first.words] == [(0, 3, 1.5), (4, 7, 1.5)]
    assert Mistakes.from_dict(found.to_dict()) == found


def test_no_more_than_ten_are_kept():
    found = find(by_hand(), ["good"] * 12, np.zeros((12, 1), np.float32))
    assert (found.total, len(found.surest)) == (12, 10)
    assert [one.row for one in found.surest] == list(range(1, 11))


def test_copies_of_a_mistake_are_shown_once():
    texts = ["good film", "not bad", "good film", "not bad", "good"]
    keys = np.array([7, 5, 7, 5, 9], np.uint64)
    found = find(by_hand(), texts, np.zeros((5, 1), np.float32), keys)
    assert found.total == 5
    assert sorted(one.text for one in found.surest) == ["good", "good film", "not bad"]
    assert {one.row for one in found.surest} == {1, 2, 5}


def test_a_label_that_is_missed_is_a_mistake_too():
    predictor = text_predictor(THREE, classes=("a", "b", "c"), multi_label=True)
    (shares,) = predictor.predict(["good film"])
    chosen = shares > 0.5
    targets = np.where(np.arange(3) == np.argmin(shares), ~chosen, chosen).astype(np.float32)[None]
    (one,) = find(predictor, ["good film"], targets).surest
    names = np.array(["a", "b", "c"])
    assert one.class_ == names[np.argmin(shares)]
    assert one.probability == pytest.approx(shares.min(), rel=1e-6)
    assert one.actual == ("|".join(names[targets[0] > 0]) or "none")
    assert one.predicted == ("|".join(names[chosen]) or "none")


def test_a_long_text_is_cut_to_where_the_effect_is():
    text = "film " * 100 + "not bad" + " film" * 100
    (one,) = find(by_hand(length=400), [text], np.zeros((1, 1), np.float32)).surest
    assert one.text.startswith("\u2026 ")
    assert one.text.endswith(" \u2026")
    assert len(one.text) == LONGEST + 4
    strong = [one.text[word.start : word.end] for word in one.words if word.effect]
    assert strong == ["not", "bad"]
    (one,) = find(by_hand(length=400), ["not bad " + "film " * 100], np.zeros((1, 1), np.float32)).surest
    assert (one.text[:7], len(one.text)) == ("not bad", LONGEST + 2)
    (one,) = find(by_hand(), ["\u2026" * 500], np.zeros((1, 1), np.float32)).surest  # no words at all
    assert (len(one.text), one.words) == (LONGEST + 2, [])


def test_without_mistakes_raw_data_or_numbers_there_is_nothing_to_show():
    assert find(by_hand(), ["good"], np.ones((1, 1), np.float32)) == Mistakes(0, [])
    predictor = by_hand()
    part = Part(TokenInputs(np.zeros((1, 12), np.int32)), np.ones((1, 1), np.float32))
    split = Split(part, part, part, predictor.bundle.features, {})
    outputs = np.zeros((1, 1))
    assert find_mistakes(lambda: predictor, TASKS["text"].explain, split, outputs, LOGITS) is None
    split = replace(split, example=lambda row: ["good"])
    assert find_mistakes(lambda: predictor, TASKS["text"].explain, split, outputs * np.nan, LOGITS) is None

"""Named classes: outputs to answers, errors and scores, against hand-worked values and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score

from seqconv.errors import ConfigError, DataError
from seqconv.tasks.classes import Classes
from seqconv.tasks.label_sets import Labels

TWO, THREE, LABELS = Classes(("no", "yes")), Classes(("a", "b", "c")), Labels(("x", "y", "z"))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_as_printed_counts_as_keras_2_did() -> None:
    outputs, targets = column(0.8, 1.6, -3, 2, 0.5, 0.49), column(1, 1, 1, 0, 0, 0)
    # 1.6 rounds to 2: wrong, though on the right side; 0.5 rounds to 0
    assert TWO.errors(outputs, targets, "as_printed").tolist() == [0, 1, 1, 1, 0, 0]
    assert TWO.choose(outputs, "as_printed").tolist() == [1, 1, 0, 1, 0, 0]


def test_measures_of_classes() -> None:
    found = TWO.measure(column(2, -1, 3), column(1, 0, 0), "binary_crossentropy")
    assert found == {"loss": pytest.approx(1.162926, rel=1e-5), "accuracy": pytest.approx(2 / 3), "n": 3}
    targets = np.array([0, 1, 0], np.int32)
    found = THREE.measure(np.eye(3, dtype=np.float32), targets, "categorical_crossentropy")
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert THREE.rank({"accuracy": 0.9}) < THREE.rank({"accuracy": 0.8})


@given(st.integers(0, 1000), st.integers(3, 6))
def test_confusions_are_those_of_scikit_learn(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    logits, targets = random.normal(size=(40, classes)), random.integers(0, classes, 40, dtype=np.int32)
    found = Classes(tuple("abcdef"[:classes])).confusion(logits, targets, "categorical_crossentropy")
    assert found == confusion_matrix(targets, logits.argmax(axis=1), labels=range(classes)).tolist()


def test_confusions_of_two_classes_have_the_truth_in_rows() -> None:
    found = TWO.confusion(column(1, 1, -1, 1), column(1, 0, 0, 1), "binary_crossentropy")
    assert found == [[1, 1], [0, 2]]
    assert LABELS.confusion(np.zeros((1, 3)), np.zeros((1, 3)), "binary_crossentropy") is None


@given(st.integers(0, 1000))
def test_the_error_of_labels_is_one_less_their_f1(seed: int) -> None:
    random = np.random.default_rng(seed)
    outputs, holds = random.normal(size=(20, 3)), random.integers(0, 2, (20, 3))
    expected = [f1_score(truth, row > 0, zero_division=1.0) for truth, row in zip(holds, outputs, strict=True)]
    found = LABELS.errors(outputs, holds.astype(np.float32), "binary_crossentropy")
    np.testing.assert_allclose(1 - found, expected)


def test_a_label_at_exactly_one_half_is_not_named_by_anything() -> None:
    outputs = np.array([[0.0, 1.0, -1.0]], np.float32)
    probabilities = LABELS.probabilities(outputs)
    assert probabilities[0, 0] == 0.5
    assert LABELS.name_answers(probabilities) == [["y"]]
    assert LABELS.choose(outputs).tolist() == [[0, 1, 0]]
    assert LABELS.to_json(probabilities)[0]["prediction"] == ["y"]
    assert LABELS.to_columns(probabilities)["prediction"] == ["y"]


def test_targets_say_of_which_class_each_example_is() -> None:
    assert TWO.encode(np.array([0, 1])).tolist() == [[0], [1]]
    assert THREE.encode(np.array([2, 0])).tolist() == [2, 0]
    assert TWO.members(TWO.encode(np.array([0, 1]))).tolist() == [[False], [True]]
    assert THREE.members(THREE.encode(np.array([2]))).tolist() == [[False, False, True]]
    assert (TWO.outputs, THREE.outputs, LABELS.outputs) == (1, 3, 3)
    assert (TWO.locate(0), TWO.locate(1), THREE.locate(2)) == ((0, -1), (0, 1), (2, 1))


def test_the_explained_class_is_the_named_one_or_the_answer() -> None:
    assert TWO.choose_explained(column(-3), None) == [1]
    assert THREE.choose_explained(np.array([[0, 2, 1]]), None) == [1]
    assert LABELS.choose_explained(np.zeros((1, 3)), None) == [0, 1, 2]
    assert LABELS.choose_explained(np.zeros((1, 3)), "z") == [2]
    with pytest.raises(ConfigError, match=r"unknown class 'zz'. Did you mean 'z'"):
        LABELS.choose_explained(np.zeros((1, 3)), "zz")
    with pytest.raises(DataError, match="must be a number; got nan"):
        TWO.choose_explained(column(np.nan), None)

"""Scores of classifiers against scikit-learn and against values worked by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from seqconv.metrics.class_scores import BINS, ClassScores
from seqconv.tasks.labels import make_target

UNKNOWN = {"value": None, "low": None, "high": None}


def score(logits: np.ndarray, targets: np.ndarray, classes: int, loss: str, several: bool = False) -> ClassScores:
    return make_target(tuple("abcdefgh"[:classes]), several).score(logits, targets, loss)


def values(scores: ClassScores) -> dict[str, float]:
    return {name: each.value for name, each in scores.metrics.items()}


def many_classes(count: int = 300, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    targets = random.choice(classes, count, p=[0.6, 0.25, 0.1, 0.05]).astype(np.int32)
    logits = random.normal(0, 1.5, (count, classes))
    logits[np.arange(count), targets] += 1.5
    return logits, targets


def test_many_classes_score_as_in_scikit_learn():
    logits, targets = many_classes()
    scores = score(logits, targets, 4, "categorical_crossentropy")
    said = logits.argmax(axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = values(scores)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, said))
    assert found["log_loss"] == pytest.approx(reference.log_loss(targets, shares))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(targets, said, average="macro"))
    assert scores.confusion == reference.confusion_matrix(targets, said).tolist()
    each = reference.precision_recall_fscore_support(targets, said)
    for place, row in enumerate(scores.classes):
        assert [getattr(row, name).value for name in ("precision", "recall", "f1")] == pytest.approx(
            [each[part][place] for part in range(3)]
        )
        assert row.support == each[3][place]
        assert row.f1.low <= row.f1.value <= row.f1.high
    assert scores.n == 300


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss"])
def test_their_intervals_are_those_of_scikit_learns_scores_on_resampled_rows(name):
    logits, targets = many_classes()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = score(logits, targets, 4, "categorical_crossentropy").metrics[name]
    measure = {
        "accuracy": lambda rows: reference.accuracy_score(targets[rows], logits[rows].argmax(axis=1)),
        "macro_f1": lambda rows: reference.f1_score(targets[rows], logits[rows].argmax(axis=1), average="macro"),
        "log_loss": lambda rows: reference.log_loss(targets[rows], shares[rows], labels=range(4)),
    }[name]
    random = np.random.default_rng(1)
    low, high = np.quantile([measure(random.integers(0, 300, 300)) for _ in range(500)], [0.025, 0.975])
    assert (own.low, own.high) == pytest.approx((low, high), abs=0.03)


def test_two_classes_have_one_logit():
    random = np.random.default_rng(2)
    targets = random.integers(0, 2, (200, 1)).astype(np.float32)
    logits = random.normal(size=(200, 1)) + targets
    scores = score(logits, targets, 2, "binary_crossentropy")
    said = logits[:, 0] > 0
    assert values(scores)["log_loss"] == pytest.approx(
        reference.log_loss(targets[:, 0], 1 / (1 + np.exp(-logits[:, 0])))
    )
    assert scores.confusion == reference.confusion_matrix(targets[:, 0], said).tolist()
    assert scores.classes[1].f1.value == pytest.approx(reference.f1_score(targets[:, 0], said))


def test_several_labels_score_as_in_scikit_learn():
    random = np.random.default_rng(3)
    targets = (random.random((150, 3)) < [0.5, 0.2, 0.1]).astype(np.float32)
    logits = random.normal(size=(150, 3)) + 2 * targets - 1
    scores = score(logits, targets, 3, "binary_crossentropy", several=True)
    found = values(scores)
    for average in ("micro", "macro"):
        expected = reference.f1_score(targets, logits > 0, average=average)
        assert found[f"{average}_f1"] == pytest.approx(expected)
    assert found["f1"] == pytest.approx(
        reference.f1_score(targets, logits > 0, average="samples", zero_division=1), abs=1e-12
    )
    assert scores.confusion is None
    assert sum(each.n for each in scores.calibration.filled) == 450


def test_the_calibration_error_is_that_of_its_definition():
    logits, targets = many_classes(400)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    confidence, right = shares.max(axis=1), logits.argmax(axis=1) == targets
    expected = 0.0
    for low, high in zip(np.arange(BINS) / BINS, np.arange(1, BINS + 1) / BINS, strict=True):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    scores = score(logits, targets, 4, "categorical_crossentropy")
    found = scores.metrics["expected_calibration_error"]
    assert found.value == pytest.approx(expected)
    assert 0 <= found.low <= found.value <= found.high
    assert sum(each.n for each in scores.calibration.filled) == 400


def test_most_of_a_calibrated_models_error_is_known_for_chance():
    random = np.random.default_rng(4)
    for _ in range(20):
        logits = random.normal(0, 1.5, (400, 1))
        targets = (random.random((400, 1)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
        found = score(logits, targets, 2, "binary_crossentropy").metrics
        assert found["expected_calibration_error"].low < found["expected_calibration_error"].value / 2


def test_one_class_alone_leaves_the_others_recall_undefined():
    targets = np.zeros(20, np.int32)
    logits = np.tile([3.0, 0, 0], (20, 1))
    logits[0] = [0, 3, 0]
    scores = score(logits, targets, 3, "categorical_crossentropy")
    first, second, third = scores.classes
    assert first.precision.value == 1
    assert second.recall.to_dict() == UNKNOWN
    assert second.precision.value == 0
    assert third.precision.to_dict() == third.recall.to_dict() == third.f1.to_dict() == UNKNOWN
    # as scikit-learn: over the classes that occur or are said
    assert values(scores)["macro_f1"] == pytest.approx((2 * 19 / 39 + 0) / 2)


def test_scores_without_a_mistake_do_not_claim_to_be_exact():
    """113 right of 113: new rows need not all be right. The bounds are those of statsmodels' Wilson interval."""
    targets = np.repeat([0, 1], [113, 87]).astype(np.int32)
    scores = score(np.where(targets, 3.0, -3.0)[:, None], targets[:, None].astype(np.float32), 2, "binary_crossentropy")
    first, second = scores.classes
    for each in (first.precision, first.recall, first.f1):
        assert (each.value, each.high) == (1, 1)
    assert (first.precision.low, second.recall.low) == pytest.approx((0.967122, 0.957711), abs=1e-5)
    assert scores.metrics["accuracy"].low == pytest.approx(0.981155, abs=1e-5)
    assert first.f1.low == pytest.approx(2 * 0.967122 / 1.967122, abs=1e-5)
    assert scores.metrics["macro_f1"].low == pytest.approx((first.f1.low + second.f1.low) / 2)
    (filled,) = scores.calibration.filled
    assert filled.right.low == pytest.approx(scores.metrics["accuracy"].low)
    several = score(np.full((50, 3), -2.0), np.zeros((50, 3), np.float32), 3, "binary_crossentropy", True)
    assert several.metrics["f1"].low == pytest.approx(0.928652, abs=1e-5)


def test_one_row_has_values_and_no_interval():
    scores = score(np.array([[2.0]]), np.array([[1.0]]), 2, "binary_crossentropy")
    assert scores.metrics["accuracy"].to_dict() == {"value": 1.0, "low": None, "high": None}
    assert np.isnan(scores.metrics["expected_calibration_error"].low)
    assert scores.confusion == [[0, 0], [0, 1]]


def test_the_as_printed_loss_takes_outputs_for_shares():
    scores = score(np.array([[0.9], [0.2], [1.7]]), np.array([[1.0], [0], [1]]), 2, "as_printed")
    assert [round(each.confidence, 6) for each in scores.calibration.filled] == [0.8, 0.9, 1.0]
    assert scores.confusion == [[1, 0], [0, 2]]

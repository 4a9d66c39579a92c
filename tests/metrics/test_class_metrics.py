"""Metrics of classes, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from seqconv.metrics.class_metrics import list_ranked, measure_brier, measure_choices, measure_ranks


def draw(classes: int, several: bool, seed: int = 0, rows: int = 60):
    """Probabilities with ties, the answers, and the truth, of which the last class has no example."""
    random = np.random.default_rng(seed)
    probabilities = np.round(random.random((rows, classes)), 1) + 0.01
    if several:
        holds = (random.random((rows, classes)) < 0.3).astype(float)
        return np.minimum(probabilities, 1), (probabilities > 0.5).astype(float), holds
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth = random.integers(0, max(classes - 1, 2), rows)
    one = np.eye(classes)
    return probabilities, one[probabilities.argmax(axis=1)], one[truth]


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
def test_they_are_those_of_scikit_learn(classes, several):
    probabilities, chosen, holds = draw(classes, several)
    found = measure_choices(chosen, holds)
    present = np.flatnonzero((chosen + holds).any(axis=0))
    f1 = reference.f1_score(holds, chosen, average=None, zero_division=0)[present]
    assert found["macro_f1"] == pytest.approx(f1.mean())
    assert found["micro_f1"] == pytest.approx(reference.f1_score(holds, chosen, average="micro"))
    if not several:
        recalls = reference.recall_score(holds, chosen, average=None, zero_division=0)[holds.any(axis=0)]
        assert found["balanced_accuracy"] == pytest.approx(recalls.mean())
        given = (probabilities[:, 1], {}) if classes == 2 else (probabilities, {"labels": list(range(classes))})
        wanted = reference.brier_score_loss(holds.argmax(axis=1), given[0], **given[1])
        assert measure_brier(probabilities, holds, several).mean() == pytest.approx(wanted)
    ranked = list_ranked(holds)
    found = measure_ranks(probabilities, holds, ranked)
    kept = [place for place in ranked if 0 < holds[:, place].sum() < len(holds)]
    areas = [reference.roc_auc_score(holds[:, place], probabilities[:, place]) for place in kept]
    precise = [reference.average_precision_score(holds[:, place], probabilities[:, place]) for place in kept]
    assert found == pytest.approx({"auc": np.mean(areas), "average_precision": np.mean(precise)})


def test_of_two_classes_the_rarer_one_is_ranked():
    holds = np.array([[1, 0], [0, 1], [0, 1.0]])
    assert list_ranked(holds).tolist() == [0]
    assert list_ranked(holds[:, ::-1]).tolist() == [1]
    assert list_ranked(np.ones((3, 2))).tolist() == [0, 1]  # several labels


@given(st.integers(0, 50))
def test_no_order_says_half_and_the_truth_says_one(seed):
    _, _, holds = draw(3, several=False, seed=seed)
    ranked = list_ranked(holds)
    assert measure_ranks(np.full(holds.shape, 0.4), holds, ranked)["auc"] == pytest.approx(0.5)
    assert measure_ranks(holds, holds, ranked) == {"auc": 1.0, "average_precision": 1.0}
    assert measure_brier(holds, holds, several=False).max() == 0


def test_what_is_not_defined_is_not_a_number():
    holds = np.array([[1.0, 0.0]] * 4)
    assert np.isnan(list(measure_ranks(holds, holds, list_ranked(holds)).values())).all()

"""A number of a few values: fitted as classes, answered by their median."""

import numpy as np
import pytest

from seqconv.errors import DataError
from seqconv.tasks.outcomes import NumberEntry
from seqconv.tasks.steps import StepNumber

pytestmark = pytest.mark.usefixtures("quick")

LABELS = np.array([1.0, 2, 2, 5, 5, 5])
STARS = StepNumber.fit("stars", LABELS, LABELS)
LOSS = "categorical_crossentropy"


def logits(*probabilities: float) -> np.ndarray:
    return np.log(np.array([probabilities]))


@pytest.mark.parametrize(
    ("probabilities", "answer"),
    [((0.6, 0.2, 0.2), 1), ((0.4, 0.2, 0.4), 2), ((0.3, 0.1, 0.6), 5), ((0.5, 0.1, 0.4), 1)],
)
def test_the_answer_is_the_median_of_the_probabilities(probabilities, answer):
    found = STARS.answer(logits(*probabilities))
    assert found["prediction"].tolist() == pytest.approx([answer])


def test_no_other_answer_has_a_smaller_expected_error():
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(3), 200)
    answers = STARS.answer(np.log(shares))["prediction"]
    expected = np.abs(np.array([1, 2, 5])[:, None] - np.array([1, 2, 5])) @ shares.T
    np.testing.assert_allclose(np.abs(answers[:, None] - [1, 2, 5]) * shares @ np.ones(3), expected.min(axis=0))


def test_errors_are_in_the_unit_of_the_number():
    outputs, targets = np.concatenate([logits(0.1, 0.1, 0.8), logits(0.8, 0.1, 0.1)]), STARS.encode(np.array([1.0, 1]))
    assert targets.tolist() == [0, 0]
    found = STARS.measure(outputs, targets, LOSS)
    assert (found["mae"], found["n"]) == (pytest.approx(2), 2)
    assert found["mae_scaled"] == pytest.approx(2 / LABELS.std())
    np.testing.assert_allclose(STARS.errors_in_units(outputs, targets, LOSS), [4, 0], atol=1e-9)
    with pytest.raises(DataError, match=r"one of its values in training \(1, 2, 5\); got 3"):
        STARS.encode(np.array([1.0, 3]))


def test_two_values_have_one_output():
    target = StepNumber.fit("side", np.array([0.0, 10]), np.array([0.0, 10]))
    assert (target.outputs, target.loss) == (1, "binary_crossentropy")
    assert target.answer(np.array([[-1.0], [1.0]]))["prediction"].tolist() == pytest.approx([0, 10])
    assert target.encode(np.array([10.0])).tolist() == [[1.0]]


def test_intervals_stay_within_the_values():
    outputs = np.concatenate([logits(0.8, 0.1, 0.1), logits(0.1, 0.1, 0.8)])
    target = STARS.calibrate(np.stack([outputs] * 2), STARS.encode(np.array([2.0, 5])), 0.9)
    found = target.answer(outputs)
    assert found["low"].tolist() == pytest.approx([1, 4])
    assert found["high"].tolist() == pytest.approx([2, 5])
    again = NumberEntry.from_dict(NumberEntry.of(target).to_dict()).target
    np.testing.assert_array_equal(again.answer(outputs)["low"], found["low"])

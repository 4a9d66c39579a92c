"""The factors of a blend against scipy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from seqconv.tasks import stacking
from seqconv.tasks.stacking import EVEN, choose_factors, find_scale

LOSS = "categorical_crossentropy"


def draw_scores(classes: int, rows: int = 400) -> tuple[list[np.ndarray], np.ndarray, str]:
    """Scores of a good, a worse and a useless member, targets and their loss."""
    random = np.random.default_rng(1)
    labels = random.integers(classes, size=rows)
    signs = 2.0 * (labels[:, None] == np.arange(classes)) - 1
    signs = signs[:, 1:] if classes == 2 else signs
    scores = [signs * strength + random.normal(size=signs.shape) for strength in (1.0, 0.5, 0.0)]
    if classes == 2:
        return scores, labels[:, None].astype(np.float32), "binary_crossentropy"
    return scores, labels.astype(np.int32), "categorical_crossentropy"


def test_labels_of_their_own_are_so_many_choices_between_two():
    scores, targets, loss = draw_scores(2)
    pairs = [np.concatenate([each, each[::-1]], axis=1) for each in scores]
    both = np.concatenate([targets, targets[::-1]], axis=1)
    found = choose_factors(pairs, both, loss)
    columns = choose_factors([each.T.reshape(-1, 1) for each in pairs], both.T.reshape(-1, 1), loss)
    np.testing.assert_allclose(found / found.sum(), columns / columns.sum(), atol=0.01)


@pytest.mark.parametrize("classes", [2, 5])
def test_a_blend_has_the_smallest_loss_with_factors_that_are_not_negative(classes):
    scores, targets, loss = draw_scores(classes)
    scales = [find_scale(each, targets, loss) for each in scores]
    logits = np.stack([scale * each for scale, each in zip(scales, scores, strict=True)], axis=-1)
    if classes == 2:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    own = logits[np.arange(len(targets)), targets.reshape(-1).astype(int)]

    def objective(factors: np.ndarray) -> float:
        sums = logits @ factors
        return float((logsumexp(sums, axis=1) - own @ factors).sum() + EVEN * np.square(factors - 1 / 3).sum())

    expected = minimize(objective, np.full(3, 1 / 3), bounds=[(0, None)] * 3, options={"ftol": 1e-14}).x
    found = choose_factors(scores, targets, loss) / scales
    assert found[0] > found[1] > found[2] >= 0
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), atol=1e-4)


def test_members_that_are_as_good_count_alike_and_one_alone_is_calibrated():
    scores, targets, loss = draw_scores(3, rows=12)
    one = scores[0]
    factors = choose_factors([one, 2 * one], targets, loss)
    assert factors[0] == pytest.approx(2 * factors[1])  # the same logits
    scale = find_scale(one, targets, loss)
    assert choose_factors([one], targets, loss)[0] == pytest.approx(scale * find_scale(scale * one, targets, loss))


def test_odds_are_bounded_by_the_number_of_rows():
    labels = np.arange(20) % 2
    scores = (2.0 * labels - 1)[:, None]
    scale = find_scale(scores, labels[:, None].astype(np.float32), "binary_crossentropy")
    assert scale == pytest.approx(np.log(21))


def test_rows_of_a_blend_that_count_twice_are_rows_that_are_there_twice():
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 60)
    logits = np.stack([np.eye(3)[classes] + random.normal(0, size, (60, 3)) for size in (0.5, 1.0, 2.0)], axis=-1)
    twice = np.repeat(np.arange(60), 1 + classes % 2)
    found = stacking._stack(logits, classes, LOSS, 1.0 + classes % 2)
    np.testing.assert_allclose(found, stacking._stack(logits[twice], classes[twice], LOSS, None), rtol=1e-9)


def test_predictions_of_numbers_are_blended_as_scipy_does():
    random = np.random.default_rng(0)
    targets, counts = random.normal(size=(50, 1)), random.uniform(0.5, 2, 50)
    scores = [targets + random.normal(shift, size, (50, 1)) for shift, size in ((0, 0.3), (0, 0.4), (1, 2.0))]
    x = np.concatenate(scores, axis=1)
    variance = np.average((targets[:, 0] - x.mean(axis=1)) ** 2, weights=counts)

    def error(factors):
        squares = counts * (targets[:, 0] - x @ factors) ** 2
        return squares.sum() / 2 / variance + EVEN * np.square(factors - 1 / 3).sum()

    best = minimize(error, np.full(3, 1 / 3), bounds=[(0, None)] * 3, tol=1e-14).x
    np.testing.assert_allclose(choose_factors(scores, targets, "mae", counts), best, atol=1e-5)
    assert choose_factors(scores[:1], targets, "mae").tolist() == [1.0]


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_shift_has_the_smallest_weighted_loss(outputs):
    random = np.random.default_rng(0)
    logits, classes = random.normal(size=(60, outputs)), random.integers(0, max(outputs, 2), 60)
    counts = np.where(classes == 0, 5.0, 0.5)

    def error(shift):
        moved = logits + shift
        wide = np.concatenate([np.zeros((60, 1)), moved], axis=1) if outputs == 1 else moved
        penalty = np.square(shift).sum() / (4 if outputs == 1 else 2)
        return counts @ (logsumexp(wide, axis=1) - wide[np.arange(60), classes]) + penalty

    best = minimize(error, np.zeros(outputs), tol=1e-12).x
    np.testing.assert_allclose(stacking.find_shift(logits, classes, counts), best, atol=1e-4)

"""Ridge regression with exact leave-one-out against scikit-learn and against leaving out; blends against scipy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import Ridge, RidgeCV

from seqconv.tasks.sequence import ridge
from seqconv.tasks.sequence.ridge import (
    EVEN,
    PENALTIES,
    average,
    blend,
    factorise,
    find_scale,
    fit_ridge,
    solve_ridge,
    stack_numbers,
    weigh,
)

SHAPES = [(30, 80), (80, 30), (40, 40)]


def draw(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=shape)
    return x, np.sign(x[:, :3] + random.normal(0, 2, (shape[0], 3)))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ridge_classifier_is_that_of_scikit_learn(shape):
    x, goals = draw(shape)
    reference = RidgeCV(PENALTIES).fit(x, goals)
    weights, bias = solve_ridge(x, goals)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(bias, reference.intercept_, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_errors_are_those_of_fits_without_each_row(shape, kind):
    x, goals = draw(shape)
    centred = (x - x.mean(axis=0)).astype(kind)
    found = fit_ridge(factorise(centred), goals - goals.mean(axis=0), np.array([3.0]))
    for row in range(0, len(x), 7):
        rest = np.arange(len(x)) != row
        expected = goals[row] - Ridge(3.0).fit(x[rest], goals[rest]).predict(x[[row]])[0]
        np.testing.assert_allclose(found.errors[row], expected, rtol=1e-3 if kind == np.float32 else 1e-8)
    np.testing.assert_allclose(centred.T @ found.duals, Ridge(3.0).fit(x, goals).coef_.T, rtol=1e-3, atol=1e-5)


def test_the_penalty_has_the_smallest_leave_one_out_error():
    x, goals = draw((60, 20))
    factors, wanted = factorise(x - x.mean(axis=0)), goals - goals.mean(axis=0)
    each = [np.square(fit_ridge(factors, wanted, np.array([one])).errors).mean() for one in PENALTIES]
    assert np.square(fit_ridge(factors, wanted, PENALTIES).errors).mean() == min(each)
    assert 0 < np.argmin(each) < len(each) - 1


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
    found = blend(scores, targets, loss) / scales
    assert found[0] > found[1] > found[2] >= 0
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), atol=1e-4)


def test_members_that_are_as_good_count_alike_and_one_alone_is_calibrated():
    scores, targets, loss = draw_scores(3, rows=12)
    one = scores[0]
    factors = blend([one, 2 * one], targets, loss)
    assert factors[0] == pytest.approx(2 * factors[1])  # the same logits
    scale = find_scale(one, targets, loss)
    assert blend([one], targets, loss)[0] == pytest.approx(scale * find_scale(scale * one, targets, loss))


def test_odds_are_bounded_by_the_number_of_rows():
    labels = np.arange(20) % 2
    scores = (2.0 * labels - 1)[:, None]
    scale = find_scale(scores, labels[:, None].astype(np.float32), "binary_crossentropy")
    assert scale == pytest.approx(np.log(21))


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_of_rows_that_count_differently_are_those_of_weighted_fits_without_each_row(shape):
    x, goals = draw(shape)
    counts = np.random.default_rng(1).uniform(0.1, 3, len(x))
    root = np.sqrt(counts)[:, None]
    centred, wanted = (x - average(x, counts)) * root, (goals - average(goals, counts)) * root
    found = fit_ridge(factorise(centred), wanted, np.array([3.0]), counts)
    for row in range(0, len(x), 7):
        rest = np.arange(len(x)) != row
        alone = Ridge(3.0).fit(x[rest], goals[rest], sample_weight=counts[rest])
        np.testing.assert_allclose((found.errors / root)[row], goals[row] - alone.predict(x[[row]])[0], rtol=1e-8)
    whole = Ridge(3.0).fit(x, goals, sample_weight=counts)
    np.testing.assert_allclose(centred.T @ found.duals, whole.coef_.T, rtol=1e-6, atol=1e-9)


def test_equal_weights_change_nothing():
    x, goals = draw((40, 30))
    np.testing.assert_allclose(solve_ridge(x, goals, np.ones(40))[0], solve_ridge(x, goals)[0], rtol=1e-9)


def test_rows_of_a_blend_that_count_twice_are_rows_that_are_there_twice():
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 60)
    logits = np.stack([np.eye(3)[classes] + random.normal(0, size, (60, 3)) for size in (0.5, 1.0, 2.0)], axis=-1)
    twice = np.repeat(np.arange(60), 1 + classes % 2)
    found = ridge._stack(logits, classes, 1.0 + classes % 2)
    np.testing.assert_allclose(found, ridge._stack(logits[twice], classes[twice], None), rtol=1e-9)


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
    np.testing.assert_allclose(stack_numbers(scores, targets, counts), best, atol=1e-5)
    assert weigh(scores[:1], targets, "mae").tolist() == [1.0]


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
    np.testing.assert_allclose(ridge.find_shift(logits, classes, counts), best, atol=1e-4)

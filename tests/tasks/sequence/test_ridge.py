"""Ridge regression with exact leave-one-out against scikit-learn and against leaving out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from seqconv.tasks.sequence.ridge import PENALTIES, average, factorise, fit_ridge, solve_ridge

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

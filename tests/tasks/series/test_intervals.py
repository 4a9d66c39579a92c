"""Ends of intervals: the loss that makes them quantiles, against scikit-learn and by hand, and their calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from seqconv.metrics.conformal import fit_margins, fit_shifts
from seqconv.networks.losses import quantile_losses, quantile_slopes
from seqconv.networks.outputs import correct_bounds, correct_quantiles, take_bounds, take_point_forecasts
from seqconv.recipes.sections import TrainingConfig

COVERAGES = [0.01, 0.5, 0.8, 0.95, 0.99]


def levels_of(coverage):
    return TrainingConfig(loss="mae", coverage=coverage).levels


def draw(seed=0, rows=40, answers=2):
    random = np.random.default_rng(seed)
    outputs = random.normal(size=(rows, 3 * answers)).astype(np.float32)
    return outputs, random.normal(size=(rows, answers)).astype(np.float32)


def test_the_first_outputs_are_the_point_forecasts_and_without_intervals_all_of_them():
    outputs, targets = draw()
    np.testing.assert_array_equal(take_point_forecasts(outputs, targets), outputs[:, :2])
    assert take_point_forecasts(targets, targets) is not None
    assert take_bounds(targets, 2) is None
    logits, classes = outputs[:, :5], np.zeros(40, np.int32)
    assert take_point_forecasts(logits, classes) is logits


@given(st.integers(0, 100), st.floats(-3, 3))
def test_bounds_never_cross_the_point_forecast_which_stays(seed, margin):
    outputs, targets = draw(seed)
    point = take_point_forecasts(outputs, targets)
    bounds = take_bounds(outputs, 2)
    right = outputs[:, 2:4] <= point
    np.testing.assert_array_equal(bounds[0][right], outputs[:, 2:4][right])
    for low, high in (bounds, correct_bounds(bounds, point, (margin, -margin))):
        assert (low <= point).all()
        assert (high >= point).all()
        assert low.dtype == np.float32


@pytest.mark.parametrize("coverage", COVERAGES)
def test_the_loss_of_bounds_is_twice_the_quantile_loss(coverage):
    outputs, targets = (each.astype(np.float64) for each in draw())
    bounds = np.stack([outputs[:, 2:4], outputs[:, 4:]])
    found = quantile_losses(bounds, targets, levels_of(coverage)).mean(axis=(1, 2))
    pairs = zip(bounds, levels_of(coverage), strict=True)
    wanted = [2 * mean_pinball_loss(targets, bound, alpha=level) for bound, level in pairs]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    step = 1e-4
    moved = [quantile_losses(bounds + by, targets, levels_of(coverage)) for by in (step, -step)]
    far = np.abs(bounds - targets) > step
    slopes = quantile_slopes(bounds, targets, levels_of(coverage))
    np.testing.assert_allclose(slopes[far], ((moved[0] - moved[1]) / (2 * step))[far], rtol=1e-6)


def test_a_constant_with_the_lowest_loss_is_the_quantile():
    truth = np.random.default_rng(1).gamma(2.0, size=(999, 1))
    grid = np.linspace(0, 8, 801)
    losses = [quantile_losses(np.full((2, 999, 1), value), truth, (0.1, 0.9)).mean(axis=(1, 2)) for value in grid]
    found = grid[np.argmin(losses, axis=0)]
    np.testing.assert_allclose(found, np.quantile(truth, [0.1, 0.9]), atol=0.02)


def test_no_number_stays_none():
    outputs, targets = draw()
    outputs[0] = np.nan
    bounds = take_bounds(outputs, 2)
    assert np.isnan(bounds[:, 0]).all()
    assert np.isnan(quantile_slopes(bounds, targets, (0.1, 0.9))[:, 0]).all()
    assert np.isfinite(bounds[:, 1:]).all()


def test_conformal_corrections_by_hand():
    truth = np.arange(1.0, 10.0)[:, None] * [1, -10]  # outside the interval from 0 to 0 by 1 to 9 and by 10 to 90
    bounds = np.zeros((2, 9, 2))
    assert fit_margins(bounds, truth, 0.8) == (8.0, 80.0)  # number ceil(10 * 0.8)
    assert fit_margins(bounds, truth, 0.5) == (5.0, 50.0)
    assert fit_margins(bounds, truth, 0.95) == (9.0, 90.0)  # nine rows cannot resolve one in twenty
    wide = np.stack([np.full((9, 2), -100.0), np.full((9, 2), 100.0)])
    assert fit_margins(wide, truth, 0.8) == (-92.0, -20.0)  # too wide: inwards
    assert fit_margins(bounds[:, :1], truth[:1], 0.8) == (1.0, 10.0)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("width", [0.1, 5.0])
def test_calibrated_intervals_reach_their_nominal_coverage_on_exchangeable_rows(coverage, width):
    random = np.random.default_rng(2)
    held = []
    for _ in range(200):
        truth = random.standard_t(3, size=(260, 1))
        bounds = np.stack([np.full_like(truth, -width), np.full_like(truth, width)])
        margins = fit_margins(bounds[:, :60], truth[:60], coverage)
        low, high = correct_bounds(bounds, np.zeros_like(truth), margins)
        held.append(((truth >= low) & (truth <= high))[60:].mean())
    assert coverage - 0.01 <= np.mean(held) <= coverage + 1 / 61 + 0.01


def test_corrections_of_quantiles_by_hand():
    truth = np.arange(1.0, 10.0)[:, None] * [1, -10]
    zeros = np.zeros((3, 9, 2))
    # number 1, 5 and 9 of nine scores in order; between two of them on a straight line
    assert fit_shifts(zeros, truth, (0.1, 0.5, 0.9)) == pytest.approx((1, -90, 5, -50, 9, -10))
    assert fit_shifts(zeros[:1], truth, (0.25,)) == pytest.approx((2.5, -75))
    assert fit_shifts(zeros[:1], truth, (0.01,)) == (1, -90)  # nine rows cannot resolve one in a hundred


@given(st.integers(0, 100))
def test_corrected_quantiles_ascend_wherever_a_network_puts_them(seed):
    random = np.random.default_rng(seed)
    outputs, shifts = random.normal(size=(20, 8)).astype(np.float32), random.normal(size=6)
    raw = take_bounds(outputs, 2, quantiles=True)
    np.testing.assert_array_equal(raw, np.stack([outputs[:, 2:4], outputs[:, 4:6], outputs[:, 6:]]))
    found = correct_quantiles(raw, shifts)
    assert (np.diff(found, axis=0) >= 0).all()
    moved = raw + shifts.reshape(3, 1, 2)
    np.testing.assert_allclose(found, np.sort(moved, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("levels", [(0.05, 0.3, 0.5, 0.95), (0.1, 0.2), (0.9,)])
def test_calibrated_quantiles_hold_their_levels_on_exchangeable_rows(levels):
    random = np.random.default_rng(3)
    below = []
    for _ in range(300):
        truth = random.gamma(2.0, size=(140, 1))
        raw = np.broadcast_to(np.linspace(-1, 3, len(levels))[:, None, None], (len(levels), 140, 1))
        shifts = fit_shifts(raw[:, :40], truth[:40], levels)
        below.append((truth[40:] <= correct_quantiles(raw[:, 40:], shifts)).mean(axis=(1, 2)))
    np.testing.assert_allclose(np.mean(below, axis=0), levels, atol=0.01)

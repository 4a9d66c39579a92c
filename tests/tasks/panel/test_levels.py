"""Quantiles at any levels, from nine: those of a normal distribution, and what validation forecasts change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.levels import fit_level_factors, guess_factors, take_levels

ASKED = (0.01, 0.1, 0.25, 0.5, 0.55, 0.9, 0.975)
NINE = norm.ppf(LEVELS)


def test_without_forecasts_to_learn_from_they_are_those_of_a_normal_distribution():
    found = take_levels(10 + 3 * NINE, ASKED, guess_factors(ASKED))
    np.testing.assert_allclose(found, 10 + 3 * norm.ppf(ASKED))


def test_levels_that_models_forecast_stay_bit_for_bit():
    quantiles = np.sort(np.random.default_rng(0).normal(size=(4, 5, 9)), axis=2)
    asked = (0.2, 0.5, 0.7)
    targets = np.random.default_rng(1).normal(size=(4, 5))
    factors = fit_level_factors(quantiles, targets, asked)
    np.testing.assert_array_equal(take_levels(quantiles, asked, factors), quantiles[..., [1, 4, 6]])


@pytest.mark.parametrize("draw", ["normal", "standard_t", "exponential"])
def test_validation_forecasts_calibrate_the_others_at_each_step(draw):
    random = np.random.default_rng(2)
    widths = np.array([1.0, 2.0, 4.0])  # of the steps of the horizon
    arguments = (3,) if draw == "standard_t" else ()
    draw_truth = lambda: widths * getattr(random, draw)(*arguments, size=(4000, 3))  # noqa: E731
    nine = np.quantile(getattr(random, draw)(*arguments, size=100_000), LEVELS)
    quantiles = widths[:, None] * np.broadcast_to(nine, (4000, 3, 9))
    validation = draw_truth()
    validation[::5] = np.nan
    found = take_levels(quantiles, ASKED, fit_level_factors(quantiles, validation, ASKED))
    below = (draw_truth()[..., None] <= found).mean(axis=0)
    np.testing.assert_allclose(below, np.broadcast_to(ASKED, (3, 7)), atol=0.03)


@given(st.integers(0, 100))
def test_they_ascend(seed):
    random = np.random.default_rng(seed)
    quantiles = np.sort(random.normal(size=(3, 2, 9)), axis=2)
    factors = fit_level_factors(quantiles, random.normal(size=(3, 2)), ASKED)
    assert (np.diff(take_levels(quantiles, ASKED, factors), axis=2) >= 0).all()

"""Ends of intervals: the loss that makes them quantiles, against scikit-learn and by hand, and their calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from seqconv.metrics.conformal import fit_margins
from seqconv.networks.losses import find_levels, score_ends, slope_ends
from seqconv.networks.outputs import take_ends, take_middle, widen

SHARES = [0.01, 0.5, 0.8, 0.95, 0.99]


def draw(seed=0, rows=40, answers=2):
    random = np.random.default_rng(seed)
    outputs = random.normal(size=(rows, 3 * answers)).astype(np.float32)
    return outputs, random.normal(size=(rows, answers)).astype(np.float32)


def test_the_first_outputs_are_the_middles_and_without_ends_all_of_them():
    outputs, targets = draw()
    np.testing.assert_array_equal(take_middle(outputs, targets), outputs[:, :2])
    assert take_middle(targets, targets) is not None
    assert take_ends(targets, 2) is None
    logits, classes = outputs[:, :5], np.zeros(40, np.int32)
    assert take_middle(logits, classes) is logits


@given(st.integers(0, 100), st.floats(-3, 3))
def test_ends_never_cross_the_middle_and_the_middle_stays(seed, margin):
    outputs, targets = draw(seed)
    middle = take_middle(outputs, targets)
    ends = take_ends(outputs, 2)
    right = outputs[:, 2:4] <= middle
    np.testing.assert_array_equal(ends[0][right], outputs[:, 2:4][right])
    for low, high in (ends, widen(ends, middle, (margin, -margin))):
        assert (low <= middle).all()
        assert (high >= middle).all()
        assert low.dtype == np.float32


@pytest.mark.parametrize("share", SHARES)
def test_the_loss_of_ends_is_twice_the_quantile_loss(share):
    outputs, targets = (each.astype(np.float64) for each in draw())
    ends = np.stack([outputs[:, 2:4], outputs[:, 4:]])
    found = score_ends(ends, targets, share).mean(axis=(1, 2))
    wanted = [
        2 * mean_pinball_loss(targets, end, alpha=level) for end, level in zip(ends, find_levels(share), strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    step = 1e-4
    moved = [score_ends(ends + by, targets, share) for by in (step, -step)]
    far = np.abs(ends - targets) > step
    slopes = slope_ends(ends, targets, share)
    np.testing.assert_allclose(slopes[far], ((moved[0] - moved[1]) / (2 * step))[far], rtol=1e-6)


def test_a_constant_with_the_lowest_loss_is_the_quantile():
    truth = np.random.default_rng(1).gamma(2.0, size=(999, 1))
    grid = np.linspace(0, 8, 801)
    losses = [score_ends(np.full((2, 999, 1), value), truth, 0.8).mean(axis=(1, 2)) for value in grid]
    found = grid[np.argmin(losses, axis=0)]
    np.testing.assert_allclose(found, np.quantile(truth, [0.1, 0.9]), atol=0.02)


def test_no_number_stays_none():
    outputs, targets = draw()
    outputs[0] = np.nan
    ends = take_ends(outputs, 2)
    assert np.isnan(ends[:, 0]).all()
    assert np.isnan(slope_ends(ends, targets, 0.8)[:, 0]).all()
    assert np.isfinite(ends[:, 1:]).all()


def test_margins_by_hand():
    truth = np.arange(1.0, 10.0)[:, None] * [1, -10]  # outside the interval from 0 to 0 by 1 to 9 and by 10 to 90
    ends = np.zeros((2, 9, 2))
    assert fit_margins(ends, truth, 0.8) == (8.0, 80.0)  # number ceil(10 * 0.8)
    assert fit_margins(ends, truth, 0.5) == (5.0, 50.0)
    assert fit_margins(ends, truth, 0.95) == (9.0, 90.0)  # nine rows do not tell one in twenty
    wide = np.stack([np.full((9, 2), -100.0), np.full((9, 2), 100.0)])
    assert fit_margins(wide, truth, 0.8) == (-92.0, -20.0)  # too wide: inwards
    assert fit_margins(ends[:, :1], truth[:1], 0.8) == (1.0, 10.0)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("width", [0.1, 5.0])
def test_calibrated_intervals_hold_their_share_of_rows_like_those_of_the_calibration(share, width):
    random = np.random.default_rng(2)
    held = []
    for _ in range(200):
        truth = random.standard_t(3, size=(260, 1))
        ends = np.stack([np.full_like(truth, -width), np.full_like(truth, width)])
        margins = fit_margins(ends[:, :60], truth[:60], share)
        low, high = widen(ends, np.zeros_like(truth), margins)
        held.append(((truth >= low) & (truth <= high))[60:].mean())
    assert share - 0.01 <= np.mean(held) <= share + 1 / 61 + 0.01

"""Ridge of panels: squashed numbers, and what the models of phases read."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.panels import make_panel, split
from seqconv.data.frequency import Frequency
from seqconv.tasks.panel.blend import Blend
from seqconv.tasks.panel.boosting import Boosting
from seqconv.tasks.panel.reading import read_windows
from seqconv.tasks.panel.regression import LOGGED, PLAIN, SQUASHED
from seqconv.tasks.panel.ridge import FEWEST_IN_PHASE, Ridge, fit_ridge, fit_squashed, list_columns

HOUR = Frequency("s", 3600)


def make_hours(days=400, peaks=0.0, seed=0):
    """Hours of a day about a level that wanders, each day of its own size, with rare peaks of both signs."""
    random = np.random.default_rng(seed)
    level = 50 + np.cumsum(random.normal(0, 1.0, days))
    day = level[:, None] + 10 * np.sin(2 * np.pi * np.arange(24) / 24) + random.normal(0, 1, (days, 24))
    hit = random.random((days, 24)) < 0.01
    return (day + peaks * hit * random.standard_cauchy((days, 24))).ravel()


@pytest.fixture(scope="module")
def hours():
    return split(make_panel([make_hours(peaks=60.0)], frequency=HOUR), horizon=24)


def test_squashed_targets_come_back(hours):
    inputs = hours.validation.inputs
    windows = read_windows(hours.features, inputs, squashed=True)
    truth = inputs.rows.values[inputs.ahead]
    np.testing.assert_allclose(windows.unscale(windows.scale_targets(truth)), truth, rtol=1e-9)
    np.testing.assert_allclose(windows.unscale(np.zeros_like(truth)), windows.base, rtol=1e-9)
    newest = inputs.rows.values[inputs.anchors[0] - 7 * 24 : inputs.anchors[0]]
    assert windows.level[0, 0] == pytest.approx(np.median(newest))
    size = np.arcsinh((newest - np.median(newest)) / windows.scale[0, 0])
    np.testing.assert_allclose(windows.rows[0, -len(newest) :], size, rtol=1e-5, atol=1e-5)


def test_a_forecast_of_squashed_numbers_stays_finite(hours):
    windows = read_windows(hours.features, hours.validation.inputs, squashed=True)
    assert np.isfinite(windows.unscale(np.full(windows.base.shape, 1e9))).all()


def test_peaks_mislead_squashed_numbers_less(hours):
    def measure(model):
        return hours.features.target.errors(model.predict(hours.test.inputs), hours.test.targets, "mae").mean()

    plain, squashed = fit_ridge(hours), fit_squashed(hours)
    assert (plain.form[0], squashed.form[0]) == (PLAIN, SQUASHED)
    assert measure(squashed) < measure(plain)


def test_models_of_phases_read_two_days_and_the_same_day_of_a_week_before(hours):
    features, inputs = hours.features, hours.train.inputs
    assert len(inputs) >= FEWEST_IN_PHASE * 24
    lookback = features.lookback
    read = list_columns(features, inputs, 24)
    window = read[read < lookback] - lookback
    assert window.tolist() == [*range(-168, -144), *range(-48, 0)]
    assert (read >= lookback).sum() == len(list_columns(features, inputs, 1)) - lookback
    assert list_columns(features, inputs, 1).tolist() == list(range(len(list_columns(features, inputs, 1))))


def test_of_long_series_the_mean_of_one_model_for_all_hours_and_of_one_for_each_is_taken(hours, monkeypatch):
    both = fit_squashed(hours)
    assert len(both.weights) == 24
    each = replace(both, form=np.array([PLAIN])).fit_again(hours.train.inputs)  # of which there is no mean
    unread = np.setdiff1d(np.arange(each.weights.shape[1]), list_columns(hours.features, hours.train.inputs, 24))
    assert (each.weights[:, unread] == 0).all()
    assert (both.weights[:, unread] == both.weights[0, unread]).all()
    assert (both.weights[0, unread] != 0).any()
    again = both.fit_again(hours.train.inputs)
    np.testing.assert_allclose(again.weights, both.weights)
    monkeypatch.setattr("seqconv.tasks.panel.ridge.FEWEST_IN_PHASE", 10_000)
    pooled = replace(fit_squashed(hours), penalty=both.penalty).fit_again(hours.train.inputs)
    np.testing.assert_allclose(both.weights[:, unread], np.tile(pooled.weights[:, unread] / 2, (24, 1, 1)))


def test_what_was_called_logged_is_a_form():
    former = {"spread": np.zeros((1, 9)), "logged": np.array([1])}
    for kind in (Ridge, Boosting):
        assert kind.complete(former).keys() == {"spread", "form"}
        assert kind.complete(former)["form"].tolist() == [LOGGED]


@pytest.mark.parametrize("members", [5, 6])
def test_former_blends_have_unused_members_and_no_usual_errors(members):
    weights = np.full(members, 1 / members)
    found = Blend.complete({"weights": weights, "ridge_logged": np.array([1])})
    assert found["weights"].tolist() == [*weights, *[0.0] * (7 - members)]
    assert found["ridge_form"].tolist() == [1]
    assert "ridge_logged" not in found
    assert found["squashed_weights"].size == 0
    assert found["usual"].tolist() == [0]

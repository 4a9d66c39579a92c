"""Quantiles of forecasts: they hold what they say where errors are few, where noise changes, and after training."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.panels import make_panel, split
from seqconv.data.frequency import Frequency
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.panel.calibration import (
    HALF_LIFE,
    adjust_levels,
    find_quantiles,
    fit_factors,
    fit_spread,
    follow_errors,
    weigh_by_age,
)
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, to_quantiles
from seqconv.tasks.panel.split import list_forecasts
from seqconv.tasks.scoring import fit_baselines

pytestmark = pytest.mark.usefixtures("quick")

DAY = Frequency("s", 86_400)
LOW, HIGH = 0, len(LEVELS) - 1  # of the 80 % interval


def make_inputs(forecasts, horizon):
    """Of one series, horizon after horizon."""
    anchors = 1 + horizon * np.arange(forecasts)
    return SimpleNamespace(series=np.zeros(forecasts, np.int64), anchors=anchors, horizon=horizon)


def cover(sizes, horizon=4, times=400):
    """How often the error after errors of these sizes, of one size within each forecast, lies in the 80 % interval."""
    random = np.random.default_rng(0)
    inputs, held = make_inputs(len(sizes), horizon), []
    for _ in range(times):
        errors = random.normal(size=(len(sizes), horizon)) * sizes[:, None]
        spread = fit_spread(np.zeros_like(errors), SimpleNamespace(targets=errors, inputs=inputs))
        newest = random.normal(size=horizon) * sizes[-1]
        held.append((newest >= spread[:, LOW]) & (newest <= spread[:, HIGH]))
    return np.mean(held)


@pytest.mark.parametrize("forecasts", [10, 20, 40])
def test_few_errors_are_enough_for_what_an_interval_says(forecasts):
    assert cover(np.ones(forecasts)) == pytest.approx(0.8, abs=0.045)


@pytest.mark.parametrize(("change", "before"), [(3.0, 0.56), (1 / 3, 0.99)])
def test_the_newest_errors_say_most_where_noise_has_changed(change, before):
    """Noise that changes two half-lives before the end."""
    sizes = np.append(np.ones(2 * HALF_LIFE), np.full(2 * HALF_LIFE, change))
    held = cover(sizes)
    assert held == pytest.approx(0.8, abs=0.12)
    assert abs(held - 0.8) < abs(before - 0.8)  # what errors of one weight hold


def test_errors_count_half_as_much_after_a_half_life():
    inputs = make_inputs(HALF_LIFE + 1, horizon=3)
    weights = weigh_by_age(inputs)
    assert weights[-1] == 1
    assert weights[0] == pytest.approx(0.5)
    two = SimpleNamespace(series=np.array([0, 0, 1]), anchors=np.array([1, 4, 7]), horizon=3)
    np.testing.assert_allclose(weigh_by_age(two), [0.5 ** (1 / HALF_LIFE), 1, 1])


def test_levels_leave_a_place_for_the_next_error():
    """Of nine errors the largest is passed by one in ten."""
    random = np.random.default_rng(0)
    alike = np.repeat(random.normal(size=(9, 1)), 4, axis=1)  # what a forecast gets wrong, it gets wrong in all steps
    levels = adjust_levels(alike, np.ones(9))
    assert levels[MEDIAN] == 0.5
    assert levels[HIGH] == pytest.approx(0.5 + 0.4 * 10 / 9)
    np.testing.assert_allclose(levels + levels[::-1], 1)
    apart = random.normal(size=(900, 4))
    assert adjust_levels(apart, np.ones(900))[HIGH] == pytest.approx(0.5 + 0.4 * 3601 / 3600, abs=1e-4)
    holed = np.where(np.arange(4) < 2, apart, np.nan)
    assert LEVELS[HIGH] < adjust_levels(holed, np.ones(900))[HIGH] < 0.901
    np.testing.assert_array_equal(adjust_levels(np.full((3, 4), np.nan), np.ones(3)), LEVELS)


def test_weighted_quantiles_are_those_of_repeated_values():
    values, counts = np.array([3.0, 1.0, 2.0, 9.0]), np.array([200, 100, 300, 400])
    own = find_quantiles(values, counts.astype(float), np.array([0.05, 0.25, 0.45, 0.8]))
    repeated = np.quantile(np.repeat(values, counts), [0.05, 0.25, 0.45, 0.8])
    np.testing.assert_allclose(own, repeated, atol=1.01)  # between its neighbours
    assert (np.diff(find_quantiles(values, counts.astype(float), LEVELS)) >= 0).all()


def test_factors_widen_what_is_narrow_and_leave_the_median():
    random = np.random.default_rng(0)
    truth = random.normal(size=(400, 5))
    normal = np.quantile(random.normal(size=100_000), LEVELS)
    for width in (0.5, 1.0, 2.0):
        factors = fit_factors(np.tile(width * normal, (400, 5, 1)), truth, np.ones(400))
        assert factors[MEDIAN] == 1
        np.testing.assert_allclose(np.delete(factors, MEDIAN), 1 / width, rtol=0.2)
    few = fit_factors(np.tile(0.5 * normal, (1, 5, 1)), truth[:1], np.ones(1))
    assert (np.abs(few - 1) < 0.2).all()
    old, new = truth[:200], 3 * truth[200:]
    both = fit_factors(np.tile(normal, (400, 5, 1)), np.concatenate([old, new]), np.repeat([1e-6, 1.0], 200))
    np.testing.assert_allclose(np.delete(both, MEDIAN), 3, rtol=0.2)


# After training


@pytest.fixture(scope="module")
def fitted():
    """A blend of a daily series with noise of one size, and the panel of more such rows, their noise times `change`."""
    random = np.random.default_rng(1)
    week = np.tile([100.0, 110, 120, 115, 130, 160, 150], 100)
    noise = random.normal(size=700)

    def make(change):
        return make_panel([week + 5 * noise * np.where(np.arange(700) < 420, 1, change)], frequency=DAY)

    found = split(make_panel([(week + 5 * noise)[:420]], frequency=DAY), horizon=7)
    (kept,) = fit_baselines(TASKS["panel"], found, asked="blend", others=False)
    return found, kept.model.refit(found), make


def forecast(fitted, change):
    found, model, make = fitted
    panel = make(change)
    rows = found.features.encode(panel)
    inputs = found.features.at(rows, *list_forecasts(rows, panel.lengths, 7, 40))
    quantiles = to_quantiles(model.predict(inputs))
    truth = found.features.part(inputs).targets
    return inputs, quantiles, (truth >= quantiles[..., LOW]) & (truth <= quantiles[..., HIGH])


@pytest.mark.parametrize("change", [0.25, 1.0, 4.0])
def test_intervals_follow_the_errors_on_rows_that_are_newer_than_training(fitted, change):
    inputs, quantiles, held = forecast(fitted, change)
    assert held[10:].mean() == pytest.approx(0.8, abs=0.09)
    still = replace(fitted[1], usual=np.zeros(1))
    own = to_quantiles(still.predict(inputs))
    np.testing.assert_allclose(own[..., MEDIAN], quantiles[..., MEDIAN])
    np.testing.assert_allclose(own[0], quantiles[0])  # no newer row is known yet
    wider = (quantiles[..., HIGH] - quantiles[..., LOW])[10:].mean() / (own[..., HIGH] - own[..., LOW])[10:].mean()
    assert (wider - 1) * (change - 1) >= 0
    assert (abs(wider - 1) > 0.3) == (change != 1)


def test_what_training_saw_moves_no_interval(fitted):
    found, model, _ = fitted
    np.testing.assert_array_equal(
        follow_errors(found.features, found.test.inputs, int(model.seen[0]), 1.0, lambda some: 1 / 0), 1
    )


def test_holes_in_newer_rows_are_no_errors(fitted):
    found, model, make = fitted
    panel = make(1.0)
    values = panel.values.copy()
    values[427:690] = np.nan
    holed = replace(panel, values=values)
    rows = found.features.encode(holed)
    inputs = found.features.at(rows, np.zeros(1, np.int64), np.array([700]))
    level = follow_errors(found.features, inputs, int(model.seen[0]), float(model.usual[0]), model.forecast)
    assert 0.5 < level[0] < 1.5

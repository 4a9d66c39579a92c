"""Statistical forecasts of a panel."""

import numpy as np
import pytest

from seqconv.tasks.series.smoothing import forecast_smoothing


@pytest.fixture
def panel() -> tuple[np.ndarray, np.ndarray]:
    """A line, a wave of four rows that grows with its level, and a series of three values."""
    rows, random = np.arange(48), np.random.default_rng(0)
    wave = (20 + rows) * np.tile([0.6, 1.0, 1.4, 1.0], 12)
    series = [5 + 2 * rows + random.normal(0, 0.1, 48), wave * random.normal(1, 0.01, 48), np.array([4.0, 6.0, 5.0])]
    return np.concatenate(series), np.array([0, 48, 96, 99])


def test_each_series_gets_a_form_that_suits_it(panel):
    found = forecast_smoothing(*panel, season=4, horizon=8, model="ets", levels=(0.1, 0.9))
    assert [form[-2] for form in found.forms[:2]] == ["N", "M"]
    assert found.forms[2] == "naive"
    ahead = np.arange(48, 56)
    np.testing.assert_allclose(found.forecasts[0], 5 + 2 * ahead, atol=0.5)
    np.testing.assert_allclose(found.forecasts[1], (20 + ahead) * np.tile([0.6, 1.0, 1.4, 1.0], 2), rtol=0.05)
    np.testing.assert_array_equal(found.forecasts[2], np.full(8, 5.0))
    assert (found.quantiles[..., 0] < found.forecasts).all()
    assert (found.forecasts < found.quantiles[..., 1]).all()


@pytest.mark.parametrize(
    ("model", "form"), [("AAdA", "ETS(A,Ad,A)"), ("damped", "ETS(A,Ad,N)"), ("MNN", "ETS(M,N,N)"), ("dotm", "DOTM")]
)
def test_forms_have_their_names(panel, model, form):
    assert forecast_smoothing(*panel, season=4, horizon=2, model=model).forms[:2] == [form, form]


def test_the_combination_is_the_mean_of_its_parts(panel):
    both, average, theta = (
        forecast_smoothing(*panel, 4, 5, model, (0.2, 0.7), threads=2) for model in ("comb", "average", "dotm")
    )
    np.testing.assert_allclose(both.forecasts, (average.forecasts + theta.forecasts) / 2)
    np.testing.assert_allclose(both.quantiles, (average.quantiles + theta.quantiles) / 2)
    assert both.forms[0] == f"{average.forms[0]} + DOTM"


def test_a_quick_search_forecasts_as_a_thorough_one_does():
    random, rows = np.random.default_rng(0), np.arange(60)
    series = [(50 + random.normal() * rows) * (1 + 0.2 * np.sin(rows * np.pi / 6)) for _ in range(20)]
    values = np.concatenate([each + random.normal(0, 2, 60) for each in series])
    quick, thorough = (forecast_smoothing(values, np.arange(21) * 60, 12, 6, each) for each in ("quick", "average"))
    errors = np.abs(quick.forecasts - thorough.forecasts)
    assert 0 < np.median(errors) < 0.2  # of noise of 2
    assert (errors > 2).mean() < 0.05


def test_forecasts_without_quantiles(panel):
    assert forecast_smoothing(*panel, season=1, horizon=3).quantiles.shape == (3, 3, 0)


def test_a_long_season_is_taken_out_before_the_fit():
    rows = np.arange(4 * 52)
    y = 100 + 10 * np.sin(2 * np.pi * rows / 52) + np.random.default_rng(0).normal(0, 0.5, len(rows))
    found = forecast_smoothing(y, np.array([0, len(y)]), season=52, horizon=52)
    np.testing.assert_allclose(found.forecasts[0], 100 + 10 * np.sin(2 * np.pi * rows[:52] / 52), atol=1.5)

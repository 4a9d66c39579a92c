"""Scores of forecasts against values worked by hand."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from seqconv.metrics.forecast_scores import ForecastScores
from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.examples import Part
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.scores import naive_scale, score_forecast
from seqconv.tasks.series.windows import WindowSpec

UNKNOWN = {"value": None, "low": None, "high": None}


def values(scores: ForecastScores) -> dict[str, float]:
    return {name: each.value for name, each in scores.metrics.items()}


def series_part(
    values: np.ndarray, spec: WindowSpec, targets: int = 1, zone: str = ""
) -> tuple[Part, SeriesFeatures, np.ndarray]:
    """Windows over hourly rows from the start of 2014; the values stand as they are, training std 2 and 5."""
    std = np.array([2.0, 5.0])[: values.shape[1]]
    columns = ("t", "u")[: values.shape[1]]
    features = SeriesFeatures(columns, columns[:targets], Scaler(np.zeros(len(std)), std), spec, zone=zone)
    scaled = (values / std).astype(np.float32)
    anchors = spec.anchors(0, len(values))
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(len(values)) * np.timedelta64(spec.interval_s, "s")
    targets = np.asarray(features.targets_at(scaled, anchors))
    part = Part(features.inputs(scaled, anchors), targets, times[anchors + spec.delays[0]])
    return part, features, anchors


def test_a_forecast_scores_as_worked_by_hand():
    random = np.random.default_rng(5)
    series = np.cumsum(random.normal(size=(2000, 1)), axis=0)
    spec = WindowSpec(48, 1, (5,), 3600)
    part, features, anchors = series_part(series, spec)
    truth = series[anchors + 5, 0]
    error = random.normal(0, 0.5, len(truth))
    scores = score_forecast(((truth + error) / 2)[:, None], part, features)
    found = values(scores)
    assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, truth + error), rel=1e-4)
    assert found["mae_scaled"] == pytest.approx(np.abs(error).mean() / 2, rel=1e-4)
    day = np.abs(truth - series[anchors + 5 - 24, 0]).mean()
    assert found["mase"] == pytest.approx(np.abs(error).mean() / day, rel=1e-4)
    naive = np.abs(truth - series[anchors - 1, 0]).mean()
    assert found["skill_naive"] == pytest.approx(1 - np.abs(error).mean() / naive, rel=1e-4)
    assert found["skill_seasonal_naive"] == pytest.approx(1 - np.abs(error).mean() / day, rel=1e-4)
    assert scores.mase_scale.season == "24 h"
    assert scores.mase_scale.rows == "evaluated"
    assert scores.leads[0].lead == "6 h"
    for each in scores.metrics.values():
        assert each.low < each.value < each.high


def test_mase_is_scaled_by_the_training_rows_where_they_are_known():
    spec = WindowSpec(4, 1, (0,), 3600)  # no day fits in: one row
    part, features, anchors = series_part(np.arange(60.0)[:, None] ** 1.5, spec)
    training, _, _ = series_part(np.arange(60.0)[:, None] * 3, spec)
    season, scale = naive_scale(training, features)
    assert (season, scale.tolist()) == (1, pytest.approx([3.0]))
    scores = score_forecast(part.targets + 3, part, features, training)
    assert values(scores)["mase"] == pytest.approx(2.0, rel=1e-5)
    assert scores.mase_scale.to_dict() == {"season": "1 h", "rows": "training", "values": pytest.approx([3.0])}
    assert "skill_seasonal_naive" not in scores.metrics
    assert len(anchors) == scores.n


def test_several_targets_and_leads_are_told_apart():
    random = np.random.default_rng(6)
    spec = WindowSpec(30, 1, (0, 23), 3600)
    part, features, _ = series_part(random.normal(size=(800, 2)), spec, targets=2)
    off = np.array([1, 2, 3, 4])  # two leads of two targets, in standard deviations
    scores = score_forecast(part.targets + off, part, features)
    by_target = [(1 * 2 + 3 * 2) / 2, (2 * 5 + 4 * 5) / 2]
    assert [each.mae.value for each in scores.targets] == pytest.approx(by_target, rel=1e-4)
    assert [each.target for each in scores.targets] == ["t", "u"]
    assert [each.mae.value for each in scores.leads] == pytest.approx([(2 + 10) / 2, (6 + 20) / 2], rel=1e-4)
    assert [each.lead for each in scores.leads] == ["1 h", "24 h"]
    found = values(scores)
    assert found["mae"] == pytest.approx(np.mean(by_target), rel=1e-4)
    assert found["mae_scaled"] == pytest.approx(2.5, rel=1e-4)
    assert found["rmse"] == pytest.approx((2 * np.sqrt(5) + 5 * np.sqrt(10)) / 2, rel=1e-4)
    assert found["mase"] == pytest.approx(np.mean([each.mase.value for each in scores.targets]))


def test_errors_are_grouped_by_the_local_hour_and_month_of_what_is_forecast():
    spec = WindowSpec(2, 1, (0, 1), 3600)
    part, features, _ = series_part(np.random.default_rng(7).normal(size=(24 * 40, 1)), spec, zone="Asia/Kolkata")
    late = part.times[:, None] + np.array([0, 1]) * np.timedelta64(1, "h") + np.timedelta64(330, "m")
    hour = late.astype("datetime64[h]").astype(np.int64) % 24
    scores = score_forecast(part.targets + np.where(hour == 7, 1.5, 0.5), part, features)
    assert [round(each.mae, 4) for each in scores.hours] == [3.0 if hour == 7 else 1.0 for hour in range(24)]
    assert [each.month for each in scores.months] == [1, 2]
    assert sum(each.n for each in scores.hours) == sum(each.n for each in scores.months) == 2 * scores.n


def test_perfect_forecasts_and_a_flat_series_divide_by_nothing():
    spec = WindowSpec(4, 1, (0,), 3600)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part, features, _ = series_part(np.arange(900.0)[:, None], spec)
        scores = score_forecast(part.targets, part, features)
        assert scores.metrics["mae"].to_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert scores.metrics["skill_naive"].to_dict() == {"value": 1.0, "low": 1.0, "high": 1.0}
        part, features, _ = series_part(np.ones((900, 1)), spec)
        scores = score_forecast(part.targets, part, features)
    assert scores.metrics["mase"].to_dict() == scores.metrics["skill_naive"].to_dict() == UNKNOWN
    assert np.isnan(scores.mase_scale.values).tolist() == [True]


def test_few_windows_have_values_and_no_interval():
    spec = WindowSpec(4, 1, (0,), 3600)
    part, features, _ = series_part(np.arange(6.0)[:, None], spec)
    scores = score_forecast(part.targets + 1, part, features)
    assert scores.n == 2
    assert scores.metrics["mae"].to_dict() == {"value": pytest.approx(2), "low": None, "high": None}
    assert isinstance(part.inputs, WindowInputs)


def test_a_row_unknown_a_season_ago_does_not_count_in_the_scale():
    values = np.arange(60.0)[:, None]
    spec = WindowSpec(8, 2, (0,), 3600)
    part, features, anchors = series_part(values, spec)
    # windows read every second row: an odd one may be missing without breaking them
    part.inputs.values[3] = np.nan
    kept = Part(part.inputs.take(np.flatnonzero(anchors % 2 == 0)), part.targets[anchors % 2 == 0])
    assert naive_scale(kept, features)[1].tolist() == pytest.approx([1.0])

"""Scores against scikit-learn and by hand: classes, several labels, calibration, forecasts; the edges of each."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from seqconv.metrics.class_scores import BINS, ClassScores
from seqconv.metrics.forecast_scores import ForecastScores
from seqconv.networks.inputs import WindowInputs
from seqconv.tasks.examples import Part
from seqconv.tasks.labels import make_target
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.scores import naive_scale, score_forecast
from seqconv.tasks.series.windows import WindowSpec

UNKNOWN = {"value": None, "low": None, "high": None}


def score(logits: np.ndarray, targets: np.ndarray, classes: int, loss: str, several: bool = False) -> ClassScores:
    return make_target(tuple("abcdefgh"[:classes]), several).score(logits, targets, loss)


def values(scores: ClassScores | ForecastScores) -> dict[str, float]:
    return {name: each.value for name, each in scores.metrics.items()}


def many_classes(count: int = 300, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    targets = random.choice(classes, count, p=[0.6, 0.25, 0.1, 0.05]).astype(np.int32)
    logits = random.normal(0, 1.5, (count, classes))
    logits[np.arange(count), targets] += 1.5
    return logits, targets


def test_many_classes_score_as_in_scikit_learn():
    logits, targets = many_classes()
    scores = score(logits, targets, 4, "categorical_crossentropy")
    said = logits.argmax(axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = values(scores)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, said))
    assert found["log_loss"] == pytest.approx(reference.log_loss(targets, shares))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(targets, said, average="macro"))
    assert scores.confusion == reference.confusion_matrix(targets, said).tolist()
    each = reference.precision_recall_fscore_support(targets, said)
    for place, row in enumerate(scores.classes):
        assert [getattr(row, name).value for name in ("precision", "recall", "f1")] == pytest.approx(
            [each[part][place] for part in range(3)]
        )
        assert row.support == each[3][place]
        assert row.f1.low <= row.f1.value <= row.f1.high
    assert scores.n == 300


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss"])
def test_their_intervals_are_those_of_scikit_learns_scores_on_resampled_rows(name):
    logits, targets = many_classes()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = score(logits, targets, 4, "categorical_crossentropy").metrics[name]
    measure = {
        "accuracy": lambda rows: reference.accuracy_score(targets[rows], logits[rows].argmax(axis=1)),
        "macro_f1": lambda rows: reference.f1_score(targets[rows], logits[rows].argmax(axis=1), average="macro"),
        "log_loss": lambda rows: reference.log_loss(targets[rows], shares[rows], labels=range(4)),
    }[name]
    random = np.random.default_rng(1)
    low, high = np.quantile([measure(random.integers(0, 300, 300)) for _ in range(500)], [0.025, 0.975])
    assert (own.low, own.high) == pytest.approx((low, high), abs=0.03)


def test_two_classes_have_one_logit():
    random = np.random.default_rng(2)
    targets = random.integers(0, 2, (200, 1)).astype(np.float32)
    logits = random.normal(size=(200, 1)) + targets
    scores = score(logits, targets, 2, "binary_crossentropy")
    said = logits[:, 0] > 0
    assert values(scores)["log_loss"] == pytest.approx(
        reference.log_loss(targets[:, 0], 1 / (1 + np.exp(-logits[:, 0])))
    )
    assert scores.confusion == reference.confusion_matrix(targets[:, 0], said).tolist()
    assert scores.classes[1].f1.value == pytest.approx(reference.f1_score(targets[:, 0], said))


def test_several_labels_score_as_in_scikit_learn():
    random = np.random.default_rng(3)
    targets = (random.random((150, 3)) < [0.5, 0.2, 0.1]).astype(np.float32)
    logits = random.normal(size=(150, 3)) + 2 * targets - 1
    scores = score(logits, targets, 3, "binary_crossentropy", several=True)
    found = values(scores)
    for average in ("micro", "macro"):
        expected = reference.f1_score(targets, logits > 0, average=average)
        assert found[f"{average}_f1"] == pytest.approx(expected)
    assert found["f1"] == pytest.approx(
        reference.f1_score(targets, logits > 0, average="samples", zero_division=1), abs=1e-12
    )
    assert scores.confusion is None
    assert sum(each.n for each in scores.calibration.filled) == 450


def test_the_calibration_error_is_that_of_its_definition():
    logits, targets = many_classes(400)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    confidence, right = shares.max(axis=1), logits.argmax(axis=1) == targets
    expected = 0.0
    for low, high in zip(np.arange(BINS) / BINS, np.arange(1, BINS + 1) / BINS, strict=True):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    scores = score(logits, targets, 4, "categorical_crossentropy")
    found = scores.metrics["expected_calibration_error"]
    assert found.value == pytest.approx(expected)
    assert 0 <= found.low <= found.value <= found.high
    assert sum(each.n for each in scores.calibration.filled) == 400


def test_most_of_a_calibrated_models_error_is_known_for_chance():
    random = np.random.default_rng(4)
    for _ in range(20):
        logits = random.normal(0, 1.5, (400, 1))
        targets = (random.random((400, 1)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
        found = score(logits, targets, 2, "binary_crossentropy").metrics
        assert found["expected_calibration_error"].low < found["expected_calibration_error"].value / 2


def test_one_class_alone_leaves_the_others_recall_undefined():
    targets = np.zeros(20, np.int32)
    logits = np.tile([3.0, 0, 0], (20, 1))
    logits[0] = [0, 3, 0]
    scores = score(logits, targets, 3, "categorical_crossentropy")
    first, second, third = scores.classes
    assert first.precision.value == 1
    assert second.recall.to_dict() == UNKNOWN
    assert second.precision.value == 0
    assert third.precision.to_dict() == third.recall.to_dict() == third.f1.to_dict() == UNKNOWN
    # as scikit-learn: over the classes that occur or are said
    assert values(scores)["macro_f1"] == pytest.approx((2 * 19 / 39 + 0) / 2)


def test_scores_without_a_mistake_do_not_claim_to_be_exact():
    """113 right of 113: new rows need not all be right. The ends are those of statsmodels' Wilson interval."""
    targets = np.repeat([0, 1], [113, 87]).astype(np.int32)
    scores = score(np.where(targets, 3.0, -3.0)[:, None], targets[:, None].astype(np.float32), 2, "binary_crossentropy")
    first, second = scores.classes
    for each in (first.precision, first.recall, first.f1):
        assert (each.value, each.high) == (1, 1)
    assert (first.precision.low, second.recall.low) == pytest.approx((0.967122, 0.957711), abs=1e-5)
    assert scores.metrics["accuracy"].low == pytest.approx(0.981155, abs=1e-5)
    assert first.f1.low == pytest.approx(2 * 0.967122 / 1.967122, abs=1e-5)
    assert scores.metrics["macro_f1"].low == pytest.approx((first.f1.low + second.f1.low) / 2)
    (filled,) = scores.calibration.filled
    assert filled.right.low == pytest.approx(scores.metrics["accuracy"].low)
    several = score(np.full((50, 3), -2.0), np.zeros((50, 3), np.float32), 3, "binary_crossentropy", True)
    assert several.metrics["f1"].low == pytest.approx(0.928652, abs=1e-5)


def test_one_row_has_values_and_no_interval():
    scores = score(np.array([[2.0]]), np.array([[1.0]]), 2, "binary_crossentropy")
    assert scores.metrics["accuracy"].to_dict() == {"value": 1.0, "low": None, "high": None}
    assert np.isnan(scores.metrics["expected_calibration_error"].low)
    assert scores.confusion == [[0, 0], [0, 1]]


def test_the_as_printed_loss_takes_outputs_for_shares():
    scores = score(np.array([[0.9], [0.2], [1.7]]), np.array([[1.0], [0], [1]]), 2, "as_printed")
    assert [round(each.confidence, 6) for each in scores.calibration.filled] == [0.8, 0.9, 1.0]
    assert scores.confusion == [[1, 0], [0, 2]]


# Forecasts


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

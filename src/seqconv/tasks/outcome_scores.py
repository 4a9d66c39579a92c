"""Scores of classes or of numbers, with 95 % bootstrap intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap, Sums
from seqconv.metrics.class_scores import ClassScores
from seqconv.metrics.forecast_scores import ForecastScores, IntervalScores, WindowBlocks
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.examples import Part
from seqconv.tasks.interval_scores import Ranges, score_ranges
from seqconv.tasks.task import Answers, score_classes
from seqconv.tasks.values import Number


def score_outcomes(
    answers: Answers, part: Part[Any], bundle: AnyBundle, reference: Part[Any] | None
) -> ClassScores | ForecastScores:
    """Every score of classes, or of numbers: see `score_numbers`."""
    target = bundle.features.target
    if isinstance(target, ClassTarget):
        return score_classes(answers, part, bundle, reference)
    return score_numbers(_scale(answers, target), target.to_truths(part.targets), target, bundle)


def _scale(answers: Answers, target: Number) -> Answers:
    """Predicted numbers, scaled, and the bounds before calibration."""
    points = target.to_points(answers.outputs)
    if answers.bounds is not None:
        return Answers(points, target.to_bounds(answers.bounds))
    return Answers(points, target.bound(answers.outputs))


def score_numbers(answers: Answers, targets: np.ndarray, target: Number, bundle: AnyBundle) -> ForecastScores:
    """MAE, RMSE and R^2 of numbers, how much smaller the MAE is than that of the training mean, and what intervals
    hold.

    Args:
        targets: scaled, `[N, 1]`.
    """
    scale = target.std.item()
    errors, truth = (answers.outputs[:, 0].astype(np.float64) - targets[:, 0]) * scale, targets[:, 0] * scale
    columns = {"size": np.abs(errors), "square": errors**2, "away": np.abs(truth), "truth": truth, "truths": truth**2}
    bootstrap = Bootstrap(columns, 1, bundle.recipe.training.seed)
    statistics: dict[str, Callable[[Sums], np.ndarray]] = {
        "mae": lambda sums: sums["size"] / sums["rows"],
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["rows"]),
        "r2": lambda sums: _one_less(sums["square"], sums["truths"] - sums["truth"] ** 2 / sums["rows"]),
        "mae_scaled": lambda sums: sums["size"] / sums["rows"] / scale,
        "skill_mean": lambda sums: _one_less(sums["size"], sums["away"]),
    }
    metrics = {name: bootstrap.estimate(each) for name, each in statistics.items()}
    intervals = None
    if answers.bounds is not None and target.margins:
        intervals = score_intervals(answers, targets, target, bundle)
    count = len(targets)
    return ForecastScores(count, metrics, None, WindowBlocks(1, count), [], [], [], [], intervals)


def _one_less(error: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 1 - error / whole, np.nan)


def score_outcome_intervals(answers: Answers, part: Part[Any], bundle: AnyBundle) -> IntervalScores:
    """Coverage and width of the intervals around numbers."""
    target: Number = bundle.features.target
    return score_intervals(_scale(answers, target), target.to_truths(part.targets), target, bundle)


def score_intervals(answers: Answers, targets: np.ndarray, target: Number, bundle: AnyBundle) -> IntervalScores:
    """The same for scaled targets `[N, 1]`; no bound lies beyond the values of a number that takes a few only."""
    assert answers.bounds is not None
    training, point = bundle.recipe.training, answers.outputs[:, :1]
    before, after = (target.limit(each) for each in (answers.bounds, target.correct(answers.bounds, point)))
    return score_ranges(Ranges(before, after, point, targets, training.levels, target.std), (), 1, training.seed)

"""Coverage and width of prediction intervals or quantiles."""

import numpy as np

from seqconv.metrics.forecast_scores import IntervalScores
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.interval_scores import Ranges, score_ranges
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart


def score_intervals(
    bounds: np.ndarray, outputs: np.ndarray, part: SeriesPart, features: SeriesFeatures, training: TrainingConfig
) -> IntervalScores:
    """The scores of `score_ranges`, over targets and leads and of each lead.

    Args:
        bounds: before calibration, scaled, `[Q, N, outputs]`.
        outputs: the point forecasts, `[N, outputs]`.
    """
    target = features.target
    after = target.correct(bounds, outputs)
    found = Ranges(bounds, after, outputs, np.asarray(part.targets), training.levels, target.scale)
    return score_ranges(found, target.horizons, features.block(len(outputs)), training.seed)

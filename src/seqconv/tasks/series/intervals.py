"""Coverage and width of prediction intervals."""

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap
from seqconv.metrics.forecast_scores import Coverage, IntervalScores, LeadCoverage
from seqconv.networks.outputs import correct_bounds
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart


def score_intervals(
    bounds: np.ndarray, outputs: np.ndarray, part: SeriesPart, features: SeriesFeatures, nominal: float, seed: int = 0
) -> IntervalScores:
    """Coverage of the intervals, with 95 % bootstrap intervals, and their mean width.

    Args:
        bounds: before calibration, scaled, `[2, N, outputs]`.
        outputs: the point forecasts, `[N, outputs]`.
        nominal: the coverage that the intervals should have.
    """
    shape = len(outputs), len(features.spec.leads), len(features.targets)
    found = {"before": bounds, "after": correct_bounds(bounds, outputs, features.margins)}
    columns: dict[str, np.ndarray] = {}
    for name, (low, high) in found.items():
        held = (part.targets >= low) & (part.targets <= high)
        columns[f"{name} held"] = held.reshape(shape).mean(axis=2)
        columns[f"{name} width"] = ((high - low) * features.target.scale).reshape(shape).mean(axis=2)
    bootstrap = Bootstrap(columns, features.block(len(outputs)), seed)
    every = {name: _describe_interval(bootstrap, name) for name in found}
    leads = bootstrap.estimate_fractions(lambda sums: sums["after held"], lambda sums: sums["rows"][:, None])
    widths = columns["after width"].mean(axis=0)
    by_lead = [
        LeadCoverage(name, held, float(width))
        for name, held, width in zip(features.target.horizons, leads, widths, strict=True)
    ]
    return IntervalScores(nominal, every["after"].coverage, every["after"].width, every["before"], by_lead)


def _describe_interval(bootstrap: Bootstrap, name: str) -> Coverage:
    coverage = bootstrap.estimate_fraction(lambda sums: sums[f"{name} held"].mean(axis=1), lambda sums: sums["rows"])
    width = bootstrap.estimate(lambda sums: sums[f"{name} width"].mean(axis=1) / sums["rows"])
    return Coverage(coverage, width.value)

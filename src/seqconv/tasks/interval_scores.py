"""Coverage, width and loss of the intervals or quantiles around numbers, of forecasts and of examples."""

from dataclasses import dataclass

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap
from seqconv.metrics.forecast_scores import Coverage, IntervalScores, LeadCoverage, QuantileScores


@dataclass(frozen=True)
class Ranges:
    """Quantiles of N examples before and after calibration, scaled; those of an interval are its bounds.

    Args:
        before, after: `[Q, N, outputs]`.
        point, truth: point forecasts, and targets, NaN where none is known, `[N, outputs]`.
        levels: of the quantiles, ascending, above 0 and below 1.
        scale: of each output, in its unit, `[outputs]`.
    """

    before: np.ndarray
    after: np.ndarray
    point: np.ndarray
    truth: np.ndarray
    levels: tuple[float, ...]
    scale: np.ndarray


def score_ranges(found: Ranges, leads: tuple[str, ...], block: int, seed: int) -> IntervalScores:
    """Coverage with 95 % bootstrap intervals, mean width and pinball loss.

    Args:
        leads: names of the leads; none: the scores of each lead are left out.
        block: neighbours that are resampled together.
    """
    shape = len(found.truth), max(len(leads), 1), -1
    columns: dict[str, np.ndarray] = {}
    for name, bounds in {"before": found.before, "after": found.after}.items():
        low, high = np.minimum(bounds[0], found.point), np.maximum(bounds[-1], found.point)
        held = (found.truth >= low) & (found.truth <= high)  # not where the truth is not known
        columns[f"{name} held"] = held.reshape(shape).mean(axis=2)
        columns[f"{name} width"] = ((high - low) * found.scale).reshape(shape).mean(axis=2)
    columns["known"] = (~np.isnan(found.truth)).reshape(shape).mean(axis=2)
    bootstrap = Bootstrap(columns, block, seed)
    before, after = (_describe(bootstrap, name) for name in ("before", "after"))
    nominal = round(max(found.levels[-1], 0.5) - min(found.levels[0], 0.5), 10)
    by_lead = _score_leads(bootstrap, columns["after width"].mean(axis=0), leads)
    quantiles = _score_quantiles(found, block, seed)
    return IntervalScores(nominal, after.coverage, after.width, before, by_lead, quantiles)


def _describe(bootstrap: Bootstrap, name: str) -> Coverage:
    coverage = bootstrap.estimate_fraction(
        lambda sums: sums[f"{name} held"].mean(axis=1), lambda sums: sums["known"].mean(axis=1)
    )
    width = bootstrap.estimate(lambda sums: sums[f"{name} width"].mean(axis=1) / sums["rows"])
    return Coverage(coverage, width.value)


def _score_leads(bootstrap: Bootstrap, widths: np.ndarray, leads: tuple[str, ...]) -> list[LeadCoverage]:
    held = bootstrap.estimate_fractions(lambda sums: sums["after held"], lambda sums: sums["known"])
    return [LeadCoverage(*each) for each in zip(leads, held, widths.tolist(), strict=False)]


def _score_quantiles(found: Ranges, block: int, seed: int) -> list[QuantileScores]:
    known = ~np.isnan(found.truth)
    columns = {"below": (found.truth <= found.after).mean(axis=2).T, "known": known.mean(axis=1)}
    bootstrap = Bootstrap(columns, block, seed)
    below = bootstrap.estimate_fractions(lambda sums: sums["below"], lambda sums: sums["known"][:, None])
    scores = []
    for level, held, quantile in zip(found.levels, below, found.after.astype(np.float64), strict=True):
        left = ((found.truth - quantile) * found.scale)[known]
        pinball = float(np.maximum(level * left, (level - 1) * left).mean())
        width = float(((quantile - found.point) * found.scale).mean())
        scores.append(QuantileScores(level, held, width, pinball))
    return scores

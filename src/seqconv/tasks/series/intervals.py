"""Intervals around forecasts: two more outputs for each target, the loss that makes them quantiles, and calibration.

A network with intervals returns three values for each answer: all middles `[N, outputs]`, then all low ends, then all
high ends. An interval that is to hold a share s of the truth ends at the quantiles (1 - s) / 2 and (1 + s) / 2.
"""

import math
from typing import Any

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap
from seqconv.networks.outputs import widen
from seqconv.recipes.durations import show_duration
from seqconv.tasks.examples import Part
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.windows import block_length


def fit_margins(ends: np.ndarray, targets: np.ndarray, share: float) -> tuple[float, ...]:
    """For each answer the margin with which the intervals hold that share of rows that training did not see.

    By how far the truth lies outside (below zero: inside) is sorted; the margin is number ceil((N + 1) share) of N, the
    last one where there are too few rows. Rows that could change places with those to come would be held by at least
    that share of intervals. Neighbouring rows of a series could not: what the test rows say is told beside it.

    Args:
        ends: `[2, N, answers]`.
        targets: `[N, answers]`.

    Reference: Romano, Patterson and Candes 2019, "Conformalized quantile regression", NeurIPS, theorem 1.
    """
    outside = np.sort(np.maximum(ends[0] - targets, targets - ends[1]), axis=0)
    place = min(math.ceil((len(outside) + 1) * share), len(outside)) - 1
    return tuple(float(margin) for margin in outside[place])


def score_intervals(
    ends: np.ndarray, outputs: np.ndarray, part: Part, features: SeriesFeatures, share: float, seed: int = 0
) -> dict[str, Any]:
    """How much of the truth intervals hold, with 95 % bootstrap intervals of that, and their mean width.

    Args:
        ends: before calibration, scaled, `[2, N, outputs]`.
        outputs: the forecasts that they are around, `[N, outputs]`.
        share: of the truth, that they should hold.

    Returns:
        `share`; `coverage` (`value`, `low`, `high`) and `width` in the target's unit, the mean over targets and leads;
        the same two `before_calibration` and for each of `leads`.
    """
    shape = len(outputs), len(features.spec.leads), len(features.targets)
    found = {"before": ends, "after": widen(ends, outputs, features.margins)}
    columns: dict[str, np.ndarray] = {}
    for name, (low, high) in found.items():
        held = (part.targets >= low) & (part.targets <= high)
        columns[f"{name} held"] = held.reshape(shape).mean(axis=2)
        columns[f"{name} width"] = ((high - low) * features.output_scale).reshape(shape).mean(axis=2)
    bootstrap = Bootstrap(columns, block_length(features.spec, len(outputs)), seed)
    every = {name: _describe_interval(bootstrap, name) for name in found}
    leads = bootstrap.estimate_each(lambda sums: sums["after held"] / sums["rows"][:, None])
    widths = columns["after width"].mean(axis=0)
    names = [show_duration(lead * features.spec.interval_s) for lead in features.spec.leads]
    return {
        "share": share,
        **every["after"],
        "before_calibration": every["before"],
        "leads": [
            {"lead": name, "coverage": held.to_dict(), "width": float(width)}
            for name, held, width in zip(names, leads, widths, strict=True)
        ],
    }


def _describe_interval(bootstrap: Bootstrap, name: str) -> dict[str, Any]:
    coverage = bootstrap.estimate(lambda sums: sums[f"{name} held"].mean(axis=1) / sums["rows"])
    width = bootstrap.estimate(lambda sums: sums[f"{name} width"].mean(axis=1) / sums["rows"])
    return {"coverage": coverage.to_dict(), "width": width.value}

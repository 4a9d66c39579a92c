"""Scores of quantile forecasts with 95 % bootstrap intervals: overall, by level, step and series."""

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap, Sums
from seqconv.metrics.panel_scores import LevelScores, PanelScores, SeriesScores, StepScores
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, find_scales
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, average_known, measure_pinball, to_quantiles
from seqconv.tasks.panel.models import repeat_back
from seqconv.tasks.task import Answers

LISTED = 10  # series with the largest errors


def score_panel(
    answers: Answers, part: PanelPart, bundle: Bundle[PanelFeatures], reference: PanelPart | None
) -> PanelScores:
    """MAE, RMSE, sMAPE, MASE, WQL and the skill against the seasonal naive forecast; coverage by level; MASE by step
    and of the series that are forecast worst."""
    features, inputs = bundle.features, part.inputs
    scales = find_scales(inputs, features.season)[:, None]
    truth = np.asarray(part.targets) * scales
    quantiles = to_quantiles(answers.outputs) * scales[..., None]
    naive = repeat_back(inputs, features.season)
    errors = quantiles[..., MEDIAN] - truth
    columns = _sum_columns(quantiles, truth, errors, naive, scales)
    bootstrap = Bootstrap(columns, seed=bundle.recipe.training.seed)
    metrics = {
        "mase": lambda sums: sums["scaled"] / sums["rows"],
        "wql": lambda sums: sums["pinball"] / sums["size"],
        "smape": lambda sums: 100 * sums["relative"] / sums["rows"],
        "mae": lambda sums: sums["absolute"] / sums["known"],
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["known"]),
        "skill_seasonal_naive": lambda sums: 1 - sums["scaled"] / sums["naive"],
    }
    return PanelScores(
        len(inputs),
        len(np.unique(inputs.series)),
        {name: bootstrap.estimate(each) for name, each in metrics.items()},
        _score_levels(quantiles, truth, bundle.recipe.training.seed),
        _score_steps(np.abs(errors) / scales, np.abs(naive - truth) / scales),
        _list_worst(columns["scaled"], inputs.series),
    )


def _sum_columns(
    quantiles: np.ndarray, truth: np.ndarray, errors: np.ndarray, naive: np.ndarray, scales: np.ndarray
) -> Sums:
    both = np.abs(quantiles[..., MEDIAN]) + np.abs(truth)
    relative = np.where(both > 0, 2 * np.abs(errors) / np.where(both > 0, both, 1), np.abs(errors) * 0)
    return {
        "scaled": average_known(np.abs(errors) / scales),
        "naive": average_known(np.abs(naive - truth) / scales),
        "pinball": np.nansum(2 * measure_pinball(quantiles, truth).mean(axis=2), axis=1),
        "size": np.nansum(np.abs(truth), axis=1),
        "relative": average_known(relative),
        "absolute": np.nansum(np.abs(errors), axis=1),
        "square": np.nansum(errors**2, axis=1),
        "known": (~np.isnan(truth)).sum(axis=1),
    }


def _score_levels(quantiles: np.ndarray, truth: np.ndarray, seed: int) -> list[LevelScores]:
    """What the central intervals hold, and how wide they are."""
    known = ~np.isnan(truth)
    found = []
    for place in range(MEDIAN):
        low, high = quantiles[..., place], quantiles[..., -1 - place]
        inside = np.where(known, (truth >= low) & (truth <= high), False).sum(axis=1)
        held = Bootstrap({"inside": inside, "known": known.sum(axis=1)}, seed=seed)
        estimate = held.estimate(lambda sums: sums["inside"] / sums["known"])
        found.append(LevelScores(round(float(LEVELS[-1 - place] - LEVELS[place]), 10), estimate, _mean(high - low)))
    return found


def _score_steps(errors: np.ndarray, naive: np.ndarray) -> list[StepScores]:
    return [StepScores(step + 1, _mean(errors[:, step]), _mean(naive[:, step])) for step in range(errors.shape[1])]


def _list_worst(errors: np.ndarray, series: np.ndarray) -> list[SeriesScores]:
    number = int(series.max(initial=0)) + 1
    means = np.bincount(series, errors, number) / np.maximum(np.bincount(series, minlength=number), 1)
    worst = np.argsort(-means, kind="stable")[:LISTED]
    return [SeriesScores(int(place), float(means[place])) for place in worst if place in series]


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")

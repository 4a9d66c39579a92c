"""Scores of quantile forecasts with 95 % bootstrap intervals: overall, by level, step and series."""

from collections.abc import Callable

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap, Sums
from seqconv.metrics.forecast_scores import IntervalScores
from seqconv.metrics.panel_scores import LevelScores, PanelScores, SeriesScores, StepScores
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.interval_scores import Ranges, score_ranges
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, find_scales, is_intermittent
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, average_known, measure_pinball, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.levels import guess_factors, take_levels
from seqconv.tasks.panel.models import repeat_back
from seqconv.tasks.task import Answers

SCORES = ("forecasts", "mase", "mase_seasonal_naive", "mae")  # of a series
LISTED = 1000  # series with the largest errors


def score_panel(
    answers: Answers, part: PanelPart, bundle: Bundle[PanelFeatures], reference: PanelPart | None
) -> PanelScores:
    """MAE, RMSE, sMAPE, MASE, WQL and the skill against the seasonal naive forecast; coverage by level; MASE by step
    and of the series that are forecast worst. Intermittent demand has a RMSSE instead of a sMAPE, which is 200 % of any
    forecast but 0 where nothing is sold."""
    features, inputs = bundle.features, part.inputs
    scales, truth, quantiles, naive = _unscale(answers.outputs, part, features.season)
    errors = quantiles[..., MEDIAN] - truth
    alone = score_series(answers.outputs, part, features.season)
    bootstrap = Bootstrap(_sum_columns(quantiles, truth, naive, scales, inputs), seed=bundle.recipe.training.seed)
    return PanelScores(
        len(inputs),
        len(np.unique(inputs.series)),
        {name: bootstrap.estimate(each) for name, each in _list_metrics(is_intermittent(truth)).items()},
        _score_levels(quantiles, truth, bundle.recipe.training.seed),
        _score_steps(np.abs(errors) / scales, np.abs(naive - truth) / scales),
        float((alone["mase"] < alone["mase_seasonal_naive"]).mean()),
        _list_worst(alone, inputs),
        score_levels(answers, part, bundle) if features.levels else None,
    )


def score_levels(answers: Answers, part: PanelPart, bundle: Bundle[PanelFeatures]) -> IntervalScores:
    """Coverage, width and loss of the quantiles that were asked for, over all steps and at each."""
    features, training = bundle.features, bundle.recipe.training
    _, truth, quantiles, _ = _unscale(answers.outputs, part, features.season)
    usual = take_levels(quantiles, features.levels, guess_factors(features.levels))
    before, after = (np.moveaxis(each, -1, 0) for each in (usual, features.choose_levels(quantiles)))
    found = Ranges(before, after, quantiles[..., MEDIAN], truth, features.levels, np.ones(1))
    return score_ranges(found, tuple(str(step + 1) for step in range(truth.shape[1])), 1, training.seed)


def _list_metrics(intermittent: bool) -> dict[str, Callable[[Sums], np.ndarray]]:
    found: dict[str, Callable[[Sums], np.ndarray]] = {
        "mase": lambda sums: sums["scaled"] / sums["rows"],
        "wql": lambda sums: sums["pinball"] / sums["size"],
    }
    if intermittent:
        found["rmsse"] = lambda sums: sums["squares_scaled"] / sums["rows"]
    else:
        found["smape"] = lambda sums: 100 * sums["relative"] / sums["rows"]
    return found | {
        "mae": lambda sums: sums["absolute"] / sums["known"],
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["known"]),
        "skill_seasonal_naive": lambda sums: 1 - sums["scaled"] / sums["naive"],
    }


def _sum_columns(
    quantiles: np.ndarray, truth: np.ndarray, naive: np.ndarray, scales: np.ndarray, inputs: PanelInputs
) -> Sums:
    errors = quantiles[..., MEDIAN] - truth
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
        "squares_scaled": _scale_squares(quantiles, truth, inputs),
        "known": (~np.isnan(truth)).sum(axis=1),
    }


def _scale_squares(quantiles: np.ndarray, truth: np.ndarray, inputs: PanelInputs) -> np.ndarray:
    """The RMSSE of each example, `[N]`: of the mean of its quantiles, as the median of what is rarely sold is 0.

    Reference: Makridakis, Spiliotis and Assimakopoulos 2022, International Journal of Forecasting 38, 1346-1364.
    """
    scales = inputs.rows.sum_squares.average(inputs)
    squares = average_known((quantiles.mean(axis=2) - truth) ** 2)
    return np.asarray(np.sqrt(squares / np.where(np.isnan(scales), 1.0, scales)))


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


def score_series(outputs: np.ndarray, part: PanelPart, season: int) -> dict[str, np.ndarray]:
    """Scores of each series that has forecasts, `[S]` each.

    Args:
        outputs: of a model for the examples of `part`.

    Returns:
        `series`, its number in the panel, and `SCORES`.
    """
    scales, truth, quantiles, naive = _unscale(outputs, part, season)
    errors = np.abs(quantiles[..., MEDIAN] - truth)
    series, place, counts = np.unique(part.inputs.series, return_inverse=True, return_counts=True)
    sums = {
        "mase": average_known(errors / scales),
        "mase_seasonal_naive": average_known(np.abs(naive - truth) / scales),
        "mae": average_known(errors),
    }
    means = {name: np.bincount(place, values) / counts for name, values in sums.items()}
    return {"series": series, "forecasts": counts, **means}


def _unscale(outputs: np.ndarray, part: PanelPart, season: int) -> tuple[np.ndarray, ...]:
    """Scales `[N, 1]`; truth `[N, H]`, quantiles `[N, H, levels]` and the seasonal naive forecast `[N, H]` in the unit
    of the target."""
    inputs = part.inputs
    scales = find_scales(inputs, season)[:, None]
    naive = repeat_back(inputs, season)
    return scales, np.asarray(part.targets) * scales, to_quantiles(outputs) * scales[..., None], naive


def _list_worst(found: dict[str, np.ndarray], inputs: PanelInputs) -> list[SeriesScores]:
    worst = np.argsort(-found["mase"], kind="stable")[:LISTED]
    series = found["series"][worst]
    scores = zip(*(found[name][worst].tolist() for name in SCORES), strict=True)
    return [
        SeriesScores(int(each), name or f"{each + 1:,}", *row)
        for each, name, row in zip(series, inputs.rows.show_keys(series), scores, strict=True)
    ]


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")

"""Scores of forecasts with 95 % bootstrap intervals: overall, by target, horizon, hour and month."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seqconv.data.frequency import DAY_S
from seqconv.data.readers.zones import local_times
from seqconv.metrics.bootstrap import Bootstrap, Sums
from seqconv.metrics.forecast_scores import (
    ForecastScores,
    HourScores,
    IntervalScores,
    LeadScores,
    MaseScale,
    MonthScores,
    TargetScores,
    WindowBlocks,
)
from seqconv.networks.losses import CHUNK
from seqconv.recipes.durations import show_duration
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart
from seqconv.tasks.series.intervals import score_intervals
from seqconv.tasks.series.naive import Repeat, choose_season, repeat_newest, repeat_season
from seqconv.tasks.task import Answers


def score_answers(
    answers: Answers, part: SeriesPart, bundle: Bundle[SeriesFeatures], reference: SeriesPart | None
) -> ForecastScores:
    """The scores of `score_forecast`; for a model with intervals also those of `score_intervals`."""
    features, training = bundle.features, bundle.recipe.training
    scores = score_forecast(answers.outputs, part, features, reference, training.seed)
    if answers.bounds is None or not features.margins:
        return scores
    intervals = score_intervals(answers.bounds, answers.outputs, part, features, training)
    return replace(scores, intervals=intervals)


def score_answer_intervals(answers: Answers, part: SeriesPart, bundle: Bundle[SeriesFeatures]) -> IntervalScores:
    """The scores of `score_intervals`, for answers with bounds."""
    assert answers.bounds is not None
    return score_intervals(answers.bounds, answers.outputs, part, bundle.features, bundle.recipe.training)


def score_forecast(
    outputs: np.ndarray, part: SeriesPart, features: SeriesFeatures, reference: SeriesPart | None = None, seed: int = 0
) -> ForecastScores:
    """MAE, RMSE, MASE and skill against the naive forecasts; by target, lead, hour of day and month.

    With several targets, MAE, RMSE and MASE are means over the targets. Skill is 1 - MAE / MAE of the naive forecast.

    Args:
        outputs: forecasts `[N, outputs]`, scaled as `part.targets` are.
        reference: training examples, whose naive errors are the scale of MASE; None: `part` itself.
    """
    units = features.target.std
    rivals = naive_models(part, features)
    season, scale = naive_scale(reference or part, features)
    block = features.block(len(outputs))
    columns = _average_errors(outputs, part, features, rivals)
    bootstrap = Bootstrap(columns, block, seed)
    statistics = _forecast_statistics(list(rivals), scale, units)
    rows = "evaluated" if reference is None else "training"
    hours, months = _score_clock(columns["lead"], part, features)
    return ForecastScores(
        len(outputs),
        {name: bootstrap.estimate(each) for name, each in statistics.items()},
        MaseScale(show_duration(season * features.spec.interval_s), rows, [float(each) for each in scale]),
        WindowBlocks(block, len(outputs) // block),
        _score_targets(bootstrap, features, scale),
        _score_leads(bootstrap, features, list(rivals)),
        hours,
        months,
    )


def _average_errors(
    outputs: np.ndarray, part: SeriesPart, features: SeriesFeatures, rivals: dict[str, Repeat]
) -> dict[str, np.ndarray]:
    """Mean errors of each example by target and by lead, and those of the naive forecasts by lead; built in pieces."""
    pieces = []
    rows = max(CHUNK // outputs.shape[1], 1)
    for first in range(0, len(outputs), rows):
        index = np.arange(first, min(first + rows, len(outputs)))
        some = part.take(index)
        errors = _errors(outputs[index], some, features)
        size = np.abs(errors)
        columns = {"target": size.mean(axis=1), "square": (errors**2).mean(axis=1), "lead": size.mean(axis=2)}
        for name, model in rivals.items():
            columns[f"lead {name}"] = np.abs(_errors(model.predict(some.inputs), some, features)).mean(axis=2)
        pieces.append(columns)
    return {name: np.concatenate([columns[name] for columns in pieces]) for name in pieces[0]}


def _errors(outputs: np.ndarray, part: SeriesPart, features: SeriesFeatures) -> np.ndarray:
    """Forecast minus truth in the target's unit, float64 `[N, H, targets]`."""
    found = (outputs.astype(np.float64) - part.targets) * features.target.scale
    return np.asarray(found.reshape(len(found), -1, len(features.targets)))


def naive_models(part: SeriesPart, features: SeriesFeatures) -> dict[str, Repeat]:
    """The naive forecasts by name; the season is the best one on these examples."""
    found = {"naive": repeat_newest(features)}
    _, season = choose_season(features, part)
    return found if isinstance(season, str) else found | {"seasonal_naive": repeat_season(features, season)}


def naive_scale(part: SeriesPart, features: SeriesFeatures) -> tuple[int, np.ndarray]:
    """The scale of MASE: the season in rows, and the mean error of each target's seasonal naive forecast.

    The season is a day if that is a whole number of rows and within a window, else one row (the naive forecast). NaN
    if no value a season ago is known, or if that forecast has no error.

    Reference: Hyndman and Koehler 2006, "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22, 679-688, equation 3; seasonal as in Hyndman and Athanasopoulos, "Forecasting", section 5.8.
    """
    spec = features.spec
    season = 1 if DAY_S % spec.interval_s else DAY_S // spec.interval_s
    if season > spec.lookback + spec.delays[0]:
        season = 1
    values, rows = part.inputs.values[:, features.target_columns].astype(np.float64), part.inputs.anchors
    rows = rows + spec.delays[0]
    change = np.abs(values[rows] - values[rows - season])
    known = ~np.isnan(change)
    total, count = np.where(known, change, 0).sum(axis=0), known.sum(axis=0)
    scale = features.target.std * total / np.maximum(count, 1)
    return season, np.where(scale > 0, scale, np.nan)


def _forecast_statistics(
    rivals: list[str], scale: np.ndarray, units: np.ndarray
) -> dict[str, Callable[[Sums], np.ndarray]]:
    def mean(divisor: np.ndarray | float) -> Callable[[Sums], np.ndarray]:
        return lambda sums: (sums["target"] / divisor).mean(axis=1) / sums["rows"]

    def skill(name: str) -> Callable[[Sums], np.ndarray]:
        def statistic(sums: Sums) -> np.ndarray:
            theirs = sums[f"lead {name}"].sum(axis=1)
            return np.where(theirs > 0, 1 - sums["lead"].sum(axis=1) / theirs, np.nan)

        return statistic

    return {
        "mae": mean(1.0),
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["rows"][:, None]).mean(axis=1),
        "mase": mean(scale),
        "mae_scaled": mean(units),
        **{f"skill_{name}": skill(name) for name in rivals},
    }


def _score_targets(bootstrap: Bootstrap, features: SeriesFeatures, scale: np.ndarray) -> list[TargetScores]:
    statistics: dict[str, Callable[[Sums], np.ndarray]] = {
        "mae": lambda sums: sums["target"] / sums["rows"][:, None],
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["rows"][:, None]),
        "mase": lambda sums: sums["target"] / sums["rows"][:, None] / scale,
    }
    found = {name: bootstrap.estimate_each(each) for name, each in statistics.items()}
    return [
        TargetScores(name, **{key: each[place] for key, each in found.items()})
        for place, name in enumerate(features.targets)
    ]


def _score_leads(bootstrap: Bootstrap, features: SeriesFeatures, rivals: list[str]) -> list[LeadScores]:
    own = bootstrap.estimate_each(lambda sums: sums["lead"] / sums["rows"][:, None])
    others = {name: (bootstrap.whole[f"lead {name}"] / bootstrap.whole["rows"][:, None])[0] for name in rivals}
    return [
        LeadScores(horizon, own[place], **{f"mae_{name}": float(each[place]) for name, each in others.items()})
        for place, horizon in enumerate(features.target.horizons)
    ]


def _score_clock(
    errors: np.ndarray, part: SeriesPart, features: SeriesFeatures
) -> tuple[list[HourScores], list[MonthScores]]:
    """MAE by hour of day and month of the time forecast, in the time zone of the series."""
    assert part.times is not None
    spec = features.spec
    after = (np.array(spec.delays) - spec.delays[0]) * np.timedelta64(spec.interval_s, "s")
    times = local_times((part.times[:, None] + after).ravel(), features.zone)
    error = errors.ravel()
    hours = times.astype("datetime64[h]").astype(np.int64) % 24
    months = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return [HourScores(*each) for each in _group(hours, error)], [MonthScores(*each) for each in _group(months, error)]


def _group(keys: np.ndarray, error: np.ndarray) -> list[tuple[int, int, float]]:
    """Each key that occurs, how often, and the mean error there."""
    count, total = np.bincount(keys), np.bincount(keys, error)
    return [(int(key), int(count[key]), float(total[key] / count[key])) for key in np.flatnonzero(count)]

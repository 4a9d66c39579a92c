"""Every score of a model's outputs, with 95 % bootstrap intervals, and where they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqconv.baselines.forecasts import choose_season, repeat_newest, repeat_season
from seqconv.engines import Model
from seqconv.evaluation import block_length
from seqconv.features import SequenceFeatures, SeriesFeatures, TextFeatures
from seqconv.intervals import Bootstrap, Estimate, Sums
from seqconv.metrics import CHUNK, CLIP, example_errors, example_losses, predicted_classes
from seqconv.predictor import probabilities
from seqconv.splits import Part, Split
from seqconv.windows import WindowInputs, local_times, show_duration

BINS = 15  # of the reliability picture; Reference: Guo et al. 2017, section 3
DAY_S = 86400
Scores = dict[str, Any]


# Classes


def score_classes(
    outputs: np.ndarray, targets: np.ndarray, features: TextFeatures | SequenceFeatures, loss: str, seed: int = 0
) -> Scores:
    """Accuracy, log loss, F1 and calibration; precision, recall and F1 of each class; the confusion matrix.

    Precision is undefined (None) for a class never said, recall for one that never occurs, F1 for one that does
    neither; `macro_f1` is the mean over the others. A text with several labels has `f1`, the mean over texts, for the
    accuracy, and no confusion matrix.

    Returns:
        `n`, `metrics` (each `value`, `low`, `high`), `classes`, `calibration` and `confusion`.
    """
    multi_label, count = features.multi_label, len(features.classes)
    said = _as_columns(predicted_classes(outputs, loss), count)
    holds = _as_columns(targets if multi_label else targets.reshape(-1).astype(np.int64), count)
    bootstrap = Bootstrap(
        {
            "right": 1 - example_errors(outputs, targets, loss),
            "loss": example_losses(outputs, targets, loss),
            "both": said * holds,
            "said": said,
            "holds": holds,
            **_fill_bins(class_shares(outputs, features, loss), said, holds, multi_label),
        },
        seed=seed,
    )
    metrics = {features.metric: lambda sums: sums["right"] / sums["rows"], "log_loss": _mean_loss, "macro_f1": _macro}
    if multi_label:
        metrics["micro_f1"] = _micro
    found = {name: bootstrap.estimate(statistic).to_dict() for name, statistic in metrics.items()}
    found["expected_calibration_error"] = _reflect(bootstrap.estimate(_calibration_error)).to_dict()
    scores = {
        "n": len(targets),
        "metrics": found,
        "classes": _score_each(bootstrap, features.classes),
        "calibration": _describe_bins(bootstrap),
    }
    if not multi_label:
        scores["confusion"] = (holds.astype(np.int64).T @ said.astype(np.int64)).tolist()
    return scores


def class_shares(outputs: np.ndarray, features: TextFeatures | SequenceFeatures, loss: str) -> np.ndarray:
    """Probability of each class, `[N, classes]`; the as-printed loss takes the output itself for one."""
    if loss == "as_printed":
        positive = np.clip(outputs, CLIP, 1 - CLIP)
        return np.concatenate([1 - positive, positive], axis=1)
    return probabilities(outputs.astype(np.float64), features.multi_label)


def _as_columns(classes: np.ndarray, count: int) -> np.ndarray:
    """0 or 1 for each class, float64 `[N, classes]`, of class indices `[N]`."""
    return np.asarray(classes if classes.ndim == 2 else classes[:, None] == np.arange(count), np.float64)


def _mean_loss(sums: Sums) -> np.ndarray:
    return np.asarray(sums["loss"] / sums["rows"])


def _f1(sums: Sums) -> np.ndarray:
    return np.asarray(2 * sums["both"] / (sums["said"] + sums["holds"]))


def _macro(sums: Sums) -> np.ndarray:
    each = _f1(sums)
    known = ~np.isnan(each)
    return np.asarray(np.where(known, each, 0).sum(axis=1) / known.sum(axis=1))


def _micro(sums: Sums) -> np.ndarray:
    both, said, holds = (sums[name].sum(axis=1) for name in ("both", "said", "holds"))
    return np.asarray(2 * both / (said + holds))


def _score_each(bootstrap: Bootstrap, classes: tuple[str, ...]) -> list[Scores]:
    statistics: dict[str, Callable[[Sums], np.ndarray]] = {
        "precision": lambda sums: sums["both"] / sums["said"],
        "recall": lambda sums: sums["both"] / sums["holds"],
        "f1": _f1,
    }
    found = {name: bootstrap.estimate_each(statistic) for name, statistic in statistics.items()}
    support = bootstrap.whole["holds"][0]
    return [
        {"class": name, "support": int(support[place])} | {key: each[place].to_dict() for key, each in found.items()}
        for place, name in enumerate(classes)
    ]


# Calibration


def _fill_bins(shares: np.ndarray, said: np.ndarray, holds: np.ndarray, multi_label: bool) -> dict[str, np.ndarray]:
    """By bin and example: how many answers lie in the bin, their summed confidence, how many of them are right.

    An answer is the most likely class; of several labels each is an answer, its confidence the label's probability.
    """
    if multi_label:
        confidence, right = shares, holds
    else:
        confidence, right = shares.max(axis=1, keepdims=True), (said * holds).sum(axis=1, keepdims=True)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    inside = [place == each for each in range(BINS)]
    parts = {"answers": np.ones_like(confidence), "confidence": confidence, "hits": right}
    return {name: np.stack([(part * one).sum(axis=1) for one in inside], axis=1) for name, part in parts.items()}


def _calibration_error(sums: Sums) -> np.ndarray:
    """Mean distance of confidence and share right, bins weighted by their answers.

    Reference: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", ICML, equation 3.
    """
    distance = np.abs(sums["confidence"] - sums["hits"]).sum(axis=1)
    return np.asarray(distance / sums["answers"].sum(axis=1))


def _reflect(estimate: Estimate) -> Estimate:
    """Ends reflected about the value: every resample adds a calibration error of its own to the one at hand.

    Reference: Davison and Hinkley 1997, "Bootstrap methods and their application", section 5.2 (basic intervals).
    """
    value = estimate.value
    low, high = max(0.0, 2 * value - estimate.high), max(value, 2 * value - estimate.low)
    # max() would hide an end that the rows cannot tell
    return Estimate(value, low, high) if np.isfinite(estimate.low) else estimate


def _describe_bins(bootstrap: Bootstrap) -> Scores:
    answers, confidence = (bootstrap.whole[name][0] for name in ("answers", "confidence"))
    share = bootstrap.estimate_each(lambda sums: sums["hits"] / sums["answers"])
    bins = [
        {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "n": int(answers[place]),
            "confidence": float(confidence[place] / answers[place]),
            "right": share[place].to_dict(),
        }
        for place in np.flatnonzero(answers)
    ]
    return {"bins": BINS, "filled": bins}


# Forecasts


def score_forecast(
    outputs: np.ndarray, part: Part, features: SeriesFeatures, reference: Part | None = None, seed: int = 0
) -> Scores:
    """MAE, RMSE, MASE and skill against the naive forecasts; by target, lead, hour of day and month.

    Several targets: the means of each target's MAE, RMSE and MASE. A skill is 1 - MAE / MAE of the naive forecast.

    Args:
        outputs: scaled forecasts `[N, outputs]`, as `part.targets`.
        reference: training examples, whose naive errors are the scale of MASE; None: those of `part`.

    Returns:
        `n`, `metrics` (each `value`, `low`, `high`), `mase_scale`, `block`, `targets`, `leads`, `hours` and `months`.
    """
    units = features.scaler.std[features.target_columns]
    rivals = naive_models(part, features)
    season, scale = naive_scale(reference or part, features)
    block = block_length(features.spec, len(outputs))
    columns = _average_errors(outputs, part, features, rivals)
    bootstrap = Bootstrap(columns, block, seed)
    statistics = _forecast_statistics(list(rivals), scale, units)
    return {
        "n": len(outputs),
        "metrics": {name: bootstrap.estimate(each).to_dict() for name, each in statistics.items()},
        "mase_scale": {
            "season": show_duration(season * features.spec.interval_s),
            "rows": "evaluated" if reference is None else "training",
            "values": [float(each) if np.isfinite(each) else None for each in scale],
        },
        "block": {"windows": block, "blocks": len(outputs) // block},
        "targets": _score_targets(bootstrap, features, scale),
        "leads": _score_leads(bootstrap, features, list(rivals)),
        **_score_clock(columns["lead"], part, features),
    }


def _average_errors(
    outputs: np.ndarray, part: Part, features: SeriesFeatures, rivals: dict[str, Model]
) -> dict[str, np.ndarray]:
    """Of each example the mean errors by target and by lead, those of the rivals by lead; built piece by piece."""
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


def _errors(outputs: np.ndarray, part: Part, features: SeriesFeatures) -> np.ndarray:
    """Forecast less truth in the target's unit, float64 `[N, H, targets]`."""
    found = (outputs.astype(np.float64) - part.targets) * features.output_scale
    return np.asarray(found.reshape(len(found), -1, len(features.targets)))


def naive_models(part: Part, features: SeriesFeatures) -> dict[str, Model]:
    """The forecasts that need no training, by name."""
    split = Split(part, part, part, features, {})
    found: dict[str, Model] = {"naive": repeat_newest(split)}
    _, season = choose_season(split)
    return found if isinstance(season, str) else found | {"seasonal_naive": repeat_season(split, season)}


def naive_scale(part: Part, features: SeriesFeatures) -> tuple[int, np.ndarray]:
    """What MASE divides by: rows of the season, and the mean error of each target's seasonal naive forecast.

    A day, where it is a whole number of rows and lies within a window; else one row, the plain naive forecast. NaN
    where no row a season ago is known, or that forecast never errs.

    Reference: Hyndman and Koehler 2006, "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22, 679-688, equation 3; seasonal as in Hyndman and Athanasopoulos, "Forecasting", section 5.8.
    """
    assert isinstance(part.inputs, WindowInputs)
    spec = features.spec
    season = 1 if DAY_S % spec.interval_s else DAY_S // spec.interval_s
    if season > spec.lookback + spec.delays[0]:
        season = 1
    values, rows = part.inputs.values[:, features.target_columns].astype(np.float64), part.inputs.anchors
    rows = rows + spec.delays[0]
    change = np.abs(values[rows] - values[rows - season])
    known = ~np.isnan(change)
    total, count = np.where(known, change, 0).sum(axis=0), known.sum(axis=0)
    scale = features.scaler.std[features.target_columns] * total / np.maximum(count, 1)
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


def _score_targets(bootstrap: Bootstrap, features: SeriesFeatures, scale: np.ndarray) -> list[Scores]:
    statistics: dict[str, Callable[[Sums], np.ndarray]] = {
        "mae": lambda sums: sums["target"] / sums["rows"][:, None],
        "rmse": lambda sums: np.sqrt(sums["square"] / sums["rows"][:, None]),
        "mase": lambda sums: sums["target"] / sums["rows"][:, None] / scale,
    }
    found = {name: bootstrap.estimate_each(each) for name, each in statistics.items()}
    return [
        {"target": name} | {key: each[place].to_dict() for key, each in found.items()}
        for place, name in enumerate(features.targets)
    ]


def _score_leads(bootstrap: Bootstrap, features: SeriesFeatures, rivals: list[str]) -> list[Scores]:
    own = bootstrap.estimate_each(lambda sums: sums["lead"] / sums["rows"][:, None])
    others = {name: (bootstrap.whole[f"lead {name}"] / bootstrap.whole["rows"][:, None])[0] for name in rivals}
    return [
        {"lead": show_duration(lead * features.spec.interval_s), "mae": own[place].to_dict()}
        | {f"mae_{name}": float(each[place]) for name, each in others.items()}
        for place, lead in enumerate(features.spec.leads)
    ]


def _score_clock(errors: np.ndarray, part: Part, features: SeriesFeatures) -> Scores:
    """MAE by hour of day and month of the time forecast, as clocks in the series' zone show it."""
    assert part.times is not None
    spec = features.spec
    after = (np.array(spec.delays) - spec.delays[0]) * np.timedelta64(spec.interval_s, "s")
    times = local_times((part.times[:, None] + after).ravel(), features.zone)
    error = errors.ravel()
    hours = times.astype("datetime64[h]").astype(np.int64) % 24
    months = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return {"hours": _group(hours, error, "hour"), "months": _group(months, error, "month")}


def _group(keys: np.ndarray, error: np.ndarray, name: str) -> list[Scores]:
    count, total = np.bincount(keys), np.bincount(keys, error)
    return [{name: int(key), "n": int(count[key]), "mae": total[key] / count[key]} for key in np.flatnonzero(count)]

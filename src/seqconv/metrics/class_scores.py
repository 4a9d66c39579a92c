"""Every score of a model's outputs, with 95 % bootstrap intervals, and where they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap, Estimate, Sums
from seqconv.metrics.errors import example_errors, predicted_classes
from seqconv.networks.losses import CLIP, example_losses
from seqconv.networks.outputs import probabilities
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.text.features import TextFeatures

BINS = 15  # of the reliability picture; Reference: Guo et al. 2017, section 3


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

"""Common-sense baselines, fitted and scored on exactly the rows, tokens and steps that the network sees."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from seqconv.baselines.common import Fit, Say, class_loss
from seqconv.baselines.forecasts import forecast_baselines
from seqconv.baselines.sequences import sequence_baselines
from seqconv.baselines.texts import text_baselines
from seqconv.features import Features, SequenceFeatures, SeriesFeatures
from seqconv.metrics import Metrics, score_classes, score_forecast
from seqconv.splits import Split


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline's scores.

    Args:
        validation, test: metrics, as the network's.
        seconds: to build its features, fit and score, all of it.
        test_outputs: shaped like the network's outputs: logits, or scaled forecasts.
    """

    name: str
    validation: Metrics
    test: Metrics
    seconds: float
    test_outputs: np.ndarray


def fit_baselines(split: Split, say: Say = lambda text: None) -> list[Baseline]:
    """Every baseline that fits the task, the simplest first; settings are chosen on the validation rows.

    Texts: "majority class", "TF-IDF + logistic regression", "NB-SVM". Sequences: "majority class", "1-NN with dynamic
    time warping", "ROCKET". Forecasts: "naive (last value)", "seasonal naive (same hour yesterday)" (or the day of
    last week, ...), "ridge on the window", "gradient boosting".

    Args:
        say: hears which baseline comes next, and why one is left out or sees fewer rows.
    """
    judge = _judge(split.features)
    found = []
    for name, fit in _choose_baselines(split, say).items():
        say(name)
        started = time.perf_counter()
        predict = fit()
        outputs, test_outputs = predict(split.validation), predict(split.test)
        validation, test = judge(outputs, split.validation.targets), judge(test_outputs, split.test.targets)
        found.append(Baseline(name, validation, test, time.perf_counter() - started, test_outputs))
    return found


def _judge(features: Features) -> Callable[..., Metrics]:
    if isinstance(features, SeriesFeatures):
        return partial(score_forecast, scale=features.output_scale)
    return partial(score_classes, loss=class_loss(features))


def _choose_baselines(split: Split, say: Say) -> dict[str, Fit]:
    if isinstance(split.features, SeriesFeatures):
        return forecast_baselines(split, say)
    return (
        sequence_baselines(split, say) if isinstance(split.features, SequenceFeatures) else text_baselines(split, say)
    )

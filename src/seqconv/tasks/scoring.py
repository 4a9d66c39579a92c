"""Common-sense baselines, fitted and scored on exactly the rows, tokens and steps that the network sees.

A fitted one answers as a network does, and is saved and read as one.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from seqconv.errors import BundleError, DataError
from seqconv.metrics.bootstrap import paired_interval
from seqconv.metrics.comparison import Comparison
from seqconv.metrics.errors import Metrics, example_errors, score_classes, score_forecast
from seqconv.models.bundle import Bundle
from seqconv.networks.inputs import Targets, TokenInputs, WindowInputs
from seqconv.networks.network import Inputs, Model
from seqconv.tasks.baselines import BaselineModel, Candidate, Majority, Say, class_loss
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.sequence.baselines import Rocket, Warping, sequence_baselines
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.baselines import Boosting, Ridge, forecast_baselines
from seqconv.tasks.series.features import Features, SeriesFeatures
from seqconv.tasks.series.naive import Repeat
from seqconv.tasks.series.windows import block_length
from seqconv.tasks.text.baselines import NbSvm, TfIdf, text_baselines

KEPT = 2**24  # outputs of a baseline that a run keeps; beyond, a long horizon, they are quick to give again


KINDS: dict[str, type[BaselineModel]] = {
    "majority": Majority,
    "tf-idf": TfIdf,
    "nb-svm": NbSvm,
    "dtw": Warping,
    "rocket": Rocket,
    "naive": Repeat,
    "seasonal": Repeat,
    "ridge": Ridge,
    "boosting": Boosting,
}


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline and its scores.

    Args:
        kind: one of `config.BASELINES`.
        validation, test: metrics, as the network's.
        seconds: to build its features, fit and score, all of it.
        answers: on the validation and the test rows.
    """

    kind: str
    name: str
    model: BaselineModel
    validation: Metrics
    test: Metrics
    seconds: float
    answers: "tuple[Answer, Answer]"

    @property
    def validation_outputs(self) -> np.ndarray:
        """Shaped like the network's outputs: logits, or scaled forecasts."""
        return self.answers[0].outputs

    @property
    def test_outputs(self) -> np.ndarray:
        """As on the validation rows."""
        return self.answers[1].outputs


@dataclass(frozen=True)
class Answer:
    """Outputs of a baseline; many are not kept, but given again where they are wanted.

    Args:
        kept: None: too many.
    """

    model: BaselineModel
    inputs: Inputs
    kept: np.ndarray | None

    @property
    def outputs(self) -> np.ndarray:
        """The outputs `[N, outputs]`."""
        return self.model.predict(self.inputs) if self.kept is None else self.kept


def fit_baselines(split: Split, say: Say = lambda text: None, asked: str = "", others: bool = True) -> list[Baseline]:
    """Every baseline that fits the task, the simplest first; settings are chosen on the validation rows.

    Texts: "majority class", "TF-IDF + logistic regression", "NB-SVM". Sequences: "majority class", "1-NN with dynamic
    time warping", "ROCKET". Forecasts: "naive (last value)", "seasonal naive (same hour yesterday)" (or the day of
    last week, ...), "ridge on the window", "gradient boosting".

    Args:
        say: hears which baseline comes next, and why one is left out or sees fewer rows.
        asked: kind of the one that must be among them; empty: none.
        others: fit the others too.

    Raises:
        DataError: the one that is asked for does not fit the data.
    """
    candidates = _list_candidates(split, say)
    for kind, name, fit in candidates:
        if kind == asked and isinstance(fit, str):
            raise DataError(f"--model {kind}: must fit the data; {name} does not: {fit}. Choose another")
    found = []
    for kind, name, fit in candidates:
        if not others and kind != asked:
            continue
        if isinstance(fit, str):
            say(f"{name}: left out, {fit}")
            continue
        say(name)
        found.append(_score(kind, name, fit, split))
    return found


def _list_candidates(split: Split, say: Say) -> list[Candidate]:
    if isinstance(split.features, SeriesFeatures):
        return forecast_baselines(split)
    return (
        sequence_baselines(split, say) if isinstance(split.features, SequenceFeatures) else text_baselines(split, say)
    )


def _score(kind: str, name: str, fit: Callable[[], BaselineModel], split: Split) -> Baseline:
    judge, started = _judge(split.features), time.perf_counter()
    model = fit()
    scores, answers = [], []
    for part in (split.validation, split.test):
        outputs = model.predict(part.inputs)
        scores.append(judge(outputs, part.targets))
        answers.append(Answer(model, part.inputs, outputs if outputs.size <= KEPT else None))
    seconds = time.perf_counter() - started
    return Baseline(kind, name, model, scores[0], scores[1], seconds, (answers[0], answers[1]))


def _judge(features: Features) -> Callable[..., Metrics]:
    if isinstance(features, SeriesFeatures):
        return partial(score_forecast, scale=features.output_scale)
    return partial(score_classes, loss=class_loss(features))


def pack(model: BaselineModel) -> dict[str, np.ndarray]:
    """The arrays of a fitted baseline by name."""
    return {each.name: getattr(model, each.name) for each in fields(model) if each.name != "features"}


def restore(bundle: Bundle) -> BaselineModel:
    """The baseline that a bundle holds.

    Raises:
        BundleError: arrays that are not those of its kind, or do not fit each other.
    """
    name, arrays, wrong = bundle.recipe.training.model, bundle.weights, "must hold the arrays of a whole baseline"
    names = {each.name for each in fields(KINDS[name])} - {"features"}
    for other in sorted(names ^ arrays.keys()):
        state = "absent" if other in names else "not one of them"
        raise BundleError(f"model {name}: {wrong}; {other!r} is {state}. Train again")
    model = KINDS[name](bundle.features, **arrays)
    try:
        # nothing is as telling as an answer: one for an empty example
        shape = model.predict(_blank(bundle.shape)).shape
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise BundleError(f"model {name}: {wrong}; {error!r}. Train again") from error
    if shape != (1, bundle.features.outputs):
        raise BundleError(f"model {name}: {wrong}; it answers with shape {shape}. Train again")
    return model


def _blank(shape: tuple[int, ...]) -> Inputs:
    if len(shape) == 1:
        return TokenInputs(np.zeros((1, *shape), np.int32))
    times = np.datetime64(0, "s") + np.arange(shape[0])
    return WindowInputs(np.zeros(shape, np.float32), np.array([shape[0]]), shape[0], 1, times)


@dataclass(frozen=True)
class Evaluation:
    """The network's metrics and outputs `[N, outputs]` on the validation and the test rows.

    Args:
        test_ends: of its intervals before calibration, `[2, N, outputs]`; None: it has none.
    """

    validation: Metrics
    test: Metrics
    validation_outputs: np.ndarray
    test_outputs: np.ndarray
    test_ends: np.ndarray | None


def evaluate(model: Model, split: Split, loss: str) -> Evaluation:
    """Predict and score the validation and the test rows."""
    parts = split.validation, split.test
    raw = [model.predict(part.inputs) for part in parts]
    validation, test = (part.finish(outputs) for part, outputs in zip(parts, raw, strict=True))
    return Evaluation(
        score_outputs(validation, split.validation.targets, split, loss),
        score_outputs(test, split.test.targets, split, loss),
        validation,
        test,
        split.test.finish_ends(raw[1]),
    )


def score_outputs(outputs: np.ndarray, targets: Targets, split: Split, loss: str) -> Metrics:
    """What training prints of outputs `[N, outputs]` on some rows of a split."""
    if isinstance(split.features, SeriesFeatures):
        return score_forecast(outputs, targets, split.features.output_scale)
    return score_classes(outputs, targets, loss)


def compare(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split, loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against each baseline on the test rows, the strongest first: the one with the best validation metric.

    Args:
        outputs: of the network for the test rows.
        loss: the network's; the as-printed one also decides what counts as right. Baselines give logits.
    """
    ordered = sorted(baselines, key=_weakness)
    others = ((each.name, each.test_outputs) for each in ordered)
    return _compare(outputs, others, split.test, split, loss, seed)


def find_better(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split, loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against the baselines that are better by more than noise on the validation rows, the best first.

    Args:
        outputs: of the network for the validation rows.
    """
    others = ((each.name, each.validation_outputs) for each in sorted(baselines, key=_weakness))
    return [each for each in _compare(outputs, others, split.validation, split, loss, seed) if each.high < 0]


def _compare(
    outputs: np.ndarray, others: Iterable[tuple[str, np.ndarray]], part: Part, split: Split, loss: str, seed: int
) -> list[Comparison]:
    errors = example_errors(outputs, part.targets, loss)
    others_loss = "binary_crossentropy" if loss == "as_printed" else loss
    features = split.features
    block = block_length(features.spec, len(errors)) if isinstance(features, SeriesFeatures) else 1
    return [
        Comparison(name, *paired_interval(errors, example_errors(each, part.targets, others_loss), block, seed))
        for name, each in others
    ]


def _weakness(baseline: Baseline) -> float:
    scores = baseline.validation
    return scores["mae_scaled"] if "mae_scaled" in scores else -scores["f1" if "f1" in scores else "accuracy"]

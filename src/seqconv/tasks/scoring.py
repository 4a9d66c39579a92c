"""Scores the trained model and its baselines on the rows of a split."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqconv.errors import OptionError
from seqconv.metrics.bootstrap import paired_interval
from seqconv.metrics.class_scores import CalibrationChange
from seqconv.metrics.comparison import Comparison
from seqconv.metrics.errors import Metrics
from seqconv.networks.network import Model
from seqconv.tasks.baselines import AnyBaseline, Candidate, Say, suggest_others
from seqconv.tasks.examples import ModelInputs, Part, Split, merge_validation
from seqconv.tasks.stacking import find_temperature
from seqconv.tasks.target import Target
from seqconv.tasks.task import Task

KEPT = 2**24  # outputs of a baseline that a run keeps; more of them (long horizons) are computed again when needed


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline and its scores.

    Args:
        kind: its key in the task's table of baselines.
        model: None: it is the network of a blend, which the bundle holds.
        spoken: its name in a sentence.
        validation, test: metrics, the same as for the network.
        seconds: to build its features, fit and score it.
        answers: on the validation and the test rows.
        target: with its own thresholds; None: as the network's.
        calibration: what temperature scaling has changed; None: it has none.
    """

    kind: str
    name: str
    spoken: str
    model: AnyBaseline | None
    validation: Metrics
    test: Metrics
    seconds: float
    answers: "tuple[Answer, Answer]"
    target: Target | None = None
    calibration: CalibrationChange | None = None

    @property
    def validation_outputs(self) -> np.ndarray:
        """Logits or scaled forecasts, in the shape of the network's outputs."""
        return self.answers[0].outputs

    @property
    def test_outputs(self) -> np.ndarray:
        """The same for the test rows."""
        return self.answers[1].outputs


@dataclass(frozen=True)
class Answer:
    """Outputs of a baseline, computed again when needed if there are too many to keep.

    Args:
        kept: the outputs; None: too many.
    """

    model: AnyBaseline | None
    inputs: ModelInputs
    kept: np.ndarray | None

    @property
    def outputs(self) -> np.ndarray:
        """The outputs `[N, outputs]`."""
        if self.kept is not None:
            return self.kept
        assert self.model is not None
        return self.model.predict(self.inputs)


def fit_baselines(
    task: Task,
    split: Split[Any, Any],
    say: Say = lambda text: None,
    asked: str = "",
    others: bool = True,
    tuned: Target | None = None,
    blended: Sequence[str] = (),
) -> list[Baseline]:
    """Fit every baseline that suits the data, the simplest first; settings are chosen on the validation rows.

    Args:
        say: reports which baseline is next, and why one is left out or fitted on fewer rows.
        asked: kind that must be among them; empty: none.
        others: also fit the others.
        tuned: has the thresholds; None: each baseline has its own.
        blended: kinds that are fitted if they suit the data, even without the others.

    Raises:
        DataError: the one that is asked for does not fit the data.
    """
    candidates = task.list_baselines(split, say)
    for kind, name, fit, _ in candidates:
        if kind == asked and isinstance(fit, str):
            cure = suggest_others(candidates)
            raise OptionError(f"model {kind}: must fit the data; {name} does not: {fit}. {cure}")
    found = []
    for candidate in candidates:
        wanted = candidate.kind in blended or (others and candidate.usual)
        if candidate.kind != asked and (not wanted or candidate.kind in split.left_out):
            continue
        if isinstance(candidate.fit, str):
            say(f"{candidate.name}: skipped, {candidate.fit}")
            continue
        say(candidate.name)
        found.append(fit_and_score(candidate, task.baselines[candidate.kind].spoken, split, tuned))
    return found


def refit_baseline(task: Task, split: Split[Any, Any], fitted: Baseline) -> Baseline:
    """The baseline fitted again, on training and validation rows; its validation scores are those of the first fit.

    One that fits itself to all rows, those of the test too, keeps all scores of the first fit.
    """
    assert fitted.model is not None
    if (own := fitted.model.refit(split)) is not fitted.model:
        return replace(fitted, model=own)
    whole = replace(split, train=merge_validation(split.training).train)
    (again,) = fit_baselines(task, whole, asked=fitted.kind, others=False, tuned=fitted.target)
    seconds, answers = fitted.seconds + again.seconds, (fitted.answers[0], again.answers[1])
    return replace(again, validation=fitted.validation, seconds=seconds, answers=answers)


def fit_and_score(candidate: Candidate, spoken: str, split: Split[Any, Any], tuned: Target | None) -> Baseline:
    """One baseline, see `fit_baselines`."""
    assert not isinstance(candidate.fit, str)
    target, started = split.features.target if tuned is None else tuned, time.perf_counter()
    model, factor = _calibrate(candidate.fit(), split)
    scores, answers = [], []
    for part in (split.validation, split.test):
        outputs = model.predict(part.inputs)
        if tuned is None:
            target = tuned = target.tune(outputs, part.targets, target.loss)
        scores.append(split.features.measure(outputs, part, target.loss, target))
        answers.append(Answer(model, part.inputs, outputs if outputs.size <= KEPT else None))
    seconds = time.perf_counter() - started
    kind, name = candidate.kind, candidate.name
    found = (answers[0], answers[1])
    change = _compare_calibration(answers[1].outputs, factor, split) if factor != 1 else None
    return Baseline(kind, name, spoken or name, model, scores[0], scores[1], seconds, found, target, change)


def _calibrate(model: AnyBaseline, split: Split[Any, Any]) -> tuple[AnyBaseline, float]:
    """A model of classes with its logits times the factor that makes them probabilities of the validation rows."""
    target, part = split.features.target, split.validation
    if not target.fraction or model.times(1.0) is None:
        return model, 1.0
    factor = find_temperature(model.predict(part.inputs), part.targets, target.loss, part.weights)
    return model.times(factor) or model, factor


def _compare_calibration(outputs: np.ndarray, factor: float, split: Split[Any, Any]) -> CalibrationChange:
    """Calibration errors for the test rows without and with a factor that the outputs have."""
    target, truth = split.features.target, split.test.targets
    pair = (target.probabilities(each.astype(np.float64)) for each in (outputs / factor, outputs))
    before, after = (target.measure_calibration(each, truth) for each in pair)
    return CalibrationChange(before, after, "temperature scaling")


@dataclass(frozen=True)
class Evaluation:
    """The network's metrics and outputs `[N, outputs]` on the validation and the test rows.

    Args:
        test_bounds, validation_bounds: of its intervals, or quantiles, before calibration, `[Q, N, outputs]`; None: it
            has none.
    """

    validation: Metrics
    test: Metrics
    validation_outputs: np.ndarray
    test_outputs: np.ndarray
    test_bounds: np.ndarray | None
    validation_bounds: np.ndarray | None = None

    def bound(self, count: int) -> "Evaluation":
        """The same for a model with so many bounds or quantiles: where it gives none they begin as its answers."""
        if not count or self.test_bounds is not None:
            return self
        test, validation = (np.stack([each] * count) for each in (self.test_outputs, self.validation_outputs))
        return replace(self, test_bounds=test, validation_bounds=validation)


def evaluate(model: Model, split: Split[Any, Any], loss: str) -> Evaluation:
    """Predict and score the validation and the test rows."""
    parts, target = (split.validation, split.test), split.features.target
    raw = [model.predict(part.inputs) for part in parts]
    validation, test = (part.finish(outputs) for part, outputs in zip(parts, raw, strict=True))
    return Evaluation(
        split.features.measure(validation, split.validation, loss),
        split.features.measure(test, split.test, loss),
        validation,
        test,
        split.test.finish_bounds(raw[1], bool(target.levels)),
        split.validation.finish_bounds(raw[0], bool(target.levels)),
    )


def compare(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split[Any, Any], loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against each baseline on the test rows, the strongest first: the one with the best validation metric.

    Errors count as `weigh_errors` says.

    Args:
        outputs: of the network for the test rows.
        loss: the network's; the as-printed one also decides what counts as right. Baselines give logits.
    """
    others = ((each, each.test, each.test_outputs) for each in _sort(baselines, split))
    return _compare(outputs, others, split.test, split, loss, seed)


def find_better(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split[Any, Any], loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against the baselines that are better by more than noise on the validation rows, the best first.

    Args:
        outputs: of the network for the validation rows.
    """
    others = ((each, each.validation, each.validation_outputs) for each in _sort(baselines, split))
    return [each for each in _compare(outputs, others, split.validation, split, loss, seed) if each.high < 0]


def _compare(
    outputs: np.ndarray,
    others: Iterable[tuple[Baseline, Metrics, np.ndarray]],
    part: Part[Any],
    split: Split[Any, Any],
    loss: str,
    seed: int,
) -> list[Comparison]:
    target = split.features.target
    found = weigh_errors(part, target)
    weights = 1.0 if found is None else found
    errors = target.errors(outputs, part.targets, loss) * weights
    block = split.features.block(len(errors))
    comparisons = []
    for baseline, metrics, theirs in others:
        own = baseline.target or target
        interval = paired_interval(errors, own.errors(theirs, part.targets, own.loss) * weights, block, seed)
        score = target.show_score(metrics)
        comparisons.append(Comparison(baseline.name, *interval, spoken=baseline.spoken, score=score))
    return comparisons


def weigh_errors(part: Part[Any], target: Target) -> np.ndarray | None:
    """What an error counts for each example where models are compared, `[N]`; None: all count the same.

    That is what the rule of the thresholds says, or else what the examples weigh in training.
    """
    costs = target.costs(part.targets)
    return part.example_weights if costs is None else costs


def _sort(baselines: Sequence[Baseline], split: Split[Any, Any]) -> list[Baseline]:
    """The best on the validation rows first."""
    return sorted(baselines, key=lambda each: split.features.target.rank(each.validation))

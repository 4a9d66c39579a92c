"""What is predicted of labelled examples, texts or sequences: classes or a number."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqconv.errors import ConfigError, DataError
from seqconv.metrics.records import Json
from seqconv.networks.losses import CLASS_LOSSES
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks import entries
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.entries import Entry, Spread
from seqconv.tasks.labels import fit_target, take_labels
from seqconv.tasks.scaling import find_spread
from seqconv.tasks.steps import StepNumber
from seqconv.tasks.values import Number

Outcome = ClassTarget | Number
COVERAGE = 0.9  # of the intervals around numbers, unless the user says otherwise
NOTE = f"coverage: intervals that should hold {100 * COVERAGE:g} %"


@dataclass(frozen=True, kw_only=True)
class NumberEntry(Entry):
    """What `bundle.json` holds of a number to predict."""

    name: str
    mean: entries.Number
    std: Spread
    margins: list[entries.Number] | None = None
    quantiles: list[entries.Level] | None = None  # levels
    values: list[entries.Number] | None = None  # of one that takes a few only

    def __post_init__(self) -> None:
        if self.values is not None and (len(self.values) < 2 or (np.diff(self.values) <= 0).any()):
            raise ValueError(f".values must be two or more numbers, ascending; got {self.values!r:.40}")
        entries.check_margins(self.margins, 1, self.quantiles)

    @classmethod
    def of(cls, target: Number) -> "NumberEntry":
        """The entry of a number."""
        (name,), mean, std = target.names, target.mean.item(), target.std.item()
        values = target.values.tolist() if isinstance(target, StepNumber) else None
        margins, levels = (list(each) or None for each in (target.margins, target.levels))
        return cls(name=name, mean=mean, std=std, margins=margins, quantiles=levels, values=values)

    @property
    def target(self) -> Number:
        """The number."""
        found = self.name, self.mean, self.std, tuple(self.margins or ()), tuple(self.quantiles or ())
        return (
            Number.of(*found) if self.values is None else replace(StepNumber.of(*found), values=np.array(self.values))
        )


def check_either(classes: list[str] | None, number: NumberEntry | None) -> None:
    """Check that an entry has either classes or a number.

    Raises:
        ValueError: it does not.
    """
    if (classes is None) == (number is None):
        raise ValueError(".classes must be there, or a number; not both")


def fit_outcome(train: Any, config: TrainingConfig, known: np.ndarray | None = None) -> Outcome:
    """What is predicted of labelled training examples.

    Args:
        known: numbers of all examples, if one that takes a few values may be fitted as classes: the loss says so.

    Raises:
        DataError: a number that is always the same.
        ConfigError: a setting that is for the other kind alone.
        SeqconvError: see `labels.fit_target`.
    """
    number = getattr(train, "number", "")
    if not number:
        if config.levels:
            name = "quantiles" if config.quantiles else "coverage"
            must = "is for numbers that are predicted"
            raise ConfigError(f"training.{name} {must}; the labels are classes. Leave it out")
        return fit_target(train, config).judge_by(config.metric)
    for name in ("class_weight", "threshold", "positive"):
        if getattr(config, name) != getattr(TrainingConfig, name):
            raise ConfigError(f"training.{name} is for classes; numbers are predicted. Leave it out")
    std = find_spread(train.labels)
    if not std:
        got = f"{number!r} is always {train.labels[0]:g}"
        raise DataError(f"{train.source}: must have a target that varies in the training rows; {got}. Give other data")
    if known is not None and config.loss in CLASS_LOSSES:
        return StepNumber.fit(number, train.labels, known, config.quantiles).judge_by(config.metric)
    return Number.of(number, float(train.labels.mean()), std, levels=config.quantiles).judge_by(config.metric)


def take_outcomes(part: Any, target: Outcome) -> tuple[Any, np.ndarray]:
    """Labelled examples for a trained model, and their targets.

    Raises:
        DataError: no labels, unknown labels, or classes where numbers are predicted.
    """
    if isinstance(target, ClassTarget):
        return take_labels(part, target)
    if not getattr(part, "number", ""):
        raise DataError(f"{part.source}: must hold numbers, {target.names[0]!r}; got classes. Pass --target")
    return part, target.encode(part.labels)


def calibrate_outcome(target: Outcome, bounds: np.ndarray, targets: np.ndarray, coverage: float) -> Outcome:
    """A number with intervals calibrated, see `Features.calibrate`; classes as they are."""
    if isinstance(target, ClassTarget):
        return target
    return target.calibrate(bounds, targets, coverage)


def answer_outcomes(target: Outcome, outputs: np.ndarray) -> np.ndarray:
    """Probability of each class, float32 `[N, classes]`; or a number and the bounds of its interval or its quantiles,
    if there are any, float64 `[N, 1 + bounds]`."""
    if isinstance(target, ClassTarget):
        return target.probabilities(outputs)
    return np.stack([*target.answer(outputs).values()], axis=1)


def describe_outcome(bundle: AnyBundle) -> Json:
    """Classes and their thresholds, or the number that is predicted and the coverage of its intervals or the levels of
    its quantiles."""
    target: Outcome = bundle.features.target
    if isinstance(target, ClassTarget):
        return {**target.describe(), **target.describe_thresholds()}
    return {**target.describe(), **target.describe_bounds(bundle.recipe.training.coverage)}

"""Baselines of every task: fitting, saving, restoring and limiting their cost."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated, Any, Generic, NamedTuple, Self, TypeVar, get_type_hints

import numpy as np

from seqconv.errors import ConfigError, OptionError
from seqconv.networks.layers.base import Shape
from seqconv.tasks.entries import LARGEST
from seqconv.tasks.examples import Features, ModelInputs, Part, Split

Say = Callable[[str], None]
Arrays = dict[str, np.ndarray]
OwnFeatures = TypeVar("OwnFeatures", bound=Features)
OwnInputs = TypeVar("OwnInputs", bound=ModelInputs)

MOST_ROWS = 50_000
PIECE = 4096  # rows of which all classes are listed at once


class Stored(NamedTuple):
    """What a fitted array holds, in the type of its field: `Annotated[np.ndarray, Stored(np.float64, "outputs F")]`.

    Args:
        kind: type of its values.
        shape: its lengths, numbers or names; a name is the same length in all arrays of a model, and what
            `BaselineModel.lengths` says if it is there.
        least, most: range of its values, NaN in none; a name: that length.
    """

    kind: type[np.generic]
    shape: str
    least: float = -LARGEST
    most: float | str = LARGEST

    def check(self, name: str, array: np.ndarray, lengths: dict[str, int]) -> None:
        """Check an array, and add the lengths that it gives to `lengths`.

        Raises:
            ValueError: it is of another type or shape, or a value is out of range.
        """
        names = self.shape.split()
        if array.ndim == len(names):
            for each, length in zip(names, array.shape, strict=True):
                lengths.setdefault(each, int(each) if each.isdecimal() else length)
        wanted = [str(lengths.get(each, each)) for each in names]
        if array.dtype != self.kind or [str(length) for length in array.shape] != wanted:
            shape, kind = ", ".join(wanted), np.dtype(self.kind).name
            raise ValueError(f"{name} must be {kind} [{shape}]; got {array.dtype} {list(array.shape)}")
        if not array.size:
            return
        low, high = float(array.min()), float(array.max())
        most = lengths[self.most] if isinstance(self.most, str) else self.most
        if not self.least <= low <= high <= most:
            span = "finite" if self.most == LARGEST == -self.least else f"from {self.least:g} to {most:g}"
            raise ValueError(f"{name} must be {span}; got {low:g} to {high:g}")


@dataclass(frozen=True)
class BaselineModel(ABC, Generic[OwnFeatures, OwnInputs]):
    """A fitted baseline; every field but `features` is an array, so that it can be saved and restored."""

    features: OwnFeatures

    @abstractmethod
    def predict(self, inputs: OwnInputs) -> np.ndarray:
        """Outputs `[N, outputs]` for N examples, comparable with the targets: logits or scaled forecasts."""

    def refit(self, split: "Split[Any, Any]") -> Self:
        """The model to keep: with the settings that were chosen, fitted to all rows if that makes a difference."""
        return self

    def fit_to(self, split: "Split[Any, Any]") -> Self:
        """The same model with the same settings, fitted to the training rows of another split; for members of blends.

        Raises:
            TypeError: its kind is in no blend.
        """
        raise TypeError(f"{type(self).__name__}: must define fit_to to be in a blend")

    def draw(self, inputs: Any) -> str:
        """What `predict` computes as operators of ONNX: the name of the outputs, float64 `[B, outputs]`.

        Args:
            inputs: of a graph, see `tasks.graphs.GraphInputs`.

        Raises:
            ConfigError: there are no such operators.
        """
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()
        raise ConfigError(
            f"export: ONNX has no operators for this model ({kind}). Export a network or another baseline"
        )

    def go_on(self, split: "Split[Any, Any]", rows: int) -> Self:
        """The model learned on from the training rows of another split, which may have more classes.

        Args:
            rows: how many it has learned from so far.

        Raises:
            OptionError: its kind can only be fitted to all rows at once.
        """
        must = "must be fitted to the old rows together with the newer ones"
        raise OptionError(f"the model {type(self).__name__.lower()} {must}. Put the old data back where they lay")

    def times(self, factor: float) -> Self | None:
        """The same model of classes with its logits times a factor; None: what it fits makes them probabilities."""
        return None

    def prune(self, keep: float) -> Self:
        """A smaller model, with the fraction `keep` of its features; the same where it has none to leave out."""
        return self

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        """Stored arrays of any version, with what a former one did not have."""
        return arrays

    @property
    def arrays(self) -> Arrays:
        """All fitted arrays by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "features"}

    @property
    def lengths(self) -> dict[str, int]:
        """The lengths that features give, by their names in `Stored.shape`."""
        return {"outputs": self.features.target.outputs}

    def check(self) -> None:
        """Check what types, shapes and ranges of the arrays do not say.

        Raises:
            ValueError: they do not fit together.
        """


AnyBaseline = BaselineModel[Any, Any]
Fit = Callable[[], AnyBaseline]


class BaselineKind(NamedTuple):
    """A kind of baseline.

    Args:
        model: class of the fitted baseline.
        spoken: its name in a sentence; empty: the same as in tables.
    """

    model: type[AnyBaseline]
    spoken: str = ""


class Candidate(NamedTuple):
    """A baseline to fit.

    Args:
        kind: its key in the task's table of baselines, which is also its name in `training.model`.
        name: its name in tables.
        fit: fits it; a text instead: why it is left out.
        usual: fitted without being asked for.
    """

    kind: str
    name: str
    fit: Fit | str
    usual: bool = True


def suggest_others(candidates: Iterable[Candidate]) -> str:
    """What to do where the one that was asked for does not fit the data."""
    found = [each.kind for each in candidates if not isinstance(each.fit, str)]
    return f"Choose {' or '.join([', '.join(found[:-1]), found[-1]] if found[1:] else found)}"


def restore(kinds: Mapping[str, BaselineKind], name: str, features: Features, arrays: Arrays) -> AnyBaseline:
    """A fitted baseline from its arrays."""
    return kinds[name].model(features, **arrays)


def check_arrays(
    kinds: Mapping[str, BaselineKind], name: str, features: Features, arrays: Arrays, shape: Shape
) -> None:
    """Check that `restore` can be given these arrays; for files.

    Args:
        shape: of one example.

    Raises:
        ValueError: they are not those of its kind, or do not fit together; what predicting raises then too.
    """
    model_class = kinds[name].model
    names = {each.name for each in fields(model_class)} - {"features"}
    for other in sorted(names ^ arrays.keys()):
        raise ValueError(f"{other!r} is {'absent' if other in names else f'no array of the model {name}'}")
    model = restore(kinds, name, features, arrays)
    check_fields(model)
    # the surest check is to predict, here for an empty example
    found = model.predict(features.blank()).shape
    if found != (1, features.target.outputs):
        raise ValueError(f"the arrays of the model {name} must give {features.target.outputs} outputs; got {found[1:]}")


def check_fields(model: AnyBaseline) -> None:
    """Check that each array of a model is as its field says, and that they fit together.

    Raises:
        ValueError: one is not, or they do not.
    """
    hints, lengths = get_type_hints(type(model), include_extras=True), dict(model.lengths)
    for each, array in model.arrays.items():
        hints[each].__metadata__[0].check(each, array, lengths)
    model.check()


def thin(rows: np.ndarray, most: int = MOST_ROWS) -> np.ndarray:
    """At most that many rows, evenly spaced: neighbours add little, and baselines must stay cheaper than training."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)])


def thin_part(part: Part[OwnInputs], most: int = MOST_ROWS) -> Part[OwnInputs]:
    """At most that many examples of a part, evenly spaced."""
    count = len(part.targets)
    return part if count <= most else part.take(thin(np.arange(count), most))


@dataclass(frozen=True)
class Majority(BaselineModel[Any, Any]):
    """Always predicts the most frequent class, or the labels that most examples have.

    Args:
        logits: of the class frequencies, `[outputs]`.
    """

    logits: Annotated[np.ndarray, Stored(np.float64, "outputs")]

    def predict(self, inputs: ModelInputs) -> np.ndarray:
        return np.tile(self.logits, (len(inputs), 1))

    def draw(self, inputs: Any) -> str:
        found: str = inputs.graph.repeat(self.logits, inputs.network)
        return found


def fit_majority(split: Split[Any, Any]) -> Majority:
    """Fit class frequencies to the training rows."""
    target, targets = split.features.target, np.asarray(split.train.targets)
    pieces = (targets[first : first + PIECE] for first in range(0, len(targets), PIECE))
    found = np.sum([target.members(each).sum(axis=0) for each in pieces], axis=0)
    # add-one smoothing: a class that training never saw must not cost an infinite loss
    inside, outside = found + 1.0, len(targets) - found + 1.0
    if target.loss == "categorical_crossentropy":
        return Majority(split.features, np.log(inside / inside.sum()))
    return Majority(split.features, np.log(inside / (inside + outside)) - np.log(outside / (inside + outside)))


def members(split: Split[Any, Any]) -> np.ndarray:
    """Which training rows belong to the class of each output, bool `[N, outputs]`."""
    return np.asarray(split.features.target.members(np.asarray(split.train.targets)))


NO_CLASSES, NO_NUMBERS = "it predicts classes, and the labels are numbers", "it predicts numbers, not classes"
AVERAGES: dict[str, Callable[[np.ndarray], np.floating[Any]]] = {"mean": np.mean, "median": np.median}


@dataclass(frozen=True)
class Constant(BaselineModel[Any, Any]):
    """The same number for every example.

    Args:
        value: scaled, one number.
    """

    value: Annotated[np.ndarray, Stored(np.float64, "1")]

    def predict(self, inputs: ModelInputs) -> np.ndarray:
        found: np.ndarray = self.features.target.hold(self.value.item(), len(inputs))
        return found

    def draw(self, inputs: Any) -> str:
        found: str = inputs.graph.repeat(self.features.target.hold(self.value.item(), 1)[0], inputs.network)
        return found


def fit_constant(split: Split[Any, Any], find: Callable[[np.ndarray], np.floating[Any]]) -> Constant:
    """The average of the training targets, as `find` gives it."""
    truths = split.features.target.to_truths(split.train.targets)
    return Constant(split.features, np.array([float(find(np.asarray(truths, np.float64)))]))


def list_simplest(split: Split[Any, Any]) -> list[Candidate]:
    """The baselines that read nothing of an example: the majority class, or averages of numbers."""
    classes = split.features.target.fraction
    numbers = [
        Candidate(name, f"training {name}", NO_NUMBERS if classes else partial(fit_constant, split, find), not classes)
        for name, find in AVERAGES.items()
    ]
    majority = partial(fit_majority, split) if classes else NO_CLASSES
    return [Candidate("majority", "majority class", majority, classes), *numbers]


SIMPLEST = {
    "majority": BaselineKind(Majority, "the majority class"),
    **{name: BaselineKind(Constant, f"the {name} of the training rows") for name in AVERAGES},
}

"""Baselines of every task: fitting, saving, restoring and limiting their cost."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from seqconv.errors import BundleError, shorten
from seqconv.networks.inputs import Inputs, blank_inputs
from seqconv.networks.layers.base import Shape
from seqconv.tasks.examples import Features, Part, Split

Say = Callable[[str], None]
Arrays = dict[str, np.ndarray]
OwnFeatures = TypeVar("OwnFeatures", bound=Features)
OwnInputs = TypeVar("OwnInputs", bound=Inputs)

MOST_ROWS = 50_000


@dataclass(frozen=True)
class BaselineModel(ABC, Generic[OwnFeatures, OwnInputs]):
    """A fitted baseline; every field but `features` is an array, so that it can be saved and restored."""

    features: OwnFeatures

    @abstractmethod
    def predict(self, inputs: OwnInputs) -> np.ndarray:
        """Outputs `[N, outputs]` for N examples, comparable with the targets: logits or scaled forecasts."""

    @property
    def arrays(self) -> Arrays:
        """All fitted arrays by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "features"}


AnyBaseline = BaselineModel[Any, Any]
Fit = Callable[[], AnyBaseline]


class BaselineKind(NamedTuple):
    """A kind of baseline.

    Args:
        model: class of the fitted baseline.
        spoken: its name in a sentence; empty: the same as in tables.
        refits: it needs no validation rows, so that it can be fitted again with them.
    """

    model: type[AnyBaseline]
    spoken: str = ""
    refits: bool = False


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


def restore(
    kinds: Mapping[str, BaselineKind], name: str, features: Features, arrays: Arrays, shape: Shape
) -> AnyBaseline:
    """Restore a fitted baseline from its arrays.

    Args:
        shape: of one example.

    Raises:
        BundleError: the arrays are not those of its kind, or do not fit together.
    """
    model_class, wrong = kinds[name].model, "must hold the arrays of a whole baseline"
    names = {each.name for each in fields(model_class)} - {"features"}
    for other in sorted(names ^ arrays.keys()):
        state = "absent" if other in names else "not one of them"
        raise BundleError(f"model {name}: {wrong}; {other!r} is {state}. Train again")
    for array_name, array in arrays.items():
        # a tree with fewer nodes has thresholds of infinity; NaN is never one
        odd = np.isnan(array) if array_name == "thresholds" else ~np.isfinite(array)
        if odd.any():
            raise BundleError(f"model {name}: {wrong}; {array_name} holds NaN or infinity. Train again")
    model = model_class(features, **arrays)
    try:
        # the surest check is to predict, here for an empty example
        found = model.predict(blank_inputs(shape)).shape
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise BundleError(f"model {name}: {wrong}; {shorten(repr(error))}. Train again") from error
    if found != (1, features.target.outputs):
        raise BundleError(f"model {name}: {wrong}; it answers with shape {found}. Train again")
    return model


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

    logits: np.ndarray

    def predict(self, inputs: Inputs) -> np.ndarray:
        return np.tile(self.logits, (len(inputs), 1))


def fit_majority(split: Split[Any, Any]) -> Majority:
    """Fit class frequencies to the training rows."""
    target = split.features.target
    found = members(split)
    # add-one smoothing: a class that training never saw must not cost an infinite loss
    inside, outside = found.sum(axis=0) + 1.0, (~found).sum(axis=0) + 1.0
    if target.loss == "categorical_crossentropy":
        return Majority(split.features, np.log(inside / inside.sum()))
    return Majority(split.features, np.log(inside / (inside + outside)) - np.log(outside / (inside + outside)))


def members(split: Split[Any, Any]) -> np.ndarray:
    """Which training rows belong to the class of each output, bool `[N, outputs]`."""
    return np.asarray(split.features.target.members(np.asarray(split.train.targets)))

"""What the baselines of every task share: how one is fitted, what it is then, what keeps it from dwarfing training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqconv.networks.network import Inputs
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.features import Features
from seqconv.tasks.text.features import TextFeatures

Say = Callable[[str], None]

MOST_ROWS = 50_000


@dataclass(frozen=True)
class BaselineModel:
    """A fitted baseline; every field but the features is an array, so that it can be written and read again."""

    features: Features

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs `[N, outputs]` of N examples as they stand beside the targets: logits, or scaled forecasts."""
        raise NotImplementedError


Fit = Callable[[], BaselineModel]


class Candidate(NamedTuple):
    """A baseline that may be fitted.

    Args:
        kind: one of `config.BASELINES`.
        name: as people read it.
        fit: or why it is left out.
    """

    kind: str
    name: str
    fit: Fit | str


def thin(rows: np.ndarray, most: int = MOST_ROWS) -> np.ndarray:
    """At most so many rows, evenly spaced: neighbours tell little new, and a baseline must not dwarf the training."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)])


def thin_part(part: Part, most: int = MOST_ROWS) -> Part:
    """The part with at most so many examples, evenly spaced."""
    count = len(part.targets)
    return part if count <= most else part.take(thin(np.arange(count), most))


def class_loss(features: Features) -> str:
    """The loss that reads a classifier's logits."""
    assert isinstance(features, TextFeatures | SequenceFeatures)
    return "binary_crossentropy" if features.multi_label or features.outputs == 1 else "categorical_crossentropy"


def members(split: Split) -> np.ndarray:
    """For each output of a classifier, which training rows are of its class, bool `[N, outputs]`."""
    targets = np.asarray(split.train.targets)
    if targets.ndim == 2:
        return np.asarray(targets > 0)
    return np.asarray(targets[:, None] == np.arange(split.features.outputs))


@dataclass(frozen=True)
class Majority(BaselineModel):
    """Always the most frequent class, or those that most texts have.

    Args:
        logits: `[outputs]`, of the class shares.
    """

    logits: np.ndarray

    def predict(self, inputs: Inputs) -> np.ndarray:
        return np.tile(self.logits, (len(inputs), 1))


def fit_majority(split: Split) -> Majority:
    """The class shares of the training rows."""
    # one more of each: a class that training never saw must not cost an infinite loss
    found = members(split)
    inside, outside = found.sum(axis=0) + 1.0, (~found).sum(axis=0) + 1.0
    if class_loss(split.features) == "categorical_crossentropy":
        return Majority(split.features, np.log(inside / inside.sum()))
    return Majority(split.features, np.log(inside / (inside + outside)) - np.log(outside / (inside + outside)))

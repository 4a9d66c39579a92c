"""What the baselines of every task share: how one is fitted, judged and kept from dwarfing the training."""

from collections.abc import Callable

import numpy as np

from seqconv.features import Features, SequenceFeatures, SeriesFeatures, TextFeatures
from seqconv.splits import Part, Split

Predict = Callable[[Part], np.ndarray]  # a fitted baseline: outputs [N, outputs] of any part
Fit = Callable[[], Predict]
Say = Callable[[str], None]

MOST_ROWS = 50_000


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


def forecasting(split: Split) -> SeriesFeatures:
    """The split's features, which are a forecaster's."""
    assert isinstance(split.features, SeriesFeatures)
    return split.features


def members(split: Split) -> np.ndarray:
    """For each output of a classifier, which training rows are of its class, bool `[N, outputs]`."""
    targets = np.asarray(split.train.targets)
    if targets.ndim == 2:
        return np.asarray(targets > 0)
    return np.asarray(targets[:, None] == np.arange(split.features.outputs))


def guess_majority(split: Split) -> Predict:
    """The class shares of the training rows, as logits: always the most frequent class, or those most texts have."""
    # one more of each: a class that training never saw must not cost an infinite loss
    found = members(split)
    inside, outside = found.sum(axis=0) + 1.0, (~found).sum(axis=0) + 1.0
    if class_loss(split.features) == "categorical_crossentropy":
        row = np.log(inside / inside.sum())
    else:
        row = np.log(inside / (inside + outside)) - np.log(outside / (inside + outside))
    return lambda part: np.tile(row, (len(part.targets), 1))

"""Precision and recall of a class at every threshold of its probability, and the threshold that a rule asks for."""

from dataclasses import dataclass

import numpy as np

from seqconv.metrics.records import Record

MOST_POINTS = 101  # of a curve that is kept


@dataclass(frozen=True)
class Point(Record):
    """Precision and recall where the class is assigned above a threshold; precision is NaN if it never is."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Curve(Record):
    """Precision and recall of one class.

    Args:
        average_precision: area under the curve, as scikit-learn has it.
        chosen: at the threshold of the model.
        points: from the highest threshold to the lowest.
    """

    class_: str
    average_precision: float
    chosen: Point
    points: list[Point]


@dataclass(frozen=True)
class Cuts:
    """Every way to cut N examples in two by the probability of a class, the highest threshold first.

    Args:
        thresholds: half way between two neighbouring probabilities, float64 `[K]`; the first assigns none.
        right, wrong: examples of the class, and others, above each threshold, `[K]`.
        support: examples of the class.
    """

    thresholds: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    support: int

    @classmethod
    def of(cls, probabilities: np.ndarray, holds: np.ndarray) -> "Cuts":
        """Of probabilities `[N]` and whether each example is of the class, bool `[N]`."""
        order = np.argsort(-probabilities, kind="stable")
        ranked, right = probabilities[order].astype(np.float64), np.cumsum(holds[order])
        last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each run of equal probabilities
        above, below = ranked[last], np.append(ranked[last[1:]], 0.0 if ranked[-1] > 0 else -1.0)
        thresholds = np.concatenate([[(1 + ranked[0]) / 2], (above + below) / 2])
        found = np.concatenate([[0], right[last]])
        return cls(thresholds, found, np.concatenate([[0], last + 1 - right[last]]), int(holds.sum()))

    @property
    def precision(self) -> np.ndarray:
        """`[K]`; NaN for the first."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.right / (self.right + self.wrong))

    @property
    def recall(self) -> np.ndarray:
        """`[K]`; 0 if no example is of the class."""
        return np.asarray(self.right / max(self.support, 1))

    @property
    def average_precision(self) -> float:
        """The area under precision and recall, in steps."""
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))

    def draw(self, name: str, threshold: float, probabilities: np.ndarray, holds: np.ndarray) -> Curve:
        """The curve, with the point at the model's threshold."""
        precision, recall = self.precision, self.recall
        above = probabilities > threshold
        hits = int(np.sum(above & holds))
        chosen = Point(threshold, hits / int(above.sum()) if above.any() else float("nan"), hits / max(self.support, 1))
        kept = np.arange(1, len(recall))  # precision says nothing where none is assigned
        if len(kept) > MOST_POINTS:  # spread over the recall, not over the examples, most of which may be of no class
            kept = np.unique(np.searchsorted(recall[1:], np.linspace(0, recall[-1], MOST_POINTS))) + 1
        points = [Point(*each) for each in np.stack([self.thresholds, precision, recall], axis=1)[kept].tolist()]
        return Curve(name, self.average_precision, chosen, points)


def maximise_f1(cuts: Cuts) -> int:
    """The cut with the highest F1."""
    return int(np.argmax(2 * cuts.right / np.maximum(cuts.right + cuts.wrong + cuts.support, 1)))


def reach_precision(cuts: Cuts, wanted: float) -> int:
    """The cut with the highest recall among those of at least this precision; if there is none, the most precise."""
    precision = np.nan_to_num(cuts.precision, nan=-1.0)
    enough = np.flatnonzero(precision >= wanted)
    if not len(enough):
        return int(np.argmax(precision))
    return int(enough[np.lexsort((-precision[enough], -cuts.right[enough]))[0]])


def reach_recall(cuts: Cuts, wanted: float) -> int:
    """The most precise cut among those of at least this recall."""
    enough = np.flatnonzero(cuts.recall >= wanted)
    return int(enough[np.argmax(np.nan_to_num(cuts.precision[enough], nan=-1.0))])


def minimise_cost(cuts: Cuts, false_positive: float, false_negative: float) -> int:
    """The cut whose wrongly assigned and missed examples cost least."""
    return int(np.argmin(false_positive * cuts.wrong + false_negative * (cuts.support - cuts.right)))

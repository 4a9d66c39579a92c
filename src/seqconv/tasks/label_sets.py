"""Several labels at once as a target."""

import numpy as np

from seqconv.metrics.class_metrics import NAMES
from seqconv.metrics.comparison import Score
from seqconv.metrics.errors import Metrics, compare_labels
from seqconv.networks.inputs import Targets
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.thresholds import THRESHOLD


class Labels(ClassTarget):
    """Any number of labels per example; each output is the logit of one label."""

    metric = "f1"
    judges = ("f1", *(name for name in NAMES if name != "balanced_accuracy"))
    error = "f1_error"
    several = True
    loss = "binary_crossentropy"

    def show_score(self, metrics: Metrics) -> str:
        return f"{metrics[self.metric]:.3f}"

    def say_score(self, metrics: Metrics, rows: str) -> Score:
        return Score(f"F1 {self.show_score(metrics)} on {metrics['n']:,} unseen {rows}")

    @property
    def outputs(self) -> int:
        return len(self.names)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """0 and 1, float32 `[N, classes]`."""
        return labels.astype(np.float32)

    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """1 for labels whose probability is above the threshold; without any, whose logit is above 0."""
        if self.thresholds:
            return self.decide(self.probabilities(outputs, loss))
        return np.asarray(outputs > 0, np.int64)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        known = dict(self.thresholds)
        return np.asarray(probabilities > np.array([known.get(name, THRESHOLD) for name in self.names]), np.int64)

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """1 - F1 of the predicted and the true labels; 0 if there are none of either."""
        return compare_labels(self.choose(outputs), np.asarray(targets) > 0)

    def name_answers(self, probabilities: np.ndarray) -> list[list[str]]:
        """The labels with a probability above their threshold, if any."""
        return [
            [name for name, each in zip(self.names, row, strict=True) if each] for row in self.decide(probabilities)
        ]

    def indicate(self, classes: np.ndarray) -> np.ndarray:
        return np.asarray(classes, np.float64)

    def members(self, targets: np.ndarray) -> np.ndarray:
        return np.asarray(targets > 0)

    def explained(self, outputs: np.ndarray) -> list[int]:
        """All."""
        return list(range(len(self.names)))

"""What the answers are: one class of several, several labels at once (`classes`), or numbers (`values`).

A target alone knows how a model's outputs become answers and errors. Shapes: two classes have outputs and targets
`[N, 1]`, targets of 0 and 1; more classes outputs `[N, classes]` and targets `[N]`, class indices; labels both
`[N, classes]`, targets of 0 and 1; numbers both `[N, outputs]`, in standard deviations of the training rows.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from seqconv.metrics.errors import Metrics
from seqconv.networks.inputs import Targets

Columns = dict[str, np.ndarray | list[str]]


class Target(ABC):
    """What every kind of answer says of itself.

    Attributes:
        metric: the score that people read first: `accuracy`, `f1` or `mae`.
        error: the mean of `errors`: `error_rate`, `f1_error` or `mae`.
        names: of the classes, or of the columns that are forecast.
    """

    metric: ClassVar[str]
    error: ClassVar[str]
    names: tuple[str, ...]

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Values that a model returns for an example."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The loss that reads a baseline's outputs: logits, or scaled numbers."""

    @abstractmethod
    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """Error of each example, float64 `[N]`, which every comparison of models resamples."""

    @abstractmethod
    def to_metric(self, error: Any) -> Any:
        """The metric that an error amounts to; numbers or arrays."""

    @abstractmethod
    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """What training reports: the metric and its companions, and `n`."""

    @abstractmethod
    def rank(self, metrics: Metrics) -> float:
        """A number that is smaller for better metrics."""

    @abstractmethod
    def measure_change(self, before: np.ndarray, after: np.ndarray, loss: str) -> dict[str, float]:
        """By how much a model's answers differ from those of its first version."""

    @abstractmethod
    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """What the metrics of a comparison of runs are means of, by name, `[N]`; the smaller, the better."""

    @abstractmethod
    def describe(self) -> dict[str, list[str]]:
        """`classes` or `targets`: the names."""

    def errors_in_units(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The errors in units that models fitted on other rows share, float64 `[N]`."""
        return self.errors(outputs, targets, loss)

    @abstractmethod
    def to_arrays(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, times: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """What a run keeps of its test outputs, by name: `outputs` and `targets` at least."""

    def confusion(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[list[int]] | None:
        """Examples by true class (row) and predicted class (column); None: an answer is not one class."""
        return None


def to_number(value: Any) -> float | None:
    """What JSON can hold: null where a broken model answers with no number."""
    return float(value) if np.isfinite(value) else None

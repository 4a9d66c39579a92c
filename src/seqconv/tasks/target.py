"""Targets: what the answers are. One of several classes, several labels at once (`classes`), or numbers (`values`).

Only a target turns outputs into answers and errors. Shapes: for two classes outputs and targets are `[N, 1]`, targets 0
or 1; for more classes outputs are `[N, classes]` and targets `[N]`, class indices; for labels both are `[N, classes]`,
targets 0 or 1; for numbers both are `[N, outputs]`, in standard deviations of the training rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, cast

import numpy as np

from seqconv.errors import ConfigError, OptionError, nearest
from seqconv.metrics.comparison import Score
from seqconv.metrics.errors import Metrics, rank_metric
from seqconv.metrics.precision_recall import Curve
from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CLASS_LOSSES
from seqconv.tasks.profiles import Sample

Columns = dict[str, np.ndarray | list[str]]


class Target(ABC):
    """The interface of every kind of answer.

    Attributes:
        metric: the score that people read first: `accuracy`, `f1` or `mae`.
        error: the mean of `errors`: `error_rate`, `f1_error` or `mae`.
        fraction: whether an error is a fraction, from 0 to 1.
        names: of the classes, or of the columns that are forecast.
        levels: of the quantiles that are predicted; of intervals none.
        judges: metrics by which models may be chosen.
        judged: the one by which they are; empty: the usual ones.
    """

    metric: ClassVar[str]
    error: ClassVar[str]
    fraction: ClassVar[bool] = False
    names: tuple[str, ...]
    levels: tuple[float, ...] = ()
    judges: ClassVar[tuple[str, ...]] = ()
    judged: str = ""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of values that a model returns for an example."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The loss for the outputs of baselines: logits, or scaled numbers."""

    @abstractmethod
    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """Error of each example, float64 `[N]`; comparisons of models resample it."""

    @abstractmethod
    def to_metric(self, error: Any) -> Any:
        """The metric for an error; numbers or arrays."""

    @abstractmethod
    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """What training reports: the metric, related scores, and `n`."""

    def measure_more(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """Further metrics of the field, by name, among them all of `judges`."""
        return {}

    def judge_by(self, name: str) -> Self:
        """The same for models that are chosen by this metric; empty: by the usual ones.

        Raises:
            ConfigError: these answers have no such metric.
        """
        if not name:
            return self
        if name not in self.judges:
            of = "classes" if self.fraction else "numbers"
            must = f"training.metric must be one of {', '.join(self.judges)} for {of} like these"
            hint = nearest(name, self.judges)
            raise ConfigError(f"{must}; got {name!r}. {hint if hint.startswith('Did') else 'Choose one of them'}")
        chosen: Any = self  # a dataclass, as every target is
        return cast(Self, replace(chosen, judged=name))

    @abstractmethod
    def show_score(self, metrics: Metrics) -> str:
        """The score that people read first, of what `measure` gives, with its unit."""

    @abstractmethod
    def say_score(self, metrics: Metrics, rows: str) -> Score:
        """The same as the beginning of a sentence.

        Args:
            rows: what the examples are: "texts".
        """

    def rank(self, metrics: Metrics) -> float:
        """A number that is smaller for better metrics, by the metric that models are judged by."""
        name = self.judged or self.metric
        return rank_metric(name, metrics[name])

    @abstractmethod
    def measure_change(
        self, before: np.ndarray, after: np.ndarray, loss: str, changed: "Target | None" = None
    ) -> dict[str, float]:
        """How much the answers of a changed model differ from those before.

        Args:
            changed: the target of the changed model, which may have other thresholds; None: this one.
        """

    @abstractmethod
    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """Values per example whose means a comparison of runs reports, by name, `[N]`; smaller is better."""

    @abstractmethod
    def describe(self) -> dict[str, list[str]]:
        """`classes` or `targets`: the names."""

    @property
    def fits_classes(self) -> bool:
        """Whether models are fitted to classes, each with a logit, rather than to numbers."""
        return self.loss in CLASS_LOSSES

    @property
    def tunes(self) -> bool:
        """Whether `tune` chooses anything."""
        return False

    @property
    def choice(self) -> str:
        """What it has chosen, in a sentence without its end; empty: nothing."""
        return ""

    def tune(self, outputs: np.ndarray, targets: Targets, loss: str) -> Self:
        """The same with what is chosen on validation examples: thresholds of classes."""
        return self

    def choose_factors(
        self, outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """What each model's outputs are multiplied by in the sum that is a blend, `[models]` or `[models, outputs]`.

        Args:
            outputs: for validation examples, of the network, then of baselines, the simplest first.
            weights: factors of the losses, see `Part.weights`.

        Raises:
            TypeError: there are no blends of such answers.
        """
        raise TypeError(f"{type(self).__name__}: must define choose_factors to be answered by a blend")

    def weigh(self, outputs: Sequence[np.ndarray], factors: np.ndarray) -> np.ndarray:
        """What each model makes up of a blend with these factors, 0 to 1, `[models]`."""
        each = factors.reshape(len(factors), -1).mean(axis=1)
        return np.asarray(each / each.sum())

    def check_factors(self, factors: np.ndarray) -> None:  # noqa: B027
        """Check factors as they are read from a file, finite and not negative.

        Raises:
            ValueError: `choose_factors` gives no such factors.
        """

    def costs(self, targets: Targets) -> np.ndarray | None:
        """What an error costs for each example where models are compared, their mean 1, `[N]`; None: the same."""
        return None

    def draw_curves(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[Curve]:
        """Precision and recall of classes; empty: none are drawn."""
        return []

    def list_top(self, count: int) -> Self:
        """The same that lists, with each answer, the most probable classes, so many of them.

        Raises:
            OptionError: there are no classes.
        """
        raise OptionError("top needs a model of classes; this one forecasts numbers. Leave it out")

    def errors_in_units(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The errors in units that do not depend on the training rows, float64 `[N]`."""
        return self.errors(outputs, targets, loss)

    @abstractmethod
    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Arrays that a run saves for its test rows, by name: at least `outputs` and `targets`.

        Args:
            outputs, bounds, targets: of the test rows.
            times, keys: see `tasks.examples.Part`.
        """

    @abstractmethod
    def sample(self, outputs: np.ndarray, loss: str) -> list[Sample]:
        """The answers that outputs `[N, outputs]` stand for, to compare their distributions."""

    def rates(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, loss: str
    ) -> dict[str, np.ndarray]:
        """Values whose means say how good answers are, by name, `[N]`: the smaller, the better."""
        return {self.error: self.errors_in_units(outputs, targets, loss)}

    def confusion(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[list[int]] | None:
        """Examples by true class (row) and predicted class (column); None: no single classes, or too many."""
        return None


def to_number(value: Any) -> float | None:
    """A number for JSON: None if it is not finite."""
    return float(value) if np.isfinite(value) else None

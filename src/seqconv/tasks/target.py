"""What the answers are: one class of several, several labels at once, or numbers.

A target alone knows how a model's outputs become answers and errors. Shapes: two classes have outputs and targets
`[N, 1]`, targets of 0 and 1; more classes outputs `[N, classes]` and targets `[N]`, class indices; labels both
`[N, classes]`, targets of 0 and 1; numbers both `[N, outputs]`, in standard deviations of the training rows.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqconv.errors import ConfigError, DataError, nearest
from seqconv.metrics.class_scores import Judged, Scores, count_confusions, score_classes
from seqconv.metrics.errors import Metrics, compare_labels, measure_forecasts
from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CLIP, example_losses
from seqconv.networks.outputs import probabilities, take_ends, widen

MOST_WRITTEN = 2**24  # forecast values that a run keeps of its test rows
MOST_PROBABILITIES = 20  # classes up to which every probability is written
THRESHOLD = 0.5  # probability above which a label holds, where an example may have several
Columns = dict[str, np.ndarray | list[str]]
Json = dict[str, Any]


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


@dataclass(frozen=True)
class Named(Target):
    """Named classes: what `Classes` and `Labels` share.

    Args:
        names: in the order of the outputs.
    """

    names: tuple[str, ...]
    several: ClassVar[bool]

    def to_metric(self, error: Any) -> Any:
        return 1 - error

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`loss`, the metric (0 to 1) and `n`."""
        error = float(self.errors(outputs, targets, loss).mean())
        mean_loss = float(example_losses(outputs, targets, loss).mean())
        return {"loss": mean_loss, self.metric: self.to_metric(error), "n": len(targets)}

    def rank(self, metrics: Metrics) -> float:
        return -metrics[self.metric]

    def measure_change(self, before: np.ndarray, after: np.ndarray, loss: str) -> dict[str, float]:
        """`changed`: the fraction of the examples with another answer."""
        differ = self.choose(before, loss) != self.choose(after, loss)
        return {"changed": float(differ.reshape(len(differ), -1).any(axis=1).mean())}

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """The error and `log_loss`."""
        return {
            self.error: self.errors(outputs, targets, loss),
            "log_loss": example_losses(outputs, targets, loss),
        }

    def to_arrays(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, times: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        return {"outputs": outputs, "targets": np.asarray(targets)}

    def describe(self) -> dict[str, list[str]]:
        return {"classes": list(self.names)}

    @abstractmethod
    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Labels as targets."""

    @abstractmethod
    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """The answer to each example: class indices int64 `[N]`, or 0 and 1 `[N, classes]` for several labels."""

    @abstractmethod
    def name(self, chances: np.ndarray) -> list[list[str]]:
        """The answer to each example by name, of probabilities `[N, classes]`."""

    @abstractmethod
    def indicate(self, classes: np.ndarray) -> np.ndarray:
        """0 or 1 for each class, float64 `[N, classes]`, of answers as `choose` gives them, or of targets."""

    @abstractmethod
    def members(self, targets: np.ndarray) -> np.ndarray:
        """Which examples are of the class of each output, bool `[N, outputs]`."""

    def probabilities(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """Probability of each class, `[N, classes]`; the as-printed loss takes the output itself for one."""
        if loss == "as_printed":
            positive = np.clip(outputs, CLIP, 1 - CLIP)
            return np.concatenate([1 - positive, positive], axis=1)
        return probabilities(outputs, self.several)

    def score(self, outputs: np.ndarray, targets: Targets, loss: str, seed: int = 0) -> Scores:
        """See `metrics.class_scores.score_classes`."""
        targets = np.asarray(targets)
        judged = Judged(
            self.indicate(self.choose(outputs, loss)),
            self.indicate(targets),
            self.probabilities(outputs.astype(np.float64), loss),
            self.errors(outputs, targets, loss),
            example_losses(outputs, targets, loss),
        )
        return score_classes(judged, self.names, self.metric, self.several, seed)

    def to_columns(self, chances: np.ndarray) -> Columns:
        """The answer and each class's probability; of very many classes only that of the answer."""
        found: Columns = {"prediction": ["|".join(names) for names in self.name(chances)]}
        if len(self.names) <= MOST_PROBABILITIES:
            return found | {f"probability of {name}": each for name, each in zip(self.names, chances.T, strict=True)}
        return found | {"probability": chances.max(axis=1)}

    def to_json(self, chances: np.ndarray) -> list[Json]:
        """The same as one object for each example."""
        found = []
        for names, row in zip(self.name(chances), chances, strict=True):
            answer: Json = {"prediction": names if self.several else names[0]}
            if len(self.names) <= MOST_PROBABILITIES:
                answer["probabilities"] = dict(zip(self.names, map(to_number, row), strict=True))
            else:
                answer["probability"] = to_number(row.max())
            found.append(answer)
        return found

    def find(self, name: str) -> int:
        """Place of a class that the user names.

        Raises:
            ConfigError: there is none of this name.
        """
        if name not in self.names:
            raise ConfigError(f"--class: unknown class {name!r}. {nearest(name, self.names)}")
        return self.names.index(name)

    def choose_explained(self, outputs: np.ndarray, name: str | None) -> list[int]:
        """Places of the classes whose logits are explained: the one named, or what `explained` says.

        Args:
            outputs: of one example, `[1, outputs]`.

        Raises:
            DataError: outputs that are no numbers.
            ConfigError: no such class.
        """
        if not np.isfinite(outputs).all():
            raise DataError(
                f"the model's answer must be a number; got {outputs.ravel()[0]}. Its training failed: train again"
            )
        return self.explained(outputs) if name is None else [self.find(name)]

    @abstractmethod
    def explained(self, outputs: np.ndarray) -> list[int]:
        """Places of the classes that are explained unless the user names one."""

    def locate(self, place: int) -> tuple[int, int]:
        """The output that is a class's logit, and its sign there."""
        return (0, 2 * place - 1) if self.outputs == 1 else (place, 1)


class Classes(Named):
    """One class an example; of two classes the output is the logit of the second."""

    metric = "accuracy"
    error = "error_rate"
    several = False

    @property
    def outputs(self) -> int:
        return 1 if len(self.names) == 2 else len(self.names)

    @property
    def loss(self) -> str:
        return "binary_crossentropy" if self.outputs == 1 else "categorical_crossentropy"

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Class indices as float32 `[N, 1]` of two classes, int32 `[N]` of more."""
        return labels.astype(np.float32)[:, None] if self.outputs == 1 else labels.astype(np.int32)

    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """The largest output, or the side of the middle that the only one lies on."""
        if self.outputs > 1:
            return np.asarray(outputs.argmax(axis=1))
        return np.asarray(outputs[:, 0] > (0.5 if loss == "as_printed" else 0.0), np.int64)

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """1 for a wrong class, else 0.

        `as_printed` counts as Keras 2 did: the rounded output must equal the target, so an output of 1.6 is wrong.
        """
        targets = np.asarray(targets)
        if loss == "as_printed":
            return np.asarray(np.round(outputs[:, 0]) != targets[:, 0], np.float64)
        return np.asarray(self.choose(outputs, loss) != targets.reshape(-1), np.float64)

    def confusion(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[list[int]]:
        return count_confusions(self.indicate(self.choose(outputs, loss)), self.indicate(np.asarray(targets)))

    def name(self, chances: np.ndarray) -> list[list[str]]:
        """The most probable class."""
        return [[self.names[place]] for place in chances.argmax(axis=1)]

    def indicate(self, classes: np.ndarray) -> np.ndarray:
        return np.asarray(classes.reshape(-1, 1).astype(np.int64) == np.arange(len(self.names)), np.float64)

    def members(self, targets: np.ndarray) -> np.ndarray:
        return targets > 0 if self.outputs == 1 else targets[:, None] == np.arange(self.outputs)

    def explained(self, outputs: np.ndarray) -> list[int]:
        """Of two classes the second, whose logit it is; of more the predicted one."""
        return [1] if self.outputs == 1 else [int(outputs[0].argmax())]


class Labels(Named):
    """Several labels an example, or none; each has an output of its own, its logit."""

    metric = "f1"
    error = "f1_error"
    several = True
    loss = "binary_crossentropy"

    @property
    def outputs(self) -> int:
        return len(self.names)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """0 and 1, float32 `[N, classes]`."""
        return labels.astype(np.float32)

    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """Whose logit is above 0, that is whose probability is above `THRESHOLD`."""
        return np.asarray(outputs > 0, np.int64)

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """1 - F1 of the labels chosen and those that hold; 0 where there are none of either."""
        return compare_labels(self.choose(outputs), np.asarray(targets) > 0)

    def name(self, chances: np.ndarray) -> list[list[str]]:
        """The labels above `THRESHOLD`, or none."""
        return [[name for name, each in zip(self.names, row, strict=True) if each > THRESHOLD] for row in chances]

    def indicate(self, classes: np.ndarray) -> np.ndarray:
        return np.asarray(classes, np.float64)

    def members(self, targets: np.ndarray) -> np.ndarray:
        return np.asarray(targets > 0)

    def explained(self, outputs: np.ndarray) -> list[int]:
        """All."""
        return list(range(len(self.names)))


@dataclass(frozen=True)
class Values(Target):
    """Numbers: for each horizon, in order, one for each target.

    Args:
        names: of the targets.
        horizons: how far ahead each is, as people read it.
        mean, std: of each target in the training rows, in its unit, float64 `[targets]`.
        margins: of each output, by how much its interval is widened, scaled (see `fit_margins`); empty: no intervals.
    """

    names: tuple[str, ...]
    horizons: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    margins: tuple[float, ...] = ()
    metric = "mae"
    error = "mae"
    loss = "mae"

    @property
    def outputs(self) -> int:
        return len(self.horizons) * len(self.names)

    @property
    def scale(self) -> np.ndarray:
        """Standard deviation of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.std, len(self.horizons))

    @property
    def centre(self) -> np.ndarray:
        """Mean of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.mean, len(self.horizons))

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The mean absolute error over the outputs, scaled."""
        return example_losses(outputs, targets, "mae")

    def to_metric(self, error: Any) -> Any:
        return error

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`mae` in the targets' units, `mae_scaled`, `mse_scaled` and `n`."""
        return measure_forecasts(outputs, targets, self.scale)

    def rank(self, metrics: Metrics) -> float:
        return metrics["mae_scaled"]

    def measure_change(self, before: np.ndarray, after: np.ndarray, loss: str) -> dict[str, float]:
        """`moved`: the mean absolute difference, scaled."""
        return {"moved": float(np.abs(after.astype(np.float64) - before).mean())}

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """`mae` of numbers in their units, `[N, H, targets]` both."""
        error = np.abs(outputs.astype(np.float64) - targets).reshape(len(outputs), -1)
        return {"mae": error.mean(axis=1)}

    def errors_in_units(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The mean absolute error over the outputs, each in the unit of its target."""
        return np.asarray((np.abs(outputs.astype(np.float64) - targets) * self.scale).mean(axis=1))

    def to_arrays(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, times: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Forecasts and targets in their units, `[N, H, targets]`, the bounds of intervals `low` and `high`, `times`.

        Of more than `MOST_WRITTEN` values those of evenly spaced examples.
        """
        rows = slice(None, None, -(-outputs.size // MOST_WRITTEN))
        found = {"outputs": outputs[rows], "targets": targets[rows]}
        if bounds is not None:
            found |= dict(zip(("low", "high"), widen(bounds[:, rows], outputs[rows], self.margins), strict=True))
        found = {name: self.unscale(values) for name, values in found.items()}
        return found if times is None else {**found, "times": times[rows]}

    def describe(self) -> dict[str, list[str]]:
        return {"targets": list(self.names)}

    def unscale(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the unit of their target, float32 `[N, H, targets]`."""
        values = np.asarray(outputs * self.scale + self.centre, np.float32)
        return values.reshape(len(outputs), len(self.horizons), len(self.names))

    def finish(self, outputs: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """A network's outputs in the unit of their target, float32 `[N, H, targets]`: point forecasts, and the lower
        and the upper bounds of their intervals, calibrated; None: it has none.

        Args:
            base: what is added to the outputs, `[N, outputs]`.
        """
        point = outputs[:, : self.outputs]
        bounds = take_ends(outputs, self.outputs) if self.margins else None
        forecast = self.unscale(point + base)
        if bounds is None:
            return forecast, None
        return forecast, [self.unscale(bound + base) for bound in widen(bounds, point, self.margins)]


def to_number(value: Any) -> float | None:
    """What JSON can hold: null where a broken model answers with no number."""
    return float(value) if np.isfinite(value) else None

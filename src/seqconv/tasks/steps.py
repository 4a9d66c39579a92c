"""A number that takes a few values only, such as stars: the target between classes and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from seqconv.errors import DataError
from seqconv.metrics.errors import Metrics
from seqconv.networks.inputs import Targets
from seqconv.tasks.classes import Classes
from seqconv.tasks.scaling import find_spread
from seqconv.tasks.target import Target
from seqconv.tasks.values import Number

MOST = 20  # values of a number that are steps, unless the user says otherwise


@dataclass(frozen=True)
class StepNumber(Number):
    """A number of a few values: fitted as classes, one for each value, and answered by the median of their
    probabilities, which has the smallest absolute error.

    A regression would be drawn to the middle, where there may be no value at all: who likes a film gives it the highest
    mark, however much.

    Args:
        values: that occur in training, ascending, float64 `[K]`.

    Reference: Koren and Sill 2011, "OrdRec: an ordinal model for predicting personalized item rating distributions",
        RecSys (answers by a statistic of predicted distributions of marks).
    """

    values: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def fit(cls, name: str, labels: np.ndarray, known: np.ndarray, levels: tuple[float, ...] = ()) -> Self:
        """The number with this name of training rows `labels`; all that is known holds the values `known`."""
        found = cls.of(name, float(labels.mean()), find_spread(labels), levels=levels)
        return replace(found, values=np.unique(known))

    @property
    def classes(self) -> Classes:
        """The values as classes."""
        return Classes(tuple(f"{value:g}" for value in self.values))

    @property
    def outputs(self) -> int:
        return self.classes.outputs

    @property
    def loss(self) -> str:  # type: ignore[override]
        return self.classes.loss

    @property
    def scaled(self) -> np.ndarray:
        """The values in standard deviations, `[K]`."""
        return np.asarray((self.values - self.mean) / self.std)

    @property
    def slope(self) -> np.ndarray:
        """What each output counts in a score for higher rather than lower values, `[outputs]`."""
        away = self.scaled - self.scaled.mean()
        return np.asarray(away / np.abs(away).max()) if self.outputs > 1 else np.ones(1)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Numbers `[N]` as classes.

        Raises:
            DataError: one is none of the values.
        """
        places = np.searchsorted(self.values, labels).clip(0, len(self.values) - 1)
        other = self.values[places] != labels
        if other.any():
            known = ", ".join(f"{value:g}" for value in self.values)
            got = f"got {labels[int(np.argmax(other))]:g}"
            must = f"{self.names[0]!r} must be one of its values in training ({known})"
            raise DataError(f"{must}; {got}. Correct it, or train with --set training.loss=mae, which takes any number")
        return self.classes.encode(places.astype(np.int32))

    def members(self, targets: np.ndarray) -> np.ndarray:
        """Which examples belong to the value of each output, bool `[N, outputs]`."""
        return self.classes.members(targets)

    def to_regress(self, targets: np.ndarray) -> np.ndarray:
        return self.classes.to_regress(targets)

    def choose_factors(
        self, outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
    ) -> np.ndarray:
        return self.classes.choose_factors(outputs, targets, loss, weights)

    def weigh(self, outputs: Sequence[np.ndarray], factors: np.ndarray) -> np.ndarray:
        return self.classes.weigh(outputs, factors)

    def check_factors(self, factors: np.ndarray) -> None:
        self.classes.check_factors(factors)

    def to_points(self, outputs: np.ndarray) -> np.ndarray:
        return self.to_quantile(outputs, 0.5)

    def to_quantile(self, outputs: np.ndarray, level: float) -> np.ndarray:
        """The lowest value below or at which lies this probability, scaled, `[N, 1]`."""
        below = np.cumsum(self.classes.probabilities(outputs.astype(np.float64)), axis=1)
        reached = below >= level - 1e-9
        reached[:, -1] = True
        return np.asarray(self.scaled[np.argmax(reached, axis=1)])[:, None]

    def to_truths(self, targets: Targets) -> np.ndarray:
        return np.asarray(self.scaled[np.asarray(targets).reshape(-1).astype(np.int64)])[:, None]

    def to_bounds(self, bounds: np.ndarray) -> np.ndarray:
        pairs = zip(bounds, self.levels or (0.5, 0.5), strict=True)
        return np.stack([self.to_quantile(each, level) for each, level in pairs])

    def hold(self, value: float, count: int) -> np.ndarray:
        """Outputs `[count, outputs]` of a model that always answers one of the values, scaled."""
        place = int(np.argmin(np.abs(self.scaled - value)))
        sure = 40.0 * (np.arange(len(self.values)) == place)
        return np.tile(sure if self.outputs > 1 else sure[1:] - sure[:1], (count, 1))

    def unscale(self, outputs: np.ndarray) -> np.ndarray:
        """As a number's; no bound lies beyond the values."""
        return super().unscale(outputs).clip(self.values[0], self.values[-1])

    def limit(self, values: np.ndarray) -> np.ndarray:
        return values.clip(self.scaled[0], self.scaled[-1])

    def bound(self, outputs: np.ndarray) -> np.ndarray | None:
        return self.to_bounds(np.stack([outputs] * len(self.bounds))) if self.margins else None

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        return super().errors(self.to_points(outputs), self.to_truths(targets), loss)

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        return super().measure(self.to_points(outputs), self.to_truths(targets), loss)

    def measure_more(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        return super().measure_more(self.to_points(outputs), self.to_truths(targets), loss)

    def measure_change(
        self, before: np.ndarray, after: np.ndarray, loss: str, changed: Target | None = None
    ) -> dict[str, float]:
        return super().measure_change(self.to_points(before), self.to_points(after), loss, changed)

    def rates(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, loss: str
    ) -> dict[str, np.ndarray]:
        around = None if bounds is None else self.to_bounds(bounds)
        points, truths = self.to_points(outputs), self.to_truths(targets)
        found = Number.of(self.names[0], self.mean.item(), self.std.item(), self.margins, self.levels)
        return found.rates(points, around, truths, loss)

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        return super().columns_to_compare(self.to_points(outputs), self.to_truths(targets), loss)

    def errors_in_units(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        return super().errors_in_units(self.to_points(outputs), self.to_truths(targets), loss)

    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        around = None if bounds is None else self.to_bounds(bounds)
        return super().to_arrays(self.to_points(outputs), around, self.to_truths(targets), times, keys)

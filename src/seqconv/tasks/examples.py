"""The examples of a run: parts with inputs and targets, the split into parts, and the features that produced them."""

import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from seqconv.metrics.errors import Metrics
from seqconv.metrics.records import Json
from seqconv.networks.inputs import Targets, WindowTargets, blank_inputs
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.outputs import take_bounds, take_point_forecasts
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.profiles import Sample
from seqconv.tasks.target import Target

NAMES = ("train", "validation", "test")
HASHED = 4096  # targets gathered at once

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


class Features(ABC):
    """Turns raw data into inputs and outputs into answers; fitted on training rows.

    A split, a bundle and a predictor use the same object.

    Attributes:
        target: what the answers are.
    """

    target: Target

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """Of one input, without the batch."""

    @abstractmethod
    def write(self, folder: Path) -> Json:
        """The entry in `bundle.json`; anything that does not fit there is written to files in `folder`."""

    @classmethod
    @abstractmethod
    def read(cls, table: Mapping[str, Any], folder: Path, files: Mapping[str, Any]) -> Self:
        """Read back what `write` wrote.

        Args:
            files: names of the files that the bundle lists.

        Raises:
            KeyError, TypeError, ValueError: a table that `write` does not write.
            BundleError: a file that is damaged.
        """

    def blank(self) -> "ModelInputs":
        """One empty example."""
        return blank_inputs(self.shape)

    def block(self, count: int) -> int:
        """How many neighbouring examples, of `count`, are correlated and so resampled together; 1: none."""
        return 1

    def identity(self) -> dict[str, str]:
        """What two models must have in common for their answers to be comparable, by name."""
        return {name: ", ".join(names) for name, names in self.target.describe().items()}

    def check_plan(self, plan: Plan, inputs: int) -> None:  # noqa: B027
        """Check that a plan that reads `inputs` channels fits the answers.

        Raises:
            ConfigError: it does not.
        """

    def check_recipe(self, recipe: AnyRecipe) -> None:  # noqa: B027
        """Check that these are features of models that a recipe trains; the message begins with the field.

        Raises:
            ValueError: they contradict it.
        """

    def describe_start(self) -> str:
        """What it says about the data that no epoch was better than the start; a clause, or nothing."""
        return ""

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, fraction: float) -> Self:
        """The same with intervals calibrated to cover this fraction of the examples, or with quantiles calibrated.

        Args:
            bounds: lower and upper ones, as the network returns them, `[2, N, outputs]`; or quantiles.
            targets: `[N, outputs]`.
        """
        return self

    def aim(self, target: Target) -> Self:
        """The same for a target with other thresholds."""
        return self

    def measure(self, outputs: np.ndarray, part: "Part[Any]", loss: str, target: Target | None = None) -> Metrics:
        """Every metric of a model's outputs for examples.

        Args:
            target: with the model's own thresholds; None: that of these features.
        """
        target = target or self.target
        return target.measure(outputs, part.targets, loss) | target.measure_more(outputs, part.targets, loss)

    def keep(self, part: "Part[Any]", outputs: np.ndarray) -> dict[str, np.ndarray]:
        """What the report of a run shows of some test examples, by name; nothing: what it keeps of all is enough."""
        return {}

    def for_baseline(self) -> Self:
        """The same features for a baseline instead of a network."""
        return self

    def base_of(self, inputs: Any) -> np.ndarray | float:
        """What is added to a network's outputs for these inputs to give answers, `[N, outputs]`; 0: nothing."""
        return 0.0


class ModelInputs(Protocol):
    """What a model reads: N examples."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> Shape:
        """Of one example."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that identify these examples."""

    def take(self, index: np.ndarray) -> Self:
        """The examples at `index`."""

    def join(self, other: Any) -> Self:
        """These examples, followed by the others."""

    def shuffle_order(self, random: np.random.Generator) -> Self:
        """The same examples with the order of each lost."""


AnyInputs = TypeVar("AnyInputs", bound=ModelInputs, covariant=True)
AnyFeatures = TypeVar("AnyFeatures", bound=Features, covariant=True)


@dataclass(frozen=True)
class Part(Generic[AnyInputs]):
    """Examples of one split.

    Args:
        inputs: N examples.
        targets: for two classes float32 `[N, 1]` of 0 and 1; for more classes int32 `[N]`; for several labels per
            example float32 `[N, classes]` of 0 and 1; for forecasts float32 `[N, outputs]`, scaled.
        times: timestamp of each example's first target, datetime64[s] `[N]`; None for classes.
        base: added to the network's outputs to give forecasts, float32 `[N, outputs]`; None: nothing.
        keys: of the examples' raw data, by which they are recognised, see `tasks.seen`, uint64 `[N]`; None: none.
        weights: factors of the losses in training, see `tasks.weights`, float32 `[N, 1]` or `[N, outputs]`; None: 1.
    """

    inputs: AnyInputs
    targets: Targets
    times: np.ndarray | None = None
    base: np.ndarray | None = None
    keys: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def residual_targets(self) -> Targets:
        """What the network itself is fitted to: the targets less `base`."""
        return self.targets if self.base is None else np.asarray(self.targets) - self.base

    @property
    def example_weights(self) -> np.ndarray | None:
        """One weight for each example, `[N]`; None: all weigh the same."""
        return None if self.weights is None else np.asarray(self.weights.mean(axis=1, dtype=np.float64))

    def finish(self, outputs: np.ndarray) -> np.ndarray:
        """Point forecasts or logits, comparable with the targets."""
        return self._add_base(take_point_forecasts(outputs, self.targets))

    def finish_bounds(self, outputs: np.ndarray, quantiles: bool = False) -> np.ndarray | None:
        """Bounds or quantiles, comparable with the targets, `[Q, N, outputs]`; None: there are none.

        Args:
            quantiles: see `take_bounds`.
        """
        bounds = take_bounds(outputs, self.targets.shape[1], quantiles) if self.targets.ndim == 2 else None
        return None if bounds is None else self._add_base(bounds)

    def _add_base(self, answers: np.ndarray) -> np.ndarray:
        return answers if self.base is None else answers + self.base

    def take(self, index: np.ndarray) -> Self:
        """The examples at `index`."""
        times, base, keys, weights = (
            None if each is None else each[index] for each in (self.times, self.base, self.keys, self.weights)
        )
        targets = self.targets.take(index) if isinstance(self.targets, WindowTargets) else self.targets[index]
        inputs: Any = self.inputs.take(index)
        return replace(self, inputs=inputs, targets=targets, times=times, base=base, keys=keys, weights=weights)


@dataclass(frozen=True)
class TrainingData(Generic[AnyFeatures, AnyInputs]):
    """What a network is fitted to: `train`; `validation` (None: no examples) chooses the best epoch."""

    train: Part[AnyInputs]
    validation: Part[AnyInputs] | None
    features: AnyFeatures

    @property
    def untested(self) -> "Split[AnyFeatures, AnyInputs]":
        """The same as a split without test examples: the validation examples stand for them, and for both of these the
        training examples where there are no others."""
        held = self.validation or self.train
        return Split(self.train, held, held, self.features, {})


@dataclass(frozen=True)
class Split(Generic[AnyFeatures, AnyInputs]):
    """The examples of a run, the features that produced them, and `facts` about the data for reports.

    Args:
        example: gives the raw data of a test example, as explanations take it; None: they are not known.
        left_out: kinds of baselines that a time budget has no room for.
        pool: a number for each training and then each validation example, the same for those that stay together, if all
            were drawn from the same rows; None: they were not.
        samples: gives the variables of the training inputs, to compare other data with; None: they are not known.
    """

    train: Part[AnyInputs]
    validation: Part[AnyInputs]
    test: Part[AnyInputs]
    features: AnyFeatures
    facts: dict[str, Any]
    example: Callable[[int], Any] | None = None
    samples: Callable[[], list[Sample]] | None = None
    left_out: frozenset[str] = frozenset()
    pool: np.ndarray | None = None

    def aim(self, target: Target) -> Self:
        """The same with features for a target with other thresholds."""
        return replace(self, features=self.features.aim(target))

    @property
    def training(self) -> TrainingData[AnyFeatures, AnyInputs]:
        """All but the test examples."""
        return TrainingData(self.train, self.validation, self.features)


def merge_validation(data: TrainingData[Any, Any]) -> TrainingData[Any, Any]:
    """The data with the validation examples added to the training examples, for a final fit (`--refit`)."""
    first, second = data.train, data.validation
    if second is None:
        return data
    targets = np.concatenate([first.targets, second.targets])
    times, base, weights = (
        None if one is None or other is None else np.concatenate([one, other])
        for one, other in ((first.times, second.times), (first.base, second.base), (first.weights, second.weights))
    )
    return replace(data, train=Part(first.inputs.join(second.inputs), targets, times, base, weights=weights))


def fingerprint(split: Split[Any, Any]) -> str:
    """SHA-256 of the training examples: models with equal fingerprints were trained on the same data."""
    digest = hashlib.sha256()
    targets = split.train.targets
    pieces = (targets[first : first + HASHED] for first in range(0, len(targets), HASHED))
    weights = [] if split.train.weights is None else [split.train.weights]
    for array in itertools.chain(split.train.inputs.arrays, pieces, weights):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

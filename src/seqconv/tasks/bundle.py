"""A trained model: what its folder holds, and the same in memory with the network or baseline that it makes."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol

from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.network import Model
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.examples import AnyFeatures


@dataclass(frozen=True)
class Bundle(Generic[AnyFeatures]):
    """A finished model.

    Args:
        recipe: its `training.model` says whether it is a network or which baseline.
        plan: a baseline has none.
        weights: of a baseline its arrays, see `tasks.baselines.restore`.
        shape: of one input, without the batch.
        fingerprint: of the training data, see `tasks.examples.fingerprint`.
    """

    recipe: AnyRecipe
    plan: Plan
    weights: Weights
    shape: Shape
    features: AnyFeatures
    fingerprint: str


AnyBundle = Bundle[Any]


class Trained(Protocol):
    """A model in memory, as `models.predictor.Predictor` is."""

    bundle: AnyBundle
    model: Model

"""A trained model: the contents of its folder, and the network or baseline in memory."""

from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol

from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.network import Model
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.examples import AnyFeatures
from seqconv.tasks.profiles import Profile
from seqconv.tasks.seen import Seen


@dataclass(frozen=True)
class Bundle(Generic[AnyFeatures]):
    """A finished model.

    Args:
        recipe: `training.model` is `network` or the name of a baseline.
        plan: empty for a baseline.
        weights: for a baseline its arrays, see `tasks.baselines.restore`.
        shape: of one input, without the batch.
        fingerprint: of the training data, see `tasks.examples.fingerprint`.
        seen: the rows that it was trained on; None: not known.
        profile: what they and the answers are like; None: not known, as of models of earlier versions.
    """

    recipe: AnyRecipe
    plan: Plan
    weights: Weights
    shape: Shape
    features: AnyFeatures
    fingerprint: str
    seen: Seen | None = None
    profile: Profile | None = None


AnyBundle = Bundle[Any]


class Trained(Protocol):
    """A model in memory, such as `models.predictor.Predictor`."""

    bundle: AnyBundle
    model: Model


@dataclass
class Listing:
    """A model in memory that lists the most probable classes with each answer."""

    bundle: AnyBundle
    model: Model

    @classmethod
    def of(cls, trained: Trained, top: int) -> Trained:
        """The same model; 0: as it is.

        Raises:
            OptionError: its answers are no classes.
        """
        if not top:
            return trained
        features = trained.bundle.features
        return cls(replace(trained.bundle, features=features.aim(features.target.list_top(top))), trained.model)

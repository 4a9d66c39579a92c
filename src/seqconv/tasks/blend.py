"""A blend: a network and baselines whose logits are added, each times a factor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from seqconv.networks.layers.base import Weights
from seqconv.networks.network import Model
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.baselines import Arrays
from seqconv.tasks.examples import Split, merge_validation
from seqconv.tasks.scoring import Baseline, Evaluation
from seqconv.tasks.stacking import choose_factors
from seqconv.tasks.target import Target

FACTORS = "factors"  # name of their array, of the network and then the baselines of `Kind.blended`
LEAST = 0.02  # of the blend's logits that a member must make up to stay in it


@dataclass(frozen=True)
class Blend:
    """Several models as one.

    Args:
        models: by their names in `training.model`.
        factors: above 0, of the logits of each.
    """

    models: Mapping[str, Model]
    factors: Mapping[str, float]

    def predict(self, inputs: Any) -> np.ndarray:
        """Logits `[N, outputs]`."""
        return add_logits({name: model.predict(inputs) for name, model in self.models.items()}, self.factors)


def add_logits(outputs: Mapping[str, np.ndarray], factors: Mapping[str, float]) -> np.ndarray:
    """The sum of models' outputs `[N, outputs]`, each times its factor."""
    return np.asarray(sum(factor * outputs[name].astype(np.float64) for name, factor in factors.items()))


class Parts(NamedTuple):
    """What a bundle holds of a blend: the network's weights, the arrays of each baseline in it, and the factors."""

    network: Weights
    members: dict[str, Arrays]
    factors: dict[str, float]


def join_parts(parts: Parts, task: str) -> Weights:
    """All arrays of a blend under names of their own."""
    factors = [parts.factors.get(name, 0.0) for name in _list_names(task)]
    joined = {f"{kind}.{name}": array for kind, own in parts.members.items() for name, array in own.items()}
    return {**parts.network, **joined, FACTORS: np.array(factors)}


def split_parts(weights: Weights, task: str) -> Parts:
    """The parts that `join_parts` joined.

    Raises:
        ValueError: the factors are no factors.
    """
    names, rest = _list_names(task), dict(weights)
    found = rest.pop(FACTORS, np.zeros(0))
    if found.shape != (len(names),) or not np.isfinite(found).all() or (found < 0).any() or not found[0]:
        raise ValueError(f"{FACTORS} must be {len(names)} numbers from 0 on, the first above it; got {found.tolist()}")
    factors = {name: float(factor) for name, factor in zip(names, found, strict=True) if factor}
    members: dict[str, Arrays] = {}
    for kind in KINDS[task].blended:
        own = [name for name in rest if name.startswith(f"{kind}.")]
        if (kind in factors) != bool(own):
            raise ValueError(f"arrays of {kind} must be there where its factor is above 0, and nowhere else")
        if own:
            members[kind] = {name.removeprefix(f"{kind}."): rest.pop(name) for name in own}
    return Parts(rest, members, factors)


def _list_names(task: str) -> tuple[str, ...]:
    return (NETWORK, *KINDS[task].blended)


class Fit(NamedTuple):
    """A fitted blend.

    Args:
        factors: of each member's logits, by its name in `training.model`.
        members: the arrays of its baselines.
        weights: what each member makes up of its logits, 0 to 1.
        target: with the thresholds of its answers.
    """

    factors: dict[str, float]
    members: dict[str, Arrays]
    scored: Evaluation
    weights: dict[str, float]
    target: Target


def fit_blend(
    network: Evaluation, baselines: Sequence[Baseline], split: Split[Any, Any], task: str, loss: str, refit: bool
) -> Fit:
    """Choose how much each model counts, by the validation rows, and score their sum.

    Args:
        network: its outputs; those for the test rows are of the network that is kept.
        refit: the members are fitted again, to training and validation rows, as the network has been.
    """
    found = [each for each in baselines if each.kind in KINDS[task].blended]
    known = {NETWORK: network.validation_outputs} | {each.kind: each.validation_outputs for each in found}
    factors = _choose(known, split, loss)
    whole = replace(split, train=merge_validation(split.training).train) if refit else split
    members, tested = {}, {NETWORK: network.test_outputs}
    for each in found:
        if each.kind in factors and each.model is not None:
            model = each.model.fit_to(whole) if refit else each.model
            members[each.kind] = model.arrays
            tested[each.kind] = model.predict(split.test.inputs) if refit else each.test_outputs
    validation, test = add_logits(known, factors), add_logits(tested, factors)
    target = split.features.target.tune(validation, split.validation.targets, loss)
    scored = Evaluation(
        target.measure(validation, split.validation.targets, loss),
        target.measure(test, split.test.targets, loss),
        validation,
        test,
        None,
    )
    return Fit(factors, members, scored, weigh(known, factors), target)


def _choose(known: Mapping[str, np.ndarray], split: Split[Any, Any], loss: str) -> dict[str, float]:
    """The factors of the models that make up enough of the logits; the network always does."""
    names, part = list(known), split.validation
    while True:
        found = choose_factors([known[name] for name in names], part.targets, loss, part.weights)
        factors = dict(zip(names, found.tolist(), strict=True))
        weights = weigh(known, factors)
        kept = [name for name in names if name == NETWORK or weights[name] >= LEAST]
        if len(kept) == len(names):
            return factors | {NETWORK: max(factors[NETWORK], 1e-6)}
        names = kept


def weigh(outputs: Mapping[str, np.ndarray], factors: Mapping[str, float]) -> dict[str, float]:
    """What each model makes up of the size of the logits, 0 to 1."""
    sizes = {name: factor * float(np.abs(outputs[name]).mean()) for name, factor in factors.items()}
    return {name: size / max(sum(sizes.values()), 1e-12) for name, size in sizes.items()}

"""A blend: a network and baselines whose outputs are added, each times a factor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.layers.base import Weights
from seqconv.networks.network import Model
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.baselines import AnyBaseline, Arrays
from seqconv.tasks.examples import Features, Split, merge_validation
from seqconv.tasks.scoring import Baseline, Evaluation
from seqconv.tasks.target import Target

FACTORS = "factors"  # name of their array, of the network and then the baselines of `Kind.blended`
Factors = dict[str, np.ndarray]  # of each member's outputs, `[]` or `[outputs]`, by its name in `training.model`


@dataclass(frozen=True)
class Blend:
    """Several models as one.

    Args:
        models: by their names in `training.model`; the network, and the baselines that count.
    """

    models: Mapping[str, Model]
    factors: Mapping[str, np.ndarray]
    features: Features

    def predict(self, inputs: Any) -> np.ndarray:
        """Outputs as the network's, `[N, outputs]`: logits, or forecasts less what `Features.base_of` gives, followed
        by the bounds of intervals if the network has any, which keep their distances from its forecasts."""
        network, answers = self.ask(inputs)
        count = self.features.target.outputs
        blended = add_outputs(answers, self.factors) - self.features.base_of(inputs)
        own = network[:, :count]
        bounds = [network[:, first : first + count] - own for first in range(count, network.shape[1], count)]
        return np.concatenate([blended, *(blended + each for each in bounds)], axis=1) if bounds else blended

    def ask(self, inputs: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The network's outputs, and the answer of each model, `[N, outputs]`: logits or scaled forecasts."""
        found = {name: model.predict(inputs) for name, model in self.models.items()}
        point = found[NETWORK][:, : self.features.target.outputs]
        return found[NETWORK], found | {NETWORK: point + self.features.base_of(inputs)}


def add_outputs(outputs: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The sum of models' outputs `[N, outputs]`, each times its factor."""
    return np.asarray(sum(factor * outputs[name].astype(np.float64) for name, factor in factors.items()))


class Parts(NamedTuple):
    """What a bundle holds of a blend: the network's weights, the arrays of each baseline in it, and the factors."""

    network: Weights
    members: dict[str, Arrays]
    factors: Factors


def join_parts(parts: Parts, task: str) -> Weights:
    """All arrays of a blend under names of their own."""
    none = np.zeros_like(parts.factors[NETWORK])
    factors = [parts.factors.get(name, none) for name in _list_names(task)]
    joined = {f"{kind}.{name}": array for kind, own in parts.members.items() for name, array in own.items()}
    return {**parts.network, **joined, FACTORS: np.array(factors, np.float64)}


def split_parts(weights: Weights, task: str) -> Parts:
    """The parts that `join_parts` joined.

    Raises:
        ValueError: the factors are no factors.
    """
    names, rest = _list_names(task), dict(weights)
    found = rest.pop(FACTORS, np.zeros(0))
    if found.shape[:1] != (len(names),) or not np.isfinite(found).all() or (found < 0).any():
        raise ValueError(f"{FACTORS} must be numbers from 0 on for {len(names)} models; got {found.tolist()!r:.80}")
    factors = {name: each for name, each in zip(names, found, strict=True) if name == NETWORK or each.any()}
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
        members: the arrays of its baselines.
        weights: what each member makes up of it, 0 to 1.
        target: with the thresholds of its answers.
    """

    factors: Factors
    members: dict[str, Arrays]
    scored: Evaluation
    weights: dict[str, float]
    target: Target


class Held(NamedTuple):
    """Outputs of models for examples that they were not fitted to.

    Args:
        outputs: of each model, by its name in `training.model`, `[N, outputs]`.
        weights: see `Part.weights`.
    """

    outputs: dict[str, np.ndarray]
    targets: Targets
    weights: np.ndarray | None


def fit_blend(
    network: Evaluation,
    baselines: Sequence[Baseline],
    split: Split[Any, Any],
    task: str,
    loss: str,
    refit: bool,
    held: Held | None = None,
) -> Fit:
    """Choose how much each model counts, by the validation rows, and score their sum.

    Args:
        network: its outputs; those for the test rows are of the network that is kept.
        refit: the members are fitted again, to training and validation rows, as the network has been.
        held: what they are chosen by in place of the validation rows.
    """
    found = [each for each in baselines if each.kind in KINDS[task].blended]
    part, target = split.validation, split.features.target
    known = {NETWORK: network.validation_outputs} | {each.kind: each.validation_outputs for each in found}
    held = held or Held(known, part.targets, part.weights)
    outputs = [held.outputs[name] for name in known]
    chosen = target.choose_factors(outputs, held.targets, loss, held.weights)
    weights = dict(zip(known, target.weigh(outputs, chosen).tolist(), strict=True))
    factors = {name: each for name, each in zip(known, chosen, strict=True) if name == NETWORK or each.any()}
    whole = replace(split, train=merge_validation(split.training).train) if refit else split
    members, tested = {}, {NETWORK: network.test_outputs}
    for each in found:
        if each.kind in factors and each.model is not None:
            model = each.model.fit_to(whole) if refit else each.model
            members[each.kind] = model.arrays
            tested[each.kind] = model.predict(split.test.inputs) if refit else each.test_outputs
    validation = add_outputs(known, factors)
    target = target.tune(validation, part.targets, loss)
    scored = _score(network, split.aim(target), (validation, add_outputs(tested, factors)), loss)
    return Fit(factors, members, scored, {name: weights[name] for name in factors}, target)


def go_on_blend(
    parts: Parts, network: Evaluation, split: Split[Any, Any], models: Mapping[str, AnyBaseline], rows: int, loss: str
) -> Fit:
    """The members of a blend learned on from the examples of another split, with the factors that they have.

    Args:
        parts: of the blend before.
        network: its outputs, which has learned on already.
        models: the other members.
        rows: see `BaselineModel.go_on`.
    """
    whole = replace(split, train=merge_validation(split.training).train)
    held, tested = {NETWORK: network.validation_outputs}, {NETWORK: network.test_outputs}
    members = {}
    for kind, model in models.items():
        held[kind] = model.go_on(split, rows).predict(split.validation.inputs)
        final = model.go_on(whole, rows)
        members[kind], tested[kind] = final.arrays, final.predict(split.test.inputs)
    outputs = add_outputs(held, parts.factors), add_outputs(tested, parts.factors)
    target = split.features.target
    weights = target.weigh(list(held.values()), np.array([parts.factors[name] for name in held]))
    named = dict(zip(held, weights.tolist(), strict=True))
    return Fit(parts.factors, members, _score(network, split, outputs, loss), named, target)


def _score(
    network: Evaluation, split: Split[Any, Any], outputs: tuple[np.ndarray, np.ndarray], loss: str
) -> Evaluation:
    """The scores of a blend's outputs for the validation and the test rows, with its network's bounds around them."""
    validation, test = outputs
    return Evaluation(
        split.features.measure(validation, split.validation, loss),
        split.features.measure(test, split.test, loss),
        validation,
        test,
        _move(network.test_bounds, network.test_outputs, test),
        _move(network.validation_bounds, network.validation_outputs, validation),
    )


def _move(bounds: np.ndarray | None, point: np.ndarray, blended: np.ndarray) -> np.ndarray | None:
    """The network's bounds around the blend's forecasts, see `Blend.predict`."""
    return None if bounds is None else bounds + (blended - point)

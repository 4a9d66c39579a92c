"""What a run has fitted: a network or a baseline as its model, and the baselines that it is compared with."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqconv.data.urls import name_file
from seqconv.metrics.class_scores import CalibrationChange
from seqconv.metrics.comparison import beats_baselines, verdict
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BLEND, KINDS, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import Fit, Held, Parts, fit_blend, go_on_blend, join_parts, split_parts
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.examples import Split, fingerprint
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import BaselineScores, Judgement
from seqconv.tasks.scoring import Answer, Baseline, Evaluation, compare, evaluate, refit_baseline, weigh_errors
from seqconv.tasks.seen import Seen
from seqconv.tasks.task import Answers
from seqconv.training.loop import Trained


@dataclass(frozen=True)
class Fitted:
    """A model and the baselines, fitted and scored on one split.

    Args:
        name: "network", or that of the baseline in its place.
        bundle: holds the model.
        trained: without epochs where the model is a baseline.
        baselines: the others; of a blend its members too.
        weights: of a blend: what each of its members makes up of it, by their names in `training.model`.
        calibration: of its probabilities; None: it has none, or they have not been calibrated.
    """

    name: str
    bundle: AnyBundle
    trained: Trained
    scored: Evaluation
    baselines: list[Baseline]
    weights: dict[str, float] | None = None
    calibration: CalibrationChange | None = None


def blend_models(alone: Fitted, split: Split[Any, Any], held: Held | None = None) -> Fitted:
    """The blend of a fitted network and the baselines next to it that may stand in one.

    Args:
        held: see `fit_blend`.
    """
    scored = alone.scored
    recipe = replace(alone.bundle.recipe, training=replace(alone.bundle.recipe.training, model=BLEND))
    bundle = replace(alone.bundle, recipe=recipe)
    refit = recipe.training.refit
    members = [each for each in alone.baselines if each.kind in recipe.blended]
    blended = fit_blend(scored, members, split, recipe.task, recipe.training.loss, refit, held)
    own_features, bounds = bundle.features.aim(blended.target), blended.scored.validation_bounds
    if bounds is not None:
        own_features = own_features.calibrate(bounds, np.asarray(split.validation.targets), recipe.training.coverage)
    bundle = replace(bundle, features=own_features)
    bundle = replace(bundle, weights=join_parts(Parts(bundle.weights, blended.members, blended.factors), recipe.task))
    if refit:  # the members have been, even where no epoch of the network was better than its start
        bundle = replace(bundle, seen=Seen.of(split.train.keys, split.validation.keys))
    own = replace(describe_network(alone, split), spoken="its network")
    return replace(
        alone,
        name=BLEND,
        bundle=bundle,
        scored=blended.scored,
        baselines=[*alone.baselines, own],
        weights=blended.weights,
        calibration=_compare_mean(alone, blended, split),
    )


def _compare_mean(alone: Fitted, blended: Fit, split: Split[Any, Any]) -> CalibrationChange | None:
    """How well a blend of classes is calibrated for the test rows, next to the mean of its members' probabilities; its
    factors make probabilities of logits by themselves."""
    target, truth = blended.target, split.test.targets
    if not isinstance(target, ClassTarget):
        return None
    members = [each.test_outputs for each in alone.baselines if each.kind in blended.weights]
    shares = [target.probabilities(each.astype(np.float64)) for each in (alone.scored.test_outputs, *members)]
    before = target.measure_calibration(np.mean(shares, axis=0), truth)
    own = target.probabilities(blended.scored.test_outputs.astype(np.float64))
    without = "weights, as a plain mean of its members"
    return CalibrationChange(before, target.measure_calibration(own, truth), without)


def go_on_with(alone: Fitted, split: Split[Any, Any], start: AnyBundle) -> Fitted:
    """The blend of a network that has learned on, and of its members, which do so here.

    Args:
        start: the blend before.
    """
    recipe, task = start.recipe, find_task(start.recipe)
    parts, rows = split_parts(start.weights, recipe.task), count_seen(start, split)
    models = {kind: restore(task.baselines, kind, split.features, own) for kind, own in parts.members.items()}
    found = go_on_blend(parts, alone.scored, split, models, rows, recipe.training.loss)
    weights = join_parts(Parts(alone.bundle.weights, found.members, found.factors), recipe.task)
    bundle = replace(alone.bundle, recipe=recipe, features=start.features, weights=weights)
    return replace(alone, name=BLEND, bundle=bundle, scored=found.scored, weights=found.weights)


def go_on_baseline(start: AnyBundle, split: Split[Any, Any]) -> Fitted:
    """A baseline in place of a network, learned on from the examples of another split.

    Raises:
        OptionError: its kind can only be fitted to all rows at once.
    """
    began, recipe, task = time.perf_counter(), start.recipe, find_task(start.recipe)
    kind, rows = recipe.training.model, count_seen(start, split)
    model = restore(task.baselines, kind, split.features, start.weights).go_on(split, rows)
    scored = evaluate(model, split, recipe.training.loss).bound(len(recipe.training.levels))
    shape, seen = split.train.inputs.shape, Seen.of(split.train.keys)
    bundle = Bundle(recipe, (), model.arrays, shape, split.features, fingerprint(split), seen)
    return Fitted(kind, bundle, Trained((), 0, time.perf_counter() - began), scored, [])


def count_seen(start: AnyBundle, split: Split[Any, Any]) -> int:
    """About how many rows a model was trained on; if it does not know, as many as it gets now."""
    return len(split.train.targets) if start.seen is None else start.seen.rows


def describe_network(alone: Fitted, split: Split[Any, Any]) -> Baseline:
    """A fitted network as one of the models that another one is compared with."""
    scored, target = alone.scored, alone.bundle.features.target
    inputs = split.validation.inputs, split.test.inputs
    outputs = scored.validation_outputs, scored.test_outputs
    answers = Answer(None, inputs[0], outputs[0]), Answer(None, inputs[1], outputs[1])
    seconds = alone.trained.seconds
    return Baseline(NETWORK, NETWORK, "the network", None, scored.validation, scored.test, seconds, answers, target)


def settle_model(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe that decides the run: where it names a baseline, with that in place of its network."""
    named = recipe.training.model in KINDS[recipe.task].baselines
    return take_baseline(recipe, recipe.training.model) if named else recipe


def take_baseline(recipe: AnyRecipe, kind: str) -> AnyRecipe:
    """The recipe with a baseline in place of its network."""
    loss: Any = recipe.training.logit_loss
    refit = recipe.training.refit and kind in KINDS[recipe.task].refitted
    training = replace(recipe.training, model=kind, refit=refit, loss=loss)
    if not KINDS[recipe.task].calibrated:  # quantiles are there only if someone asked for them
        training = replace(training, coverage=0.0)
    about = f"{name_file(recipe.data.source)}, the model {kind}"
    return replace(recipe, description=about, features=recipe.features.for_baseline(), training=training)


def keep_baseline(
    recipe: AnyRecipe, split: Split[Any, Any], chosen: Baseline, others: list[Baseline], data: str
) -> Fitted:
    """A baseline as the model of a run, fitted again if its recipe says so; `data` is the split's fingerprint."""
    features, shape = split.features.for_baseline(), split.train.inputs.shape
    features = features if chosen.target is None else features.aim(chosen.target)
    own, seen = take_baseline(recipe, chosen.kind), Seen.of(split.train.keys)
    if own.training.levels:
        around = np.stack([chosen.validation_outputs] * len(own.training.levels))
        features = features.calibrate(around, np.asarray(split.validation.targets), own.training.coverage)
    if own.training.refit:
        chosen = refit_baseline(find_task(recipe), split, chosen)
        # one whose test answers are those of another model was fitted to the test rows too
        tested = split.test.keys if chosen.answers[1].model is not chosen.model else None
        seen = Seen.of(split.train.keys, split.validation.keys, tested)
    assert chosen.model is not None
    bundle = Bundle(own, (), chosen.model.arrays, shape, features, data, seen)
    scored = Evaluation(chosen.validation, chosen.test, chosen.validation_outputs, chosen.test_outputs, None)
    scored = scored.bound(len(own.training.levels))
    others = [each for each in others if each.kind != chosen.kind]
    trained = Trained((), 0, chosen.seconds)
    return Fitted(chosen.name, bundle, trained, scored, others, calibration=chosen.calibration)


def judge(fitted: Fitted, split: Split[Any, Any], loss: str) -> Judgement:
    """Scores of the model and the baselines, their comparison and its verdict."""
    scored, baselines, recipe = fitted.scored, fitted.baselines, fitted.bundle.recipe
    split = split.aim(fitted.bundle.features.target)
    target, task, weights = split.features.target, find_task(recipe), fitted.weights or {}
    comparisons = compare(scored.test_outputs, baselines, split, loss)
    score, intervals = target.say_score(scored.test, task.key), None
    if scored.test_bounds is not None:
        answers = Answers(scored.test_outputs, scored.test_bounds)
        intervals = task.score_intervals(answers, split.test, fitted.bundle)
    return Judgement(
        validation=scored.validation,
        test=scored.test,
        verdict=verdict(comparisons, replace(score, weighted=weigh_errors(split.test, target) is not None)),
        baselines=[
            BaselineScores(each.kind, each.name, each.validation, each.test, each.seconds, weights.get(each.kind))
            for each in baselines
        ],
        beats_baselines=beats_baselines(comparisons) if baselines else None,
        comparisons=comparisons,
        intervals=intervals,
        confusion=target.confusion(scored.test_outputs, split.test.targets, loss),
        curves=target.draw_curves(scored.test_outputs, split.test.targets, loss) or None,
        calibration=fitted.calibration,
    )

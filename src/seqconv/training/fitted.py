"""What a run has fitted: a network or a baseline as its model, and the baselines that it is compared with."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.metrics.comparison import beats_baselines, verdict
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import KINDS
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.examples import Split
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import BaselineScores, Judgement
from seqconv.tasks.scoring import Baseline, Evaluation, compare, refit_baseline, weigh_errors
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
        baselines: the others.
    """

    name: str
    bundle: AnyBundle
    trained: Trained
    scored: Evaluation
    baselines: list[Baseline]


def take_baseline(recipe: AnyRecipe, kind: str) -> AnyRecipe:
    """The recipe with a baseline in place of its network."""
    loss: Any = recipe.training.logit_loss
    refit = recipe.training.refit and kind in KINDS[recipe.task].refitted
    coverage = recipe.training.coverage if KINDS[recipe.task].calibrated else 0.0
    training = replace(recipe.training, model=kind, coverage=coverage, refit=refit, loss=loss)
    about = f"{Path(recipe.data.source).name}, the model {kind}"
    return replace(recipe, description=about, features=recipe.features.for_baseline(), training=training)


def keep_baseline(
    recipe: AnyRecipe, split: Split[Any, Any], chosen: Baseline, others: list[Baseline], data: str
) -> Fitted:
    """A baseline as the model of a run, fitted again if its recipe says so; `data` is the split's fingerprint."""
    features, shape = split.features.for_baseline(), split.train.inputs.shape
    features = features if chosen.target is None else features.aim(chosen.target)
    own, seen = take_baseline(recipe, chosen.kind), Seen.of(split.train.keys)
    if own.training.coverage:
        around = np.stack([chosen.validation_outputs] * 2)
        features = features.calibrate(around, np.asarray(split.validation.targets), own.training.coverage)
    if own.training.refit:
        chosen = refit_baseline(find_task(recipe), split, chosen)
        # one whose test answers are those of another model was fitted to the test rows too
        tested = split.test.keys if chosen.answers[1].model is not chosen.model else None
        seen = Seen.of(split.train.keys, split.validation.keys, tested)
    bundle = Bundle(own, (), chosen.model.arrays, shape, features, data, seen)
    bounds = np.stack([chosen.test_outputs] * 2) if own.training.coverage else None
    scored = Evaluation(chosen.validation, chosen.test, chosen.validation_outputs, chosen.test_outputs, bounds)
    others = [each for each in others if each.kind != chosen.kind]
    return Fitted(chosen.name, bundle, Trained((), 0, chosen.seconds), scored, others)


def judge(fitted: Fitted, split: Split[Any, Any], loss: str) -> Judgement:
    """Scores of the model and the baselines, their comparison and its verdict."""
    scored, baselines, recipe = fitted.scored, fitted.baselines, fitted.bundle.recipe
    split = split.aim(fitted.bundle.features.target)
    target, task = split.features.target, find_task(recipe)
    comparisons = compare(scored.test_outputs, baselines, split, loss)
    score, intervals = target.say_score(scored.test, task.key), None
    if scored.test_bounds is not None:
        answers = Answers(scored.test_outputs, scored.test_bounds)
        intervals = task.score_intervals(answers, split.test, fitted.bundle)
    return Judgement(
        validation=scored.validation,
        test=scored.test,
        verdict=verdict(comparisons, replace(score, weighted=weigh_errors(split.test, target) is not None)),
        baselines=[BaselineScores(row.kind, row.name, row.validation, row.test, row.seconds) for row in baselines],
        beats_baselines=beats_baselines(comparisons) if baselines else None,
        comparisons=comparisons,
        intervals=intervals,
        confusion=target.confusion(scored.test_outputs, split.test.targets, loss),
        curves=target.draw_curves(scored.test_outputs, split.test.targets, loss) or None,
    )

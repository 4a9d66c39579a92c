"""A split, fitted: the network, the baseline or the blend that a recipe names, and the models next to it."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqconv.errors import TrainingError
from seqconv.models.folders import free_folder
from seqconv.models.format import write_bundle
from seqconv.networks.engines.choice import create_network
from seqconv.networks.layers.base import Plan
from seqconv.networks.network import Network
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BEST, BLEND, KINDS, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import Held, Parts, join_parts, split_parts
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.examples import Part, Split, TrainingData, fingerprint, merge_validation
from seqconv.tasks.given import load_given
from seqconv.tasks.growth import start_weights
from seqconv.tasks.kinds import find_task
from seqconv.tasks.scoring import evaluate, fit_baselines
from seqconv.tasks.seen import Seen
from seqconv.training.budget import Timer, plan_run, say_cut
from seqconv.training.checkpoint import Checkpoint
from seqconv.training.fitted import Fitted, blend_models, describe_network, go_on_baseline, go_on_with, keep_baseline
from seqconv.training.folder import Options
from seqconv.training.folds import FOLDS, score_folds
from seqconv.training.history import HISTORY, HistoryFile
from seqconv.training.loop import Listener, Trained, build_network_plan, calibrate, fit_network, start_network

GENTLE = 0.1  # of the learning rate, for a network that goes on: its optimiser starts anew


def fit_split(
    recipe: AnyRecipe,
    split: Split[Any, Any],
    options: Options,
    folder: Path,
    listener: Listener,
    timer: Timer,
    start: AnyBundle | None = None,
) -> Fitted:
    """Fit the model and the baselines on one split and score all; history and checkpoint go to `folder`.

    Args:
        start: a trained model of the same plan and features that goes on, alone; None: models start anew.
    """
    if start is not None:
        return _go_on(start, split, options, folder, listener, timer)
    if math.isinf(timer.until):
        return _fit_model(recipe, split, options, folder, listener, timer)
    plan, budget = plan_run(recipe, split, timer, options.baselines), recipe.training.budget
    fitted = _fit_model(plan.recipe, plan.split, options, folder, listener, timer)
    if timer.cut and plan.recipe.training.model == BLEND:
        fitted = _take_better(fitted, plan.split, listener)
    listener.say(say_cut(timer, budget))
    split.facts["budget"] = {"time": budget, "left out": ", ".join(timer.cut) or "nothing"}
    return fitted


def _take_better(blend: Fitted, split: Split[Any, Any], listener: Listener) -> Fitted:
    """A blend that a budget has cut short, or the baseline that is better on the validation rows."""
    rank = split.features.target.rank
    others = [each for each in blend.baselines if each.model is not None]
    chosen = min(others, key=lambda each: rank(each.validation), default=None)
    if chosen is None or rank(blend.scored.validation) <= rank(chosen.validation):
        return blend
    listener.say(f"model: {chosen.name}, the best on the validation rows of what there was time for")
    recipe = blend.bundle.recipe
    return keep_baseline(recipe, split, chosen, blend.baselines, blend.bundle.fingerprint)


def _fit_model(
    recipe: AnyRecipe, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    def say(name: str) -> None:
        listener.say(f"baseline: {name}")

    kind = recipe.training.model
    if kind == BEST:
        return _fit_best(recipe, split, options, folder, listener, timer)
    if not recipe.has_layers:
        found = fit_baselines(find_task(recipe), split, say, kind, options.baselines)
        chosen = next(each for each in found if each.kind == kind)
        fitted = keep_baseline(recipe, split, chosen, found, fingerprint(split))
        _say_choice(fitted.bundle, listener)
        timer.seconds["train"] = fitted.trained.seconds
        return fitted
    alone = _fit_network(recipe, split, options, folder, listener, timer)
    members = recipe.blended if kind == BLEND else ()
    baselines = fit_baselines(find_task(recipe), split, say, others=options.baselines, blended=members)
    alone = replace(alone, baselines=baselines)
    if kind == NETWORK:
        return alone
    timer.seconds["train"] += sum(each.seconds for each in baselines if each.kind in members)
    fitted = blend_models(alone, split, _hold_folds(alone, split, options, listener, timer))
    _say_choice(fitted.bundle, listener)
    return fitted


def _go_on(
    start: AnyBundle, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    """A trained model, trained on the examples of another split from where it is."""
    if start.recipe.has_layers:
        fitted = _fit_network(start.recipe, split, options, folder, listener, timer, start)
        if start.recipe.training.model == BLEND:
            with timer.part("train"):
                fitted = go_on_with(fitted, split, start)
    else:
        with timer.part("train"):
            fitted = go_on_baseline(start, split)
    seen = fitted.bundle.seen if start.seen is None else start.seen.join(fitted.bundle.seen)
    return replace(fitted, bundle=replace(fitted.bundle, seen=seen))


def _fit_best(
    recipe: AnyRecipe, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    """The single model with the best metric on the validation rows; the others are its baselines."""

    def say(name: str) -> None:
        listener.say(f"candidate: {name}")

    task, rank = find_task(recipe), split.features.target.rank
    found = fit_baselines(task, split, say, others=False, blended=KINDS[recipe.task].singles)
    timer.reserved = 0.0
    alone = _fit_network(recipe, split, options, folder, listener, timer) if recipe.has_layers else None
    candidates = found if alone is None else [*found, describe_network(alone, split)]
    chosen = min(candidates, key=lambda each: rank(each.validation))
    listener.say(f"model: {chosen.name}, the best on the validation rows")
    timer.seconds["train"] = sum(each.seconds for each in candidates)
    if alone is not None and chosen.kind == NETWORK:
        return replace(alone, baselines=found)
    fitted = keep_baseline(recipe, split, chosen, candidates, fingerprint(split))
    _say_choice(fitted.bundle, listener)
    return fitted


def _fit_network(
    recipe: AnyRecipe,
    split: Split[Any, Any],
    options: Options,
    folder: Path,
    listener: Listener,
    timer: Timer,
    start: AnyBundle | None = None,
) -> Fitted:
    """The network alone, scored."""
    kind, recipe = recipe.training.model, replace(recipe, training=replace(recipe.training, model=NETWORK))
    plan = build_network_plan(recipe, split.train, split.features)
    network = _create(plan, split.training, recipe, options, start)
    shape, seen = split.train.inputs.shape, Seen.of(split.train.keys)
    bundle = Bundle(recipe, plan, {}, shape, split.features, fingerprint(split), seen)
    until = time.perf_counter() + timer.left / (2 if recipe.training.refit else 1)
    with timer.part("train"):
        trained = _fit(network, split, bundle, folder, options.engine, (listener, until), start)
        bundle = replace(bundle, features=calibrate(network.predict, split.validation, split.features, recipe.training))
        aimed = split.aim(bundle.features.target)
        if kind == NETWORK:
            _say_choice(bundle, listener)
        if not trained.best_epoch and recipe.training.epochs:
            alone = f"training did not improve on the starting point{split.features.describe_start()}"
            listener.say(alone if kind == NETWORK else "the network did not improve on its starting point")
    with timer.part("evaluate"):
        scored = evaluate(network, aimed, recipe.training.loss)
    bundle = _cut_short(bundle, trained, timer)
    if bundle.recipe.training.refit and trained.best_epoch:
        if recipe.training.levels:
            listener.say("intervals keep the calibration of this fit, as no rows are left to calibrate the final one")
        with timer.part("train"):
            network = _fit_again(plan, split.training, recipe, options, trained.best_epoch, listener, start)
        with timer.part("evaluate"):
            again = evaluate(network, aimed, recipe.training.loss)
        # it has been trained on the validation rows: what they say is what they said before
        scored = replace(scored, test=again.test, test_outputs=again.test_outputs, test_bounds=again.test_bounds)
        bundle = replace(bundle, seen=Seen.of(split.train.keys, split.validation.keys))
    scored = scored.bound(len(recipe.training.levels))
    # what the network holds beside its weights, as large as they, goes: the baselines need memory too
    return Fitted(NETWORK, replace(bundle, weights=network.weights()), trained, scored, [])


def _hold_folds(
    alone: Fitted, split: Split[Any, Any], options: Options, listener: Listener, timer: Timer
) -> Held | None:
    """What the members of a blend are weighed by, where few rows are held out and there is time for folds."""
    recipe = alone.bundle.recipe
    found = [each for each in alone.baselines if each.kind in recipe.blended]
    seconds = alone.trained.seconds + sum(each.seconds for each in found)
    if FOLDS * seconds > timer.left:
        return None
    with timer.part("train"):
        kinds = [each.kind for each in found]
        held = score_folds(recipe, split.training, split.pool, kinds, options.threads, options.engine)
    if held is not None:
        listener.say(f"blend: weighed in {FOLDS} folds, as few rows are held out")
    return held


def _cut_short(bundle: AnyBundle, trained: Trained, timer: Timer) -> AnyBundle:
    """The bundle of a network whose training a budget may have ended; without the final fit if that takes too long."""
    training, seconds = bundle.recipe.training, [epoch.seconds for epoch in trained.history]
    if math.isinf(timer.until) or not seconds:
        return bundle
    epochs, waited = len(seconds), len(seconds) - trained.best_epoch
    ended = epochs < training.epochs and not (training.patience and waited >= training.patience)
    if ended:
        timer.cut.append(f"{training.epochs - epochs} of {training.epochs} epochs")
    if not training.refit or (trained.best_epoch * max(seconds) < timer.left and not (ended and epochs == 1)):
        return bundle
    timer.cut.append("the final fit to training and validation rows")
    return replace(bundle, recipe=replace(bundle.recipe, training=replace(training, refit=False)))


def _say_choice(bundle: AnyBundle, listener: Listener) -> None:
    if choice := bundle.features.target.choice:
        listener.say(choice)


def _create(
    plan: Plan, data: TrainingData[Any, Any], recipe: AnyRecipe, options: Options, start: AnyBundle | None = None
) -> Network:
    """A network to train: a fresh one, one with given weights, or that of a model that goes on."""
    threads, engine = count_threads(options.threads), options.engine
    if start is not None:
        return _create_started(start, data.train, threads, engine)
    if given := load_given(recipe, plan, data.features):
        return create_network(engine, plan, given, recipe.network_training, threads)
    return start_network(plan, data.train, recipe.network_training, threads, engine)


def _create_started(start: AnyBundle, part: Part[Any], threads: int, engine: str = "native") -> Network:
    config = start.recipe.network_training
    gentle = replace(config, learning_rate=GENTLE * config.learning_rate)
    return create_network(engine, start.plan, start_weights(start, part, threads), gentle, threads)


def learn_on(start: AnyBundle, data: TrainingData[Any, Any], rows: int, threads: int) -> AnyBundle:
    """A trained model, trained on further examples of the same plan and features, none of them held out.

    Args:
        rows: how many it has learned from so far.

    Raises:
        OptionError: its kind can only be fitted to all rows at once.
    """
    recipe, split, kinds = start.recipe, data.untested, find_task(start.recipe).baselines
    if not recipe.has_layers:
        kind = recipe.training.model
        return replace(start, weights=restore(kinds, kind, data.features, start.weights).go_on(split, rows).arrays)
    network = _create_started(start, data.train, threads)
    fit_network(network, data, replace(recipe.network_training, patience=0), Listener(), keep_best=False)
    if recipe.training.model != BLEND:
        return replace(start, weights=network.weights())
    parts = split_parts(start.weights, recipe.task)
    models = {kind: restore(kinds, kind, data.features, own) for kind, own in parts.members.items()}
    members = {kind: model.go_on(split, rows).arrays for kind, model in models.items()}
    return replace(start, weights=join_parts(Parts(network.weights(), members, parts.factors), recipe.task))


def _fit(
    network: Network,
    split: Split[Any, Any],
    bundle: AnyBundle,
    folder: Path,
    engine: str,
    heard: tuple[Listener, float],
    start: AnyBundle | None,
) -> Trained:
    """Train, writing history and checkpoint; a user who interrupts is left the best model so far."""
    listener, until = heard
    origin = {"engine": engine, "data": bundle.fingerprint} | _flatten(bundle.recipe.to_dict())
    # a run may go on for longer than was thought at first
    for name in ("training.epochs", "training.patience", "training.budget"):
        del origin[name]
    checkpoint = Checkpoint(folder, origin)
    with (folder / HISTORY).open("w", encoding="utf-8") as file:
        history = HistoryFile(listener, file, split.features.target.metric, until)
        try:
            settings = bundle.recipe.network_training
            known = start is not None or bool(bundle.recipe.network.weights)
            return fit_network(network, split.training, settings, history, checkpoint=checkpoint, known=known)
        except KeyboardInterrupt:
            if (progress := checkpoint.read()) is not None:
                write_bundle(replace(bundle, weights=progress.best), folder / "model")
            raise
        except OSError as error:
            if checkpoint.unsaved is None or checkpoint.has_folder():
                raise
            raise rescue(replace(bundle, weights=checkpoint.unsaved.best), folder) from error


def rescue(bundle: AnyBundle, folder: Path) -> TrainingError:
    """Save the model of a run whose folder is gone; the error that says so."""
    place = free_folder(folder.with_suffix(".rescued"))
    write_bundle(bundle, place)
    return TrainingError(
        f"{folder}: must stay until training ends; it was removed or replaced. The best model so far is in {place}"
    )


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _fit_again(
    plan: Plan,
    data: TrainingData[Any, Any],
    recipe: AnyRecipe,
    options: Options,
    epochs: int,
    listener: Listener,
    start: AnyBundle | None,
) -> Network:
    """A fresh network, or again the one that goes on, trained on training and validation rows for a number of epochs
    that is now known."""
    listener.train_again(epochs)
    whole = merge_validation(data)
    network = _create(plan, whole, recipe, options, start)
    config = replace(recipe.network_training, epochs=epochs, patience=0)
    # the validation rows are trained on now: the last epoch counts, not the one that scores best on them
    fit_network(network, whole, config, listener, keep_best=False)
    return network

"""A run from end to end: read, split, train, judge next to the baselines, write the run folder."""

import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seqconv.errors import BundleError, OptionError, TrainingError
from seqconv.metrics.comparison import say_better
from seqconv.models.folders import free_folder, identify, partial_folder, replace_folder
from seqconv.models.format import write_bundle
from seqconv.models.results import RESULTS
from seqconv.networks.layers.base import Plan
from seqconv.networks.losses import values_per_answer
from seqconv.networks.network import Network
from seqconv.networks.parsing import build_plan
from seqconv.networks.summary import LayerSummary, summarise
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe, to_toml
from seqconv.recipes.sections import BEST, BLEND, KINDS, NETWORK
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.completion import settle
from seqconv.tasks.examples import Features, Part, Split, TrainingData, fingerprint, merge_validation
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import BetterBaseline, RunResults
from seqconv.tasks.scoring import evaluate, find_better, fit_baselines, weigh_errors
from seqconv.tasks.seen import Seen
from seqconv.tasks.task import Data
from seqconv.training.checkpoint import Checkpoint, Epoch
from seqconv.training.fitted import Fitted, blend_models, describe_network, keep_baseline, settle_model
from seqconv.training.folder import (
    HISTORY,
    RECIPE,
    Options,
    Run,
    choose_folder,
    describe_setup,
    name_columns,
    say_folder,
    write_run,
)
from seqconv.training.loop import Listener, Trained, build_network_plan, calibrate, fit_network, start_network

BASELINE = "baseline"  # run of a baseline that is better on the validation rows, in the run folder of the network


class Timer:
    """Seconds of each named part of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the block's seconds to `name`."""
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


class _History(Listener):
    """Writes `history.csv`, a row an epoch, flushed so that it can be read meanwhile; passes everything on."""

    def __init__(self, inner: Listener, file: TextIO, metric: str) -> None:
        inner.metric = metric
        self.inner, self.file = inner, file
        print(",".join(name_columns(metric)), file=file, flush=True)

    def resume(self, history: Sequence[Epoch]) -> None:
        for epoch in history:
            self._write(epoch)
        self.inner.resume(history)

    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        self.inner.start_epoch(epoch, epochs, steps)

    def end_step(self, loss: float, metric: float) -> None:
        self.inner.end_step(loss, metric)

    def end_epoch(self, epoch: Epoch) -> None:
        self._write(epoch)
        self.inner.end_epoch(epoch)

    def say(self, text: str) -> None:
        self.inner.say(text)

    def keep(self, epoch: Epoch) -> None:
        self.inner.keep(epoch)

    def _write(self, epoch: Epoch) -> None:
        print(",".join(map(str, asdict(epoch).values())), file=self.file, flush=True)


def train(
    recipe: AnyRecipe | str,
    options: Options | None = None,
    listener: Listener | None = None,
    data: Data | None = None,
    notes: Sequence[str] = (),
) -> Run:
    """Train a recipe, score it next to the baselines on the same rows, and write the run folder.

    Where a baseline is better than the network by more than noise on the validation rows, the folder holds a run of
    that baseline too, in `baseline`, as `training.model` would have written it.

    Args:
        recipe: also a recipe's name, a TOML file, or a data file or folder (see `tasks.guessing.suggest_recipe`).
        listener: None: only the folder is named, on standard error.
        data: the recipe's data, where they are in memory already.
        notes: what has been inferred for the recipe, said after the folder.

    Raises:
        SeqconvError: a mistake in the recipe or the data, or a folder that must not be overwritten; nothing is left
            behind.
        KeyboardInterrupt: the folder `<out>.partial` keeps history, checkpoint and the best model so far.
    """
    if isinstance(recipe, str):
        suggested = suggest_recipe(recipe)
        recipe, data, notes = suggested.recipe, data or suggested.data, suggested.notes
    options = options or Options()
    is_network = recipe.has_layers
    if not is_network and options.resume:
        raise OptionError(f"resume needs a network; got model {recipe.training.model}. Leave one out")
    recipe = settle_model(recipe)
    target = choose_folder(options, recipe.name)
    timer = Timer()
    with replace_folder(target, RESULTS, options.overwrite, options.resume if is_network else None) as folder:
        own = identify(folder)
        listener = say_folder(target, recipe.name, listener)
        for note in notes:
            listener.say(note)
        data = _read(recipe, listener, timer, data)
        recipe = settle(recipe, data)
        split = prepare(recipe, options.threads, listener, timer, data=data)
        (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
        fitted = fit_split(recipe, split, options, folder, listener, timer)
        if identify(folder) != own:
            raise _rescue(fitted.bundle, folder)
        results = _write_all(fitted, split, options, target, timer)
    return Run(target, results)


def _write_all(fitted: Fitted, split: Split[Any, Any], options: Options, target: Path, timer: Timer) -> RunResults:
    """Complete the run folder, with that of a better baseline in it."""
    folder = partial_folder(target)
    shutil.rmtree(folder / BASELINE, ignore_errors=True)  # of an attempt that was cut short
    better = _write_better(fitted, split, options, folder / BASELINE, target / BASELINE)
    epochs = [epoch.seconds for epoch in fitted.trained.history]
    seconds = timer.seconds | ({"per_epoch": float(np.mean(epochs))} if epochs else {})
    seconds |= {"total": time.perf_counter() - timer.started}
    setup = describe_setup(fitted.bundle.recipe, options, target)
    return write_run(fitted, split, folder, setup, seconds, better)


def fit_split(
    recipe: AnyRecipe, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    """Fit the model and the baselines on one split and score all; history and checkpoint go to `folder`."""

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
    members = KINDS[recipe.task].blended if kind == BLEND else ()
    baselines = fit_baselines(find_task(recipe), split, say, others=options.baselines, blended=members)
    alone = replace(alone, baselines=baselines)
    if kind == NETWORK:
        return alone
    timer.seconds["train"] += sum(each.seconds for each in baselines if each.kind in members)
    fitted = blend_models(alone, split)
    _say_choice(fitted.bundle, listener)
    return fitted


def _fit_best(
    recipe: AnyRecipe, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    """The single model with the best metric on the validation rows; the others are its baselines."""

    def say(name: str) -> None:
        listener.say(f"candidate: {name}")

    task, rank = find_task(recipe), split.features.target.rank
    found = fit_baselines(task, split, say, others=False, blended=KINDS[recipe.task].singles)
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
    recipe: AnyRecipe, split: Split[Any, Any], options: Options, folder: Path, listener: Listener, timer: Timer
) -> Fitted:
    """The network alone, scored."""
    kind, recipe = recipe.training.model, replace(recipe, training=replace(recipe.training, model=NETWORK))
    plan = build_network_plan(recipe, split.train, split.features)
    network = _create(plan, split.train, recipe, options)
    shape, seen = split.train.inputs.shape, Seen.of(split.train.keys)
    bundle = Bundle(recipe, plan, {}, shape, split.features, fingerprint(split), seen)
    with timer.part("train"):
        trained = _fit(network, split, bundle, folder, options.engine, listener)
        bundle = replace(bundle, features=calibrate(network.predict, split.validation, split.features, recipe.training))
        aimed = split.aim(bundle.features.target)
        if kind == NETWORK:
            _say_choice(bundle, listener)
        if not trained.best_epoch:
            alone = f"training did not improve on the starting point{split.features.describe_start()}"
            listener.say(alone if kind == NETWORK else "the network did not improve on its starting point")
    with timer.part("evaluate"):
        scored = evaluate(network, aimed, recipe.training.loss)
    if recipe.training.refit and trained.best_epoch:
        if recipe.training.levels:
            listener.say("intervals keep the calibration of this fit, as no rows are left to calibrate the final one")
        with timer.part("train"):
            network = _fit_again(plan, split.training, recipe, options, trained.best_epoch, listener)
        with timer.part("evaluate"):
            again = evaluate(network, aimed, recipe.training.loss)
        # it has been trained on the validation rows: what they say is what they said before
        scored = replace(scored, test=again.test, test_outputs=again.test_outputs, test_bounds=again.test_bounds)
        bundle = replace(bundle, seen=Seen.of(split.train.keys, split.validation.keys))
    scored = scored.bound(len(recipe.training.levels))
    # what the network holds beside its weights, as large as they, goes: the baselines need memory too
    return Fitted(NETWORK, replace(bundle, weights=network.weights()), trained, scored, [])


def _say_choice(bundle: AnyBundle, listener: Listener) -> None:
    if choice := bundle.features.target.choice:
        listener.say(choice)


def _write_better(
    fitted: Fitted, split: Split[Any, Any], options: Options, folder: Path, target: Path
) -> BetterBaseline | None:
    """A run of the best baseline that is better than the network on the validation rows, and what is said of it."""
    recipe, training = fitted.bundle.recipe, fitted.bundle.recipe.training
    if not recipe.has_layers:
        return None
    outputs = fitted.scored.validation_outputs
    aimed = split.aim(fitted.bundle.features.target)
    others = [each for each in fitted.baselines if each.kind != NETWORK]
    better = find_better(outputs, others, aimed, training.loss, training.seed)
    if not better:
        return None
    chosen = next(each for each in fitted.baselines if each.name == better[0].name)
    kept = keep_baseline(recipe, split, chosen, fitted.baselines, fitted.bundle.fingerprint)
    folder.mkdir()
    (folder / RECIPE).write_text(to_toml(kept.bundle.recipe), "utf-8")
    seconds = dict.fromkeys(("train", "total"), kept.trained.seconds)
    write_run(kept, split, folder, describe_setup(kept.bundle.recipe, options, target), seconds)
    cure = f"It is saved too: seqconv predict {shlex.quote(str(target))} FILE"
    found, weighted = better[0], weigh_errors(split.validation, split.features.target) is not None
    says = f"{say_better(found, weighted, fitted.name)} {cure}"
    return BetterBaseline(found.name, found.improvement, found.low, found.high, str(target), says)


def prepare(
    recipe: AnyRecipe,
    threads: int,
    listener: Listener,
    timer: Timer,
    trained: Features | None = None,
    data: Data | None = None,
) -> Split[Any, Any]:
    """Read a recipe's data and cut it into examples.

    Args:
        trained: features of a trained model; None: fitted on the training rows.
        data: None: read.
    """
    data = _read(recipe, listener, timer, data)
    with timer.part("prepare"):
        split = find_task(recipe).split(data, recipe, count_threads(threads), trained)
    for note in split.facts["notes"]:
        listener.say(f"data: {note}")
    return split


def _read(recipe: AnyRecipe, listener: Listener, timer: Timer, data: Data | None) -> Data:
    with timer.part("read"):
        return data or find_task(recipe).load(recipe.data, listener.download)


def summarise_recipe(recipe: AnyRecipe, data: Data | None = None) -> list[LayerSummary]:
    """What `seqconv summary` shows, layer by layer; data are read only where the recipe does not tell their shape."""
    if not recipe.has_layers:
        model = recipe.training.model
        raise OptionError(f"model: must be a network of a recipe; {model} has no layers. Use a recipe that has")
    sizes = find_task(recipe).sizes_from_recipe(recipe) if data is None else None
    if sizes is None:
        split = prepare(recipe, 1, Listener(), Timer(), data=data)
        plan = build_network_plan(recipe, split.train, split.features)
        return summarise(plan, split.train.inputs.shape)
    shape, outputs = sizes
    outputs *= values_per_answer(recipe.network_training.levels)
    return summarise(build_plan(recipe.network.layers, shape, recipe.features.ids, outputs), shape)


def _create(plan: Plan, part: Part[Any], recipe: AnyRecipe, options: Options) -> Network:
    return start_network(plan, part, recipe.network_training, count_threads(options.threads), options.engine)


def _fit(
    network: Network, split: Split[Any, Any], bundle: AnyBundle, folder: Path, engine: str, listener: Listener
) -> Trained:
    """Train, writing history and checkpoint; a user who interrupts is left the best model so far."""
    origin = {"engine": engine, "data": bundle.fingerprint} | _flatten(bundle.recipe.to_dict())
    for name in ("training.epochs", "training.patience"):  # a run may go on for longer than was thought at first
        del origin[name]
    checkpoint = Checkpoint(folder, origin)
    with (folder / HISTORY).open("w", encoding="utf-8") as file:
        history = _History(listener, file, split.features.target.metric)
        try:
            return fit_network(network, split.training, bundle.recipe.network_training, history, checkpoint=checkpoint)
        except KeyboardInterrupt:
            if (progress := checkpoint.read()) is not None:
                write_bundle(replace(bundle, weights=progress.best), folder / "model")
            raise
        except OSError as error:
            if checkpoint.unsaved is None or checkpoint.has_folder():
                raise
            raise _rescue(replace(bundle, weights=checkpoint.unsaved.best), folder) from error


def _rescue(bundle: AnyBundle, folder: Path) -> TrainingError:
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
    plan: Plan, data: TrainingData[Any, Any], recipe: AnyRecipe, options: Options, epochs: int, listener: Listener
) -> Network:
    """A fresh network, trained on training and validation rows for a number of epochs that is now known."""
    listener.train_again(epochs)
    whole = merge_validation(data)
    network = _create(plan, whole.train, recipe, options)
    config = replace(recipe.network_training, epochs=epochs, patience=0)
    # the validation rows are trained on now: the last epoch counts, not the one that scores best on them
    fit_network(network, whole, config, listener, keep_best=False)
    return network


def read_own_split(bundle: AnyBundle, folder: Path, threads: int) -> Split[Any, Any]:
    """The training, validation and test examples of a model's own run.

    Raises:
        BundleError: the data have changed.
        DataError: they do not lie where they lay.
    """
    split = prepare(bundle.recipe, threads, Listener(), Timer(), bundle.features)
    if fingerprint(split) != bundle.fingerprint:
        raise BundleError(f"{folder}: {bundle.recipe.data.source} must hold the data it was trained on; it has changed")
    return split

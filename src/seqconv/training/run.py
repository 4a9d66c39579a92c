"""A run from end to end: read, split, train, judge next to the baselines, write the run folder."""

import shlex
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.frames import SOURCE
from seqconv.errors import BundleError, OptionError
from seqconv.metrics.comparison import say_better
from seqconv.models.folders import RESULTS, identify, partial_folder, replace_folder
from seqconv.networks.losses import values_per_answer
from seqconv.networks.parsing import build_plan
from seqconv.networks.summary import LayerSummary, summarise
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe, Layers, to_toml
from seqconv.recipes.sections import NETWORK
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.completion import settle
from seqconv.tasks.examples import Features, Split, fingerprint
from seqconv.tasks.guessing import SuggestedRecipe
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import BetterBaseline, RunResults, UpdateResults
from seqconv.tasks.scoring import find_better, weigh_errors
from seqconv.tasks.task import Data
from seqconv.training.budget import Timer
from seqconv.training.finished import Run, Summary
from seqconv.training.fitted import Fitted, keep_baseline, settle_model
from seqconv.training.fitting import fit_split, rescue
from seqconv.training.folder import RECIPE, Options, choose_folder, describe_setup, say_folder, write_run
from seqconv.training.history import Callback, EpochEnd
from seqconv.training.loop import Listener, build_network_plan
from seqconv.training.sources import open_source, split_options
from seqconv.training.update import Update, plan_update

BASELINE = "baseline"  # run of a baseline that is better on the validation rows, in the run folder of the network


def train(
    source: Any,
    options: Options | None = None,
    listener: Listener | None = None,
    data: Data | None = None,
    notes: Sequence[str] = (),
    *,
    network: Layers | Path | None = None,
    on_epoch_end: EpochEnd | Sequence[EpochEnd] | None = None,
    **settings: Any,
) -> Run:
    """Train a model, score it next to the baselines on the same rows, and write the run folder.

    Where a baseline is better than the network by more than noise on the validation rows, the folder holds a run of
    that baseline too, in `baseline`, as `training.model` would have written it.

    Args:
        source: a recipe, its name or TOML file; a data file or folder; a data frame of any library that narwhals knows;
            what a `read_` function returns; or a pair of examples and labels: texts, or sequences `[N, L]`,
            `[N, L, C]` or a list of arrays; and a label or a number for each.
        listener: None: progress is shown in a notebook; elsewhere the folder is named on standard error.
        data: the recipe's data, where they are in memory already.
        notes: what has been inferred for the recipe, said after the folder.
        network: a list of layers, see `seqconv.layers`, a recipe whose network and training settings are used, or a
            file of Keras (`.keras`) with a network and its weights; None: as the data say.
        on_epoch_end: a function, or several, called after each epoch with its number and its values, see `History`;
            True ends the training.
        settings: settings of the recipe by their names, such as `epochs=10` or `target="sales"` (`seqconv settings`
            lists them), and fields of `Options`, such as `out="runs/first"`. What is left out is inferred from the
            data. `validation` and `test` may be fractions, files, or data as `source` is.

    Raises:
        SeqconvError: a mistake in the recipe or the data, or a folder that must not be overwritten; nothing is left
            behind.
        KeyboardInterrupt: the folder `<out>.partial` keeps history, checkpoint and the best model so far.
    """
    options, settings = split_options(options, settings)
    found = open_source(source, network, settings)
    suggested = SuggestedRecipe(found.recipe, (*notes, *found.notes), data or found.data)
    return _train(suggested, options, listener, on_epoch_end=on_epoch_end)


def _train(
    suggested: SuggestedRecipe,
    options: Options,
    listener: Listener | None,
    update: Update | None = None,
    on_epoch_end: EpochEnd | Sequence[EpochEnd] | None = None,
) -> Run:
    """A run of a recipe; with an update of the model that is updated."""
    recipe, data, notes = suggested.recipe, suggested.data, suggested.notes
    is_network = recipe.has_layers
    if not is_network and options.resume:
        raise OptionError(f"resume needs a network; got model {recipe.training.model}. Leave one out")
    recipe = settle_model(recipe)
    target = choose_folder(options, recipe.name)
    timer = Timer(recipe.training.budget)
    with replace_folder(target, RESULTS, options.overwrite, options.resume if is_network else None) as folder:
        own = identify(folder)
        listener = say_folder(target, recipe.name, listener)
        listener = listener if on_epoch_end is None else Callback(listener, on_epoch_end)
        for note in notes:
            listener.say(note)
        data = _read(recipe, listener, timer, data)
        recipe = settle(recipe, data)
        start = None if update is None else update.start
        split = prepare(recipe, options.threads, listener, timer, None if start is None else start.features, data)
        (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
        fitted = fit_split(recipe, split, options, folder, listener, timer, start)
        if identify(folder) != own:
            raise rescue(fitted.bundle, folder)
        judged = None if update is None else update.judge(fitted, split, data)
        results = _write_all(fitted, split, options, target, timer, judged)
    return Run(target, results, notes, data if recipe.data.source == SOURCE else None)


def update(
    model: str | Path,
    file: str | Path,
    options: Options | None = None,
    listener: Listener | None = None,
    new_only: bool = False,
) -> Run:
    """Bring a model up to date with newer rows, in a new run folder, and score it before and after.

    Where the data of its run lie as they lay, it is fitted again to these and the newer rows; a share of the newer rows
    is held out like the old ones, which stay in the splits that they were in. Else it goes on from what it is.

    Args:
        model: a run or model folder.
        file: read with the model's own data settings.
        new_only: it goes on, on the newer rows alone, even if the old data are there.

    Raises:
        SeqconvError: no model, a file that cannot be read as its own was, or a kind of model that cannot go on.
    """
    options = options or Options()
    found, data = plan_update(Path(model), str(file), new_only, options.threads)
    return _train(SuggestedRecipe(found.recipe, (f"update: {found.says}",), data), options, listener, found)


def _write_all(
    fitted: Fitted,
    split: Split[Any, Any],
    options: Options,
    target: Path,
    timer: Timer,
    update: UpdateResults | None = None,
) -> RunResults:
    """Complete the run folder, with that of a better baseline in it."""
    folder = partial_folder(target)
    shutil.rmtree(folder / BASELINE, ignore_errors=True)  # of an attempt that was cut short
    better = _write_better(fitted, split, options, folder / BASELINE, target / BASELINE)
    epochs = [epoch.seconds for epoch in fitted.trained.history]
    seconds = timer.seconds | ({"per_epoch": float(np.mean(epochs))} if epochs else {})
    seconds |= {"total": time.perf_counter() - timer.started}
    setup = describe_setup(fitted.bundle.recipe, options, target)
    return write_run(fitted, split, folder, setup, seconds, better, update)


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


def summary(source: Any, *, network: Layers | Path | None = None, **settings: Any) -> Summary:
    """The layers of the network that `train` would train with the same arguments.

    Raises:
        SeqconvError: a mistake in the recipe or the data, or a model without layers.
    """
    found = open_source(source, network, {"model": NETWORK} | settings)
    return Summary(summarise_recipe(found.recipe, found.data))


def read_own_split(bundle: AnyBundle, folder: Path, threads: int, data: Data | None = None) -> Split[Any, Any]:
    """The training, validation and test examples of a model's own run.

    Args:
        data: of the run; None: they are read.

    Raises:
        BundleError: the data have changed.
        DataError: they do not lie where they lay.
    """
    split = prepare(bundle.recipe, threads, Listener(), Timer(), bundle.features, data)
    if fingerprint(split) != bundle.fingerprint:
        raise BundleError(f"{folder}: {bundle.recipe.data.source} must hold the data it was trained on; it has changed")
    return split

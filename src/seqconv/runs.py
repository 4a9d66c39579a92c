"""A run from end to end: read, split, train, judge beside the baselines, write the run folder."""

import json
import platform
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seqconv import datasets, evaluation
from seqconv.baselines import fit_baselines
from seqconv.bundle import CHECKPOINT, RESULTS, Bundle, partial_folder, replace_folder, write_bundle
from seqconv.checkpoint import Checkpoint, Epoch
from seqconv.config import NETWORK, Recipe, SeriesDataConfig, TextConfig, WindowConfig, count_threads, to_toml
from seqconv.data import SeriesData, TextData
from seqconv.drafts import Data, draft_recipe
from seqconv.engines import Network
from seqconv.errors import BundleError, ConfigError
from seqconv.features import CALENDAR, SeriesFeatures, TextFeatures
from seqconv.fitted import Fitted, fingerprint, judge, keep_baseline, take_baseline
from seqconv.models import Plan
from seqconv.plans import build_plan
from seqconv.quantiles import count_values, widen
from seqconv.report import write_report
from seqconv.series_splits import split_series
from seqconv.settings import parse_duration
from seqconv.splits import Split, merge_validation, split_sequences, split_texts
from seqconv.summaries import LayerSummary, summarise
from seqconv.training import Listener, Trained, build_network_plan, calibrate, fit_network, start_network

HISTORY, RECIPE, PREDICTIONS = "history.csv", "recipe.toml", "predictions.npz"
MOST_WRITTEN = 2**24  # forecast values in predictions.npz
OFFER = "baseline"  # run of a baseline that is better on the validation rows, in the run folder of the network
JSON_KEYS = (
    *("run", "recipe", "engine", "parameters", "epochs", "best_epoch", "validation", "test"),
    *("baselines", "beats_baselines", "verdict", "intervals", "model", "offer", "seconds"),
)


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and what `metrics.json` holds."""

    folder: Path
    results: dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What decides how a run is done, but not its result (see `Recipe` for what does).

    Args:
        out: run folder; None: `runs/<recipe>`.
        engine: `native` or `torch`.
        threads: 0: all cores.
        baselines: score the baselines too, and keep one that is better.
        resume: go on with an interrupted run of the same recipe and folder.
    """

    out: Path | None = None
    engine: str = "native"
    threads: int = 0
    baselines: bool = True
    resume: bool = False


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
        print(f"epoch,loss,{metric},validation_loss,validation_{metric},seconds", file=file, flush=True)

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

    def _write(self, epoch: Epoch) -> None:
        print(",".join(map(str, asdict(epoch).values())), file=self.file, flush=True)


def train(
    recipe: Recipe | str, options: Options | None = None, listener: Listener | None = None, data: Data | None = None
) -> Run:
    """Train a recipe, score it beside the baselines on the same rows, and write the run folder.

    Where a baseline is better than the network by more than noise on the validation rows, the folder holds a run of
    that baseline too, in `baseline`, as `training.model` would have written it.

    Args:
        recipe: also a recipe's name, a TOML file, or a data file or folder (see `drafts.draft_recipe`).
        data: the recipe's data, where they are in memory already.

    Raises:
        SeqconvError: a mistake in the recipe or the data; nothing is left behind.
        KeyboardInterrupt: the folder `<out>.partial` keeps history, checkpoint and the best model so far.
    """
    if isinstance(recipe, str):
        draft = draft_recipe(recipe)
        recipe, data = draft.recipe, data or draft.data
    options, listener = options or Options(), listener or Listener()
    if recipe.training.model != NETWORK:
        if options.resume:
            raise ConfigError(f"--resume needs a network; got --model {recipe.training.model}. Drop one of them")
        recipe = take_baseline(recipe, recipe.training.model)
    target = options.out or Path("runs") / recipe.name
    timer = Timer()
    _check_interrupted(target, options.resume, listener)
    with replace_folder(target, RESULTS, options.resume) as folder:
        split = prepare(recipe, options.threads, listener, timer, data=data)
        (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
        fitted = fit_split(recipe, split, options, folder, listener, timer)
        offer = _write_offer(fitted, split, options, folder / OFFER, target / OFFER)
        epochs = [epoch.seconds for epoch in fitted.trained.history]
        seconds = timer.seconds | ({"per_epoch": float(np.mean(epochs))} if epochs else {})
        seconds |= {"total": time.perf_counter() - timer.started}
        about = describe_settings(fitted.bundle.recipe, options, target) | {"offer": offer, "seconds": seconds}
        results = _write_run(fitted, split, folder, about)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return Run(target, results)


def fit_split(recipe: Recipe, split: Split, options: Options, folder: Path, listener: Listener, timer: Timer) -> Fitted:
    """Fit the model and the baselines on one split and score all; history and checkpoint go to `folder`."""

    def say(name: str) -> None:
        listener.say(f"baseline: {name}")

    kind = recipe.training.model
    if kind != NETWORK:
        found = fit_baselines(split, say, kind, options.baselines)
        chosen = next(each for each in found if each.kind == kind)
        timer.seconds["train"] = chosen.seconds
        return keep_baseline(recipe, split, chosen, found, fingerprint(split))
    plan = build_network_plan(recipe, split)
    network = _create(plan, split, recipe, options)
    bundle = Bundle(recipe, plan, {}, split.train.inputs.shape, split.features, fingerprint(split))
    with timer.part("train"):
        trained = _fit(network, split, bundle, folder, options.engine, listener)
        bundle = replace(bundle, features=calibrate(network.predict, split, recipe.training))
        if not trained.best_epoch:
            listener.say("no epoch is better on the validation rows than the start, which is kept")
    with timer.part("evaluate"):
        scored = evaluation.evaluate(network, split, recipe.training.loss)
    if recipe.training.refit and trained.best_epoch:
        if recipe.training.interval:
            listener.say("intervals keep the margins of this fit: no rows are left to calibrate the next one on")
        with timer.part("train"):
            network = _fit_again(plan, split, recipe, options, trained.best_epoch, listener)
        with timer.part("evaluate"):
            again = evaluation.evaluate(network, split, recipe.training.loss)
        # it has been trained on the validation rows: what they say is what they said before
        scored = replace(scored, test=again.test, test_outputs=again.test_outputs, test_ends=again.test_ends)
    bundle = replace(bundle, weights=network.weights())
    del network  # its optimiser's state may be as large as the weights, and the baselines need memory too
    baselines = fit_baselines(split, say) if options.baselines else []
    return Fitted(NETWORK, bundle, trained, scored, baselines)


def _write_offer(fitted: Fitted, split: Split, options: Options, folder: Path, target: Path) -> dict[str, Any] | None:
    """A run of the best baseline that is better than the network on the validation rows, and what is said of it."""
    recipe, training = fitted.bundle.recipe, fitted.bundle.recipe.training
    if training.model != NETWORK:
        return None
    outputs = fitted.scored.validation_outputs
    better = evaluation.find_better(outputs, fitted.baselines, split, training.loss, training.seed)
    if not better:
        return None
    chosen = next(each for each in fitted.baselines if each.name == better[0].name)
    kept = keep_baseline(recipe, split, chosen, fitted.baselines, fitted.bundle.fingerprint)
    folder.mkdir(exist_ok=True)
    (folder / RECIPE).write_text(to_toml(kept.bundle.recipe), "utf-8")
    seconds = {"train": chosen.seconds, "total": chosen.seconds}
    about = describe_settings(kept.bundle.recipe, options, target) | {"offer": None, "seconds": seconds}
    _write_run(kept, split, folder, about)
    cure = f"It is saved too: seqconv predict {shlex.quote(str(target))} FILE"
    return better[0].to_dict() | {"run": str(target), "says": f"{evaluation.say_better(better[0])} {cure}"}


def _write_run(fitted: Fitted, split: Split, folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """All but recipe and history of a run folder; `about` and the scores, which `metrics.json` holds."""
    results = about | _results(split, fitted) | judge(fitted, split, fitted.bundle.recipe.training.loss)
    _write_predictions(folder, split, fitted)
    write_bundle(fitted.bundle, folder / "model")
    (folder / RESULTS).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    write_report(folder)
    return results


def prepare(
    recipe: Recipe,
    threads: int,
    listener: Listener,
    timer: Timer,
    trained: TextFeatures | None = None,
    data: Data | None = None,
) -> Split:
    """Read a recipe's data and cut it into examples.

    Args:
        trained: features of a trained text model; None: fitted on the training rows.
        data: None: read.
    """
    with timer.part("read"):
        data = data or datasets.load(recipe.data, listener.download)
    with timer.part("prepare"):
        split = cut_splits(data, recipe, threads, trained)
    for note in split.facts["notes"]:
        listener.say(f"data: {note}")
    return split


def cut_splits(data: Data, recipe: Recipe, threads: int, trained: TextFeatures | None = None) -> Split:
    """The training, validation and test examples of data in memory; see `prepare`."""
    if isinstance(data, TextData):
        return split_texts(data, recipe, trained, count_threads(threads))
    return split_series(data, recipe) if isinstance(data, SeriesData) else split_sequences(data, recipe)


def summarise_recipe(recipe: Recipe, data: Data | None = None) -> list[LayerSummary]:
    """Layer by layer what `seqconv summary` shows; data other than `imdb` and `jena` are read for their shape."""
    if recipe.training.model != NETWORK:
        raise ConfigError(f"--model: must be {NETWORK}; {recipe.training.model} has no layers. Leave it out")
    shape: tuple[int, ...]
    if isinstance(recipe.features, TextConfig) and recipe.data.source in datasets.TEXTS:
        shape = (recipe.features.max_len,)
        return summarise(build_plan(recipe.network.layers, shape, recipe.features.vocabulary), shape)
    if isinstance(recipe.data, SeriesDataConfig) and recipe.data.source == "jena":
        assert isinstance(recipe.features, WindowConfig)
        length = parse_duration(recipe.features.lookback) // parse_duration(recipe.features.step)
        calendar = 2 * len(CALENDAR) * recipe.data.calendar
        shape = (length, (len(recipe.data.inputs) or datasets.JENA_COLUMNS) + calendar)
        values = count_values(recipe.training.interval)
        return summarise(build_plan(recipe.network.layers, shape, outputs=values), shape)
    split = prepare(recipe, 1, Listener(), Timer(), data=data)
    return summarise(build_network_plan(recipe, split), split.train.inputs.shape)


def _create(plan: Plan, split: Split, recipe: Recipe, options: Options) -> Network:
    return start_network(plan, split.train, recipe.training, count_threads(options.threads), options.engine)


def _check_interrupted(target: Path, resume: bool, listener: Listener) -> None:
    """There is an interrupted run to go on with, or it is said that one is given up."""
    folder = partial_folder(target)
    if resume and not folder.is_dir():
        raise BundleError(f"{folder}: must hold an interrupted run; it does not exist. Train without --resume")
    if not resume and (folder / CHECKPOINT).is_file():
        listener.say(f"{folder} held an interrupted run; this one replaces it (--resume goes on instead)")


def _fit(network: Network, split: Split, bundle: Bundle, folder: Path, engine: str, listener: Listener) -> Trained:
    """Train, writing history and checkpoint; a user who interrupts is left the best model so far."""
    origin = {"engine": engine, "data": bundle.fingerprint} | _flatten(bundle.recipe.to_dict())
    for name in ("training.epochs", "training.patience"):  # a run may go on for longer than was thought at first
        del origin[name]
    checkpoint = Checkpoint(folder, origin)
    with (folder / HISTORY).open("w", encoding="utf-8") as file:
        history = _History(listener, file, split.features.metric)
        try:
            return fit_network(network, split, bundle.recipe.training, history, checkpoint=checkpoint)
        except KeyboardInterrupt:
            if (progress := checkpoint.read()) is not None:
                write_bundle(replace(bundle, weights=progress.best), folder / "model")
            raise


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _fit_again(plan: Plan, split: Split, recipe: Recipe, options: Options, epochs: int, listener: Listener) -> Network:
    """A fresh network, trained on training and validation rows for a number of epochs that is now known."""
    listener.say(f"training again on training and validation rows for {epochs} epoch(s)")
    whole = merge_validation(split)
    network = _create(plan, whole, recipe, options)
    config = replace(recipe.training, epochs=epochs, patience=0)
    # the validation rows are trained on now: the last epoch counts, not the one that scores best on them
    fit_network(network, whole, config, listener, keep_best=False)
    return network


def _results(split: Split, fitted: Fitted) -> dict[str, Any]:
    shape, features = split.train.inputs.shape, split.features
    plan, trained = fitted.bundle.plan, fitted.trained
    names = {"targets": features.targets} if isinstance(features, SeriesFeatures) else {"classes": features.classes}
    return {
        "metric": features.metric,
        "model": fitted.name,
        "parameters": sum(array.size for array in fitted.bundle.weights.values()),
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
        "network": [asdict(row) for row in summarise(plan, shape)],
        "facts": split.facts,
        **{name: list(each) for name, each in names.items()},
    }


def describe_settings(recipe: Recipe, options: Options, target: Path) -> dict[str, Any]:
    """What was run, how and with which versions, as `metrics.json` has it."""
    packages = ["seqconv", "numpy", *(["torch"] if options.engine == "torch" else ["scikit-learn"])]
    return {
        "run": str(target),
        "recipe": recipe.name,
        "description": recipe.description,
        "task": recipe.task,
        "engine": options.engine,
        "refit": recipe.training.refit,
        "settings": {name: value for name, value in recipe.to_dict().items() if isinstance(value, dict)},
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
            "threads": count_threads(options.threads),
            "machine": platform.processor() or platform.machine(),
        },
    }


def _write_predictions(folder: Path, split: Split, fitted: Fitted) -> None:
    """The test outputs beside their targets; forecasts in the targets' units, `[N, H, targets]`, with time stamps and
    the ends of their intervals.

    Of forecasts with more than `MOST_WRITTEN` values those of evenly spaced test windows.
    """
    outputs, ends, features = fitted.scored.test_outputs, fitted.scored.test_ends, fitted.bundle.features
    found = {"outputs": outputs}
    if not isinstance(features, SeriesFeatures):
        found["targets"] = np.asarray(split.test.targets)
    else:
        rows = slice(None, None, -(-outputs.size // MOST_WRITTEN))
        written = {"outputs": outputs[rows], "targets": split.test.targets[rows]}
        if ends is not None:
            written |= dict(zip(("low", "high"), widen(ends[:, rows], outputs[rows], features.margins), strict=True))
        found = {name: features.unscale(values) for name, values in written.items()}
        assert split.test.times is not None
        found["times"] = split.test.times[rows]
    np.savez_compressed(folder / PREDICTIONS, **found)  # type: ignore[arg-type]

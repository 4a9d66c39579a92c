"""The files of a run folder: recipe, history, metrics, predictions, report."""

import json
import platform
import sys
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.documents import read_document
from seqconv.errors import BundleError, shorten
from seqconv.models.folders import RUNS, free_folder, interrupted_folder
from seqconv.models.format import write_bundle
from seqconv.models.predictions import PREDICTIONS, read_predictions
from seqconv.models.predictor import Predictor
from seqconv.models.results import read_results, write_results
from seqconv.networks.summary import summarise
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe
from seqconv.reports.page import write_page
from seqconv.reports.run import build_run_page
from seqconv.tasks.examples import Split
from seqconv.tasks.kinds import find_task
from seqconv.tasks.mistakes import Mistakes, find_mistakes
from seqconv.tasks.profiles import Profile
from seqconv.tasks.results import BetterBaseline, RunResults, Setup, UpdateResults
from seqconv.training.fitted import Fitted, judge
from seqconv.training.history import read_history
from seqconv.training.loop import Listener
from seqconv.training.reporting import find_notebook

RECIPE, MISTAKES, EXAMPLES = "recipe.toml", "mistakes.json", "examples.npz"


@dataclass(frozen=True)
class Options:
    """What decides how a run is done, but not its result (see `Recipe` for what does).

    Args:
        out: run folder; None: `runs/<recipe>`, or `runs/<recipe>-2` and so on where that is taken.
        engine: `native` or `torch`.
        threads: 0: all cores.
        baselines: score the baselines too, and keep one that is better.
        resume: go on with an interrupted run of the same recipe and folder.
        overwrite: replace a finished or interrupted run in that folder.
    """

    out: Path | None = None
    engine: str = "native"
    threads: int = 0
    baselines: bool = True
    resume: bool = False
    overwrite: bool = False


def choose_folder(options: Options, name: str) -> Path:
    """The folder of a run that is called `name`.

    Raises:
        OptionError: one is to be resumed, and there are several.
    """
    base = Path(RUNS) / name
    if options.out is not None:
        return Path(options.out)
    if options.resume:
        return interrupted_folder(base)
    return base if options.overwrite else free_folder(base)


def say_folder(target: Path, name: str, listener: Listener | None) -> Listener:
    """Say first of all where a run called `name` is written, unless there is nothing new in that; gives the listener.

    Args:
        target: its folder.
        listener: None: nobody listens, so it is said in the notebook that calls, or else on standard error.
    """
    usual = Path(RUNS) / name
    if listener is None:
        if notebook := find_notebook():
            notebook.say(f"folder: {target}")
            return notebook
        print(f"folder: {target}", file=sys.stderr)
        return Listener()
    if target.parent == usual.parent and target.name.startswith(f"{name}-"):
        listener.say(f"folder: {target} ({usual} is taken)")
    return listener


def write_run(
    fitted: Fitted,
    split: Split[Any, Any],
    folder: Path,
    setup: Setup,
    seconds: dict[str, float],
    better: BetterBaseline | None = None,
    update: UpdateResults | None = None,
) -> RunResults:
    """Write all but recipe and history of a run folder.

    Args:
        folder: where to write; `setup` says where it will lie.
        seconds: of each part of the run.
        better: a better baseline.
        update: of a model that has been updated.
    """
    split = split.aim(fitted.bundle.features.target)
    trained, target = fitted.trained, split.features.target
    results = RunResults(
        **(vars(setup) | vars(judge(fitted, split, fitted.bundle.recipe.training.loss)) | target.describe()),
        better_baseline=better,
        seconds=seconds,
        metric=target.metric,
        model=fitted.name,
        parameters=sum(array.size for array in fitted.bundle.weights.values()),
        epochs=len(trained.history),
        best_epoch=trained.best_epoch,
        network=summarise(fitted.bundle.plan, split.train.inputs.shape),
        facts=split.facts,
        update=update,
    )
    _write_predictions(folder, split, fitted)
    _write_mistakes(folder, split, fitted)
    write_bundle(replace(fitted.bundle, profile=_describe_data(fitted, split)), folder / "model")
    write_results(results, folder)
    write_report(folder)
    return results


def describe_setup(recipe: AnyRecipe, options: Options, target: Path) -> Setup:
    """What is run, how and with which versions."""
    packages = ["seqconv", "numpy", *(["torch"] if options.engine == "torch" else ["scikit-learn"])]
    return Setup(
        run=str(target),
        recipe=recipe.name,
        description=recipe.description,
        task=recipe.task,
        engine=options.engine,
        refit=recipe.training.refit,
        settings={name: value for name, value in recipe.to_dict().items() if isinstance(value, dict)},
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
            "threads": count_threads(options.threads),
            "machine": platform.processor() or platform.machine(),
        },
    )


def _describe_data(fitted: Fitted, split: Split[Any, Any]) -> Profile | None:
    """What the training examples are like, and the answers for the test examples."""
    if split.samples is None:
        return None
    scored, test, target = fitted.scored, split.test, fitted.bundle.features.target
    loss, block = fitted.bundle.recipe.training.loss, split.features.block(len(test.targets))
    rates = target.rates(scored.test_outputs, scored.test_bounds, test.targets, loss)
    return Profile.fit([*split.samples(), *target.sample(scored.test_outputs, loss)], rates, block)


def _write_predictions(folder: Path, split: Split[Any, Any], fitted: Fitted) -> None:
    """The test outputs next to their targets, see `Target.to_arrays`."""
    scored, test = fitted.scored, split.test
    target = fitted.bundle.features.target
    found = target.to_arrays(scored.test_outputs, scored.test_bounds, test.targets, test.times, test.keys)
    np.savez_compressed(folder / PREDICTIONS, **found)
    if kept := split.features.keep(test, scored.test_outputs):
        np.savez_compressed(folder / EXAMPLES, **kept)


def _write_mistakes(folder: Path, split: Split[Any, Any], fitted: Fitted) -> None:
    """The surest mistakes in a file of their own: it quotes test examples, so that it can be deleted alone."""
    bundle = fitted.bundle
    loss = bundle.recipe.training.loss
    task = find_task(bundle.recipe)
    found = find_mistakes(lambda: Predictor(bundle), task.explain, split, fitted.scored.test_outputs, loss)
    if found is not None:
        (folder / MISTAKES).write_text(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_report(run: str | Path) -> Path:
    """Write `report.html` of a run folder from what the folder holds, and give its path.

    Raises:
        BundleError: not a run folder, or its files are damaged.
    """
    folder = Path(run)
    results = read_results(folder)
    history = read_history(folder, results).rows
    predictions = read_predictions(folder)
    mistakes = _read_mistakes(folder / MISTAKES)
    try:
        if (folder / EXAMPLES).exists():
            with np.load(folder / EXAMPLES, allow_pickle=False) as stored:
                predictions |= dict(stored)
        page = build_run_page(results, history, predictions, mistakes)
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        raise BundleError(f"{folder}: must be a run as seqconv writes it; {shorten(error)}. Train again") from error
    path = folder / "report.html"
    write_page(path, page)
    return path


def _read_mistakes(path: Path) -> Mistakes | None:
    """None: there is no such file, as of forecasts, and of runs of which no text may be passed on.

    Raises:
        BundleError: it is damaged.
    """
    try:
        return Mistakes.from_dict(read_document(path)) if path.exists() else None
    except (LookupError, OSError, TypeError, ValueError) as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {shorten(error)}. Delete it") from error

"""The files of a run folder: recipe, history, metrics, predictions, report."""

import csv
import json
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.errors import BundleError
from seqconv.models.folders import RESULTS
from seqconv.models.format import write_bundle
from seqconv.networks.summary import summarise
from seqconv.recipes.recipe import AnyRecipe, count_threads
from seqconv.reports.page import write_page
from seqconv.reports.run import _page
from seqconv.tasks.examples import Split
from seqconv.training.fitted import Fitted, judge

HISTORY, RECIPE, PREDICTIONS = "history.csv", "recipe.toml", "predictions.npz"


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


def write_run(fitted: Fitted, split: Split[Any, Any], folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """All but recipe and history of a run folder; `about` and the scores, which `metrics.json` holds."""
    results = about | _results(split, fitted) | judge(fitted, split, fitted.bundle.recipe.training.loss)
    _write_predictions(folder, split, fitted)
    write_bundle(fitted.bundle, folder / "model")
    (folder / RESULTS).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    write_report(folder)
    return results


def _results(split: Split[Any, Any], fitted: Fitted) -> dict[str, Any]:
    shape, features = split.train.inputs.shape, split.features
    plan, trained = fitted.bundle.plan, fitted.trained
    target = features.target
    return {
        "metric": target.metric,
        "model": fitted.name,
        "parameters": sum(array.size for array in fitted.bundle.weights.values()),
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
        "network": [asdict(row) for row in summarise(plan, shape)],
        "facts": split.facts,
        **target.describe(),
    }


def describe_settings(recipe: AnyRecipe, options: Options, target: Path) -> dict[str, Any]:
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


def _write_predictions(folder: Path, split: Split[Any, Any], fitted: Fitted) -> None:
    """The test outputs next to their targets, see `Target.to_arrays`."""
    scored, test = fitted.scored, split.test
    target = fitted.bundle.features.target
    found = target.to_arrays(scored.test_outputs, scored.test_bounds, test.targets, test.times)
    np.savez_compressed(folder / PREDICTIONS, **found)


def write_report(run: str | Path) -> Path:
    """Write `report.html` of a run folder from what the folder holds, and give its path.

    Raises:
        BundleError: not a run folder, or its files are damaged.
    """
    folder = Path(run)
    try:
        results = json.loads((folder / RESULTS).read_text("utf-8"))
        history = _read_history(folder) if results["epochs"] else []
        with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
            predictions = dict(stored)
        page = _page(results, history, predictions)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: must be a run folder; it holds no {Path(error.filename).name}") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{folder}: must be a run folder as seqconv writes it; {error!r}. Train again") from error
    path = folder / "report.html"
    write_page(path, page)
    return path


def _read_history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

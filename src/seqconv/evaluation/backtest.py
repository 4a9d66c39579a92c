"""A recipe refitted and judged on several stretches of a series, or on each fold of labelled examples."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data import datasets
from seqconv.data.records import EncodedTexts, Sequences, SeriesData, Texts
from seqconv.errors import ConfigError
from seqconv.metrics.bootstrap import Bootstrap, paired_interval
from seqconv.metrics.comparison import Comparison, beats_baselines, verdict
from seqconv.metrics.errors import example_errors
from seqconv.models.folders import CHECKPOINT, RESULTS, replace_folder
from seqconv.recipes.recipe import NETWORK, Recipe, SeriesDataConfig, to_toml
from seqconv.reports.backtest import build_backtest_page
from seqconv.reports.page import write_page
from seqconv.tasks.examples import Split
from seqconv.tasks.guessing import Data, draft_recipe
from seqconv.tasks.holdout import fold_rows
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.split import _cut_rows, cut_stretches, join_series
from seqconv.tasks.series.windows import block_length
from seqconv.tasks.text.split import group_texts
from seqconv.training.fitted import judge
from seqconv.training.folder import RECIPE, Options, Run, describe_settings
from seqconv.training.loop import Listener
from seqconv.training.run import Timer, cut_splits, fit_split

WINDOWS = ("growing", "rolling")


PAGE = "report.html"


@dataclass(frozen=True)
class _Fold:
    """One fold's part of the results, and the error of each test example by name of the network or baseline."""

    results: dict[str, Any]
    errors: dict[str, np.ndarray]
    features: Any


def backtest(
    recipe: Recipe | str,
    folds: int = 5,
    window: str = "growing",
    options: Options | None = None,
    listener: Listener | None = None,
    data: Data | None = None,
) -> Run:
    """Fit and judge a recipe on each fold; network and baselines see the same rows, nothing is carried over.

    A series is tested on the later half of its rows, in `folds` equal stretches (rolling origin). Each is forecast by
    a network fitted on what came before, of which the stretch just before the test is the validation split. Texts and
    sequences are cut into stratified folds, copies of a text together; validation is held out of the other folds as
    the recipe says. Test examples that come apart from the training examples are then left out.

    Args:
        recipe: also a recipe's name, a TOML file, or a data file or folder.
        window: `growing`: a series is trained on from its start; `rolling`: on as many rows as the first fold has.
        options: `out`: None: `runs/<recipe>-backtest`.
        data: the recipe's data, where they are in memory already.

    Raises:
        ConfigError: fewer than two folds, more than there are examples, an unknown window, or a baseline as model.
        SeqconvError: a mistake in the recipe or the data; nothing is left behind.
    """
    if isinstance(recipe, str):
        draft = draft_recipe(recipe)
        recipe, data = draft.recipe, data or draft.data
    options, listener = options or Options(), listener or Listener()
    if window not in WINDOWS:
        raise ConfigError(f"--window must be {' or '.join(WINDOWS)}; got {window!r}")
    if recipe.training.model != NETWORK:
        raise ConfigError(f"--model: must be {NETWORK}, which baselines are scored beside; got {recipe.training.model}")
    if folds < 2:
        raise ConfigError(f"--folds must be at least 2; got {folds}")
    target = options.out or Path("runs") / f"{recipe.name}-backtest"
    started = time.perf_counter()
    with replace_folder(target, RESULTS) as folder:
        data = data or datasets.load(recipe.data, listener.download)
        found = []
        for number, (about, part) in enumerate(_cut_folds(data, recipe, folds, window), 1):
            listener.say(f"fold {number} of {folds}: {_say_facts(about)}")
            found.append(_run_fold(recipe, part, options, _make_folder(folder, number), listener))
            found[-1].results.update({"fold": number} | about)
            listener.say(f"fold {number} of {folds}: {_say_scores(found[-1].results, found[0].features.metric)}")
        results = describe_settings(recipe, options, target) | {"window": window} | _sum_up(found, recipe)
        results["seconds"] = time.perf_counter() - started
        (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
        (folder / RESULTS).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
        write_page(folder / PAGE, build_backtest_page(results))
    return Run(target, results)


def _make_folder(folder: Path, number: int) -> Path:
    made = folder / f"fold-{number}"
    made.mkdir()
    return made


def _say_facts(about: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items())


def _say_scores(results: dict[str, Any], metric: str) -> str:
    best = [f"{row['name']} {row['test'][metric]:.4f}" for row in results["baselines"]]
    return ", ".join([f"{metric} {results['test'][metric]:.4f}", *best])


# What each fold is made of


def _cut_folds(data: Data, recipe: Recipe, folds: int, window: str) -> Iterator[tuple[dict[str, Any], Data]]:
    """Facts about each fold, and its data: three stretches of a series, or the other folds and this one."""
    if isinstance(data, SeriesData):
        assert isinstance(recipe.data, SeriesDataConfig)
        series, _ = join_series(data, recipe.data)
        for bounds in cut_stretches(series.times, folds, window):
            parts = [_cut_rows(series, first, last) for first, last in pairwise(bounds)]
            stamps = {name: str(parts[2].times[row]).replace("T", " ") for name, row in (("from", 0), ("to", -1))}
            yield {"train_rows": len(parts[0].times), **stamps}, SeriesData(parts[0], parts[2], parts[1])
        return
    labels = data.train.labels
    groups = None if isinstance(data.train, Sequences) else group_texts(data.train)
    most = len(labels) if groups is None else int(groups.max(initial=-1)) + 1
    if folds > most:
        raise ConfigError(f"--folds must be at most {most}, the different examples of {data.train.source}; got {folds}")
    places = fold_rows(labels, groups, folds, np.random.default_rng([recipe.training.seed, 3]))
    for fold in range(folds):
        rest, tested = (_take(data.train, np.flatnonzero(inside)) for inside in (places != fold, places == fold))
        yield {"train_rows": len(rest.labels), "test_rows": len(tested.labels)}, replace(data, train=rest, test=tested)


def _take(examples: Texts | EncodedTexts | Sequences, rows: np.ndarray) -> Any:
    if isinstance(examples, Texts):
        return replace(examples, texts=[examples.texts[row] for row in rows], labels=examples.labels[rows])
    return examples.take(rows)


# One fold, and all of them


def _run_fold(recipe: Recipe, data: Data, options: Options, folder: Path, listener: Listener) -> _Fold:
    split = cut_splits(data, recipe, options.threads)
    loss, timer = recipe.training.loss, Timer()
    fitted = fit_split(recipe, split, options, folder, listener, timer)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    errors = {NETWORK: _test_errors(fitted.scored.test_outputs, split, loss)}
    for baseline in fitted.baselines:  # they give logits
        errors[baseline.name] = _test_errors(
            baseline.test_outputs, split, "binary_crossentropy" if loss == "as_printed" else loss
        )
    results = judge(fitted, split, loss)
    results |= {"epochs": len(fitted.trained.history), "best_epoch": fitted.trained.best_epoch}
    results |= {"train": {"n": len(split.train.targets)}, "seconds": timer.seconds["train"]}
    return _Fold(results, errors, split.features)


def _test_errors(outputs: np.ndarray, split: Split, loss: str) -> np.ndarray:
    """Of each test example, `[N]`: forecasts in the target's unit, because each fold is scaled by its own rows."""
    targets, features = split.test.targets, split.features
    if isinstance(features, SeriesFeatures):
        return np.asarray((np.abs(outputs.astype(np.float64) - targets) * features.output_scale).mean(axis=1))
    return example_errors(outputs, targets, loss)


def _sum_up(folds: list[_Fold], recipe: Recipe) -> dict[str, Any]:
    """Scores over the test examples of all folds together, and the comparison with the baselines on them."""
    features = folds[0].features
    names = [name for name in folds[0].errors if all(name in fold.errors for fold in folds)]
    errors = {name: np.concatenate([fold.errors[name] for fold in folds]) for name in names}
    count = len(errors[NETWORK])
    is_forecast = isinstance(features, SeriesFeatures)
    block = block_length(features.spec, count) if is_forecast else 1
    rows = [_describe(name, errors[name], folds, block, is_forecast) for name in names]
    # the strongest first: the one with the best validation scores
    strength = {name: _mean_validation(folds, name, features.metric) * (1 if is_forecast else -1) for name in names[1:]}
    comparisons = [
        Comparison(name, *paired_interval(errors[NETWORK], errors[name], block, recipe.training.seed))
        for name in sorted(strength, key=lambda name: strength[name])
    ]
    return {
        "metric": features.metric,
        "n": count,
        "network": rows[0],
        "baselines": rows[1:],
        "comparisons": [each.to_dict() for each in comparisons],
        "verdict": verdict(comparisons),
        "beats_baselines": beats_baselines(comparisons) if comparisons else None,
        "folds": [fold.results for fold in folds],
        **({"targets": list(features.targets)} if is_forecast else {"classes": list(features.classes)}),
    }


def _describe(name: str, errors: np.ndarray, folds: list[_Fold], block: int, is_forecast: bool) -> dict[str, Any]:
    """The score over all test examples with its interval, and mean and standard deviation of the folds' scores."""

    def score(error: Any) -> Any:
        return error if is_forecast else 1 - error

    each = np.array([score(fold.errors[name].mean()) for fold in folds])
    found = Bootstrap({"score": score(errors)}, block).estimate(lambda sums: sums["score"] / sums["rows"])
    return {
        "name": name,
        **found.to_dict(),
        "fold_mean": float(each.mean()),
        "fold_std": float(each.std(ddof=1)),
        "by_fold": each.tolist(),
    }


def _mean_validation(folds: list[_Fold], name: str, metric: str) -> float:
    found = [row["validation"][metric] for fold in folds for row in fold.results["baselines"] if row["name"] == name]
    return float(np.mean(found))

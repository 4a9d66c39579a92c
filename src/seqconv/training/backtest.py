"""A recipe refitted and judged on several stretches of a series, or on each fold of labelled examples."""

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.display import Card, Shown
from seqconv.errors import OptionError
from seqconv.metrics.bootstrap import Bootstrap, fill_flat, paired_interval
from seqconv.metrics.comparison import Comparison, beats_baselines, tone, verdict
from seqconv.metrics.errors import Metrics
from seqconv.models.folders import FOLD, RESULTS, replace_folder
from seqconv.models.results import write_results
from seqconv.networks.threads import count_threads
from seqconv.recipes.durations import parse_budget
from seqconv.recipes.recipe import AnyRecipe, to_toml
from seqconv.reports.backtest import build_backtest_page
from seqconv.reports.page import write_page
from seqconv.reports.tables import backtest_rows
from seqconv.tasks.examples import Features
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import BacktestResults, FoldFacts, FoldResults, FoldScores, Setup
from seqconv.tasks.scoring import weigh_errors
from seqconv.tasks.target import Target
from seqconv.tasks.task import Data
from seqconv.training.budget import Timer
from seqconv.training.fitted import judge, settle_model
from seqconv.training.fitting import fit_split
from seqconv.training.folder import RECIPE, Options, choose_folder, describe_setup, say_folder
from seqconv.training.history import HISTORY
from seqconv.training.loop import Listener
from seqconv.training.parallel import count_workers, run_each
from seqconv.training.sources import open_source, split_options

WINDOWS = ("growing", "rolling")
PAGE = "report.html"


@dataclass(frozen=True)
class _Fold:
    """One fold's part of the results, its `history.csv` (empty without a network), the error of each test example by
    name of the model (first) or baseline, how baselines are called within a sentence, and what each test example weighs
    in comparisons."""

    results: FoldResults
    history: str
    errors: dict[str, np.ndarray]
    spoken: dict[str, str]
    features: Features
    weights: np.ndarray | None


@dataclass(frozen=True, repr=False)
class Backtest(Shown):
    """A finished backtest: its folder and what `metrics.json` holds."""

    folder: Path
    results: BacktestResults

    def card(self) -> Card:
        """The verdict, and every model's score over all folds."""
        results = self.results
        head, rows = backtest_rows(results)
        return Card(results.verdict, (f"report: {self.folder / PAGE}",), [head, *rows], tone(results.comparisons))


def backtest(
    source: Any,
    folds: int = 5,
    window: str = "growing",
    options: Options | None = None,
    listener: Listener | None = None,
    data: Data | None = None,
    notes: Sequence[str] = (),
    **settings: Any,
) -> Backtest:
    """Fit and judge a recipe on each fold; model and baselines see the same rows, nothing is carried over.

    A series is tested on the later half of its rows, in `folds` equal stretches (rolling origin). Each is forecast by
    a model fitted on what came before, of which the stretch just before the test is the validation split. Texts and
    sequences are cut into stratified folds, copies of a text together; validation is held out of the other folds as
    the recipe says. Test examples that come apart from the training examples are then left out.

    Folds are fitted one after the other, or where `joblib.parallel_config` says, with the same results.

    Args:
        source: as for `train`.
        window: `growing`: a series is trained on from its start; `rolling`: on as many rows as the first fold has.
        options: `out`: None: `runs/<recipe>-backtest`, or the next number where that is taken.
        listener: None: progress is shown in a notebook; elsewhere the folder is named on standard error.
        data: the recipe's data, where they are in memory already.
        notes: what has been inferred for the recipe, said after the folder.
        settings: `network`, settings of the recipe and fields of `Options`, as for `train`.

    Raises:
        ConfigError: fewer than two folds, more than there are examples, or an unknown window.
        SeqconvError: a mistake in the recipe or the data; nothing is left behind.
    """
    options, settings = split_options(options, settings)
    if window not in WINDOWS:
        raise OptionError(f"window must be {' or '.join(WINDOWS)}; got {window!r}")
    if folds < 2:
        raise OptionError(f"folds must be at least 2; got {folds}")
    suggested = open_source(source, settings.pop("network", None), settings)
    recipe, data, notes = settle_model(suggested.recipe), data or suggested.data, (*notes, *suggested.notes)
    name = f"{recipe.name}-backtest"
    target = choose_folder(options, name)
    started = time.perf_counter()
    with replace_folder(target, RESULTS, options.overwrite) as folder:
        listener = say_folder(target, name, listener)
        for note in notes:
            listener.say(note)
        data = data or find_task(recipe).load(recipe.data, listener.download)
        calls = _list_folds(recipe, data, (folds, window), options, started, listener)
        found = []
        for fold in run_each(_run_fold, calls, folds, listener):
            found.append(fold)
            number = fold.results.fold
            _write_history(folder / FOLD.format(number), fold.history)
            listener.say(f"fold {number} of {folds}: {_say_scores(fold.results, found[0].features.target.metric)}")
        setup = describe_setup(recipe, options, target)
        results = _sum_up(found, recipe, setup, window, time.perf_counter() - started)
        (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
        write_results(results, folder)
        write_page(folder / PAGE, build_backtest_page(results))
    return Backtest(target, results)


def _list_folds(
    recipe: AnyRecipe, data: Data, cut: tuple[int, str], options: Options, started: float, listener: Listener
) -> Iterator[tuple[int, FoldFacts, Data, AnyRecipe, Options]]:
    """What `_run_fold` takes, of each fold; each has its share of the time that is left."""
    folds, workers = cut[0], count_workers()
    for place, (facts, part) in enumerate(find_task(recipe).fold(data, recipe, *cut)):
        listener.say(f"fold {place + 1} of {folds}: {_say_facts(facts)}")
        rounds = math.ceil(folds / workers) - place // workers  # from this one on
        yield place + 1, facts, part, _share_budget(recipe, started, rounds), options


def _share_budget(recipe: AnyRecipe, started: float, rounds: int) -> AnyRecipe:
    """The recipe for the next of so many rounds, with its share of the time that is left."""
    if not recipe.training.budget:
        return recipe
    left = max(parse_budget(recipe.training.budget) - (time.perf_counter() - started), 0.001)
    return replace(recipe, training=replace(recipe.training, budget=f"{left / rounds:.3f}s"))


def _write_history(folder: Path, history: str) -> None:
    folder.mkdir()
    if history:
        (folder / HISTORY).write_text(history, "utf-8")


def _say_facts(facts: FoldFacts) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.to_dict().items())


def _say_scores(results: FoldResults, metric: str) -> str:
    best = [f"{row.name} {row.test[metric]:.4f}" for row in results.baselines]
    return ", ".join([f"{metric} {results.test[metric]:.4f}", *best])


# One fold, and all of them


def _run_fold(
    number: int, facts: FoldFacts, data: Data, recipe: AnyRecipe, options: Options, listener: Listener
) -> _Fold:
    split = find_task(recipe).split(data, recipe, count_threads(options.threads), None)
    loss, timer = recipe.training.loss, Timer(recipe.training.budget)
    with tempfile.TemporaryDirectory(prefix="seqconv-") as place:
        fitted = fit_split(recipe, split, options, Path(place), listener, timer)
        written = Path(place) / HISTORY
        history = written.read_text("utf-8") if written.exists() else ""
    target = fitted.bundle.features.target
    # each fold is scaled by its own rows
    errors = {recipe.training.model: target.errors_in_units(fitted.scored.test_outputs, split.test.targets, loss)}
    for baseline in fitted.baselines:
        own_target = baseline.target or target
        errors[baseline.name] = own_target.errors_in_units(baseline.test_outputs, split.test.targets, target.loss)
    spoken = {baseline.name: baseline.spoken for baseline in fitted.baselines}
    results = FoldResults(
        **vars(judge(fitted, split, loss)),
        **vars(facts),
        fold=number,
        epochs=len(fitted.trained.history),
        best_epoch=fitted.trained.best_epoch,
        train={"n": len(split.train.targets)},
        seconds=timer.seconds["train"],
    )
    return _Fold(results, history, errors, spoken, split.features, weigh_errors(split.test, target))


def _sum_up(folds: list[_Fold], recipe: AnyRecipe, setup: Setup, window: str, seconds: float) -> BacktestResults:
    """Scores over the test examples of all folds together, and the comparison with the baselines on them."""
    features = folds[0].features
    target, spoken, task = features.target, folds[0].spoken, find_task(recipe)
    names = [name for name in folds[0].errors if all(name in fold.errors for fold in folds)]
    errors = {name: np.concatenate([fold.errors[name] for fold in folds]) for name in names}
    own, *others = names
    count = len(errors[own])
    block = features.block(count)
    rows = [_describe(name, errors[name], folds, block, target) for name in names]
    parts = [fold.weights for fold in folds if fold.weights is not None]
    weights = np.concatenate(parts) if parts else 1.0
    scores: dict[str, Metrics] = {row.name: {target.metric: row.value, "n": count} for row in rows}
    comparisons = [
        Comparison(
            name,
            *paired_interval(errors[own] * weights, errors[name] * weights, block, recipe.training.seed),
            spoken=spoken[name],
            score=target.show_score(scores[name]),
        )
        # the strongest first: the one with the best validation scores
        for name in sorted(others, key=lambda name: _mean_rank(folds, name, target))
    ]
    return BacktestResults(
        **(vars(setup) | target.describe()),
        window=window,
        metric=target.metric,
        n=count,
        network=rows[0],
        baselines=rows[1:],
        comparisons=comparisons,
        verdict=verdict(comparisons, replace(target.say_score(scores[own], task.key), weighted=bool(parts))),
        beats_baselines=beats_baselines(comparisons) if comparisons else None,
        folds=[fold.results for fold in folds],
        seconds=seconds,
    )


def _describe(name: str, errors: np.ndarray, folds: list[_Fold], block: int, target: Target) -> FoldScores:
    """The score over all test examples with its interval, and mean and standard deviation of the folds' scores."""
    each = np.array([target.to_metric(fold.errors[name].mean()) for fold in folds])
    scores = target.to_metric(errors)
    found = Bootstrap({"score": scores}, block).estimate(lambda sums: sums["score"] / sums["rows"])
    found = fill_flat(found, len(scores)) if target.fraction else found
    return FoldScores(
        name, found.value, found.low, found.high, float(each.mean()), float(each.std(ddof=1)), each.tolist()
    )


def _mean_rank(folds: list[_Fold], name: str, target: Target) -> float:
    rows = [row for fold in folds for row in fold.results.baselines if row.name == name]
    return float(np.mean([target.rank(row.validation) for row in rows]))

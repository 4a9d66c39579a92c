"""A search over a recipe's settings, within a time budget; the best and the default are judged once on test rows."""

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqconv.data.display import Card, Shown
from seqconv.data.records import count
from seqconv.errors import OptionError, need
from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.comparison import Comparison, Score, verdict
from seqconv.metrics.errors import Metrics
from seqconv.models.folders import BEST, CHECKPOINT, RESULTS, replace_folder
from seqconv.models.results import write_results
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe, to_toml
from seqconv.recipes.spaces import Space
from seqconv.reports.page import write_page
from seqconv.reports.tables import trial_rows
from seqconv.reports.tuning import build_tuning_page
from seqconv.tasks.compared import ComparedRun
from seqconv.tasks.completion import settle
from seqconv.tasks.kinds import find_task
from seqconv.tasks.target import Target
from seqconv.tasks.task import Data
from seqconv.tasks.tuned import COMPLETE, DEFAULT, Trial, TuneResults
from seqconv.training.budget import Timer
from seqconv.training.comparison import compare_runs
from seqconv.training.fitted import settle_model
from seqconv.training.fitting import fit_split
from seqconv.training.folder import RECIPE, Options, choose_folder, describe_setup, say_folder, write_run
from seqconv.training.loop import Listener
from seqconv.training.sources import open_source, split_options
from seqconv.training.spaces import read_space
from seqconv.training.trials import Judge, Search

TRIED = 30  # trials without a budget, unless a number is given
STARTED = "default"  # the run next to the best one
PAGE = "report.html"


@dataclass(frozen=True, repr=False)
class Tuning(Shown):
    """A finished search: its folder, in which `best` is the run of the best settings, and what `metrics.json` holds."""

    folder: Path
    results: TuneResults

    def card(self) -> Card:
        """The verdict, and every trial."""
        results = self.results
        head, rows = trial_rows(results)
        tone = "good" if results.beats_default else ""
        return Card(results.verdict, (f"report: {self.folder / PAGE}",), [head, *rows], tone)


def tune(
    source: Any,
    trials: int = 0,
    space: Space | str | Path | None = None,
    options: Options | None = None,
    listener: Listener | None = None,
    data: Data | None = None,
    notes: Sequence[str] = (),
    **settings: Any,
) -> Tuning:
    """Search for settings that are better on the validation rows, and judge the best once on the test rows.

    The recipe as it is comes first. Further settings are drawn by Optuna and pruned by successive halving. No trial
    sees the test rows; at the end the best and the default are fitted as `train` fits them, and compared on these.

    Args:
        source: as for `train`.
        trials: how many besides the default; 0: as many as there is time for, or 30 without a budget.
        space: what is varied, a TOML file or such a table, see `read_space`; None: the usual of the task.
        options: `out`: None: `runs/<recipe>-tune`, or the next number where that is taken. `resume`: go on with the
            trials of an interrupted search.
        listener: None: progress is shown in a notebook; elsewhere the folder is named on standard error.
        data: the recipe's data, where they are in memory already.
        notes: what has been inferred for the recipe, said after the folder.
        settings: `budget`, the time for all of it, such as "10m"; `network`, other settings of the recipe and fields
            of `Options`, as for `train`.

    Raises:
        MissingExtra: Optuna is not installed.
        SeqconvError: a mistake in the recipe, the space or the data.
        KeyboardInterrupt: the folder `<out>.partial` keeps the trials and the recipe of the best.
    """
    need("optuna", "tune")
    options, settings = split_options(options, settings)
    if trials < 0:
        raise OptionError(f"trials must be at least 1; got {trials}")
    suggested = open_source(source, settings.pop("network", None), settings)
    recipe, budget = settle_model(suggested.recipe), suggested.recipe.training.budget
    recipe = replace(recipe, training=replace(recipe.training, budget=""))
    choices = read_space(space, recipe)
    name = f"{recipe.name}-tune"
    target, timer = choose_folder(options, name), Timer(budget)
    with replace_folder(target, RESULTS, options.overwrite, options.resume) as folder:
        listener = say_folder(target, name, listener)
        for note in (*notes, *suggested.notes):
            listener.say(note)
        data = data or suggested.data or find_task(recipe).load(recipe.data, listener.download)
        recipe = settle(recipe, data)
        judge = Judge(recipe, choices, data, options)
        search = Search(folder, recipe, choices, judge.fingerprint)
        try:
            _search(search, judge, trials or (0 if budget else TRIED), timer, listener)
            results = _judge(search, data, options, (folder, target), (budget, timer), listener)
        finally:
            search.close()
        write_results(results, folder)
        write_page(folder / PAGE, build_tuning_page(results))
    return Tuning(target, results)


def _search(search: Search, judge: Judge, trials: int, timer: Timer, listener: Listener) -> None:
    """Trials until there are enough, or there is only time left to judge the best.

    Args:
        trials: besides the default; 0: any number.
    """
    done = search.list_trials()
    if done:
        listener.say(f"resuming after {count(len(done) - 1, 'trial')}")
    else:
        done = [search.run_default(judge)]
        listener.say(f"default: {_say_validation(done[0], judge)}, {done[0].seconds:.1f} s")
    recipe, best = search.recipe, search.find_best()
    least = 0.0 if recipe.has_layers else done[0].seconds  # of a trial that cannot be cut short
    while not trials or len(done) <= trials:
        timer.reserved = (2 if recipe.training.refit else 1) * (done[0].seconds + best.seconds)
        if timer.left <= least:
            return
        trial = search.run_next(judge, timer.until - timer.reserved)
        if trial is None:
            listener.say("no settings are left that have not been tried")
            return
        done.append(trial)
        best = search.find_best()
        (search.folder / RECIPE).write_text(to_toml(search.rebuild(best)), "utf-8")
        said = trial.says if trial.rank is None else _say_validation(trial, judge)
        listener.say(f"trial {trial.number}: {said}, {trial.seconds:.1f} s; {trial.values}")
        if best.number == trial.number:
            listener.say(f"best so far: trial {trial.number}")


def _say_validation(trial: Trial, judge: Judge) -> str:
    return f"validation {judge.judged} {trial.validation[judge.judged]:.4f}"


def _judge(
    search: Search,
    data: Data,
    options: Options,
    places: tuple[Path, Path],
    limits: tuple[str, Timer],
    listener: Listener,
) -> TuneResults:
    """The best and the default, fitted as `train` does and compared on the test rows."""
    (folder, target), best, trials = places, search.find_best(), search.list_trials()
    recipe = search.rebuild(best)
    (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
    tried = {BEST: (recipe, options), STARTED: (search.recipe, replace(options, baselines=False))}
    if best.number == DEFAULT:
        del tried[STARTED]
    tested: dict[str, Metrics] = {}
    for name, (each, own) in tried.items():
        listener.say(f"{name}: fitting it for the test rows")
        tested[name], aimed = _fit_run(each, data, own, (folder / name, target / name), listener)
    improvement = None
    if STARTED in tested:
        found = compare_runs([folder / STARTED, folder / BEST])
        improvement = found.runs[1].improvement
        for name, run in zip((STARTED, BEST), found.runs, strict=True):
            tested[name] = _keep_shared(tested[name], run, found.n)
    default = tested.get(STARTED, tested[BEST])
    clear = improvement is not None and improvement.low > 0
    score = aimed.say_score(tested[BEST], find_task(recipe).key)
    finished = sum(each.state == COMPLETE for each in trials[1:])
    return TuneResults(
        **vars(describe_setup(recipe, options, target)),
        metric=aimed.metric,
        judged=aimed.judged or aimed.metric,
        budget=limits[0],
        varied=[each.name for each in search.choices],
        trials=trials,
        best=best.number,
        default_test=default,
        best_test=tested[BEST],
        improvement=improvement,
        beats_default=clear,
        verdict=_say_verdict(improvement, score, aimed.show_score(default), finished),
        seconds=time.perf_counter() - limits[1].started,
    )


def _keep_shared(test: Metrics, run: ComparedRun, rows: int) -> Metrics:
    """Test metrics on the rows that both runs have, where one has more: those that are compared."""
    if rows == test["n"]:
        return test
    return {name: run.metrics[name].value for name in test if name in run.metrics} | {"n": rows}


def _say_verdict(improvement: Estimate | None, score: Score, default: str, trials: int) -> str:
    """Whether the best is better than the default, in a sentence or two."""
    if improvement is None:
        none = f"none of {trials} finished trials is" if trials > 1 else "the one finished trial is not"
        why = f"{none}, on the validation rows" if trials else "no other trial was finished"
        return f"No better than the default: {why}. {score.text}."
    value, low, high = improvement.value, improvement.low, improvement.high
    found = Comparison("default", value, low, high, spoken="the default", score=default)
    if not math.isfinite(improvement.value):
        return f"No better than the default, which makes no error. {score.text}."
    said = verdict([found], score)
    return said if improvement.low > 0 else f"No better than the default on the test rows. {said}"


def _fit_run(
    recipe: AnyRecipe, data: Data, options: Options, places: tuple[Path, Path], listener: Listener
) -> tuple[Metrics, Target]:
    """A run folder at the first of two places that will lie at the second; its test metrics, and what they are of."""
    folder, target = places
    timer = Timer()
    split = find_task(recipe).split(data, recipe, count_threads(options.threads), None)
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was cut short
    folder.mkdir()
    (folder / RECIPE).write_text(to_toml(recipe), "utf-8")
    fitted = fit_split(recipe, split, options, folder, listener, timer)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    seconds = timer.seconds | {"total": time.perf_counter() - timer.started}
    write_run(fitted, split, folder, describe_setup(recipe, options, target), seconds)
    return fitted.scored.test, fitted.bundle.features.target

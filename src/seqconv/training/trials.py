"""Trials of a search: settings are drawn by Optuna, judged on the validation rows, kept in its store."""

import contextlib
import math
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.records import count
from seqconv.errors import BundleError, ConfigError, OptionError, SeqconvError, need, shorten
from seqconv.metrics.errors import Metrics
from seqconv.models.folders import TRIALS
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.examples import Split, fingerprint
from seqconv.tasks.kinds import find_task
from seqconv.tasks.task import Data
from seqconv.tasks.tuned import COMPLETE, DEFAULT, FAILED, PRUNED, Trial
from seqconv.training.budget import Timer
from seqconv.training.checkpoint import Epoch
from seqconv.training.fitting import fit_split
from seqconv.training.folder import Options
from seqconv.training.loop import Listener
from seqconv.training.spaces import Choice, Value, apply_choices

REDUCTION = 3  # of three trials that reach a rung, the best goes on
RUNGS = 3  # of which the last is two thirds before the end
DRAWS = 1000  # by chance, of settings that have been tried: there are hardly any others
MEASURES = ("training.loss", "training.class_weight")  # of validation losses: others cannot be compared with them
STUDY = "tune"


class Judged(NamedTuple):
    """What a recipe reached on the validation rows; a smaller rank is better."""

    rank: float
    metrics: Metrics
    epochs: int


class Judge:
    """Fits recipes to the training rows and judges them on the validation rows; test rows are never predicted.

    Args:
        choices: what trials vary. All are judged on the validation rows that each of the values leaves: a longer
            lookback leaves fewer.
    """

    def __init__(self, recipe: AnyRecipe, choices: list[Choice], data: Data, options: Options) -> None:
        self.data, self.options = data, replace(options, baselines=False)
        first = self._cut(recipe)
        target, self.identity = first.features.target, first.features.identity()
        self.judged = target.judged or target.metric  # the validation metric
        self.times = first.validation.times
        for choice in choices if self.times is not None else ():
            for value in choice.values if choice.home == recipe.features.section() else ():
                with contextlib.suppress(SeqconvError):  # its trial will tell
                    other = self._cut(apply_choices(recipe, [choice], {choice.name: value})).validation.times
                    if self.times is not None and other is not None:
                        self.times = np.intersect1d(self.times, other)
        self.fingerprint = fingerprint(first)
        self.kept = recipe.features, self._keep_common(first)
        self.rows = len(self.kept[1].validation.targets)

    def fit(self, recipe: AnyRecipe, listener: Listener) -> Judged:
        """One recipe, without a last fit to training and validation rows.

        Raises:
            SeqconvError: it cannot be fitted, or would predict something else.
        """
        if self.kept[0] != recipe.features:
            self.kept = recipe.features, self._keep_common(self._cut(recipe))
        split = self.kept[1]
        if split.features.identity() != self.identity or len(split.validation.targets) != self.rows:
            raise ConfigError("must predict what the default does, for the same rows")
        single = replace(recipe, training=replace(recipe.training, refit=False))
        with tempfile.TemporaryDirectory(prefix="seqconv-") as place:
            fitted = fit_split(single, split, self.options, Path(place), listener, Timer())
        metrics = fitted.scored.validation
        return Judged(split.features.target.rank(metrics), metrics, len(fitted.trained.history))

    def _cut(self, recipe: AnyRecipe) -> Split[Any, Any]:
        return find_task(recipe).split(self.data, recipe, count_threads(self.options.threads), None)

    def _keep_common(self, split: Split[Any, Any]) -> Split[Any, Any]:
        """The same with the validation examples that all trials have, which stand for those of the test too."""
        part = split.validation
        if self.times is not None and part.times is not None:
            part = part.take(np.flatnonzero(np.isin(part.times, self.times)))
        return replace(split, validation=part, test=part)


class _Watch(Listener):
    """Reports what a trial has reached, and ends it if it falls behind or there is no time left.

    Args:
        until: when it must end, on the clock of `time.perf_counter`; None: it goes on, whatever it reaches.
        pruned: the error that ends it.
    """

    def __init__(self, trial: Any, rungs: Iterable[int], until: float | None, pruned: type[Exception]) -> None:
        self.trial, self.rungs, self.until, self.pruned = trial, set(rungs), until, pruned

    def end_epoch(self, epoch: Epoch) -> None:
        if epoch.epoch in self.rungs:
            self.trial.report(epoch.validation_loss, epoch.epoch)
            if self.until is not None and self.trial.should_prune():
                raise self.pruned(f"behind others after {count(epoch.epoch, 'epoch')}")
        if self.until is not None and time.perf_counter() > self.until:
            raise self.pruned("no time was left")


class Search:
    """The trials of one search, in `trials.db` of its folder.

    Args:
        data: fingerprint of the training examples.

    Raises:
        MissingExtra: Optuna is not installed.
        BundleError: the store is damaged.
        OptionError: it is of another recipe or space, or of other data.
    """

    def __init__(self, folder: Path, recipe: AnyRecipe, choices: list[Choice], data: str = "") -> None:
        self.optuna = need("optuna", "tune")
        self.folder, self.recipe, self.choices = folder, recipe, choices
        table = recipe.to_dict()
        self.own = {each.name: value for each in choices if (value := each.find_own(table)) is not None}
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        epochs = recipe.training.epochs
        # a first epoch says how quickly a network learns, not how well
        rungs = sorted({epochs // REDUCTION**power for power in range(1, RUNGS)} - {0, 1})
        self.rungs = [] if any(each.name in MEASURES for each in choices) else rungs
        self.store, self.study = self._open(folder / TRIALS, min(rungs, default=1))
        # one that goes on draws other values than it began with
        seed = recipe.training.seed + len(self.study.trials)
        self.study.sampler = self.optuna.samplers.TPESampler(seed=seed)
        self.chance = self.optuna.create_study(sampler=self.optuna.samplers.RandomSampler(seed=seed))
        origin = {"recipe": recipe.to_dict(), "space": [repr(each) for each in choices], "data": data}
        if self.study.user_attrs.setdefault("origin", origin) != origin:
            self.close()
            raise OptionError("resume needs the same recipe, data and space as before; they differ. Leave it out")
        self.study.set_user_attr("origin", origin)
        for trial in self.study.get_trials(deepcopy=False, states=(self.optuna.trial.TrialState.RUNNING,)):
            self.study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)  # of a process that was killed

    def _open(self, path: Path, least: int) -> tuple[Any, Any]:
        """The store in a file, and its study; `least`: epochs of the first rung."""
        pruner = self.optuna.pruners.SuccessiveHalvingPruner(min_resource=least, reduction_factor=REDUCTION)
        connect = partial(sqlite3.connect, path)  # a URL would end at a question mark of the path
        try:
            store = self.optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": connect})
            study = self.optuna.create_study(
                storage=store, study_name=STUDY, load_if_exists=True, pruner=pruner, direction="minimize"
            )
        except (self.optuna.exceptions.OptunaError, need("sqlalchemy.exc", "tune").SQLAlchemyError) as error:
            says = "must hold trials as seqconv writes them; it does not. Begin anew with --overwrite"
            raise BundleError(f"{path}: {says} (overwrite=True in Python)") from error
        return store, study

    def close(self) -> None:
        """Let go of the store."""
        self.store.remove_session()
        self.store.engine.dispose()

    def list_trials(self) -> list[Trial]:
        """Those that have ended, the default first; none that an interruption has cut short."""
        trials = self.study.get_trials(deepcopy=False)
        return [Trial.from_dict(each.user_attrs["found"]) for each in trials if "found" in each.user_attrs]

    def find_best(self) -> Trial:
        """The first of those with the smallest rank."""
        found = [each for each in self.list_trials() if each.rank is not None]
        return min(found, key=lambda each: each.rank if each.rank is not None else 0.0)

    def rebuild(self, trial: Trial) -> AnyRecipe:
        """The recipe that was tried."""
        return self.recipe if trial.number == DEFAULT else apply_choices(self.recipe, self.choices, trial.settings)

    def run_default(self, judge: Judge) -> Trial:
        """The recipe as it was, which is neither pruned nor cut short.

        Raises:
            SeqconvError: it cannot be fitted.
        """
        own, started = self.own, time.perf_counter()
        self.study.enqueue_trial(own)
        trial = self.study.ask()
        for choice in self.choices:
            if choice.name in own:
                self._suggest(trial, choice)
        watch = _Watch(trial, self.rungs, None, self.optuna.TrialPruned)
        return self._tell(trial, own, started, judge.fit(self.recipe, watch))

    def run_next(self, judge: Judge, until: float) -> Trial | None:
        """One more; None: no other settings are found.

        Args:
            until: when it must end, on the clock of `time.perf_counter`.
        """
        started = time.perf_counter()
        if (drawn := self._draw()) is None:
            return None
        trial, values = drawn
        watch = _Watch(trial, self.rungs, until, self.optuna.TrialPruned)
        try:
            found = judge.fit(apply_choices(self.recipe, self.choices, values), watch)
        except self.optuna.TrialPruned as why:
            return self._tell(trial, values, started, why)
        except (ArithmeticError, LookupError, MemoryError, SeqconvError, ValueError) as why:  # such as too few rows
            return self._tell(trial, values, started, why)
        return self._tell(trial, values, started, found)

    def _draw(self) -> tuple[Any, dict[str, Value]] | None:
        """A new trial and its values, which no other has; None: none are found."""
        tried = [each.settings for each in self.list_trials()]
        spaces = [math.inf if choice.span else len(choice.values) for choice in self.choices]
        if sum(len(each) == len(self.choices) for each in tried) >= math.prod(spaces):
            return None
        trial = self.study.ask()
        values = self._suggest_all(trial)
        if values not in tried:
            return trial, values
        self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        # the sampler may draw the same again and again
        drawn = (self._suggest_all(self.chance.ask()) for _ in range(DRAWS))
        found = next((each for each in drawn if each not in tried), None)
        if found is None:
            return None
        self.study.enqueue_trial(found)
        trial = self.study.ask()
        return trial, self._suggest_all(trial)

    def _suggest_all(self, trial: Any) -> dict[str, Value]:
        return {choice.name: self._suggest(trial, choice) for choice in self.choices}

    def _suggest(self, trial: Any, choice: Choice) -> Value:
        if not choice.span:
            value: Value = trial.suggest_categorical(choice.name, choice.values)
            return value
        low, high = choice.values
        draw = trial.suggest_int if isinstance(low, int) and isinstance(high, int) else trial.suggest_float
        drawn: Value = draw(choice.name, low, high, log=choice.log)
        return drawn

    def _tell(self, trial: Any, values: dict[str, Value], started: float, found: Judged | Exception) -> Trial:
        """Keep what a trial found, or why it ended."""
        changed = {name: value for name, value in values.items() if value != self.own.get(name)}
        shown = [f"{each.name} {each.show(changed[each.name])}" for each in self.choices if each.name in changed]
        state, says = COMPLETE, ""
        if isinstance(found, Exception):
            state, says = PRUNED if isinstance(found, self.optuna.TrialPruned) else FAILED, shorten(found)
        judged = Judged(0.0, {}, 0) if isinstance(found, Exception) else found
        result = Trial(
            number=len(self.list_trials()),
            state=state,
            settings=dict(values),
            values=", ".join(shown),
            rank=judged.rank if state == COMPLETE else None,
            validation=judged.metrics,
            epochs=judged.epochs,
            seconds=time.perf_counter() - started,
            says=says,
        )
        trial.set_user_attr("found", result.to_dict())
        states = self.optuna.trial.TrialState
        told = {COMPLETE: states.COMPLETE, PRUNED: states.PRUNED, FAILED: states.FAIL}[state]
        self.study.tell(trial, judged.rank if state == COMPLETE else None, state=told)
        return result

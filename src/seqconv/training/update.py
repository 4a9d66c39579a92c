"""A finished model brought up to date with newer rows: what it starts from, and what the update has changed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.errors import DataError, OptionError, SeqconvError
from seqconv.models.format import read_bundle
from seqconv.models.predictor import create_model
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BLEND, KINDS
from seqconv.tasks.baselines import BaselineModel
from seqconv.tasks.blend import split_parts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.drift import VariableChange, compare_samples
from seqconv.tasks.examples import Split, fingerprint
from seqconv.tasks.growth import add_classes, fit_recipe
from seqconv.tasks.kinds import find_task
from seqconv.tasks.results import Change, UpdateResults
from seqconv.tasks.target import Target
from seqconv.tasks.task import Data
from seqconv.training.fitted import Fitted

OF_FILE = ("updates", "validation_file", "test_file", "group", "split")  # data settings that a newer file does not have


@dataclass(frozen=True)
class Update:
    """What a model is updated from.

    Args:
        model: its folder.
        file: with the newer rows.
        before: the model.
        recipe: of the updated model.
        start: the model that goes on from what it is; None: it is fitted again.
        old: the data it was trained on; None: they are not there.
        tested: keys of its test rows, uint64 `[N]`; None: not known.
        newer: the newer rows alone.
        says: how it is updated.
    """

    model: str
    file: str
    before: AnyBundle
    recipe: AnyRecipe
    start: AnyBundle | None
    old: Data | None
    tested: np.ndarray | None
    newer: Data
    says: str

    def judge(self, fitted: Fitted, split: Split[Any, Any], data: Data) -> UpdateResults:
        """The scores before and after on the test rows, and how the newer rows differ.

        Args:
            fitted: the updated model.
            split, data: of its run.
        """
        target, known = fitted.bundle.features.target, self.before.features.target
        after = target.errors_in_units(fitted.scored.test_outputs, split.test.targets, self.recipe.training.loss)
        assert split.test.keys is not None
        before, new = self._find_errors(self.before, data, split.test.keys), self._find_new(split)
        added = [name for name in target.names if name not in known.names] if isinstance(target, ClassTarget) else []
        return UpdateResults(
            model=self.model,
            file=self.file,
            refit=self.start is None,
            metric=target.metric,
            old=self._compare_old(fitted.bundle) if split.test.times is None else None,
            new=_compare(target, before[new], after[new]),
            classes=added,
            says=self.says,
            variables=self._compare_newer(),
        )

    def _compare_newer(self) -> list[VariableChange] | None:
        """The newer rows next to the training rows of the model, as far as it knows what these were like."""
        before = self.before
        if before.profile is None:
            return None
        return compare_samples(before.profile, find_task(before.recipe).sample(before.features, self.newer.train))

    def _compare_old(self, after: AnyBundle) -> Change | None:
        """Both models on the test rows of the old run, if they are there."""
        if self.old is None or self.tested is None:
            return None
        tested = self.tested
        errors = [self._find_errors(bundle, self.old, tested) for bundle in (self.before, after)]
        return _compare(after.features.target, *errors)

    def _find_errors(self, bundle: AnyBundle, data: Data, keys: np.ndarray) -> np.ndarray:
        """The error of a model for each test row, by its key, float64 `[N]`: 1 for a class that it does not have, NaN
        where it cannot answer."""
        task, target = find_task(bundle.recipe), bundle.features.target
        errors = np.full(len(keys), 1.0 if isinstance(target, ClassTarget) else np.nan)
        part, _ = task.take(bundle, task.list_tested(bundle, data), 0)
        assert part.keys is not None
        part = part.take(np.flatnonzero(np.isin(part.keys, keys)))
        if not len(part.targets):
            return errors
        outputs = part.finish(create_model(bundle).predict(part.inputs))
        found = target.errors_in_units(outputs, part.targets, bundle.recipe.training.loss)
        own = dict(zip(np.asarray(part.keys).tolist(), found.tolist(), strict=True))
        return np.array([own.get(key, error) for key, error in zip(keys.tolist(), errors.tolist(), strict=True)])

    def _find_new(self, split: Split[Any, Any]) -> np.ndarray:
        """Which test rows are newer, bool `[N]`: none that the old run held out or trained on; of series those after
        the newest row of before."""
        keys, times = split.test.keys, split.test.times
        assert keys is not None
        seen = np.zeros(len(keys), bool) if self.before.seen is None else self.before.seen.check(keys)[1]
        if times is not None and self.old is not None:
            return np.asarray(times > self.old.train.newest)
        return ~seen if self.tested is None else ~seen & ~np.isin(keys, self.tested)


def _compare(target: Target, before: np.ndarray, after: np.ndarray) -> Change | None:
    rows = ~np.isnan(before)
    if not rows.any():
        return None
    means = (float(target.to_metric(float(each[rows].mean()))) for each in (before, after))
    return Change(int(rows.sum()), *means)


def plan_update(model: Path, file: str, new_only: bool, threads: int) -> tuple[Update, Data]:
    """How a model is updated with the rows of a file, and the data of its new run.

    Where its old data lie as they lay, it is fitted again to old and newer rows, unless `new_only`. Else it goes on, if
    its kind can; forecasts are then fitted to the newer file alone.

    Raises:
        BundleError: no model.
        DataError: a file that cannot be read as the model's own was.
        OptionError: its kind can only be fitted to all rows at once.
    """
    bundle = read_bundle(model)
    task, config = find_task(bundle.recipe), bundle.recipe.data
    alone = replace(
        config, source=file, **{name: type(getattr(config, name))() for name in OF_FILE if hasattr(config, name)}
    )
    newer = task.load(alone, None)
    old, tested, why = _find_old(bundle, threads)
    start = None
    if old is not None and not new_only:
        says = f"fitted again, to the rows of {config.source} and of {file}"
        recipe = replace(bundle.recipe, data=replace(config, updates=(*config.updates, file)))
        grown = add_classes(bundle, newer)
        recipe = recipe if grown is bundle.features.target else fit_recipe(recipe, grown)
        data = task.load(recipe.data, None)
    else:
        data, recipe = newer, replace(bundle.recipe, data=alone)
        gone = f"; of {config.source}: {why}" if why else ""
        says = f"fitted to the rows of {file} alone{gone}"
        if new_only or not KINDS[recipe.task].forecasts or can_go_on(bundle):
            _need_go_on(bundle, why, new_only)
            start = task.grow(replace(bundle, recipe=recipe), newer, count_threads(threads))
            recipe, says = (
                start.recipe,
                f"goes on from what it was, on the rows of {file} alone{gone}{_warn_of_missing(bundle, newer)}",
            )
    return Update(str(model), file, bundle, recipe, start, old, tested, newer, says), data


def _warn_of_missing(bundle: AnyBundle, newer: Data) -> str:
    """Classes that no newer row has, for the end of a sentence."""
    target = bundle.features.target
    if not isinstance(target, ClassTarget) or not (missing := set(target.names) - set(newer.train.classes)):
        return ""
    few = [name for name in target.names if name in missing]
    shown = ", ".join(few[:5]) + (f" and {len(few) - 5:,} more" if few[5:] else "")
    return f"; none is of {shown}, which it may forget"


def can_go_on(bundle: AnyBundle) -> bool:
    """Whether a model, and each of its members, can learn from newer rows alone."""
    kinds, task = find_task(bundle.recipe).baselines, bundle.recipe.task
    if not bundle.recipe.has_layers:
        members = [bundle.recipe.training.model]
    else:
        members = [*split_parts(bundle.weights, task).members] if bundle.recipe.training.model == BLEND else []
    return all(kinds[kind].model.go_on is not BaselineModel.go_on for kind in members)


def _need_go_on(bundle: AnyBundle, why: str, new_only: bool) -> None:
    if can_go_on(bundle):
        return
    only = f"{bundle.recipe.training.model} can only be fitted to old and newer rows together"
    if new_only:
        raise OptionError(f"new-only needs a model that can go on from what it is; {only}. Leave it out")
    source = bundle.recipe.data.source
    raise DataError(f"{source}: must be as it was when the model was trained; {why}, and {only}. Put it back")


def _find_old(bundle: AnyBundle, threads: int) -> tuple[Data | None, np.ndarray | None, str]:
    """The data that a model was trained on and the keys of its test rows; or what is wrong with them."""
    task, recipe = find_task(bundle.recipe), bundle.recipe
    try:
        data = task.load(recipe.data, None)
        split = task.split(data, recipe, count_threads(threads), bundle.features)
    except SeqconvError:
        return None, None, "it cannot be read any more"
    if fingerprint(split) != bundle.fingerprint:
        return None, None, "it has changed"
    return data, split.test.keys, ""

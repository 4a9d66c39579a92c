"""A run within a time budget: what is fitted follows from how long small parts of it take on this machine."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from seqconv.errors import SeqconvError
from seqconv.recipes.durations import parse_budget
from seqconv.recipes.recipe import AnyRecipe
from seqconv.recipes.sections import BEST, BLEND, KINDS
from seqconv.tasks.baselines import thin
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.kinds import find_task
from seqconv.tasks.scoring import fit_and_score
from seqconv.tasks.task import say_nothing

FITTED = 0.8  # of a budget, for fits and scores; reports and files take the rest
MEMBERS = 0.5  # of what is left, for baselines next to a network
PARTS = 32, 16  # a trial is fitted to one example in so many
LEAST = 64  # examples of a trial
SHORT = 0.005  # seconds below which two trials do not tell how time grows


class Timer:
    """Seconds of each named part of a run, and what is left of its budget.

    Attributes:
        until: when fitting should end, on the clock of `time.perf_counter`; infinity: no budget.
        reserved: seconds that are kept for the baselines of the run.
        cut: what has been cut short, in words.
    """

    def __init__(self, budget: str = "") -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()
        self.until = self.started + FITTED * parse_budget(budget)
        self.reserved = 0.0
        self.cut: list[str] = []

    @property
    def left(self) -> float:
        """Seconds, of those that are not reserved."""
        return self.until - self.reserved - time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the block's seconds to `name`."""
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


class Plan(NamedTuple):
    """What there is time for: a recipe, perhaps of another model, and a split that leaves out some baselines."""

    recipe: AnyRecipe
    split: Split[Any, Any]


def plan_run(recipe: AnyRecipe, split: Split[Any, Any], timer: Timer, others: bool = True) -> Plan:
    """Choose the baselines that there is time for, the model that was asked for first, then the quickest.

    The quickest of all is always fitted, so that there is a model. Where the model that was asked for takes too long,
    the best of the others is taken.

    Args:
        others: baselines that are no part of the model are fitted too.
    """
    costs, names = _predict_costs(recipe, split, timer, others)
    if not costs:
        return Plan(recipe, split)
    asked, twice = recipe.training.model, 2 if recipe.training.refit else 1
    room, spent, kept = (MEMBERS if recipe.has_layers else 1.0) * timer.left, 0.0, set[str]()
    order = sorted(costs, key=lambda kind: (kind != asked, costs[kind]))
    quickest = min(costs, key=lambda kind: costs[kind])
    for kind in order:
        if spent + twice * costs[kind] <= room or kind == quickest:
            spent, kept = spent + twice * costs[kind], {*kept, kind}
    left_out = [kind for kind in costs if kind not in kept]
    timer.cut += [names[kind] for kind in left_out]
    timer.reserved = min(spent, max(room, 0.0))
    if asked not in left_out:
        return Plan(recipe, replace(split, left_out=frozenset(left_out)))
    recipe = replace(recipe, training=replace(recipe.training, model=BEST))
    return Plan(recipe, replace(split, left_out=frozenset(KINDS[recipe.task].baselines) - kept))


def say_cut(timer: Timer, budget: str) -> str:
    """What a budget left out, in a line."""
    return f"budget {budget}: left out {', '.join(timer.cut)}" if timer.cut else f"budget {budget}: nothing left out"


def _predict_costs(
    recipe: AnyRecipe, split: Split[Any, Any], timer: Timer, others: bool
) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds that each baseline of a run would take, and its name, by its kind; infinity where a trial took too long.

    Two trials on small parts of the examples tell how time grows, from in proportion to their number to its square.
    """
    task, kind, asked = find_task(recipe), KINDS[recipe.task], recipe.training.model
    blended, singles = recipe.blended if asked == BLEND else (), kind.singles if asked == BEST else ()
    wanted = {*blended, *singles, *((asked,) if asked in kind.baselines else ())}
    names = {
        each.kind: each.name
        for each in task.list_baselines(split, say_nothing)
        if not isinstance(each.fit, str) and ((others and each.usual) or each.kind in wanted)
    }
    count, trials = len(split.train.targets), []
    for part in PARTS:
        few = max(count // part, min(count, LEAST))
        small = _take_few(split, few / count)
        found = dict.fromkeys(names, math.nan)
        for each in task.list_baselines(small, say_nothing):
            if each.kind in names and not isinstance(each.fit, str):
                if timer.left <= 0:
                    found[each.kind] = math.inf
                    continue
                try:
                    found[each.kind] = fit_and_score(each, "", small, None).seconds
                except (ArithmeticError, LookupError, SeqconvError, ValueError):
                    continue  # too few examples for it: how long it takes is not known
        trials.append((few, found))
    (one, first), (other, second) = trials
    return {each: _extrapolate(count, (one, first[each]), (other, second[each])) for each in names}, names


def _extrapolate(count: int, one: tuple[int, float], other: tuple[int, float]) -> float:
    """Seconds for so many examples, from two pairs of examples and seconds; 0: they are not known."""
    (few, short), (more, long) = one, other
    if math.isinf(short) or math.isinf(long):
        return math.inf
    if math.isnan(long):
        return 0.0
    power = 1.0
    if more > few and short > SHORT:  # NaN is not
        power = float(np.clip(math.log(long / short) / math.log(more / few), 1, 2))
    return float(long * (count / more) ** power)


def _take_few(split: Split[Any, Any], fraction: float) -> Split[Any, Any]:
    """The same with a fraction of the examples of each part, evenly spaced."""

    def take(part: Part[Any]) -> Part[Any]:
        count = len(part.targets)
        return part.take(thin(np.arange(count), max(round(count * fraction), min(count, LEAST))))

    return replace(split, train=take(split.train), validation=take(split.validation), test=take(split.test))

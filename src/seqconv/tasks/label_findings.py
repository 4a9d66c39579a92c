"""Findings on labelled texts and sequences: classes, copies, and what can be held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.data.records import count
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.class_names import judge_names
from seqconv.tasks.findings import Finding, quote, show_places
from seqconv.tasks.holdout import draw_holdouts
from seqconv.tasks.labels import count_labels

UNBALANCED = 0.8  # fraction of the rows in one class from which it is reported
SHOWN = 10  # classes named in one line


@dataclass(frozen=True)
class Examples:
    """N labelled examples.

    Args:
        labels: int32 `[N]`, or 0 and 1 `[N, classes]`.
        groups: a number for each example, the same for equal ones, int64 `[N]`.
        place: names the place of an example in its file.
        noun: what to call an example.
        together: copies are kept in the same split.
        kept: numbers of the groups that the user wants in the same split, `[N]`; None: they named none.
    """

    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    place: Callable[[int], str]
    source: str
    noun: str
    together: bool
    kept: np.ndarray | None = None


def count_classes(labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, int]:
    """Examples of each class, the most frequent first."""
    counts = count_labels(labels, len(classes))
    return {classes[place]: int(counts[place]) for place in np.argsort(-counts, kind="stable")}


def judge_classes(examples: Examples, recipe: AnyRecipe, has: tuple[bool, bool]) -> list[Finding]:
    """A single class, rare classes, a dominant class, too few rows to hold out.

    Args:
        has: whether validation and test have files of their own.
    """
    counts, labels, noun = count_classes(examples.labels, examples.classes), examples.labels, examples.noun
    found: list[Finding] = []
    if len([each for each in counts.values() if each]) < 2:
        name = next(iter(counts), "")
        found.append(Finding(f"one class only: {name!r}", "", "refused: add the other class", "blocks"))
    if empty := [name for name, rows in counts.items() if not rows]:
        found.append(Finding(f"no {noun} of {_name(empty)}", "", "kept: its output learns nothing"))
    found += judge_names(examples.classes)
    single = [name for name, rows in counts.items() if rows == 1]
    if single and not has[1]:
        where = show_places(_rows_of(examples, single), examples.place, examples.source)
        what = f"one {noun} only of {_name(single)}"
        found.append(Finding(what, where, "kept for training; never validated or tested. Add more, or merge", "costs"))
    largest, rows = next(iter(counts.items()))
    if labels.ndim == 1 and len(counts) > 1 and UNBALANCED * len(labels) <= rows < len(labels):
        what = f"{rows / len(labels):.1%} of the {noun}s are of class {largest!r}"
        action = "kept as it is; always predicting it is right as often, so look at F1 as well as accuracy. "
        action += "--class-weight balanced or --threshold f1 looks for the others"
        found.append(Finding(what, "", action))
    return found + _judge_holdout(examples, recipe, has, counts)


def _judge_holdout(
    examples: Examples, recipe: AnyRecipe, has: tuple[bool, bool], counts: dict[str, int]
) -> list[Finding]:
    """Whether examples of each class are held out, by the same draw as in training."""
    labels = examples.labels
    groups = examples.kept if examples.kept is not None else examples.groups if examples.together else None
    drawn = [name for name, own in zip(("validation", "test"), has, strict=True) if not own]
    found: list[Finding] = []
    for name, rows, held in draw_holdouts(
        labels, groups, recipe.data, recipe.training.seed, drawn, examples.kept is not None
    ):
        if not len(held) or not len(rows):
            what = f"too few {examples.noun}s: none is left for {name if len(rows) else 'training'}"
            return [
                *found,
                Finding(what, "", "refused: give more, or files of their own with --validation and --test", "blocks"),
            ]
        seen = set(np.flatnonzero(count_labels(labels[held])).tolist())
        lost = [each for each in examples.classes if counts[each] > 1 and examples.classes.index(each) not in seen]
        if lost:
            what = f"no example of {_name(lost)} in the {name} split, too rare to be held out"
            found.append(
                Finding(what, "", f"kept for the other splits; give a file with --{name} to judge it", "costs")
            )
    return found


def judge_copies(examples: Examples, show: Callable[[int], str]) -> list[Finding]:
    """Duplicate examples, and duplicates with different labels."""
    order = np.argsort(examples.groups, kind="stable")
    begins = np.flatnonzero(np.diff(examples.groups[order], prepend=-1))
    sizes = np.diff(np.append(begins, len(order)))
    if not (sizes > 1).any():
        return []
    labels = examples.labels
    if labels.ndim == 2:
        labels = np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)
    torn = np.minimum.reduceat(labels[order], begins) != np.maximum.reduceat(labels[order], begins)
    noun, extra, found = examples.noun, int(sizes.sum()) - len(sizes), []
    groups = [order[begin : begin + size] for begin, size in zip(begins[torn][:3], sizes[torn][:3], strict=True)]
    if torn.any():
        where = "; ".join(f"{show(int(rows[0]))}: {_places_by_label(examples, rows)}" for rows in groups)
        what = f"{count(int(torn.sum()), noun)} under more than one label, {count(int(sizes[torn].sum()), 'row')}"
        found.append(
            Finding(what, where, "kept: no model can be right on all of them. Correct or remove them", "costs")
        )
    most = int(np.argmax(sizes))
    rows = order[begins[most] : begins[most] + sizes[most]]
    where = f"most often, {sizes[most]} times, {show(int(rows[0]))}: {_places(examples, rows)}"
    stays = (
        "kept: all copies go to the same split"
        if examples.together
        else "kept: copies may fall into two splits, which flatters the score"
    )
    what = count(extra, f"duplicate {noun}")
    found.append(Finding(what, where, stays, "note" if examples.together else "costs"))
    return found


def judge_overlap(train: Sequence[Any], test: Sequence[Any], noun: str, name: str) -> list[Finding]:
    """Test examples that are also in the training set."""
    known = set(train)
    rows = [row for row, each in enumerate(test) if each in known]
    if not rows:
        return []
    where = f"{name}: {noun} {', '.join(str(row + 1) for row in rows[:3])}"
    where += f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    verb = "are" if len(rows) > 1 else "is"
    what = f"{count(len(rows), noun)} of {len(test):,} in the test set {verb} in the training set too"
    return [Finding(what, where, "kept: they flatter the test score. Remove them", "costs")]


def _places(examples: Examples, rows: np.ndarray) -> str:
    return show_places(rows, examples.place, examples.source)


def _places_by_label(examples: Examples, rows: np.ndarray) -> str:
    labels = examples.labels
    names = [
        "+".join(name for name, on in zip(examples.classes, labels[row], strict=True) if on)
        if labels.ndim == 2
        else examples.classes[labels[row]]
        for row in rows
    ]
    firsts = dict(reversed(list(zip(names, rows, strict=True))))
    return ", ".join(f"{name!r} in {_places(examples, np.array([row]))}" for name, row in sorted(firsts.items()))


def _rows_of(examples: Examples, names: list[str]) -> np.ndarray:
    codes = [examples.classes.index(name) for name in names]
    labels = examples.labels
    return np.flatnonzero(labels[:, codes].any(axis=1) if labels.ndim == 2 else np.isin(labels, codes))


def _name(names: list[str]) -> str:
    shown = ", ".join(map(quote, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return f"{'classes' if len(names) > 1 else 'class'} {shown}"

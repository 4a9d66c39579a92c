"""Labels of texts and sequences: class targets, and which examples each split takes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from seqconv.data.records import EncodedTexts, Sequences, Texts
from seqconv.errors import DataError, OptionError, nearest
from seqconv.recipes.recipe import Guesses
from seqconv.recipes.sections import TrainingConfig
from seqconv.tasks.class_names import judge_names
from seqconv.tasks.classes import Classes, ClassTarget
from seqconv.tasks.examples import NAMES, Rows
from seqconv.tasks.holdout import HoldoutSettings, assign_folds, draw_holdouts, open_stream
from seqconv.tasks.label_sets import Labels
from seqconv.tasks.profiles import LABELS, Sample
from seqconv.tasks.results import FoldFacts
from seqconv.tasks.target import Target
from seqconv.tasks.thresholds import NONE, Rule, make_rule

Labelled = TypeVar("Labelled", Texts, EncodedTexts, Sequences)
A_FEW = 10  # rows; fewer are too few, whatever their labels


def make_target(
    names: tuple[str, ...],
    several: bool = False,
    thresholds: Mapping[str, float] | None = None,
    rule: Rule | None = None,
) -> ClassTarget:
    """The target of labelled examples: one of the classes, or several labels at once.

    Raises:
        ValueError: thresholds of other classes than those that have one.
    """
    known = thresholds or {}
    wanted = len(names) if several else int(len(names) == 2)
    if not several and set(known) == {NONE}:
        return Classes(names, tuple(known.items()), rule)
    if known and (set(known) - set(names) or len(known) != wanted):
        raise ValueError(f".thresholds must be of one of two classes, or of each label; got {list(known)!r:.40}")
    kind = Labels if several else Classes
    return kind(names, tuple(known.items()), rule)


def fit_target(train: Any, config: TrainingConfig) -> ClassTarget:
    """The target for labelled training examples, with the rule of its thresholds.

    Raises:
        SeqconvError: see `tasks.thresholds.make_rule`.
    """
    rule = make_rule(config, train.labels, train.classes, train.source)
    return make_target(train.classes, train.labels.ndim == 2, rule=rule)


def restore_target(state: dict[str, Any]) -> dict[str, Any]:
    """Attributes of features in today's form, from a pickle that may be of version 0.1.0."""
    if "target" in state:
        return state
    kept = {name: value for name, value in state.items() if name not in ("classes", "multi_label")}
    return {"target": make_target(state["classes"], state.get("multi_label", False)), **kept}


def align_labels(part: Labelled, classes: tuple[str, ...], several: bool) -> Labelled:
    """The same examples with labels as in training: indices into `classes`, or with `several` 0 and 1 for each of them.

    Raises:
        DataError: a class that is not in `classes`, or several labels per example without `several`.
    """
    if part.labels.ndim == 2 and not several:
        raise DataError(
            f"{part.source}: must have one label per example as in training; got several. Name one label column"
        )
    if several and part.labels.ndim == 1:  # every row has just one label
        part = replace(part, labels=np.eye(len(part.classes), dtype=np.uint8)[part.labels])
    if unknown := sorted(set(part.classes) - set(classes)):
        hint = f"{nearest(unknown[0], classes)} Correct the label, or train with it"
        raise DataError(f"{part.source}: every label must be one of the training labels; got {unknown[0]!r}. {hint}")
    if part.classes == classes:
        return part
    if part.labels.ndim == 2:
        labels = np.zeros((len(part.labels), len(classes)), part.labels.dtype)
        labels[:, [classes.index(name) for name in part.classes]] = part.labels
    else:
        labels = np.array([classes.index(name) for name in part.classes], np.int32)[part.labels]
    return replace(part, labels=labels, classes=classes)


def list_sources(data: Any, trained: Target | None = None) -> list[Any]:
    """The sources of the training, validation and test examples, with the classes of the training examples.

    Args:
        trained: of a trained model, whose classes they have; None: there is none yet.
    """
    train = data.train
    if trained is not None and train.classes:
        train = align_labels(train, trained.names, getattr(trained, "several", False))
    several = train.labels.ndim == 2
    return [
        train if part is None else align_labels(part, train.classes, several)
        for part in (None, data.validation, data.test)
    ]


def choose_rows(
    sources: list[Any], config: HoldoutSettings, groups: np.ndarray | None, seed: int, known: bool = False
) -> Rows:
    """Which examples of its source each split takes.

    Args:
        known: the classes are those of a trained model, of which there may be fewer.
    """
    train, *others = sources
    labels = strata(train.labels)
    rows = {"train": np.arange(len(labels))}
    rows |= {name: np.arange(len(each.labels)) for name, each in zip(NAMES[1:], others, strict=True)}
    drawn = [name for name, each in zip(NAMES[1:], others, strict=True) if each is train]
    whole = getattr(train, "groups", None) is not None
    for name, rest, held in draw_holdouts(labels, groups, config, seed, drawn, whole):
        rows["train"], rows[name] = rest, held
    if not all(map(len, rows.values())):
        if labels.ndim == 1 and len(labels) >= A_FEW and np.bincount(labels).max() == 1:
            raise DataError(
                f"{train.source}: a label must recur, so that some of its rows can be held out; each of "
                f"{len(labels):,} is in one row. Name another --label, or give files with --validation and --test"
            )
        counts = ", ".join(f"{len(part)} {name}" for name, part in rows.items())
        raise DataError(
            f"{train.source}: must hold examples for training, validation and test; got {counts}"
            f"{_describe_groups(groups, whole)}. Give more, give files with --validation and --test, or hold out more "
            "with --set data.validation=0.4"
        )
    if labels is train.labels and not known:
        check_two_classes(labels[rows["train"]], train.source)
    return rows["train"], rows["validation"], rows["test"]


def _describe_groups(groups: np.ndarray | None, whole: bool) -> str:
    """That rows which stay in one split leave few to choose from, if they do."""
    kinds = 0 if groups is None else len(np.unique(groups))
    if groups is None or 2 * kinds > len(groups):
        return ""
    what = "groups, each of which stays" if whole else "different ones, and copies stay"
    return f": {len(groups):,} rows are {kinds:,} {what} in one split"


def strata(labels: np.ndarray) -> np.ndarray:
    """Labels that say which examples are held out together: numbers to predict are all of one class."""
    return np.zeros(len(labels), np.int32) if labels.dtype == np.float64 else labels


def check_two_classes(labels: np.ndarray, source: str) -> None:
    """Check that training labels are of at least two classes.

    Raises:
        DataError: they are not.
    """
    if np.sum(count_labels(labels) > 0) < 2:
        raise DataError(f"{source}: the training data must be of at least two classes; got one. Add the other")


def count_labels(labels: np.ndarray, classes: int = 0) -> np.ndarray:
    """Number of examples of each class, int64 `[classes]`, for class indices `[N]` or 0 and 1 `[N, classes]`."""
    if labels.ndim == 2:
        return np.asarray(labels.sum(axis=0, dtype=np.int64))
    return np.bincount(labels, minlength=classes)


def describe_classes(sources: list[Any], rows: Rows, classes: tuple[str, ...]) -> dict[str, Any]:
    """Facts about the splits for reports: number of examples, and of each class; of numbers their mean and range."""
    splits: dict[str, dict[str, Any]] = {}
    for name, source, index in zip(NAMES, sources, rows, strict=True):
        labels = source.labels[index]
        splits[name] = {"examples": len(labels)}
        if labels.dtype == np.float64:
            splits[name] |= {"mean": labels.mean(), "lowest": labels.min(), "highest": labels.max()}
        else:
            counts = count_labels(labels, len(classes)).tolist()
            splits[name]["classes"] = dict(zip(classes, counts, strict=True))
    notes = [*getattr(sources[0], "notes", ()), *(f"{each.what}: {each.action}" for each in judge_names(classes))]
    return {"source": sources[0].source, "notes": notes, "splits": splits}


def cut_class_folds(
    train: Any, groups: np.ndarray | None, folds: int, seed: int
) -> Iterator[tuple[FoldFacts, Any, Any]]:
    """For each stratified fold: facts, the examples outside it, and those in it.

    Args:
        groups: group number of each example; a group stays in one fold. None: every example is its own group.

    Raises:
        ConfigError: more folds than groups.
    """
    most = len(train.labels) if groups is None else int(groups.max(initial=-1)) + 1
    if folds > most:
        what = "different examples" if getattr(train, "groups", None) is None else "groups"
        raise OptionError(f"folds must be at most {most}, the {what} of {train.source}; got {folds}")
    places = assign_folds(strata(train.labels), groups, folds, open_stream(seed, "folds"))
    for fold in range(folds):
        rest, tested = (train.take(np.flatnonzero(inside)) for inside in (places != fold, places == fold))
        yield FoldFacts(train_rows=len(rest.labels), test_rows=len(tested.labels)), rest, tested


def sample_labels(part: Any) -> list[Sample]:
    """The labels of examples, or the numbers to predict, as a variable; none where they have none."""
    labels = getattr(part, "labels", None)
    if labels is None or not len(labels):
        return []
    if not part.classes:
        return [Sample(part.number, labels, of=LABELS)]
    names = np.array(part.classes, object)
    several = labels.ndim == 2
    cells = ["|".join(names[row > 0]) for row in labels] if several else names[labels].tolist()
    return [Sample.of_names("label", cells, LABELS)]


def guess_loss(target: ClassTarget) -> Guesses:
    """The loss that fits the classes."""
    return {"training.loss": (target.loss, "")}


def take_labels(examples: Any, target: ClassTarget) -> tuple[Any, np.ndarray]:
    """Labelled examples to score a trained model on, and their labels as targets.

    Raises:
        DataError: no labels, labels unknown in training, or several per example for a model with one.
    """
    if not len(examples.labels):
        raise DataError(f"{examples.source}: must hold labelled examples; got none. Give a file with labels")
    examples = align_labels(examples, target.names, target.several)
    return examples, target.encode(examples.labels)

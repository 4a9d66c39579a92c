"""Raw data and a recipe -> training, validation and test examples. What is fitted sees training rows only."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from seqconv.config import (
    Recipe,
    SequenceConfig,
    SequenceDataConfig,
    TextConfig,
    TextDataConfig,
)
from seqconv.data import EncodedTexts, SequenceData, Sequences, TextData, Texts
from seqconv.errors import DataError
from seqconv.features import Features, SequenceFeatures, TextFeatures
from seqconv.holdout import hold_out, number_copies
from seqconv.quantiles import take_ends, take_middle
from seqconv.tokens import Encoded, TokenInputs, Vocabulary, from_ranks
from seqconv.windows import Scaler, Targets, WindowInputs, WindowTargets

NAMES = ("train", "validation", "test")
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
Labelled = TypeVar("Labelled", Texts, EncodedTexts, Sequences)


@dataclass(frozen=True)
class Part:
    """Examples of one split.

    Args:
        inputs: N examples.
        targets: two classes float32 `[N, 1]` of 0 and 1; more classes int32 `[N]`; several classes a text float32
            `[N, classes]` of 0 and 1; forecasts float32 `[N, outputs]`, scaled.
        times: time stamp of each example's first target, datetime64[s] `[N]`; None for classes.
        base: what is added to the network's outputs to meet the targets, float32 `[N, outputs]`; None: nothing.
    """

    inputs: TokenInputs | WindowInputs
    targets: Targets
    times: np.ndarray | None = None
    base: np.ndarray | None = None

    @property
    def goals(self) -> Targets:
        """What the network's outputs should be."""
        return self.targets if self.base is None else np.asarray(self.targets) - self.base

    def finish(self, outputs: np.ndarray) -> np.ndarray:
        """The network's answers, as they stand beside the targets; of intervals the middles."""
        return self._add_base(take_middle(outputs, self.targets))

    def finish_ends(self, outputs: np.ndarray) -> np.ndarray | None:
        """Ends of the network's intervals beside the targets, `[2, N, outputs]`; None: it has none."""
        ends = take_ends(outputs, self.targets.shape[1]) if self.targets.ndim == 2 else None
        return None if ends is None else self._add_base(ends)

    def _add_base(self, answers: np.ndarray) -> np.ndarray:
        return answers if self.base is None else answers + self.base

    def take(self, index: np.ndarray) -> "Part":
        """The examples at `index`."""
        times, base = (None if each is None else each[index] for each in (self.times, self.base))
        targets = self.targets.take(index) if isinstance(self.targets, WindowTargets) else self.targets[index]
        return Part(self.inputs.take(index), targets, times, base)


@dataclass(frozen=True)
class Split:
    """The examples of a run, and the features that made them; `facts` is what a report tells about the data."""

    train: Part
    validation: Part
    test: Part
    features: Features
    facts: dict[str, Any]


def split_texts(data: TextData, recipe: Recipe, trained: TextFeatures | None = None, threads: int = 1) -> Split:
    """What has no file of its own is held out of the training texts; everything encoded.

    Args:
        trained: features of a trained model; None: fitted on the training rows.

    Raises:
        DataError: fewer than two classes, or too few texts for all splits.
    """
    config, text = recipe.data, recipe.features
    assert isinstance(config, TextDataConfig)
    assert isinstance(text, TextConfig)
    sources = _sources(data, data.train.classes)
    groups = group_texts(data.train) if config.holdout == "stratified" else None
    rows = _choose_rows(sources, config, groups, recipe.training.seed)
    vocabulary, encoded = _encode(sources, rows, text, trained.vocabulary if trained else None, threads)
    multi_label = data.train.labels.ndim == 2
    features = TextFeatures(data.train.classes, vocabulary, text.max_len, multi_label)
    parts = [
        Part(features.inputs(ids), class_targets(source.labels[index], len(features.classes)))
        for ids, source, index in zip(encoded, sources, rows, strict=True)
    ]
    facts = _class_facts(sources, rows, features.classes)
    for name, ids in zip(NAMES, encoded, strict=True):
        lengths = np.diff(ids.offsets)
        share = f"{np.mean(lengths > text.max_len):.1%}"
        facts["splits"][name] |= {"median ids": int(np.median(lengths)), "cut by max_len": share}
    train, validation, test = parts
    return Split(train, validation, test, features, facts)


def split_sequences(data: SequenceData, recipe: Recipe) -> Split:
    """What has no file of its own is held out of the training sequences; scaled on training rows, of one length.

    Raises:
        DataError: fewer than two classes, too few sequences, or a channel that cannot be scaled.
    """
    config, settings = recipe.data, recipe.features
    assert isinstance(config, SequenceDataConfig)
    assert isinstance(settings, SequenceConfig)
    sources = _sources(data, data.train.classes)
    rows = _choose_rows(sources, config, None, recipe.training.seed)
    cut = [source.take(index) for source, index in zip(sources, rows, strict=True)]
    lengths = [np.diff(part.offsets) for part in cut]
    length = settings.length or int(lengths[0].max())
    masked = bool(lengths[0].min() < length)
    scaler = Scaler.fit(cut[0].values, cut[0].channels)
    features = SequenceFeatures(data.train.classes, data.train.channels, scaler, length, masked)
    parts = [Part(features.inputs(part), class_targets(part.labels, len(features.classes))) for part in cut]
    facts = _class_facts(sources, rows, features.classes) | {"channels": list(features.channels), "length": length}
    for name, each in zip(NAMES, lengths, strict=True):
        facts["splits"][name] |= {"shortest": int(each.min()), "longest": int(each.max())}
    train, validation, test = parts
    return Split(train, validation, test, features, facts)


def class_targets(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as `Part.targets` has them."""
    if labels.ndim == 2:
        return labels.astype(np.float32)
    return labels.astype(np.float32)[:, None] if classes == 2 else labels.astype(np.int32)


def align_labels(part: Labelled, classes: tuple[str, ...]) -> Labelled:
    """The same examples, labels counting into `classes`.

    Raises:
        DataError: a class that `classes` does not hold, or one label an example here and several there.
    """
    unknown = set(part.classes) - set(classes)
    if unknown:
        raise DataError(
            f"{part.source}: every label must be one of the training labels ({', '.join(classes[:20])}); "
            f"got {sorted(unknown)[0]!r}. Correct the label, or train with it"
        )
    if part.classes == classes:
        return part
    if part.labels.ndim == 2:
        labels = np.zeros((len(part.labels), len(classes)), part.labels.dtype)
        labels[:, [classes.index(name) for name in part.classes]] = part.labels
    else:
        labels = np.array([classes.index(name) for name in part.classes], np.int32)[part.labels]
    return replace(part, labels=labels, classes=classes)


def _sources(data: Any, classes: tuple[str, ...]) -> list[Any]:
    """What the training, validation and test examples are taken of."""
    return [data.train if part is None else align_labels(part, classes) for part in (None, data.validation, data.test)]


def _choose_rows(
    sources: list[Any], config: TextDataConfig | SequenceDataConfig, groups: np.ndarray | None, seed: int
) -> Rows:
    """Which examples of its source each split takes."""
    train, validation, test = sources
    labels = train.labels
    rows, stratified = np.arange(len(labels)), config.holdout == "stratified"
    rows_of = {"validation": np.arange(len(validation.labels)), "test": np.arange(len(test.labels))}
    shares = {"test": (test, config.test, 2), "validation": (validation, config.validation, 0)}
    for name, (source, share, stream) in shares.items():
        if source is train:
            random = np.random.default_rng([seed, stream])
            rows, rows_of[name] = hold_out(rows, labels, groups, share, random, stratified)
    if not len(rows) or not all(map(len, rows_of.values())):
        counts = ", ".join(f"{len(part)} {name}" for name, part in zip(NAMES, (rows, *rows_of.values()), strict=True))
        raise DataError(
            f"{train.source}: must hold examples for training, validation and test; got {counts}. "
            "Give more, or change data.validation"
        )
    seen = labels[rows].sum(axis=0) if labels.ndim == 2 else np.bincount(labels[rows])
    if np.sum(seen > 0) < 2:
        raise DataError(f"{train.source}: the training data must be of at least two classes; got one. Add the other")
    return rows, rows_of["validation"], rows_of["test"]


def group_texts(texts: Texts | EncodedTexts) -> np.ndarray | None:
    """The group of each text, the same for copies, int64 `[N]`; None for encoded texts."""
    return None if isinstance(texts, EncodedTexts) else number_copies(texts.texts)


def _encode(
    sources: list[Any], rows: Rows, text: TextConfig, vocabulary: Vocabulary | None, threads: int
) -> tuple[Vocabulary | None, list[Encoded]]:
    """Ids of each split; words are counted on the training rows alone. Encoded data have no words."""
    if isinstance(sources[0], EncodedTexts):
        taken = [source.take(index) for source, index in zip(sources, rows, strict=True)]
        return None, [from_ranks(part.ids, part.offsets, text.vocabulary) for part in taken]
    train, *others = ([source.texts[i] for i in index] for source, index in zip(sources, rows, strict=True))
    if vocabulary is None:
        vocabulary, encoded = Vocabulary.fit_encode(train, text.vocabulary, threads)
    else:
        encoded = vocabulary.encode(train, threads)
    return vocabulary, [encoded, *(vocabulary.encode(texts, threads) for texts in others)]


def _class_facts(sources: list[Any], rows: Rows, classes: tuple[str, ...]) -> dict[str, Any]:
    splits = {}
    for name, source, index in zip(NAMES, sources, rows, strict=True):
        labels = source.labels[index]
        counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(classes))
        shares = {label: int(count) for label, count in zip(classes, counts, strict=True)}
        splits[name] = {"examples": len(labels), "classes": shares}
    return {"source": sources[0].source, "notes": list(getattr(sources[0], "notes", ())), "splits": splits}


def merge_validation(split: Split) -> Split:
    """The same split with the validation examples among the training examples, for a last fit (`--refit`)."""
    first, second = split.train, split.validation
    inputs: TokenInputs | WindowInputs
    if isinstance(first.inputs, TokenInputs) and isinstance(second.inputs, TokenInputs):
        inputs = TokenInputs(np.concatenate([first.inputs.ids, second.inputs.ids]))
    else:
        assert isinstance(first.inputs, WindowInputs)
        assert isinstance(second.inputs, WindowInputs)
        inputs = _join_windows(first.inputs, second.inputs)
    targets = np.concatenate([first.targets, second.targets])
    times, base = (
        None if one is None or other is None else np.concatenate([one, other])
        for one, other in ((first.times, second.times), (first.base, second.base))
    )
    return replace(split, train=Part(inputs, targets, times, base))


def _join_windows(first: WindowInputs, second: WindowInputs) -> WindowInputs:
    if first.values is second.values:  # one series, cut
        return replace(first, anchors=np.concatenate([first.anchors, second.anchors]))
    anchors = np.concatenate([first.anchors, second.anchors + len(first.values)])
    return replace(first, values=np.concatenate([first.values, second.values]), anchors=anchors)

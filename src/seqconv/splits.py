"""Raw data and a recipe -> training, validation and test examples. What is fitted sees training rows only."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqconv.config import Recipe, SeriesDataConfig, TextConfig, TextDataConfig, WindowConfig, parse_duration
from seqconv.data import EncodedTexts, Series, TextData, Texts
from seqconv.errors import ConfigError, DataError, nearest
from seqconv.tokens import Encoded, TokenInputs, Vocabulary, from_ranks, pad
from seqconv.windows import Scaler, WindowInputs, WindowSpec, show_duration


@dataclass(frozen=True)
class Part:
    """Examples of one split.

    Args:
        inputs: N examples.
        targets: two classes float32 `[N, 1]` of 0 and 1; more classes int32 `[N]`; forecasts float32 `[N, H]`, scaled.
        times: time stamp of each target, datetime64[s] `[N]`; None for texts.
    """

    inputs: TokenInputs | WindowInputs
    targets: np.ndarray
    times: np.ndarray | None = None


@dataclass(frozen=True)
class TextSplit:
    """Encoded texts; `facts` is what a report tells about the data."""

    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]
    vocabulary: Vocabulary | None
    facts: dict[str, Any]

    @property
    def outputs(self) -> int:
        """Values that a network must return: one logit for two classes, else one per class."""
        return 1 if len(self.classes) == 2 else len(self.classes)


@dataclass(frozen=True)
class SeriesSplit:
    """Windows over one scaled series `values` `[T, C]`; `target_scale` is in the target's unit."""

    train: Part
    validation: Part
    test: Part
    spec: WindowSpec
    scaler: Scaler
    columns: tuple[str, ...]
    target_name: str
    target_column: int
    facts: dict[str, Any]

    @property
    def outputs(self) -> int:
        """Values that a network must return."""
        return 1

    @property
    def target_scale(self) -> float:
        """Training standard deviation of the target, in its unit."""
        return float(self.scaler.std[self.target_column])

    @property
    def target_mean(self) -> float:
        """Training mean of the target, in its unit."""
        return float(self.scaler.mean[self.target_column])


Split = TextSplit | SeriesSplit


def split_series(series: Series, recipe: Recipe) -> SeriesSplit:
    """Three stretches in time order, cut into windows; no window, target included, crosses from one to the next.

    Raises:
        ConfigError: an unknown column, a split too short for one window, or times that are no whole rows.
        DataError: a column that cannot be scaled, or a split without a whole window.
    """
    data, windows = recipe.data, recipe.features
    assert isinstance(data, SeriesDataConfig)
    assert isinstance(windows, WindowConfig)
    columns, target = _choose_columns(series, data)
    values = series.values[:, [series.columns.index(name) for name in columns]]
    lookback_s, step_s, delay_s = (parse_duration(text) for text in (windows.lookback, windows.step, windows.delay))
    spec = WindowSpec.from_durations(lookback_s, step_s, delay_s, series.interval_s)
    bounds = _bounds(len(values), data, spec)
    scaler = Scaler.fit(values[: bounds[1]], columns)
    scaled = scaler.scale(values)
    cut: dict[str, Part] = {}
    facts = _series_facts(series, columns, spec, bounds) | {"splits": {}, "notes": list(series.notes)}
    for name, first, last in zip(("train", "validation", "test"), bounds[:-1], bounds[1:], strict=True):
        anchors, holes, missing = spec.keep_whole(spec.anchors(first, last), series.times, scaled, target)
        if not len(anchors):
            raise DataError(f"{series.source}: the {name} split must hold a window without a hole; none of it is whole")
        facts["splits"][name] = {"windows": len(anchors), "dropped_at_holes": holes, "dropped_missing": missing}
        facts.setdefault("example window", spec.describe(series.times, int(anchors[0])))
        inputs, rows = WindowInputs(scaled, anchors, spec.lookback, spec.step), anchors + spec.delay
        cut[name] = Part(inputs, scaled[rows, target][:, None], series.times[rows])
    return SeriesSplit(
        **cut,
        spec=spec,
        scaler=scaler,
        columns=columns,
        target_name=columns[target],
        target_column=target,
        facts=facts,
    )


def _choose_columns(series: Series, data: SeriesDataConfig) -> tuple[tuple[str, ...], int]:
    for setting, names in (("target", (data.target,)), ("inputs", data.inputs)):
        for name in names:
            if name not in series.columns:
                raise ConfigError(
                    f"data.{setting}: {series.source} has no column {name!r}. {nearest(name, series.columns)}"
                )
    columns = tuple(name for name in series.columns if not data.inputs or name in data.inputs)
    if data.target not in columns:
        raise ConfigError(f"data.inputs must hold the target {data.target!r}; got {', '.join(columns)}. Add it")
    return columns, columns.index(data.target)


def _bounds(rows: int, data: SeriesDataConfig, spec: WindowSpec) -> list[int]:
    if data.validation_end <= data.train_end:
        raise ConfigError(
            f"data.validation_end must be above data.train_end; got {data.validation_end} and {data.train_end}"
        )
    bounds = [0, round(rows * data.train_end), round(rows * data.validation_end), rows]
    needed = spec.lookback + spec.delay + 1
    for name, first, last in zip(("training", "validation", "test"), bounds[:-1], bounds[1:], strict=True):
        if last - first < needed:
            raise ConfigError(
                f"windows.lookback: the {name} split must hold a window of {needed} rows (lookback and delay); "
                f"it has {last - first} rows. Use a shorter lookback or more data"
            )
    return bounds


def _series_facts(series: Series, columns: tuple[str, ...], spec: WindowSpec, bounds: list[int]) -> dict[str, Any]:
    irregular = int(np.sum(np.diff(series.times) != np.timedelta64(series.interval_s, "s")))
    return {
        "source": series.source,
        "rows": len(series.times),
        "columns": list(columns),
        "from": str(series.times[0]),
        "to": str(series.times[-1]),
        "interval": show_duration(series.interval_s),
        "irregular time steps": irregular,
        "split rows": bounds[1:-1],
        "lead": show_duration(spec.lead * spec.interval_s),
    }


def split_texts(data: TextData, recipe: Recipe, vocabulary: Vocabulary | None = None, threads: int = 1) -> TextSplit:
    """The training texts shuffled and their last share held out for validation, everything encoded.

    Args:
        vocabulary: of a trained model; None: fitted on the training rows.

    Raises:
        DataError: fewer than two classes, or too few texts for both splits.
    """
    config, text = recipe.data, recipe.features
    assert isinstance(config, TextDataConfig)
    assert isinstance(text, TextConfig)
    count, classes = len(data.train.labels), data.train.classes
    held_out = round(count * config.validation)
    if not 0 < held_out < count or not len(data.test.labels):
        raise DataError(
            f"{data.train.source}: must hold texts for training, validation and test; got {count} training and "
            f"{len(data.test.labels)} test texts. Give more texts or change data.validation"
        )
    order = np.random.default_rng([recipe.training.seed, 0]).permutation(count)
    chosen = (order[:-held_out], order[-held_out:], np.arange(len(data.test.labels)))
    if len(np.unique(data.train.labels[chosen[0]])) < 2:
        raise DataError(
            f"{data.train.source}: the training texts must be of at least two classes; got one. Add the other"
        )
    vocabulary, encoded = _encode(data, chosen, text, vocabulary, threads)
    parts = [
        Part(TokenInputs(pad(ids, text.max_len)), _class_targets(source.labels[index], len(classes)))
        for ids, source, index in zip(encoded, (data.train, data.train, data.test), chosen, strict=True)
    ]
    train, validation, test = parts
    return TextSplit(train, validation, test, classes, vocabulary, _text_facts(data, encoded, parts, text))


def _encode(
    data: TextData, chosen: tuple[np.ndarray, ...], text: TextConfig, vocabulary: Vocabulary | None, threads: int
) -> tuple[Vocabulary | None, list[Encoded]]:
    """Ids of each split; words are counted on the training rows alone. Encoded data have no words."""
    if isinstance(data.train, EncodedTexts) and isinstance(data.test, EncodedTexts):
        sources = (data.train, data.train, data.test)
        taken = [source.take(index) for source, index in zip(sources, chosen, strict=True)]
        return None, [from_ranks(part.ids, part.offsets, text.vocabulary) for part in taken]
    assert isinstance(data.train, Texts)
    assert isinstance(data.test, Texts)
    train, validation = ([data.train.texts[i] for i in index] for index in chosen[:2])
    if vocabulary is None:
        vocabulary, encoded = Vocabulary.fit_encode(train, text.vocabulary, threads)
    else:
        encoded = vocabulary.encode(train, threads)
    return vocabulary, [encoded, *(vocabulary.encode(texts, threads) for texts in (validation, data.test.texts))]


def _class_targets(labels: np.ndarray, classes: int) -> np.ndarray:
    return labels.astype(np.float32)[:, None] if classes == 2 else labels.astype(np.int32)


def _text_facts(data: TextData, encoded: list[Encoded], parts: list[Part], text: TextConfig) -> dict[str, Any]:
    splits = {}
    for name, ids, part in zip(("train", "validation", "test"), encoded, parts, strict=True):
        counts = np.bincount(part.targets.reshape(-1).astype(np.int64), minlength=len(data.train.classes))
        lengths = np.diff(ids.offsets)
        splits[name] = {
            "texts": len(lengths),
            "classes": {label: int(count) for label, count in zip(data.train.classes, counts, strict=True)},
            "median ids": int(np.median(lengths)),
            "cut by max_len": f"{np.mean(lengths > text.max_len):.1%}",
        }
    return {"source": data.train.source, "splits": splits}


def merge_validation(split: Split) -> Split:
    """The same split with the validation examples among the training examples, for a last fit (`--refit`)."""
    first, second = split.train, split.validation
    targets = np.concatenate([first.targets, second.targets])
    if isinstance(first.inputs, TokenInputs) and isinstance(second.inputs, TokenInputs):
        ids = np.concatenate([first.inputs.ids, second.inputs.ids])
        return replace(split, train=Part(TokenInputs(ids), targets))
    assert isinstance(first.inputs, WindowInputs)
    assert isinstance(second.inputs, WindowInputs)
    anchors = np.concatenate([first.inputs.anchors, second.inputs.anchors])
    inputs = replace(first.inputs, anchors=anchors)
    assert first.times is not None
    assert second.times is not None
    return replace(split, train=Part(inputs, targets, np.concatenate([first.times, second.times])))

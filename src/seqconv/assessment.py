"""How good a saved model is on labelled data: a file of the user's, or the test set of its own run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqconv import datasets
from seqconv.bundle import Bundle, read_bundle
from seqconv.config import TextConfig, count_threads
from seqconv.data import EncodedTexts, SequenceData, Sequences, SeriesData, Texts
from seqconv.engines import Model
from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.evaluation import evaluate as score_splits
from seqconv.evaluation import probe_order, score_intervals
from seqconv.features import SequenceFeatures, SeriesFeatures, TextFeatures
from seqconv.fitted import fingerprint
from seqconv.predictor import create_model
from seqconv.runs import Timer, prepare
from seqconv.scores import Scores, score_classes, score_forecast
from seqconv.series_splits import cut_series
from seqconv.splits import Part, Split, align_labels, class_targets
from seqconv.tokens import Encoded, from_ranks
from seqconv.training import Listener
from seqconv.windows import show_duration

Columns = dict[str, str | tuple[str, ...]]


def evaluate(
    model: str | Path,
    file: str | Path | None = None,
    columns: Columns | None = None,
    engine: str = "native",
    threads: int = 0,
) -> dict[str, Any]:
    """Score a run's or a model's answers to labelled data, every score with a 95 % bootstrap interval.

    Args:
        model: a run or model folder.
        file: read with the model's own data settings; None: the test set of the run, which must lie where it lay, and
            then the model's sense of order is probed too.
        columns: data settings that `file` needs otherwise: `text`, `label` or `time`.

    Returns:
        `model`, `task`, `source`, `notes`, what `scores.score_classes` or `scores.score_forecast` gives, for forecasts
        with intervals also `intervals`, what `evaluation.score_intervals` gives; without a
        file also `test` (the metrics that training printed) and `order_probe`, see `evaluation.probe_order`.

    Raises:
        BundleError: no model, or the data of its run have changed.
        ConfigError: a column setting that the task does not have.
        DataError: a file that cannot be read, or is not of the model's kind.
    """
    bundle = read_bundle(Path(model))
    answers = create_model(bundle, engine, threads)
    found: dict[str, Any] = {"model": str(model), "task": bundle.recipe.task}
    if file is None:
        if columns:
            raise ConfigError(f"--{next(iter(columns))}: needs a FILE whose column it names; got none. Give the file")
        return found | _evaluate_own_test(bundle, answers, Path(model), threads)
    part, notes = read_examples(bundle, str(file), columns or {}, threads)
    outputs = answers.predict(part.inputs)
    scores = _score(bundle, part.finish(outputs), part.finish_ends(outputs), part)
    return found | {"source": str(file), "notes": notes} | scores


def _score(
    bundle: Bundle, outputs: np.ndarray, ends: np.ndarray | None, part: Part, reference: Part | None = None
) -> Scores:
    features, training = bundle.features, bundle.recipe.training
    if isinstance(features, SeriesFeatures):
        scores = score_forecast(outputs, part, features, reference, training.seed)
        if ends is None or not features.margins:
            return scores
        return scores | {"intervals": score_intervals(ends, outputs, part, features, training.interval, training.seed)}
    return score_classes(outputs, np.asarray(part.targets), features, training.loss, training.seed)


def read_own_split(bundle: Bundle, folder: Path, threads: int) -> Split:
    """The training, validation and test examples of a model's own run.

    Raises:
        BundleError: the data have changed.
        DataError: they do not lie where they lay.
    """
    trained = bundle.features if isinstance(bundle.features, TextFeatures) else None
    split = prepare(bundle.recipe, threads, Listener(), Timer(), trained)
    if fingerprint(split) != bundle.fingerprint:
        raise BundleError(f"{folder}: {bundle.recipe.data.source} must hold the data it was trained on; it has changed")
    return split


def _evaluate_own_test(bundle: Bundle, model: Model, folder: Path, threads: int) -> dict[str, Any]:
    recipe, split = bundle.recipe, read_own_split(bundle, folder, threads)
    scored = score_splits(model, split, recipe.training.loss)
    return {
        "source": f"test set of {recipe.data.source}",
        "notes": list(split.facts["notes"]),
        **_score(bundle, scored.test_outputs, scored.test_ends, split.test, split.train),
        "test": scored.test,
        "order_probe": probe_order(model, split, recipe.training.loss, recipe.training.seed),
    }


def read_examples(bundle: Bundle, file: str, columns: Columns, threads: int = 0) -> tuple[Part, list[str]]:
    """The labelled examples of a file as a model takes them, and what the reader has to say about it.

    Args:
        columns: see `evaluate`.

    Raises:
        ConfigError, DataError: see `evaluate`.
    """
    config = bundle.recipe.data
    for name in columns:
        if name not in config.names():
            raise ConfigError(f"--{name}: must fit the model; a {bundle.recipe.task} model has no such column. Drop it")
    own_files: Columns = {name: "" for name in config.names() if name.endswith("_file")}
    changes: dict[str, Any] = {"source": file} | own_files | columns
    data = datasets.load(replace(config, **changes))
    if isinstance(data, SeriesData):
        return _cut_windows(bundle.features, data)
    if isinstance(data, SequenceData):
        return _take_sequences(bundle.features, data)
    # an archive with a test part of its own is judged on that
    return _take_texts(bundle, data.train if data.test is None else data.test, threads)


def _cut_windows(features: Any, data: SeriesData) -> tuple[Part, list[str]]:
    assert isinstance(features, SeriesFeatures)
    series, spec = data.train, features.spec
    if series.interval_s != spec.interval_s:
        raise DataError(
            f"{series.source}: must have a row every {show_duration(spec.interval_s)} as in training; "
            f"it has one every {show_duration(series.interval_s)}. Resample it"
        )
    scaled = features.scale(series)
    part, dropped = cut_series(features, series, scaled, 0, len(series.times))
    if not len(part.targets):
        raise DataError(
            f"{series.source}: must hold a whole window of {spec.reach} rows (lookback and lead); "
            f"it has {len(series.times)} rows and none is whole. Give more rows"
        )
    reasons = {"dropped_at_holes": "at holes in time", "dropped_missing": "with missing values"}
    notes = [f"{count:,} windows {reasons[name]} left out" for name, count in dropped.items() if count]
    return part, [*series.notes, *notes]


def _take_texts(bundle: Bundle, texts: Texts | EncodedTexts, threads: int) -> tuple[Part, list[str]]:
    features = bundle.features
    assert isinstance(features, TextFeatures)
    notes = list(getattr(texts, "notes", ()))
    _check_labels(texts, features)
    if features.multi_label and texts.labels.ndim == 1:  # a row each with just one label
        texts = replace(texts, labels=np.eye(len(texts.classes), dtype=np.uint8)[texts.labels])
    labels = align_labels(texts, features.classes).labels  # type: ignore[type-var]
    inputs = features.inputs(_encode(bundle, features, texts, threads))
    return Part(inputs, class_targets(labels, len(features.classes))), notes


def _encode(bundle: Bundle, features: TextFeatures, texts: Texts | EncodedTexts, threads: int) -> Encoded:
    if isinstance(texts, EncodedTexts) != (features.vocabulary is None):
        kinds = ("raw texts", "word ranks")
        raise DataError(
            f"{texts.source}: must hold {kinds[features.vocabulary is None]}, which the model was trained on; "
            f"it holds {kinds[features.vocabulary is not None]}"
        )
    if isinstance(texts, EncodedTexts):
        assert isinstance(bundle.recipe.features, TextConfig)
        return from_ranks(texts.ids, texts.offsets, bundle.recipe.features.vocabulary)
    assert features.vocabulary is not None
    return features.vocabulary.encode(texts.texts, count_threads(threads))


def _take_sequences(features: Any, data: SequenceData) -> tuple[Part, list[str]]:
    assert isinstance(features, SequenceFeatures)
    sequences = data.train
    _check_labels(sequences, features)
    sequences = align_labels(sequences, features.classes)
    return Part(features.inputs(sequences), class_targets(sequences.labels, len(features.classes))), [*sequences.notes]


def _check_labels(examples: Texts | EncodedTexts | Sequences, features: TextFeatures | SequenceFeatures) -> None:
    if not len(examples.labels):
        raise DataError(f"{examples.source}: must hold labelled examples; got none. Give a file with labels")
    if examples.labels.ndim == 2 and not features.multi_label:
        raise DataError(
            f"{examples.source}: must have one label an example as in training; got several. Name one label column"
        )

"""Answers for sequences in memory, in a file or in a request."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.datasets import sequence_columns
from seqconv.data.readers.jsonlines import name_kind
from seqconv.data.readers.sequence_tables import ROWS_ARE_STEPS
from seqconv.data.readers.sequences import read_sequences
from seqconv.data.readers.tables import Frame, create_table
from seqconv.data.records import LARGEST, Sequences, count
from seqconv.errors import DataError
from seqconv.metrics.records import Json
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.explanation import GridExplanation
from seqconv.tasks.outcomes import answer_outcomes, describe_outcome
from seqconv.tasks.seen import Tally
from seqconv.tasks.sequence.explaining import explain_sequence
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.sequence.split import make_keys
from seqconv.tasks.target import Columns
from seqconv.tasks.task import MOST_TYPED, Options, Source, need_path, say_nothing


def predict_sequences(trained: Trained, sequences: Sequences) -> np.ndarray:
    """Probability of each class, float32 `[N, classes]`; or a number and the bounds of its interval, if the model has
    them, float64 `[N, 1 or 3]`.

    Raises:
        DataError: a different number of channels.
    """
    features: SequenceFeatures = trained.bundle.features
    return answer_outcomes(features.target, trained.model.predict(features.inputs(sequences)))


def predict_sequence_file(
    trained: Trained, source: str | Path | IO[bytes], column: str, rows: int, say: Say = say_nothing
) -> Iterator[Frame]:
    """The number of each sequence of a file, its answer and the probabilities."""
    sequences = read_unlabelled(trained.bundle, need_path(source), column)
    tally = Tally(trained.bundle.seen)
    tally.add(make_keys(sequences))
    lengths = describe_lengths(trained.bundle.features, np.diff(sequences.offsets))
    for note in (*sequences.notes, *lengths, *tally.describe()):
        say(note)
    numbers: Columns = {"sequence": np.arange(1, len(sequences) + 1), **sequences.keys}
    target = trained.bundle.features.target
    yield create_table(numbers | target.to_columns(predict_sequences(trained, sequences)))


def describe_lengths(features: SequenceFeatures, lengths: np.ndarray) -> list[str]:
    """Notes on sequences that are only beginnings, by the steps of training, or of which only the ends are read."""
    read, notes = features.length, []
    short, long = int((lengths < features.shortest).sum()), int((lengths > read).sum())
    if short:
        begins = "is shorter" if short == 1 else "are shorter"
        steps = f"{features.shortest} steps of {'the shortest in ' if features.masked else ''}training"
        notes.append(f"{count(short, 'sequence')} {begins} than the {steps}: predicted from a part")
    if long:
        begins = "is longer" if long == 1 else "are longer"
        notes.append(f"{count(long, 'sequence')} {begins} than the {read} steps that are read: the last {read} count")
    return notes


def read_unlabelled(bundle: AnyBundle, file: Path, time: str = "") -> Sequences:
    """The sequences of a file, read as the training file was; `time`: the time column of a table, if another.

    Raises:
        DataError: the file cannot be read, or has another number of channels.
    """
    features: SequenceFeatures = bundle.features
    config = bundle.recipe.data
    columns = sequence_columns(replace(config, time=time) if time else config)
    steps = 0 if features.masked else features.length
    found = read_sequences(file, False, config.layout, len(features.channels), columns, steps)
    if len(found.channels) == 1 < len(features.channels):
        must = f"must have {len(features.channels)} channels as in training; got 1"
        raise DataError(f"{file}: {must}. {ROWS_ARE_STEPS}, if it is a table with a row for each step")
    return found


def read_request_sequences(bundle: AnyBundle, items: list[Any], first: int) -> Sequences:
    """Sequences of a request; `first` is the number of the first one in it.

    Raises:
        DataError: an item that is not a list of steps, each a list of channels.
    """
    features: SequenceFeatures = bundle.features
    steps: list[list[float]] = []
    ends = [0]
    for number, sequence in enumerate(items, start=first):
        if not isinstance(sequence, list) or not sequence:
            raise DataError(f"sequences, item {number}: must be a list of steps; got {_show(sequence)}. Give its steps")
        for place, step in enumerate(sequence, start=1):
            steps.append(_check_step(step, len(features.channels), f"sequences, item {number}, step {place}"))
        ends.append(len(steps))
    with np.errstate(over="ignore"):
        values = np.array(steps, np.float64)
    if (large := np.abs(values) > LARGEST).any():
        step = int(np.argmax(large.any(axis=1)))
        number = int(np.searchsorted(ends, step, "right")) - 1
        where = f"sequences, item {first + number}, step {step - ends[number] + 1}"
        raise DataError(f"{where}: must hold numbers up to 3.4e38; got a larger one. Correct it")
    offsets = np.array(ends, np.int64)
    return Sequences(values, offsets, np.zeros(0, np.int32), features.classes, features.channels, "sequences")


def join_sequences(parts: list[Sequences]) -> Sequences:
    """Sequences of requests, one part after the other."""
    starts = np.cumsum([0, *(len(part.values) for part in parts)])
    offsets = np.concatenate([[0], *(start + part.offsets[1:] for start, part in zip(starts, parts, strict=False))])
    return replace(parts[0], values=np.concatenate([part.values for part in parts]), offsets=offsets)


def _check_step(step: Any, channels: int, where: str) -> list[float]:
    """The values of the channels, NaN where missing."""
    if not isinstance(step, list) or len(step) != channels:
        must = f"must be a list of {channels} channel{'s' if channels > 1 else ''}"
        raise DataError(f"{where}: {must}; got {_show(step)}. Give a value or null for each")
    for value in step:
        if value is not None and type(value) not in (int, float):
            raise DataError(f"{where}: must hold numbers or null; got {name_kind(value)}. Correct it")
    return [math.nan if value is None else value for value in step]


def _show(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else name_kind(value)


def answer_sequences(trained: Trained, sequences: Sequences) -> list[Json]:
    """The answer of each sequence, and its probabilities or bounds."""
    features: SequenceFeatures = trained.bundle.features
    answers: list[Json] = features.target.to_json(predict_sequences(trained, sequences))
    for answer, length in zip(answers, np.diff(sequences.offsets), strict=True):
        if notes := describe_lengths(features, np.array([length])):
            answer["note"] = notes[0]
    return answers


def read_example_sequence(bundle: AnyBundle, source: Source) -> Sequences:
    """Sequence number `row` of a file.

    Raises:
        ConfigError: no file.
        DataError: a file that cannot be read or holds fewer sequences.
    """
    file = source.need_file()
    sequences = read_unlabelled(bundle, file, source.column)
    if source.row > len(sequences):
        raise DataError(
            f"{file}: must hold a sequence number {source.row}; it holds {len(sequences)}. Choose another --row"
        )
    return sequences.take(np.array([source.row - 1]))


def explain_example(trained: Trained, sequence: Sequences, options: Options) -> GridExplanation:
    """See `explain_sequence`; the option is `class`."""
    return explain_sequence(trained, sequence, options.get("class"))


def make_example(bundle: AnyBundle) -> str:
    """A made-up sequence as a user would type it; empty if it would be very long."""
    features: SequenceFeatures = bundle.features
    if features.length * len(features.channels) > MOST_TYPED:
        return ""
    steps = features.scaler.make_rows(features.length)
    return "\n".join(",".join(f"{value:.4g}" for value in step) for step in steps)


def describe_sequence_model(bundle: AnyBundle) -> Json:
    """Classes, or the number that is predicted and the coverage of its intervals; channels, and steps that are read."""
    features: SequenceFeatures = bundle.features
    return {**describe_outcome(bundle), "channels": list(features.channels), "steps_read": features.length}


def answer_whole(trained: Trained, sequences: Sequences) -> np.ndarray:
    """A model's outputs for sequences, as scores take them, `[N, outputs]`."""
    features: SequenceFeatures = trained.bundle.features
    return trained.model.predict(features.inputs(sequences))[:, : features.target.outputs]

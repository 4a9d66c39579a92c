"""Long recordings by a sliding window: a row with an answer for each window."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqconv.data.readers.tables import Frame, create_table
from seqconv.data.records import Sequences, count
from seqconv.errors import ConfigError, OptionError
from seqconv.recipes.durations import parse_seconds
from seqconv.tasks.baselines import Say
from seqconv.tasks.bundle import Trained
from seqconv.tasks.sequence.answers import describe_lengths, predict_sequences, read_unlabelled
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.target import Columns
from seqconv.tasks.task import Sliding

CHUNK = 1 << 22  # values of windows that are predicted together
WHOLE = 1e-6  # of a step, that a duration may be off a whole number of them


def predict_windows(trained: Trained, source: Path, column: str, sliding: Sliding, say: Say) -> Iterator[Frame]:
    """Recording, first and last step, and answer of each whole window; a recording shorter than one is taken whole.

    Args:
        column: of times; empty: as in training.

    Raises:
        OptionError: a window or stride that is no whole number of steps, or a duration where steps have no times.
    """
    bundle = trained.bundle
    features: SequenceFeatures = bundle.features
    recordings = read_unlabelled(bundle, source, column)
    interval = str(recordings.settled.get("interval", "") or bundle.recipe.data.interval)
    window = _count_steps(sliding.window, "window", interval, features.length)
    stride = _count_steps(sliding.stride, "stride", interval, window)
    first, last, whose = _lay_windows(recordings, window, stride)
    for note in (*recordings.notes, f"{count(len(first), 'window')} of {count(window, 'step')}"):
        say(note)
    lengths = last - first
    short = int((np.diff(recordings.offsets) < window).sum())
    if short:
        say(f"{count(short, 'recording')} shorter than a window: predicted as a whole")
    for note in describe_lengths(features, lengths):
        say(note)
    rows = max(CHUNK // (window * len(features.channels)), 1)
    for begin in range(0, len(first), rows):
        some = slice(begin, begin + rows)
        part = _cut_windows(recordings, first[some], last[some])
        answers = features.target.to_columns(predict_sequences(trained, part))
        yield create_table(_name_windows(recordings, first[some], last[some], whose[some]) | answers)


def _count_steps(text: str, name: str, interval: str, default: int) -> int:
    """Steps in a setting: a whole number, or a duration."""
    text = text.strip()
    if not text:
        return default
    if text.isdecimal() and int(text) > 0:
        return int(text)
    try:
        seconds = parse_seconds(text, name)
    except ConfigError as error:
        must = "must be a number of steps, such as 100, or a duration, such as 10s"
        raise OptionError(f"{name} {must}; got {text!r}. Correct it") from error
    if not interval:
        must = "must be a number of steps, which have no times in this file"
        raise OptionError(f"{name} {must}; got {text!r}. Pass a number, or train with --every, such as --every 20ms")
    steps = seconds / parse_seconds(interval, "data.interval")
    if round(steps) < 1 or abs(steps - round(steps)) > WHOLE * max(steps, 1):
        raise OptionError(f"{name} must be a whole number of steps of {interval}; got {text!r}. Round it")
    return round(steps)


def _lay_windows(recordings: Sequences, window: int, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first step of each window, the one after its last, and its recording, int64 `[W]` each."""
    offsets = recordings.offsets
    counts = np.maximum((np.diff(offsets) - window) // stride + 1, 1)
    whose = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(whose)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = offsets[whose] + places * stride
    return first, np.minimum(first + window, offsets[whose + 1]), whose


def _cut_windows(recordings: Sequences, first: np.ndarray, last: np.ndarray) -> Sequences:
    lengths = last - first
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
    return replace(recordings, values=recordings.values[rows], offsets=offsets, keys={}, times=None)


def _name_windows(recordings: Sequences, first: np.ndarray, last: np.ndarray, whose: np.ndarray) -> Columns:
    """Columns that say which recording and which steps each window is of: their times, or numbers from 1."""
    keys: Columns = {name: [values[place] for place in whose] for name, values in recordings.keys.items()}
    own: Columns = keys or {"sequence": whose + 1}
    times = recordings.times
    if times is None:
        start = recordings.offsets[whose]
        return own | {"from": first - start + 1, "to": last - start}
    if times.dtype.kind != "M":
        return own | {"from": times[first], "to": times[last - 1]}
    return own | {"from": [str(time) for time in times[first]], "to": [str(time) for time in times[last - 1]]}

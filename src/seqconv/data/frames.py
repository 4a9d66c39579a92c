"""Data in memory -> Texts, Series, Sequences: lists, numpy arrays, pandas and polars frames and columns."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from seqconv.data.readers.arrays import FIRST, LAST
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.series import START, series_from_table
from seqconv.data.records import LARGEST, Sequences, Series, Texts, count
from seqconv.errors import DataError
from seqconv.recipes.durations import parse_duration

SOURCE = "the data"


def to_texts(texts: Any, labels: Any, source: str = SOURCE, weights: Any = None, groups: Any = None) -> Texts:
    """Labelled texts.

    Args:
        texts: N texts: a list, an array, a column, or a frame with one column.
        labels: one label per text, or multi-label `[N, classes]` of 0 and 1 (a frame's columns then name the classes).
        source: what errors call the data.
        weights: what each text counts in training, a number of at least 0; None: all count the same.
        groups: of each text, anything hashable; a group is never split. None: copies of a text are groups.

    Raises:
        DataError: an item that is not a string, a missing label, a wrong number of labels, weights or groups, or no
            texts.

    >>> to_texts(["good", "bad", "so good"], [1, 0, 1]).labels
    array([1, 0, 1], dtype=int32)
    """
    found = list_texts(texts, source)
    coded, classes = _code_labels(labels, len(found), source)
    marks = read_weights(weights, len(found), f"{source}: weights"), _number_groups(groups, len(found), source)
    return Texts(found, coded, classes, source, weights=marks[0], groups=marks[1])


def read_weights(weights: Any, count: int, name: str) -> np.ndarray | None:
    """What each of `count` examples counts in training, float64 `[N]`; None: nothing is given.

    Raises:
        DataError: not a number of at least 0 for each example.
    """
    if weights is None:
        return None
    found = np.asarray(weights, np.float64)
    if found.shape != (count,):
        raise DataError(f"{name} must be a number for each of {count} examples; got shape {found.shape}")
    good = np.isfinite(found) & (found >= 0)
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(f"{name}, row {row + 1}: must be a number of at least 0; got {found[row]}. Correct it")
    return found


def _number_groups(groups: Any, count: int, source: str) -> np.ndarray | None:
    if groups is None:
        return None
    given, numbers = list(groups), dict[Any, int]()
    if len(given) != count:
        raise DataError(f"{source}: groups must be one for each of {count} texts; got {len(given)}")
    return np.array([numbers.setdefault(each, len(numbers)) for each in given], np.int64)


def list_texts(texts: Any, source: str = SOURCE) -> list[str]:
    """N texts as a list.

    Raises:
        DataError: not a list of texts; an item that is not a string; several columns.
    """
    unordered = isinstance(texts, str | bytes | Mapping | Set)
    if unordered or not (hasattr(texts, "__len__") or hasattr(texts, "__array__")):
        raise DataError(f"{source}: must be a list of texts; got one {type(texts).__name__}. Put it into a list")
    shape: tuple[int, ...] = getattr(texts, "shape", ())
    if len(shape) == 2 and shape[1] != 1:
        raise DataError(f"{source}: must be one column of texts; got {shape[1]}. Select one column")
    items = texts.to_pylist() if hasattr(texts, "to_pylist") else texts  # of Arrow, whose items are no texts
    items = np.asarray(items, object).ravel() if shape else items
    for row, item in enumerate(items):
        if not isinstance(item, str):
            raise DataError(f"{source}, row {row + 1}: must be a text; got {item!r:.40}. Fill it in or leave it out")
    return [str(item) for item in items]


def to_sequences(values: Any, labels: Any = None, source: str = SOURCE, layout: str = LAST) -> Sequences:
    """Sequences, labelled or not.

    Args:
        values: `[N, L, C]`, `[N, L]`, or a list of N arrays `[L]` or `[L, C]` of any lengths; NaN is missing.
        labels: one label per sequence; None if there are no labels.
        source: what errors call the data.
        layout: of sequences with two axes: `channels last`, `[L, C]`, or `channels first`, `[C, L]`.

    Raises:
        DataError: another shape, infinite values, no sequences, or invalid labels as for `to_texts`.

    >>> to_sequences([[1.0, 2.0, 3.0], [4.0]]).offsets
    array([0, 3, 4])
    """
    parts = [_to_steps(part, row, source, layout) for row, part in enumerate(values)]
    channels = sorted({part.shape[1] for part in parts})
    if len(channels) != 1:
        got = f"got {channels[0]} and {channels[-1]}" if channels else "there are no sequences"
        raise DataError(f"{source}: all sequences must have the same number of channels; {got}. Correct the data")
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    coded, classes = (np.empty(0, np.int32), ()) if labels is None else _code_labels(labels, len(parts), source)
    if coded.ndim == 2:
        raise DataError(f"{source}: each sequence must have one label; got {coded.shape[1]}. Give one each")
    names = tuple(f"channel {number + 1}" for number in range(channels[0]))
    return Sequences(np.concatenate(parts), offsets, coded, classes, names, source)


def _to_steps(part: Any, row: int, source: str, layout: str) -> np.ndarray:
    steps = np.asarray(part, np.float64)
    if steps.ndim not in (1, 2) or not steps.size:
        axes = "[C, L]" if layout == FIRST else "[L, C]"
        raise DataError(f"{source}, row {row + 1}: must be steps [L] or {axes}; got shape {steps.shape}. Correct it")
    steps = steps.T if layout == FIRST else steps
    if (np.abs(steps) > LARGEST).any():
        raise DataError(f"{source}, row {row + 1}: every value must be finite, at most 3.4e38; got more. Correct it")
    return steps.reshape(len(steps), -1)


def to_series(values: Any, time: str = "", interval: str = "", source: str = SOURCE) -> Series:
    """A time series.

    Args:
        values: `[T]` or `[T, C]`, or a frame; rows in time order, NaN is missing.
        time: the frame's time column; empty: its index, or inferred.
        interval: time between two rows, such as `1h`; empty: the most common one. Required for an array and for a
            frame without times.
        source: what errors call the data.

    Raises:
        DataError: see `readers.series.read_series`.

    >>> to_series(np.arange(3.0), interval="1h").times[-1]
    np.datetime64('2000-01-01T02:00:00')
    """
    if hasattr(values, "columns"):
        return series_from_table(table_from_frame(values, source), time, interval)
    rows = np.asarray(values, np.float64)
    if rows.ndim not in (1, 2) or not rows.size or np.isinf(rows).any():
        raise DataError(f"{source}: must be finite rows [T] or [T, C]; got shape {rows.shape}. Correct it")
    if not interval or time:
        raise DataError(f"{source}: an array has no times. Pass the interval of its rows, such as interval='1h'")
    interval_s = parse_duration(interval, "interval")
    rows = rows.reshape(len(rows), -1)
    names = tuple(f"column {number + 1}" for number in range(rows.shape[1]))
    return Series(START + np.arange(len(rows)) * np.timedelta64(interval_s, "s"), rows, names, interval_s, source)


def split_times(frame: Any) -> tuple[np.ndarray | None, Any]:
    """The times of a frame's rows, and the frame without its time column.

    Times come from a pandas index of timestamps or integers (taken as seconds), or else from the first time column;
    times with a time zone become UTC.

    Returns:
        datetime64[s] `[T]`, or None if there are no times, as for an array; and the rest of the frame.
    """
    index: Any = getattr(frame, "index", None)
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    kind = getattr(getattr(index, "dtype", None), "kind", "")
    if kind == "M":
        return _to_stamps(index.tz_convert(None) if index.tz else index), frame
    if not hasattr(frame, "columns"):
        return (START + np.asarray(index, "timedelta64[s]") if kind == "i" else None), frame
    for name in frame.columns:
        dtype = frame[name].dtype
        if hasattr(dtype, "is_temporal") and dtype.is_temporal():
            return _to_stamps(frame[name]), frame.drop(name)
        if getattr(dtype, "kind", "") == "M":
            column = frame[name].dt.tz_convert(None) if getattr(dtype, "tz", None) else frame[name]
            return _to_stamps(column), frame.drop(columns=name)
    return (START + np.asarray(index, "timedelta64[s]") if kind == "i" else None), frame


def _to_stamps(column: Any) -> np.ndarray:
    return np.asarray(column.to_numpy(), "datetime64[s]")


def _code_labels(labels: Any, rows: int, source: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as `Texts` stores them, and the class names, sorted."""
    values = np.asarray(labels)
    if len(values) != rows or not rows:
        raise DataError(f"{source}: must have a label for each of {count(rows, 'row')}; got {len(values)}. Add them")
    if values.ndim == 2 and values.shape[1] > 1:
        if not np.isin(values, (0, 1)).all():
            raise DataError(f"{source}: multi-label columns must hold only 0 and 1; got other values. Correct them")
        names: Sequence[Any] = getattr(labels, "columns", range(values.shape[1]))
        return values.astype(np.uint8), tuple(str(name) for name in names)
    values = values.reshape(rows)
    for row, label in enumerate(values.tolist()):
        if label is None or label != label or label == "":
            raise DataError(f"{source}, row {row + 1}: the label must not be missing. Fill it in or remove the row")
    classes, coded = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    return coded.astype(np.int32), tuple(str(name) for name in classes.tolist())

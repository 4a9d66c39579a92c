"""Data in memory -> a file, so that whatever holds for files holds for them too."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from seqconv.data.frames import SOURCE, list_texts
from seqconv.data.readers.arrays import FIRST, find_layout
from seqconv.data.readers.columns import MARKS
from seqconv.data.readers.dataframes import LIBRARIES, table_from_frame
from seqconv.data.readers.tables import create_table, write_table
from seqconv.errors import DataError, SeqconvError, in_python

TEXT, LABEL = "text", "label"  # columns of texts and labels that came without names


@contextmanager
def hidden_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, and whose files are `the data` in errors."""
    with TemporaryDirectory() as folder, in_python():
        try:
            yield Path(folder)
        except SeqconvError as error:
            error.args = (hide(str(error), folder),)
            raise


def hide(text: str, folder: str | Path) -> str:
    """A text in which files of a folder are `the data`."""
    return re.sub(rf"{re.escape(str(folder))}[/\\]\w+\.(?:parquet|npz)", SOURCE, text)


def write_data(given: Any, path: Path, settings: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Write a table, or examples with their labels, to a file, for readers to read by further settings.

    Args:
        given: a data frame of any library that narwhals knows, rows of numbers `[T]` or `[T, C]`, or a pair of examples
            and labels: texts, or sequences `[N, L]`, `[N, L, C]`, `[N, C, L]` or a list of arrays of any lengths; and a
            label or a number for each, lists of labels, or columns of 0 and 1 `[N, classes]`.
        path: without an ending.
        settings: of a pair: `target`, what its numbers are called, if they are to be predicted as such; `layout`.

    Returns:
        The path with an ending, and these settings.

    Raises:
        DataError: something else, or another number of labels than of examples.
    """
    if isinstance(given, tuple) and len(given) == 2:
        return _write_pair(*given, path, settings)
    table = path.with_suffix(".parquet")
    if isinstance(given, np.ndarray | list) and np.ndim(given) in (1, 2) and np.asarray(given).dtype.kind in "biuf":
        rows = np.asarray(given, np.float64).reshape(len(given), -1)
        write_table(create_table({f"column {number}": column for number, column in enumerate(rows.T, 1)}), table)
    elif isinstance(given, np.ndarray | list | tuple | set | dict | int | float | None):
        wanted = f"a data frame ({LIBRARIES}), a pair (examples, labels), what a `read_` function returns, or a path"
        raise DataError(f"{SOURCE}: must be {wanted}; got one {type(given).__name__}. Put labels next to examples")
    else:
        write_table(table_from_frame(given, SOURCE).frame, table)
    return table, {}


def _write_pair(examples: Any, labels: Any, path: Path, settings: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    counts = [len(each) if hasattr(each, "__len__") else 0 for each in (examples, labels)]
    if not counts[0] or counts[0] != counts[1]:
        got = f"got {counts[1]} for {counts[0]}"
        raise DataError(f"{SOURCE}: must have a label for each example; {got}. Correct the pair (examples, labels)")
    columns = _list_labels(labels, str(settings.get("target") or LABEL))
    items = list(examples.to_numpy() if hasattr(examples, "to_numpy") else examples)
    if isinstance(items[0].item() if np.shape(items[0]) == (1,) else items[0], str):
        write_table(create_table({TEXT: list_texts(examples, SOURCE)} | columns), path.with_suffix(".parquet"))
        return path.with_suffix(".parquet"), {"text": TEXT} | _name_labels(columns)
    if len(columns) > 1 or isinstance(next(iter(columns.values()))[0], list):
        raise DataError(f"{SOURCE}: each sequence must have one label; got several. Give one each")
    steps = [np.asarray(each) for each in items]
    for row, each in enumerate(steps, 1):
        if each.dtype.kind not in "biuf":
            cure = "Put labels next to other examples, in one data frame, and name its columns"
            raise DataError(
                f"{SOURCE}, example {row}: must be a text, or an array of numbers; got {each.dtype}. {cure}"
            )
    if len({each.shape for each in steps}) == 1:
        np.savez(path.with_suffix(".npz"), X=np.stack(steps), y=np.array(next(iter(columns.values()))))
        return path.with_suffix(".npz"), {}
    table: dict[str, Any] = _list_channels(steps, settings.get("layout")) | columns
    write_table(create_table(table), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet"), {}


def _name_labels(columns: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """The setting for the labels of texts, where they are several columns, or hold marks that part several labels in
    files."""
    name, labels = next(iter(columns.items()))
    if len(columns) > 1:
        return {"label": [*columns]}
    marked = any(isinstance(each, str) and any(mark in each for mark in MARKS) for each in labels)
    return {"label": [f"{name}="]} if marked else {}


def _list_labels(labels: Any, name: str) -> dict[str, list[Any]]:
    """The labels as columns: one of labels, of numbers, or of lists of labels; or several of 0 and 1.

    Args:
        name: of a single column.
    """
    shape: tuple[int, ...] = getattr(labels, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        names = [str(each) for each in getattr(labels, "columns", range(shape[1]))]
        return dict(zip(names, np.asarray(labels).T.tolist(), strict=True))
    items = np.asarray(labels).ravel().tolist() if len(shape) == 2 else list(labels)
    plain = [each.item() if isinstance(each, np.generic) else each for each in items]
    several = [list(each) for each in plain if hasattr(each, "__iter__") and not isinstance(each, str | bytes)]
    if len(several) == len(plain):
        if all(isinstance(label, str) for each in several for label in each):
            return {name: several}
        return _list_labels(np.array(several), name) if len({len(each) for each in several}) == 1 else {name: several}
    for row, each in enumerate(plain, 1):
        if each is None or each != each or each == "":
            raise DataError(f"{SOURCE}, row {row}: the label must not be missing. Fill it in or leave the row out")
    if all(isinstance(each, float) and each.is_integer() for each in plain):  # classes, as Keras has them
        return {name: [int(each) for each in plain]}
    return {name: [str(each).lower() if isinstance(each, bool) else each for each in plain]}


def _list_channels(steps: list[np.ndarray], layout: str | None) -> dict[str, list[list[float]]]:
    """A column of lists for each channel of sequences of different lengths."""
    if {each.ndim for each in steps} == {2} and find_layout({each.shape for each in steps}, layout or "guess") == FIRST:
        steps = [each.T for each in steps]
    steps = [each.reshape(len(each), -1) for each in steps]
    channels = {each.shape[1] for each in steps}
    if len(channels) > 1:
        got = f"got {min(channels)} and {max(channels)}"
        raise DataError(f"{SOURCE}: all sequences must have the same number of channels; {got}. Correct them")
    return {f"channel {number + 1}": [each[:, number].tolist() for each in steps] for number in range(*channels)}

"""Read labelled sequences from numpy's files: `.npz` with `X` and `y`, or `.npy` for prediction."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.records import LARGEST, Sequences, count, unreadable
from seqconv.errors import DataError

ENDINGS = (".npz", ".npy")
VALUES, LABELS = ("x", "values", "data"), ("y", "labels", "label")  # names of arrays, in lower case
LAYOUTS = FIRST, LAST = "channels first", "channels last"
NO_LABELS = np.zeros(0, np.int32)
_CLEAR = 2  # how many times as many steps as channels tell the axes apart


def list_arrays(path: Path) -> list[str]:
    """The names of the arrays in an `.npz` file; none if it is no such file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError):
        return []


def holds_sequences(path: Path) -> bool:
    """Whether an `.npz` file has an array of values and one of labels."""
    names = {name.lower() for name in list_arrays(path)}
    return not names.isdisjoint(VALUES) and not names.isdisjoint(LABELS)


def read_arrays(path: Path, labelled: bool, layout: str = "guess", channels: int = 0, number: str = "") -> Sequences:
    """Sequences from an array `[N, L]`, `[N, C, L]` or `[N, L, C]`.

    NaN is a missing value; steps at the end of a sequence where all channels are NaN are padding.

    Args:
        labelled: labels are required; they are the array `y` of an `.npz` file.
        layout, channels: of three axes, see `find_layout`.
        number: what the labels are called if they are numbers to predict; empty: they are if they have fractions.

    Raises:
        DataError: not such a file; other arrays or shapes; axes that cannot be told apart; values that are not finite
            numbers; labels that are missing.
    """
    arrays = _load(path)
    values, settled = _to_steps(path, _find(path, arrays, VALUES, "values"), layout, channels)
    coded, classes, number = _read_labels(path, arrays, len(values), number) if labelled else (NO_LABELS, (), "")
    real = ~np.isnan(values).all(axis=2)
    lengths = np.where(real.any(axis=1), real.shape[1] - real[:, ::-1].argmax(axis=1), 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    steps = values[np.arange(values.shape[1]) < lengths[:, None]]
    names = tuple(f"channel {number}" for number in range(1, values.shape[2] + 1))
    notes = _describe(values, lengths, steps)
    return Sequences(steps, offsets, coded, classes, names, str(path), notes, number, settled=settled)


def _load(path: Path) -> Mapping[str, np.ndarray]:
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            return (
                {"x": found} if isinstance(found, np.ndarray) else {name.lower(): found[name] for name in found.files}
            )
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:  # a damaged file can raise anything
        problem = str(error).partition("\n")[0][:100]
        raise DataError(f"{path}: must be numpy arrays of numbers; {problem}. Save it with numpy.savez") from error


def _find(path: Path, arrays: Mapping[str, np.ndarray], names: tuple[str, ...], what: str) -> np.ndarray:
    for name in names:
        if name in arrays:
            return arrays[name]
    held = f"it holds {', '.join(arrays)[:80]}" if path.suffix.lower() == ".npz" else "an .npy file has none"
    wanted = "numpy.savez(FILE, X=values, y=labels)"
    raise DataError(f"{path}: must hold an array of {what}, {names[0].upper()}; {held}. Save it with {wanted}")


def _to_steps(path: Path, x: np.ndarray, layout: str, channels: int) -> tuple[np.ndarray, dict[str, str]]:
    """Values float64 `[N, L, C]`, and the setting of their layout, where they have one."""
    if x.ndim not in (2, 3) or not x.size or x.dtype.kind not in "biuf":
        got = f"got {x.dtype} {list(x.shape)}"
        raise DataError(f"{path}: must hold numbers [N, L], [N, C, L] or [N, L, C]; {got}. Correct the array")
    values = x.astype(np.float64)
    bad = np.isinf(values) | (np.abs(values) > LARGEST)
    if bad.any():
        row = int(np.argmax(bad.reshape(len(x), -1).any(axis=1)))
        raise DataError(f"{path}, sequence {row + 1}: each value must be a finite number; got a larger one. Correct it")
    if x.ndim == 2:
        return values[:, :, None], {}
    found = find_layout([x.shape[1:]], layout, channels)
    if not found:
        must = f"must tell channels from steps; got {x.shape[1]} by {x.shape[2]}"
        raise DataError(f'{path}: {must}. Pass --set data.layout="channels first" or "channels last"')
    values = np.ascontiguousarray(values.swapaxes(1, 2)) if found == FIRST else values
    return values, {"layout": found}


def find_layout(shapes: Iterable[tuple[int, ...]], layout: str = "guess", channels: int = 0) -> str:
    """One of `LAYOUTS`, for sequences of these shapes; empty: steps and channels cannot be told apart.

    The axis that has as many items as a model has channels holds them; else the layout is as the user or training says;
    else the axis of steps is at least twice as long, or as long if it alone differs from sequence to sequence.

    Args:
        layout: one of `LAYOUTS`, or `guess`.
        channels: how many there must be; 0: any number.
    """
    first, second = (set(sizes) for sizes in zip(*shapes, strict=True))
    if channels and (first == {channels}) != (second == {channels}):
        return FIRST if first == {channels} else LAST
    if layout in LAYOUTS:
        return layout
    for found, channel, step in ((FIRST, first, second), (LAST, second, first)):
        alone = len(channel) == 1 < len(step)
        if max(channel) * (1 if alone else _CLEAR) <= min(step):
            return found
    return ""


def _read_labels(
    path: Path, arrays: Mapping[str, np.ndarray], rows: int, number: str
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Labels, classes and the name of numbers to predict, as `Sequences` has them."""
    labels = _find(path, arrays, LABELS, "labels")
    number = number or ("y" if _has_fractions(labels) else "")
    if number:
        return _to_numbers(path, labels, rows), (), number
    return *_code(path, labels, rows), ""


def _has_fractions(labels: np.ndarray) -> bool:
    return labels.dtype.kind == "f" and bool(np.isfinite(labels).all() and (labels != np.round(labels)).any())


def _to_numbers(path: Path, labels: np.ndarray, rows: int) -> np.ndarray:
    """Numbers to predict, float64 `[N]`."""
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (rows,) or labels.dtype.kind not in "iuf" or not np.isfinite(labels).all():
        got = f"got {labels.dtype} {list(labels.shape)}"
        raise DataError(f"{path}: must hold a finite number for each of {rows} sequences; {got}. Correct y")
    return labels.astype(np.float64)


def _code(path: Path, labels: np.ndarray, rows: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class of each sequence, and the classes, sorted."""
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (rows,) or labels.dtype.kind not in "biufUS":
        got = f"got {labels.dtype} {list(labels.shape)}"
        raise DataError(f"{path}: must hold one label for each of {rows} sequences; {got}. Correct y")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError(f"{path}: y must hold classes, or finite numbers to predict; got missing values. Correct y")
    named: Any = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
    classes, codes = np.unique(named, return_inverse=True)
    names = tuple(each.decode() if isinstance(each, bytes) else str(each) for each in classes.tolist())
    return codes.astype(np.int32), names


def _describe(values: np.ndarray, lengths: np.ndarray, steps: np.ndarray) -> tuple[str, ...]:
    shape = f"{count(values.shape[2], 'channel')} of {count(values.shape[1], 'step')}"
    notes = [f"read as {count(values.shape[0], 'sequence')} with {shape}"]
    if lengths.min() < lengths.max():
        notes.append(f"lengths differ: {lengths.min()} to {lengths.max()} steps")
    missing = int(np.isnan(steps).sum())
    return (*notes, f"{count(missing, 'value')} missing") if missing else tuple(notes)

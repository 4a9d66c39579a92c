"""The file in which a run keeps what it answered for its test rows, `predictions.npz`, read back."""

import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from seqconv.errors import BundleError, shorten
from seqconv.metrics.quantiles import list_quantiles
from seqconv.models.folders import refuse_folder

PREDICTIONS = "predictions.npz"
RANGES = {"times": (np.datetime64("0001-01-01"), np.datetime64("9999-12-31")), "ahead": (0, 2**31 - 1)}
DAMAGED = (  # what reading arrays from a damaged archive raises
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(struct.error, Warning, zipfile.BadZipFile, zlib.error),
)


def read_predictions(folder: Path, outputs: int | None = None) -> dict[str, np.ndarray]:
    """The arrays that `Target.to_arrays` gave, as a run wrote them.

    Args:
        folder: of a run.
        outputs: values for each row that they must have; None: not known.

    Raises:
        BundleError: there is no such file, or it is damaged.
    """
    path = folder / PREDICTIONS
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(path):  # which `np.load` would also take for something else
            warnings.simplefilter("error")
            with np.load(path, allow_pickle=False) as stored:
                found = dict(stored)
        _check(found, outputs)
    except FileNotFoundError as error:
        raise refuse_folder(folder, "run", PREDICTIONS) from error
    except DAMAGED as error:
        raise BundleError(f"{path}: must be as seqconv writes it; {shorten(error)}. Train again") from error
    return found


def _check(arrays: dict[str, np.ndarray], outputs: int | None) -> None:
    """Check that the arrays are of the same rows.

    Raises:
        ValueError: they are not.
        KeyError: one is missing.
    """
    # forecasts of a series have times; those of a panel may be of rows that are counted
    bounds, forecasts = arrays.keys() & {"low", "high"}, arrays.get("targets", np.zeros(0)).ndim == 3
    for name in ("outputs", "targets", *(("low", "high") if bounds else ()), *(("times",) if forecasts else ())):
        if name not in arrays:
            raise KeyError(f"{name} is missing")
    first, targets = arrays["outputs"], arrays["targets"]
    each = math.prod(first.shape[1:])
    if first.dtype.kind != "f" or first.ndim < 2 or not first.size or each != (outputs or each):
        wanted = "some" if outputs is None else outputs
        raise ValueError(f"outputs must be {wanted} numbers for each row; got {first.dtype} {list(first.shape)}")
    kinds = dict.fromkeys(("low", "high", *list_quantiles(arrays)), ("f", first.shape))
    kinds |= {"times": ("M", first.shape[:1]), "ahead": ("i", first.shape[1:2])}
    # classes by number, or numbers: of several forecasts of one number there is one target
    kinds["targets"] = ("i" if targets.ndim == 1 else "f", first.shape[: targets.ndim])
    for name in kinds.keys() & arrays.keys():
        (kind, shape), array = kinds[name], arrays[name]
        if array.dtype.kind != kind or array.shape != shape:
            raise ValueError(f"{name} must be of the shape {list(shape)}; got {array.dtype} {list(array.shape)}")
    for name, (low, high) in RANGES.items():
        if name in arrays and not (low <= arrays[name].min() and arrays[name].max() <= high):
            raise ValueError(f"{name} must be from {low} to {high}; got others")
    if "ahead" in arrays and (arrays["ahead"][:1].any() or (np.diff(arrays["ahead"]) <= 0).any()):
        raise ValueError("ahead must rise from 0; it does not")
    if targets.ndim == 1 and not 0 <= targets.min() <= targets.max() < each:
        raise ValueError(f"targets must be classes from 0 to {each - 1}; got {targets.min()} to {targets.max()}")

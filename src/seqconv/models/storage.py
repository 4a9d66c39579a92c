"""Stores weights in 32 or 16 bits, and tables of words and n-grams without uninformative rows.

A zero row of an n-gram table has no effect, and a word whose row equals that of the unknown word can be dropped. If
omitting such rows makes the file smaller, only the others are stored, with their indices as `rows`. Scales that are all
1 are not stored. The arrays of baselines take 16 bits where these hold every number as it is, and tables with many
zeros are stored without them, if that is smaller.
"""

import math
from typing import Any

import numpy as np

from seqconv.errors import BundleError
from seqconv.networks.inputs import UNKNOWN
from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.plan import plan_weights, walk

DTYPES: dict[int, np.dtype[Any]] = {16: np.dtype(np.float16), 32: np.dtype(np.float32)}  # by bits
ROWS = np.dtype(np.int32)
SPARSE = (".shape", ".rows", ".columns", ".values")  # parts of a table without its zeros
SHAPE = SPARSE[0]
PIECE = 2**20  # numbers that are looked at together
MOST_SPREAD = 2**28  # values of tables stored without some rows: a small file must not fill the memory


def tables(plan: Plan) -> dict[str, tuple[ReadsIds, list[str]]]:
    """The layers of a plan that look up ids, by path, each with the names of its weights that have a row per id."""
    return {
        at: (layer, [f"{at}.{name}" for name, weight in layer.weights().items() if weight.by_id])
        for at, layer in walk(plan)
        if isinstance(layer, ReadsIds) and layer.rows > UNKNOWN
    }


def _list_scales(plan: Plan) -> list[str]:
    """The weights by id that are not trained."""
    declared = plan_weights(plan)
    return [name for _, names in tables(plan).values() for name in names if not declared[name].trained]


def pack(plan: Plan, weights: Weights, bits: int = 32) -> Weights:
    """The arrays to store for weights.

    Raises:
        BundleError: a weight that does not fit into 16 bits.
    """
    plain = {name for name in _list_scales(plan) if (weights[name] == 1).all()}
    stored = {name: narrow(name, array, bits) for name, array in weights.items() if name not in plain}
    for at, (layer, names) in tables(plan).items():
        names = [name for name in names if name not in plain]
        every = [stored[name] for name in names]
        kept = np.zeros(len(every[0]), bool)
        for table in every:
            kept |= (table != layer.silent_row(table)).reshape(len(table), -1).any(axis=1)
        if layer.silent is not None:
            kept[layer.silent] = True
        rows = np.flatnonzero(kept).astype(ROWS)
        if sum(table.size for table in every) <= MOST_SPREAD and rows.nbytes < sum(
            table[~kept].nbytes for table in every
        ):
            stored |= {name: table[rows] for name, table in zip(names, every, strict=True)} | {f"{at}.rows": rows}
    return stored


def narrow(name: str, array: np.ndarray, bits: int) -> np.ndarray:
    """Numbers in float32 as they are stored; whole numbers, and those in float64, as they are.

    Raises:
        BundleError: one that does not fit into 16 bits.
    """
    if array.dtype != np.float32:
        return np.ascontiguousarray(array)
    kind = DTYPES[bits]
    largest = np.finfo(kind).max
    if bits < 32 and not (np.abs(array) <= largest).all():
        raise BundleError(
            f"{name}: must be numbers of at most {largest:,.0f} to be stored in {bits} bits; it is not. Keep 32 bits"
        )
    return np.ascontiguousarray(array, kind)


def pack_arrays(arrays: Weights, bits: int = 32) -> Weights:
    """The arrays to store for those of a baseline, see `narrow`; 16 bits hold those that are not changed by it.

    Raises:
        BundleError: see `narrow`.
    """
    stored: Weights = {}
    for name, array in arrays.items():
        least = 16 if array.dtype == np.float32 and _is_short(array) else bits
        stored |= _leave_out_zeros(name, narrow(name, array, least))
    return stored


def unpack_arrays(stored: Weights) -> Weights:
    """The arrays that `pack_arrays` stored.

    Raises:
        ValueError: parts that make no array.
    """
    found = dict(stored)
    for name in [key.removesuffix(SHAPE) for key in stored if key.endswith(SHAPE)]:
        shape, rows, columns, values = (found.pop(f"{name}{part}", np.zeros(0)) for part in SPARSE)
        height, width = shape.tolist() if shape.shape == (2,) else (0, 0)
        if not 0 < height * width <= MOST_SPREAD or rows.shape != (height,) or values.shape != columns.shape:
            raise ValueError(f"{name} must be a table of at most {MOST_SPREAD:,} values without its zeros; it is not")
        if rows.sum(dtype=np.int64) != len(values) or (len(columns) and columns.max() >= width):
            raise ValueError(f"{name} must have its values in {height} rows and {width} columns; it has not")
        whole = np.zeros((height, width), values.dtype)
        whole[np.repeat(np.arange(height), rows), columns] = values
        found[name] = whole
    return {name: widen(array) for name, array in found.items()}


def _leave_out_zeros(name: str, table: np.ndarray) -> Weights:
    """A table as its values that are not zero, how many each row has, and their columns; or as it is, if that is
    smaller."""
    if table.ndim != 2 or not 0 < table.size <= MOST_SPREAD or table.dtype not in DTYPES.values():
        return {name: table}
    kept = table != 0
    narrowest = np.min_scalar_type(table.shape[1])
    shape, rows = np.array(table.shape, np.int64), kept.sum(axis=1).astype(narrowest)
    if rows.sum(dtype=np.int64) * (narrowest.itemsize + table.itemsize) >= table.nbytes:
        return {name: table}
    columns = np.broadcast_to(np.arange(table.shape[1], dtype=narrowest), table.shape)[kept]
    parts = shape, rows, columns, table[kept]
    if sum(part.nbytes for part in parts) >= table.nbytes:
        return {name: table}
    return {f"{name}{part}": array for part, array in zip(SPARSE, parts, strict=True)}


def _is_short(array: np.ndarray) -> bool:
    """Whether 16 bits hold every number as it is."""
    flat = array.reshape(-1)
    with np.errstate(over="ignore"):
        pieces = (flat[first : first + PIECE] for first in range(0, len(flat), PIECE))
        return all((each.astype(np.float16).astype(np.float32) == each).all() for each in pieces)


def widen(array: np.ndarray) -> np.ndarray:
    """What `narrow` was given, as far as it was kept."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def unpack(plan: Plan, stored: Weights) -> Weights:
    """The weights that `pack` stored, float32.

    Raises:
        ValueError: not the weights of this plan; the message names the array, what it must be and what it is.
    """
    weights, declared = dict(stored), plan_weights(plan)
    wanted = {name: weight.shape for name, weight in declared.items()}
    plain = [name for name in _list_scales(plan) if name not in stored]
    spread = sum(math.prod(wanted[name]) for name in plain) + sum(
        math.prod(wanted[names[0]]) * len(names) for at, (_, names) in tables(plan).items() if f"{at}.rows" in stored
    )
    if spread > MOST_SPREAD:
        raise ValueError(f"tables without some rows must have at most {MOST_SPREAD:,} values; got {spread:,}")
    weights |= {name: np.ones(wanted[name], np.float32) for name in plain}
    for at, (layer, names) in tables(plan).items():
        rows = weights.pop(f"{at}.rows", None)
        if rows is not None:
            _check_rows(f"{at}.rows", rows, layer, wanted[names[0]][0])
            for name in (each for each in names if each not in plain):
                _check_array(name, weights, (len(rows), *wanted[name][1:]))
                weights[name] = _spread(layer, weights[name], rows, wanted[name])
    for name in wanted.keys() | weights.keys():
        _check_array(name, weights, wanted.get(name))
    found = {name: weights[name].astype(np.float32, copy=False) for name in wanted}
    for name, array in found.items():
        # minimum and maximum carry NaN and need no copy
        if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise ValueError(f"{name} must be finite numbers; it holds NaN or infinity")
        if declared[name].least > -math.inf and (array < declared[name].least).any():
            raise ValueError(f"{name} must be at least {declared[name].least:g}; got {array.min():g}")
    return found


def _check_rows(name: str, rows: np.ndarray, layer: ReadsIds, height: int) -> None:
    ascending = rows.ndim == 1 and rows.dtype == ROWS and bool((np.diff(rows, prepend=-1) > 0).all())
    if not ascending or (len(rows) and rows[-1] >= height):
        raise ValueError(f"{name} must be ascending int32 numbers below {height}; it is not")
    if layer.silent is not None and layer.silent not in rows:
        raise ValueError(f"{name} must hold the row of the unknown word, {layer.silent}; it does not")


def _check_array(name: str, weights: Weights, shape: Shape | None) -> None:
    got = weights[name].shape if name in weights else "nothing"
    if shape is None or got != shape:
        raise ValueError(f"{name} must be {'absent' if shape is None else shape}; got {got}")
    if weights[name].dtype not in DTYPES.values():
        raise ValueError(f"{name} must be float32 or float16; got {weights[name].dtype}")


def _spread(layer: ReadsIds, table: np.ndarray, rows: np.ndarray, shape: Shape) -> np.ndarray:
    """The complete table."""
    whole = np.zeros(shape, np.float32)
    if layer.silent is not None:
        whole[...] = table[np.searchsorted(rows, layer.silent)]
    whole[rows] = table
    return whole

"""Stores weights in 32 or 16 bits, and tables of words and n-grams without uninformative rows.

A zero row of an n-gram table has no effect, and a word whose row equals that of the unknown word can be dropped. If
omitting such rows makes the file smaller, only the others are stored, with their indices as `rows`.
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
MOST_SPREAD = 2**28  # values of tables stored without some rows: a small file must not fill the memory


def tables(plan: Plan) -> dict[str, tuple[ReadsIds, list[str]]]:
    """The layers of a plan that look up ids, by path, each with the names of its weights that have a row per id."""
    return {
        at: (layer, [f"{at}.{name}" for name, weight in layer.weights().items() if weight.by_id])
        for at, layer in walk(plan)
        if isinstance(layer, ReadsIds) and layer.rows > UNKNOWN
    }


def pack(plan: Plan, weights: Weights, bits: int = 32) -> Weights:
    """The arrays to store for weights.

    Raises:
        BundleError: a weight that does not fit into 16 bits.
    """
    stored = {name: narrow(name, array, bits) for name, array in weights.items()}
    for at, (layer, names) in tables(plan).items():
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
    spread = sum(
        math.prod(wanted[names[0]]) * len(names) for at, (_, names) in tables(plan).items() if f"{at}.rows" in stored
    )
    if spread > MOST_SPREAD:
        raise ValueError(f"tables without some rows must have at most {MOST_SPREAD:,} values; got {spread:,}")
    for at, (layer, names) in tables(plan).items():
        rows = weights.pop(f"{at}.rows", None)
        if rows is not None:
            _check_rows(f"{at}.rows", rows, layer, wanted[names[0]][0])
            for name in names:
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

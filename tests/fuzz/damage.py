"""Random changes of bytes, of JSON and of arrays."""

import copy
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

ODD = (None, True, False, 0, -1, 1, 2**31, 2**53, 2**70, 0.5, -1e308, 1e999, float("nan"))
ODD = (*ODD, "", "x", "x" * 5000, "a\nb", "\ud800", [], {}, [[]], [1], ["x"], {"x": 1})
NUMBERS = (np.nan, np.inf, -np.inf, 0, -1, 1e38, 2**31 - 1)


def damage(content: bytes, chance: random.Random, pieces: Sequence[bytes]) -> bytes:
    """A few changes of bytes, pieces cut out, doubled, swapped or put in.

    Args:
        content: to be changed.
        chance: draws the changes.
        pieces: odd ones to put in.
    """
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        begin = chance.randrange(len(data) + 1)
        end = min(len(data), begin + chance.choice((1, 1, 4, 20, 200)))
        change = chance.randrange(6)
        if change == 0 and data:
            data[chance.randrange(len(data))] = chance.randrange(256)
        elif change == 1:
            del data[begin:end]
        elif change == 2:
            data[begin:begin] = data[begin:end] * chance.choice((1, 3, 50))
        elif change == 3:
            data[begin:begin] = chance.choice(pieces)
        elif change == 4:
            data[begin:end] = bytes(chance.randrange(256) for _ in range(end - begin))
        else:
            del data[begin if chance.random() < 0.3 else len(data) :]
    return bytes(data)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container inside a JSON value, with each of its keys."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in pairs for found in [(value, key), *places(inner)]]


def change_json(draw: random.Random, inside: Any, table: Any) -> None:
    """Replace, remove, double or exchange a value somewhere inside a part of a table."""
    held, key = draw.choice(places(inside))
    way = draw.randrange(6)
    if way == 0:
        del held[key]
    elif way == 1 and isinstance(held, list):
        held.append(held[key])
    elif way == 2:
        held[key] = copy.deepcopy(draw.choice([other[name] for other, name in places(table)]))  # it may hold `held`
    elif way == 3 and type(held[key]) in (int, float):
        held[key] = held[key] * draw.choice([2, -1, 1000]) + draw.choice([0, 1])
    else:
        held[key] = draw.choice(ODD)


def change_arrays(draw: random.Random, arrays: dict[str, np.ndarray]) -> None:
    """A value, the shape or the type of one of the arrays, or one array fewer."""
    name, way = draw.choice(sorted(arrays)), draw.randrange(5)
    array = arrays[name]
    with np.errstate(all="ignore"):
        if way == 0:
            del arrays[name]
        elif way == 1 and array.size:
            array.flat[draw.randrange(array.size)] = np.array(draw.choice(NUMBERS)).astype(array.dtype)
        elif way == 2 and array.ndim:
            arrays[name] = np.ascontiguousarray(array[:-1])
        elif way == 3:
            arrays[name] = array.astype(draw.choice([np.int64, np.float64, np.uint8, np.float16, bool]))
        else:
            arrays[name] = np.ascontiguousarray(array[None])

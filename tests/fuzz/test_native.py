"""Every function of the native module, called with wrong shapes, types, sizes and values and with arrays that share
memory: it computes or says in one line why not, within limits of time and memory."""

import random

import numpy as np
import pytest

from fuzz.calls import arrays, convolutions, recurrent, texts
from fuzz.calls.draw import Call, Draw
from fuzz.children import run_in_child
from seqconv import _native

CALLS = {**arrays.CALLS, **convolutions.CALLS, **recurrent.CALLS, **texts.CALLS}
NUMBERS = [-(2**63), -(2**31), -1, 0, 1, 2, 7, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1]
REALS = [-1.0, 0.0, 0.5, 1.0, 1e-300, 1e300, float("inf"), float("nan")]
KINDS = [np.float32, np.float64, np.int32, np.int64, np.uint8, np.uint64, bool, ">f4", object]
OTHERS = [None, 3, "text", b"bytes", [], (), {}, 1.5, "\ud800", [None], ["a", 3], ["\ud800"], ["long " * 5000]]


def change_array(array: np.ndarray, chance: random.Random) -> object:
    """The array with another shape, kind, layout or content."""
    change = chance.randrange(9)
    if change == 0:
        return array[None]
    if change == 1:
        return array[:-1] if array.ndim else array
    if change == 2:
        return np.concatenate([array, array]) if array.ndim else array
    if change == 3:
        return np.zeros(chance.choice(((0,), (2**33, 0), (0, 2**33), (2**31, 0, 2**31), ())), array.dtype)
    if change == 4:
        return np.zeros(array.shape, chance.choice(KINDS))
    if change == 5:
        return np.asfortranarray(array)[..., ::2] if array.ndim else array
    if change == 6:
        array = array.copy()
        array.flags.writeable = False
        return array
    return change_values(array.copy(), chance)


def change_values(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """Some values at the ends of their kind, in place."""
    for _ in range(chance.choice((1, 2, 30)) if array.size else 0):
        place = chance.randrange(array.size)
        if array.dtype.kind == "f":
            array.flat[place] = chance.choice((np.nan, np.inf, -np.inf, 3e38, 1e-45))
        else:
            ends = np.iinfo(array.dtype)
            array.flat[place] = chance.choice((ends.min, ends.max, 0, 1, max(ends.min, -1), 100))
    return array


def share_memory(values: dict[str, object], chance: random.Random) -> None:
    """Two of the arrays become one, or views of one another of their own shapes."""
    names = [name for name, value in values.items() if isinstance(value, np.ndarray) and value.size]
    if len(names) < 2:
        return
    one, other = chance.sample(names, 2)
    first, second = values[one], values[other]
    if second.nbytes <= first.nbytes and first.dtype != object and second.dtype != object:
        values[other] = first.reshape(-1).view(np.uint8)[: second.nbytes].view(second.dtype).reshape(second.shape)
    else:
        values[other] = first


def change_value(value: object, chance: random.Random) -> object:
    if chance.random() < 0.1:
        return chance.choice(OTHERS)
    if isinstance(value, np.ndarray):
        return change_array(value, chance)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice(NUMBERS)
    if isinstance(value, float):
        return chance.choice(REALS)
    if isinstance(value, list):
        return value[:-1] + [change_value(item, chance) for item in value[-1:]] + value[:1] * chance.choice((0, 1, 50))
    return chance.choice(OTHERS)


def damage(values: dict[str, object], chance: random.Random) -> None:
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4))):
        if not values:
            return
        if chance.random() < 0.2:
            share_memory(values, chance)
        else:
            name = chance.choice(list(values))
            values[name] = change_value(values[name], chance)
    if values and chance.random() < 0.02:
        values.pop(chance.choice(list(values)), None)


def call_by(seed: int) -> Call:
    """The call of a seed; MemoryError where its own arrays would be too large."""
    chance = random.Random(seed)
    names = list(CALLS)
    call, values = CALLS[names[seed % len(names)]](Draw(chance))
    damage(values, chance)
    return call, values


def run_calls(seeds: range) -> None:
    """For a child: the calls of the seeds; says where it stands, and stops at a refusal that is not one line."""
    for seed in seeds:
        print(seed, list(CALLS)[seed % len(CALLS)])
        try:
            call, values = call_by(seed)
            call(**values)
        except ValueError as error:
            if len(str(error).splitlines()) != 1:
                raise
        except (TypeError, MemoryError):
            pass


@pytest.mark.fuzz(small=300, whole=20000)
def test_no_call_hurts(seeds):
    ending = run_in_child(run_calls, seeds, seconds=300, megabytes=1536)
    assert not ending.fault, f"{ending.out.splitlines()[-1:]}: {ending.fault}"


def test_arrays_without_values_are_done_at_once():
    """Steps and examples without end, of no channels, were counted one by one."""
    for seed in (16703, 18185):
        assert run_in_child(run_calls, range(seed, seed + 1)).code == 0


def test_every_function_is_called():
    found = {name for name, thing in vars(_native).items() if type(thing).__name__ == "nb_func"}
    for owner, thing in vars(_native).items():
        if isinstance(thing, type):
            found |= {f"{owner}.{name}" for name, method in vars(thing).items() if type(method).__name__ == "nb_method"}
    assert found == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_right_calls_compute(name):
    """Most draws are right calls: a fuzzer of calls that are all refused at the door finds nothing."""
    refused = computed = 0
    for seed in range(60):
        draw = Draw(random.Random(seed))
        if draw.odd:
            continue
        try:
            call, values = CALLS[name](draw)
            call(**values)
            computed += 1
        except ValueError:
            refused += 1
    assert computed > 4 * refused

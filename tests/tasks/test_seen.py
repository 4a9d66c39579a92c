"""Rows seen in training are recognised by their hashes."""

import base64
import hashlib

import numpy as np
import pytest

from seqconv.tasks.seen import MOST, Seen, hash_items, hash_rows

DRAW = np.random.default_rng(0)


def test_the_key_of_an_item_is_blake2b_of_its_bytes():
    want = int.from_bytes(hashlib.blake2b(b"a lovely film", digest_size=8).digest(), "little")
    assert hash_items([b"a lovely film"]).tolist() == [want]
    assert len(hash_items([])) == 0


def test_the_key_of_a_row_is_that_of_times_and_values_up_to_it():
    times = np.datetime64("2020-01-01", "s") + np.arange(1000) * np.timedelta64(3600, "s")
    values = np.zeros((1000, 2))
    keys = hash_rows(times, values, 2)
    assert len(set(keys.tolist())) == 1000
    assert np.array_equal(keys[302:], hash_rows(times[300:], -values[300:], 2)[2:])  # negative zero is zero
    for column in range(2):
        changed = values.copy()
        changed[5, column] = 1e-12
        assert np.flatnonzero(hash_rows(times, changed, 2) != keys).tolist() == [5, 6, 7]
    some = np.array([0, 1, 7, 300])
    np.testing.assert_array_equal(hash_rows(times, values, 2, some), keys[some])


def test_every_trained_row_is_known_and_other_rows_are_not():
    keys = DRAW.integers(0, 2**64, 20_000, np.uint64)
    seen = Seen.of(keys[:5000], keys[5000:8000])
    checked, known = seen.check(keys)
    assert checked.all()
    assert known[:8000].all()
    assert not known[8000:].any()


def test_a_bundle_keeps_a_sample_of_a_large_training_set():
    keys = DRAW.integers(0, 2**64, 3 * MOST, np.uint64)
    seen = Seen.of(keys)
    assert seen.every == 4
    assert len(seen.keys) <= MOST
    checked, known = seen.check(keys)
    assert np.array_equal(checked, known)
    assert known.sum() == pytest.approx(len(keys) / 4, rel=0.02)


def test_what_is_written_is_read_back():
    seen = Seen.of(DRAW.integers(0, 2**64, 100, np.uint64))
    again = Seen.from_dict(seen.to_dict())
    assert np.array_equal(again.keys, seen.keys)
    assert again.every == 1
    assert Seen.of(None) is None


@pytest.mark.parametrize(
    "table",
    [
        {"every": 3, "keys": ""},
        {"every": 0, "keys": ""},
        {"every": 2, "keys": base64.b64encode(b"\1" + bytes(7)).decode()},
        {"every": True, "keys": ""},
        {"every": 1, "keys": "?"},
        {"every": 1, "keys": base64.b64encode(b"abc").decode()},
        {"every": 1, "keys": base64.b64encode(bytes(16)).decode()},
        {"every": 1, "keys": 5},
        {"every": 1},
        {"every": 1, "keys": "", "more": 1},
    ],
)
def test_a_damaged_entry_is_refused(table):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Seen.from_dict(table)

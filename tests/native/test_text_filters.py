"""The native kernels on ids: features of texts, the linear layer on them, gradients of pooled filters."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native
from seqconv.networks.layers.tokens import MULTIPLIER


def find_features(ids: np.ndarray, words: int, buckets: int, longest: int) -> list[int]:
    """The definition of `models.NgramBag`, one n-gram at a time."""
    found = {int(each) for each in ids if each}
    for start in range(len(ids)):
        for end in range(start + 2, min(start + longest, len(ids)) + 1):
            gram = [int(each) for each in ids[start:end]]
            if 0 not in gram:
                key = gram[0]
                for each in gram[1:]:
                    key = (key * MULTIPLIER + each) % 2**64
                found.add(words + (key ^ (key >> 32)) % 2**63 % buckets)
    return sorted(found)


def random_ids(seed: int, texts: int, length: int, words: int) -> np.ndarray:
    """Ids with padding on the left, one text of padding alone, and now and then padding inside."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, words, (texts, length), dtype=np.int32)
    ids[np.arange(length) < random.integers(0, length + 1, (texts, 1))] = 0
    ids[:1] = 0
    return ids


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    texts=st.sampled_from([0, 1, 3, 70]),
    length=st.sampled_from([1, 2, 5, 30]),
    words=st.sampled_from([1, 4, 3000]),
    buckets=st.sampled_from([1, 7, 2**22, 2**31 - 5000]),
    longest=st.integers(1, 5),
    seed=st.integers(0, 100),
)
def test_features_are_those_of_the_definition(
    texts: int, length: int, words: int, buckets: int, longest: int, seed: int
) -> None:
    ids = random_ids(seed, texts, length, words)
    rows, offsets = _native.ngram_features(ids, words, buckets, longest, 2)
    assert (rows.dtype, offsets.dtype) == (np.int32, np.int64)
    assert offsets[0] == 0
    for text, start, end in zip(ids, offsets[:-1], offsets[1:], strict=True):
        assert rows[start:end].tolist() == find_features(text, words, buckets, longest)


def random_features(seed: int, texts: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    own = [np.flatnonzero(random.random(height) < 0.3).astype(np.int32) for _ in range(texts)]
    own[0] = own[0][:0]
    return np.concatenate(own), np.cumsum([0, *map(len, own)])


@pytest.mark.parametrize(("texts", "height", "outputs"), [(1, 1, 1), (5, 40, 3), (70, 5000, 1)])
def test_the_bag_and_its_gradient_are_matrix_products(texts: int, height: int, outputs: int) -> None:
    rows, offsets = random_features(1, texts, height)
    random = np.random.default_rng(0)
    table, scale = (random.normal(size=(height, outputs)).astype(np.float32) for _ in range(2))
    dy = random.normal(size=(texts, outputs)).astype(np.float32)
    occurs = np.zeros((texts, height))
    occurs[np.repeat(np.arange(texts), np.diff(offsets)), rows] = 1
    lengths = np.sqrt(occurs @ scale.astype(np.float64) ** 2)
    factors = np.divide(3, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    y, found_factors = np.full((2, texts, outputs), np.nan, np.float32)
    _native.ngram_forward(rows, offsets, table, scale, 3.0, y, found_factors, 2)
    np.testing.assert_allclose(found_factors, factors, rtol=1e-6)
    np.testing.assert_allclose(y, occurs @ (scale.astype(np.float64) * table) * factors, rtol=1e-5, atol=1e-6)
    used, values = _native.ngram_backward(rows, offsets, scale, found_factors, dy)
    assert used.tolist() == np.unique(rows).tolist()
    expected = (occurs.T @ (factors * dy)) * scale
    np.testing.assert_allclose(values, expected[used], rtol=1e-4, atol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    texts=st.sampled_from([1, 3, 70]),
    filters=st.sampled_from([1, 16, 17, 40]),
    taps=st.integers(1, 3),
    words=st.sampled_from([1, 3, 400]),
    relu=st.booleans(),
    seed=st.integers(0, 100),
)
def test_winners_are_added_up_by_place(texts: int, filters: int, taps: int, words: int, relu: bool, seed: int) -> None:
    ids, random = random_ids(seed, texts, 9, words), np.random.default_rng(seed)
    arg = random.integers(0, 9 - taps + 1, (texts, filters), dtype=np.int32)
    y = np.maximum(random.normal(size=(texts, filters)), 0).astype(np.float32)
    dy = random.normal(size=(texts, filters)).astype(np.float32)
    places, values = np.empty(texts * filters * taps, np.int64), np.empty(texts * filters * taps, np.float32)
    dbias = np.empty(filters, np.float32)
    count = _native.token_winners(ids, y, arg, dy, words, taps, relu, places, values, dbias, 2)
    expected = np.zeros((words, taps, filters))
    passed = np.where(y > 0, dy, 0) if relu else dy
    for text in range(texts):
        for o in range(filters):
            for k in range(taps):
                expected[ids[text, arg[text, o] + k], k, o] += passed[text, o]
    found = np.zeros(expected.size)
    found[places[:count]] = values[:count]
    assert len(np.unique(places[:count])) == count
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dbias, passed.sum(0), rtol=1e-5, atol=1e-5)


def test_nan_reaches_its_places_through_relu() -> None:
    ids, arg = np.array([[1, 2]], np.int32), np.zeros((1, 2), np.int32)
    y, dy = np.array([[np.nan, 0]], np.float32), np.array([[np.nan, 1]], np.float32)
    places, values, dbias = np.empty(2, np.int64), np.empty(2, np.float32), np.empty(2, np.float32)
    assert _native.token_winners(ids, y, arg, dy, 3, 1, True, places, values, dbias, 1) == 1
    assert places[0] == 1 * 2
    assert np.isnan(values[0])
    assert dbias[1] == 0


WINNERS: dict[str, Any] = {
    "ids": np.ones((2, 5), np.int32),
    "y": np.ones((2, 3), np.float32),
    "arg": np.zeros((2, 3), np.int32),
    "dy": np.ones((2, 3), np.float32),
    "rows": 4,
    "taps": 2,
    "relu": True,
    "places": np.empty(12, np.int64),
    "values": np.empty(12, np.float32),
    "dbias": np.empty(3, np.float32),
    "threads": 1,
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ids": np.full((2, 5), 4, np.int32)}, r"in \[0, 4\); got 4 at \[0, 0\]"),
        ({"ids": np.full((2, 5), -1, np.int32)}, "got -1"),
        ({"arg": np.full((2, 3), 4, np.int32)}, "from 0 to 3; got 4"),
        ({"arg": np.full((2, 3), -1, np.int32)}, "got -1"),
        ({"taps": 6}, "taps: must be from 1"),
        ({"taps": 0}, "taps: must be from 1"),
        ({"dy": np.ones((1, 3), np.float32)}, r"dy: must have shape \[2, 3\]; got \[1, 3\]"),
        ({"dbias": np.empty(2, np.float32)}, r"y: must have shape \[2, 2\]; got \[2, 3\]"),
        ({"values": np.empty(11, np.float32)}, r"values: must have shape \[12\]; got \[11\]"),
    ],
)
def test_wrong_winners_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _native.token_winners(**(WINNERS | change))


def test_wrong_features_are_refused() -> None:
    ids, table = np.array([[1, 9]], np.int32), np.ones((4, 1), np.float32)
    y = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match=r"in \[0, 5\); got 9 at \[0, 1\]"):
        _native.ngram_features(ids, 5, 7, 2, 1)
    for words, buckets, longest in [(0, 7, 2), (5, 0, 2), (5, 7, 0), (5, 2**31 - 5, 2)]:
        with pytest.raises(ValueError, match="at least 1"):
            _native.ngram_features(ids, words, buckets, longest, 1)
    for rows, offsets, says in [([4], [0, 1], "got 4"), ([1], [0, 2], "from 0"), ([1], [1, 1], "from 0")]:
        with pytest.raises(ValueError, match=says):
            _native.ngram_forward(np.array(rows, np.int32), np.array(offsets), table, table, 1.0, y, y, 1)
    with pytest.raises(ValueError, match="offsets: must not fall; got 1 after 2"):
        _native.ngram_backward(np.array([1], np.int32), np.array([0, 2, 1]), table, np.ones((2, 1), np.float32), y)
    with pytest.raises(ValueError, match=r"scale: must have shape \[4, 1\]; got \[3, 1\]"):
        _native.ngram_forward(np.array([1], np.int32), np.array([0, 1]), table, table[:3], 1.0, y, y, 1)

"""Calls that no caller of ours makes: arrays that are gone, and sizes beyond memory, which are refused in one line."""

import gc
import weakref

import numpy as np
import pytest

from seqconv import _native
from seqconv.tasks.text.vocabulary import SEPARATORS

OFFSETS = np.array([0, 3], np.int64)


def run_backward(layer, x, gates, drop):
    """The gradients of the input after a forward call whose own arrays may be gone; and whether one was freed."""
    units, inputs = 4, x.shape[2]
    draw = np.random.default_rng(1)
    kernel, recurrent = (draw.normal(size=(rows, gates * units)).astype(np.float32) for rows in (inputs, units))
    bias = np.zeros((2, gates * units) if gates == 3 else gates * units, np.float32)
    y = np.empty((len(x), units), np.float32)
    own = x.copy()
    gone = weakref.ref(own)
    layer.forward(own, kernel, recurrent, bias, None, None, y, 1)
    if drop:
        del own
        gc.collect()
        noise = [np.full(x.shape, np.nan, np.float32) for _ in range(50)]  # takes the place of what is freed
        assert len(noise) == 50
    dx, dkernel = np.empty_like(x), np.empty_like(kernel)
    layer.backward(kernel, recurrent, np.ones_like(y), dx, dkernel, np.empty_like(recurrent), np.empty_like(bias), 1)
    return dkernel, gone() is not None


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_what_forward_read_lives_until_backward(kind):
    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)

    def make():
        return (_native.Gru(2, 4, True), 3) if kind == "gru" else (_native.Lstm(2, 4), 4)

    kept, _ = run_backward(*insert(make(), x), drop=False)
    found, alive = run_backward(*insert(make(), x), drop=True)
    assert alive
    np.testing.assert_array_equal(found, kept)


def insert(made, x):
    layer, gates = made
    return layer, x, gates


@pytest.mark.parametrize("length", [2**31, 2**31 - 1, 4611686018427387904])
def test_padding_beyond_memory_is_refused(length):
    ids, offsets = np.arange(9, dtype=np.int32), np.array([0, 3, 6, 9], np.int64)
    with pytest.raises(ValueError, match=r"^length: 3 texts must have fewer than 2\^31 ids in all"):
        _native.pad(ids, offsets, length)
    words = _native.WordIds(_native.Separators(SEPARATORS), ["a"])
    with pytest.raises(ValueError, match=r"^length: 3 texts must have fewer than 2\^31 ids in all"):
        words.encode_padded(["a", "b", "c"], length, 1)


def test_the_largest_vocabulary_has_a_limit():
    ids = np.zeros((1, 3), np.int32)
    with pytest.raises(ValueError, match=r"^vocabulary: must be in \[0, 2\^28\]; got 2147483647"):
        _native.distinct_ids(ids, 2147483647, np.empty_like(ids))


def test_rows_without_columns_are_not_counted_one_by_one():
    assert _native.count_padding(np.empty((8589934592, 0), np.int32)) == 0


@pytest.mark.parametrize("longest", [65, 2**31 - 1])
def test_n_grams_have_a_longest(longest):
    with pytest.raises(ValueError, match=r"^ngram_features: longest must be at most 64"):
        _native.ngram_features(np.ones((1, 3), np.int32), 5, 8, longest, 1)


def test_texts_without_ids_have_a_limit():
    with pytest.raises(ValueError, match=r"^ids: must have at most 2\^28 texts; got 2147483647$"):
        _native.ngram_features(np.empty((2**31 - 1, 0), np.int32), 5, 8, 1, 1)


@pytest.mark.parametrize("left_pad", [2**20 + 1, 2**31 - 1])
def test_padding_before_a_convolution_has_a_limit(left_pad):
    ids, table = np.ones((1, 6), np.int32), np.zeros((4, 3, 2), np.float32)
    y = np.empty((1, 2), np.float32)
    with pytest.raises(ValueError, match=r"^left_pad: must be at most 2\^20; got"):
        _native.token_conv_forward(ids, table, np.zeros(2, np.float32), y, None, 1, left_pad, False, 0, 1)


def test_indices_lie_apart_from_what_is_written():
    """They are checked first and used later: writing over them would read and write anywhere."""
    ids = np.zeros((2, 2), np.int32)
    message = "must not share memory with an array that is written; got one that does. Give a copy$"
    table, bias = np.zeros((4, 1, 2), np.float32), np.zeros(2, np.float32)
    with pytest.raises(ValueError, match=f"^ids: {message}"):
        _native.token_conv_forward(ids, table, bias, ids.view(np.float32), None, 1, 0, False, 0, 1)
    with pytest.raises(ValueError, match=f"^ids: {message}"):
        _native.TokenConvolution(table, bias, 1, 0, False, 0).forward_ids(ids, ids.view(np.float32), 1)
    with pytest.raises(ValueError, match=f"^ids: {message}"):
        _native.distinct_ids(ids, 4, ids)
    places, weights = np.zeros(2, np.int64), np.zeros(8, np.float32)
    with pytest.raises(ValueError, match=f"^places: {message}"):
        _native.adagrad_elements(places.view(np.float32), bias, places, weights[:4].copy(), 0.1, 1e-7, 1.0, 1)
    rows = np.array([1, 2], np.int32)
    with pytest.raises(ValueError, match=f"^rows: {message}"):
        _native.gather_rows(np.zeros((4, 1), np.float32), rows, rows.view(np.float32).reshape(2, 1), 1)
    np.testing.assert_array_equal(rows, [1, 2])

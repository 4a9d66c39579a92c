"""Weights as they are stored: the same numbers come back, and what is left out is what says nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv.errors import BundleError
from seqconv.models.storage import pack, pack_arrays, unpack, unpack_arrays
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import (
    Add,
    BatchNormalisation,
    Concat,
    Conv,
    Dense,
    Embed,
    GlobalMaxPool,
    NgramBag,
    TokenConv,
)
from seqconv.networks.plan import initial_weights

WORDS: Plan = (TokenConv(9, 4, 2), GlobalMaxPool(), Dense(4, 1))
GRAMS: Plan = (NgramBag(5, 2, 2, 30),)
BOTH: Plan = (
    Add(
        (
            (Concat(((Embed(9, 6), GlobalMaxPool()), (TokenConv(9, 4, 3), GlobalMaxPool()))), Dense(10, 2)),
            (NgramBag(9, 2, 2, 30),),
        )
    ),
)
SERIES: Plan = (Conv(3, 2, 2), GlobalMaxPool(), Dense(2, 1))


def drawn(plan: Plan, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=each.shape).astype(np.float32) for name, each in initial_weights(plan, 0).items()}


@pytest.mark.parametrize("plan", [WORDS, GRAMS, BOTH, SERIES])
def test_weights_without_silent_rows_are_stored_as_they_are(plan):
    weights = drawn(plan)
    stored = pack(plan, weights)
    assert stored.keys() == weights.keys()
    for name, array in unpack(plan, stored).items():
        np.testing.assert_array_equal(array, weights[name])


@given(st.integers(0, 39), st.integers(0, 6), st.sampled_from([16, 32]), st.integers(0, 99))
def test_tables_with_silent_rows_come_back_whole(silent, unknown, bits, seed):
    weights = drawn(BOTH, seed)
    random = np.random.default_rng(seed)
    grams = random.permutation(39)[:silent]
    for name in ("0.1.0.table", "0.1.0.scale"):
        weights[name][grams] = 0
    for name in ("0.0.0.0.0.embeddings", "0.0.0.1.0.table"):
        weights[name][3 + random.permutation(6)[:unknown]] = weights[name][2]
    stored = pack(BOTH, weights, bits)
    kind = {16: np.float16, 32: np.float32}[bits]
    found = unpack(BOTH, stored)
    assert list(found) == list(initial_weights(BOTH, 0))
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, weights[name].astype(kind))
    # rows are left out exactly where that is smaller
    size, plain = (sum(each.nbytes for each in arrays) for arrays in (stored.values(), unpack(BOTH, stored).values()))
    assert size <= plain * bits // 32
    width = bits // 8 * 2 * 2
    assert ("0.1.0.rows" in stored) == (4 * (39 - silent) < width * silent)


def test_a_row_is_silent_only_where_every_weight_of_it_is():
    weights = drawn(GRAMS)
    weights["0.table"][:30] = 0
    assert "0.rows" not in pack(GRAMS, weights)
    weights["0.scale"][:30] = 0
    assert pack(GRAMS, weights)["0.rows"].tolist() == [30, 31, 32, 33, 34]


def test_all_rows_may_be_silent():
    weights = {name: np.zeros_like(array) for name, array in drawn(GRAMS).items()}
    stored = pack(GRAMS, weights)
    assert stored["0.table"].shape == (0, 2)
    np.testing.assert_array_equal(unpack(GRAMS, stored)["0.table"], weights["0.table"])
    words = {name: np.zeros_like(array) for name, array in drawn(WORDS).items()}
    assert pack(WORDS, words)["0.rows"].tolist() == [2]


def test_a_table_without_a_row_for_unknown_words_is_stored_whole():
    plan = (Embed(2, 3), GlobalMaxPool(), Dense(3, 1))
    weights = {name: np.zeros_like(array) for name, array in drawn(plan).items()}
    assert pack(plan, weights).keys() == weights.keys()


@pytest.mark.parametrize("wrong", [65_520.0, -1e9, np.nan, np.inf])
def test_what_16_bits_cannot_hold_is_refused_and_32_bits_hold_it(wrong):
    weights = drawn(SERIES)
    weights["0.bias"][1] = wrong
    with pytest.raises(BundleError, match=r"^0\.bias: must be numbers of at most 65,504 to be stored in 16 bits"):
        pack(SERIES, weights, 16)
    np.testing.assert_array_equal(pack(SERIES, weights)["0.bias"], weights["0.bias"])


def packed_words() -> dict[str, np.ndarray]:
    weights = drawn(WORDS)
    weights["0.table"][4:] = weights["0.table"][2]
    return pack(WORDS, weights)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"0.rows": np.array([0, 1, 3], np.int32)}, "0.rows must hold the row of the unknown word, 2"),
        ({"0.rows": np.array([0, 2, 2, 3], np.int32)}, "0.rows must be ascending int32 numbers below 9"),
        ({"0.rows": np.array([-1, 0, 1, 2], np.int32)}, "0.rows must be ascending int32 numbers below 9"),
        ({"0.rows": np.array([0, 1, 2, 9], np.int32)}, "0.rows must be ascending int32 numbers below 9"),
        ({"0.rows": np.array([0, 1, 2, 3])}, "0.rows must be ascending int32 numbers below 9"),
        ({"0.rows": np.array([[0, 1, 2, 3]], np.int32)}, "0.rows must be ascending int32 numbers below 9"),
        ({"0.rows": np.array([0, 1, 2], np.int32)}, "0.table must be (3, 2, 4); got (4, 2, 4)"),
        ({"0.table": np.zeros((4, 2, 4))}, "0.table must be float32 or float16; got float64"),
        ({"0.table": None}, "0.table must be (4, 2, 4); got nothing"),
        ({"0.rows": None}, "0.table must be (9, 2, 4); got (4, 2, 4)"),
        ({"2.rows": np.array([0], np.int32)}, "2.rows must be absent; got (1,)"),
        ({"2.kernel": np.zeros((4, 1), np.int16)}, "2.kernel must be float32 or float16; got int16"),
    ],
)
def test_what_is_not_as_it_was_stored_is_refused(change, says):
    stored = {name: array for name, array in (packed_words() | change).items() if array is not None}
    with pytest.raises(ValueError, match="must") as caught:
        unpack(WORDS, stored)
    assert str(caught.value).startswith(says)


def test_a_variance_below_zero_is_refused():
    """Its root would be NaN, in every answer."""
    plan: Plan = (BatchNormalisation(3), GlobalMaxPool(), Dense(3, 1))
    weights = initial_weights(plan, 0)
    weights["0.moving_mean"][:] = -1
    np.testing.assert_array_equal(unpack(plan, weights)["0.moving_mean"], [-1, -1, -1])
    weights["0.moving_variance"][1] = -0.5
    with pytest.raises(ValueError, match=r"^0\.moving_variance must be at least 0; got -0\.5$"):
        unpack(plan, weights)


def test_scales_that_are_one_are_not_stored_and_free_the_rows_of_their_table():
    weights = drawn(GRAMS)
    weights["0.scale"][...] = 1
    weights["0.table"][10:] = 0
    stored = pack(GRAMS, weights)
    assert stored.keys() == {"0.table", "0.rows"}
    assert stored["0.table"].shape == (10, 2)
    for name, array in unpack(GRAMS, stored).items():
        np.testing.assert_array_equal(array, weights[name])


def test_the_moments_of_a_normalisation_are_stored_whatever_they_are():
    plan = (BatchNormalisation(3), GlobalMaxPool(), Dense(3, 1))
    stored = pack(plan, initial_weights(plan, 0))
    del stored["0.moving_variance"]
    with pytest.raises(ValueError, match="moving_variance must be"):
        unpack(plan, stored)


@given(st.floats(0, 1), st.sampled_from([1, 3, 200, 300, 70_000]), st.integers(0, 99))
def test_arrays_of_baselines_come_back_with_their_types(zeros, width, seed):
    random = np.random.default_rng(seed)
    height = max(6000 // width, 1)
    table = random.normal(size=(height, width)).astype(np.float32)
    table[random.random(table.shape) < zeros] = 0
    arrays = {
        "weights": table,
        "short": table.astype(np.float16).astype(np.float32),
        "bias": table[0],
        "exact": table.astype(np.float64),
        "buckets": np.arange(5, dtype=np.int32),
    }
    stored = pack_arrays(arrays)
    assert sum(each.nbytes for each in stored.values()) <= sum(each.nbytes for each in arrays.values())
    found = unpack_arrays(stored)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_numbers_that_16_bits_hold_take_no_more_and_zeros_take_nothing():
    table = np.zeros((100, 50), np.float32)
    table[:, 0] = 0.5
    stored = pack_arrays({"weights": table})
    assert sum(each.nbytes for each in stored.values()) < 100 * 4 + 20
    assert stored["weights.values"].dtype == np.float16


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("shape", np.array([2**20, 2**20])),
        ("shape", np.array([100])),
        ("rows", np.zeros(100, np.uint8)),
        ("rows", np.zeros(9, np.uint8)),
        ("columns", np.full(100, 50, np.uint8)),
        ("values", np.zeros(3, np.float16)),
    ],
)
def test_parts_that_make_no_table_are_refused(part, wrong):
    table = np.zeros((100, 50), np.float32)
    table[:, 0] = 0.5
    with pytest.raises(ValueError, match="weights must"):
        unpack_arrays(pack_arrays({"weights": table}) | {f"weights.{part}": wrong})

"""The native matrix product, the gathering of batches and the numbering of ids, against numpy."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native

SIZES = st.one_of(st.integers(1, 40), st.sampled_from([63, 64, 65, 96, 129, 257, 337]))
# what the layers ask for, and what is cut into several tiles or several parts of the sum: [M, K, N]
SHAPES = [
    (1, 1, 1),
    (1, 32, 1),
    (128, 32, 1),
    (32, 128, 1),
    (128, 1, 32),
    (700, 33, 40),
    (33, 1100, 34),
    (100, 4500, 3),
    (5, 300, 1100),
    (350, 600, 530),
]


def operands(rows: int, depth: int, columns: int, transposed: tuple[bool, bool], seed: int = 0):
    """a and b as they are stored, and the two matrices that they stand for."""
    random = np.random.default_rng(seed)
    a = random.normal(size=(depth, rows) if transposed[0] else (rows, depth)).astype(np.float32)
    b = random.normal(size=(columns, depth) if transposed[1] else (depth, columns)).astype(np.float32)
    return a, b, a.T if transposed[0] else a, b.T if transposed[1] else b


def multiply(a: np.ndarray, b: np.ndarray, transposed: tuple[bool, bool], threads: int = 1) -> np.ndarray:
    rows, columns = a.shape[transposed[0]], b.shape[not transposed[1]]
    out = np.full((rows, columns), np.nan, np.float32)
    _native.matmul(a, b, out, *transposed, threads)
    return out


def check_product(rows: int, depth: int, columns: int, transposed: tuple[bool, bool], seed: int = 0) -> None:
    a, b, left, right = operands(rows, depth, columns, transposed, seed)
    expected = left.astype(np.float64) @ right.astype(np.float64)
    size = np.abs(left).astype(np.float64) @ np.abs(right)  # rounding grows with the sum of the absolute terms
    assert np.all(np.abs(multiply(a, b, transposed) - expected) <= 1e-6 * size)


@settings(deadline=None, max_examples=150)
@given(SIZES, SIZES, SIZES, st.tuples(st.booleans(), st.booleans()), st.integers(0, 1000))
def test_product_of_any_shape(rows: int, depth: int, columns: int, transposed: tuple[bool, bool], seed: int) -> None:
    check_product(rows, depth, columns, transposed, seed)


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_product_of_the_shapes_in_use(shape: tuple[int, int, int], transposed: tuple[bool, bool]) -> None:
    check_product(*shape, transposed)


@pytest.mark.parametrize("transposed", [(False, False), (True, True)])
@pytest.mark.parametrize("shape", [(700, 200, 70), (64, 4500, 70), (3000, 2100, 2)])
def test_product_has_the_same_bits_on_any_number_of_threads(
    shape: tuple[int, int, int], transposed: tuple[bool, bool]
) -> None:
    a, b, _, _ = operands(*shape, transposed)
    alone = multiply(a, b, transposed, threads=1)
    for threads in (2, 3, 64):
        np.testing.assert_array_equal(multiply(a, b, transposed, threads), alone)


def test_products_may_run_in_several_python_threads() -> None:
    cases = [operands(150, 90, columns, (False, False), columns) for columns in range(1, 60)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda case: multiply(case[0], case[1], (False, False), 2), cases))
    for (_, _, left, right), out in zip(cases, found, strict=True):
        np.testing.assert_allclose(out, left @ right, rtol=1e-4, atol=1e-4)


def test_product_of_empty_matrices() -> None:
    for rows, depth, columns in ((0, 3, 4), (3, 4, 0), (0, 0, 0)):
        a, b, _, _ = operands(rows, depth, columns, (False, False))
        assert multiply(a, b, (False, False)).shape == (rows, columns)
    np.testing.assert_array_equal(
        multiply(np.ones((3, 0), "f"), np.ones((0, 2), "f"), (False, False)), np.zeros((3, 2))
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("columns", [1, 20])
def test_product_keeps_nan_and_infinity(value: float, columns: int) -> None:
    a, b = np.zeros((30, 50), np.float32), np.zeros((50, columns), np.float32)
    a[7, 31] = value
    out = multiply(a, b, (False, False))
    assert np.all(np.isnan(out[7]))  # infinity times zero too
    assert not np.delete(out, 7, axis=0).any()


@pytest.mark.parametrize(
    ("a", "b", "out", "says"),
    [
        ((3, 4), (5, 2), (3, 2), r"\[3, 4\] and \[5, 2\]"),
        ((3, 4), (4, 2), (2, 3), r"out: must have shape \[3, 2\]; got \[2, 3\]"),
    ],
)
def test_product_refuses_shapes_that_do_not_fit(a, b, out, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _native.matmul(np.zeros(a, "f"), np.zeros(b, "f"), np.zeros(out, "f"), False, False, 1)


def test_arrays_are_never_converted_behind_the_caller() -> None:
    a, out = np.eye(4, dtype=np.float32), np.zeros((4, 4), np.float32)
    read_only = out.copy()
    read_only.flags.writeable = False
    for wrong in (out.astype(np.float64), out.T[::2].copy().T, np.zeros((4, 8), np.float32)[:, ::2], read_only):
        with pytest.raises((TypeError, ValueError)):
            _native.matmul(a, a, wrong, False, False, 1)


SMALLER_SETS = """
import sys
import numpy as np
from seqconv import _native
assert _native.instruction_set() in (sys.argv[1], "neon")
random = np.random.default_rng(0)
for rows, depth, columns in [(1, 32, 1), (65, 33, 47), (40, 1100, 35), (350, 300, 3), (130, 21, 530)]:
    for a_transposed in (False, True):
        for b_transposed in (False, True):
            a = random.normal(size=(depth, rows) if a_transposed else (rows, depth)).astype("f")
            b = random.normal(size=(columns, depth) if b_transposed else (depth, columns)).astype("f")
            out = np.full((rows, columns), np.nan, "f")
            _native.matmul(a, b, out, a_transposed, b_transposed, 2)
            expected = (a.T if a_transposed else a).astype("d") @ (b.T if b_transposed else b)
            assert np.abs(out - expected).max() < 1e-6 * depth + 1e-5, (rows, depth, columns)
"""


@pytest.mark.parametrize("name", ["base", "avx2"])
def test_products_with_a_smaller_instruction_set(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SMALLER_SETS, name],
        env={**os.environ, "SEQCONV_ISA": name},
        capture_output=True,
        text=True,
        check=False,
    )
    if "SEQCONV_ISA: must be" in ran.stderr:
        pytest.skip(f"this processor has no {name}")
    assert ran.returncode == 0, ran.stderr


# ---- gathering


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("height", "width", "count"), [(1, 1, 1), (50, 7, 0), (9, 0, 4), (3000, 128, 5000)])
def test_gather_rows(height: int, width: int, count: int, threads: int) -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(height, width)).astype(np.float32)
    rows = random.integers(0, height, count).astype(np.int32)
    out = np.full((count, width), np.nan, np.float32)
    _native.gather_rows(table, rows, out, threads)
    np.testing.assert_array_equal(out, table[rows])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("count", "length"), [(1, 1), (0, 5), (4, 0), (2000, 300)])
def test_gather_ids(count: int, length: int, threads: int) -> None:
    random = np.random.default_rng(0)
    ids = random.integers(0, 10_000, (60, length)).astype(np.int32)
    index = random.integers(0, 60, count)
    out = np.full((count, length), -1, np.int32)
    _native.gather_ids(ids, index, out, threads)
    np.testing.assert_array_equal(out, ids[index])


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 70), st.integers(0, 30), st.integers(0, 1000))
def test_gather_windows(steps: int, step: int, channels: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    lookback = steps * step + int(random.integers(0, step))  # what is left of the last step changes nothing
    values = random.normal(size=(lookback + 20, channels)).astype(np.float32)
    anchors = random.integers(lookback, len(values) + 1, count)
    out = np.full((count, steps, channels), np.nan, np.float32)
    _native.gather_windows(values, anchors, lookback, step, out, 2)
    rows = (anchors - lookback)[:, None] + np.arange(steps) * step
    np.testing.assert_array_equal(out, values[rows])


def test_a_window_ends_before_its_anchor() -> None:
    values = np.arange(10, dtype=np.float32)[:, None]
    out = np.zeros((2, 2, 1), np.float32)
    _native.gather_windows(values, np.array([6, 11]), 6, 3, out, 1)  # rows 0, 3 and 5, 8; row 10 is never read
    np.testing.assert_array_equal(out[..., 0], [[0, 3], [5, 8]])


def gather_window(anchor: int, lookback: int = 6, step: int = 3, steps: int = 2) -> None:
    values, out = np.zeros((10, 2), np.float32), np.zeros((1, steps, 2), np.float32)
    _native.gather_windows(values, np.array([anchor]), lookback, step, out, 1)


@pytest.mark.parametrize("anchor", [-(2**63), -1, 5, 13, 2**63 - 1])
def test_gather_windows_refuses_an_anchor_outside_the_series(anchor: int) -> None:
    with pytest.raises(ValueError, match=rf"must be in \[0, 10\); got anchor {anchor} at 0"):
        gather_window(anchor)


def test_gather_windows_refuses_a_wrong_window() -> None:
    with pytest.raises(ValueError, match="step at least 1; got 6 and 0"):
        gather_window(6, step=0)
    with pytest.raises(ValueError, match="lookback: must be at least step"):
        gather_window(6, lookback=2)
    with pytest.raises(ValueError, match=r"out: must have shape \[1, 2, 2\]; got \[1, 3, 2\]"):
        gather_window(6, steps=3)


@pytest.mark.parametrize("bad", [-1, 4])
def test_gathering_refuses_rows_outside_the_table(bad: int) -> None:
    with pytest.raises(ValueError, match=rf"rows: must be in \[0, 4\); got {bad} at 1"):
        _native.gather_rows(np.zeros((4, 2), "f"), np.array([0, bad], np.int32), np.zeros((2, 2), "f"), 1)
    with pytest.raises(ValueError, match=rf"index: must be in \[0, 4\); got {bad} at 1"):
        _native.gather_ids(np.zeros((4, 2), "i"), np.array([0, bad]), np.zeros((2, 2), "i"), 1)
    with pytest.raises(ValueError, match=r"out: must have shape \[1, 2\]; got \[3, 2\]"):
        _native.gather_rows(np.zeros((4, 2), "f"), np.zeros(1, "i"), np.zeros((3, 2), "f"), 1)
    with pytest.raises(ValueError, match=r"out: must have shape \[1, 2\]; got \[1, 3\]"):
        _native.gather_ids(np.zeros((4, 2), "i"), np.zeros(1, np.int64), np.zeros((1, 3), "i"), 1)


# ---- distinct ids


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 30), st.integers(1, 300), st.integers(0, 1000))
def test_distinct_ids(batch: int, length: int, vocabulary: int, seed: int) -> None:
    ids = np.random.default_rng(seed).integers(0, vocabulary, (batch, length)).astype(np.int32)
    compact = np.full_like(ids, -1)
    distinct = _native.distinct_ids(ids, vocabulary, compact)
    assert distinct.dtype == np.int32
    np.testing.assert_array_equal(distinct, np.unique(ids))
    np.testing.assert_array_equal(distinct[compact], ids)


def test_distinct_ids_outlive_the_call() -> None:
    kept = [_native.distinct_ids(np.full((2, 3), i, np.int32), 50, np.zeros((2, 3), np.int32)) for i in range(50)]
    np.testing.assert_array_equal(np.concatenate(kept), np.arange(50))


@pytest.mark.parametrize("bad", [-(2**31), -1, 7, 2**31 - 1])
def test_distinct_ids_refuses_ids_outside_the_vocabulary(bad: int) -> None:
    ids = np.zeros((3, 4), np.int32)
    ids[1, 2] = bad
    with pytest.raises(ValueError, match=rf"ids: must be in \[0, 7\); got {bad} at \[1, 2\]"):
        _native.distinct_ids(ids, 7, np.zeros_like(ids))


def test_distinct_ids_refuses_a_wrong_vocabulary_or_shape() -> None:
    ids = np.zeros((3, 4), np.int32)
    for vocabulary in (-1, 2**31):
        with pytest.raises(ValueError, match=f"vocabulary: must be in .* got {vocabulary}"):
            _native.distinct_ids(ids, vocabulary, np.zeros_like(ids))
    with pytest.raises(ValueError, match=r"ids: must be in \[0, 0\); got 0"):
        _native.distinct_ids(ids, 0, np.zeros_like(ids))
    with pytest.raises(ValueError, match=r"compact: must have shape \[3, 4\]; got \[4, 3\]"):
        _native.distinct_ids(ids, 7, np.zeros((4, 3), np.int32))

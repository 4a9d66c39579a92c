"""Gradients of a product of embeddings and a kernel, zeros left out, against float64 numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native

FLOAT = np.float32


def draw_layer(rows: int, taps: int, inputs: int, filters: int, shares: list[float], seed: int = 0):
    """used, dtable, kernel; `shares` says how many values of dtable are not zero, from the first rows to the last."""
    random = np.random.default_rng(seed)
    used = random.standard_normal((rows, inputs), FLOAT)
    kernel = random.standard_normal((taps, inputs, filters), FLOAT)
    filled = np.interp(np.arange(rows), np.linspace(0, max(rows - 1, 1), len(shares)), shares)
    dtable = random.standard_normal((rows, taps * filters), FLOAT)
    dtable[random.random(dtable.shape) >= filled[:, None]] = 0
    return used, dtable, kernel


def run(used: np.ndarray, dtable: np.ndarray, kernel: np.ndarray, threads: int = 2) -> tuple[np.ndarray, np.ndarray]:
    dused, dkernel = np.full_like(used, np.nan), np.full_like(kernel, np.nan)
    _native.table_backward(used, dtable, kernel, dused, dkernel, threads)
    return dused, dkernel


def multiply(used: np.ndarray, dtable: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used, dtable, kernel = (array.astype(np.float64) for array in (used, dtable, kernel))
    taps, inputs, filters = kernel.shape
    matrix = kernel.transpose(1, 0, 2).reshape(inputs, taps * filters)
    return dtable @ matrix.T, (used.T @ dtable).reshape(inputs, taps, filters).transpose(1, 0, 2)


def agree(found: np.ndarray, expected: np.ndarray) -> None:
    scale = max(np.abs(expected).max(), 1e-3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.one_of(st.integers(1, 70), st.integers(1, 900)),
    st.integers(1, 8),
    st.sampled_from([1, 7, 16, 32, 48, 128, 144, 272]),
    st.sampled_from([1, 3, 16, 32, 33, 64]),
    st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.8, 1.0]), min_size=1, max_size=4),
    st.integers(0, 9),
)
def test_gradients_match_the_products(
    rows: int, taps: int, inputs: int, filters: int, shares: list[float], seed: int
) -> None:
    layer = draw_layer(rows, taps, inputs, filters, shares, seed)
    for found, expected in zip(run(*layer), multiply(*layer), strict=True):
        agree(found, expected)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_many_rows(share: float) -> None:
    layer = draw_layer(5000, 2, 16, 5, [share])
    for found, expected in zip(run(*layer), multiply(*layer), strict=True):
        agree(found, expected)


@pytest.mark.parametrize("shares", [[1.0], [0.2], [1.0, 0.2], [0.0, 1.0]])
def test_any_number_of_threads_gives_the_same_bits(shares: list[float]) -> None:
    layer = draw_layer(1100, 7, 128, 32, shares)
    one = run(*layer, threads=1)
    for threads in (2, 3, 64):
        for a, b in zip(one, run(*layer, threads=threads), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_gradient_that_is_nan_shows(share: float) -> None:
    used, dtable, kernel = draw_layer(200, 3, 32, 8, [share])
    dtable[150, 10] = np.nan
    dused, dkernel = run(used, dtable, kernel)
    assert np.isnan(dused[150]).all()
    assert np.isnan(dkernel[1, :, 2]).all()
    assert np.isnan(dused).sum() == 32
    assert np.isnan(dkernel).sum() == 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"used": np.zeros((4, 5), FLOAT)}, r"used: must have shape \[4, 3\]; got \[4, 5\]"),
        ({"used": np.zeros((0, 3), FLOAT)}, r"every size: must be at least 1; got 0"),
        ({"dtable": np.zeros((4, 9), FLOAT)}, r"dtable: must have shape \[4, 10\]; got \[4, 9\]"),
        ({"dused": np.zeros((5, 3), FLOAT)}, r"dused: must have shape \[4, 3\]; got \[5, 3\]"),
        ({"dkernel": np.zeros((2, 5, 3), FLOAT)}, r"dkernel: must have shape \[2, 3, 5\]; got \[2, 5, 3\]"),
        ({"threads": 0}, r"threads: must be at least 1; got 0"),
    ],
)
def test_a_wrong_call_is_refused(change: dict[str, object], message: str) -> None:
    call = {"used": np.zeros((4, 3), FLOAT), "dtable": np.zeros((4, 10), FLOAT), "kernel": np.zeros((2, 3, 5), FLOAT)}
    call |= {"dused": np.zeros((4, 3), FLOAT), "dkernel": np.zeros((2, 3, 5), FLOAT), "threads": 1} | change
    with pytest.raises(ValueError, match=message):
        _native.table_backward(**call)

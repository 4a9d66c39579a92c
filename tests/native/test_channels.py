"""Swapped axes and normalised channels: against numpy in float64, and wrong shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv import _native

FLOOR = 1e-5


def normalise(x: np.ndarray, channels: int, threads: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y = np.empty_like(x)
    mean, deviation = np.empty((2, len(x), channels), np.float32)
    _native.normalise(x, y, mean, deviation, FLOOR, threads)
    return y, mean, deviation


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 20), st.integers(0, 3), st.integers(1, 3))
def test_channels_are_scaled_by_their_own_window(batch, length, channels, others, threads):
    x = (np.random.default_rng(0).normal(size=(batch, length, channels + others)) * 3 + 100).astype(np.float32)
    y, mean, deviation = normalise(x, channels, threads)
    own = x[..., :channels].astype(np.float64)
    np.testing.assert_allclose(mean, own.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(own.var(axis=1) + FLOOR), rtol=1e-5)
    exact = (own - own.mean(axis=1, keepdims=True)) / np.sqrt(own.var(axis=1, keepdims=True) + FLOOR)
    np.testing.assert_allclose(y[..., :channels], exact, atol=1e-5)
    np.testing.assert_array_equal(y[..., channels:], x[..., channels:])


def test_a_flat_channel_becomes_zero():
    y, mean, deviation = normalise(np.full((1, 5, 1), 7, np.float32), 1)
    assert not y.any()
    assert mean == 7
    np.testing.assert_allclose(deviation, np.sqrt(FLOOR), rtol=1e-6)


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.integers(1, 3))
def test_axes_are_swapped(batch, rows, columns, others, threads):
    x = np.arange(batch * rows * (columns + others), dtype=np.float32).reshape(batch, rows, -1)
    y = np.empty((batch, columns, rows), np.float32)
    _native.swap_axes(x, y, threads)
    np.testing.assert_array_equal(y, x[..., :columns].transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": np.ones((2, 5, 2), np.float32)}, r"y: must .*\[2, 5, 3\]"),
        ({"mean": np.ones((1, 3), np.float32)}, r"mean: must .*\[2, 3\]"),
        ({"deviation": np.ones((2, 2), np.float32)}, r"deviation: must .*\[2, 3\]"),
        ({"mean": np.ones((2, 4), np.float32)}, "channels of x: must be at least 4; got 3"),
        ({"x": np.ones((2, 0, 3), np.float32)}, "steps: must be at least 1; got 0"),
        ({"threads": 0}, "threads: must be at least 1; got 0"),
    ],
)
def test_wrong_arrays_are_refused(change, says):
    three = np.ones((2, 5, 3), np.float32)
    call = {"x": three, "y": three.copy(), "mean": three[:, 0].copy(), "deviation": three[:, 0].copy()}
    with pytest.raises(ValueError, match=says):
        _native.normalise(**(call | {"floor": FLOOR, "threads": 1} | change))


def test_axes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"y: must .*\[2, 3, 5\]"):
        _native.swap_axes(np.ones((2, 5, 3), np.float32), np.ones((2, 3, 4), np.float32), 1)
    with pytest.raises(ValueError, match="columns of x: must be at least 4; got 3"):
        _native.swap_axes(np.ones((2, 5, 3), np.float32), np.ones((2, 4, 5), np.float32), 1)

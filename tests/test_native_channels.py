"""Channels of windows as examples of their own: against numpy in float64, by hand, and wrong shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv import _native

FLOOR = 1e-5


def split(x: np.ndarray, threads: int = 2) -> tuple[np.ndarray, np.ndarray]:
    batch, length, channels = x.shape
    windows = np.empty((batch * channels, length, 1), np.float32)
    moments = np.empty((batch * channels, 2), np.float32)
    _native.split_channels(x, windows, moments, FLOOR, threads)
    return windows, moments


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 20), st.integers(1, 3), st.integers(0, 9))
def test_windows_are_scaled_and_outputs_scaled_back(batch, length, channels, threads, seed):
    random = np.random.default_rng(seed)
    x = (random.normal(size=(batch, length, channels)) * 3 + 100).astype(np.float32)
    windows, moments = split(x, threads)
    exact = x.astype(np.float64)
    deviation = np.sqrt(exact.var(axis=1) + FLOOR)
    wanted = ((exact - exact.mean(axis=1, keepdims=True)) / deviation[:, None]).transpose(0, 2, 1)
    np.testing.assert_allclose(windows[..., 0].reshape(wanted.shape), wanted, atol=1e-5)
    back = np.empty((batch, length * channels), np.float32)
    _native.join_channels(windows[..., 0], moments, back, threads)  # a body that keeps all it gets
    np.testing.assert_allclose(back.reshape(x.shape), x, rtol=1e-5, atol=1e-4)


def test_outputs_and_gradients_by_hand():
    moments = np.array([[10, 2], [0, 3]], np.float32)  # of two channels
    y = np.empty((1, 4), np.float32)
    _native.join_channels(np.array([[1, 2], [3, 4]], np.float32), moments, y, 1)
    assert y.tolist() == [[12, 9, 14, 12]]  # the first output of both channels, then the second
    inner = np.empty((2, 2), np.float32)
    _native.split_gradients(np.array([[1, 2, 3, 4]], np.float32), moments, inner, 1)
    assert inner.tolist() == [[2, 6], [6, 12]]


def test_a_flat_channel_becomes_zero():
    windows, moments = split(np.full((1, 5, 1), 7, np.float32))
    assert not windows.any()
    np.testing.assert_allclose(moments, [[7, np.sqrt(FLOOR)]], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"moments": np.ones((3, 2), np.float32)}, r"moments: must .*\[4, 2\]"),
        ({"y": np.ones((3, 4), np.float32)}, "windows: must be a whole number for each of 3 examples; got 4"),
        ({"y": np.ones((0, 4), np.float32)}, "examples"),
        ({"y": np.ones((2, 5), np.float32)}, r"y: must .*\[2, 4\]"),
        ({"threads": 0}, "threads must be at least 1|threads: must be at least 1"),
    ],
)
def test_wrong_shapes_are_refused(change, says):
    given = {
        "inner": np.ones((4, 2), np.float32),
        "moments": np.ones((4, 2), np.float32),
        "y": np.ones((2, 4), np.float32),
        "threads": 1,
    }
    with pytest.raises(ValueError, match=says):
        _native.join_channels(**(given | change))

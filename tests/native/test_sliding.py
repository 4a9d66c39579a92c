"""Sliding maxima against numpy, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native as native


@given(
    rows=st.integers(1, 300),
    channels=st.sampled_from([1, 3, 16, 17, 33]),
    steps=st.integers(1, 20),
    stride=st.sampled_from([1, 2, 7, 18]),
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_sliding_maxima(rows, channels, steps, stride, seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows + (steps - 1) * stride, channels), np.float32)
    x[random.random(x.shape) < 0.01] = np.nan
    expected = np.max([x[step * stride : step * stride + rows] for step in range(steps)], axis=0)
    for threads in (1, 3):
        y = np.zeros((rows, channels), np.float32)
        native.slide_maximum(x, steps, stride, y, threads)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, r"steps: must be at least 1; got 0"),
        ({"stride": 0}, r"stride: must be at least 1; got 0"),
        ({"threads": 0}, r"threads: must be at least 1; got 0"),
        ({"steps": 6}, r"rows kept .*: must be at least 1; got 0"),
        ({"steps": 2**31 - 1, "stride": 2**31 - 1}, r"rows kept .*: must be at least 1; got -"),
        ({"x": np.zeros((10, 0), np.float32)}, r"channels: must be at least 1; got 0"),
        ({"y": np.zeros((7, 3), np.float32)}, r"y: must have shape \[6, 3\]; got \[7, 3\]"),
    ],
)
def test_a_wrong_sliding_call_is_refused(change, message):
    call = {"x": np.zeros((10, 3), np.float32), "steps": 3, "stride": 2, "y": np.zeros((6, 3), np.float32)}
    with pytest.raises(ValueError, match=message):
        native.slide_maximum(**call | {"threads": 1} | change)

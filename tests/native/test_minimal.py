"""Minimal filtering: the kernels that take fewer products, against the plain definition in float64."""

import numpy as np
import pytest

from helpers.convolutions import assert_close, convolve, draw_floats, gradients, pool_groups, run_backward, run_forward


@pytest.mark.parametrize("pool", [0, 1, 3])
@pytest.mark.parametrize("width", [3, 5, 7])
def test_minimal_filtering(pool, width):
    x, kernel, bias = draw_floats(width, (3, 253, 32), (width, 32, 33), 33)
    plain = convolve(x, kernel, bias, 1, 0)
    expected, _ = pool_groups(plain, False, pool)
    assert_close(run_forward(x, kernel, bias, relu=False, pool=pool)[0], expected, 4e-6)
    # tiles lie at the same steps of every example, so that steps left out in front change no bit of the others
    cut = 12
    kept, _ = run_forward(np.ascontiguousarray(x[:, cut:]), kernel, bias, relu=False)
    np.testing.assert_array_equal(kept, run_forward(x, kernel, bias, relu=False)[0][:, cut:])
    # what is not finite shows where it was seen, and nowhere else
    x[1, 100, 3], x[2, 9, 0] = np.nan, np.inf
    plain = convolve(x, kernel, bias, 1, 0)
    found, _ = run_forward(x, kernel, bias, pool=pool)
    expected, _ = pool_groups(plain, True, pool)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert_close(found[np.isfinite(expected)], expected[np.isfinite(expected)], 4e-6)


@pytest.mark.parametrize("width", [3, 5, 7])
@pytest.mark.parametrize(("length", "dilation", "left_pad"), [(1300, 54, 0), (1301, 18, 0), (400, 6, 36), (253, 2, 0)])
def test_minimal_filtering_of_dilated_layers(length, dilation, left_pad, width):
    x, kernel, bias = draw_floats(width, (2, length, 14), (width, 14, 33), 33)
    expected = np.maximum(convolve(x, kernel, bias, dilation, left_pad), 0)
    whole, _ = run_forward(x, kernel, bias, dilation, left_pad)
    assert_close(whole, expected, 4e-6)
    np.testing.assert_array_equal(whole, run_forward(x, kernel, bias, dilation, left_pad, threads=1)[0])
    # tiles lie at the same steps of every example here too
    cut = 4 * dilation
    kept, _ = run_forward(np.ascontiguousarray(x[:, cut:]), kernel, bias, dilation)
    np.testing.assert_array_equal(kept, run_forward(x, kernel, bias, dilation)[0][:, cut:])
    x[1, 200, 3] = np.nan
    expected = np.maximum(convolve(x, kernel, bias, dilation, left_pad), 0)  # NaN where one was seen, and nowhere else
    assert_close(run_forward(x, kernel, bias, dilation, left_pad)[0], expected, 4e-6)


@pytest.mark.parametrize("width", [3, 5, 7])
@pytest.mark.parametrize(("length", "dilation", "left_pad"), [(253, 1, 0), (74, 1, 3), (400, 6, 36), (1301, 18, 0)])
def test_minimal_filtering_of_gradients(length, dilation, left_pad, width):
    x, kernel, bias = draw_floats(width, (2, length, 14), (width, 14, 33), 33)
    y, _ = run_forward(x, kernel, bias, dilation, left_pad)
    (dy,) = draw_floats(width + 1, y.shape)
    found = run_backward(x, kernel, y, None, dy, dilation, left_pad)
    for got, exact in zip(found, gradients(x, kernel, np.where(y > 0, dy, 0), dilation, left_pad), strict=True):
        assert_close(got, exact, 4e-6)
    again = run_backward(x, kernel, y, None, dy, dilation, left_pad, threads=1)
    for got, same in zip(found, again, strict=True):
        np.testing.assert_array_equal(got, same)
    # what is not finite shows where it was seen, and nowhere else
    x[1, 40, 3], dy[0, 9, 2], y[0, 9, 2] = np.inf, np.nan, 1
    dx, dkernel, _ = run_backward(x, kernel, y, None, dy, dilation, left_pad)
    exact_dx, exact_dkernel, _ = gradients(x, kernel, np.where(y > 0, dy, 0), dilation, left_pad)
    np.testing.assert_array_equal(np.isfinite(dx), np.isfinite(exact_dx))
    np.testing.assert_array_equal(np.isfinite(dkernel), np.isfinite(exact_dkernel))
    assert_close(dx[np.isfinite(exact_dx)], exact_dx[np.isfinite(exact_dx)], 4e-6)

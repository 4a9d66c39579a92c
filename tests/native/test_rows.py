"""GELU, softmax and layer normalisation of rows: against numpy in float64, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native as native

SIZES = {"rows": st.sampled_from([1, 3, 64, 2500]), "channels": st.sampled_from([1, 2, 7, 16, 17, 33, 64])}
EACH = given(**SIZES, seed=st.integers(0, 9))
erf = np.vectorize(math.erf)


def draw(rows: int, channels: int, seed: int, count: int, spread: float = 3.0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [(random.normal(size=(rows, channels)) * spread).astype(np.float32) for _ in range(count)]


def run(name: str, *arrays: np.ndarray, outputs: int = 1, **options: object) -> list[np.ndarray]:
    """The outputs, of the first array's shape, which are the same bits on one thread and on three."""
    found = []
    for threads in (1, 3):
        out = [np.full_like(arrays[0], np.nan) for _ in range(outputs)]
        getattr(native, name)(*arrays, *options.values(), *out, threads)
        found.append(out)
    np.testing.assert_array_equal(found[0], found[1])
    return found[0]


@EACH
@settings(max_examples=40, deadline=None)
def test_gelu_and_its_derivative(rows, channels, seed):
    x, dy = draw(rows, channels, seed, 2)
    exact = x.astype(np.float64)
    cdf = 0.5 * (1 + erf(exact / math.sqrt(2)))
    slope = cdf + exact * np.exp(-(exact**2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(run("gelu", x)[0], exact * cdf, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(run("gelu_backward", x, dy)[0], dy * slope, rtol=2e-6, atol=4e-6)


def test_gelu_far_from_zero_and_of_nan():
    x = np.array([-1e30, -40, -0.0, 40, 1e30, np.nan], np.float32)
    np.testing.assert_allclose(run("gelu", x)[0], [0, 0, 0, 40, 1e30, np.nan], atol=1e-7)
    np.testing.assert_allclose(run("gelu_backward", x, np.ones_like(x))[0], [0, 0, 0.5, 1, 1, np.nan], atol=1e-7)


@EACH
@settings(max_examples=40, deadline=None)
def test_softmax_and_its_gradient(rows, channels, seed):
    x, dy = draw(rows, channels, seed, 2)
    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    exact = powers / powers.sum(axis=1, keepdims=True)
    (y,) = run("softmax", x)
    np.testing.assert_allclose(y, exact, rtol=2e-6, atol=1e-7)
    wanted = exact * (dy - (dy * exact).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(run("softmax_backward", y, dy)[0], wanted, rtol=1e-5, atol=4e-6)


def test_softmax_of_huge_numbers_and_of_nan():
    x = np.array([[3e38, 0, -3e38], [np.nan, 0, 0], [0, 0, np.nan], [-np.inf, 5, 5]], np.float32)
    wanted = [[1, 0, 0], [np.nan] * 3, [np.nan] * 3, [0, 0.5, 0.5]]
    np.testing.assert_allclose(run("softmax", x)[0], wanted, atol=1e-7)


@EACH
@settings(max_examples=40, deadline=None)
def test_layer_normalisation_and_its_gradients(rows, channels, seed):
    x, dy = draw(rows, channels, seed, 2)
    x += 10
    gamma, beta = (each[0] for each in draw(1, channels, seed + 1, 2))
    exact, epsilon = x.astype(np.float64), 1e-3
    scale = 1 / np.sqrt(exact.var(axis=1, keepdims=True) + epsilon)
    normal = (exact - exact.mean(axis=1, keepdims=True)) * scale
    found = []
    for threads in (1, 3):
        out = np.empty_like(x), np.empty(rows, np.float32), np.empty_like(x)
        native.layer_norm(x, gamma, beta, epsilon, *out, threads)
        dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
        native.layer_norm_backward(dy, *out[:2], gamma, dx, dgamma, dbeta, threads)
        found.append((*out, dx, dgamma, dbeta))
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)
    np.testing.assert_allclose(found[0][0], normal, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[0][1], scale[:, 0], rtol=1e-4)
    np.testing.assert_allclose(found[0][2], normal * gamma + beta, rtol=1e-4, atol=1e-3)
    g = dy * gamma.astype(np.float64)
    along = (g * normal).mean(axis=1, keepdims=True)
    wanted = scale * (g - g.mean(axis=1, keepdims=True) - normal * along)
    np.testing.assert_allclose(found[0][3], wanted, rtol=1e-3, atol=1e-3 * scale.max())
    np.testing.assert_allclose(found[0][4], (dy * normal).sum(axis=0), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(found[0][5], dy.sum(axis=0, dtype=np.float64), rtol=1e-4, atol=1e-2)


ROWS, ONE = np.ones((5, 3), np.float32), np.ones(3, np.float32)
SCALE = np.ones(5, np.float32)
NORM = {"x": ROWS, "gamma": ONE, "beta": ONE, "epsilon": 0.1, "normal": ROWS.copy(), "scale": SCALE, "y": ROWS.copy()}
BACK = {"dy": ROWS, "normal": ROWS, "scale": SCALE, "gamma": ONE, "dx": ROWS.copy(), "dgamma": ONE, "dbeta": ONE}
RIGHT = {
    "gelu": {"x": ROWS, "y": ROWS.copy()},
    "gelu_backward": {"x": ROWS, "dy": ROWS, "dx": ROWS.copy()},
    "softmax": {"x": ROWS, "y": ROWS.copy()},
    "softmax_backward": {"y": ROWS, "dy": ROWS, "dx": ROWS.copy()},
    "layer_norm": NORM,
    "layer_norm_backward": BACK,
}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, each) for name, call in RIGHT.items() for each in call if each != "epsilon"]
)
def test_an_array_of_another_size_is_refused(name, argument):
    call = RIGHT[name]
    shorter = {argument: np.ascontiguousarray(call[argument][:-1])}
    with pytest.raises(ValueError, match=r"^\w+: must have shape \[\d(, \d)?\]; got \[\d(, \d)?\]$"):
        getattr(native, name)(**call | shorter, threads=1)


@pytest.mark.parametrize("name", RIGHT)
def test_no_threads_and_no_channels_are_refused(name):
    with pytest.raises(ValueError, match="threads: must be at least 1; got 0"):
        getattr(native, name)(**RIGHT[name], threads=0)
    if "gelu" not in name:
        empty = {key: each[..., :0] if np.ndim(each) == 2 else each for key, each in RIGHT[name].items()}
        with pytest.raises(ValueError, match="channels: must be at least 1; got 0"):
            getattr(native, name)(**empty, threads=1)

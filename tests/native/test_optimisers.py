"""The native optimiser steps against a dense float64 definition."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv import _native

RATE, RHO, BETA1, BETA2, EPSILON = 1e-2, 0.9, 0.9, 0.999, 1e-7
SIZES = [0, 1, 7, 33, 70_000, 200_001]  # one vector and less, and several tasks


class Dense(NamedTuple):
    """Weights and moments in float64, stepped by the textbook formulas over every row."""

    w: np.ndarray
    m: np.ndarray
    v: np.ndarray

    def step_rmsprop(self, g: np.ndarray) -> None:
        self.v[:] = RHO * self.v + (1 - RHO) * g**2
        self.w[:] -= RATE * g / (np.sqrt(self.v) + EPSILON)

    def step_adam(self, g: np.ndarray, now: int) -> None:
        self.m[:] = BETA1 * self.m + (1 - BETA1) * g
        self.v[:] = BETA2 * self.v + (1 - BETA2) * g**2
        mean, square = self.m / (1 - BETA1**now), self.v / (1 - BETA2**now)
        self.w[:] -= RATE * mean / (np.sqrt(square) + EPSILON)

    def step_adagrad(self, g: np.ndarray) -> None:
        self.v[:] += g**2
        self.w[:] -= RATE * g / (np.sqrt(self.v) + EPSILON)


def start(shape: tuple[int, ...], seed: int = 0) -> tuple[Dense, np.ndarray, np.ndarray, np.ndarray]:
    """A reference, and the same w, m and v in float32."""
    w = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return Dense(w.astype(np.float64), np.zeros(shape), np.zeros(shape)), w, np.zeros_like(w), np.zeros_like(w)


def random_gradient(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Of very different sizes, with zeros among them."""
    g = random.normal(size=shape) * 10.0 ** random.integers(-6, 3, shape)
    return np.where(random.random(shape) < 0.1, 0, g).astype(np.float32)


def agree(found: np.ndarray, expected: np.ndarray, steps: int) -> None:
    """Equal to the rounding of so many steps."""
    np.testing.assert_allclose(found, expected, rtol=3e-7 * (steps + 2), atol=1e-6 * RATE * (steps + 2) + 1e-37)


# ---- sums of squares


@pytest.mark.parametrize("size", SIZES)
def test_squared_sum(size: int) -> None:
    g = random_gradient((size,), np.random.default_rng(0))
    expected = np.sum(g.astype(np.float64) ** 2)
    assert _native.squared_sum(g, 1) == pytest.approx(expected, rel=1e-12)
    assert _native.squared_sum(g, 3) == _native.squared_sum(g, 1)


def test_squared_sum_of_any_rank_and_of_huge_values() -> None:
    assert _native.squared_sum(np.full((2, 3, 4), 2, np.float32), 1) == 96
    assert _native.squared_sum(np.full((2, 2), 1e30, np.float32), 1) == pytest.approx(4e60, rel=1e-6)
    assert np.isnan(_native.squared_sum(np.array([1, np.nan, 2], np.float32), 1))


# ---- every weight has a gradient


@pytest.mark.parametrize("scale", [1.0, 0.125])
@pytest.mark.parametrize("size", SIZES)
def test_rmsprop(size: int, scale: float) -> None:
    dense, w, _, v = start((size,))
    random = np.random.default_rng(1)
    for step in range(1, 5):
        g = random_gradient((size,), random)
        dense.step_rmsprop(g * scale)
        _native.rmsprop(w, g, v, RATE, RHO, EPSILON, scale, step)
        agree(w, dense.w, step)
        agree(v, dense.v, step)


@pytest.mark.parametrize("scale", [1.0, 0.125])
@pytest.mark.parametrize("size", SIZES)
def test_adam(size: int, scale: float) -> None:
    dense, w, m, v = start((size,))
    random = np.random.default_rng(1)
    for step in range(1, 5):
        g = random_gradient((size,), random)
        dense.step_adam(g * scale, step)
        _native.adam(w, g, m, v, step, RATE, BETA1, BETA2, EPSILON, scale, step)
        agree(w, dense.w, 2 * step)
        agree(v, dense.v, step)


@pytest.mark.parametrize("scale", [1.0, 0.125])
@pytest.mark.parametrize("size", SIZES)
def test_adagrad(size: int, scale: float) -> None:
    dense, w, _, v = start((size,))
    random = np.random.default_rng(1)
    for step in range(1, 5):
        g = random_gradient((size,), random)
        dense.step_adagrad(g * scale)
        _native.adagrad(w, g, v, RATE, EPSILON, scale, step)
        agree(w, dense.w, step)
        agree(v, dense.v, step)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", SIZES[1:])
def test_adagrad_of_single_weights_is_the_dense_step(size: int, threads: int) -> None:
    dense, w, _, v = start((size,))
    random = np.random.default_rng(1)
    for step in range(1, 4):
        places = random.permutation(size)[: size * step // 3]
        g = random_gradient((len(places),), random)
        whole = np.zeros(size)
        whole[places] = g
        dense.step_adagrad(whole * 0.5)
        _native.adagrad_elements(w, g, places, v, RATE, EPSILON, 0.5, threads)
        agree(w, dense.w, step)
        agree(v, dense.v, step)


def test_places_outside_are_refused() -> None:
    w = np.zeros((2, 3), np.float32)
    for place in (-1, 6):
        with pytest.raises(ValueError, match=rf"in \[0, 6\); got {place} at 1"):
            _native.adagrad_elements(w, np.ones(2, np.float32), np.array([0, place]), w, RATE, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match="one shape"):
        _native.adagrad_elements(w, np.ones(3, np.float32), np.array([0, 1]), w, RATE, EPSILON, 1.0, 1)


def test_first_steps_worked_by_hand() -> None:
    w, m, v = (np.full(1, value, np.float32) for value in (1, 0, 0))
    _native.rmsprop(w, np.full(1, 2, np.float32), v, 0.1, 0.9, 0.0, 1.0, 1)
    assert v[0] == pytest.approx(0.4)
    assert w[0] == pytest.approx(1 - 0.1 * 2 / 0.4**0.5)
    w[0], v[0] = 1, 0
    _native.adam(w, np.full(1, -5, np.float32), m, v, 1, 0.1, 0.9, 0.999, 0.0, 1.0, 1)
    assert w[0] == pytest.approx(1.1)  # the first step of Adam has the size of the learning rate


def test_a_gradient_of_nan_reaches_its_weight_only() -> None:
    g = np.zeros(40, np.float32)
    g[3] = np.nan
    for call in (_native.rmsprop, _native.adam):
        w, m, v = np.ones(40, np.float32), np.zeros(40, np.float32), np.zeros(40, np.float32)
        moments: tuple[Any, ...] = (v, RATE, RHO) if call is _native.rmsprop else (m, v, 1, RATE, BETA1, BETA2)
        call(w, g, *moments, EPSILON, 1.0, 1)
        np.testing.assert_array_equal(np.isnan(w), np.isnan(g))


# ---- few rows have a gradient


class Drawn(NamedTuple):
    """Which rows of a table have a gradient in each step."""

    height: int
    width: int
    steps: list[list[int]]


@st.composite
def draw_rows(draw: st.DrawFn) -> Drawn:
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 40))
    rows = st.sets(st.integers(0, height - 1)).map(sorted)
    return Drawn(height, width, draw(st.lists(rows, min_size=1, max_size=12)))


def dense_gradient(drawn: Drawn, rows: np.ndarray, g: np.ndarray) -> np.ndarray:
    whole = np.zeros((drawn.height, drawn.width))
    whole[rows] = g
    return whole


@settings(deadline=None)
@given(draw_rows(), st.sampled_from([1.0, 0.25]), st.integers(1, 3), st.integers(0, 1000))
def test_rmsprop_rows_is_the_dense_step(drawn: Drawn, scale: float, threads: int, seed: int) -> None:
    shape = (drawn.height, drawn.width)
    dense, w, _, v = start(shape, seed)
    last = np.zeros(drawn.height, np.int64)
    random = np.random.default_rng(seed)
    for now, picked in enumerate(drawn.steps, 1):
        rows = np.array(picked, np.int32)
        g = random_gradient((len(rows), drawn.width), random)
        dense.step_rmsprop(dense_gradient(drawn, rows, g) * scale)
        _native.rmsprop_rows(w, g, rows, v, last, now, RATE, RHO, EPSILON, scale, threads)
        agree(w, dense.w, now)
        agree(v[rows], dense.v[rows], now)
        assert np.all(last[rows] == now)
    # what the rows without a gradient still owe
    agree(v * RHO ** (len(drawn.steps) - last)[:, None], dense.v, len(drawn.steps))


@settings(deadline=None)
@given(draw_rows(), st.sampled_from([1.0, 0.25]), st.integers(1, 3), st.integers(0, 1000))
def test_adagrad_rows_is_the_dense_step(drawn: Drawn, scale: float, threads: int, seed: int) -> None:
    dense, w, _, v = start((drawn.height, drawn.width), seed)
    random = np.random.default_rng(seed)
    for now, picked in enumerate(drawn.steps, 1):
        rows = np.array(picked, np.int32)
        g = random_gradient((len(rows), drawn.width), random)
        dense.step_adagrad(dense_gradient(drawn, rows, g) * scale)
        _native.adagrad_rows(w, g, rows, v, RATE, EPSILON, scale, threads)
        agree(w, dense.w, now)
        agree(v, dense.v, now)


@settings(deadline=None)
@given(draw_rows(), st.sampled_from([1.0, 0.25]), st.integers(1, 3), st.integers(0, 1000))
def test_adam_rows_is_the_dense_step(drawn: Drawn, scale: float, threads: int, seed: int) -> None:
    shape = (drawn.height, drawn.width)
    dense, w, m, v = start(shape, seed)
    seen = np.zeros(drawn.height, np.uint8)
    random = np.random.default_rng(seed)
    for now, picked in enumerate(drawn.steps, 1):
        rows = np.array(picked, np.int32)
        g = random_gradient((len(rows), drawn.width), random)
        dense.step_adam(dense_gradient(drawn, rows, g) * scale, now)
        _native.adam_rows(w, g, rows, m, v, seen, now, RATE, BETA1, BETA2, EPSILON, scale, threads)
        agree(w, dense.w, 2 * now)
        agree(v, dense.v, now)
    assert set(np.flatnonzero(seen)) == {row for picked in drawn.steps for row in picked}


def test_a_row_decays_over_a_long_gap() -> None:
    v, last = np.full((2, 33), 4, np.float32), np.zeros(2, np.int64)
    w, g, rows = np.zeros((2, 33), np.float32), np.ones((1, 33), np.float32), np.array([1], np.int32)
    _native.rmsprop_rows(w, g, rows, v, last, 101, RATE, RHO, EPSILON, 1.0, 1)
    np.testing.assert_allclose(v[1], 4 * RHO**101 + (1 - RHO), rtol=1e-6)
    np.testing.assert_array_equal(v[0], 4)
    assert last.tolist() == [0, 101]
    _native.rmsprop_rows(w, g, rows, v, last, 10**15, RATE, RHO, EPSILON, 1.0, 1)
    np.testing.assert_allclose(v[1], 1 - RHO, rtol=1e-6)


def step_both(rows: np.ndarray, g: np.ndarray, height: int, threads: int) -> list[np.ndarray]:
    arrays = []
    for call in (_native.rmsprop_rows, _native.adam_rows):
        _, w, m, v = start((height, g.shape[1]))
        last, seen = np.zeros(height, np.int64), np.zeros(height, np.uint8)
        for now in (1, 2):
            if call is _native.rmsprop_rows:
                call(w, g, rows, v, last, now, RATE, RHO, EPSILON, 1.0, threads)
            else:
                call(w, g, rows, m, v, seen, now, RATE, BETA1, BETA2, EPSILON, 1.0, threads)
        arrays += [w, m, v, last, seen]
    return arrays


def test_steps_have_the_same_bits_on_any_number_of_threads() -> None:
    random = np.random.default_rng(0)
    rows = np.sort(random.choice(5000, 2500, replace=False)).astype(np.int32)
    g = random_gradient((2500, 70), random)
    alone = step_both(rows, g, 5000, 1)
    for threads in (2, 64):
        for one, other in zip(alone, step_both(rows, g, 5000, threads), strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_row_with_a_gradient() -> None:
    for array in step_both(np.zeros(0, np.int32), np.zeros((0, 3), np.float32), 4, 1)[1:5]:
        assert not array.any()


# ---- refusals


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([0, 5], r"rows: must ascend, each once, in \[0, 5\); got 5 at 1"),
        ([-1, 2], "got -1 at 0"),
        ([2, 1], "got 1 at 1"),
        ([2, 2], "got 2 at 1"),
        ([1], r"g: must have shape \[1, 3\]; got \[2, 3\]"),
    ],
)
def test_rows_out_of_order_or_range_are_refused(rows: list[int], says: str) -> None:
    w, m, v = (np.ones((5, 3), np.float32) for _ in range(3))
    g, index = np.ones((2, 3), np.float32), np.array(rows, np.int32)
    with pytest.raises(ValueError, match=says):
        _native.rmsprop_rows(w, g, index, v, np.zeros(5, np.int64), 1, RATE, RHO, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match=says):
        _native.adam_rows(w, g, index, m, v, np.zeros(5, np.uint8), 1, RATE, BETA1, BETA2, EPSILON, 1.0, 1)
    assert np.all(w == 1)


def test_a_step_that_is_past_is_refused() -> None:
    w, g, rows = np.zeros((5, 3), np.float32), np.zeros((1, 3), np.float32), np.zeros(1, np.int32)
    for last, now, says in (
        (2, 2, r"last: must be in \[0, 1\]; got 2 at 4"),
        (-1, 3, "got -1 at 4"),
        (0, 0, "now must"),
    ):
        steps = np.array([0, 0, 0, 0, last])
        with pytest.raises(ValueError, match=says):
            _native.rmsprop_rows(w, g, rows, w.copy(), steps, now, RATE, RHO, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match="now must be at least 1; got 0"):
        _native.adam(w, w.copy(), w.copy(), w.copy(), 0, RATE, BETA1, BETA2, EPSILON, 1.0, 1)


def test_shapes_and_rates_that_do_not_fit_are_refused() -> None:
    four, five = np.zeros(4, np.float32), np.zeros(5, np.float32)
    with pytest.raises(ValueError, match=r"w and g must be of one shape; got \[4\] and \[5\]"):
        _native.rmsprop(four, five, four.copy(), RATE, RHO, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match=r"w and v must be of one shape; got \[4\] and \[5\]"):
        _native.adam(four, four.copy(), four.copy(), five, 1, RATE, BETA1, BETA2, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match=r"rho must be in \[0, 1\); got 1\.0"):
        _native.rmsprop(four, four.copy(), four.copy(), RATE, 1.0, EPSILON, 1.0, 1)
    with pytest.raises(ValueError, match=r"beta2 must be in \[0, 1\); got nan"):
        _native.adam(four, four.copy(), four.copy(), four.copy(), 1, RATE, BETA1, np.nan, EPSILON, 1.0, 1)
    with pytest.raises(TypeError):
        _native.rmsprop(four.astype(np.float64), four, four.copy(), RATE, RHO, EPSILON, 1.0, 1)

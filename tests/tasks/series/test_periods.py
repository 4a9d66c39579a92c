"""Periods that are there are found, and none where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv.tasks.series.periods import find_periods


def rows_of(values: np.ndarray) -> list[int]:
    return [period.rows for period in find_periods(values)]


@given(st.integers(4, 60), st.integers(0, 1000), st.floats(0.1, 1e4))
def test_a_cycle_under_noise_is_found_with_its_length(rows, seed, scale):
    place = np.arange(rows * 30)
    noise = np.random.default_rng(seed).normal(0, 0.5, len(place))
    values = scale * (np.sin(2 * np.pi * place / rows) + noise + 0.01 * place)
    assert rows_of(values)[0] == rows


def test_the_shape_of_a_cycle_is_no_period_of_its_own():
    place = np.arange(24 * 60)
    sharp = (place % 24 < 3).astype(float) + np.random.default_rng(0).normal(0, 0.1, len(place))
    assert rows_of(sharp) == [24]


def test_a_day_and_a_week_are_both_found_the_stronger_first():
    place = np.arange(24 * 7 * 30)
    values = np.sin(2 * np.pi * place / 168) + 0.4 * np.sin(2 * np.pi * place / 24)
    assert rows_of(values + np.random.default_rng(0).normal(0, 0.5, len(place))) == [168, 24]


def test_noise_and_random_walks_have_no_period():
    counts = [0, 0]
    for seed in range(50):
        noise = np.random.default_rng(seed).normal(size=3000)
        counts[0] += bool(rows_of(noise))
        counts[1] += bool(rows_of(np.cumsum(noise)))
    assert counts[0] <= 2
    assert counts[1] <= 2


@pytest.mark.parametrize(
    "values", [np.arange(100.0), np.ones(50), np.full(50, np.nan), np.arange(3.0), np.zeros(0), np.full(40, 1e300)]
)
def test_nothing_to_find_is_no_error(values):
    assert rows_of(values) == []


def test_missing_values_do_not_hide_a_period():
    values = np.sin(2 * np.pi * np.arange(1000) / 25)
    values[np.random.default_rng(0).random(1000) < 0.3] = np.nan
    assert rows_of(values)[0] == 25

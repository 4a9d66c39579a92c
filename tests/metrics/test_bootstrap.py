"""Intervals against a plain bootstrap written out, their coverage on simulated data, and where they claim nothing."""

import numpy as np
import pytest

from seqconv.metrics.bootstrap import MOST_GROUPS, Bootstrap, Estimate, fill_flat, resample_sums


def mean(sums):
    return sums["x"] / sums["rows"]


def ratio(sums):
    return sums["x"] / sums["y"]


def test_a_ratio_of_sums_has_the_interval_of_a_plain_bootstrap():
    random = np.random.default_rng(0)
    x, y = random.exponential(1, 300), random.exponential(2, 300) + 0.1
    rows = random.integers(0, 300, (20000, 300))
    low, high = np.quantile(x[rows].sum(axis=1) / y[rows].sum(axis=1), [0.025, 0.975])
    found = Bootstrap({"x": x, "y": y}).estimate(ratio)
    assert found.value == pytest.approx(x.sum() / y.sum())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


@pytest.mark.parametrize("kind", ["few distinct", "alone", "grouped"])
def test_resamples_have_the_mean_and_the_spread_of_sums_of_independent_rows(kind):
    random = np.random.default_rng(1)
    count = 2 * MOST_GROUPS + 77 if kind == "grouped" else 500
    rows = random.normal(3, 2, (count, 3))
    rows = np.round(rows[:, :1]) if kind == "few distinct" else rows
    sums = resample_sums(rows, 1, random)
    assert sums.shape == (2000, rows.shape[1])
    np.testing.assert_allclose(sums.mean(axis=0), rows.sum(axis=0), rtol=0.01)
    np.testing.assert_allclose(sums.std(axis=0), rows.std(axis=0) * np.sqrt(count), rtol=0.08)


def test_ninety_five_intervals_in_a_hundred_hold_the_truth_of_independent_rows():
    random = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        found = Bootstrap({"x": (random.random(150) < 0.3).astype(float)}).estimate(mean)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 198


def test_blocks_hold_the_truth_of_a_series_where_single_rows_do_not():
    random = np.random.default_rng(3)
    held = {1: 0, 50: 0}
    for _ in range(100):
        noise = random.normal(size=1500)
        for row in range(1, len(noise)):
            noise[row] += 0.9 * noise[row - 1]
        for block in held:
            found = Bootstrap({"x": noise}, block).estimate(mean)
            held[block] += found.low <= 0 <= found.high
    assert held[50] >= 85
    assert held[1] <= 60


def test_statistics_share_their_resamples():
    random = np.random.default_rng(4)
    x = random.normal(10, 1, 400)
    bootstrap = Bootstrap({"x": x, "y": 2 * x})
    found = bootstrap.estimate(ratio)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    one, two = bootstrap.estimate_each(lambda sums: np.stack([mean(sums), 2 * mean(sums)], axis=1))
    assert (two.low, two.high) == pytest.approx((2 * one.low, 2 * one.high))
    assert Bootstrap({"x": x}, seed=1).estimate(mean) != Bootstrap({"x": x}, seed=2).estimate(mean)
    assert Bootstrap({"x": x}, seed=1).estimate(mean) == Bootstrap({"x": x}, seed=1).estimate(mean)


@pytest.mark.parametrize(("count", "block"), [(1, 1), (9, 1), (99, 10)])
def test_fewer_than_ten_blocks_claim_nothing(count, block):
    found = Bootstrap({"x": np.full(count, 2.0)}, block).estimate(mean)
    assert found.to_dict() == {"value": 2.0, "low": None, "high": None}
    assert Bootstrap({"x": np.full(10 * block, 2.0)}, block).estimate(mean).to_dict()["low"] == 2.0


def test_what_is_not_defined_is_none_and_resamples_without_it_do_not_count():
    y = np.zeros(40)
    assert Bootstrap({"x": y, "y": y}).estimate(ratio).to_dict() == {"value": None, "low": None, "high": None}
    y[0] = 1  # a third of the resamples lacks this row
    found = Bootstrap({"x": y, "y": y}).estimate(ratio)
    assert (found.value, found.low, found.high) == (1, 1, 1)
    assert Estimate(-np.inf, -np.inf, 0.5).to_dict() == {"value": None, "low": None, "high": 0.5}


def hits(sums):
    return sums["x"]


def rows(sums):
    return sums["rows"]


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("count", [20, 113, 5000])
def test_a_fraction_without_spread_has_wilsons_interval(value, count):
    """Its bounds are the true fractions that lie z standard errors from the one observed."""
    found = Bootstrap({"x": np.full(count, value)}).estimate_fraction(hits, rows)
    assert found.value == value
    end = found.low if value else found.high
    assert abs(value - end) / np.sqrt(end * (1 - end) / count) == pytest.approx(1.96, rel=1e-4)
    assert (found.high if value else found.low) == value


def test_fractions_of_a_shared_whole_each_have_an_interval():
    held = np.stack([np.ones(50), np.zeros(50), np.arange(50) % 2], axis=1)
    shared = Bootstrap({"x": held}).estimate_fractions(hits, lambda sums: sums["rows"][:, None])
    assert [each.value for each in shared] == [1, 0, 0.5]
    assert shared[0] == fill_flat(Estimate(1.0, 1.0, 1.0), 50)
    assert shared[1] == fill_flat(Estimate(0.0, 0.0, 0.0), 50)


def test_a_fraction_with_spread_keeps_its_bootstrap_and_blocks_count_as_one():
    x = (np.random.default_rng(0).random(200) < 0.5).astype(float)
    bootstrap = Bootstrap({"x": x})
    assert bootstrap.estimate_fraction(hits, rows) == bootstrap.estimate(mean)
    whole = Bootstrap({"x": np.ones(1000)}, 50).estimate_fraction(hits, rows)
    assert whole == fill_flat(Estimate(1.0, 1.0, 1.0), 20)
    few = Bootstrap({"x": np.ones(5)}).estimate_fraction(hits, rows)
    assert np.isnan([few.low, few.high]).all()

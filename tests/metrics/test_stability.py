"""The population stability index by hand, and what of it is chance next to its known distribution."""

import numpy as np
import pytest

from seqconv.metrics.stability import chance_levels, chance_of, stability_index


def test_the_index_is_the_sum_of_its_terms():
    before, now = np.array([500, 300, 200]), np.array([400, 300, 300])
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])
    wanted = (-0.1) * np.log(0.8) + 0 + 0.1 * np.log(1.5)
    assert stability_index(before, now) == pytest.approx(wanted, rel=0.01)  # half a count is added to each bin
    assert wanted == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert stability_index(before, before * 3) == pytest.approx(0, abs=1e-6)
    assert stability_index(before, now) == pytest.approx(stability_index(now, before))


def test_an_empty_bin_is_a_rare_one_and_not_infinitely_far():
    found = stability_index(np.array([1000, 0]), np.array([900, 100]))
    assert 0.25 < found < 1


def test_of_independent_values_chance_is_that_of_the_chi_squared_distribution():
    """Reference: the index times n m / (n + m) is about chi-squared with one degree of freedom less than bins."""
    random = np.random.default_rng(0)
    bins = random.integers(0, 10, 100_000)
    levels = chance_levels(bins, 10, np.arange(1, 100_001))
    assert len(levels) == 16
    for power in (8, 10, 12):
        length = 2**power
        assert levels[power] == pytest.approx(16.92 / length, rel=0.35)  # the 95 % quantile, 9 degrees
    assert levels[3] > levels[8] > levels[13]


def test_of_a_slow_series_a_short_stretch_differs_from_the_whole():
    slow = (np.sin(np.arange(8760) * 2 * np.pi / 8760) > 0).astype(np.int64)  # one wave
    levels = chance_levels(slow, 2, np.arange(1, 8761))
    assert levels[10] > 1  # six weeks lie in one half
    mixed = chance_levels(np.random.default_rng(0).permutation(slow), 2, np.arange(1, 8761))
    assert mixed[10] < 0.02


def test_examples_of_several_values_are_counted_whole():
    ends = np.cumsum([3, 1, 2, 4])
    bins = np.array([0, 0, 0, 1, 0, 0, 1, 1, 1, 1])
    levels = chance_levels(bins, 2, ends)
    whole = np.bincount(bins)
    each = [stability_index(whole, np.array(part)) for part in ([3, 0], [0, 1], [2, 0], [0, 4])]
    assert levels[0] == pytest.approx(np.quantile(each, 0.95))
    assert chance_of(levels, 4, 1) == levels[0]
    assert chance_of(levels, 4, 1000) == pytest.approx(levels[-1], rel=0.02)
    assert levels[1] <= chance_of(levels, 4, 3) <= levels[0]


def test_two_independent_sets_differ_by_chance_as_is_told():
    """New sets of the same distribution exceed what is told about as often as one in twenty."""
    random = np.random.default_rng(3)
    above = []
    for _ in range(40):
        before = random.integers(0, 8, 600)
        levels, whole = chance_levels(before, 8, np.arange(1, 601)), np.bincount(before, minlength=8)
        now = [np.bincount(random.integers(0, 8, 400), minlength=8) for _ in range(25)]
        above += [stability_index(whole, each) > chance_of(levels, 600, 400) for each in now]
    assert 0.01 < np.mean(above) < 0.12

"""Losses against hand-worked values; the paired interval against a plain bootstrap, and its coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from seqconv.metrics.bootstrap import paired_interval
from seqconv.networks.losses import example_losses


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


@given(st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=1, max_size=30))
def test_binary_cross_entropy_is_that_of_the_probabilities(rows):
    logits = np.array([[logit] for logit, _ in rows])
    targets = column(*(label for _, label in rows))
    probabilities = 1 / (1 + np.exp(-logits))
    expected = log_loss(targets[:, 0], np.hstack([1 - probabilities, probabilities]), labels=[0, 1])
    assert example_losses(logits, targets, "binary_crossentropy").mean() == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 20), st.integers(2, 7), st.integers(0, 1000))
def test_categorical_cross_entropy_is_that_of_the_softmax(count, classes, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 5, (count, classes))
    targets = random.integers(0, classes, count, dtype=np.int32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = example_losses(logits, targets, "categorical_crossentropy")
    np.testing.assert_allclose(found, -np.log(shares[np.arange(count), targets]), rtol=1e-6, atol=1e-12)


def test_huge_logits_give_finite_losses():
    assert example_losses(column(1e4, -1e4), column(0, 1), "binary_crossentropy") == pytest.approx([1e4, 1e4])
    logits = np.array([[1e4, 0, -1e4]] * 2, np.float32)
    found = example_losses(logits, np.array([0, 2], np.int32), "categorical_crossentropy")
    assert found == pytest.approx([0, 2e4])


def test_the_as_printed_loss_is_that_of_keras_2():
    outputs, targets = column(0.8, 1.6, -3, 2, 0.5, 0.49), column(1, 1, 1, 0, 0, 0)
    losses = example_losses(outputs, targets, "as_printed")
    # float32 clips at 1 - 2**-23, so the two ends are not alike
    ends = -np.log1p(-(2.0**-23)), -np.log(1e-7), -np.log(2.0**-23)
    assert losses == pytest.approx([-np.log(0.8), *ends, -np.log(0.5), -np.log(0.51)], rel=1e-6)


@pytest.mark.parametrize(("loss", "expected"), [("mae", [0.5, 3]), ("mse", [0.25, 9]), ("huber", [0.125, 2.5])])
def test_forecast_losses(loss, expected):
    assert example_losses(column(1.5, -1), column(1, 2), loss) == pytest.approx(expected)


def test_a_forecast_of_several_values_counts_their_mean():
    outputs, targets = np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]])
    assert example_losses(outputs, targets, "mae").tolist() == [2]


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="unknown loss 'hinge'"):
        example_losses(column(1), column(1), "hinge")


def autocorrelated(random: np.random.Generator, count: int, memory: float) -> np.ndarray:
    noise = random.normal(size=count)
    for row in range(1, count):
        noise[row] += memory * noise[row - 1]
    return noise


def test_interval_is_the_same_for_the_same_seed():
    random = np.random.default_rng(0)
    ours, theirs = random.random(500), random.random(500)
    for block in (1, 24):
        assert paired_interval(ours, theirs, block, 3) == paired_interval(ours, theirs, block, 3)
        assert paired_interval(ours, theirs, block, 3) != paired_interval(ours, theirs, block, 4)


def test_interval_of_single_examples_is_that_of_a_plain_bootstrap():
    random = np.random.default_rng(1)
    ours, theirs = (random.random(400) < 0.2).astype(float), (random.random(400) < 0.3).astype(float)
    rows = random.integers(0, 400, (20000, 400))
    low, high = np.quantile(1 - ours[rows].sum(axis=1) / theirs[rows].sum(axis=1), [0.025, 0.975])
    improvement, found_low, found_high = paired_interval(ours, theirs, 1, 0)
    assert improvement == 1 - ours.mean() / theirs.mean()
    assert [found_low, found_high] == pytest.approx([low, high], abs=0.02)


def test_interval_in_blocks_is_that_of_a_plain_block_bootstrap():
    random = np.random.default_rng(2)
    ours = np.abs(autocorrelated(random, 600, 0.9))
    theirs = ours + 0.3 * np.abs(autocorrelated(random, 600, 0.9))
    starts = random.integers(0, 600, (5000, 20))
    rows = (starts[..., None] + np.arange(30)).reshape(5000, 600) % 600
    low, high = np.quantile(1 - ours[rows].mean(axis=1) / theirs[rows].mean(axis=1), [0.025, 0.975])
    assert paired_interval(ours, theirs, 30, 0)[1:] == pytest.approx((low, high), abs=0.01)


def test_blocks_keep_the_promise_of_95_percent_where_short_ones_break_it():
    random = np.random.default_rng(3)
    held = {5: 0, 50: 0}
    for _ in range(100):
        # both err by the same shared weather; the truth is that neither is better
        ours, theirs = (np.exp(0.3 * autocorrelated(random, 1000, 0.9)) for _ in range(2))
        for block in held:
            _, low, high = paired_interval(ours, theirs, block, 0)
            held[block] += low <= 0 <= high
    assert held[50] >= 85
    assert held[5] <= 80


def test_nothing_is_claimed_from_too_few_blocks():
    ours, theirs = np.full(99, 0.1), np.full(99, 1.0)
    assert paired_interval(ours, theirs, 10, 0) == (pytest.approx(0.9), -np.inf, np.inf)
    assert paired_interval(ours, theirs, 9, 0) == pytest.approx((0.9, 0.9, 0.9))
    assert paired_interval(ours[:1], theirs[:1], 1, 0)[1:] == (-np.inf, np.inf)


def test_a_baseline_without_error_cannot_be_beaten():
    assert paired_interval(np.ones(50), np.zeros(50), 1, 0) == (-np.inf, -np.inf, -np.inf)
    assert paired_interval(np.zeros(50), np.zeros(50), 1, 0) == (0, 0, 0)


@settings(max_examples=30)
@given(st.integers(20, 200), st.integers(1, 12), st.integers(0, 99), st.floats(0.01, 100))
def test_interval_does_not_depend_on_the_unit_and_holds_the_improvement_of_equal_shares(count, block, seed, unit):
    random = np.random.default_rng(seed)
    theirs = random.random(count) + 0.1
    improvement, low, high = paired_interval(0.8 * theirs, theirs, block, seed)
    assert improvement == pytest.approx(0.2)
    if np.isfinite(low):
        assert (low, high) == pytest.approx((0.2, 0.2))
        assert paired_interval(0.8 * unit * theirs, unit * theirs, block, seed) == pytest.approx((0.2, 0.2, 0.2))

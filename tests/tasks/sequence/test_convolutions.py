"""Features of random kernels against slow definitions in float64, on any threads, for any lengths and channels."""

from itertools import combinations

import numpy as np
import pytest

from seqconv.tasks.sequence.convolutions import (
    KERNELS,
    POOLS,
    choose_dilations,
    draw_hydra,
    fit_multirocket,
)
from seqconv.tasks.sequence.views import STEPS, View


def draw(count, channels, length, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, channels, length)).cumsum(axis=2)
    return np.ascontiguousarray(values, np.float32)


TAPS = np.array(list(combinations(range(9), 3)))  # the three of each kernel that are 2 instead of -1


def convolve(x, kernel, dilation, padded):
    """The values of one kernel over a sequence x `[L]`; without padding only where the kernel fits, if anywhere."""
    edge = 4 * dilation
    around = np.pad(x.astype(np.float64), edge)
    shifted = [around[tap * dilation : tap * dilation + len(x)] for tap in range(9)]
    y = 3 * sum(shifted[tap] for tap in TAPS[kernel]) - sum(shifted)
    return y if padded or len(x) <= 2 * edge else y[edge:-edge]


def pool(y, bias):
    """Fraction, mean, mean place and longest run of the values above a bias, as they are defined."""
    above = y > bias
    longest = run = 0
    for each in above:
        run = run + 1 if each else 0
        longest = max(longest, run)
    if not above.any():
        return [0, 0, -1, 0]
    return [above.mean(), (y[above] - bias).mean(), np.flatnonzero(above).mean() / len(y), longest / len(y)]


@pytest.mark.parametrize(("channels", "length"), [(1, 9), (1, 10), (1, 64), (1, 150), (3, 40), (12, 33)])
def test_multirocket_is_its_definition(channels, length):
    x, random = draw(4, channels, length), np.random.default_rng(1)
    starts = np.array([0, 0, length // 3, length - 1])
    kernels = fit_multirocket(STEPS, View(x, starts), 3 * KERNELS, POOLS, random, 1)
    found = kernels.transform(View(x, starts), 1).reshape(len(x), -1, POOLS)
    place = begin = 0
    for number, (dilation, count) in enumerate(zip(kernels.dilations, kernels.bias_counts, strict=True)):
        for kernel in range(KERNELS):
            own = kernels.channels[begin : begin + kernels.channel_counts[number, kernel]]
            begin += len(own)
            for row in range(len(x)):
                total = x[row, own, starts[row] :].astype(np.float64).sum(axis=0)
                y = convolve(total, kernel, int(dilation), (kernel + number) % 2 == 0)
                for bias in range(place, place + count):
                    near = np.abs(y - kernels.biases[bias]).min() < 1e-4  # a rounding decides on which side it lies
                    if not near:
                        np.testing.assert_allclose(
                            found[row, bias], pool(y, float(kernels.biases[bias])), rtol=2e-4, atol=2e-4
                        )
            place += count
    assert place == len(kernels.biases)


@pytest.mark.parametrize(("channels", "length"), [(1, 12), (1, 150), (3, 40)])
def test_a_bias_is_a_quantile_of_its_kernel_on_one_training_sequence(channels, length):
    x, starts = draw(5, channels, length), np.array([0, 0, 0, length // 3, length // 2])
    kernels = fit_multirocket(STEPS, View(x, starts), 4 * KERNELS, POOLS, np.random.default_rng(3), 1)
    place = begin = 0
    for number, (dilation, count) in enumerate(zip(kernels.dilations, kernels.bias_counts, strict=True)):
        for kernel in range(KERNELS):
            own = kernels.channels[begin : begin + kernels.channel_counts[number, kernel]]
            begin += len(own)
            fractions = np.arange(place + 1, place + 1 + count) * (1 + np.sqrt(5)) / 2 % 1
            every = [
                np.quantile(
                    convolve(each[own, start:].sum(axis=0), kernel, int(dilation), (kernel + number) % 2 == 0),
                    fractions,
                )
                for each, start in zip(x, starts, strict=True)
            ]
            apart = np.abs(np.array(every) - kernels.biases[place : place + count]).max(axis=1)
            assert apart.min() < 1e-3
            place += count


@pytest.mark.parametrize(("channels", "length"), [(1, 9), (1, 17), (1, 100), (4, 31)])
def test_hydra_is_its_definition(channels, length):
    x, starts = draw(3, channels, length), np.array([0, 0, length // 2])
    hydra = draw_hydra(STEPS, View(x, starts), 5, np.random.default_rng(2))
    found = hydra.transform(View(x, starts), 1).reshape(3, len(hydra.dilations), 5, 2, 8)
    begin = 0
    for number, dilation in enumerate(hydra.dilations):
        for group in range(5):
            own = hydra.channels[begin : begin + hydra.channel_counts[number, group]]
            begin += len(own)
            for row in range(3):
                total = x[row, own, starts[row] :].astype(np.float64).sum(axis=0)
                padded = np.pad(total, 4 * dilation)
                taps = np.stack([padded[tap * dilation : tap * dilation + len(total)] for tap in range(9)])
                y = hydra.weights[number, group].T.astype(np.float64) @ taps  # [8, L]
                highest, lowest = y.argmax(axis=0), y.argmin(axis=0)
                sums = np.bincount(highest, y.max(axis=0), 8)
                expected = np.sqrt(np.maximum([sums, np.bincount(lowest, minlength=8)], 0))
                np.testing.assert_allclose(found[row, number, group], expected, rtol=1e-3, atol=2e-2)


def test_any_threads_give_the_same_bits():
    x, starts = draw(37, 2, 60), np.zeros(37, np.int64)
    kernels = fit_multirocket(STEPS, View(x, starts), 1000, POOLS, np.random.default_rng(0), 1)
    hydra = draw_hydra(STEPS, View(x, starts), 4, np.random.default_rng(0))
    for threads in (2, 5):
        again = fit_multirocket(STEPS, View(x, starts), 1000, POOLS, np.random.default_rng(0), threads)
        np.testing.assert_array_equal(again.biases, kernels.biases)
    for each in (kernels, hydra):
        one = each.transform(View(x, starts), 1)
        assert one.shape == (37, each.count)
        for threads in (2, 5):
            np.testing.assert_array_equal(each.transform(View(x, starts), threads), one)


@pytest.mark.parametrize(("channels", "length", "biases"), [(1, 50, 500), (3, 64, 84), (2, 700, 84 * 40)])
def test_minirocket_has_the_first_pool_alone(channels, length, biases):
    seen = View(draw(4, channels, length), np.array([0, 0, 3, length - 1]))
    four, one = (fit_multirocket(STEPS, seen, biases, pools, np.random.default_rng(0), 1) for pools in (POOLS, 1))
    np.testing.assert_array_equal(one.transform(seen, 1), four.transform(seen, 1)[:, ::POOLS])


@pytest.mark.parametrize("features", [1, 7, 74, 119])
@pytest.mark.parametrize("length", [1, 9, 24, 500, 2000])
def test_every_kernel_has_its_features(length, features):
    dilations, counts = choose_dilations(length, features)
    assert counts.sum() == features
    assert (np.diff(dilations) > 0).all()
    assert dilations[0] == 1
    assert 8 * dilations[-1] < max(length, 9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dilations": [0]}, "dilations: must be at least 1"),
        ({"dilations": [61]}, "dilations: must be in"),
        ({"starts": [60]}, "starts: must be in"),
        ({"channels": [9] * 84}, "channels: must be in"),
        ({"channel_counts": [[0] * 84]}, "channel_counts: must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    from dataclasses import replace

    x, starts = draw(1, 1, 60), np.zeros(1, np.int64)
    kernels = fit_multirocket(STEPS, View(x, starts), KERNELS, POOLS, np.random.default_rng(0), 1)
    changed = {
        name: np.array(values, getattr(kernels, name).dtype) for name, values in change.items() if name != "starts"
    }
    starts = np.array(change.get("starts", [0]), np.int64)
    with pytest.raises(ValueError, match=says):
        replace(kernels, **changed).transform(View(x, starts), 1)

"""Baselines for sequences: DTW and kernels against slow definitions, lengths that differ, published scores."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.data.readers.sequences import read_sequences
from seqconv.data.records import SequenceData, Sequences
from seqconv.recipes.examples import SequenceConfig
from seqconv.recipes.recipe import Recipe
from seqconv.recipes.sections import NetworkConfig, SequenceDataConfig, TrainingConfig
from seqconv.tasks.examples import Split
from seqconv.tasks.scoring import Baseline, fit_baselines
from seqconv.tasks.sequence import baselines as sequences
from seqconv.tasks.sequence import dtw, ridge_blend, rocket
from seqconv.tasks.sequence.split import split_sequences
from seqconv.tasks.sequence.task import SEQUENCE

BLEND = "MultiRocket-Hydra + QUANT"


def cut(train: Sequences, test: Sequences, validation: Sequences | None = None, length: int = 0) -> Split:
    config = SequenceDataConfig(source="sequences")
    recipe = Recipe(
        name="sequences",
        description="",
        data=config,
        features=SequenceConfig(length=length),
        network=NetworkConfig(),
        training=TrainingConfig(),
    )
    return split_sequences(SequenceData(train, test, validation), recipe)


def waves(count: int, seed: int, lengths: tuple[int, int], classes: int = 2, channels: int = 1) -> Sequences:
    """The class is the number of periods in the first channel, anywhere; the others tell nothing."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % classes
    sizes = random.integers(lengths[0], lengths[1] + 1, count)
    found = []
    for label, size in zip(labels, sizes, strict=True):
        values = random.normal(0, 0.2, (size, channels))
        values[:, 0] += np.sin(2 * np.pi * (np.arange(size) / 20 * (label + 1) + random.uniform(0, 0.1)))
        found.append(values)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    names = tuple("abcdefg"[:classes])
    return Sequences(np.concatenate(found).astype(np.float32), offsets, labels, names, tuple("xyz"[:channels]), "waves")


@pytest.mark.parametrize(("classes", "channels", "lengths"), [(2, 1, (40, 40)), (3, 2, (40, 40)), (3, 3, (25, 40))])
def test_baselines_come_in_order_and_learn(classes, channels, lengths):
    split = cut(*(waves(count, seed, lengths, classes, channels) for seed, count in enumerate((45, 60, 30))))
    heard: list[str] = []
    found = fit_baselines(SEQUENCE, split, heard.append)
    assert [each.name for each in found] == heard == ["majority class", "1-NN with dynamic time warping", BLEND]
    for each in found:
        assert each.test_outputs.shape == (60, 1 if classes == 2 else classes)
        assert np.isfinite(each.test_outputs).all()
    majority, neighbour, kernels = (each.test for each in found)
    assert majority["accuracy"] == pytest.approx(1 / classes)
    assert min(neighbour["accuracy"], kernels["accuracy"]) > 0.9
    assert max(neighbour["loss"], kernels["loss"]) < 0.5 * majority["loss"]


def slow_dtw(first: np.ndarray, second: np.ndarray, band: int) -> float:
    sums = np.full((len(first) + 1, len(second) + 1), np.inf)
    sums[0, 0] = 0
    for i in range(len(first)):
        for j in range(len(second)):
            if abs(i - j) <= band:
                step = np.sum((first[i] - second[j]) ** 2)
                sums[i + 1, j + 1] = step + min(sums[i, j], sums[i, j + 1], sums[i + 1, j])
    return math.sqrt(sums[-1, -1])


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 12), st.integers(1, 3))
def test_dtw_is_its_definition(seed, length, band, channels):
    random = np.random.default_rng(seed)
    first, second = (random.normal(size=(count, length, channels)).astype(np.float32) for count in (3, 4))
    none = np.zeros(4, np.int64)
    found = dtw.pairwise_distances(first, none[:3], second, none, band)
    expected = [[slow_dtw(one, two, band) for two in second] for one in first]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    if band == 0:
        np.testing.assert_allclose(found, np.sqrt(((first[:, None] - second) ** 2).sum(axis=(2, 3))), rtol=1e-4)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 10), st.integers(1, 2))
def test_dtw_of_sequences_of_different_lengths(seed, length, channels):
    random = np.random.default_rng(seed)
    parts = []
    for count in (3, 4):
        starts = random.integers(0, length, count)
        values = random.normal(size=(count, length, channels)).astype(np.float32)
        values[np.arange(length) < starts[:, None]] = 0
        parts.append((values, starts))
    (first, starts), (second, others) = parts
    expected = [
        [slow_dtw(one[start:], two[other:], length) for two, other in zip(second, others, strict=True)]
        for one, start in zip(first, starts, strict=True)
    ]
    np.testing.assert_allclose(
        dtw.pairwise_distances(first, starts, second, others, length), expected, rtol=1e-4, atol=1e-4
    )


def test_blocks_of_pairs_change_nothing(monkeypatch):
    values = np.random.default_rng(0).normal(size=(90, 15, 2)).astype(np.float32)
    none = np.zeros(90, np.int64)
    whole = dtw.pairwise_distances(values, none, values, none, 4)
    np.testing.assert_array_equal(whole, whole.T)
    monkeypatch.setattr(dtw, "BLOCK", 1)
    monkeypatch.setattr(dtw, "COLUMNS", 7)
    np.testing.assert_array_equal(dtw.pairwise_distances(values, none, values, none, 4), whole)


def test_a_class_without_training_sequences_is_far():
    inside = np.array([[True, False, False], [False, False, True]])
    found = dtw.nearest_by_class(np.array([[1.0, 2.0], [4.0, 3.0]]), inside)
    np.testing.assert_array_equal(found, [[1, 5, 2], [4, 5, 3]])


def test_dtw_that_costs_too_much_is_left_out_and_reported(monkeypatch):
    monkeypatch.setattr(dtw, "MOST_CELLS", 1000)
    heard: list[str] = []
    found = fit_baselines(
        SEQUENCE, cut(waves(20, 0, (30, 30)), waves(10, 1, (30, 30)), waves(6, 2, (30, 30))), heard.append
    )
    assert [each.name for each in found] == ["majority class", BLEND]
    assert heard[1].startswith("1-NN with dynamic time warping: skipped, 16 sequences against 20 of 30 steps")


def test_dtw_predicts_the_number_of_the_nearest_sequence():
    """Ramps of different slopes, delayed at random, so that a window of some steps is needed."""
    random = np.random.default_rng(0)

    def draw(count: int) -> Sequences:
        slopes, delays = 1 + random.random(count), random.integers(0, 4, count)
        steps = np.maximum(np.arange(24) - delays[:, None], 0) * slopes[:, None]
        offsets = np.arange(count + 1) * 24
        return Sequences(steps.reshape(-1, 1), offsets, 10 * slopes, (), ("x",), "ramps", number="slope")

    split = cut(draw(40), draw(30), draw(10))
    (found,) = fit_baselines(SEQUENCE, split, asked="dtw", others=False)
    assert isinstance(found.model, sequences.Dtw)
    band = found.model.band.item()
    values, starts = found.model.values, found.model.starts
    distances = dtw.pairwise_distances(values, starts, values, starts, band)
    np.fill_diagonal(distances, np.inf)
    errors = found.model.numbers[distances.argmin(axis=1)] - found.model.numbers
    assert dtw.add_squared_errors(values, starts, found.model.numbers, band) == pytest.approx((errors**2).sum())
    assert band > 0
    assert (errors**2).sum() < dtw.add_squared_errors(values, starts, found.model.numbers, 0)
    judged = split.test.inputs.gather(np.arange(30))
    nearest = [min(range(40), key=lambda row: slow_dtw(one, values[row], band)) for one in judged]
    np.testing.assert_array_equal(found.test_outputs, found.model.numbers[nearest])
    older = {name: array for name, array in found.model.arrays.items() if name != "numbers"}
    assert sequences.Dtw.complete(older)["numbers"].shape == (40, 0)


def test_the_window_is_learned_on_few_of_many(monkeypatch):
    split = cut(waves(60, 0, (30, 30)), waves(10, 1, (30, 30)), waves(6, 2, (30, 30)))
    seen = []
    monkeypatch.setattr(dtw, "count_errors", lambda values, *rest: seen.append(len(values)) or 0)
    fit_baselines(SEQUENCE, split)
    assert set(seen) == {60}
    seen.clear()
    monkeypatch.setattr(dtw, "MOST_CELLS", 60 * 16 * 30**2)
    fit_baselines(SEQUENCE, split)
    assert set(seen) == {dtw.affordable(30, 1)} < {*range(2, 60)}


def slow_features(sequence: np.ndarray, kernels: list[rocket.Kernels]) -> list[float]:
    """By the definition, with the sequence alone: no padding but that of the kernel."""
    found = []
    for weights, bias, dilation, padding in kernels:
        padded = np.pad(sequence, ((padding, padding), (0, 0)))
        steps = len(padded) - (len(weights) - 1) * dilation
        rows = np.arange(max(steps, 0))[:, None] + np.arange(len(weights)) * dilation
        y = np.einsum("tkc,kco->to", padded[rows].astype(np.float64), weights) + bias
        found += list((y > 0).mean(axis=0) if steps > 0 else np.zeros(len(bias)))
        found += list(y.max(axis=0) if steps > 0 else np.zeros(len(bias)))
    return found


@pytest.mark.parametrize(("length", "channels"), [(40, 1), (40, 3), (9, 2), (3, 1), (1, 2)])
def test_kernels_give_the_features_of_their_definition(length, channels, monkeypatch):
    random = np.random.default_rng(length)
    kernels = rocket.draw_kernels(60, length, channels, random)
    values = random.normal(size=(9, length, channels)).astype(np.float32)
    starts = random.integers(0, length, 9)
    values[np.arange(length) < starts[:, None]] = 0
    monkeypatch.setattr(rocket, "BLOCK", 500)
    for begins in (starts, np.zeros(9, np.int64)):
        expected = [slow_features(one[begin:], kernels) for one, begin in zip(values, begins, strict=True)]
        np.testing.assert_allclose(rocket.transform(values, begins, kernels), expected, rtol=1e-4, atol=1e-4)


def test_kernels_are_drawn_as_described():
    kernels = rocket.draw_kernels(20_000, 100, 4, np.random.default_rng(0))
    assert sum(len(each.bias) for each in kernels) == 20_000
    assert {each.weights.shape[:2] for each in kernels} == {(7, 4), (9, 4), (11, 4)}
    read = []
    for weights, bias, dilation, padding in kernels:
        reach = (len(weights) - 1) * dilation
        assert dilation >= 1
        assert reach <= 99
        assert padding in (0, reach // 2)
        assert np.abs(bias).max() <= 1
        np.testing.assert_allclose(weights.sum(axis=0), 0, atol=1e-5)
        read.append((weights != 0).any(axis=0).sum(axis=0))
    counts = np.bincount(np.concatenate(read))
    assert set(np.flatnonzero(counts)) == {1, 2, 3, 4}
    shares = counts[1:5] / 20_000  # of 2 ** u, u uniform up to log2(5)
    np.testing.assert_allclose(shares, np.log([2, 1.5, 4 / 3, 1.25]) / np.log(5), atol=0.02)
    padded = sum(len(each.bias) for each in kernels if each.padding)
    assert padded / 20_000 == pytest.approx(0.5, abs=0.02)


def test_large_data_take_fewer_kernels_and_rows(monkeypatch):
    assert rocket.affordable(50, 200, 150, 1) == rocket.KERNELS
    assert rocket.affordable(2001, 3000, 150, 1) == rocket.MOST_SOLVED // 2
    assert rocket.affordable(20_000, 10**6, 1000, 20) == rocket.FEWEST_KERNELS
    monkeypatch.setattr(sequences, "MOST_ROCKET_ROWS", 30)
    monkeypatch.setattr(rocket, "MOST_VALUES", 60 * 200)
    heard: list[str] = []
    split = cut(*(waves(count, seed, (30, 30)) for seed, count in enumerate((60, 40, 20))))
    (found,) = fit_baselines(SEQUENCE, split, heard.append, "rocket", others=False)
    assert heard == ["ROCKET", "ROCKET: 200 kernels of 10,000, fitted on 30 of 60"]
    assert found.test["accuracy"] > 0.9
    monkeypatch.setattr(ridge_blend, "MOST_ROWS", 30)
    monkeypatch.setattr(ridge_blend, "MOST_PRODUCTS", 30**2 * 2000)
    for kind, name in sequences.BLENDS.items():
        heard.clear()
        (found,) = fit_baselines(SEQUENCE, split, heard.append, kind, others=False)
        assert heard[0] == name
        assert heard[1].endswith("% of its features, fitted on 30 of 60")
        assert found.test["accuracy"] > 0.9
        assert len(found.model.arrays["weights"]) < 8000


def test_features_that_do_not_all_fit_in_memory_give_the_same(monkeypatch):
    split = cut(*(waves(count, seed, (20, 40), 3) for seed, count in enumerate((40, 40, 20))))
    kept = ridge_blend.fit_blend(split, "blend", size=0.1)
    monkeypatch.setattr(ridge_blend, "MOST_KEPT", 0)
    monkeypatch.setattr(ridge_blend, "CHUNK", 1)
    again = ridge_blend.fit_blend(split, "blend", size=0.1)
    for name, array in kept.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    np.testing.assert_allclose(again.predict(split.test.inputs), kept.predict(split.test.inputs), rtol=1e-9)


def test_more_rows_than_features_are_solved_by_feature():
    split = cut(*(waves(count, seed, (30, 30)) for seed, count in enumerate((700, 100, 20))))
    model = ridge_blend.fit_blend(split, "minirocket", size=0.01)
    assert len(model.weights) < 560
    right = split.features.target.choose(model.predict(split.test.inputs)) == split.test.targets[:, 0]
    assert right.mean() > 0.95


@pytest.mark.parametrize("kind", sequences.BLENDS)
def test_the_order_of_features_is_that_of_their_weights(kind):
    split = cut(*(waves(count, seed, (30, 40), 3, 2) for seed, count in enumerate((60, 30, 20))))
    model = ridge_blend.fit_blend(split, kind)
    own = model.predict(split.train.inputs)
    assert (split.features.target.choose(own) == split.train.targets).all()
    shuffled = replace(model, weights=np.roll(model.weights, 7, axis=0))
    assert not np.allclose(shuffled.predict(split.train.inputs), own, atol=0.1)


def test_padding_tells_nothing():
    # the same sequences, cut for a longer network input: only the padding is longer
    parts = [waves(count, seed, (20, 35)) for seed, count in enumerate((30, 30, 20))]
    found = [fit_baselines(SEQUENCE, cut(*parts, length=length)) for length in (35, 60)]
    for one, two in zip(*(each[1:2] for each in found), strict=True):
        np.testing.assert_allclose(one.test_outputs, two.test_outputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 3), (8, 8), (6, 12)])
def test_few_and_short_sequences_and_a_class_with_one(lengths):
    train, test = waves(7, 0, lengths, 3), waves(9, 1, lengths, 3)
    train.labels[:] = [0, 0, 0, 1, 1, 1, 2]
    train.values[:2], test.values[-1] = np.nan, np.nan  # missing
    found = fit_baselines(SEQUENCE, cut(train, test))
    assert len(found) == 3
    for each in found:
        assert each.test_outputs.shape == (9, 3)
        assert np.isfinite(each.test_outputs).all()
        assert each.test["loss"] < 10


def test_channels_count_in_the_units_that_tell_classes_apart():
    random = np.random.default_rng(0)
    parts = []
    for seed, count in enumerate((40, 40, 20)):
        part = waves(count, seed, (30, 30), channels=2)
        # far larger, and noise: in its own units it hides the first channel
        part.values[:, 1] = 1000 * random.normal(size=len(part.values))
        parts.append(part)
    neighbour = fit_baselines(SEQUENCE, cut(*parts))[1]
    assert neighbour.test["accuracy"] > 0.8
    huge = [replace(part, values=part.values * np.float32(1e14)) for part in parts]
    np.testing.assert_allclose(
        fit_baselines(SEQUENCE, cut(*huge))[1].test_outputs, neighbour.test_outputs, rtol=1e-3, atol=1e-3
    )


def test_confidence_is_bounded_by_the_validation_rows():
    split = cut(*(waves(count, seed, (40, 40)) for seed, count in enumerate((40, 40, 10))))
    for each in fit_baselines(SEQUENCE, split)[1:]:
        assert each.validation["accuracy"] == 1
        assert np.abs(each.test_outputs).mean() < 2 * np.log(11)


PUBLISHED = {  # 1-NN with a learned window or the whole square, mean of ROCKET
    "GunPoint": (0.913, 1.0),
    "ItalyPowerDemand": (0.955, 0.970),
    "BasicMotions": (0.975, 1.0),
    "JapaneseVowels": (0.949, 0.985),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_scores(real_data, name):
    train, test = (read_sequences(real_data / "ucr" / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    found: Sequence[Baseline] = fit_baselines(SEQUENCE, cut(train, test, validation=test))  # fitted on all of TRAIN
    scores = [each.test["accuracy"] for each in found[1:]]
    assert scores[0] == pytest.approx(PUBLISHED[name][0], abs=6e-4)
    assert scores[1] > PUBLISHED[name][1] - 6e-3
    split = cut(train, test, validation=test)
    (kernels,) = fit_baselines(SEQUENCE, split, asked="rocket", others=False)
    assert kernels.test["accuracy"] == pytest.approx(PUBLISHED[name][1], abs=6e-3)

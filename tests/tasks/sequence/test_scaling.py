"""Channels that never change, that lack values, or whose values are large."""

import warnings

import numpy as np
import pytest

from seqconv.data.frames import to_sequences
from seqconv.data.records import SequenceData
from seqconv.errors import DataError
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.sequence.features import fit_scaler
from seqconv.tasks.sequence.split import split_sequences

WAVES = np.random.default_rng(0).normal(size=(40, 12, 2))
LABELS = np.arange(40) % 2


def split(values: np.ndarray):
    data = SequenceData(to_sequences(values, LABELS, "made"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return split_sequences(data, read_recipe("ucr", ("data.source=made",)))


@pytest.mark.parametrize("value", [3.0, 0.0, 1e8, np.nan])
def test_a_channel_that_never_changes_is_of_no_use_and_does_no_harm(value):
    values = WAVES.copy()
    values[..., 1] = value
    found, alone = split(values), split(WAVES[..., :1])
    inputs, only = (each.train.inputs.gather(np.arange(5)) for each in (found, alone))
    np.testing.assert_array_equal(inputs[..., 1], 0)
    np.testing.assert_array_equal(inputs[..., :1], only)
    assert found.features.scaler.std[1] == 1
    assert "'channel 2' never changes in the training rows: of no use" in found.facts["notes"]


def test_channels_that_all_never_change_are_refused():
    with pytest.raises(DataError, match="made: must have a channel that varies in the training rows"):
        split(np.ones((40, 12, 2)))


@pytest.mark.parametrize(("centre", "size"), [(1e8, 1.0), (-1e12, 3.0), (0.0, 1e30), (0.0, 1e-30)])
def test_what_varies_is_seen_wherever_its_values_are(centre, size):
    found = split(centre + size * WAVES).train.inputs.gather(np.arange(20))
    np.testing.assert_allclose(found, split(WAVES).train.inputs.gather(np.arange(20)), atol=2e-3)


def test_plain_values_are_scaled_in_float32():
    values = WAVES.reshape(-1, 2)
    scaler = fit_scaler(values)
    np.testing.assert_array_equal(scaler.mean, values.astype(np.float32).mean(axis=0, dtype=np.float64))
    features = split(WAVES).features
    steps = WAVES[0].astype(np.float32)
    expected = ((steps - features.scaler.mean) / features.scaler.std).astype(np.float32)
    np.testing.assert_array_equal(features.inputs(to_sequences(WAVES[:1])).gather(np.arange(1))[0], expected)


def test_values_far_beyond_those_of_training_are_refused():
    with pytest.raises(DataError, match="'channel 2' holds values far beyond"):
        split(WAVES * 1e-8).features.inputs(to_sequences(np.full((1, 12, 2), [0, 1e38])))

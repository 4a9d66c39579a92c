"""Sequences of different lengths, split and padded."""

import numpy as np

from seqconv.data.records import SequenceData, Sequences
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.examples import merge_validation
from seqconv.tasks.sequence.split import split_sequences


def sequences(lengths: list[int], channels: int = 2) -> Sequences:
    """Row r of sequence n holds n in channel 0 and r in the others."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = [[n, *[r] * (channels - 1)] for n, length in enumerate(lengths) for r in range(length)]
    labels = np.arange(len(lengths), dtype=np.int32) % 2
    names = tuple(f"channel {n}" for n in range(channels))
    return Sequences(np.array(rows, np.float32), offsets, labels, ("x", "y"), names, "made.ts")


def test_sequences_of_different_lengths_end_where_their_window_ends():
    recipe = recipe_from_dict({"task": "sequence", "data": {"source": "x"}})
    test = sequences([3, 9, 5])
    split = split_sequences(SequenceData(sequences([4, 6] * 10), test), recipe)
    features = split.features
    assert (features.length, features.masked, split.test.inputs.shape) == (6, True, (6, 3))
    windows = split.test.inputs.gather(np.arange(3))
    assert windows[0, :, -1].tolist() == [0, 0, 0, 1, 1, 1]
    assert not windows[0, :3].any()
    np.testing.assert_allclose(windows[0, 3:, 1], features.scaler.scale(test.values)[:3, 1])
    # the longer one lost its beginning
    np.testing.assert_allclose(windows[1, :, 1], features.scaler.scale(test.values)[6:12, 1])
    merged = merge_validation(split)
    both = merged.train.inputs.gather(np.arange(len(merged.train.targets)))
    parts = [part.inputs.gather(np.arange(len(part.targets))) for part in (split.train, split.validation)]
    np.testing.assert_array_equal(both, np.concatenate(parts))

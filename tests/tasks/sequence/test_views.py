"""Views of sequences against their definitions, also of lengths that differ."""

import numpy as np
import pytest

from seqconv.tasks.sequence.views import DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM, STEPS, View


def pad(sequences: list[np.ndarray]) -> View:
    """Sequences `[C, steps]` as a view, zeros in front."""
    length = max(each.shape[1] for each in sequences)
    values = np.zeros((len(sequences), len(sequences[0]), length), np.float32)
    for row, each in zip(values, sequences, strict=True):
        row[:, length - each.shape[1] :] = each
    return View(values, np.array([length - each.shape[1] for each in sequences]))


def draw(*lengths: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(3, 1, (2, length)).astype(np.float32) for length in lengths]


@pytest.mark.parametrize(("view", "times"), [(DIFFERENCES, 1), (SECOND_DIFFERENCES, 2)])
def test_differences_are_of_neighbouring_steps(view, times):
    sequences = draw(9, 9, 5, 4)
    seen = pad(sequences).see(view)
    assert seen.length == 9 - times
    for row, start, each in zip(seen.values, seen.starts, sequences, strict=True):
        np.testing.assert_array_equal(row[:, start:], np.diff(each, times, axis=1))
        assert not row[:, :start].any()


def test_a_spectrum_is_of_the_sequence_without_its_mean_at_the_frequencies_of_the_longest():
    sequences = draw(16, 16, 11, 1)
    seen = pad(sequences).see(SPECTRUM)
    assert seen.length == 9
    assert not seen.starts.any()
    for row, each in zip(seen.values, sequences, strict=True):
        centred = each.astype(np.float64) - each.mean(axis=1, keepdims=True, dtype=np.float64)
        expected = np.abs(np.fft.rfft(centred, 16)) / np.sqrt(each.shape[1])
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("view", [STEPS, DIFFERENCES, SECOND_DIFFERENCES, SPECTRUM])
@pytest.mark.parametrize("lengths", [(1, 1), (2, 1), (3, 2, 1)])
def test_every_view_of_the_shortest_sequences_has_a_step(view, lengths):
    seen = pad(draw(*lengths)).see(view)
    assert seen.length >= 1
    assert (seen.starts < seen.length).all()
    assert np.isfinite(seen.values).all()

"""Sequences in numpy's files: axes told apart or asked for, padding, labels, and what is refused."""

import numpy as np
import pytest

from helpers.errors import fails
from seqconv.data.readers.sequence_tables import SequenceColumns
from seqconv.data.readers.sequences import read_sequences
from seqconv.errors import DataError
from seqconv.tasks.recognition import guess_task


@pytest.fixture
def save(tmp_path):
    def write(name: str = "a.npz", **arrays):
        path = tmp_path / name
        np.savez(path, **arrays) if name.endswith("z") else np.save(path, arrays["X"])
        return path

    return write


X = np.arange(24.0).reshape(2, 3, 4)  # two sequences


def test_both_orders_of_axes_are_the_same_sequences(save):
    wide = np.random.default_rng(0).normal(size=(5, 2, 9))
    first = read_sequences(save(X=wide, y=[0, 1, 1, 0, 2]))
    last = read_sequences(save("b.npz", x=wide.swapaxes(1, 2), labels=np.array(list("abbac"))))
    np.testing.assert_array_equal(first.values, last.values)
    np.testing.assert_array_equal(first.values, np.concatenate(wide.swapaxes(1, 2)))
    assert (first.classes, last.classes) == (("0", "1", "2"), ("a", "b", "c"))
    assert first.labels.tolist() == last.labels.tolist() == [0, 1, 1, 0, 2]
    assert first.offsets.tolist() == [0, 9, 18, 27, 36, 45]
    assert first.notes == ("read as 5 sequences with 2 channels of 9 steps",)
    assert guess_task(save(X=wide, y=[0] * 5), ())[0] == "sequence"


def test_axes_that_are_alike_are_asked_for(save):
    path = save(X=X, y=[0, 1])
    fails(read_sequences, path, "must tell channels from steps; got 3 by 4", "data.layout")
    np.testing.assert_array_equal(read_sequences(path, layout="channels last").values, np.concatenate(X))
    expected = np.concatenate(X.swapaxes(1, 2))
    np.testing.assert_array_equal(read_sequences(path, layout="channels first").values, expected)
    assert read_sequences(path, layout="channels first").settled == {"layout": "channels first"}
    # a model knows its channels
    np.testing.assert_array_equal(read_sequences(save("b.npy", X=X), labelled=False, channels=3).values, expected)


def test_one_channel_needs_no_third_axis_and_nan_is_missing_or_padding(save):
    x = np.array([[1, np.nan, 3, 4], [5, 6, np.nan, np.nan], [np.nan] * 4])
    found = read_sequences(save(X=x, y=np.array([2.0, 1.0, 2.0])))
    assert found.offsets.tolist() == [0, 4, 6, 7]
    np.testing.assert_array_equal(found.values[:, 0], [1, np.nan, 3, 4, 5, 6, np.nan])
    assert found.classes == ("1", "2")
    assert found.notes[1:] == ("lengths differ: 1 to 4 steps", "2 values missing")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": X[0]}, "must hold an array of labels, Y; it holds x"),
        ({"y": [0, 1]}, "must hold an array of values, X; it holds y"),
        ({"X": np.zeros((2, 2, 2, 2)), "y": [0, 1]}, "must hold numbers [N, L]"),
        ({"X": np.array(["a", "b"]), "y": [0, 1]}, "must hold numbers [N, L]"),
        ({"X": [[1.0, np.inf], [0, 1]], "y": [0, 1]}, "sequence 1: each value must be a finite number"),
        ({"X": [[1.0, 2], [0, 1]], "y": [0, 1, 1]}, "must hold one label for each of 2 sequences"),
        ({"X": [[1.0, 2], [0, 1]], "y": [np.nan, 1]}, "y must hold classes, or finite numbers to predict"),
        ({"X": np.array([[1], [None]], object), "y": [0, 1]}, "must be numpy arrays of numbers"),
    ],
)
def test_what_is_no_labelled_sequence_is_refused(save, arrays, says):
    fails(read_sequences, save(**arrays), says, error=DataError)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK\x03\x04 damaged")
    fails(read_sequences, path, "must be numpy arrays of numbers")
    fails(read_sequences, tmp_path / "no.npz", "No such file")


def test_labels_with_fractions_are_numbers_to_predict(save):
    found = read_sequences(save(X=[[1.0, 2], [0, 1]], y=[0.5, 1]))
    assert (found.number, found.labels.tolist(), found.classes) == ("y", [0.5, 1.0], ())
    asked = SequenceColumns(target="speed")
    found = read_sequences(save("b.npz", X=[[1.0, 2], [0, 1]], y=[3, 1]), columns=asked)
    assert (found.number, found.labels.tolist()) == ("speed", [3.0, 1.0])
    fails(lambda path: read_sequences(path, columns=asked), save("c.npz", X=[[1.0, 2]], y=["a"]), "a finite number")

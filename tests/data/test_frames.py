"""What is in memory becomes the same as what a file with it would."""

import numpy as np
import pandas
import polars
import pytest

import seqconv
from seqconv.data.frames import list_texts, split_times, to_sequences, to_series, to_texts
from seqconv.data.records import TextData
from seqconv.errors import SeqconvError
from seqconv.training.folder import Options


def fails(call, *parts):
    with pytest.raises(SeqconvError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("the data")
    for part in parts:
        assert part in message


@pytest.mark.parametrize("wrap", [list, tuple, np.array, pandas.Series, polars.Series, pandas.array])
def test_texts_and_labels(wrap):
    found = to_texts(wrap(["so", "la", "la"]), wrap(["b", "a", "b"]))
    assert (found.texts, found.classes) == (["so", "la", "la"], ("a", "b"))
    assert found.labels.tolist() == [1, 0, 1]
    assert found.labels.dtype == np.int32
    assert all(type(text) is str for text in found.texts)


def test_labels_that_are_numbers_are_sorted_as_numbers():
    assert to_texts(["x", "y", "z"], [10, 9, 10]).classes == ("9", "10")
    assert to_texts(["x", "y"], np.array([[1], [0]])).labels.tolist() == [1, 0]


@pytest.mark.parametrize("frame", [pandas.DataFrame, polars.DataFrame])
def test_several_labels_a_text(frame):
    found = to_texts(["x", "y"], frame({"red": [1, 1], "blue": [0, 1]}))
    assert found.classes == ("red", "blue")
    assert found.labels.tolist() == [[1, 0], [1, 1]]
    assert to_texts(["x", "y"], np.eye(2)).classes == ("0", "1")


def test_wrong_texts():
    fails(lambda: to_texts("text", ["a"]), "must be a list of texts; got one str")
    fails(lambda: to_texts(5, ["a"]), "got one int")
    fails(lambda: to_texts(["a", 1.5], [0, 1]), "row 2: must be a text; got 1.5")
    fails(lambda: to_texts(["a", None], [0, 1]), "row 2: must be a text; got None")
    fails(lambda: list_texts(pandas.DataFrame({"a": ["x"], "b": ["y"]})), "one column of texts; got 2")
    fails(lambda: to_texts(["a", "b"], [0]), "a label for each of 2 rows; got 1")
    fails(lambda: to_texts([], []), "a label for each of 0 row")
    fails(lambda: to_texts(["a", "b"], ["x", None]), "row 2: the label must not be missing")
    fails(lambda: to_texts(["a", "b"], [np.nan, 1.0]), "row 1: the label must not be missing")
    fails(lambda: to_texts(["a"], [[0, 2]]), "must hold only 0 and 1")


def test_sequences():
    values = np.arange(24.0).reshape(2, 4, 3)
    found = to_sequences(values, ["b", "a"])
    assert (found.channels, found.classes) == (("channel 1", "channel 2", "channel 3"), ("a", "b"))
    assert found.offsets.tolist() == [0, 4, 8]
    np.testing.assert_array_equal(found.values, values.reshape(8, 3))
    ragged = to_sequences([np.ones(2), np.full(3, np.nan)])
    assert (ragged.offsets.tolist(), len(ragged.labels), ragged.classes) == ([0, 2, 5], 0, ())


def test_wrong_sequences():
    fails(lambda: to_sequences([]), "there are no sequences")
    fails(lambda: to_sequences([[1.0], []]), "row 2: must be steps")
    fails(lambda: to_sequences([1.0, 2.0]), "row 1: must be steps [L] or [L, C]; got shape ()")
    fails(lambda: to_sequences([[1.0], [np.inf]]), "row 2: every value must be finite")
    fails(lambda: to_sequences([np.ones((2, 1)), np.ones((2, 2))]), "the same number of channels; got 1 and 2")
    fails(lambda: to_sequences(np.ones((2, 3)), [[0, 1], [1, 0]]), "one label; got 2")


HOURS = np.datetime64("2024-03-30T20:00") + np.arange(12) * np.timedelta64(1, "h")
VALUES = {"T": np.arange(12.0), "p": np.arange(12)}


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame(VALUES, index=HOURS.astype("datetime64[ns]")),
        pandas.DataFrame({"when": HOURS.astype("datetime64[ns]"), **VALUES}),
        pandas.DataFrame({"when": HOURS.astype(str), **VALUES}),
        pandas.DataFrame(VALUES, index=pandas.PeriodIndex(HOURS.astype("datetime64[ns]"), freq="h")),
        pandas.DataFrame({"when": HOURS.astype("datetime64[ns]"), **VALUES}).astype({"p": "Int64"}),
        polars.DataFrame({"when": HOURS.astype("datetime64[ms]"), **VALUES}),
        polars.DataFrame({"when": HOURS.astype(str), **VALUES}),
    ],
)
def test_series_of_frames(frame):
    found = to_series(frame)
    assert (found.times == HOURS).all()
    assert (found.columns, found.interval_s) == (("T", "p"), 3600)
    np.testing.assert_array_equal(found.values, np.stack([*VALUES.values()], axis=1))


def test_a_time_zone_is_kept_over_a_clock_change():
    frame = pandas.DataFrame(VALUES, index=pandas.DatetimeIndex(HOURS).tz_localize("UTC").tz_convert("Europe/Berlin"))
    found = to_series(frame)
    assert found.zone == "Europe/Berlin"
    assert (found.times == HOURS).all()
    fixed = to_series(frame.tz_convert("+02:00"))
    assert (fixed.times == HOURS).all()
    assert fixed.zone == ""


def test_series_of_arrays_count_their_rows():
    found = to_series(np.array([[1.0, np.nan], [2.0, 3.0]]), interval="10min")
    assert (found.interval_s, found.columns) == (600, ("column 1", "column 2"))
    assert str(found.times[1]) == "2000-01-01T00:10:00"
    assert np.isnan(found.values[0, 1])
    assert to_series([1, 2, 3], interval="1d").values.shape == (3, 1)
    assert to_series(pandas.DataFrame(VALUES), interval="1d").interval_s == 86400


def test_missing_cells_and_columns_of_text():
    frame = pandas.DataFrame({"T": [1.0, np.nan], "n": pandas.array([None, 2], "Int64"), "w": ["sun", None]})
    found = to_series(frame, interval="1h")
    assert found.columns == ("T", "n")
    assert np.isnan(found.values).tolist() == [[False, True], [True, False]]
    assert any("'w' is text like 'sun', left out" in note for note in found.notes)


def test_wrong_series():
    fails(lambda: to_series(np.ones((2, 2, 2)), interval="1h"), "got shape (2, 2, 2)")
    fails(lambda: to_series([], interval="1h"), "got shape (0,)")
    fails(lambda: to_series([1.0, np.inf], interval="1h"), "finite")
    fails(lambda: to_series([1.0, 2.0]), "an array has no times. Pass the interval")
    fails(lambda: to_series(pandas.DataFrame({"T": []})), "must have rows; got none")
    fails(lambda: to_series(polars.DataFrame({"T": []})), "must have rows; got none")
    fails(lambda: to_series(pandas.DataFrame({"T": [1.0, 2.0]})), "must have a column of times")
    fails(lambda: to_series(pandas.DataFrame(VALUES, index=HOURS[::-1].astype("datetime64[ns]"))), "row 2", "backwards")
    fails(lambda: to_series(pandas.DataFrame([[1.0, 2.0]], columns=["a", "a"])), "'a' appears twice")


def test_times_of_rows_without_any():
    assert split_times(np.ones((3, 2)))[0] is None
    assert split_times([[1.0], [2.0]])[0] is None
    assert split_times(pandas.DataFrame(VALUES, index=list("abcdefghijkl")))[0] is None
    assert split_times(polars.DataFrame(VALUES))[0] is None
    times, _ = split_times(pandas.DataFrame(VALUES).iloc[[4, 7]])
    assert np.diff(times) == [np.timedelta64(3, "s")]  # a row that is left out leaves a hole


def test_data_in_memory_trains_a_run(tmp_path):
    labels = ["yes", "no"] * 30
    texts = to_texts([f"{label} indeed number{place}" for place, label in enumerate(labels)], labels)
    recipe = seqconv.read_recipe("demo-text", ("training.epochs=2",))
    options = Options(out=tmp_path / "run", threads=1)
    run = seqconv.train(recipe, options, data=TextData(texts))
    assert run.results.classes == ["no", "yes"]


def test_public_names_load():
    for name in seqconv.__all__:
        assert getattr(seqconv, name).__name__ == name


def test_texts_of_arrow_are_texts():
    texts = polars.Series(["good", "bad"])
    assert list_texts(texts.to_arrow()) == ["good", "bad"]
    assert to_texts(texts.to_arrow(), [1, 0]).texts == ["good", "bad"]
    fails(lambda: list_texts(polars.Series(["good", None]).to_arrow()), "row 2: must be a text; got None")


def test_texts_in_memory_have_weights_and_groups():
    found = to_texts(["x", "y", "z"], [1, 0, 1], weights=[1, 2.5, 0], groups=["film b", "film a", "film b"])
    assert found.weights.tolist() == [1, 2.5, 0]
    assert found.groups.tolist() == [0, 1, 0]
    fails(lambda: to_texts(["x", "y"], [0, 1], weights=[1]), "weights must be a number for each of 2 examples")
    fails(lambda: to_texts(["x", "y"], [0, 1], weights=[1, -1]), "weights, row 2: must be a number of at least 0")
    fails(lambda: to_texts(["x", "y"], [0, 1], groups=[1]), "groups must be one for each of 2 texts; got 1")

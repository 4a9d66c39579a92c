"""X and y of the estimators of sequences: frames with a row for each step, and arrays whose axes are told apart."""

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score

from helpers.command import seqconv_command
from helpers.sequences import draw_waves
from seqconv import SequenceClassifier, SequenceRegressor
from seqconv.data.frames import to_sequences
from seqconv.errors import ConfigError, DataError
from seqconv.models.format import write_bundle

STEPS, NEW = draw_waves(40), draw_waves(20, 1)
KIND = ["slow", "fast"] * 10
PLAIN = {"model": "minirocket", "random_state": 0}


def list_arrays(frame):
    """Each sequence `[L, 2]`, lengths differ."""
    return [part.select("ax", "ay").to_numpy() for part in frame.partition_by("id")]


@pytest.mark.parametrize("make", [polars.DataFrame, polars.DataFrame.to_pandas, polars.DataFrame.to_arrow])
def test_a_row_for_each_step(make):
    """The same as a list of arrays, whichever way the labels come."""
    expected = SequenceClassifier(**PLAIN).fit(list_arrays(STEPS), ["slow", "fast"] * 20)
    expected = expected.predict_proba(list_arrays(NEW))
    named = {"id": "id", "time": "time", **PLAIN}
    found = SequenceClassifier(label="kind", inputs=["ax", "ay"], **named).fit(make(STEPS))
    np.testing.assert_array_equal(found.predict_proba(make(NEW)), expected)
    assert found.predict(make(NEW)).tolist() == KIND
    assert found.score(make(NEW)) == found.score(make(NEW), KIND) == 1
    without = make(NEW.select("ay", "id", "ax", "time"))  # in another order, and no labels
    np.testing.assert_array_equal(found.predict_proba(without), expected)
    np.testing.assert_array_equal(found.predict_proba(list_arrays(NEW)), expected)
    inputs = make(STEPS.select("id", "time", "ax", "ay"))
    by_row = clone(found).fit(inputs, STEPS["kind"].to_numpy())
    by_sequence = SequenceClassifier(**named).fit(inputs, ["slow", "fast"] * 20)
    for each in (by_row, by_sequence):
        np.testing.assert_array_equal(each.predict_proba(without), expected)


def test_numbers_of_a_row_for_each_step():
    named = {"id": ["id"], "inputs": ("ax", "ay"), **PLAIN}
    found = SequenceRegressor(target="speed", **named).fit(STEPS)
    assert found.score(NEW) > 0.95
    speeds = STEPS.group_by("id", maintain_order=True).first()["speed"].to_numpy()
    again = SequenceRegressor(**named).fit(STEPS.drop("speed"), speeds)
    np.testing.assert_array_equal(again.predict(NEW), found.predict(NEW))


def test_columns_of_y_and_weights_are_no_channels():
    frame = STEPS.to_pandas().assign(weight=1.0, code=lambda each: (each.kind == "fast").astype(int))
    found = SequenceClassifier(id="id", **PLAIN)
    found.fit(frame.drop(columns="speed"), frame["code"], sample_weight=frame["weight"])
    assert found.bundle_.features.channels == ("ax", "ay")
    assert found.classes_.tolist() == [0, 1]
    balanced = clone(found).set_params(class_weight={1: 3})
    balanced.fit(frame.drop(columns="speed"), frame["code"], sample_weight=frame["weight"])
    weighed = clone(found).fit(frame.drop(columns=["speed", "weight"]), frame["code"], sample_weight=[1, 3] * 20)
    np.testing.assert_allclose(weighed.predict_proba(NEW), balanced.predict_proba(NEW), atol=1e-6)
    inferred = SequenceClassifier(id="id", **PLAIN).fit(STEPS.drop("speed"))
    assert inferred.predict(NEW).tolist() == KIND


def test_sequences_are_cut_by_their_ids():
    frame = STEPS.drop("speed").to_pandas()
    model = SequenceClassifier(id="id", label="kind", **PLAIN)
    assert cross_val_score(model, frame, frame["kind"], groups=frame["id"], cv=GroupKFold(4)).tolist() == [1] * 4
    index = frame.set_index(["id", "time"])
    assert SequenceClassifier(id="id", **PLAIN).fit(index[["ax", "ay"]], frame["kind"]).score(index) == 1


def test_a_saved_model_reads_tables_as_the_frame_was_read(tmp_path):
    found = SequenceClassifier(id="id", label="kind", inputs=["ax", "ay"], **PLAIN).fit(STEPS)
    write_bundle(found.bundle_, tmp_path / "model")
    NEW.write_csv(tmp_path / "new.csv")
    seqconv_command("predict", "model", "new.csv", "-o", "answers.csv", cwd=tmp_path)
    answers = polars.read_csv(tmp_path / "answers.csv")
    assert answers["prediction"].to_list() == KIND
    assert answers["id"].to_list() == [f"s{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("parameters", "X", "says"),
    [
        ({"id": "name"}, STEPS, "X: must have the column 'name'"),
        ({"id": "id"}, np.zeros((4, 3)), "X must be a data frame, as columns are named; got one ndarray"),
        ({"id": "id", "label": "ax"}, STEPS, "y, row 2: must be the same in all rows of a sequence"),
        ({"label": "kind", "time": "time"}, STEPS, "Pass `id`"),
        (
            {"label": "kind"},
            STEPS.select("ax", "kind"),
            "Name its column of times with `time`, or none",
        ),
    ],
)
def test_columns_that_do_not_fit_are_refused(parameters, X, says):
    with pytest.raises(DataError) as caught:
        SequenceClassifier(**parameters).fit(X)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


WAVES = np.sin(np.arange(20) * np.repeat([0.5, 1.5], 12)[:, None] + np.arange(24)[:, None])[:, None]  # [24, 1, 20]
SIX = np.repeat(WAVES, 6, axis=1) * np.arange(1, 7)[:, None]  # [24, 6, 20]
LABELS = ["slow"] * 12 + ["fast"] * 12


@pytest.mark.parametrize("first", [WAVES, SIX, list(SIX), [*SIX[:12], *SIX[12:, :, 2:]]])
def test_both_orders_of_axes_are_the_same_sequences(first):
    last = [each.T for each in first] if isinstance(first, list) else first.swapaxes(1, 2)
    expected = SequenceClassifier(**PLAIN).fit(last, LABELS).predict_proba(last)  # a warning is an error
    found = SequenceClassifier(layout="channels first", **PLAIN).fit(first, LABELS)
    np.testing.assert_array_equal(found.predict_proba(first), expected)
    np.testing.assert_array_equal(found.predict_proba(last), expected)  # a model knows its channels
    assert found.bundle_.recipe.data.layout == "channels first"


def test_axes_that_are_told_apart_by_their_sizes_are_reported():
    expected = SequenceClassifier(layout="channels first", **PLAIN).fit(SIX, LABELS)
    with pytest.warns(UserWarning, match=r"X is read as \[N, C, L\]: 6 channels by 20 steps. Set layout="):
        found = SequenceClassifier(**PLAIN).fit(SIX, LABELS)
    np.testing.assert_array_equal(found.predict_proba(SIX), expected.predict_proba(SIX))
    assert SequenceClassifier(**PLAIN).fit(WAVES, LABELS).bundle_.features.length == 20  # one channel is no question
    uneven = [*SIX[:12], *SIX[12:, :, 2:]]
    assert SequenceClassifier(**PLAIN).fit(uneven, LABELS).bundle_.features.length == 20  # nor is what never differs
    square = np.repeat(SIX, 2, axis=1)  # [24, 12, 20]
    with pytest.warns(UserWarning, match=r"X is read as \[N, L, C\]: 12 steps by 20 channels. Set layout="):
        SequenceClassifier(**PLAIN).fit(square, LABELS)
    asked = SequenceClassifier(layout="channels first", **PLAIN).fit(square, LABELS)
    assert asked.bundle_.features.length == 20
    assert asked.predict(square[..., :12]).shape == (24,)  # both axes have twelve: as in training
    with pytest.raises(ConfigError, match="layout must be 'channels first', 'channels last' or None; got 'last'"):
        SequenceClassifier(layout="last").fit(SIX, LABELS)


def test_sequences_in_memory_of_either_layout():
    found, other = to_sequences(SIX, layout="channels first"), to_sequences(SIX.swapaxes(1, 2))
    np.testing.assert_array_equal(found.values, other.values)
    with pytest.raises(DataError, match=r"must be steps \[L\] or \[C, L\]; got shape \(24, 6, 20\)"):
        to_sequences(SIX[None], layout="channels first")


def test_nested_frames_have_a_column_for_each_channel():
    nested = pandas.DataFrame({"x": list(WAVES[:, 0]), "y": list(2 * WAVES[:, 0])})
    arrays = np.concatenate([WAVES, 2 * WAVES], axis=1).swapaxes(1, 2)
    expected = SequenceClassifier(**PLAIN).fit(arrays, LABELS).predict_proba(arrays)
    np.testing.assert_array_equal(SequenceClassifier(**PLAIN).fit(nested, LABELS).predict_proba(nested), expected)
    lists = pyarrow.table({"x": WAVES[:, 0].tolist(), "y": (2 * WAVES[:, 0]).tolist()})
    np.testing.assert_array_equal(SequenceClassifier(**PLAIN).fit(lists, LABELS).predict_proba(lists), expected)

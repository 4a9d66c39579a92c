"""Sequences of tables: a row for each sequence, or a row for each step, in every format of a table."""

import json

import numpy as np
import polars
import pytest

from helpers.errors import fails
from seqconv.data.readers.sequence_tables import SequenceColumns
from seqconv.data.readers.sequences import read_sequences
from seqconv.errors import DataError

LONG = "id,t,x,y,kind\nb,2,5,50,no\na,1,1,10,yes\nb,1,4,40,no\na,3,3,30,yes\na,2,2,,yes\n"
ROWS = [("yes", 1.5, 2, 3), ("no", 4, 5.5, 6), ("yes", 7, 8, None), ("no", 1, 1, 1)]


def read(path, labelled=True, steps=0, **columns):
    return read_sequences(path, labelled, columns=SequenceColumns(**columns), steps=steps)


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_rows_that_are_steps_are_sorted_into_sequences(tmp_path, write, form):
    import gzip

    frame = polars.read_csv(write(LONG, "a.csv"))
    path = tmp_path / f"long.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    elif form == "jsonl":
        frame.write_ndjson(path)
    else:
        text = frame.write_csv(separator="\t" if form == "tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if form.endswith("gz") else text)
    found = read(path, ids=("id",), label="kind")
    np.testing.assert_array_equal(found.values, [[4, 40], [5, 50], [1, 10], [2, np.nan], [3, 30]])
    assert (found.offsets.tolist(), found.channels, found.keys) == ([0, 2, 5], ("x", "y"), {"id": ["b", "a"]})
    assert (found.classes, found.labels.tolist()) == (("no", "yes"), [0, 1])
    settled = {name: found.settled[name] for name in ("id", "time", "label", "inputs")}
    assert settled == {"id": ("id",), "time": "t", "label": ("kind",), "inputs": ("x", "y")}


def test_rows_to_predict_are_read_by_what_was_settled(write):
    settled = {"ids": ("id",), "time": "t", "label": "kind", "inputs": ("y", "x")}
    found = read(write("more,x,t,y\n0,2,2,20\n9,1,1,10\n", "new.csv"), labelled=False, **settled)
    np.testing.assert_array_equal(found.values, [[10, 1], [20, 2]])  # one recording: there are no ids
    assert (found.offsets.tolist(), found.keys, found.classes) == ([0, 2], {}, ())
    fails(lambda path: read(path, False, **settled), write("t,x\n1,2\n", "b.csv"), "must have the column 'y'")


def test_the_order_of_the_rows_without_times(write):
    path = write("id,x,kind\na,3,1\nb,5,2\na,1,1\nb,6,2\n", "a.csv")
    found = read(path, ids=("id",), label="kind")
    assert (found.values.ravel().tolist(), found.settled["time"]) == ([3, 1, 5, 6], "none")
    assert "no time column: steps are in the order of the rows" in found.notes


def test_a_missing_step_is_a_missing_value(write):
    rows = "".join(f"{kind},2024-01-01T00:00:{t:05.2f},{t},{kind}\n" for kind in "ab" for t in (0, 0.02, 0.06, 0.08))
    found = read(write("id,time,x,kind\n" + rows, "a.csv"), ids=("id",), label="kind")
    np.testing.assert_array_equal(found.values.ravel(), 2 * [0, 0.02, np.nan, 0.06, 0.08])
    assert (found.offsets.tolist(), found.settled["interval"]) == ([0, 5, 10], "20ms")
    assert "2 steps missing between others: values missing there" in found.notes
    assert found.times[3] - found.times[0] == np.timedelta64(60_000, "us")
    slow = write("time,x\n2024-01-01 00:00:00,1\n2024-01-01 00:00:01,2\n", "slow.csv")
    says = "must have a step every 20ms as in training; it has one every 1s"
    fails(lambda path: read(path, False, ids=("id",), time="time", inputs=("x",), interval="20ms"), slow, says)


@pytest.mark.parametrize(
    ("content", "columns", "parts"),
    [
        (LONG, {"ids": ("it",), "label": "kind"}, ["must have the column 'it'", "Did you mean"]),
        (LONG, {"ids": ("id",), "label": "x"}, ["line", "'x' must be one value for", "got '5' and '4'"]),
        (LONG, {"ids": ("id",), "target": "kind"}, ["line 2: 'kind' must be a number; got 'no'"]),
        (LONG, {"time": "t", "label": "kind"}, ["must name the column that tells its sequences apart", "--id"]),
        (LONG + "a,3,3,3,yes\n", {"ids": ("id",), "label": "kind"}, ["must be the only row of its sequence"]),
        (LONG + ",3,3,3,yes\n", {"ids": ("id",), "label": "kind"}, ["line 7: the id 'id' must be given"]),
        (LONG + "c,1,1e39,3,yes\n", {"ids": ("id",), "label": "kind"}, ["line 7: 'x' must be a number up to 3.4e38"]),
        (LONG + "c,1,1,3,\n", {"ids": ("id",), "label": "kind"}, ["line 7: the label 'kind' must not be missing"]),
        (LONG + "c,,1,3,no\n", {"ids": ("id",), "label": "kind"}, ["line 7: 't' must be a time; it is empty"]),
        ("a,b,c\nx,1,2\n", {"label": "z"}, ["must have the column 'z'"]),
        ("l,b,c\nx,1,2\n,1,2\n", {"label": "l"}, ["line 3: the label 'l' must not be missing"]),
        ("l,b,c\nx,1,2\ny,1,2\n", {"target": "l"}, ["line 2: 'l' must be a number; got 'x'"]),
        ("l,b,c\n0.5,1,2\n,1,2\n", {"target": "l"}, ["line 3: 'l' must be a number to predict; it is empty"]),
        ("a,b,c\n0.5,1,2.5\n0.7,1,2\n", {}, ["must have one column that is clearly the label", "--label", "--target"]),
    ],
)
def test_tables_that_are_no_sequences_are_refused_in_one_line(write, content, columns, parts):
    fails(lambda path: read(path, **columns), write(content, "a.csv"), *parts)


def write_rows(tmp_path, name, order, header):
    frame = polars.DataFrame(ROWS, orient="row", schema=["label", "t0", "t1", "t2"]).select(order)
    separator = "\t" if name.endswith("tsv") else ","
    path = tmp_path / name
    path.write_text(frame.write_csv(separator=separator, include_header=header))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("order", [["label", "t0", "t1", "t2"], ["t0", "t1", "t2", "label"]])
def test_a_row_is_a_sequence_with_the_label_first_or_last(tmp_path, name, header, order):
    path = write_rows(tmp_path, name, order, header)
    found = read_sequences(path, columns=SequenceColumns(header=header or None))
    if name == "a.tsv" and not header and order[0] == "label":  # as the archive has them: an empty cell is no number
        return
    np.testing.assert_array_equal(found.values.ravel(), [1.5, 2, 3, 4, 5.5, 6, 7, 8, 1, 1, 1])
    assert found.offsets.tolist() == [0, 3, 6, 8, 11]
    assert (found.classes, found.labels.tolist()) == (("no", "yes"), [1, 0, 1, 0])


def test_a_label_in_the_middle_is_named(tmp_path, write):
    path = write("a,kind,c,name\n1,0,2,p\n3,1,4,q\n5,0,6,r\n", "a.csv")
    found = read(path, label="kind")
    assert (found.values.ravel().tolist(), found.classes) == ([1, 2, 3, 4, 5, 6], ("0", "1"))
    assert "left out: 'name'" in found.notes
    assert read(path, label="2").classes == ("0", "1")  # by its number


def test_a_column_that_numbers_the_rows_is_no_step(write):
    path = write(",a,b,label\n0,1,2,x\n1,3,4,y\n2,5,6,x\n".replace(",a", "index,a", 1), "a.csv")
    assert read(path).values.ravel().tolist() == [1, 2, 3, 4, 5, 6]


def test_the_first_sequence_is_no_header(write):
    found = read(write("1,2.5,,\n2,3.5,4,5\n1,2.5,3,\n", "a.csv"), label="1")
    assert (len(found), found.offsets.tolist(), found.labels.tolist()) == (3, [0, 1, 4, 6], [0, 1, 0])


def test_labels_of_rows_to_predict_are_not_read_as_values(write):
    settled = {"label": "column_1", "header": False}
    with_label, without = write("1,5,6,7\n", "a.csv"), write("5,6,7\n", "b.csv")
    for path in (with_label, without):
        assert read(path, False, steps=3, **settled).values.ravel().tolist() == [5, 6, 7]
    path = write("kind,a,b\n?,5,6\n", "c.csv")
    assert read(path, False, label="kind", header=True).values.ravel().tolist() == [5, 6]


def test_lists_are_channels(tmp_path, write):
    rows = [{"x": [1, 2, 3], "kind": "a", "y": [4, 5, 6]}, {"x": [7], "kind": "b", "y": [8]}]
    lines = write("\n".join(json.dumps(row) for row in rows), "a.jsonl")
    polars.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    for path in (lines, tmp_path / "a.parquet"):
        found = read(path, label="kind")
        np.testing.assert_array_equal(found.values, [[1, 4], [2, 5], [3, 6], [7, 8]])
        assert (found.channels, found.offsets.tolist()) == (("x", "y"), [0, 3, 4])
    uneven = write(json.dumps({"x": [1, 2], "y": [1], "kind": "a"}), "b.jsonl")
    fails(lambda path: read(path, label="kind"), uneven, "line 1: 'y' must have as many steps as the other channels")
    words = write(json.dumps({"x": [1, "two"], "kind": "a"}), "c.jsonl")
    fails(lambda path: read(path, label="kind"), words, "line 1: 'x' must hold lists of finite numbers; got 'two'")


def test_numbers_to_predict(write):
    found = read(write("a,b,price\n1,2,0.5\n3,4,7\n", "a.csv"), target="price")
    assert (found.number, found.labels.tolist(), found.classes) == ("price", [0.5, 7.0], ())
    assert found.settled["target"] == ("price",)
    found = read(write(LONG.replace("yes", "2.5").replace("no", "1"), "b.csv"), ids=("id",), target="kind")
    assert (found.number, found.labels.tolist()) == ("kind", [1.0, 2.5])
    made = "@univariate true\n@targetlabel true\n@data\n1,2,?:0.5\n3,4,5:-7e2\n"
    found = read_sequences(write(made, "a.ts"))
    assert (found.number, found.labels.tolist(), found.classes) == ("target", [0.5, -700.0], ())
    fails(read_sequences, write(made + "1,2:x\n", "b.ts"), "line 6: the target must be a finite number; got 'x'")
    made = "@relation a\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute target numeric\n@data\n1,2,0.25\n"
    assert read_sequences(write(made, "a.arff")).labels.tolist() == [0.25]


def test_numbers_separated_by_spaces(write):
    found = read_sequences(write("  1.0000000e+00  -1.5   2\n  2.0000000e+00   3  4\n", "a.txt"))
    assert (found.classes, found.values.ravel().tolist()) == (("1", "2"), [-1.5, 2, 3, 4])


def test_times_that_are_none_are_refused(write):
    with pytest.raises(DataError, match="'kind' must be a time like"):
        read(write(LONG, "a.csv"), ids=("id",), label="x", time="kind")

"""Reading files of the UCR/UEA archive: what comes out, and one clear line for everything that is broken."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import fails
from seqconv.data.readers import sequences
from seqconv.data.readers.sequences import find_partner, read_sequences
from seqconv.errors import DataError

HEADER = "@problemName Made\n@timeStamps false\n@univariate false\n@dimensions 2\n@classLabel true walk rest\n@data\n"
ONE = "@univariate true\n@classLabel true 10 9\n@data\n"


def test_channels_lengths_and_labels(write):
    path = write("# made by hand\n\n" + HEADER + "1,2,3:10,20,30:rest\n\n4:40:walk\n", "a.ts")
    read = read_sequences(path)
    np.testing.assert_array_equal(read.values, [[1, 10], [2, 20], [3, 30], [4, 40]])
    assert read.values.dtype == np.float64
    assert read.values.flags.c_contiguous
    assert read.offsets.tolist() == [0, 3, 4]
    assert (read.classes, read.labels.tolist()) == (("walk", "rest"), [1, 0])
    assert read.channels == ("channel 1", "channel 2")
    assert read.notes == ("lengths differ: 1 to 3 steps",)
    assert len(read) == 2


def test_comments_and_encodings(write):
    made = "% cut down\n#\n" + HEADER.replace("walk", "wälk") + "% first\n1:2:wälk\n3:4:rest\n"
    for encoding, notes in (("cp1252", ("not UTF-8; read as cp1252",)), ("utf-16", ("not UTF-8; read as UTF-16",))):
        read = read_sequences(write(made.encode(encoding), "a.ts"))
        assert (read.classes, len(read), read.notes) == (("wälk", "rest"), 2, notes)
    fails(read_sequences, write(made.encode("utf-16")[:-1], "a.ts"), "UTF-8")


def test_taken_sequences(write):
    read = read_sequences(write(HEADER + "1,2,3:10,20,30:rest\n4:40:walk\n5,6:50,60:rest\n", "a.ts"))
    taken = read.take(np.array([2, 0]))
    assert taken.values[:, 0].tolist() == [5, 6, 1, 2, 3]
    assert (taken.offsets.tolist(), taken.labels.tolist()) == ([0, 2, 5], [1, 1])


def test_classes_that_are_numbers_stand_in_their_order(write):
    read = read_sequences(write(ONE + "1:10\n2:9\n", "a.ts"))
    assert (read.classes, read.labels.tolist()) == (("9", "10"), [1, 0])
    read = read_sequences(write("10\t1\t2\n-1\t3\t4\n9\t5\t6\n", "a.tsv"))
    assert (read.classes, read.labels.tolist()) == (("-1", "9", "10"), [2, 0, 1])
    assert read_sequences(write("b\t1\na\t3\n", "b.tsv")).classes == ("a", "b")


def test_missing_values_stay_and_padding_goes(write):
    read = read_sequences(write(ONE + "1, ?,NaN ,4:9\n", "a.ts"))
    np.testing.assert_array_equal(read.values[:, 0], np.array([1, np.nan, np.nan, 4], np.float32))
    assert read.notes == ("2 values missing",)
    read = read_sequences(write("1\t1\tNaN\t3\tNaN\tnan\r\n2\t4\t5\t6\t7\t8\r\n", "a.tsv"))
    np.testing.assert_array_equal(read.values[:, 0], np.array([1, np.nan, 3, 4, 5, 6, 7, 8], np.float32))
    assert read.offsets.tolist() == [0, 3, 8]
    assert read.notes == ("lengths differ: 3 to 5 steps", "1 value missing")


def test_labels_may_lack_for_prediction(write):
    for content in ("@univariate true\n@classLabel false\n@data\n1,2\n", "@data\n1,2\n", ONE + "1,2:unknown\n"):
        path = write(content, "a.ts")
        fails(read_sequences, path, "label")
        read = read_sequences(path, labelled=False)
        assert read.values.ravel().tolist() == [1, 2]
        assert (read.labels.tolist(), read.classes) == ([], ())
    read = read_sequences(write("?\t1\t2\n", "a.tsv"), labelled=False)
    assert read.values.ravel().tolist() == [1, 2]
    assert read.notes == ("the first column holds the label; not read as a value",)


def test_a_header_that_names_another_length_is_noted(write):
    read = read_sequences(write("@equalLength true\n@seriesLength 3\n@classLabel true a\n@data\n1,2:a\n", "a.ts"))
    assert read.notes == ("the header says @seriesLength 3; the examples have 2 to 2 steps",)


def test_packed(write):
    packed = gzip.compress((HEADER + "1,2:3,4:walk\n").encode())
    assert read_sequences(write(packed, "a.ts.gz")).values.tolist() == [[1, 3], [2, 4]]
    fails(read_sequences, write(packed[:-9], "a.ts.gz"), "damaged")


def test_small_chunks_make_no_difference(write, monkeypatch):
    random = np.random.default_rng(0)
    blocks = [random.normal(size=(2, length)) for length in random.integers(1, 9, 50)]
    lines = [":".join(",".join(map(str, channel)) for channel in block) + ":walk" for block in blocks]
    path = write(HEADER + "\n".join(lines), "a.ts")
    for size in (1, 30, 1 << 20):
        monkeypatch.setattr(sequences, "_CHUNK", size)
        read = read_sequences(path)
        np.testing.assert_array_equal(read.values, np.concatenate([block.T for block in blocks]))
        assert np.diff(read.offsets).tolist() == [block.shape[1] for block in blocks]
    broken = write(HEADER + "\n".join(lines[:40]) + "\n1,x:2,3:walk\n", "b.ts")
    monkeypatch.setattr(sequences, "_CHUNK", 30)
    fails(read_sequences, broken, "line 47", "'x'")


def test_partner(tmp_path):
    for name in ("A_TRAIN.ts", "A_TEST.ts", "B_TRAIN.tsv", "C.ts", "C_TEST.ts"):
        (tmp_path / name).touch()
    assert find_partner(tmp_path / "A_TRAIN.ts") == tmp_path / "A_TEST.ts"
    assert find_partner(str(tmp_path / "A_TRAIN.ts")) == tmp_path / "A_TEST.ts"
    for name in ("A_TEST.ts", "B_TRAIN.tsv", "C.ts"):
        assert find_partner(tmp_path / name) is None


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["must not be empty"]),
        ("\0\0\0", ["line 1", "NUL"]),
        (HEADER.replace("@data\n", ""), ["header", "@data"]),
        (HEADER, ["examples"]),
        ("1,2,3:1\n", ["line 1", "1,2,3:1"]),
        (HEADER.replace("@timeStamps false", "@timeStamps true"), ["@timeStamps true", "without timestamps"]),
        (HEADER.replace("true walk rest", "false"), ["class labels"]),
        (HEADER.replace("true walk rest", "true"), ["followed by the classes"]),
        (HEADER.replace("walk rest", "walk walk"), ["each class once"]),
        (HEADER.replace("@classLabel true walk rest", "@targetLabel false") + "1:2\n", ["must hold class labels"]),
        (HEADER.replace("@dimensions 2", "@dimensions two"), ["@dimensions", "whole number"]),
        (HEADER.replace("@dimensions 2", "@dimensions"), ["@dimensions", "whole number"]),
        (HEADER + "1:2:walk\n1,2:walk\n", ["line 8", "2 channels", "got 1"]),
        (HEADER + "1,2:3,4,5:walk\n", ["line 7", "the same length", "2 to 3"]),
        (HEADER + "1:2:walk\n1:2:run\n", ["line 8", "one of walk, rest", "'run'"]),
        (HEADER + "1:2:\n", ["line 7", "label", "''"]),
        (HEADER + "1:2:?\n", ["line 7", "label", "'?'"]),
        (HEADER + "1:2:walk\n\n1:two:walk\n", ["line 9", "finite number", "'two'"]),
        (HEADER + "1:2\0:walk\n", ["line 7", "NUL"]),
        (HEADER + "1:inf:walk\n", ["line 7", "finite", "'inf'"]),
        (HEADER + "1:1e39:walk\n", ["line 7", "finite", "'1e39'"]),
        (HEADER + "1:1e999:walk\n", ["line 7", "finite", "'1e999'"]),
        (HEADER + ":2:walk\n", ["line 7", "finite number", "''"]),
        (HEADER + "1,:2,3:walk\n", ["line 7", "finite number", "''"]),
        (HEADER + "1,2 3:2,3:walk\n", ["line 7", "finite number", "'2 3'"]),
    ],
)
def test_broken_ts(write, content, parts):
    fails(read_sequences, write(content, "a.ts"), *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["must not be empty"]),
        ("\n\n", ["examples"]),
        ("1,2,3\n", ["line 1", "tabs", "1,2,3"]),
        ("1\tx\ty\n1\t2\t3\n", ["line 1", "'x'"]),
        ("1\t2\n\t2\n", ["line 2", "label", "''"]),
        ("NaN\t2\n", ["line 1", "label"]),
        ("1\tNaN\tNaN\n", ["line 1", "values"]),
        ("1\t2\n1\t2\t\t3\n", ["line 2", "finite number", "''"]),
        ("1\tbanana\n", ["line 1", "'banana'"]),
        ("1\t-inf\n", ["line 1", "'-inf'"]),
    ],
)
def test_broken_tsv(write, content, parts):
    fails(read_sequences, write(content, "a.tsv"), *parts)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.binary(max_size=200) | st.text("12.,:?-eNa \t\r\n").map(str.encode), st.sampled_from([HEADER, ONE, ""]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, header):
    path = tmp_path_factory.mktemp("any") / ("a.ts" if header else "a.tsv")
    path.write_bytes(header.encode() + content)
    problem = ""
    try:
        read = read_sequences(path)
        assert len(read.labels) == len(read) > 0
        assert (np.diff(read.offsets) > 0).all()
        assert not np.isinf(read.values).any()
    except DataError as error:
        problem = str(error)
    assert "\n" not in problem


def test_missing_file_folder_and_other_formats(tmp_path, write):
    fails(read_sequences, tmp_path / "no.ts", "No such file")
    (tmp_path / "folder.ts").mkdir()
    fails(read_sequences, tmp_path / "folder.ts", "directory")
    fails(read_sequences, write("", "a.parquet"), "must not be empty")


@pytest.mark.parametrize(
    ("name", "examples", "channels", "classes", "lengths"),
    [
        ("GunPoint", (50, 150), 1, 2, (150, 150)),
        ("ItalyPowerDemand", (67, 1029), 1, 2, (24, 24)),
        ("BasicMotions", (40, 40), 6, 4, (100, 100)),
        ("JapaneseVowels", (270, 370), 12, 9, (7, 29)),
    ],
)
def test_real_sequences(real_data, name, examples, channels, classes, lengths):
    path = real_data / "ucr" / name / f"{name}_TRAIN.ts"
    train, test = read_sequences(path), read_sequences(find_partner(path))
    assert (len(train), len(test)) == examples
    assert train.classes == test.classes
    assert len(train.classes) == classes
    assert np.concatenate([np.diff(part.offsets) for part in (train, test)]).tolist().count(lengths[0]) > 0
    for part in (train, test):
        assert part.values.shape[1] == len(part.channels) == channels
        assert np.isfinite(part.values).all()
        assert lengths[0] <= np.diff(part.offsets).min()
        assert np.diff(part.offsets).max() <= lengths[1]
        last = path.with_name(f"{name}_{'TRAIN' if part is train else 'TEST'}.ts").read_text().split()[-1]
        *fields, label = last.split(":")
        expected = np.array([field.split(",") for field in fields], np.float64).T
        np.testing.assert_array_equal(part.values[part.offsets[-2] :], expected)
        assert part.classes[part.labels[-1]] == label

"""Reading a series: what comes out, and one clear line for everything that is broken."""

import zipfile

import numpy as np
import pytest
from conftest import fails
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.errors import DataError
from seqconv.readers.series import read_series

HEADER = '"Date Time","T (degC)","p (mbar)"\n'
ROWS = ["01.01.2009 00:10:00,-8.02,996.52", "01.01.2009 00:20:00,-8.41,996.57", "01.01.2009 00:30:00,-8.51,996.53"]


def test_series_as_published(write):
    series = read_series(write(HEADER + "\n".join(ROWS) + "\n"))
    assert series.columns == ("T (degC)", "p (mbar)")
    assert series.interval_s == 600
    assert series.times.dtype == "datetime64[s]"
    assert str(series.times[1]) == "2009-01-01T00:20:00"
    np.testing.assert_array_equal(series.values, [[-8.02, 996.52], [-8.41, 996.57], [-8.51, 996.53]])
    assert series.values.flags.c_contiguous
    assert series.notes == ()


def test_iso_times_windows_lines_and_a_time_column_that_is_not_first(write):
    path = write("a,date,b\r\n1,2016-07-01 00:00:00,2\r\n3,2016-07-01 01:00:00,4\r\n")
    series = read_series(path)
    assert series.columns == ("a", "b")
    assert series.interval_s == 3600
    np.testing.assert_array_equal(series.values, [[1, 2], [3, 4]])


def test_quoted_cells(write):
    series = read_series(write(HEADER + '"01.01.2009 00:10:00","1.5",2\r\n01.01.2009 00:20:00,3,"4"\r\n'))
    np.testing.assert_array_equal(series.values, [[1.5, 2], [3, 4]])
    fails(read_series, write(HEADER + f'{ROWS[0]}\n{ROWS[1]}"'), "line 3", "'p (mbar)'")


@pytest.mark.parametrize("extra", [[], ["__MACOSX/._series.csv"]])
def test_a_zip_of_one_csv(write, extra):
    path = write(b"", "series.csv.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("series.csv", HEADER + "\n".join(ROWS))
        for name in extra:
            archive.writestr(name, "\0\1")
    assert read_series(path).values.shape == (3, 2)


def test_missing_values_are_nan_and_noted(write):
    rows = "d,-9999.0,1\nd,2,\nd,-9999.00,3\nd,nan,-9999.5\n"
    for minute in range(4):
        rows = rows.replace("d,", f"2020-01-01 00:0{minute}:00,", 1)
    series = read_series(write("date,wv (m/s),b\n" + rows))
    np.testing.assert_array_equal(series.values, [[np.nan, 1], [2, np.nan], [np.nan, 3], [np.nan, -9999.5]])
    assert series.notes == (
        "2 values of -9999 in 'wv (m/s)' read as missing",
        "1 value missing in 'wv (m/s)'",
        "1 value missing in 'b'",
    )


def test_repeated_times_and_holes_are_kept(write):
    rows = [*ROWS, ROWS[-1], "01.01.2009 05:00:00,1,2"]
    series = read_series(write(HEADER + "\n".join(rows)))
    assert np.diff(series.times).astype(int).tolist() == [600, 600, 0, 16_200]
    assert series.interval_s == 600
    assert series.notes == ("1 time stamp repeated, kept",)


@pytest.mark.parametrize(
    ("header", "name", "note"),
    [
        ("\ufeffdate,b\n".encode(), "b", ()),
        ("date,µmol\n".encode("cp1252"), "µmol", ("the header is not UTF-8; read as cp1252",)),
        ("date,\ufffdmol\n".encode(), "\ufffdmol", ("characters of the header are lost (\ufffd)",)),
    ],
)
def test_header_bytes(write, header, name, note):
    series = read_series(write(header + b"2020-01-01 00:00:00,1\n2020-01-01 00:00:10,2\n"))
    assert series.columns == (name,)
    assert series.notes == note


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["header"]),
        ("\n\n", ["header"]),
        (HEADER, ["rows"]),
        (HEADER + "\n \n", ["rows"]),
        ("a,b\n1,2\n", ["column of times", "a, b"]),
        ("date;b\n2020-01-01 00:00:00;1\n", ["column of times", "commas"]),
        (b"\x1f\x8b\x00\xff\xfe" * 50, ["header"]),
        ("date,b,b\n2020-01-01 00:00:00,1,2\n", ["line 1", "'b' comes twice"]),
        ("date,,b\n2020-01-01 00:00:00,1,2\n", ["line 1", "column 2 has no name"]),
        ("date\n2020-01-01 00:00:00\n2020-01-01 00:00:01\n", ["column of numbers"]),
        (HEADER + ROWS[0], ["two times"]),
        (HEADER + ROWS[0] + "\n" + ROWS[0], ["two times"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,calm,1\n", ["line 3", "'T (degC)'", "'calm'"]),
        (HEADER + f"{ROWS[0]}\n\n01.01.2009 00:20:00,NA,1\n", ["line 3", "3 values; got 0"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,1\n{ROWS[2]}", ["line 3", "3 values; got 2"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]},7\n", ["line 3", "3 values; got 4"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]}\n01.01.2009 00:30:00,1,inf", ["line 4", "'p (mbar)'", "finite"]),
        (HEADER + f"{ROWS[0]}\nyesterday,1,2\n", ["line 3", "'Date Time'", "'yesterday'"]),
        (HEADER + f"{ROWS[0]}\n32.01.2009 00:20:00,1,2\n", ["line 3", "32.01.2009"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[2]}\n{ROWS[1]}\n", ["line 4", "backwards"]),
        (HEADER.encode() + b"01.01.2009 00:10:00,1\xe9,2", ["line 2", "1é"]),
    ],
)
def test_broken_series(write, content, parts):
    fails(read_series, write(content), *parts)


def test_missing_series_and_broken_zips(tmp_path, write):
    fails(read_series, tmp_path / "no.csv", "No such file")
    fails(read_series, tmp_path, "directory")
    fails(read_series, write(b"no zip", "a.zip"), "damaged")
    path = write(b"", "two.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)
    fails(read_series, path, "exactly one CSV file; got 2")
    broken = bytearray(path.read_bytes().replace(b"b.csv", b"b.txt"))
    broken[broken.index(b"Date")] ^= 1
    fails(read_series, write(bytes(broken), "flipped.zip"), "damaged")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300) | st.text('01.:,-e" \r\n').map(lambda text: f"{ROWS[0]}\n{text}".encode()))
def test_any_bytes_below_a_header_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "series.csv"
    path.write_bytes(HEADER.encode() + content)
    problem = ""
    try:
        assert not np.isnat(read_series(path).times).any()
    except DataError as error:
        problem = str(error)
    assert "\n" not in problem


def test_real_series(real_data):
    hourly = read_series(real_data / "jena" / "jena_hourly_2009_2016.csv")
    assert hourly.values.shape == (70_038, 6)
    assert hourly.interval_s == 3600
    assert np.sum(np.diff(hourly.times).astype(int) != 3600) == 5
    dirty = read_series(real_data / "weather" / "weather.csv")
    assert dirty.values.shape == (52_696, 21)
    assert dirty.interval_s == 600
    assert "1 value of -9999 in 'wv (m/s)' read as missing" in dirty.notes
    assert "1 time stamp repeated, kept" in dirty.notes

"""Reading a series: what comes out, and one clear line for everything that is broken."""

import csv
import datetime as dt
import gzip
import zipfile
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import fails
from helpers.published import HEADER, ROWS
from seqconv.data.readers.series import read_series, series_from_table
from seqconv.data.readers.tables import Table
from seqconv.errors import ConfigError, DataError


def test_series_as_published(write):
    series = read_series(write(HEADER + "\n".join(ROWS) + "\n"))
    assert series.columns == ("T (degC)", "p (mbar)")
    assert series.interval_s == 600
    assert series.times.dtype == "datetime64[s]"
    assert str(series.times[1]) == "2009-01-01T00:20:00"
    np.testing.assert_array_equal(series.values, [[-8.02, 996.52], [-8.41, 996.57], [-8.51, 996.53]])
    assert series.values.flags.c_contiguous
    assert series.notes == ("times from column 'Date Time'",)
    assert series.zone == ""


def test_iso_times_windows_lines_and_a_time_column_that_is_not_first(write):
    path = write("a,date,b\r\n1,2016-07-01 00:00:00,2\r\n3,2016-07-01 01:00:00,4\r\n")
    series = read_series(path)
    assert series.columns == ("a", "b")
    assert series.interval_s == 3600
    np.testing.assert_array_equal(series.values, [[1, 2], [3, 4]])


def test_quoted_cells(write):
    series = read_series(write(HEADER + '"01.01.2009 00:10:00","1.5",2\r\n01.01.2009 00:20:00,3,"4"\r\n'))
    np.testing.assert_array_equal(series.values, [[1.5, 2], [3, 4]])
    fails(read_series, write(HEADER + f'{ROWS[0]}\n{ROWS[1]}"'), "line 3", "quote")


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
    assert series.notes[1:] == (
        "2 values of -9999 in 'wv (m/s)' read as missing",
        "1 value missing in 'wv (m/s)'",
        "1 value missing in 'b'",
    )


def test_repeated_times_and_holes_are_kept(write):
    rows = [*ROWS, ROWS[-1], "01.01.2009 05:00:00,1,2"]
    series = read_series(write(HEADER + "\n".join(rows)))
    assert np.diff(series.times).astype(int).tolist() == [600, 600, 0, 16_200]
    assert series.interval_s == 600
    assert "1 repeated timestamp, kept" in series.notes
    assert any("2 of 4 time steps are not 10 min" in note for note in series.notes)


@pytest.mark.parametrize(
    ("header", "name", "note"),
    [
        ("\ufeffdate,b\n".encode(), "b", ()),
        ("date,µmol\n".encode("cp1252"), "µmol", ("not UTF-8; read as cp1252",)),
        ("date,\ufffdmol\n".encode(), "\ufffdmol", ("the header has lost characters (\ufffd)",)),
    ],
)
def test_header_bytes(write, header, name, note):
    series = read_series(write(header + b"2020-01-01 00:00:00,1\n2020-01-01 00:00:10,2\n"))
    assert series.columns == (name,)
    assert [each for each in series.notes if not each.startswith("times")] == list(note)


STAMPS = [f"2020-01-01 {hour:02}:00" for hour in range(24)]


def test_columns_without_numbers_are_left_out_and_noted(write):
    path = write("time,sky,a,end,gone\n2020-01-01 00:00,clear,1,2020-01-02,\n2020-01-01 01:00,rain,2,2020-01-03,\n")
    series = read_series(path)
    assert series.columns == ("a",)
    assert series.notes == (
        "times from column 'time'",
        "column 'sky' is text like 'clear', left out",
        "column 'end' holds times, left out",
        "column 'gone' is empty, left out",
    )
    fails(lambda path: read_series(path, columns=["a", "gone"]), path, "'gone'", "is empty")
    fails(lambda path: read_series(path, columns=["a", "sky"]), path, "line 2", "'sky'", "'clear'")
    fails(lambda path: read_series(path, columns=["b"]), path, "'b'", "Known: time, sky, a, end, gone")
    fails(lambda path: read_series(path, time="Time"), path, "'Time'", "Did you mean 'time'")
    assert read_series(path, time="end", columns=["a"]).interval_s == 86400


def test_asked_columns_are_read_alone(write):
    path = write("time,a,b,c\n2020-01-01 00:00,1,inf,2\n2020-01-01 01:00,3,4,5\n")
    fails(read_series, path, "line 2", "'b'")
    series = read_series(path, columns=["c", "a"])
    assert series.columns == ("a", "c")
    np.testing.assert_array_equal(series.values, [[1, 2], [3, 5]])


def test_marks_for_missing_numbers_and_decimal_commas(write):
    content = "Date;Time;power;n;k\n16/12/2006;17:24:00;4,216;?;1,000\n16/12/2006;17:25:00;5,36;2;NA\n"
    series = read_series(write(content))
    assert series.columns == ("power", "n")
    np.testing.assert_array_equal(series.values, [[4.216, np.nan], [5.36, 2]])
    assert series.times.astype(str).tolist() == ["2006-12-16T17:24:00", "2006-12-16T17:25:00"]
    assert "times from columns 'Date' and 'Time'" in series.notes
    assert "1 cell in 'n' read as missing" in series.notes
    assert "commas in 'power' read as decimal points" in series.notes
    assert "column 'k' is text like '1,000', left out" in series.notes  # a thousand, or one?


def test_a_day_each_with_a_clock_beside_it_is_a_day_each(write):
    series = read_series(write("date,sunrise,a\n2020-01-01,8:20,1\n2020-01-02,8:19,2\n2020-01-03,8:18,3\n"))
    assert series.interval_s == 86400


def test_values_that_look_like_marks_are_noted_and_kept(write):
    rows = [
        f"{stamp},{-999 if hour == 7 else hour},{99 if hour == 7 else 60 + hour}" for hour, stamp in enumerate(STAMPS)
    ]
    series = read_series(write("time,a,b\n" + "\n".join(rows)))
    assert series.values[7].tolist() == [-999, 99]
    assert [note for note in series.notes if "kept" in note] == [
        "1 value of -999 in 'a', far from all others, kept; leave them empty if they mean missing"
    ]


def test_rows_without_times_are_counted(write):
    path = write("", "rates.txt.gz")
    path.write_bytes(gzip.compress(b"0.5,1.25\n0.75,1.5\n0.5,2\n"))
    fails(read_series, path, "column of times", "--every")
    series = read_series(path, interval="1d")
    assert series.times.astype(str).tolist() == ["2000-01-01T00:00:00", "2000-01-02T00:00:00", "2000-01-03T00:00:00"]
    assert series.interval_s == 86400
    assert series.columns == ("column_1", "column_2")
    assert series.values[:, 1].tolist() == [1.25, 1.5, 2]
    assert "no time column: rows counted from 2000-01-01, 24 h apart" in series.notes
    with pytest.raises(ConfigError, match="needs a time column"):
        read_series(path, interval="1d", zone="Europe/Berlin")
    for wrong in ("1 fortnight", "0s"):
        with pytest.raises(ConfigError, match="interval"):
            read_series(path, interval=wrong)
    assert read_series(write("a,b\n5,6\n"), interval="1h").values.tolist() == [[5, 6]]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl", "tsv"])
def test_other_formats(tmp_path, kind):
    times = [dt.datetime(2020, 1, 1, hour) for hour in range(5)]
    values, flags = [1.5, None, 2.5, -9999, 4], [True, False, True, True, False]
    frame = polars.DataFrame({"when": times, "a": values, "on": flags, "n": range(5)}, strict=False)
    path = tmp_path / f"series.{kind}"
    write = {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "jsonl": frame.write_ndjson}
    write.get(kind, lambda path: frame.with_columns(polars.col("on").cast(int)).write_csv(path, separator="\t"))(path)
    series = read_series(path)
    assert series.columns == ("a", "on", "n")
    np.testing.assert_array_equal(series.values[:, 0], [1.5, np.nan, 2.5, np.nan, 4])
    np.testing.assert_array_equal(series.values[:, 1:], np.transpose([flags, range(5)]))
    assert series.times.tolist() == times
    assert "times from column 'when'" in series.notes


def test_a_table_in_memory():
    frame = polars.DataFrame({"t": [dt.datetime(2020, 1, 1, hour) for hour in range(4)], "a": [1.0, 2.0, 3.0, 4.0]})
    table = Table(frame, Path("frame"), "arrow", (), range(1, 5))
    series = series_from_table(table, zone="Europe/Berlin")
    assert (series.source, series.zone, str(series.times[0])) == ("frame", "Europe/Berlin", "2019-12-31T23:00:00")
    wrong = Table(frame.with_columns(a=polars.lit(float("inf"))), Path("frame"), "arrow", (), range(1, 5))
    fails(lambda _: series_from_table(wrong), "frame, row 1", "'a'")


def test_numbers_are_times_where_their_name_says_so(write):
    assert read_series(write("a,timestamp\n1,1577836800\n2,1577840400\n")).interval_s == 3600
    assert read_series(write("year,a\n2001,1\n2002,5\n2003,6\n2004,1\n2005,7\n"), interval="365d").columns == ("a",)
    fails(read_series, write("a,b\n1577836800,1577836800\n1577840400,1577840400\n"), "column of times")
    assert read_series(write("a,b\n1577836800,1\n1577840400,2\n"), time="a").columns == ("b",)
    assert read_series(write("sale_date,b\n43831,1\n43832,2\n")).times[0] == np.datetime64("2020-01-01")
    assert read_series(write("yearweek,b\n202005,1\n202006,2\n")).times[0] == np.datetime64("2020-01-27")
    fails(read_series, write("order,b\n43831,1\n43832,2\n"), "column of times")


def test_all_values_equal_are_a_series(write):
    assert read_series(write("time,a\n2020-01-01,5\n2020-01-02,5\n2020-01-03,5\n")).values.tolist() == [[5], [5], [5]]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["empty"]),
        ("\n\n", ["line 1", "empty"]),
        (HEADER, ["rows"]),
        (HEADER + "\n \n", ["line 2"]),
        ("a,b\n1,2\n", ["column of times", "a, b"]),
        (b"\x1f\x8b\x00\xff\xfe" * 50, ["damaged"]),
        (HEADER.encode() + b"01.01.2009 00:10:00,1,\0\n", ["line 2", "NUL"]),
        (HEADER + f'{ROWS[0]}\n"{ROWS[1]}\n', ["line 3", "quote"]),
        ("date,b,b\n2020-01-01 00:00:00,1,2\n", ["line 1", "'b' appears twice"]),
        (",,\n2020-01-01 00:00:00,1,2\n", ["line 1", "no text"]),
        ("date\n2020-01-01 00:00:00\n2020-01-01 00:00:01\n", ["numeric column"]),
        ("date,sky\n2020-01-01 00:00:00,clear\n2020-01-01 00:00:01,rain\n", ["numeric column", "'sky' is text"]),
        (HEADER + ROWS[0], ["two different times", "got 1 row"]),
        (HEADER + ROWS[0] + "\n" + ROWS[0], ["two different times"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,calm,1\n", ["line 3", "'T (degC)'", "'calm'"]),
        (HEADER + f"{ROWS[0]}\n\n01.01.2009 00:20:00,NA,1\n", ["line 3", "3 columns", "an empty line"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,1\n{ROWS[2]}", ["line 3", "3 columns", "got 2"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]},7\n", ["line 3", "3 columns", "got 4"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]}\n01.01.2009 00:30:00,1,inf", ["line 4", "'p (mbar)'", "finite"]),
        (HEADER + f"{ROWS[0]}\nyesterday,1,2\n", ["line 3", "'Date Time'", "'yesterday'"]),
        (HEADER + f"{ROWS[0]}\n,1,2\n", ["line 3", "'Date Time'", "empty"]),
        (HEADER + f"{ROWS[0]}\n32.01.2009 00:20:00,1,2\n", ["line 3", "32.01.2009"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[2]}\n{ROWS[1]}\n", ["line 4", "backwards", "Sort the rows"]),
        (HEADER + f"{ROWS[0]}\n2009-01-01T00:20:00Z,1,2\n", ["line 3", "UTC", "2009-01-01T00:20:00Z"]),
        (HEADER.encode() + f"{ROWS[0]}\n".encode() + b"01.01.2009 00:20:00,1\xe9,2", ["line 3", "1é"]),
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
    fails(read_series, path, "exactly one file; got 2")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER)
    broken = bytearray(path.read_bytes())
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
    with (real_data / "jena" / "jena_hourly_2009_2016.csv").open(newline="") as stream:
        names, *rows = csv.reader(stream)
    assert hourly.columns == tuple(names[1:])
    np.testing.assert_array_equal(hourly.values, [[float(cell) for cell in row[1:]] for row in rows])
    assert hourly.times.tolist() == [dt.datetime.strptime(row[0], "%d.%m.%Y %H:%M:%S") for row in rows]
    assert hourly.interval_s == 3600
    assert np.sum(np.diff(hourly.times).astype(int) != 3600) == 5
    dirty = read_series(real_data / "weather" / "weather.csv")
    assert dirty.values.shape == (52_696, 21)
    assert dirty.interval_s == 600
    assert "1 value of -9999 in 'wv (m/s)' read as missing" in dirty.notes
    assert "1 repeated timestamp, kept" in dirty.notes
    assert not any("local time" in note for note in (*hourly.notes, *dirty.notes))
    for name, shape, interval_s in (("ETTh1", (17_420, 7), 3600), ("ETTm1", (69_680, 7), 900)):
        clean = read_series(real_data / "ett" / f"{name}.csv")
        assert (clean.values.shape, clean.interval_s, len(clean.notes)) == (shape, interval_s, 1)
    weekly = read_series(real_data / "illness" / "national_illness.csv")
    assert (weekly.values.shape, weekly.interval_s) == ((966, 7), 7 * 86400)
    rates = read_series(real_data / "exchange_rate" / "exchange_rate.txt.gz", interval="1d")
    assert rates.values.shape == (7588, 8)
    assert rates.values[0, 0] == 0.7855


def test_a_row_of_units_under_the_header_is_named(write):
    rows = "".join(f"2021-01-{day:02},{day}\n" for day in range(1, 29))
    with pytest.raises(DataError, match=r"line 2 holds 'date' in 't', and times come after it. Remove it"):
        read_series(write(f"t,y\ndate,kWh\n{rows}"))

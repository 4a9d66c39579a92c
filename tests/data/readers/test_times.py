"""Reading times: every common way to write them, time zones, clock changes, and the spacing of rows."""

import datetime as dt
import zoneinfo

import numpy as np
import pandas as pd
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.data.readers.sampling import space_rows
from seqconv.data.readers.times import is_time, read_times
from seqconv.errors import ConfigError, DataError

BERLIN = "Europe/Berlin"


def place(row):
    return f"a.csv, line {row + 2}"


def read(cells, zone="", dtype=None, name="t"):
    return read_times(polars.Series(name, cells, dtype), place, zone)


def space(stamps, interval_s=0, local=True):
    return space_rows(np.array(stamps, "datetime64[s]"), interval_s, "a.csv", place, local)


def fails(call, *parts, error=DataError):
    with pytest.raises(error) as caught:
        call()
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


# Texts


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S+00:00",
        "%Y/%m/%d %H:%M:%S",
        "%Y.%m.%d %H:%M:%S",
        "%d.%m.%Y %H:%M:%S",
        "%d/%m/%Y %H:%M:%S",
        "%d-%m-%Y %H:%M:%S",
        "%d.%m.%y %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%Y-%m-%d %H:%M:%S.000000",
        "  %Y-%m-%d %H:%M:%S ",
        "%Y-%m-%d %H:%M:%S UTC",
        "%d-%b-%Y %H:%M:%S",
        "%d %B %Y %H:%M:%S",
    ],
)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(times=st.lists(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2068, 1, 1)), max_size=20))
def test_any_time_is_read_as_written(form, times):
    times = [each.replace(microsecond=0) for each in (*times, dt.datetime(2020, 12, 31, 13, 59, 1))]  # the 31st tells
    found = read([each.strftime(form) for each in times])
    assert found.stamps.tolist() == times
    assert found.absolute == form.endswith(("Z", "+00:00", "UTC"))
    assert any("month first" in note for note in found.notes) == form.startswith("%m")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2016-12-31", "2017-01-01"], ["2016-12-31", "2017-01-01"]),
        (["2016-12", "2017-01"], ["2016-12-01", "2017-01-01"]),
        (["2016-1", "2017-12"], ["2016-01-01", "2017-12-01"]),
        (["Q4 2016", "Q1 2017"], ["2016-10-01", "2017-01-01"]),
        (["1. März 2020 10:00", "31. Dezember 2020 23:50"], ["2020-03-01T10:00", "2020-12-31T23:50"]),
        (["Jan 1, 2020 12:05 AM", "Jan 1, 2020 1 p.m."], ["2020-01-01T00:05", "2020-01-01T13:00"]),
        (["Wed, 1 Jan 2020 10:00:00 GMT", "Wed, 1 Jan 2020 11:00:00 GMT"], ["2020-01-01T10", "2020-01-01T11"]),
        (["2020-01-01", "Feb 1, 2020"], ["2020-01-01", "2020-02-01"]),
        (["2019", "2020"], ["2019-01-01", "2020-01-01"]),
        (["20200131", "20200201"], ["2020-01-31", "2020-02-01"]),
        (["2016-7-1 0:05", "2016-07-01 00:10"], ["2016-07-01T00:05", "2016-07-01T00:10"]),
        (["1/2/16 23:50", "13/2/16 0:00"], ["2016-02-01T23:50", "2016-02-13T00:00"]),
        # how precise a time is may change from row to row
        (["2020-01-01", "2020-01-01 01:00", "2020-01-01 02:00:00"], ["2020-01-01", "2020-01-01T01", "2020-01-01T02"]),
        (["2020-01-01T00:00:00Z", "2020-01-01T01:00Z"], ["2020-01-01", "2020-01-01T01"]),
        # the distance from UTC may change too
        (["2020-03-29T01:00+01:00", "2020-03-29T03:00+02:00"], ["2020-03-29T00", "2020-03-29T01"]),
        (["2020-03-29 01:00-0330", "2020-03-29 01:00 +02"], ["2020-03-29T04:30", "2020-03-28T23"]),
    ],
)
def test_times_by_hand(cells, expected):
    np.testing.assert_array_equal(read(cells).stamps, np.array(expected, "datetime64[s]"))


def test_a_date_that_could_be_either_is_read_as_day_first_and_noted():
    found = read(["02/01/2016 00:00", "03/01/2016 00:00"])
    assert found.stamps[0] == np.datetime64("2016-01-02")
    assert found.notes == (
        "dates like '02/01/2016 00:00' read as day first; write them as 2016-01-02 if that is wrong",
    )
    found = read([f"{month}/1/{year}" for year in (2015, 2016) for month in range(1, 13)])
    assert found.stamps[1] == np.datetime64("2015-02-01")  # twelve days of two Januaries would be odd
    assert found.notes == ("dates like '1/1/2015' read as month first; write them as 2015-01-01 if that is wrong",)
    fails(lambda: read(["31.12.2016", "12.31.2016"]), "line 3", "'12.31.2016'")
    assert read(["02.01.2016", "03.01.2016"]).notes == ()  # nobody writes months first with points


def test_how_dates_in_words_were_read_is_noted():
    assert read(["Jan-20", "Feb-20"]).notes == ("times like 'Jan-20' read as 2020-01-01",)
    assert read(["2020-01", "2020-02"]).notes == ()
    found = read(["1/13/2022 12 a.m.", "1/14/2022 1 p.m."])
    assert found.stamps.astype(str).tolist() == ["2022-01-13T00:00:00", "2022-01-14T13:00:00"]
    assert (found.dates, len(found.notes)) == ("month first", 1)
    assert read_times(polars.Series("t", ["1/2/2022 1 p.m."]), place, dates="month first").stamps[0] == np.datetime64(
        "2022-01-02T13"
    )


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        (["2020-01-01", "2020-01-02", "Total"], ["line 4", "'Total' in the last row", "footer. Remove it"]),
        (["Jan 2020", "Feb 2020", "Gesamt"], ["line 4", "'Gesamt' in the last row"]),
        (["2019", "2020", "Total"], ["line 4", "'Total' in the last row"]),
        (["2020-01-01", "Source: ABS, 2020", ""], ["line 3", "in the last 2 rows", "Remove them"]),
        (["2020-01-01", None, None], ["line 3", "empty in the last 2 rows, as in a footer. Remove them"]),
        (["2020-01-01", None, "Source: ABS"], ["line 3", "empty in the last 2 rows, as in a footer. Remove them"]),
        # a wrong cell is no footer
        (["2020-01-01", "2020-02-30"], ["line 3", "got '2020-02-30'. Correct it"]),
        (["2020-01-01", "Total", "2020-01-02"], ["line 3", "got 'Total'. Correct it"]),
        (["2020-01-01", None, "2020-01-02"], ["line 3", "it is empty. Fill it in or remove the row"]),
        ([20200101, 20200102, None], ["line 4", "empty in the last row"]),
    ],
)
def test_footers(cells, parts):
    fails(lambda: read(cells), *parts)


def test_fractions_of_seconds():
    found = read(["2020-01-01 00:00:00.25", "2020-01-01 00:00:01", "2020-01-01 00:00:02.999"])
    assert found.stamps.tolist() == [dt.datetime(2020, 1, 1, 0, 0, second) for second in range(3)]
    assert found.notes == ("fractions of seconds in 't' dropped",)
    fails(lambda: read(["2020-01-01 00:00:00.0", "2020-01-01 00:00:00.1"]), "line 3", "00:00:00.1", "interval of 1s")


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        (["2020-01-01", None], ["line 3", "empty"]),
        (["soon", "2020-01-01"], ["line 2", "like 31.12.2016 23:50:00", "'soon'"]),
        (["2020-01-01", "2020-02-30"], ["line 3", "'2020-02-30'"]),
        (["2020-01-01 00:00", "2020-01-01 25:00"], ["line 3", "'2020-01-01 25:00'"]),
        (["13/01/2016", "01/13/2016"], ["line 3", "'01/13/2016'"]),
        (["2020-01-01 00:00", "2020-01-01 01:00Z"], ["line 3", "2020-01-01 01:00Z", "is with one"]),
        (["2020-01-01 00:00+01:00", "2020-01-01 01:00"], ["line 3", "2020-01-01 01:00", "is without one"]),
    ],
)
def test_broken_times(cells, parts):
    fails(lambda: read(cells), *parts)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text("0123456789-/.:TZ+ apmAPM"), min_size=1) | st.lists(st.text(), min_size=1))
def test_any_cells_are_read_or_refused(cells):
    problem = "a.csv, line "
    try:
        assert not np.isnat(read(cells, dtype=polars.String).stamps).any()
    except DataError as error:
        problem = str(error)
    assert problem.startswith("a.csv, line ")


def test_what_is_no_time():
    for cell in ("", "12", "12.5", "1.2", "12:30", "1,2", "2020-01/01", "2020-01-01 Monday", "1.2.345", "1/2/2020 13"):
        assert not is_time(cell), cell


# Numbers and types of the file


@pytest.mark.parametrize(
    ("cells", "expected", "note"),
    [
        ([1577836800, 1577840400], ["2020-01-01", "2020-01-01T01"], "seconds since 1970, UTC"),
        ([1577836800.0, 1577840400.0], ["2020-01-01", "2020-01-01T01"], "seconds since 1970, UTC"),
        ([1577836800000, 1577840400000], ["2020-01-01", "2020-01-01T01"], "milliseconds since 1970, UTC"),
        ([1577836800000000, 1577840400000000], ["2020-01-01", "2020-01-01T01"], "microseconds since 1970, UTC"),
        ([1577836800000000000, 1577840400000000000], ["2020-01-01", "2020-01-01T01"], "nanoseconds since 1970, UTC"),
        ([20160229, 20160301], ["2016-02-29", "2016-03-01"], "dates like 20161231"),
        ([201612, 201701], ["2016-12-01", "2017-01-01"], "dates like 201612"),
        ([1899, 1900], ["1899-01-01", "1900-01-01"], "dates like 2016"),
    ],
)
def test_numbers(cells, expected, note):
    found = read(cells)
    np.testing.assert_array_equal(found.stamps, np.array(expected, "datetime64[s]"))
    assert found.notes == (f"numbers of 't' read as {note}",)
    assert found.absolute == ("UTC" in note)


@pytest.mark.parametrize(
    "name", ["Date", "order_date", "InvoiceDate", "Datum", "fecha", "DateTime", "time stamp", "month", "KW"]
)
def test_days_of_excel(name):
    times = pd.date_range("2019-12-31 22:00", periods=500, freq="5min")
    days = ((times - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")).to_numpy()
    for cells in (days, days.round(5), [str(each) for each in days]):
        found = read(cells, name=name)
        np.testing.assert_array_equal(found.stamps, times.to_numpy().astype("datetime64[s]"))
        assert found.notes == (f"numbers of {name!r} read as days as Excel counts them",)
        assert not found.absolute
    fails(lambda: read(days, name="sales"), "line 2", "'sales' must hold times")
    fails(lambda: read([19999, 20001], name=name), "line 2", "must hold times")


def test_numbers_of_years_and_weeks():
    expected = ["2020-01-27T00:00:00", "2020-12-28T00:00:00"]
    for name in ("week", "yearweek", "Year_Week", "KW"):
        assert read([202005, 202053], name=name).stamps.astype(str).tolist() == expected
        fails(lambda name=name: read([202005, 202054], name=name), "line 3", "'2020-W54'")
    assert read([202005, 202012], name="month").stamps[0] == np.datetime64("2020-05-01")


def test_seconds_that_look_like_hours_of_an_early_century():
    seconds = int(dt.datetime(2017, 11, 30, 2, 48, 20, tzinfo=dt.UTC).timestamp())
    assert seconds == 1512010100
    assert read([seconds]).stamps[0] == np.datetime64("2017-11-30T02:48:20")


def test_broken_numbers():
    fails(lambda: read([0, 1]), "line 2", "'t'", "the number 0", "pass the interval")
    fails(lambda: read([20160101, 20160230]), "line 3", "20160230")
    fails(lambda: read([1577836800.0, float("nan")]), "line 3", "empty")
    fails(lambda: read([True, False]), "'t'", "Boolean")
    fails(lambda: read([dt.time(1), dt.time(2)]), "'t'", "Time")


def test_types_of_the_file():
    days, hours = [dt.date(2020, 7, 1), dt.date(2020, 7, 2)], [dt.datetime(2020, 7, 1), dt.datetime(2020, 7, 1, 1)]
    assert read(days).stamps.tolist() == [dt.datetime(2020, 7, 1), dt.datetime(2020, 7, 2)]
    for unit in ("ms", "us", "ns"):
        found = read(hours, dtype=polars.Datetime(unit))
        assert (found.stamps.tolist(), found.absolute, found.zone, found.notes) == (hours, False, "", ())
    aware = polars.Series("t", hours).dt.replace_time_zone(BERLIN)
    found = read_times(aware, place)
    assert found.stamps[0] == np.datetime64("2020-06-30T22:00")
    assert (found.absolute, found.zone, found.notes) == (True, BERLIN, ("Europe/Berlin times converted to UTC",))
    assert read_times(aware.dt.convert_time_zone("UTC"), place).zone == ""


# Zones


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        *[(zone, minutes) for zone in (BERLIN, "America/St_Johns", "Asia/Kolkata") for minutes in (10, 60)],
        ("Australia/Lord_Howe", 30),  # its clocks change by half an hour
    ],
)
def test_local_times_of_a_whole_year_come_back_to_utc(zone, minutes):
    begin = dt.datetime(2019, 12, 31, 12, tzinfo=dt.UTC)
    exact = [begin + dt.timedelta(minutes=minutes) * row for row in range(370 * 24 * 60 // minutes)]
    local = [each.astimezone(zoneinfo.ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for each in exact]
    found = read(local, zone)
    np.testing.assert_array_equal(
        found.stamps, np.array([each.replace(tzinfo=None) for each in exact], "datetime64[s]")
    )
    assert (found.zone, found.absolute) == (zone, True)
    assert found.notes == (f"local times in {zone} converted to UTC",)


def test_a_repeated_hour():
    double = ["2020-10-25 02:10", "2020-10-25 02:10", "2020-10-25 02:40", "2020-10-25 02:10"]  # a doubled row before
    assert read(double, BERLIN).stamps.astype(str).tolist() == [
        "2020-10-25T00:10:00", "2020-10-25T00:10:00", "2020-10-25T00:40:00", "2020-10-25T01:10:00",
    ]  # fmt: skip
    once = read(["2020-10-25 01:30", "2020-10-25 02:30", "2020-10-25 03:30"], BERLIN).stamps
    assert np.diff(once).astype(int).tolist() == [3600, 7200]
    paired = ["2020-10-25 02:00", "2020-10-25 02:00", "2020-10-25 02:30", "2020-10-25 02:30"]
    fails(lambda: read(paired, BERLIN), "line 2", "2020-10-25 02:00", "Sort the rows")


def test_what_a_zone_cannot_be():
    fails(lambda: read(["2020-03-29 01:00", "2020-03-29 02:30"], BERLIN), "line 3", "2020-03-29 02:30", "clocks skip")
    for cells in (["2020-01-01 00:00"], ["2020-01-01 00:00Z"], [1577836800]):
        fails(lambda cells=cells: read(cells, "Berlin"), "'Berlin'", "Did you mean", error=ConfigError)
    assert read(["2020-01-01 00:00"], "UTC").zone == ""
    found = read(["2020-01-01 00:00Z"], BERLIN)
    assert (found.stamps[0], found.zone) == (np.datetime64("2020-01-01"), BERLIN)


def test_local_times_without_a_zone_are_suspected():
    begin = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    for zone in (BERLIN, "America/New_York", "Australia/Sydney"):
        exact = [begin + dt.timedelta(hours=row) for row in range(9000)]
        local = [each.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) for each in exact]
        notes = space(local)[2]
        assert notes[0] == "1 repeated timestamp, kept"
        assert notes[1].startswith("looks like local time")
        assert space(local, local=False)[2] == notes[:1]
    utc = np.arange(np.datetime64("2019-01-01", "h"), np.datetime64("2020-01-01", "h"))
    assert space(np.delete(utc, [500, 900, 2000]))[2] == []
    halves = [dt.datetime(2020, 10, 25, hour, minute) for hour, minute in ((1, 30), (2, 0), (2, 30), (2, 0), (2, 30))]
    fails(lambda: space(halves), "line 5", "backwards", "pass the time zone")


# Spacing


def test_spacing():
    stamps = np.datetime64("2020-01-01", "s") + np.array([0, 60, 120, 120, 180, 600, 660])
    found, interval_s, notes = space(stamps)
    np.testing.assert_array_equal(found, stamps)
    assert interval_s == 60
    assert notes[0] == "1 repeated timestamp, kept"
    assert notes[1].startswith("2 of 6 time steps are not 1 min")
    assert space(stamps, 420)[1] == 420
    fails(lambda: space(stamps, 3600), "a.csv", "got 1 h", "mostly 1 min")
    fails(lambda: space(stamps[:1]), "two different times", "got 1 row ")
    fails(lambda: space(stamps[2:4]), "two different times", "got 2 rows")
    fails(lambda: space(stamps[::-1]), "line 3", "backwards", "2020-01-01 00:10:00")


@pytest.mark.parametrize(("months", "label", "days"), [(1, "month", 30), (3, "3 months", 90), (12, "12 months", 365)])
def test_months_of_the_calendar(months, label, days):
    stamps = (np.datetime64("1999-01", "M") + months * np.arange(40)).astype("datetime64[s]")
    fails(lambda: space(stamps), "evenly spaced", f"per {label}", f"--every {30 * months}d")
    even, interval_s, notes = space(np.delete(stamps, 7), days * 86400)
    assert interval_s == days * 86400
    assert (np.diff(even).astype(int) // interval_s).tolist() == [1] * 6 + [2] + [1] * 31
    assert notes == [f"each {label} treated as {days} d"]
    weeks = np.datetime64("1999-01-01", "s") + np.timedelta64(28 * 86400, "s") * np.delete(np.arange(60), 30)
    assert space(weeks)[1] == 28 * 86400

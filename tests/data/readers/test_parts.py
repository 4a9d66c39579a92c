"""Dates and times in several columns."""

import datetime as dt

import numpy as np
import polars
import pytest

from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.series import find_times, time_cells
from seqconv.data.readers.times import read_times


def read(columns):
    """The columns found, and the times in them."""
    table = table_from_frame(polars.DataFrame(columns | {"y": [0.5] * len(next(iter(columns.values())))}))
    found = find_times(table, "")
    return found, read_times(time_cells(table, found), table.place).stamps.astype(str).tolist() if found else []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"year": [2020, 2020], "month": [1, 2]}, ["2020-01-01", "2020-02-01"]),
        ({"Year": [2020, 2020], "Month": ["January", "February"]}, ["2020-01-01", "2020-02-01"]),
        ({"Jahr": [2020, 2020], "Monat": ["Jänner", "März"]}, ["2020-01-01", "2020-03-01"]),
        ({"ano": [2020, 2021], "mês": [12.0, 1.0]}, ["2020-12-01", "2021-01-01"]),
        ({"year": ["2020", "2021"], "month": ["12", "1"]}, ["2020-12-01", "2021-01-01"]),
        ({"year": [2020, 2020], "quarter": [1, 4]}, ["2020-01-01", "2020-10-01"]),
        ({"year": [2020, 2020], "qtr": ["Q1", "Q4"]}, ["2020-01-01", "2020-10-01"]),
        ({"year": [2020, 2020], "week": [5, 53]}, ["2020-01-27", "2020-12-28"]),
        ({"year": [2020, 2020], "kw": ["W05", "W06"]}, ["2020-01-27", "2020-02-03"]),
        ({"year": [2020, 2020], "month": [2, 3], "day": [29, 1]}, ["2020-02-29", "2020-03-01"]),
        ({"day": [29, 1], "month": [2, 3], "year": [2020, 2020]}, ["2020-02-29", "2020-03-01"]),
        ({"year": [2020], "month": [2], "day": [29], "hour": [13]}, ["2020-02-29T13:00:00"]),
        ({"year": [2020], "month": [2], "day": [29], "hour": [24]}, ["2020-03-01"]),
        (
            {"Year": [2020, 2020], "Month": [2, 2], "Day": [29, 29], "Hour": [9, 9], "Minute": [0, 30]},
            ["2020-02-29T09:00:00", "2020-02-29T09:30:00"],
        ),
        ({"year": [2020], "month": [2], "day": [29], "time": ["9:05 PM"]}, ["2020-02-29T21:05:00"]),
        # the finest parts count
        ({"year": [2020, 2020], "quarter": [1, 1], "month": [1, 2]}, ["2020-01-01", "2020-02-01"]),
        ({"year": [2020, 2020], "month": [1, 2], "week": [5, 6]}, ["2020-01-27", "2020-02-03"]),
    ],
)
def test_parts(columns, expected):
    found, stamps = read(columns)
    assert set(found) == set(columns) - ({"quarter"} if "month" in columns else set()) - (
        {"month"} if "week" in columns else set()
    )
    assert stamps == [each if "T" in each else f"{each}T00:00:00" for each in expected]


def test_one_row_is_read_like_many():
    columns = {"year": [2020] * 48, "month": [1] * 48, "day": [1] * 24 + [2] * 24, "hour": [*range(24)] * 2}
    whole = read(columns)
    for row in (0, 30, 47):
        found, stamps = read({name: cells[row : row + 1] for name, cells in columns.items()})
        assert (found, stamps) == (whole[0], whole[1][row : row + 1])


def test_a_column_of_whole_times_goes_first():
    parts = {"year": [2020, 2020], "month": [1, 2]}
    assert read(parts | {"date": ["2021-05-01", "2021-06-01"]})[0] == ["date"]
    assert read(parts | {"date": [20210501, 20210601]})[0] == ["date"]


@pytest.mark.parametrize(
    "columns",
    [
        {"year": [0, 1], "month": [1, 2]},  # numbers of years
        {"month": [1, 2], "day": [3, 4]},
        {"year": [2020, 2020], "month": [0, 13]},
        {"year": [2020, 2020], "size": [1, 2]},
        {"year": [2020, 2020], "kW": [1, 2]},
    ],
)
def test_what_is_no_date(columns):
    assert read(columns)[0] == []


def test_years_alone_count_where_each_is_once_or_once_for_each_series():
    assert read({"year": [2019, 2020, 2021]}) == (["year"], [f"{year}-01-01T00:00:00" for year in (2019, 2020, 2021)])
    many = {"country": list("AAABBB"), "year": [2019, 2020, 2021] * 2}
    assert read(many)[0] == ["year"]
    assert read(many | {"country": list("AABAAB")})[0] == []


def test_dates_and_clocks_in_two_columns():
    days = ["Jan 1, 2020"] * 3
    for clocks in (["9:05 PM"] * 3, ["9:05 p.m."] * 3, [2105] * 3, ["21.05"] * 3):
        assert read({"date": days, "time": clocks})[1] == ["2020-01-01T21:05:00"] * 3
    assert read({"date": days, "time": ["9 PM", "10 PM", "11 pm"]})[1][2] == "2020-01-01T23:00:00"


def test_every_hour_of_two_years_in_four_columns():
    begin = dt.datetime(2019, 1, 1)
    times = [begin + dt.timedelta(hours=row) for row in range(2 * 365 * 24)]
    columns = {name: [getattr(each, name) for each in times] for name in ("year", "month", "day", "hour")}
    np.testing.assert_array_equal(np.array(read(columns)[1], "datetime64[s]"), np.array(times, "datetime64[s]"))


def test_parts_in_a_table_of_several_series():
    months = [(2019 + row // 12, row % 12 + 1) for row in range(24)]
    rows = [(shop, year, month, 1.5) for shop in ("a", "b") for year, month in reversed(months)]
    table = table_from_frame(polars.DataFrame(rows, ["shop", "year", "month", "sales"], orient="row"))
    panel = panel_from_table(table, PanelColumns(target="sales"))
    assert (panel.names, panel.frequency.code, panel.settled["time"]) == (("shop",), "1mo", "year,month")
    assert panel.frequency.times(panel.starts).astype(str).tolist() == ["2019-01-01T00:00:00"] * 2
    # the same file, or its newest rows, as they are read for a forecast
    settled = PanelColumns(("shop",), "year", "sales", frequency="1mo")
    for rows in (table.frame, table.frame.head(1)):
        again = panel_from_table(table_from_frame(rows), settled)
        newest = again.frequency.times(again.starts + np.diff(again.offsets) - 1)
        assert set(newest.astype(str)) == {"2020-12-01T00:00:00"}


def test_rows_counted_in_training_are_counted_where_their_numbers_could_be_years():
    table = table_from_frame(polars.DataFrame({"time": [1990, 1991, 1992], "y": [1.5, 2.5, 3.5]}))
    panel = panel_from_table(table, PanelColumns(time="time", target="y", frequency="1"))
    assert (panel.frequency.unit, panel.starts.tolist()) == ("row", [1990])

"""A second table says what is known of the rows to forecast, and must follow the first without a break."""

import numpy as np
import pandas
import polars
import pytest

import seqconv
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.futures import add_future
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.errors import DataError

MONTHS = [f"2023-{month:02}" for month in range(1, 13)]
PAST = polars.DataFrame(
    {
        "shop": ["north"] * 12 + ["south"] * 10,
        "month": [*MONTHS, *MONTHS[:10]],
        "sold": np.arange(22.0),
        "promo": [0, 1] * 11,
        "kind": ["a", "b"] * 11,
    }
)
COLUMNS = PanelColumns(("shop",), "month", "sold", ("promo", "kind"), frequency="1mo")


def rows(*cells, names=("shop", "month", "promo")):
    return table_from_frame(polars.DataFrame(list(cells), list(names), orient="row"), "next")


def extend(table, known=("promo",)):
    panel = seqconv.read_panel(PAST, target="sold", known=["promo", "kind"])
    return add_future(panel, table, COLUMNS, known)


def test_rows_go_after_the_newest_value_of_their_series_in_any_order():
    found = extend(rows(("south", "2023-12", 7), ("north", "2024-01", 5), ("south", "2023-11", 6)))
    assert np.diff(found.offsets).tolist() == [13, 12]
    assert found.lengths.tolist() == [12, 10]
    assert found.columns["promo"][found.is_future].tolist() == [5, 6, 7]
    assert np.isnan(found.values[found.is_future]).all()
    np.testing.assert_array_equal(found.values[~found.is_future], np.arange(22.0))
    np.testing.assert_array_equal(found.columns["promo"][~found.is_future], PAST["promo"])
    assert found.columns["kind"][found.is_future].tolist() == [None] * 3


def test_times_may_be_written_otherwise_than_in_the_past():
    first = polars.date(2024, 1, 1)
    frame = polars.DataFrame({"shop": ["north"], "promo": [3]}).with_columns(month=first)
    assert extend(table_from_frame(frame)).columns["promo"][12] == 3


def test_empty_cells_are_left_open_and_what_the_past_table_says_stays():
    known = polars.DataFrame(
        {"shop": ["north"] * 2, "month": ["2024-01", "2024-02"], "promo": [8, 9], "kind": ["a", "a"]}
    )
    panel = seqconv.read_panel(polars.concat([PAST, known], how="diagonal"), target="sold", known=["promo", "kind"])
    later = rows(("north", "2024-02", 1), ("north", "2024-03", 2), ("north", "2024-01", None))
    found = add_future(panel, later, COLUMNS, ["promo"])
    assert found.columns["promo"][12:15].tolist() == [8, 1, 2]
    assert found.columns["kind"][12:15].tolist() == ["a", "a", None]


def test_categories_may_look_like_numbers():
    found = extend(rows(("north", "2024-01", 3), names=("shop", "month", "kind")), ("kind",))
    assert found.columns["kind"][12] == "3"


WRONG = {
    "of the past": (
        [("north", "2023-12", 1)],
        "1: rows to forecast must come after the newest value; got 2023-12-01 of north",
    ),
    "a gap": (
        [("north", "2024-01", 1), ("north", "2024-03", 1)],
        "2: rows to forecast must follow the newest value of north without a gap; step 2 ",
    ),
    "a gap at the start": (
        [("south", "2023-12", 1)],
        "1: rows to forecast must follow the newest value of south without a gap; step 1 ",
    ),
    "twice": ([("north", "2024-01", 1), ("north", "2024-01", 2)], "2: times must differ; got 2024-01-01 of north"),
    "off the calendar": (
        [("north", "2024-01-07", 1)],
        "1: times must be a month apart, as in the past; got 2024-01-07 of north",
    ),
    "an id without a past": ([("west", "2024-01", 1)], "1: ids must be those of the series; west has no past"),
    "no id": ([(None, "2024-01", 1)], "1: the id 'shop' must be given"),
    "a word for a number": ([("north", "2024-01", "1"), ("north", "2024-02", "yes")], "2: 'promo' must be a number"),
}


@pytest.mark.parametrize(("cells", "said"), WRONG.values(), ids=WRONG)
def test_rows_that_do_not_follow_are_refused_with_their_place(cells, said):
    with pytest.raises(DataError) as caught:
        extend(rows(*cells))
    assert f"next, row {said}" in str(caught.value)


def test_a_column_that_is_missing_is_named():
    with pytest.raises(DataError, match="next: must have the column 'promo' of the rows to forecast; it does not"):
        extend(rows(("north", "2024-01"), names=("shop", "month")))


def test_rows_that_are_counted_go_on_counting():
    frame = polars.DataFrame({"shop": ["a"] * 3 + ["b"] * 2, "y": np.arange(5.0), "x": [1] * 5})
    panel = seqconv.read_panel(frame, id="shop", target="y", known="x")
    later = polars.DataFrame({"shop": ["b", "a", "b"], "x": [5, 6, 7]})
    found = add_future(panel, table_from_frame(later), PanelColumns(("shop",), "none"), ["x"])
    assert found.columns["x"][found.is_future].tolist() == [6, 5, 7]


def test_hours_of_a_zone_are_followed_by_hours_of_a_zone():
    hours = [f"2024-01-01T{hour:02}:00+01:00" for hour in range(12)]
    frame = polars.DataFrame({"time": hours, "y": np.arange(12.0), "x": [1] * 12})
    panel = seqconv.read_panel(frame, target="y", known="x")
    columns = PanelColumns((), "time", "y", ("x",), frequency="1h")
    known = rows(("2024-01-01T11:00Z", 5), names=("time", "x"))
    assert add_future(panel, known, columns, ["x"]).columns["x"][12] == 5
    with pytest.raises(DataError, match="next, row 1: times must have a UTC offset or a zone, like those of the past"):
        add_future(panel, rows(("2024-01-01T12:00", 5), names=("time", "x")), columns, ["x"])


def test_days_of_a_zone_may_be_followed_by_dates():
    days = pandas.date_range("2023-10-20", periods=20, tz="Europe/Berlin")
    panel = seqconv.read_panel(pandas.DataFrame({"day": days, "y": np.arange(20.0), "x": 1}), target="y", known="x")
    columns = PanelColumns((), "day", "y", ("x",), frequency="1d")
    for day in ("2023-11-09", "2023-11-09T00:00+01:00"):
        assert add_future(panel, rows((day, 5), names=("day", "x")), columns, ["x"]).columns["x"][20] == 5


def test_a_form_has_dates_where_the_past_has_years_and_months():
    past = {"year": [2023] * 12, "month": [*range(1, 13)], "y": np.arange(12.0), "x": [1] * 12}
    panel = seqconv.read_panel(polars.DataFrame(past), target="y", known="x")
    columns = PanelColumns((), "year,month", "y", ("x",), frequency="1mo")
    parts = rows((2024, 1, 5), names=("year", "month", "x"))
    form = rows(("2024-01-01", 5), names=("year", "x"))
    for table in (parts, form):
        assert add_future(panel, table, columns, ["x"]).columns["x"][12] == 5

"""Frames of every library are read alike, and answers come back as frames of that library."""

import datetime
import pickle

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pytest

import seqconv
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.zones import Stamps
from seqconv.errors import SeqconvError

MONTHS = pandas.date_range("2020-01-31", periods=8, freq="ME")
SALES = pandas.DataFrame({"shop": np.repeat([30, 7], 8), "month": [*MONTHS] * 2, "sold": np.arange(16.0)})
MAKERS = {
    "pandas": lambda frame: frame,
    "pandas, other numbers of rows": lambda frame: frame.set_axis(range(50, 66)),
    "pandas, times as index": lambda frame: frame.set_index("month"),
    "pandas, ids and times as index": lambda frame: frame.set_index(["shop", "month"]),
    "polars": polars.from_pandas,
    "polars query": lambda frame: polars.from_pandas(frame).lazy(),
    "pyarrow": lambda frame: pyarrow.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.from_df(frame),
}


def refuses(call, *parts):
    with pytest.raises(SeqconvError) as caught:
        call()
    for part in parts:
        assert part in str(caught.value)


def next_months(panel):
    """The rows of two further months as the columns of an answer."""
    steps = (panel.starts + panel.lengths)[:, None] + np.arange(2)
    keys = {name: [key[place] for key in panel.keys for _ in range(2)] for place, name in enumerate(panel.names)}
    times = Stamps(panel.frequency.times(steps.ravel()), panel.zone, True)
    return keys | {panel.settled["time"]: times, "forecast": np.arange(4.0)}


def to_pandas(frame):
    """Any of these frames, its columns in pandas' default types."""
    if isinstance(frame, polars.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pandas.DataFrame):
        return frame.reset_index() if any(frame.index.names) else frame
    return frame.df() if hasattr(frame, "df") else frame.to_pandas()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_frame_comes_back_as_it_went_in(make):
    frame = make(SALES)
    panel = seqconv.read_panel(frame, target="sold")
    assert (panel.names, panel.keys) == (("shop",), (("30",), ("7",)))
    np.testing.assert_array_equal(panel.values, np.arange(16.0))
    found = pickle.loads(pickle.dumps(panel)).form.build(next_months(panel))
    assert type(found) is type(frame)
    before, after = to_pandas(frame), to_pandas(found)[["shop", "month", "forecast"]]
    assert after.dtypes.iloc[:2].tolist() == before[["shop", "month"]].dtypes.tolist()
    assert after["shop"].tolist() == [30, 30, 7, 7]
    assert [str(each.date()) for each in after["month"]] == ["2020-09-30", "2020-10-31"] * 2
    if isinstance(frame, pandas.DataFrame) and frame.index.name is not None:
        assert found.index.names == frame.index.names


TIMES = {  # cells of a column, cells of the next two rows
    "dates": ([datetime.date(2020, month, 1) for month in (1, 2, 3, 4)], [datetime.date(2020, 5, 1)]),
    "texts": (["2020-01", "2020-02", "2020-03", "2020-04"], ["2020-05-01"]),
    "years": ([2001, 2002, 2003, 2004], [2005]),
    "days like 20200131": ([20200129, 20200130, 20200131, 20200201], [20200202]),
    "seconds since 1970": ([1577836800 + 3600 * n for n in range(4)], [1577836800 + 3600 * 4]),
    "milliseconds": ([1577836800000 + 3600000 * n for n in range(4)], [1577836800000 + 3600000 * 4]),
    "counted": ([11, 12, 13, 14], [15]),
    "days of Excel": ([43831, 43832, 43833, 43834], [43835]),
}


@pytest.mark.parametrize(("cells", "wanted"), TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("library", [polars.DataFrame, pandas.DataFrame])
def test_times_come_back_in_their_type(cells, wanted, library):
    name = "year" if cells[0] == 2001 else "date" if cells[0] == 43831 else "step" if cells[0] == 11 else "time"
    panel = seqconv.read_panel(library({name: cells, "y": [1.5, 2.5, 4.5, 3.5]}), target="y")
    step = panel.starts + panel.lengths
    found = panel.form.build({name: Stamps(panel.frequency.times(step), panel.zone, panel.frequency.seconds >= 86400)})
    assert list(found[name]) == wanted


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "UTC"])
def test_times_keep_their_unit_and_zone_over_a_clock_change(unit, zone):
    hours = pandas.date_range("2024-03-30 00:00", periods=24, freq="h", tz=zone).as_unit(unit)
    frame = pandas.DataFrame({"time": hours, "y": np.arange(24.0)})
    panel = seqconv.read_panel(frame, target="y")
    times = Stamps(panel.frequency.times(panel.starts + panel.lengths + np.arange(4)), panel.zone, False, True)
    found = panel.form.build({"time": times})["time"]
    assert found.dtype == frame["time"].dtype
    following = pandas.date_range(hours[-1], periods=5, freq="h")[1:]
    assert found.tolist() == following.tolist()


def test_periods_categories_and_booleans_come_back():
    months = pandas.period_range("2020-01", periods=4, freq="M")
    frame = pandas.DataFrame(
        {"shop": pandas.Categorical(["b"] * 4 + ["a"] * 4), "month": [*months] * 2, "open": [True] * 4 + [False] * 4}
    ).assign(sold=range(8))
    panel = seqconv.read_panel(frame, id=["shop", "open"], target="sold")
    steps = panel.starts + panel.lengths
    columns = {"shop": ["b", "a"], "open": ["true", "false"], "month": Stamps(panel.frequency.times(steps), "", True)}
    found = panel.form.build(columns)
    assert found.dtypes.tolist() == frame.dtypes[["shop", "open", "month"]].tolist()
    assert found["month"].tolist() == [months[-1] + 1] * 2
    assert found["open"].tolist() == [True, False]
    with_other = panel.form.build(columns | {"shop": ["b", "new"]})
    assert with_other["shop"].tolist() == ["b", "new"]


def test_a_column_of_pandas_is_one_series():
    column = pandas.Series(np.arange(5.0), pandas.date_range("2024-01-01", periods=5), name="load")
    panel = seqconv.read_panel(column)
    assert (panel.target, panel.frequency.name, panel.names) == ("load", "day", ())


def test_what_is_no_table_is_refused():
    refuses(lambda: table_from_frame([1, 2]), "the data: must be a data frame (pandas, polars", "got one list")
    refuses(lambda: seqconv.read_panel(SALES.iloc[:0]), "must have rows; got none")
    refuses(lambda: seqconv.read_panel(SALES.set_axis(["a", "b", "a"], axis=1)), "'a' appears twice")
    refuses(lambda: seqconv.read_panel(SALES, target="sales"), "must have the column 'sales'", "sold")
    refuses(lambda: seqconv.read_panel("no.csv", target="sales"), "no.csv: must be a readable file")
    refuses(lambda: seqconv.read_panel(SALES, target="sold", horizon=3), "unknown setting 'horizon'")


def test_errors_and_notes_name_parameters():
    refuses(lambda: seqconv.forecast(SALES, target="sold", model="nope"), "`model`: unknown model 'nope'")
    refuses(lambda: seqconv.read_panel(SALES.assign(price=1.0)), "`target` must name the column to forecast")
    twice = pandas.concat([SALES, SALES.iloc[3:4]])
    refuses(
        lambda: seqconv.read_panel(twice, id="shop", target="sold"),
        "row 17: times must differ within 30",
        "`duplicates` sum",
    )
    notes = seqconv.read_panel(SALES, target="sold").notes
    assert any("`frequency` sets another" in note for note in notes)
    assert not any("--" in note for note in notes)


def test_an_index_of_times_as_text_is_read_without_a_name_too():
    frame = pandas.DataFrame({"y": np.arange(9.0)}, index=[f"2020-01-0{day}" for day in range(1, 10)])
    table = table_from_frame(frame, "the data")
    assert table.frame.columns == ["time", "y"]
    assert table.frame["time"][0] == "2020-01-01"
    assert table_from_frame(frame.set_axis([*"abcdefghi"]), "the data").frame.columns == ["y"]

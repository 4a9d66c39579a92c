"""Tables of many series: found, laid on the steps of their frequency, in any order of rows; against pandas."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.data.readers.files import Table
from seqconv.data.readers.grids import fill_values
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.tables import create_table, read_table
from seqconv.errors import ConfigError, DataError

SPANS = {
    "D": "1d",
    "h": "1h",
    "15min": "15min",
    "W-MON": "1w",
    "B": "1bd",
    "MS": "1mo",
    "ME": "1mo",
    "QS": "1q",
    "YE": "1y",
}


def write(folder, lines):
    path = folder / "table.csv"
    path.write_text("\n".join([*lines, ""]))
    return read_table(path, None)


def read(folder, lines, **columns):
    return panel_from_table(write(folder, lines), PanelColumns(**({"target": "y"} | columns)))


def make(ids=("a", "b"), rows=6, freq="D", start="2024-01-01"):
    """Lines of a table: y is 10 times the number of the series, and the number of the row."""
    times = [str(each.date()) for each in pandas.date_range(start, periods=rows, freq=freq)]
    return [
        "id,ds,y",
        *(f"{name},{time},{10 * n + row}" for n, name in enumerate(ids) for row, time in enumerate(times)),
    ]


def refuse(folder, lines, says, error=DataError, **columns):
    with pytest.raises(error) as caught:
        read(folder, lines, **columns)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# Series


def test_series_are_told_apart_by_a_column_that_is_found_and_reported(tmp_path):
    panel = read(tmp_path, make())
    assert panel.names == ("id",)
    assert panel.keys == (("a",), ("b",))
    assert panel.offsets.tolist() == [0, 6, 12]
    assert panel.values.tolist() == [*range(6), *range(10, 16)]
    assert any("2 series, one for each value of 'id'" in note for note in panel.notes)
    assert panel.settled["id"] == ("id",)
    assert panel.settled["frequency"] == "1d"


def test_series_are_told_apart_by_two_columns(tmp_path):
    lines = ["store,item,ds,y"]
    lines += [f"{store},{item},2024-01-{day:02},{day}" for store in "ab" for item in "xy" for day in range(1, 6)]
    for asked in ((), ("store", "item")):
        panel = read(tmp_path, lines, ids=asked)
        assert panel.names == ("store", "item")
        assert panel.keys == (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
    assert panel.show_key(3) == "b, y"


def test_ids_of_numbers_are_texts_and_a_table_without_ids_is_one_series(tmp_path):
    assert read(tmp_path, make(ids=(7, 12))).keys == (("7",), ("12",))
    one = read(tmp_path, ["ds,y", *(line[2:] for line in make(ids="a")[1:])])
    assert (one.names, one.keys, len(one)) == ((), ((),), 1)
    assert one.show_key(0) == "the series"


def test_ids_may_be_written_with_a_point_and_a_zero(tmp_path):
    rows = [f"{shop}.0,202{year}-01-01,{year}.5" for shop in (1, 2) for year in range(5)]
    assert [*read(tmp_path, ["shop,t,y", *rows]).keys] == [("1.0",), ("2.0",)]


def test_rows_may_be_in_any_order(tmp_path):
    lines, random = make(ids="abc", rows=9), np.random.default_rng(0)
    wanted = read(tmp_path, lines)
    for _ in range(5):
        found = read(tmp_path, [lines[0], *random.permutation(lines[1:])])
        order = [found.keys.index(key) for key in wanted.keys]
        for series, place in enumerate(order):
            own = slice(found.offsets[place], found.offsets[place + 1])
            assert found.values[own].tolist() == wanted.values[9 * series : 9 * series + 9].tolist()
            assert found.starts[place] == wanted.starts[series]


@pytest.mark.parametrize("spelling", ["{0:%Y-%m-%d}", "{0:%Y-%m}", "{0:%d/%m/%Y}", "{0:%b %Y}", "{0:%Y%m}"])
def test_times_that_recur_in_each_series_are_read_as_those_of_one(tmp_path, spelling):
    times = [spelling.format(each) for each in pandas.date_range("2024-01-01", periods=8, freq="MS")]
    rows = [f"{name},{time},{n}" for name in "abc" for n, time in enumerate(times)]
    many = read(tmp_path, ["id,month,y", *rows])
    mixed = read(tmp_path, ["id,month,y", *sorted(rows, key=lambda row: int(row.split(",")[2]))])
    one = read(tmp_path, ["month,y", *(row[2:] for row in rows[:8])])
    assert many.names == mixed.names == ("id",)
    assert many.frequency == mixed.frequency == one.frequency
    for panel in (many, mixed):
        np.testing.assert_array_equal(panel.starts, np.repeat(one.starts, 3))
        np.testing.assert_array_equal(panel.values, np.tile(one.values, 3))
        assert set(one.notes) - set(panel.notes) == set()


@pytest.mark.parametrize("spelling", ["{0:%Y-%m-%d}", "{0:%Y-%m}"])
def test_a_word_among_times_that_recur_is_told_with_its_row(tmp_path, spelling):
    times = [spelling.format(each) for each in pandas.date_range("2024-01-01", periods=8, freq="MS")]
    rows = [f"{name},{time},{n}" for name in "abc" for n, time in enumerate(times)]
    rows[10] = "b,soon,2"
    refuse(tmp_path, ["id,month,y", *rows], "line 12: 'month' must be a time like those above it; got 'soon'. Correct")
    rows[10], rows[13] = "b,2024-03-01,2", "b,,5"
    refuse(tmp_path, ["id,month,y", *rows], "line 15: 'month' must be a time; it is empty")


def test_an_empty_id_is_told_with_its_row(tmp_path):
    lines = make()
    lines[4] = ",2024-01-04,3"
    refuse(tmp_path, lines, "line 5: the id 'id' must be given; it is empty", ids=("id",))


def test_an_id_of_one_row_each_is_told(tmp_path):
    lines = ["id,ds,y", *(f"s{day},2024-01-{day:02},{day}" for day in range(1, 9))]
    refuse(tmp_path, lines, "each value of 'id' has one row", ids=("id",))


def test_mixed_lengths_and_starts(tmp_path):
    lines = make(ids="a", rows=9) + make(ids="b", rows=3, start="2024-03-01")[1:] + make(ids="c", rows=1)[1:]
    panel = read(tmp_path, lines, ids=("id",))
    assert np.diff(panel.offsets).tolist() == [9, 3, 1]
    times = panel.frequency.times(panel.starts)
    assert times.astype("M8[D]").astype(str).tolist() == ["2024-01-01", "2024-03-01", "2024-01-01"]


# Steps


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(SPANS)),
    st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 30), min_size=22)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_missing_rows_are_laid_on_the_grid_as_pandas_does(freq, made, random):
    """Series of one frequency with their own starts and holes, the rows shuffled: as pandas' `asfreq`."""
    series = {}
    for number, (start, kept) in enumerate(made):
        times = pandas.date_range("2020-01-01", periods=start + 31, freq=freq)[start:]
        rows = sorted(kept | {0, 1, 30})
        series[f"s{number}"] = pandas.Series(np.arange(len(rows), dtype=float), index=times[rows])
    rows = [(key, str(time), value) for key, own in series.items() for time, value in own.items()]
    random.shuffle(rows)
    columns = dict(zip(("id", "ds", "y"), map(list, zip(*rows, strict=True)), strict=True))
    panel = panel_from_table(_table(columns), PanelColumns(ids=("id",), time="ds", target="y"))
    assert panel.frequency.code == SPANS[freq]
    for place, (key,) in enumerate(panel.keys):
        own = slice(panel.offsets[place], panel.offsets[place + 1])
        wanted = series[key].asfreq(freq)
        np.testing.assert_array_equal(panel.values[own], wanted.to_numpy())
        times = panel.frequency.times(panel.steps[own])
        np.testing.assert_array_equal(times, wanted.index.to_numpy().astype("M8[s]"))
        assert panel.ends[place] == panel.offsets[place + 1]


def _table(columns):
    frame = create_table(columns)
    return Table(frame, Path("made"), "csv", (), range(2, len(frame) + 2), True)


@pytest.mark.parametrize(
    ("freq", "code", "name"),
    [
        ("B", "1bd", "business day"),
        ("MS", "1mo", "month"),
        ("ME", "1mo", "month"),
        ("QE", "1q", "quarter"),
        ("YS", "1y", "year"),
        ("W-WED", "1w", "week"),
    ],
)
def test_the_frequency_is_found_and_can_be_given(tmp_path, freq, code, name):
    lines = make(rows=30, freq=freq)
    for asked in ("", code):
        panel = read(tmp_path, lines, frequency=asked)
        assert (panel.frequency.code, panel.frequency.name) == (code, name)
        assert np.diff(panel.offsets).tolist() == [30, 30]
        assert not np.isnan(panel.values).any()


def test_the_end_of_the_month_is_its_last_day(tmp_path):
    panel = read(tmp_path, make(rows=14, freq="ME", start="2023-12-31"))
    ahead = panel.frequency.times(panel.starts[0] + 14 + np.arange(3)).astype("M8[D]").astype(str)
    assert ahead.tolist() == ["2025-02-28", "2025-03-31", "2025-04-30"]


def test_steps_may_be_whole_numbers(tmp_path):
    lines = ["id,ds,y", "a,1,1", "a,2,2", "a,4,4", "b,7,1", "b,8,2"]
    panel = read(tmp_path, lines, ids=("id",))
    assert panel.frequency.unit == "row"
    np.testing.assert_array_equal(panel.values, [1, 2, np.nan, 4, 1, 2])
    assert panel.starts.tolist() == [1, 7]
    counted = read(tmp_path, ["id,y", "a,1", "b,5", "a,2"], ids=("id",), time="none")
    assert counted.values.tolist() == [1, 2, 5]


@pytest.mark.parametrize(
    ("freq", "asked", "says"),
    [
        ("MS", "1d", "rows must be a day apart, the frequency given or found in training; the closest are 28 times"),
        ("MS", "1w", "rows must be a week apart, the frequency given or found in training"),
        ("D", "1mo", "line 3: times must be a month apart"),
        ("B", "1w", "line 3: times must be a week apart"),
        ("h", "fortnight", "frequency must be the time from row to row"),
        ("h", "1", "frequency must fit"),
    ],
)
def test_a_frequency_that_the_rows_contradict_is_told(tmp_path, freq, asked, says):
    error = ConfigError if says.startswith("frequency") else DataError
    lines = make(rows=26, freq=freq)
    if freq == "h":
        lines = ["id,ds,y", *(f"a,2024-01-01 {hour:02}:00:00,{hour}" for hour in range(24))]
    refuse(tmp_path, lines, says, error, frequency=asked, ids=("id",))


def test_one_series_of_another_frequency_is_told_with_its_row(tmp_path):
    wide = make(rows=30) + make(ids="c", rows=6, freq="W-MON")[1:]
    refuse(tmp_path, wide, "line 63: series must share one frequency, a day; the rows of c are 7 times as far apart")
    fine = make(rows=30) + [f"c,2024-01-01 {hour:02}:00:00,1" for hour in range(8)]
    refuse(tmp_path, fine, "01:00:00 of c")
    monthly = make(rows=40, freq="MS") + make(ids="c", rows=10)[1:]
    refuse(tmp_path, monthly, "times must be a month apart, as 90% of the rows are; got 2024-01-02 of c")
    quarterly = make(rows=40, freq="MS") + make(ids="c", rows=10, freq="QS")[1:]
    refuse(tmp_path, quarterly, "the rows of c are 3 times as far apart")


def test_a_time_that_is_none_is_told_with_its_row(tmp_path):
    lines = make()
    lines[8] = "b,soon,11"
    refuse(tmp_path, lines, "line 9")
    lines = make(rows=20, freq="MS")
    lines[5] = "a,2024-05-17,4"
    refuse(tmp_path, lines, "line 6: times must be a month apart, as 98% of the rows are; got 2024-05-17 of a")
    refuse(tmp_path, lines, "line 6: times must be a month apart, as in training or by --frequency", frequency="1mo")


# Several rows of one time


def test_repeated_times_are_refused_or_merged(tmp_path):
    lines = [*make(rows=3), "a,2024-01-02,7", "b,2024-01-03,"]
    refuse(tmp_path, lines, "line 8: times must differ within a; this one is there already", ids=("id",))
    merged = {"sum": [0, 8, 2, 10, 11, 12], "mean": [0, 4, 2, 10, 11, 12], "first": [0, 1, 2, 10, 11, 12]}
    for how, values in merged.items():
        assert read(tmp_path, lines, ids=("id",), duplicates=how).values.tolist() == values, how
    last = read(tmp_path, lines, ids=("id",), duplicates="last")
    np.testing.assert_array_equal(last.values, [0, 7, 2, 10, 11, np.nan])
    assert (last.ends - last.offsets[:-1]).tolist() == [3, 2]


def test_hours_can_be_added_up_to_days(tmp_path):
    lines = ["ds,y", *(f"2024-01-{day:02} {hour:02}:00:00,1" for day in range(1, 6) for hour in range(24))]
    panel = read(tmp_path, lines, frequency="1d", duplicates="sum")
    assert panel.values.tolist() == [24] * 5


# Rows before the first value and after the newest


def test_rows_after_the_newest_value_are_kept_and_those_before_the_first_are_not(tmp_path):
    lines = ["id,ds,promo,y", "a,2024-01-01,1,", "a,2024-01-02,2,5", "a,2024-01-03,3,6", "a,2024-01-04,4,"]
    lines += ["b,2024-01-01,1,", "b,2024-01-02,1,"]
    panel = read(tmp_path, lines, numbers=("promo",), ids=("id",))
    assert panel.offsets.tolist() == [0, 3, 5]
    assert panel.ends.tolist() == [2, 3]
    assert panel.columns["promo"].tolist() == [2, 3, 4, 1, 1]
    times = panel.frequency.times(panel.starts).astype("M8[D]").astype(str)
    assert times.tolist() == ["2024-01-02", "2024-01-01"]


def test_a_gap_in_the_future_is_told(tmp_path):
    lines = ["id,ds,promo,y", *(f"{name},2024-01-{day:02},1,{day}" for name in "ab" for day in range(1, 6))]
    lines += ["a,2024-01-06,1,", "b,2024-01-06,1,", "b,2024-01-08,1,"]
    refuse(tmp_path, lines, "without a gap; step 2 after it has no row", numbers=("promo",), ids=("id",))
    refuse(tmp_path, lines, "newest value of b", numbers=("promo",), ids=("id",))
    alone = [",".join(line.split(",")[i] for i in (0, 1, 3)) for line in lines]
    assert read(tmp_path, alone, ids=("id",)).ends.tolist() == [5, 11]


@pytest.mark.parametrize(
    ("how", "values"),
    [
        ("none", [1, np.nan, np.nan, 4, np.nan, 7, 9]),
        ("previous", [1, 1, 1, 4, np.nan, 7, 9]),
        ("linear", [1, 2, 3, 4, np.nan, 7, 9]),
        ("zero", [1, 0, 0, 4, np.nan, 7, 9]),
    ],
)
def test_holes_are_filled_up_to_the_newest_value(tmp_path, how, values):
    lines = ["id,ds,y", "a,1,1", "a,4,4", "a,5,", "b,1,7", "b,2,9"]
    panel = fill_values(read(tmp_path, lines, ids=("id",)), how)
    np.testing.assert_array_equal(panel.values, values)
    assert any(note == f"2 missing values of 'y' filled: {how}" for note in panel.notes) == (how != "none")


# Columns


def test_the_only_column_of_numbers_is_the_target_and_several_are_told(tmp_path):
    panel = read(tmp_path, make(), target="", ids=("id",))
    assert panel.target == "y"
    lines = ["id,ds,y,z", *(f"{line},1" for line in make()[1:])]
    refuse(tmp_path, lines, "--target must name the column to forecast, among the numeric ones; got y, z", target="")
    refuse(tmp_path, lines, "must have the column 'sold'", target="sold")
    refuse(tmp_path, ["id,ds,y", "a,2024-01-01,much", "a,2024-01-02,more"], "line 2", ids=("id",))


def test_other_columns_hold_numbers_or_texts(tmp_path):
    lines = ["id,ds,y,kind,price", "a,1,1,x,2", "a,2,2,,", "a,3,3,z,4"]
    panel = read(tmp_path, lines, numbers=("kind", "price"), ids=("id",))
    assert panel.columns["kind"].tolist() == ["x", None, "z"]
    np.testing.assert_array_equal(panel.columns["price"], [2, np.nan, 4])
    assert any("not used: 'kind', 'price'" in note for note in read(tmp_path, lines, ids=("id",)).notes)


@pytest.mark.parametrize("cells", [("N", "S"), ("1", "2")])
def test_a_static_column_that_varies_is_told_with_its_row(tmp_path, cells):
    one, other = cells
    lines = ["id,ds,y,region", f"a,1,1,{one}", "a,2,2,", f"a,3,3,{one}", f"b,1,1,{other}", f"b,2,1,{one}"]
    refuse(tmp_path, lines, "line 6: 'region' must have one value in each series", static=("region",), ids=("id",))
    refuse(tmp_path, lines, "another here of b", static=("region",), ids=("id",))
    lines[-1] = f"b,2,1,{other}"
    assert len(read(tmp_path, lines, static=("region",), ids=("id",))) == 2


DAYS = [str(each.date()) for each in pandas.date_range("2023-10-01", periods=60)]
CLOCKS = {  # times of two ids, what is read
    "offsets by id": ([f"{day}T00:00:00+01:00" for day in DAYS], [f"{day}T00:00:00-05:00" for day in DAYS], "day"),
    "summer time": ([f"{day}T00:00:00{'+02:00' if day < '2023-10-30' else '+01:00'}" for day in DAYS], [], "day"),
    "hours": (*([f"2023-01-01T{hour:02}:00{zone}" for hour in range(24)] for zone in ("+01:00", "-05:00")), "hour"),
}


@pytest.mark.parametrize(("one", "other", "name"), CLOCKS.values(), ids=CLOCKS)
def test_days_are_days_whatever_the_offset_and_hours_are_in_utc(tmp_path, one, other, name):
    rows = [f"{shop},{time},{n}" for shop, times in (("a", one), ("b", other)) for n, time in enumerate(times)]
    panel = read(tmp_path, ["id,ds,y", *rows])
    assert panel.frequency.name == name
    assert np.diff(panel.offsets).tolist() == [len(each) for each in (one, other) if each]
    assert panel.clock == ("utc" if name == "hour" else "local")
    first = panel.frequency.times(panel.starts)
    assert str(first[0]) == ("2023-10-01T00:00:00" if name == "day" else "2022-12-31T23:00:00")
    assert len(set(first.tolist())) == (1 if name == "day" else 2)


def test_ids_that_end_early_are_noted(tmp_path):
    times = [("a", DAYS), ("b", DAYS[:20]), ("c", DAYS)]
    rows = [f"{shop},{day},{n}" for shop, days in times for n, day in enumerate(days)]
    told = "1 of 3 series end long before the others, such as b on 2023-10-20: forecast from their own last rows on"
    assert told in read(tmp_path, ["id,ds,y", *rows]).notes


@pytest.mark.parametrize(
    ("name", "cell"), [("date", "1/1/2019 12 a.m. PDT"), ("t", "2019 week two, 4"), ("MTU", "0:00 till 1:00")]
)
def test_times_that_are_not_read_are_told_and_not_counted(tmp_path, name, cell):
    lines = [f"id,{name},y", *(f"{each},{cell.replace(',', '')},{row}" for each in "ab" for row in range(5))]
    refuse(tmp_path, lines, f"line 2: '{name}' must be a time like", ids=("id",))
    panel = read(tmp_path, lines, ids=("id",), time="none")
    assert panel.lengths.tolist() == [5, 5]


def test_texts_without_a_time_are_no_times(tmp_path):
    lines = ["id,weekday,product_time,y", *(f"{each},Mon,slow,{row}" for each in "ab" for row in range(5))]
    assert "no time column: the rows of each series are counted" in read(tmp_path, lines, ids=("id",)).notes


def test_ids_keep_the_zeros_in_front(tmp_path):
    panel = read(tmp_path, make(ids=("007", "042")))
    assert panel.keys == (("007",), ("042",))


def test_of_numbers_in_one_form_the_cell_that_lacks_it_is_named(tmp_path):
    lines = [f'a,2024-01-{n + 1:02},"1,{100 + n}.5"' for n in range(9)]
    refuse(tmp_path, ["id,ds,y", *lines, 'a,2024-01-10,"1,10.5"'], "line 11: 'y' must be a number; got '1,10.5'")

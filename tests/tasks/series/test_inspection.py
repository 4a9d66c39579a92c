"""What an inspection says about a series: each oddity planted, and a clean file that shows none."""

import numpy as np
import polars
import pytest

from seqconv.data.readers.series import read_series
from seqconv.data.records import SeriesData
from seqconv.errors import ConfigError, DataError
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.inspection import inspect_file
from seqconv.tasks.series.split import split_series

HOURS = 1500
START = np.datetime64("2021-01-05T00:00:00")
TARGET = ['data.target=["load"]']


def make_columns(rows=HOURS):
    random = np.random.default_rng(0)
    hours = np.arange(rows)
    load = 10 * np.sin(2 * np.pi * hours / 24) + np.cumsum(random.normal(size=rows))
    return {"time": START + hours * np.timedelta64(1, "h"), "load": load, "wind": random.normal(size=rows)}


def write_csv(path, columns, keep=None):
    names = list(columns)
    rows = range(len(columns[names[0]])) if keep is None else keep

    def cell(value):
        if isinstance(value, np.datetime64):
            return str(value).replace("T", " ")
        return "" if isinstance(value, float) and np.isnan(value) else str(value)

    lines = [",".join(names), *(",".join(cell(columns[name][row]) for name in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def columns():
    return make_columns()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "series.csv"


def look(path, overrides=()):
    return inspect_file(path, overrides)


def find(inspection, part):
    found = [each for each in inspection.findings if part in each.what]
    assert len(found) == 1, inspection.findings
    return found[0]


def test_a_clean_series_shows_no_finding(path, columns):
    found = look(write_csv(path, columns), TARGET)
    assert found.findings == ()
    assert (found.task, found.rows) == ("series", HOURS)
    assert [(each.name, each.kind, each.missing) for each in found.columns] == [
        ("time", "time", 0),
        ("load", "number", 0),
        ("wind", "number", 0),
    ]
    assert found.facts["interval"] == "1h"
    assert found.facts["periods"]["load"][0]["rows"] == 24
    assert found.facts["periods"]["load"][0]["period"] == "1d"
    assert found.facts["periods"]["wind"] == []


def test_holes_are_counted_placed_and_cost_the_windows_that_training_drops(path, columns):
    keep = [row for row in range(HOURS) if row not in (200, 201, 202, 700)]
    found = look(write_csv(path, columns, keep), TARGET)
    hole = find(found, "hole")
    assert hole.what == "2 holes in the times, 4 rows missing"
    assert "before line 202, line 699" in hole.where
    assert "longest, 4 h, from 2021-01-13 07:00 to 2021-01-13 11:00" in hole.where
    suggested = suggest_recipe(str(path), TARGET)
    parts = split_series(SeriesData(read_series(path)), suggested.recipe).facts["splits"]
    dropped = sum(part["dropped_at_holes"] for part in parts.values())
    assert hole.action == f"not filled: the {dropped} windows that cross one are dropped"
    assert found.facts["windows"]["train"]["windows"] == parts["train"]["windows"]


def test_without_a_target_the_cost_is_told_in_words(path, columns):
    keep = [row for row in range(HOURS) if row != 300]
    found = look(write_csv(path, columns, keep))
    assert find(found, "1 hole").action == "not filled: every window that crosses one is dropped"
    assert any("--target" in note for note in found.notes)


def test_missing_values_cost_windows_and_minus_9999_is_one(path, columns):
    columns["wind"][400] = np.nan
    columns["load"][900:902] = -9999
    found = look(write_csv(path, columns), TARGET)
    missing, marked = find(found, "missing"), find(found, "-9999")
    assert (missing.what, missing.where) == ("1 value missing (0.1%)", "'wind': line 402")
    assert (marked.what, marked.where) == ("2 values of -9999", "'load': line 902, line 903")
    parts = split_series(SeriesData(read_series(path)), suggest_recipe(str(path), TARGET).recipe).facts["splits"]
    counts = [int(each.action.split("the ")[1].split()[0]) for each in (missing, marked)]
    assert sum(counts) == sum(part["dropped_missing"] for part in parts.values())  # they lie far apart


def test_repeated_stamps(path, columns):
    found = look(write_csv(path, columns, [*range(500), 499, *range(500, HOURS)]), TARGET)
    assert find(found, "repeated").what == "1 timestamp repeated"
    assert find(found, "repeated").where == "line 502"
    assert "windows that cross one are dropped" in find(found, "repeated").action


def test_unsorted_rows_block_and_all_else_is_still_told(path, columns):
    columns["wind"][:] = 3.0
    order = [*range(100), 101, 100, *range(102, HOURS)]
    found = look(write_csv(path, columns, order), TARGET)
    back = find(found, "backwards")
    assert (back.what, back.where, back.action) == ("times run backwards 1 time", "line 103", "refused: sort the rows")
    assert back.weight == "blocks"
    assert find(found, "always 3").weight == "costs"
    with pytest.raises(DataError, match="line 103: times must not run backwards"):
        read_series(path)


def test_cells_that_are_no_time_block(path, columns):
    times = [str(each).replace("T", " ") for each in columns["time"]]
    times[7], times[9] = "soon", ""
    found = look(write_csv(path, columns | {"time": times}), TARGET)
    bad = find(found, "hold no time")
    assert (bad.where, bad.weight) == ("line 9, line 11", "blocks")
    assert find(found, "hole").what == "2 holes in the times, 2 rows missing"


def test_mixed_zones_block_and_the_values_are_judged_all_the_same(path, columns):
    times = [str(each) for each in columns["time"]]
    times[3] += "+01:00"
    columns["wind"][8] = np.nan
    found = look(write_csv(path, columns | {"time": times}), TARGET)
    assert find(found, "UTC offset").weight == "blocks"
    assert find(found, "missing").where == "'wind': line 10"


def test_cells_that_are_no_number_block_and_are_counted(path, columns):
    wind = [str(each) for each in columns["wind"]]
    wind[10], wind[20] = "calm", "calm"
    found = look(write_csv(path, columns | {"wind": wind}), TARGET)
    bad = find(found, "no number")
    assert (bad.what, bad.where) == ("2 cells with no number, such as 'calm'", "'wind': line 12, line 22")
    assert bad.weight == "blocks"
    assert len(found.findings) == 1


def test_infinity_blocks(path, columns):
    columns["wind"][10] = np.inf
    found = look(write_csv(path, columns), TARGET)
    assert find(found, "no finite number").weight == "blocks"
    assert find(found, "no finite number").where == "'wind': line 12"


def test_a_constant_input_is_of_no_use_and_a_constant_target_blocks(path, columns):
    columns["wind"][:] = 7
    found = find(look(write_csv(path, columns), TARGET), "always 7")
    assert (found.action, found.weight) == ("of no use", "costs")
    split = split_series(SeriesData(read_series(path)), suggest_recipe(str(path), TARGET).recipe)
    assert "'wind' never varies in the training rows: of no use" in split.facts["notes"]
    assert look(path, [*TARGET, 'data.inputs=["load"]']).findings == ()
    assert find(look(path, ['data.target=["wind"]']), "always 7").weight == "blocks"


def test_a_column_constant_in_the_training_rows_alone(path, columns):
    columns["wind"][:1200] = 0
    assert "first 1,050 rows" in find(look(write_csv(path, columns), TARGET), "always 0").what


def test_text_and_empty_columns_are_left_out(path, columns):
    columns |= {"note": ["fine weather"] * HOURS, "blank": [""] * HOURS}
    found = look(write_csv(path, columns), TARGET)
    assert {(each.where, each.action) for each in found.findings} == {("'note'", "left out"), ("'blank'", "left out")}
    assert [each.kind for each in found.columns][-2:] == ["left out", "left out"]


@pytest.mark.parametrize(("value", "times", "seen"), [(999.0, 1, True), (-777.0, 3, True), (-777.0, 2, False)])
def test_probable_sentinels(path, columns, value, times, seen):
    columns["wind"][50 : 50 + times] = value
    found = [each for each in look(write_csv(path, columns), TARGET).findings if "all others lie" in each.what]
    assert bool(found) == seen
    assert all(each.action.startswith("kept as a number") for each in found)


@pytest.mark.parametrize(
    "values",
    [
        np.where(np.arange(HOURS) % 24 < 12, 0, np.arange(HOURS) % 24.0),  # nights without sun
        np.arange(HOURS) % 2,  # a switch
        np.random.default_rng(1).exponential(size=HOURS) ** 3,  # long tail, one largest
        np.random.default_rng(1).integers(0, 100, HOURS),  # 99 belongs to it
    ],
)
def test_ordinary_extremes_are_no_sentinels(path, columns, values):
    assert look(write_csv(path, columns | {"wind": values}), TARGET).findings == ()


@pytest.mark.parametrize("minutes", [60, 30])
def test_clock_changes_are_suspected_and_gone_with_the_zone(path, minutes):
    utc = np.datetime64("2021-03-01T00:00:00", "ms") + np.arange(24 * 300 * 60 // minutes) * np.timedelta64(
        minutes, "m"
    )
    local = polars.Series(utc).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    times = local.dt.replace_time_zone(None).to_numpy().astype("datetime64[s]")
    found = look(write_csv(path, make_columns(len(utc)) | {"time": times}), TARGET)
    assert find(found, "clocks change").action.endswith("Pass --time-zone")
    assert find(found, "1 hole").where.startswith(f"before line {651 if minutes == 60 else 1300}")
    if minutes == 60:  # the hour comes twice, its rows once each
        assert find(found, "repeated").where == "line 5859"
    else:
        assert find(found, "backwards").action.endswith("or pass --time-zone if the clocks went back there")
    assert look(path, [*TARGET, "data.zone=Europe/Berlin"]).findings == ()


# Leaks


def test_a_column_that_holds_the_targets_future_is_a_leak(path, columns):
    for lead in (1, 24):
        future = np.append(columns["load"][lead:], np.full(lead, columns["load"][-1]))
        noisy = 2 * future + np.random.default_rng(2).normal(size=HOURS, scale=0.05)
        found = look(write_csv(path, columns | {"next": noisy}), TARGET)
        leak = find(found, "leaks the target")
        assert f"{lead} row" in leak.what
        assert leak.where == "'next'"
        assert "--inputs" in leak.action


def test_a_column_that_is_the_coming_change_is_a_leak_and_the_last_change_is_none(path, columns):
    load = columns["load"]
    coming, last = np.append(load[24:] - load[:-24], np.zeros(24)), np.append(np.zeros(24), load[24:] - load[:-24])
    write_csv(path, columns | {"coming": coming, "last": last})
    found = look(path, [*TARGET, 'windows.leads=["24h"]'])
    assert "over the next 24 rows" in find(found, "leaks the target").what
    assert find(found, "leaks the target").where == "'coming'"


def test_a_target_that_jumps_back_to_its_mean_accuses_no_twin(path, columns):
    noise = np.random.default_rng(3).normal(size=HOURS)
    found = look(write_csv(path, columns | {"load": noise, "wind": noise + 0.01 * columns["wind"]}), TARGET)
    assert [each.what[:27] for each in found.findings] == ["'wind' duplicates the targe"]


def test_a_plain_wave_tells_its_own_future_and_accuses_nobody(path, columns):
    wave = np.sin(2 * np.pi * np.arange(HOURS + 6) / 24)
    found = look(write_csv(path, columns | {"load": wave[:HOURS], "wind": wave[6 : HOURS + 6]}), TARGET)
    assert found.findings == ()


def test_columns_with_the_targets_trend_its_past_or_a_spike_are_no_leaks(path, columns):
    trend = np.arange(HOURS) / 3.0
    past = np.append(np.full(5, columns["load"][0]), columns["load"][:-5])
    spike, later = np.zeros(HOURS), columns["load"] + trend
    spike[600] = 1e4
    later[605] += 1e4
    found = look(write_csv(path, columns | {"load": later, "trend": trend * 2 + 1, "past": past, "one": spike}), TARGET)
    assert not [each for each in found.findings if "away" in each.what]


def test_a_duplicate_of_the_target_is_no_leak(path, columns):
    found = look(write_csv(path, columns | {"kelvin": columns["load"] + 273.15}), TARGET)
    twin = find(found, "duplicates the target")
    assert (twin.weight, twin.where) == ("note", "'kelvin'")
    assert len(found.findings) == 1


# What training refuses beyond single cells


def test_no_times_block_unless_the_interval_is_given(path, columns):
    del columns["time"]
    found = look(write_csv(path, columns))
    assert find(found, "no column of times").weight == "blocks"
    assert found.facts["periods"]["load"][0]["period"] == "24 rows"
    assert look(path, [*TARGET, "data.interval=1h"]).findings == ()


def test_a_series_too_short_for_a_window_blocks_with_the_words_of_training(path, columns):
    found = look(write_csv(path, columns, range(40)), [*TARGET, "windows.lookback=2d"])
    assert find(found, "room for a window of").weight == "blocks"


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_one_two_and_three_rows(path, columns, kept):
    found = look(write_csv(path, columns, range(kept)), TARGET)
    assert found.rows == kept
    assert found.findings[0].weight == "blocks"


def test_one_column_all_missing_and_huge_numbers(path, columns):
    assert look(write_csv(path, {"load": columns["load"]}), ["data.interval=1h"]).findings == ()
    write_csv(path, columns | {"wind": [""] * HOURS})
    assert find(look(path, TARGET), "is empty").action == "left out"
    write_csv(path, columns | {"wind": [10**25 + 10**20 * row for row in range(HOURS)], "big": columns["wind"] * 1e300})
    look(path, TARGET)


def test_a_column_that_is_not_there_is_the_users_mistake(path, columns):
    write_csv(path, columns)
    for setting in ('data.target=["lod"]', 'data.inputs=["lod"]'):
        with pytest.raises(ConfigError, match="Did you mean 'load'"):
            look(path, [setting])
    with pytest.raises(DataError, match="'clock'"):
        look(path, ["data.time=clock"])


def test_parquet_names_rows(tmp_path, columns):
    columns["wind"][4] = np.nan
    columns["time"] = columns["time"].astype("datetime64[ms]")
    polars.DataFrame(columns).write_parquet(tmp_path / "series.parquet")
    found = look(tmp_path / "series.parquet", TARGET)
    assert find(found, "missing").where == "'wind': row 5"


def test_real_series_show_what_is_known_about_them_and_no_more(real_data):
    weather = look(real_data / "weather" / "weather.csv", ['data.target=["OT"]'])
    assert sorted(each.what for each in weather.findings) == [
        "1 hole in the times, 9 rows missing",
        "1 timestamp repeated",
        "1 value of -9999",
        "30 values of -9999",
        "50 values of -9999",
    ]
    assert look(real_data / "ett" / "ETTh1.csv", ['data.target=["OT"]']).findings == ()
    jena = look(real_data / "jena" / "jena_hourly_2009_2016.csv", ['data.target=["T (degC)"]'])
    assert [each.what for each in jena.findings] == ["5 holes in the times, 89 rows missing"]


def test_each_of_several_targets_is_judged(path, columns):
    columns["next"] = np.append(columns["wind"][1:], 0.0)
    found = look(write_csv(path, columns), ['data.target=["load","wind"]'])
    assert "'wind' 1 row later" in find(found, "leaks the target").what


def test_another_number_may_stand_for_a_missing_value(path, columns):
    columns["load"][900:902] = -777
    columns["wind"][400] = -9999
    found = look(write_csv(path, columns), [*TARGET, "data.missing=-777"])
    assert find(found, "-777").what == "2 values of -777"
    assert not [each for each in found.findings if "values of -9999" in each.what]


@pytest.mark.parametrize(("step", "days", "name"), [("7D", 357, "52w"), ("1D", 371, "1y"), ("1D", 30, "30d")])
def test_a_period_of_about_a_year_is_called_so(path, step, days, name):
    size, unit = int(step[:-1]), step[-1]
    rows = 3000 if size == 1 else 520
    times = START + np.arange(rows) * np.timedelta64(size, unit)
    wave = np.sin(2 * np.pi * np.arange(rows) * size / days)
    periods = look(write_csv(path, {"time": times, "sales": wave})).facts["periods"]["sales"]
    assert periods[0]["period"] == name


def test_numbers_have_one_format(path):
    columns = make_columns() | {"load": np.linspace(98, 24097, HOURS), "wind": np.linspace(318.5, 1640587, HOURS)}
    spans = {each.name: each.values for each in look(write_csv(path, columns)).columns}
    assert spans["load"] == "98 to 24,097"
    assert spans["wind"] == "318.5 to 1,640,587"


def test_rows_from_newest_to_oldest_are_read_as_training_reads_them(tmp_path, columns):
    turned = {name: cells[::-1] for name, cells in columns.items()}
    inspection = look(write_csv(tmp_path / "turned.csv", turned), TARGET)
    assert inspection.findings == ()
    assert any("newest row is first" in note for note in inspection.notes)

"""Series as files hold them: odd ends, compact stamps, hours of their own, holes, units and several series at once."""

import datetime
import json
import math

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.data.readers.series import read_series
from seqconv.errors import DataError

pytestmark = pytest.mark.usefixtures("quick")

DAY = datetime.date(2015, 1, 1)
FLAGS = ("--target", "y", "--no-baselines", "--set", "training.epochs=1")


def day(number: int) -> str:
    return str(DAY + datetime.timedelta(number))


def value(number: int) -> float:
    return round(number % 7 + math.sin(number), 2)


def write(path, *lines, end="\n"):
    path.write_text("\n".join(lines) + end)
    return path


def train(folder, file, *flags, code=0):
    return seqconv_command("train", file, "--out", "run", *FLAGS, *flags, cwd=folder, code=code)


def facts(folder):
    return json.loads((folder / "run/metrics.json").read_text())


def predict(folder, file, run="run"):
    seqconv_command("predict", run, file, "-o", "out.csv", cwd=folder)
    return polars.read_csv(folder / "out.csv")


@pytest.fixture(scope="module")
def daily(tmp_path_factory):
    """A run of 700 days."""
    folder = tmp_path_factory.mktemp("daily")
    write(folder / "daily.csv", "ds,y", *(f"{day(n)},{value(n)}" for n in range(700)))
    train(folder, "daily.csv")
    return folder


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_newest_forecast_does_not_hang_on_a_line_end(daily, end):
    lines = (daily / "daily.csv").read_text().splitlines()
    (daily / "end.csv").write_text(("\r\n" if end == "\r\n" else "\n").join(lines) + end)
    whole, found = predict(daily, "daily.csv"), predict(daily, "end.csv")
    assert found.drop("ds").equals(whole.drop("ds"))
    assert found[found.columns[-1]][-1] is not None


def test_a_file_of_one_row_is_answered_with_nothing(daily):
    write(daily / "one.csv", "ds,y", f"{day(0)},1.0", end="")
    assert len(predict(daily, "one.csv")) == 1


def test_counted_rows_go_on_from_piece_to_piece(tmp_path):
    rows = [str(value(n)) for n in range(60_000)]
    write(tmp_path / "short.csv", "y", *rows[:5000])
    write(tmp_path / "long.csv", "y", *rows)
    train(tmp_path, "short.csv", "--interval", "1h")
    found = predict(tmp_path, "long.csv")
    assert found.columns[1] == "y in 1 h"
    assert found["y in 1 h"][49_990:50_010].null_count() == 0


@pytest.mark.parametrize("dates", ["{0:%d/%m/%Y}", "{0:%m/%d/%Y}"])
def test_day_and_month_are_read_as_in_training(tmp_path, dates):
    """The first twelve days of a month can be read both ways."""
    stamps = [dates.format(DAY + datetime.timedelta(n)) for n in range(700)]
    write(tmp_path / "trained.csv", "ds,y", *(f"{each},{value(n)}" for n, each in enumerate(stamps)))
    train(tmp_path, "trained.csv", "--lookback", "4d")
    assert seqconv.load(tmp_path / "run").bundle.recipe.data.dates == (
        "day first" if "%d/%m" in dates else "month first"
    )
    write(tmp_path / "new.csv", "ds,y", *(f"{stamps[n]},{value(n)}" for n in range(1, 12)))
    whole, found = predict(tmp_path, "trained.csv"), predict(tmp_path, "new.csv")
    name = whole.columns[2]
    assert found[name][-1] == pytest.approx(whole[name][11], rel=1e-5)


def test_values_near_a_billion_are_judged_and_written_alike(tmp_path):
    write(tmp_path / "big.csv", "ds,y", *(f"{day(n)},{1e9 + 100 * value(n)!r}" for n in range(700)))
    train(tmp_path, "big.csv")
    stored = np.load(tmp_path / "run/predictions.npz")
    assert stored["outputs"].dtype == np.float64
    found = predict(tmp_path, "big.csv")
    name = found.columns[2]
    by_day = dict(zip(found["ds"].to_list(), found[name].to_list(), strict=True))
    error = [
        abs(by_day[str(stamp.astype("datetime64[D]") - 1)] - target)
        for stamp, target in zip(stored["times"], stored["targets"][:, 0, 0], strict=True)
    ]
    assert np.mean(error) == pytest.approx(facts(tmp_path)["test"]["mae"], rel=1e-3)


@pytest.mark.parametrize(
    ("form", "step_s"),
    [("%Y%m%d%H", 3600), ("%Y%m%d%H%M", 600), ("%Y%m%d%H%M%S", 10)],
    ids=["hours", "minutes", "seconds"],
)
def test_compact_numbers_are_dates_not_seconds(tmp_path, form, step_s):
    start = datetime.datetime(2019, 1, 1)
    stamps = [(start + datetime.timedelta(seconds=n * step_s)).strftime(form) for n in range(50)]
    series = read_series(write(tmp_path / "s.csv", "date,y", *(f"{each},{n}" for n, each in enumerate(stamps))))
    assert (str(series.times[0]), series.interval_s) == ("2019-01-01T00:00:00", step_s)


def test_compact_numbers_in_a_column_of_another_name_are_pointed_to(tmp_path):
    stamps = [(datetime.datetime(2019, 1, 1) + datetime.timedelta(hours=n)).strftime("%Y%m%d%H%M") for n in range(50)]
    path = write(tmp_path / "s.csv", "taken,y", *(f"{each},{n % 5}" for n, each in enumerate(stamps)))
    with pytest.raises(DataError, match="Name it, perhaps 'taken', with --time"):
        read_series(path)
    assert read_series(path, time="taken").interval_s == 3600


@pytest.mark.parametrize(
    ("name", "show"),
    [("hr", "{0}"), ("hour", "{0:02}:00"), ("time", "{0}00"), ("uhrzeit", "{0:02}.00.00"), ("HH", "{0:02}")],
)
@pytest.mark.parametrize("dates", ["%Y-%m-%d", "%Y%m%d", "%d/%m/%Y"])
def test_a_date_and_an_hour_of_its_own_are_one_time(tmp_path, name, show, dates):
    rows = [
        f"{(DAY + datetime.timedelta(n // 24)).strftime(dates)},{show.format(n % 24)},{value(n)}" for n in range(480)
    ]
    series = read_series(write(tmp_path / "s.csv", f"date,{name},load", *rows), columns=["load"])
    assert series.interval_s == 3600
    assert str(series.times[-1]) == "2015-01-20T23:00:00"
    assert any(f"'date' and {name!r}" in note for note in series.notes)


def test_the_hour_24_is_midnight_of_the_next_day(tmp_path):
    rows = [f"{day(n // 24)} {n % 24 + 1:02}:00,{value(n)}" for n in range(72)]
    series = read_series(write(tmp_path / "s.csv", "time,y", *rows))
    assert series.interval_s == 3600
    assert str(series.times[23]) == "2015-01-02T00:00:00"
    assert "the hour 24:00 read as midnight of the next day" in series.notes


def test_the_newest_row_first_is_read_in_order(daily, tmp_path):
    lines = (daily / "daily.csv").read_text().splitlines()
    write(tmp_path / "turned.csv", lines[0], *lines[:0:-1])
    done = train(tmp_path, "turned.csv")
    assert "the newest row is first" in done.stderr
    assert predict(tmp_path, "turned.csv").equals(predict(daily, "daily.csv"))


def test_a_constant_first_time_column_is_no_time(tmp_path):
    rows = [f"2020-05-01,{day(n)},{value(n)}" for n in range(100)]
    series = read_series(write(tmp_path / "s.csv", "last_update,date,y", *rows))
    assert series.interval_s == 86400


@pytest.mark.parametrize("by", ["shop", "day"])
def test_several_series_in_one_file_are_forecast_together_or_named(tmp_path, by):
    rows = [(shop, n, value(n) + 1000 * shop) for shop in range(3) for n in range(30)]
    rows.sort(key=lambda row: row[::1] if by == "shop" else (row[1], row[0]))
    write(tmp_path / "panel.csv", "date,shop,y", *(f"{day(n)},shop {shop},{y}" for shop, n, y in rows))
    done = train(tmp_path, "panel.csv", "--lookback", "1d", code=2)
    assert "it holds 3, one for each value of 'shop'" in done.stderr
    train(tmp_path, "panel.csv", "--model", "theta")
    assert facts(tmp_path)["facts"]["series"] == 3


def test_missing_weekends_are_the_cause_and_rows_can_be_counted(tmp_path):
    days = [n for n in range(700) if (DAY + datetime.timedelta(n)).weekday() < 5]
    write(tmp_path / "shop.csv", "date,y", *(f"{day(n)},{value(place)}" for place, n in enumerate(days)))
    done = train(tmp_path, "shop.csv", code=2)
    assert "there are no rows on Saturdays and Sundays. Use --horizon, which takes" in done.stderr
    assert "--time none, which counts them" in done.stderr
    train(tmp_path, "shop.csv", "--horizon", "5", "--model", "theta", "--out", "ahead")
    train(tmp_path, "shop.csv", "--time", "none")
    assert len(predict(tmp_path, "shop.csv")) == len(days)


@pytest.mark.parametrize(
    ("lines", "flags"),
    [
        (lambda n: [f"{day(n)},{value(n) if n % 15 else ''}"], "--horizon"),
        (lambda n: [f"{day(n)},{value(n)}"] * (1 + n % 2), "--horizon with --duplicates mean"),
    ],
    ids=["missing values", "repeated times"],
)
def test_the_way_out_of_rows_that_break_every_window_works(tmp_path, lines, flags):
    write(tmp_path / "s.csv", "date,y", *(line for n in range(300) for line in lines(n)))
    assert f"se {flags}, which takes such rows" in train(tmp_path, "s.csv", code=2).stderr
    more = ("--duplicates", "mean") if "duplicates" in flags else ()
    train(tmp_path, "s.csv", "--horizon", "5", "--model", "theta", "--out", "ahead", *more)


def test_a_column_that_is_mostly_empty_is_the_cause(tmp_path):
    rows = [f"{day(n)},{value(n)},{value(n) if n % 10 == 0 else ''}" for n in range(400)]
    done = train(tmp_path, str(write(tmp_path / "s.csv", "date,y,nmhc", *rows)), code=2)
    assert "'nmhc' is missing in 90% of its rows. Leave it out with --inputs" in done.stderr


def test_windows_that_missing_rows_cost_are_always_reported(tmp_path):
    rows = [f"{day(n)},{value(n)}" for n in range(700) if n % 40 != 5]
    done = train(tmp_path, str(write(tmp_path / "s.csv", "date,y", *rows)), "--lookback", "14d")
    splits = facts(tmp_path)["facts"]["splits"]
    lost, kept = splits["train"]["dropped_at_holes"], splits["train"]["windows"]
    assert lost > 100
    assert f"windows left out: {lost:,} of {lost + kept:,} train" in done.stderr
    assert "twice the strongest period" not in done.stderr or "7d" in done.stderr


def test_a_covariate_that_is_constant_in_one_fold_does_not_end_a_backtest(tmp_path):
    rows = [f"{day(n)},{value(n)},{int(n > 520 and n % 3 == 0)}" for n in range(1000)]
    write(tmp_path / "promo.csv", "date,y,promo", *rows)
    seqconv_command("backtest", "promo.csv", "--folds", "4", "--out", "folds", *FLAGS, cwd=tmp_path)
    assert (tmp_path / "folds/metrics.json").exists()


@pytest.mark.parametrize("unit", [1e-21, 1e-13, 1e40])
def test_any_unit_is_forecast(tmp_path, unit):
    write(tmp_path / "s.csv", "ds,y", *(f"{day(n)},{unit * (2 + math.sin(n))!r}" for n in range(400)))
    done = train(tmp_path, "s.csv")
    assert "Warning" not in done.stderr
    found = predict(tmp_path, "s.csv")
    newest = found[found.columns[2]][-1]
    assert 0.5 * unit < newest < 3.5 * unit


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--target", "z"), "--target must name a column of daily.csv; got 'z'"),
        (("--lead", "36h"), "--lead must be a whole number of rows of 24 h; got 36h. Use 2d"),
        (("--lookback", "500d"), "--lookback must leave room"),
    ],
)
def test_errors_name_the_flag_in_the_unit_that_was_typed(daily, flags, says):
    done = seqconv_command("train", "daily.csv", "--target", "y", *flags, cwd=daily, code=2)
    assert says in done.stderr.splitlines()[-1]


def test_a_target_of_text_is_said_to_be_text(tmp_path):
    write(tmp_path / "price.csv", "Date,Close/Last,Volume", *(f"{day(n)},${value(n)},{n}" for n in range(100)))
    done = seqconv_command("train", "price.csv", "--target", "Close/Last", cwd=tmp_path, code=2)
    assert "--target must be a column of numbers; price.csv: column 'Close/Last' is text like '$0.0'" in done.stderr


def test_a_value_far_beyond_those_of_training_is_named_and_not_forecast(daily, tmp_path):
    """In float32 it would be infinite, and forecasts and scores no numbers."""
    rows = [f"{day(n)},{1e40 if n == 690 else value(n)}" for n in range(700)]
    write(daily / "far.csv", "ds,y", *rows)
    for command in ("predict", "evaluate"):
        done = seqconv_command(command, "run", "far.csv", cwd=daily, code=2)
        assert "far.csv: 'y' must hold values like those of training; got 1e+40 at 2016-11-21" in done.stderr
    write(tmp_path / "far.csv", "ds,y", *rows)
    done = train(tmp_path, "far.csv", code=2)
    assert "far.csv: 'y' must hold values like those of training; got 1e+40" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("mark", [".", "..", "--", ":", "#N/A", "n.a."])
def test_marks_of_missing_values_are_read_as_such(tmp_path, mark):
    """As FRED, the World Bank, Eurostat and Excel write them."""
    rows = [f"{day(n)},{mark if n % 50 == 3 else value(n)}" for n in range(100)]
    found = read_series(write(tmp_path / "marks.csv", "ds,y", *rows))
    assert np.flatnonzero(np.isnan(found.values[:, 0])).tolist() == [3, 53]
    assert "2 cells in 'y' read as missing" in found.notes


def test_rows_that_training_counted_are_counted_where_their_numbers_look_like_years(tmp_path):
    rows = [f"{n},{value(n)}" for n in range(2400)]
    write(tmp_path / "counted.csv", "time,y", *rows)
    train(tmp_path, "counted.csv", "--every", "1h", "--lookback", "12h")
    assert seqconv.load(tmp_path / "run").bundle.recipe.data.time == "none"
    write(tmp_path / "years.csv", "time,y", *rows[1700:1800])
    write(tmp_path / "others.csv", "time,y", *rows[2200:2300])
    assert predict(tmp_path, "years.csv")["y in 1 h"].drop_nulls().len() == 89
    whole = predict(tmp_path, "counted.csv")["y in 1 h"][1720:1800]
    np.testing.assert_array_equal(predict(tmp_path, "years.csv")["y in 1 h"][20:], whole)


def test_rows_and_months_as_a_lead_are_told_of_the_horizon(daily):
    for lead in ("12", "12mo", "4q", "5bd", "12M", "1 month", "3 rows"):
        done = seqconv_command("train", "daily.csv", "--target", "y", "--lead", lead, cwd=daily, code=2)
        assert f"got '{lead}'. Use --horizon" in done.stderr


def test_what_predicting_cannot_read_is_told_without_the_flags_of_training(daily):
    write(daily / "timeless.csv", "y", *(str(value(n)) for n in range(60)))
    write(daily / "shops.csv", "ds,shop,y", *(f"{day(n)},{shop},{value(n)}" for shop in "ab" for n in range(60)))
    write(daily / "months.csv", "ds,y", *(f"20{n // 12:02}-{n % 12 + 1:02}-01,{value(n)}" for n in range(60)))
    for name, says in (
        ("timeless", "must have times, as 'ds' in training; got 'y'. Name them with --time"),
        ("shops", "must hold one series; it holds 2, one for each value of 'shop'. The model forecasts one, row by"),
        ("months", "got one row per month. The model forecasts one, row by row. Resample them"),
    ):
        said = seqconv_command("predict", "run", f"{name}.csv", cwd=daily, code=2).stderr
        assert says in said
        assert "--every" not in said
        assert "--horizon" not in said

"""Tables of series are read as the training table was: decimal marks, order of day and month, columns of times."""

import json

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.serving.requests import predict as answer
from seqconv.tasks.panel.task import PANEL

pytestmark = pytest.mark.usefixtures("quick")

DAYS = np.datetime64("2021-01-01") + np.arange(60)
ROWS = [(shop, day, 1500.0 + 1000 * n + row) for n, shop in enumerate("ab") for row, day in enumerate(DAYS)]
SHORT = ("--model", "naive", "--horizon", "3", "--quiet")


def show_comma(value, digits=1):
    """1.234,5 as German programs write it."""
    return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def show_point(value, digits=1):
    return f"{value:,.{digits}f}"


def write(path, show, separator=";", day="%d.%m.%Y", rows=ROWS):
    lines = [
        separator.join((shop, f"{date.item():{day}}", f'"{show(value)}"' if separator == "," else show(value)))
        for shop, date, value in rows
    ]
    path.write_text("\n".join([separator.join(("shop", "day", "sold")), *lines, ""]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panels")
    write(folder / "comma.csv", show_comma)
    write(folder / "point.csv", show_point, ",", "%m/%d/%Y")
    for name in ("comma", "point"):
        seqconv_command("forecast", f"{name}.csv", "--target", "sold", *SHORT, "--run", name, cwd=folder)
    return folder


def newest(folder, run, file, *more):
    """The first forecast of each series: with the naive model its newest value."""
    seqconv_command("predict", run, file, "-o", "out.csv", "--quiet", *more, cwd=folder)
    return polars.read_csv(folder / "out.csv").group_by("shop", maintain_order=True).first()["forecast"].to_list()


def test_the_marks_of_the_training_table_are_in_the_model(folder):
    read = [seqconv.load(folder / name).bundle.recipe.data for name in ("comma", "point")]
    assert [(each.decimal, each.dates) for each in read] == [("comma", "guess"), ("point", "month first")]


def test_points_between_thousands_are_no_decimal_points_to_a_model_of_commas(folder):
    write(folder / "whole.csv", lambda value: show_comma(value, 0))
    assert newest(folder, "comma", "whole.csv") == [1559, 2559]
    write(folder / "whole.csv", lambda value: show_point(value, 0), ",", "%m/%d/%Y")
    assert newest(folder, "point", "whole.csv") == [1559, 2559]


@pytest.mark.parametrize("command", ["predict", "evaluate", "explain"])
def test_numbers_of_another_form_are_refused_by_line(folder, command):
    write(folder / "other.csv", lambda value: f"{value:.1f}")
    done = seqconv_command(command, "comma", "other.csv", cwd=folder, code=2)
    assert "other.csv, line 2: 'sold' must be a number with a decimal comma" in done.stderr
    assert done.stderr.count("\n") == 1


def test_days_and_months_stay_in_their_order(folder):
    """The first days of April alone could be those of the fourth of many months."""
    rows = [(shop, np.datetime64("2021-04-01") + day, 1500.0 + day) for shop in "ab" for day in range(9)]
    write(folder / "april.csv", show_point, ",", "%m/%d/%Y", rows)
    seqconv_command("predict", "point", "april.csv", "-o", "out.csv", "--quiet", cwd=folder)
    assert polars.read_csv(folder / "out.csv")["day"][0] == "2021-04-10"


def test_requests_are_read_so_too(folder):
    model = seqconv.load(folder / "comma")
    rows = [
        {"shop": "a", "day": f"{day.item():%d.%m.%Y}", "sold": show_comma(1000.0 + day.item().day, 0)} for day in DAYS
    ]
    (found,) = answer(model, json.dumps({"rows": rows}).encode())
    assert found[0]["forecast"] == 1000 + DAYS[-1].item().day
    assert (
        PANEL.form.request(PANEL.describe(model.bundle))
        == '{"rows": [{"shop": "A", "day": "2018-12-01", "sold": 0.5}, ...]}'
    )


def test_columns_that_make_up_the_times_are_settled(tmp_path):
    rows = [
        (shop, str(day), hour, 100 * n + 24 * row + hour)
        for n, shop in enumerate("ab")
        for row, day in enumerate(DAYS[:9])
        for hour in range(24)
    ]
    table = polars.DataFrame(rows, ["shop", "day", "hour", "sold"], orient="row")
    table.write_csv(tmp_path / "hours.csv")
    seqconv_command("forecast", "hours.csv", "--target", "sold", *SHORT, "--run", "hours", cwd=tmp_path)
    assert seqconv.load(tmp_path / "hours").bundle.recipe.data.time == "day,hour"
    table[21:22].write_csv(tmp_path / "row.csv")  # alone, its date would do
    seqconv_command("predict", "hours", "row.csv", "-o", "out.csv", "--quiet", cwd=tmp_path)
    assert polars.read_csv(tmp_path / "out.csv")["day"].to_list() == [
        f"2021-01-01 {hour}:00:00" for hour in (22, 23)
    ] + ["2021-01-02 00:00:00"]
    table.drop("hour").write_csv(tmp_path / "days.csv")
    done = seqconv_command("predict", "hours", "days.csv", cwd=tmp_path, code=2)
    assert done.stderr.startswith("seqconv: days.csv: must have the column 'hour'; it does not.")
    whole = polars.col("day") + " " + polars.col("hour").cast(polars.String).str.zfill(2) + ":00"
    table.with_columns(whole.alias("day")).drop("hour").write_csv(tmp_path / "whole.csv")
    found = []
    for name in ("hours", "whole"):
        seqconv_command("predict", "hours", f"{name}.csv", "-o", "out.csv", "--quiet", cwd=tmp_path)
        found.append((tmp_path / "out.csv").read_text())
    assert found[0] == found[1]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_known_of_the_future_keeps_its_fractions_and_marks(folder, tmp_path, form):
    """In the table the column holds whole numbers, in that of the future text or fractions."""
    rows = [(shop, str(day), value, int(value) % 3) for shop, day, value in ROWS]
    polars.DataFrame(rows, ["shop", "day", "sold", "price"], orient="row").write_csv(tmp_path / "table.csv")
    words = ("table.csv", "--target", "sold", "--known", "price", "--horizon", "3", "--quiet", "--run", "run")
    seqconv_command("forecast", *words, "--model", "ridge", cwd=tmp_path)
    later = DAYS[-1] + 1 + np.arange(3)
    cells = [(shop, str(day), 0.75) for shop in "ab" for day in later]
    known = polars.DataFrame(cells, ["shop", "day", "price"], orient="row")
    known.write_csv(tmp_path / "next.csv") if form == "csv" else known.write_ndjson(tmp_path / "next.jsonl")
    seqconv_command("predict", "run", "table.csv", "--future", f"next.{form}", "-o", "a.csv", "--quiet", cwd=tmp_path)
    joined = [(*row[:2], row[2], float(row[3])) for row in rows] + [
        (shop, day, None, price) for shop, day, price in cells
    ]
    polars.DataFrame(joined, ["shop", "day", "sold", "price"], orient="row").write_csv(tmp_path / "joined.csv")
    seqconv_command("predict", "run", "joined.csv", "-o", "b.csv", "--quiet", cwd=tmp_path)
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    known.with_columns(price=polars.lit("0,75")).write_csv(tmp_path / "next.csv", separator=";")
    done = seqconv_command("predict", "run", "table.csv", "--future", "next.csv", cwd=tmp_path, code=2)
    assert "next.csv, line 2: 'price' must be a number" in done.stderr


def test_the_future_of_counted_rows_follows_them(tmp_path):
    rows = [(shop, float(n + row % 4), row % 2) for n, shop in enumerate("ab") for row in range(40)]
    polars.DataFrame(rows, ["shop", "sold", "promo"], orient="row").write_csv(tmp_path / "table.csv")
    words = ("table.csv", "--id", "shop", "--target", "sold", "--known", "promo", *SHORT, "--run", "run")
    seqconv_command("forecast", *words, cwd=tmp_path)
    seqconv_command("future", "run", "table.csv", "-o", "next.csv", cwd=tmp_path)
    polars.read_csv(tmp_path / "next.csv").with_columns(promo=1).write_csv(tmp_path / "next.csv")
    assert newest(tmp_path, "run", "table.csv", "--future", "next.csv") == [3, 4]


def test_what_a_table_may_not_hold_is_told_without_flags_that_predicting_lacks(folder):
    rows = [*ROWS, ROWS[-1]]
    write(folder / "twice.csv", show_comma, rows=rows)
    write(folder / "weeks.csv", show_comma, rows=ROWS[::7])
    said = {
        name: seqconv_command("predict", "comma", f"{name}.csv", cwd=folder, code=2).stderr
        for name in ("twice", "weeks")
    }
    assert "line 122: times must differ within b; this one is there already. Drop one, or train with" in said["twice"]
    assert "weeks.csv: rows must be a day apart, the frequency given or found in training" in said["weeks"]

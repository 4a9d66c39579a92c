"""How numbers are written is settled in training too: decimal and thousands marks, and what is missing."""

import json
from dataclasses import replace

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.models.format import read_bundle, write_bundle
from seqconv.serving.requests import predict as answer

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("--target", "load", "--lookback", "3d", "--no-baselines", "--quiet", "--set", "training.epochs=2")
DAYS = np.datetime64("2021-01-01") + np.arange(200)
VALUES = 1500.0 + 500 * np.sin(np.arange(200) / 3)


def show_comma(value):
    """1.234,5 as German programs write it."""
    return f"{value:,.1f}".translate(str.maketrans(",.", ".,"))


def write(path, cells, separator=";", days=DAYS):
    quoted = [f'"{cell}"' if separator in cell else cell for cell in cells]
    rows = [f"{day}{separator}{cell}" for day, cell in zip(days, quoted, strict=False)]
    path.write_text("\n".join([f"day{separator}load", *rows]) + "\n")
    return path.name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same series with decimal commas, with commas between thousands and as plain numbers, and a model of each."""
    folder = tmp_path_factory.mktemp("numbers")
    write(folder / "comma.csv", map(show_comma, VALUES))
    write(folder / "point.csv", (f"{value:,.1f}" for value in VALUES), ",")
    write(folder / "plain.csv", (f"{value:.1f}" for value in VALUES), ",")
    for name in ("comma", "point", "plain"):
        seqconv_command("train", f"{name}.csv", *SHORT, "--out", name, cwd=folder)
    return folder


def forecast(folder, run, file):
    seqconv_command("predict", run, file, "-o", "out.csv", cwd=folder)
    return polars.read_csv(folder / "out.csv")["load in 24 h"].to_list()


def test_the_mark_of_the_training_file_is_in_the_model_and_changes_no_value(folder):
    marks = {name: seqconv.load(folder / name).bundle.recipe.data.decimal for name in ("comma", "point", "plain")}
    assert marks == {"comma": "comma", "point": "point", "plain": "point"}
    found = [forecast(folder, name, f"{name}.csv") for name in marks]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("run", "cells"),
    [
        ("comma", ["1.234", "1.500", "1.750", "2.000"]),
        ("comma", ["1234", "1500", "1750", "2000"]),
        ("comma", ["1.234,000", "1500,000", "1750,000", "2.000,000"]),
        ("point", ["1,234", "1,500", "1,750", "2,000"]),
        ("point", ["1234", "1,500.0", "1750", "2000"]),
        ("plain", ["1,234", "1,500", "1,750", "2,000"]),
    ],
)
def test_a_small_file_is_read_as_the_training_file_was(folder, run, cells):
    for separator in ";,\t":
        write(folder / "small.csv", cells, separator)
        write(folder / "whole.csv", ["1234", "1500", "1750", "2000"])
        assert forecast(folder, run, "small.csv") == forecast(folder, run, "whole.csv")
    done = seqconv_command("explain", run, "small.csv", "--json", cwd=folder)
    assert done.stdout == seqconv_command("explain", run, "whole.csv", "--json", cwd=folder).stdout


def test_three_digits_after_the_comma_are_no_thousands(folder):
    write(folder / "thousandths.csv", ["1,234", "1,500", "1,750", "2,000"])
    write(folder / "words.csv", ["1.234", "1.5", "1.75", "2"], ",")
    assert forecast(folder, "comma", "thousandths.csv") == forecast(folder, "plain", "words.csv")


def test_other_formats_are_read_so_too(folder):
    cells = ["1.234", "1.500", "1.750", "2.000"]
    days = [str(day) for day in DAYS[:4]]
    polars.DataFrame({"day": days, "load": cells}).write_parquet(folder / "texts.parquet")
    polars.DataFrame({"day": days, "load": cells}).write_ndjson(folder / "texts.jsonl")
    write(folder / "whole.csv", ["1234", "1500", "1750", "2000"])
    wanted = forecast(folder, "comma", "whole.csv")
    for name in ("texts.parquet", "texts.jsonl"):
        assert forecast(folder, "comma", name) == wanted
    model = seqconv.load(folder / "comma")
    for rows in ([1234.0, 1500, 1750, 2000], cells):
        asked = {"rows": [{"day": day, "load": value} for day, value in zip(days, rows, strict=True)]}
        ((found,),) = answer(model, json.dumps(asked).encode())
        assert found["prediction"] == pytest.approx(wanted[-1], rel=1e-6)


@pytest.mark.parametrize(
    ("run", "mark", "cells"),
    [("comma", "comma", ["1.5", "2.25", "3.5", "2"]), ("plain", "point", ["1,5", "2,25", "3,5", "2"])],
)
def test_numbers_of_another_form_are_refused_by_line(folder, run, mark, cells):
    for command in ("predict", "evaluate", "explain"):
        for separator in ";,":
            write(folder / "other.csv", cells, separator)
            done = seqconv_command(command, run, "other.csv", cwd=folder, code=2)
            assert f"other.csv, line 2: 'load' must be a number with a decimal {mark}" in done.stderr
            assert done.stderr.count("\n") == 1


def test_test_files_and_evaluations_are_read_by_the_mark_of_training(folder):
    later = DAYS[-1] + 1 + np.arange(40)
    whole = np.round(VALUES[:40])
    write(folder / "dots.csv", (f"{value:,.0f}".replace(",", ".") for value in whole), days=later)
    write(folder / "ints.csv", (f"{value:.0f}" for value in whole), days=later)
    scores = [seqconv.evaluate(folder / "comma", folder / name).scores.to_dict() for name in ("dots.csv", "ints.csv")]
    assert scores[0] == scores[1]
    found = []
    for name in ("dots", "ints"):
        seqconv_command("train", "comma.csv", *SHORT, "--test", f"{name}.csv", "--out", f"tested-{name}", cwd=folder)
        found.append(json.loads((folder / f"tested-{name}/metrics.json").read_text())["test"])
    assert found[0] == found[1]


def test_a_column_that_training_left_out_does_not_come_back_with_a_test_file(folder):
    """`1,000` alone may be one or a thousand; next to the settled comma it would be one."""
    rows = [f"{day};{show_comma(value)};1,000" for day, value in zip(DAYS, VALUES, strict=True)]
    (folder / "three.csv").write_text("\n".join(["day;load;k", *rows[:160]]) + "\n")
    (folder / "three_test.csv").write_text("\n".join(["day;load;k", *rows[160:]]) + "\n")
    seqconv_command("train", "three.csv", *SHORT, "--test", "three_test.csv", "--out", "three", cwd=folder)
    assert seqconv.load(folder / "three").bundle.features.columns == ("load",)


def test_points_between_thousands_are_read_by_what_another_column_proves(tmp_path):
    (tmp_path / "german.csv").write_text("day;a;b\n2021-01-01;1,5;1.000\n2021-01-02;2,5;12.500\n2021-01-03;3,5;7\n")
    found = seqconv.read_series(tmp_path / "german.csv")
    np.testing.assert_array_equal(found.values, [[1.5, 1000], [2.5, 12500], [3.5, 7]])
    assert "1.000 in 'b' read as 1000" in found.notes


def test_a_column_without_a_value_is_missing_and_no_other_kind(folder):
    rows = [f"{day};{show_comma(value)};{row % 7},5" for row, (day, value) in enumerate(zip(DAYS, VALUES, strict=True))]
    (folder / "two.csv").write_text("\n".join(["day;load;wind", *rows]) + "\n")
    seqconv_command("train", "two.csv", *SHORT, "--out", "two", cwd=folder)
    for mark in ("", "NA", "-", "?", "-9999"):
        lines = [f"{row.rpartition(';')[0]};{mark}" for row in rows[:6]]
        (folder / "still.csv").write_text("\n".join(["day;load;wind", *lines]) + "\n")
        assert forecast(folder, "two", "still.csv") == [None] * 6


def test_a_model_that_does_not_know_goes_by_the_file(folder):
    bundle = read_bundle(folder / "comma")
    data = replace(bundle.recipe.data, decimal="guess")
    write_bundle(replace(bundle, recipe=replace(bundle.recipe, data=data)), folder / "old")
    write(folder / "commas.csv", ["1,5", "2,25", "3,5", "2"])
    write(folder / "points.csv", ["1.5", "2.25", "3.5", "2"])
    assert forecast(folder, "old", "commas.csv") == forecast(folder, "old", "points.csv")

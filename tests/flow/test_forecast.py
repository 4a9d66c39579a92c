"""From a table to its forecasts in one command: the table, the page, the model, and what it says."""

import json

import numpy as np
import pandas
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from helpers.panels import make_sales
from seqconv.tasks.guessing import suggest_recipe
from seqconv.training.folder import Options
from seqconv.training.forecasting import forecast

pytestmark = pytest.mark.usefixtures("quick")

MONTHS = pandas.date_range("2018-01-01", periods=72, freq="MS")
QUANTILES = ["q0.1", "q0.2", "q0.3", "q0.4", "forecast", "q0.6", "q0.7", "q0.8", "q0.9"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sales of shops by month, and what the command made of them."""
    folder = tmp_path_factory.mktemp("forecast")
    rows = [
        f"s{shop},{time.date()},{value:.2f}"
        for shop, sales in enumerate(make_sales(series=4, rows=72))
        for time, value in zip(MONTHS, sales, strict=True)
    ]
    (folder / "sales.csv").write_text("\n".join(["shop,month,sold", *rows, ""]))
    words = ("forecast", "sales.csv", "--target", "sold", "--horizon", "6mo", "-o", "next.csv", "--run", "run")
    (folder / "said.json").write_text(seqconv_command(*words, "--json", cwd=folder).stdout)
    return folder


def test_the_table_has_a_row_for_each_series_and_month_to_come(folder):
    found = polars.read_csv(folder / "next.csv")
    assert found.columns == ["shop", "month", "forecast", *(name for name in QUANTILES if name != "forecast")]
    assert found["shop"].to_list() == [f"s{shop}" for shop in range(4) for _ in range(6)]
    assert found["month"].to_list() == [f"2024-0{month}-01" for month in range(1, 7)] * 4
    values = found.select(QUANTILES).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    truth = [sales[72:] for sales in make_sales(series=4, rows=78, noise=0.0)]
    assert np.abs(found["forecast"].to_numpy() - np.concatenate(truth)).mean() < 5


def test_it_says_how_good_such_forecasts_were_and_where_all_is(folder):
    said = json.loads((folder / "said.json").read_text())
    assert (said["out"], said["n"]) == ("next.csv", 24)
    assert said["test"]["mase"] < 1
    assert said["verdict"]
    page = (folder / said["page"]).read_text()
    assert page.count("<svg") >= 4
    for text in ("Forecast of s3", "seasonal naive (same month last year)", "How good such forecasts were"):
        assert text in page
    results = json.loads((folder / "run" / "metrics.json").read_text())
    assert results["test"] == said["test"]


def test_the_run_forecasts_the_same_again_and_what_comes_later(folder, tmp_path):
    seqconv_command("predict", "run", "sales.csv", "-o", "again.csv", cwd=folder)
    assert (folder / "again.csv").read_text() == (folder / "next.csv").read_text()
    lines = (folder / "sales.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text(
        "\n".join([lines[0], *(line for line in lines if line.startswith("s2")), "s2,2024-01-01,150", ""])
    )
    seqconv_command("predict", str(folder / "run"), "one.csv", "-o", "later.csv", cwd=tmp_path)
    later = polars.read_csv(tmp_path / "later.csv")
    assert later["month"].to_list() == [f"2024-0{month}-01" for month in range(2, 8)]


def test_rows_that_the_model_was_fitted_to_are_no_test_of_it(folder, tmp_path, monkeypatch):
    """It is fitted to all rows; its score in the run is that of the model before."""
    monkeypatch.chdir(folder)
    known = seqconv.evaluate("run").trained_on
    assert known.rows == known.checked == known.n > 0
    lines = (folder / "sales.csv").read_text().splitlines()
    other = [line.replace(",", "0,", 1).replace(".", "7.") for line in lines[1:]]  # other numbers at the same times
    (tmp_path / "other.csv").write_text("\n".join([lines[0], *other, ""]))
    assert seqconv.evaluate(folder / "run", tmp_path / "other.csv").trained_on.rows == 0


def test_scores_are_told_by_series_and_step(folder, tmp_path):
    lines = (folder / "sales.csv").read_text().splitlines()
    wild = ["s9" + line[2:].replace(".", "") if line.startswith("s3") else line for line in lines]  # 100 times as much
    wild = [line + "7" if line.startswith("s0") and line.endswith("5") else line for line in wild]
    (tmp_path / "other.csv").write_text("\n".join([*wild, ""]))
    words = ("evaluate", str(folder / "run"), "other.csv", "-o", "page.html")
    found = json.loads(seqconv_command(*words, "--json", cwd=tmp_path).stdout)
    assert [each["step"] for each in found["steps"]] == [1, 2, 3, 4, 5, 6]
    assert {each["id"] for each in found["worst"]} == {"s0", "s1", "s2", "s9"}
    errors = [each["mase"] for each in found["worst"]]
    assert errors == sorted(errors, reverse=True)
    weights = [each["n"] for each in found["worst"]]
    assert np.average(errors, weights=weights) == pytest.approx(found["metrics"]["mase"]["value"])
    better = np.mean([each["mase"] < each["mase_seasonal_naive"] for each in found["worst"]])
    assert found["better"] == better
    said = seqconv_command(*words[:-2], cwd=tmp_path).stdout
    assert "s9" in said
    assert f"{100 * better:.0f} % of 4 series are forecast better than by the seasonal naive forecast" in said
    page = (tmp_path / "page.html").read_text()
    assert "Each series, the worst first" in page
    assert '<th scope="row">s9</th>' in page
    assert "forecasts.</h1>" in page or "forecasts. <span" in page


def test_a_shop_that_training_never_saw_is_forecast(folder, tmp_path):
    sales = make_sales(series=6, rows=40, seed=9)[5]
    rows = [f"new,{time.date()},{value:.2f}" for time, value in zip(MONTHS, sales, strict=False)]
    (tmp_path / "new.csv").write_text("\n".join(["shop,month,sold", *rows, ""]))
    seqconv_command("predict", str(folder / "run"), "new.csv", "-o", "out.csv", cwd=tmp_path)
    found = polars.read_csv(tmp_path / "out.csv")
    assert found["shop"].to_list() == ["new"] * 6
    assert np.abs(found["forecast"].to_numpy() - sales.mean()).max() < 60


def test_quiet_prints_nothing_and_the_table_lies_in_the_run(folder, tmp_path):
    (tmp_path / "sales.csv").write_bytes((folder / "sales.csv").read_bytes())
    done = seqconv_command("forecast", "sales.csv", "--target", "sold", "--model", "seasonal", "--quiet", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    (run,) = (tmp_path / "runs").iterdir()
    found = polars.read_csv(run / "forecast.csv")
    assert len(found) == 4 * 12  # what people ask for of months
    newest = polars.read_csv(folder / "sales.csv").group_by("shop", maintain_order=True).tail(12)
    np.testing.assert_allclose(found["forecast"], newest["sold"], rtol=1e-6)


def test_the_function_does_what_the_command_does(folder, tmp_path):
    suggested = suggest_recipe(
        "panel", [f"data.source={folder / 'sales.csv'}", 'data.target=["sold"]', "forecast.horizon=6"]
    )
    done = forecast(suggested, Options(out=tmp_path / "run"))
    assert done.rows == 24
    assert done.table.read_text() == (folder / "next.csv").read_text()
    assert done.page.is_file()


def test_train_takes_a_monthly_table_for_a_panel(folder, tmp_path):
    (tmp_path / "sales.csv").write_bytes((folder / "sales.csv").read_bytes())
    one = [line for line in (folder / "sales.csv").read_text().splitlines() if line.startswith(("shop", "s1"))]
    (tmp_path / "one.csv").write_text("\n".join([*(line.partition(",")[2] for line in one), ""]))
    for name, ids in (("sales.csv", ["shop"]), ("one.csv", [])):
        run = f"run-{ids}"
        seqconv_command(
            "train", name, "--target", "sold", "--model", "ets", "--out", run, "--no-baselines", "--quiet", cwd=tmp_path
        )
        model = seqconv.load(tmp_path / run)
        assert model.bundle.recipe.task == "panel"
        assert list(model.bundle.features.ids) == ids
        assert model.bundle.features.horizon == 12
        found = json.loads(seqconv_command("inspect", name, "--target", "sold", "--json", cwd=tmp_path).stdout)
        assert found["task"] == "panel"


def test_runs_on_the_same_series_are_compared(folder):
    seqconv_command(
        "train",
        "sales.csv",
        "--target",
        "sold",
        "--horizon",
        "6",
        "--model",
        "naive",
        "--out",
        "naive",
        "--no-baselines",
        "--quiet",
        cwd=folder,
    )
    found = json.loads(seqconv_command("compare", "run", "naive", "--json", cwd=folder).stdout)
    assert [row["run"] for row in found["runs"]] == ["run", "naive"]
    first, second = (row["metrics"]["mase"]["value"] for row in found["runs"])
    assert first < second


def test_known_columns_that_end_with_the_target_are_told(folder, tmp_path):
    lines = (folder / "sales.csv").read_text().splitlines()
    rows = [f"{line},{number % 2}" for number, line in enumerate(lines[1:])]
    (tmp_path / "sales.csv").write_text("\n".join([f"{lines[0]},promo", *rows, "s1,2024-01-01,,1", ""]))
    words = ("forecast", "sales.csv", "--target", "sold", "--known", "promo", "--model", "ets", "--horizon", "2")
    said = seqconv_command(*words, cwd=tmp_path)
    told = "data: 'promo' is not known in 7 of 8 rows to forecast, the first 2024-01-01 of s0: taken as usual"
    assert told in (said.stdout + said.stderr).splitlines()


def test_a_table_that_is_written_over_is_not(folder, tmp_path):
    (tmp_path / "sales.csv").write_bytes((folder / "sales.csv").read_bytes())
    (tmp_path / "next.csv").write_text("mine")
    done = seqconv_command("forecast", "sales.csv", "--target", "sold", "-o", "next.csv", cwd=tmp_path, code=2)
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "next.csv").read_text() == "mine"
    assert not (tmp_path / "runs").exists()


def test_any_series_and_step_is_explained(folder):
    words = ("explain", "run", "sales.csv", "--series", "s2", "--step", "4", "--json")
    found = json.loads(seqconv_command(*words, cwd=folder).stdout)
    assert (found["output"], found["time"]) == ("sold of s2", "2024-04-01")
    table = polars.read_csv(folder / "next.csv").filter(polars.col("shop") == "s2")
    assert found["value"] == pytest.approx(table["forecast"][3], rel=1e-6)
    done = seqconv_command(*words[:3], "--series", "s9", cwd=folder, code=2)
    assert done.stderr.startswith("seqconv: --series: unknown series 's9'.")

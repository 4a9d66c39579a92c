"""The forecaster on tables: the same as the command, in frames of the kind that came in."""

import pickle

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pytest
from sklearn.base import clone

import seqconv
from helpers.command import seqconv_command
from helpers.panels import make_sales
from seqconv.errors import DataError, OptionError, SeqconvError
from seqconv.estimators.forecaster import SeriesForecaster
from seqconv.models.format import write_bundle

pytestmark = pytest.mark.usefixtures("quick")

MONTHS = pandas.date_range("2018-01-01", periods=54, freq="MS")
QUANTILES = [f"q0.{place}" for place in range(1, 10) if place != 5]


def make_table(series=3, rows=48):
    """Sales of shops by month, which promotions raise by 30."""
    random = np.random.default_rng(1)
    promo = random.integers(0, 2, (series, rows))
    sales = np.stack(make_sales(series=series, rows=rows)) + 30 * promo
    columns = {"shop": np.repeat(np.arange(1, series + 1), rows), "month": [*MONTHS[:rows]] * series}
    return pandas.DataFrame(columns | {"promo": promo.ravel(), "sold": sales.ravel()})


TABLE = make_table()
NEXT = pandas.DataFrame({"shop": np.repeat([3, 1, 2], 6), "month": [*MONTHS[48:54]] * 3, "promo": [0, 1] * 9})


def forecaster(**settings):
    return SeriesForecaster(**{"target": "sold", "horizon": 6, "known": "promo"} | settings)


@pytest.fixture(scope="module")
def fitted():
    return forecaster().fit(TABLE)


def test_a_frame_of_forecasts_comes_back(fitted):
    found = fitted.forecast(future=NEXT)
    assert [*found.columns] == ["shop", "month", "forecast", *QUANTILES]
    assert found["shop"].tolist() == [shop for shop in (1, 2, 3) for _ in range(6)]
    assert found["month"].tolist() == [*MONTHS[48:54]] * 3
    assert found.dtypes[["shop", "month"]].tolist() == TABLE.dtypes[["shop", "month"]].tolist()
    values = found[["q0.1", "forecast", "q0.9"]].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    truth = np.concatenate([each[48:] for each in make_sales(series=3, rows=54, noise=0.0)]) + 30 * np.tile([0, 1], 9)
    assert np.abs(found["forecast"] - truth).mean() < 8


def test_it_is_what_the_command_forecasts(fitted, tmp_path):
    later = NEXT.assign(sold=np.nan)[["shop", "month", "promo", "sold"]]
    pandas.concat([TABLE, later]).to_csv(tmp_path / "sales.csv", index=False)
    words = ("forecast", "sales.csv", "--target", "sold", "--horizon", "6", "--known", "promo", "-o", "next.csv")
    seqconv_command(*words, "--quiet", cwd=tmp_path)
    wanted = polars.read_csv(tmp_path / "next.csv")
    found = fitted.forecast(future=NEXT)
    np.testing.assert_allclose(found[["forecast", *QUANTILES]], wanted.select("forecast", *QUANTILES), rtol=1e-9)
    assert [str(each.date()) for each in found["month"]] == wanted["month"].to_list()
    # by the path of the same table, whose own rows tell the future
    again = seqconv.forecast(str(tmp_path / "sales.csv"), 6, target="sold", known="promo")
    assert again.to_dict(as_series=False) == wanted.with_columns(polars.col("shop").cast(str)).to_dict(as_series=False)


LIBRARIES = {
    "polars": (polars.DataFrame, polars.from_pandas),
    "pyarrow": (pyarrow.Table, lambda frame: pyarrow.Table.from_pandas(frame, preserve_index=False)),
    "duckdb": (duckdb.DuckDBPyRelation, duckdb.from_df),
}


@pytest.mark.parametrize(("kind", "make"), LIBRARIES.values(), ids=LIBRARIES)
def test_every_library_gets_the_same_numbers(fitted, kind, make):
    found = fitted.forecast(make(TABLE), future=make(NEXT))
    assert isinstance(found, kind)
    frame = found.df() if hasattr(found, "df") else found.to_pandas()
    wanted = fitted.forecast(future=NEXT)
    np.testing.assert_array_equal(frame[["forecast", *QUANTILES]], wanted[["forecast", *QUANTILES]])
    assert frame["shop"].tolist() == wanted["shop"].tolist()


def test_promotions_of_the_future_are_used_and_what_is_not_known_is_reported(fitted):
    none, all_ = (fitted.forecast(future=NEXT.assign(promo=value))["forecast"] for value in (0, 1))
    assert ((all_ - none) > 15).all()
    with pytest.warns(UserWarning, match="'promo' is not known in 18 of 18 rows to forecast, the first 2022-01-01"):
        fitted.forecast()
    short = NEXT[NEXT["month"] < MONTHS[50]]
    with pytest.warns(UserWarning, match="in 12 of 18 rows to forecast, the first 2022-03-01 of 1: taken as usual"):
        fitted.forecast(future=short)
    fitted.forecast(steps=2, future=short)  # nothing is missing


def test_the_form_of_the_future_is_filled_in_and_given_back(fitted):
    form = fitted.future_frame()
    assert form.columns.tolist() == ["shop", "month", "promo"]
    assert len(form) == 18
    assert form["promo"].isna().all()
    form["promo"] = np.tile([0, 1], 9)
    np.testing.assert_array_equal(fitted.forecast(future=form)["forecast"], fitted.forecast(future=NEXT)["forecast"])


def test_steps_are_the_first_of_the_horizon(fitted):
    whole, two = fitted.forecast(future=NEXT), fitted.forecast(steps=2, future=NEXT)
    pandas.testing.assert_frame_equal(two, whole[whole["month"] < MONTHS[50]].reset_index(drop=True))
    for steps in (0, 7, 1.5, "2"):
        with pytest.raises(OptionError, match="steps must be a whole number from 1 to 6"):
            fitted.forecast(steps=steps, future=NEXT)


def test_a_series_that_training_never_saw_is_forecast(fitted):
    other = make_table(series=5)[lambda frame: frame["shop"] == 5].assign(shop=77)
    found = fitted.forecast(other, future=NEXT[:6].assign(shop=77))
    assert found["shop"].tolist() == [77] * 6
    assert np.abs(found["forecast"] - 170).max() < 50


def test_scores_are_those_of_rows_that_were_held_out(fitted):
    table = fitted.evaluate()
    assert table["shop"].tolist() == [1, 2, 3]
    assert [*table.columns] == ["shop", "forecasts", "mase", "mase_seasonal_naive", "mae"]
    overall = np.average(table["mase"], weights=table["forecasts"])
    assert overall == pytest.approx(fitted.scores_["blend"]["test"]["mase"])
    assert "unseen forecasts" in fitted.verdict_
    assert "gradient boosting" in fitted.scores_
    with pytest.warns(UserWarning, match="were trained on: this is no test"):
        skill = fitted.score(TABLE)
    assert 0 < skill < 1
    # of numbers that it never saw, by hand
    other = make_table(series=6)[lambda frame: frame["shop"] > 4].reset_index(drop=True)
    table = fitted.evaluate(other)
    own, naive = (np.average(table[name], weights=table["forecasts"]) for name in ("mase", "mase_seasonal_naive"))
    assert fitted.score(other) == pytest.approx(1 - own / naive)


def test_a_series_too_short_to_be_scored_is_empty_there(fitted):
    short = pandas.concat([TABLE, TABLE[TABLE["shop"] == 1][:5].assign(shop=9)])
    with pytest.warns(UserWarning, match="trained on"):
        table = fitted.evaluate(short)
    last = table.iloc[-1]
    assert (last["shop"], last["forecasts"]) == (9, 0)
    assert np.isnan(last["mase"])


def test_it_is_an_estimator_of_scikit_learn(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "verdict_")
    again = pickle.loads(pickle.dumps(fitted))
    pandas.testing.assert_frame_equal(again.forecast(future=NEXT), fitted.forecast(future=NEXT))
    # what it was fitted to last is what counts
    changed = clone(fitted).set_params(model="seasonal").fit(TABLE)
    newest = TABLE[TABLE["month"] >= MONTHS[36]].groupby("shop").head(6)["sold"]
    found = changed.forecast(future=NEXT)["forecast"]
    np.testing.assert_allclose(found, newest, rtol=1e-6)


def test_a_panel_is_fitted_and_forecast(fitted):
    panel = seqconv.read_panel(TABLE, id="shop", target="sold", known="promo")
    model = SeriesForecaster(horizon=6).fit(panel)
    pandas.testing.assert_frame_equal(model.forecast(panel, future=NEXT), fitted.forecast(future=NEXT))
    with pytest.raises(OptionError, match="target must be left out with a panel; got 'sold'"):
        SeriesForecaster(target="sold").fit(panel)
    weekly = pandas.DataFrame({"week": pandas.date_range("2024-01-01", periods=30, freq="W"), "sold": range(30)})
    with pytest.raises(DataError, match="must be series of 'sold', a row each month; got 'sold', week"):
        model.forecast(seqconv.read_panel(weekly))


def test_the_model_is_saved_and_used_by_commands(fitted, tmp_path):
    write_bundle(fitted.bundle_, tmp_path / "model")
    later = NEXT.assign(sold=np.nan)[["shop", "month", "promo", "sold"]]
    pandas.concat([TABLE, later]).to_csv(tmp_path / "sales.csv", index=False)
    seqconv_command("predict", "model", "sales.csv", "-o", "next.csv", cwd=tmp_path)
    wanted = polars.read_csv(tmp_path / "next.csv")["forecast"]
    np.testing.assert_allclose(fitted.forecast(future=NEXT)["forecast"], wanted)


def test_one_series_needs_no_id_and_a_horizon_none():
    column = TABLE[TABLE["shop"] == 1].set_index("month")["sold"]
    found = seqconv.forecast(column, model="ets")
    assert found.index.tolist() == [*pandas.date_range("2022-01-01", periods=9, freq="MS")]  # a fifth of the rows
    assert found.columns[0] == "forecast"


WRONG = {
    "no such target": ({"target": "sales"}, "must have the column 'sales'"),
    "no such id": ({"id": "store"}, "must have the column 'store'"),
    "too long a horizon": ({"horizon": 60}, "Use a shorter `horizon`"),
    "no horizon": ({"horizon": 0}, "horizon must be"),
    "days of months": ({"horizon": "30d"}, "horizon must be a whole number of rows, each a month; got 30d"),
    "an unknown model": ({"model": "arima"}, "`model`: unknown model"),
    "windows": ({"lookback": 12}, "lookback is of networks on windows of an array; X is a table. Leave it out"),
    "epochs": ({"epochs": 3}, "epochs is of networks on windows"),
    "a place without holidays": ({"holidays": "Narnia"}, "Narnia"),
}


@pytest.mark.parametrize(("settings", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_hold_is_said_in_one_line(settings, said):
    with pytest.raises(SeqconvError) as caught:
        forecaster(**settings).fit(TABLE)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


def test_arrays_and_tables_are_told_apart(fitted):
    with pytest.raises(OptionError, match="y must be left out with a table"):
        forecaster().fit(TABLE, TABLE["sold"])
    with pytest.raises(OptionError, match="predict is of arrays"):
        fitted.predict(TABLE)
    windows = SeriesForecaster(lookback=8, epochs=1, random_state=0).fit(np.sin(np.arange(90.0))[:, None])
    for call in (windows.future_frame, windows.evaluate, lambda: windows.forecast(steps=2)):
        with pytest.raises(OptionError, match="a model of a table"):
            call()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
@pytest.mark.parametrize(("freq", "start"), [("D", "2023-09-20"), ("MS", "2019-02-01"), ("h", "2023-10-27")])
def test_times_of_a_zone_go_on_over_clock_changes_as_in_pandas(zone, freq, start):
    times = pandas.date_range(start, periods=60, freq=freq, tz=zone)
    found = seqconv.forecast(pandas.DataFrame({"time": times, "y": np.arange(60.0)}), 10, model="naive")
    assert found["time"].tolist() == pandas.date_range(times[-1], periods=11, freq=freq)[1:].tolist()

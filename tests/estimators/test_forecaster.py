"""The forecaster keeps scikit-learn's contract, and no forecast for a row has seen a row too many."""

import pickle

import numpy as np
import pandas
import polars
import pytest
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, ShuffleSplit, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import seqconv
from seqconv.errors import ConfigError, DataError
from seqconv.estimators.forecaster import SeriesForecaster
from seqconv.tasks.blend import split_parts


def make_wave(rows=240, noise=0.05, seed=0):
    random = np.random.default_rng(seed)
    return (np.sin(np.arange(rows) / 4) + random.normal(0, noise, rows))[:, None]


def hourly(values, start="2024-01-01"):
    return pandas.DataFrame({"T": values[:, 0]}, index=pandas.date_range(start, periods=len(values), freq="h"))


def tiny(**settings):
    return SeriesForecaster(**{"lookback": 8, "epochs": 3, "n_jobs": 1, "random_state": 0} | settings)


@pytest.mark.parametrize(("lookback", "step", "lead"), [(8, 1, 1), (8, 2, 3), (9, 3, 1), (6, 1, [1, 2, 7]), (8, 4, 2)])
def test_a_forecast_reads_nothing_later_than_lead_rows_before_its_row(lookback, step, lead):
    X = make_wave(80)
    model = tiny(lookback=lookback, step=step, lead=lead, epochs=1).fit(X)
    leads = np.atleast_1d(lead)
    before = model.predict(X).reshape(80, len(leads))
    changed = X.copy()
    changed[40] += 3.0
    moved = (model.predict(changed).reshape(80, len(leads)) != before) & (np.arange(80) >= 0)[:, None]
    for place, each in enumerate(leads):
        rows = np.flatnonzero(moved[:, place])
        assert rows[0] == 40 + each  # the newest row that is read lies `lead` rows before
        assert rows[-1] <= 40 + each + lookback - step  # and the oldest as far back as the window reaches
        assert (np.diff(rows) % step == 0).all()


@pytest.mark.parametrize("lead", [1, 4])
def test_a_series_that_counts_its_rows_is_forecast_as_it_goes_on(lead):
    X = np.arange(300.0)[:, None]
    model = tiny(lookback=4, lead=lead, epochs=40, learning_rate=0.01, validation=0.0).fit(X)
    found = model.predict(X)[:, 0]
    whole = np.arange(300) >= 4 + lead - 1
    # a change of `lead` from the newest value known, so row t is forecast as t
    np.testing.assert_allclose(found[whole], np.arange(300)[whole], atol=0.5)
    # before, the newest value known, and where nothing is known the mean
    assert found[lead : 4 + lead - 1].tolist() == list(range(3))
    np.testing.assert_allclose(found[:lead], 149.5)
    np.testing.assert_allclose(model.forecast(), 299 + lead, atol=0.5)
    np.testing.assert_allclose(model.forecast(X[:100]), 99 + lead, atol=0.5)


def test_cross_validation_in_time_order_joins_frames_and_is_honest():
    X = hourly(make_wave())
    splitter = TimeSeriesSplit(3, test_size=40)
    model = tiny(epochs=15, lead=2)
    scores = cross_val_score(model, X, X["T"], cv=splitter, scoring="neg_mean_absolute_error")
    # the same by hand: the model sees the training rows, then for each test row what came `lead` rows before
    for score, (train, test) in zip(scores, splitter.split(X), strict=True):
        fitted = clone(model).fit(X.iloc[train], X["T"].iloc[train])
        forecasts = [fitted.forecast(X.iloc[: row - 1])[0] for row in test]
        assert -score == pytest.approx(mean_absolute_error(X["T"].iloc[test], forecasts), rel=1e-6)
    # noise cannot be forecast: who scores better there has seen what it should not
    noise = hourly(np.random.default_rng(3).normal(size=(240, 1)))
    assert (cross_val_score(model, noise, noise["T"], cv=splitter) < 0.15).all()


def test_rows_are_joined_only_where_their_times_go_on():
    X = hourly(make_wave())
    model = tiny().fit(X.iloc[:200])
    whole = model.predict(X)[200:]
    assert (model.predict(X.iloc[200:]) == whole).all()
    for other in (X.iloc[201:], X.iloc[200:].set_axis([*"abcdefghij"] * 4), X.iloc[100:140]):
        apart = model.predict(other)
        assert apart[0] == pytest.approx(X["T"].iloc[:200].iloc[:180].mean())  # of the rows that are trained on
        np.testing.assert_array_equal(apart[1:8, 0], np.asarray(other)[:7, 0])


@pytest.mark.parametrize(
    "place",
    [
        lambda values: hourly(values).reset_index(drop=True),
        lambda values: hourly(values).tz_localize("UTC").tz_convert("Europe/Berlin"),
        lambda values: hourly(values).to_period(),
        lambda values: hourly(values).rename_axis("time").reset_index(),
        lambda values: hourly(values).set_axis(pandas.date_range("2000-01-31", periods=240, freq="ME")),
        lambda values: polars.from_pandas(hourly(values).rename_axis("time").reset_index()),
    ],
    ids=["numbers", "zone", "periods", "column", "months", "polars"],
)
def test_frames_with_times_of_any_kind_mean_the_same(place):
    values = make_wave()
    X, expected = place(values), hourly(values)
    model, other = tiny().fit(X[:200]), tiny().fit(expected[:200])
    assert (model.predict(X[200:]) == other.predict(expected[200:])).all()
    assert (model.forecast() == other.forecast()).all()
    assert model.feature_names_in_.tolist() == ["T"]


def test_holes_and_missing_values_get_the_naive_forecast():
    X = hourly(make_wave())
    X.iloc[100] = np.nan
    model = tiny().fit(X)
    found = model.predict(X)
    assert np.isfinite(found).all()
    assert found[102, 0] == X["T"].iloc[101]
    assert found[101, 0] == pytest.approx(np.nanmean(X["T"].iloc[:216]))
    assert found[109, 0] != X["T"].iloc[108]
    cut = X.drop(X.index[150])
    assert model.predict(cut)[155, 0] == cut["T"].iloc[154]
    with pytest.raises(ValueError, match="without a hole or NaN"):
        model.forecast(X.iloc[:103])


def test_the_target_may_be_another_series_than_the_inputs():
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 2))
    y = np.concatenate([[0, 0], X[:-2, 0] - X[:-2, 1]])  # known two rows before
    model = tiny(lookback=2, lead=2, epochs=40, learning_rate=0.01).fit(X, y)
    assert model.score(X, y) > 0.9
    assert tiny(lookback=2, lead=3, epochs=10).fit(X, y).score(X, y) < 0.1  # too early to know
    assert model.forecast(X[:50]) == pytest.approx(X[49, 0] - X[49, 1], abs=0.5)


def test_shapes_of_targets_and_leads():
    X = np.concatenate([make_wave(), make_wave(seed=1)], axis=1)
    one, several = tiny().fit(X, X[:, 0]), tiny(lead=[1, 3, 6]).fit(X, X[:, 0])
    assert (one.predict(X).shape, one.forecast().shape) == ((240,), (1,))
    assert (several.predict(X).shape, several.forecast().shape) == ((240, 3), (3,))
    both = tiny(lead=(1, 3)).fit(X)
    assert (both.predict(X).shape, both.forecast().shape) == ((240, 2, 2), (2, 2))
    assert tiny().fit(X).predict(X).shape == (240, 2)
    assert both.score(X) == pytest.approx(both.score(X, X))
    # what the newest forecast says of each lead is what `predict` says of the rows to come
    longer = np.concatenate([X, X[:6]])
    ahead = several.predict(longer)
    assert several.forecast(X).tolist() == [ahead[239 + lead, place] for place, lead in enumerate((1, 3, 6))]


def test_one_seed_one_result_on_any_number_of_threads():
    X = make_wave()
    first, again, threads, other = (
        tiny(random_state=seed, n_jobs=jobs).fit(X).predict(X) for seed, jobs in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert (first == again).all()
    assert (first == threads).all()
    assert (first != other).any()


def test_pickle_clone_and_search():
    X = hourly(make_wave())
    model = tiny().fit(X.iloc[:200])
    data = pickle.dumps(model)
    assert b"_native" not in data
    copied = pickle.loads(data)
    assert (copied.predict(X.iloc[200:]) == model.predict(X.iloc[200:])).all()
    assert (copied.forecast() == model.forecast()).all()
    assert not hasattr(clone(model), "history_")
    values = {"learning_rate": [1e-6, 0.01], "epochs": [1, 6]}
    search = GridSearchCV(tiny(), values, cv=TimeSeriesSplit(2)).fit(X, X["T"])
    assert search.best_params_ == {"learning_rate": 0.01, "epochs": 6}


def test_a_pipeline_scales_first_and_keeps_the_times_where_frames_are_passed_on():
    X = hourly(make_wave())
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), tiny(epochs=20, learning_rate=0.01))
    assert (cross_val_score(model, X, X["T"], cv=TimeSeriesSplit(2, test_size=40)) > 0.5).all()


def test_history_and_validation():
    X = make_wave()
    model = tiny(validation=0.2).fit(X)
    assert list(model.history_) == ["loss", "mae", "validation_loss", "validation_mae"]
    assert list(tiny(validation=0.0).fit(X).history_) == ["loss", "mae"]
    assert list(tiny(lookback=30).fit(X).history_) == ["loss", "mae"]  # a tenth holds no window
    with pytest.raises(ValueError, match="hold a window of 31 rows; got 24 and 216"):
        tiny(lookback=30, validation=0.1).fit(X)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"lookback": 0}, "lookback must be a whole number of rows, at least 1; got 0"),
        ({"lead": [1, 0]}, "lead must be a whole number of rows, at least 1; got 0"),
        ({"lead": [3, 1]}, "the leads must be ascending"),
        ({"lead": []}, "the leads must be ascending"),
        ({"step": 3}, "lookback must be a multiple of step"),
        ({"step": 1.5}, "step must be a whole number of rows, at least 1; got 1.5"),
        ({"lookback": 500}, "at least 501 rows .*got n_samples = 240"),
        ({"network": "text"}, "network must be a recipe for time-series forecasting"),
    ],
)
def test_wrong_parameters(settings, problem):
    with pytest.raises(seqconv.SeqconvError, match=problem) as caught:
        tiny(**settings).fit(make_wave())
    assert "\n" not in str(caught.value)


def test_wrong_rows():
    X = hourly(make_wave())
    model = tiny().fit(X)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        model.fit(X.to_numpy()[:, 0])
    with pytest.raises(ValueError, match="must be in chronological order"):
        model.fit(X.iloc[::-1])
    with pytest.raises(ValueError, match="must be in chronological order"):
        cross_val_score(tiny(), X, X["T"], cv=ShuffleSplit(2, random_state=0), error_score="raise")
    with pytest.raises(ValueError, match="X contains infinity"):
        model.fit(np.full((50, 1), np.inf))
    with pytest.raises(ValueError, match="must vary in the training rows"):
        model.fit(np.ones((50, 1)))
    with pytest.raises(ValueError, match="X has 2 features, but SeriesForecaster is expecting 1 features"):
        model.predict(np.ones((50, 2)))
    with pytest.raises(ValueError, match="at least 8 rows, to fill a window; got n_samples = 3"):
        model.predict(np.ones((3, 1)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, np.ones(3))
    with pytest.raises(ValueError, match="must hold a window without a hole or NaN"):
        model.fit(np.where(np.arange(240) % 5 == 0, np.nan, X.to_numpy().ravel())[:, None])


def test_rows_without_a_target_are_not_trained_on():
    X, y = np.random.default_rng(0).normal(size=(200, 1)), np.zeros(200)
    y[1:] = X[:-1, 0]
    y[::7] = np.nan
    model = tiny(lookback=2, epochs=120, learning_rate=0.01).fit(X, y)
    known = ~np.isnan(y)
    assert np.abs(model.predict(X)[known] - y[known])[2:].mean() < 0.3


@pytest.mark.parametrize("lead", [2, [1, 3]])
def test_intervals_are_around_the_forecasts_and_hold_about_their_share(lead):
    X = make_wave(900, noise=0.3)
    X = np.concatenate([X, 10 * X[::-1]], axis=1)
    model = tiny(lead=lead, interval=0.8, validation=0.3, epochs=10).fit(X[:600])
    low, high = model.predict_interval(X[600:])
    predicted = model.predict(X[600:])
    assert low.shape == high.shape == predicted.shape
    known = ~np.isnan(low)
    leads = np.atleast_1d(lead)
    shaped = known.reshape(300, len(leads), 2)
    for place, each in enumerate(leads):  # the first rows have no whole window, and no interval
        np.testing.assert_array_equal(np.flatnonzero(~shaped[:, place, 0]), np.arange(8 + each - 1))
    assert (low <= predicted)[known].all()
    assert (high >= predicted)[known].all()
    truth = X[600:].reshape(300, 1, 2)
    held = ((truth >= low.reshape(shaped.shape)) & (truth <= high.reshape(shaped.shape)))[shaped]
    assert 0.7 < held.mean() < 0.9
    flat = tiny(interval=0.8, validation=0.3).fit(X, X[:, 0])
    assert flat.predict_interval(X)[0].shape == (900,)


def test_without_validation_rows_intervals_are_as_trained():
    X = make_wave(300)
    model = tiny(interval=0.8, validation=0.0).fit(X)
    low, high = model.predict_interval(X)
    assert model._features.margins == (0.0,)
    assert (low <= high)[~np.isnan(low)].all()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_interval(X)[1], high)


def test_a_network_without_intervals_says_so():
    X = make_wave(100)
    with pytest.raises(DataError, match=r"has none\. Fit with interval=0\.8"):
        tiny(interval=0.0).fit(X).predict_interval(X)
    with pytest.raises(ConfigError, match=r"training\.coverage must be from"):
        tiny(interval=1.0).fit(X)


def test_why_no_window_is_whole_is_told():
    days = pandas.DataFrame({"T": make_wave().ravel()}, index=pandas.bdate_range("2020-01-06", periods=240))
    with pytest.raises(ValueError, match=r"it has none: there are no rows on Saturdays and Sundays. Count the rows by"):
        tiny().fit(days)
    gaps = np.where(np.arange(240) % 5 == 0, np.nan, make_wave().ravel())[:, None]
    with pytest.raises(ValueError, match=r"it has none: 'input 0' is missing in 20% of its rows. Fill it in, or use a"):
        tiny().fit(gaps)
    assert tiny().fit(days.to_numpy()).predict(days.to_numpy()).shape[0] == 240


def test_a_blend_of_an_array_is_the_weighted_mean_of_its_members_and_reads_nothing_later():
    X = np.column_stack([make_wave(300), make_wave(300, noise=1, seed=1)])
    model = tiny(model="blend", lead=3, interval=0.8).fit(X, X[:, 0])
    parts = split_parts(model._model.weights, "series")
    assert len(parts.factors) > 1
    assert sum(parts.factors.values()) == pytest.approx(1)
    found = model.predict(X)
    changed = X.copy()
    changed[200] += 1.0
    moved = np.flatnonzero(model.predict(changed) != found)
    assert (moved[0], moved[-1]) == (203, 210)
    low, high = model.predict_interval(X)
    held = slice(240 + 10, 300)
    inside = (low[held] <= X[held, 0]) & (X[held, 0] <= high[held])
    assert inside.mean() == pytest.approx(0.8, abs=0.05)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), found)
    errors = {
        name: np.abs(tiny(model=name, lead=3).fit(X[:240], X[:240, 0]).predict(X)[250:] - X[250:, 0]).mean()
        for name in ("network", "blend")
    }
    assert errors["blend"] < errors["network"]


def test_what_a_blend_of_an_array_needs():
    X = make_wave(100)
    with pytest.raises(ConfigError, match=r"rows held out; got none\. Set validation=0\.2"):
        tiny(model="blend", validation=0).fit(X)
    with pytest.raises(ConfigError, match="y must be among them"):
        tiny(model="blend").fit(X, X[:, 0] + 1)
    with pytest.raises(ConfigError, match="model must be network or blend for windows of an array; got 'ets'"):
        tiny(model="ets").fit(X)

"""Baselines for forecasts: the rows they read, closed forms, several targets and leads, seasons."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv.networks.inputs import WindowInputs
from seqconv.networks.losses import example_losses
from seqconv.tasks import scoring as baselines
from seqconv.tasks.baselines import MOST_ROWS, thin
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.scoring import fit_baselines
from seqconv.tasks.series import baselines as forecasts
from seqconv.tasks.series.baselines import PERIODS, choose_lags, choose_reading
from seqconv.tasks.series.calendar import FORMER_YEAR, read_calendar, read_phases
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.naive import lacks_season
from seqconv.tasks.series.task import SERIES
from seqconv.tasks.series.windows import WindowSpec

DAY, WEEK, YEAR = 86400, 7 * 86400, 364 * 86400


def series_split(parts: Sequence[Part], spec: WindowSpec, target: int, scale: float) -> Split:
    """A split whose target has that standard deviation."""
    train, validation, test = parts
    width = train.inputs.shape[1]
    scaler = Scaler(np.zeros(width), np.full(width, scale))
    names = tuple(f"column {index}" for index in range(width))
    return Split(train, validation, test, SeriesFeatures(names, (names[target],), scaler, spec), {})


def cut(values: np.ndarray, spec: WindowSpec, bounds: tuple[int, int, int], target: int = 0) -> Split:
    """Three stretches of `[T, C]`, starting 2014-01-01 at midnight."""
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(len(values)) * np.timedelta64(spec.interval_s, "s")
    parts = []
    for first, last in zip((0, *bounds[:-1]), bounds, strict=True):
        anchors = spec.anchors(first, last)
        inputs = WindowInputs(values, anchors, spec.lookback, spec.step, times)
        rows = anchors + spec.delays[0]
        parts.append(Part(inputs, values[rows, target][:, None], times[rows]))
    return series_split(parts, spec, target, 2.0)


def daily_cycle(hours: int, seed: int = 0) -> np.ndarray:
    """A level that wanders, a daily cycle, and a second column that tells nothing."""
    random = np.random.default_rng(seed)
    level = np.cumsum(random.normal(0, 0.05, hours))
    cycle = np.sin(2 * np.pi * np.arange(hours) / 24)
    return np.stack([level + cycle, random.normal(size=hours)], axis=1).astype(np.float32)


def test_forecast_baselines_come_in_order_with_both_units():
    spec = WindowSpec(48, 1, (6,), 3600)
    heard: list[str] = []
    found = fit_baselines(SERIES, cut(daily_cycle(1500), spec, (900, 1200, 1500)), heard.append)
    assert [each.name for each in found] == heard
    assert heard == [
        "naive (last value)",
        "seasonal naive (same hour yesterday)",
        "ridge on the window",
        "gradient boosting",
    ]
    for each in found:
        assert each.test_outputs.shape == (300 - 48 - 6, 1)
        assert each.test["mae"] == pytest.approx(2 * each.test["mae_scaled"])
        assert each.test["n"] == len(each.test_outputs)
    naive, seasonal, ridge, boosting = (each.test["mae_scaled"] for each in found)
    assert max(ridge, boosting) < seasonal < naive


@pytest.mark.parametrize(("step", "delay", "season"), [(1, 24, 48), (1, 23, 24), (6, 18, 24), (2, 0, 24), (3, 48, 72)])
def test_naive_forecasts_read_the_rows_they_promise(step, delay, season):
    rows = np.arange(400, dtype=np.float32)[:, None]
    split = cut(rows, WindowSpec(72, step, (delay,), 3600), (150, 270, 400))
    naive, seasonal = forecasts.repeat_newest(split.features), forecasts.repeat_season(split.features, DAY)
    for part in (split.validation, split.test):
        assert np.all(part.targets - naive.predict(part.inputs) == step + delay)
        assert np.all(part.targets - seasonal.predict(part.inputs) == season)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (WindowSpec(48, 1, (24,), 3600), ""),
        (WindowSpec(24, 1, (24,), 3600), ""),
        (WindowSpec(1440, 6, (144,), 600), ""),
        (WindowSpec(23, 1, (24,), 3600), "it needs a lookback of at least 24 h"),
        (WindowSpec(50, 5, (24,), 3600), "the row 2 d before the target is not read, as only one every 5 h is"),
        (WindowSpec(48, 1, (23,), 3600), "it is the naive forecast at this lead"),
        (WindowSpec(48, 1, (5,), 3500), "24 h is not a whole number of rows of 3500 s"),
        (WindowSpec(8, 1, (0,), 7 * 86400), "24 h is not a whole number of rows of 7 d"),
    ],
)
def test_the_seasonal_forecast_is_left_out_where_it_says_nothing(spec, reason):
    assert lacks_season(spec, DAY) == reason


def test_a_baseline_that_is_left_out_is_told():
    heard: list[str] = []
    found = fit_baselines(SERIES, cut(daily_cycle(600), WindowSpec(12, 1, (24,), 3600), (300, 450, 600)), heard.append)
    assert [each.name for each in found] == ["naive (last value)", "ridge on the window", "gradient boosting"]
    assert heard[1].startswith("seasonal naive (same hour yesterday): skipped, it needs a lookback of at least 24 h")


def test_only_rows_of_the_window_are_read():
    split = cut(daily_cycle(1200), WindowSpec(48, 2, (6,), 3600), (700, 900, 1200))
    before = {each.name: each.test_outputs for each in fit_baselines(SERIES, split)}
    # one test window, and nothing else known after the validation rows
    anchor = 1000
    values = split.test.inputs.values.copy()
    values[900:] = np.nan
    inside = np.arange(anchor - 48, anchor, 2)
    values[inside] = split.test.inputs.values[inside]
    place = np.flatnonzero(split.test.inputs.anchors == anchor)
    alone = replace(
        split,
        test=Part(
            replace(split.test.inputs.take(place), values=values),
            split.test.targets[place],
            split.test.times[place],
        ),
    )
    for each in fit_baselines(SERIES, alone):
        np.testing.assert_allclose(each.test_outputs, before[each.name][place], rtol=1e-6)


def test_ridge_finds_a_linear_rule_over_lags_and_columns():
    random = np.random.default_rng(0)
    values = random.normal(size=(3000, 2)).astype(np.float32)
    for row in range(5, 3000):
        values[row, 1] = 0.5 * values[row - 3, 1] - 0.3 * values[row - 5, 1] + 0.4 * values[row - 3, 0]
    split = cut(values, WindowSpec(8, 1, (2,), 3600), (2000, 2500, 3000), target=1)
    outputs = forecasts.fit_ridge(split).predict(split.test.inputs)
    assert example_losses(outputs, split.test.targets, "mae").mean() < 0.02


def test_ridge_is_the_closed_form_for_the_change():
    split = cut(daily_cycle(500), WindowSpec(10, 1, (3,), 3600), (300, 400, 500))
    reading = choose_reading(split, forecasts.RIDGE_LAGS)
    train, test = reading.describe(split.train.inputs), reading.describe(split.test.inputs)
    assert train.shape == (300 - 10 - 3, 10 + 1 + 2)
    centre, change = train.mean(axis=0), split.train.targets - train[:, :1]
    answers = []
    for penalty in (10, 100, 1e3, 1e4, 1e5):
        gram = (train - centre).T @ (train - centre) + penalty * np.eye(train.shape[1])
        weights = np.linalg.solve(gram, (train - centre).T @ (change - change.mean()))
        answers.append(test[:, :1] + (test - centre) @ weights + change.mean())
    found = forecasts.fit_ridge(split).predict(split.test.inputs)
    assert min(np.abs(found - answer).max() for answer in answers) < 1e-6


def periods_of(split: Split) -> list[str]:
    return [PERIODS[place] for place in choose_reading(split, 64).periods]


def test_the_day_of_the_year_is_used_only_with_a_year_to_learn_from():
    spec = WindowSpec(4, 1, (0,), 86400)
    values = np.random.default_rng(0).normal(size=(900, 1)).astype(np.float32)
    assert periods_of(cut(values, spec, (360, 600, 900))) == ["week"]
    assert periods_of(cut(values, spec, (380, 600, 900))) == ["week", "year"]


def test_boosting_follows_a_level_that_training_never_saw():
    rising = (np.arange(1500) / 100 + np.sin(2 * np.pi * np.arange(1500) / 24))[:, None].astype(np.float32)
    split = cut(rising, WindowSpec(24, 1, (6,), 3600), (900, 1200, 1500))
    outputs = forecasts.fit_boosting(split).predict(split.test.inputs)
    assert example_losses(outputs, split.test.targets, "mae").mean() < 0.1


def test_a_long_training_split_is_thinned_evenly():
    rows = np.arange(120_001)
    thinned = thin(rows)
    assert len(thinned) == MOST_ROWS
    assert (thinned[0], thinned[-1]) == (0, 120_000)
    assert set(np.diff(thinned)) == {2, 3}
    assert len(thin(rows[:1000])) == 1000


@given(st.integers(1, 2000), st.integers(3, 80))
def test_lags_reach_from_the_newest_to_the_oldest_step(length, most):
    lags = choose_lags(length, most)
    assert len(lags) <= most
    assert np.all(np.diff(lags) > 0)
    assert (lags[0], lags[-1]) == (1, length)
    assert lags[: min(most // 2, length)].tolist() == list(range(1, min(most // 2, length) + 1))


def test_baselines_and_networks_share_one_year_and_old_baselines_keep_theirs():
    times = np.datetime64("1999-03-01T05:00:00") + np.arange(9000) * np.timedelta64(7, "h")
    periods = ("day", "week", "year")
    np.testing.assert_allclose(read_phases(times, periods), read_calendar(times, periods), atol=1e-9)
    assert PERIODS.index(FORMER_YEAR) == 2  # the place that baselines of 0.1.0 were saved with
    assert np.abs(read_phases(times, (FORMER_YEAR,)) - read_phases(times, ("year",))).max() > 0.01


def test_calendar_is_an_angle_of_the_day_and_of_the_year():
    times = np.array(["2014-01-01T00:00", "2014-01-01T06:00", "2015-07-02T15:00"], "datetime64[s]")
    midnight, six, july = read_phases(times, ("day", FORMER_YEAR))
    assert midnight == pytest.approx([0, 1, 0, 1])
    assert six[:2] == pytest.approx([1, 0], abs=1e-12)
    assert july[3] == pytest.approx(-1, abs=1e-3)


def cut_many(values: np.ndarray, leads: tuple[int, ...], targets: tuple[int, ...], bounds: tuple[int, ...]) -> Split:
    """Three stretches of hourly `[T, C]` with several targets and leads, windows of 48 rows."""
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(len(values)) * np.timedelta64(3600, "s")
    names = tuple(f"column {index}" for index in range(values.shape[1]))
    spec = WindowSpec(48, 1, tuple(lead - 1 for lead in leads), 3600)
    scaler = Scaler(np.zeros(len(names)), np.arange(1.0, len(names) + 1))
    features = SeriesFeatures(names, tuple(names[index] for index in targets), scaler, spec)
    parts = []
    for first, last in zip((0, *bounds[:-1]), bounds, strict=True):
        anchors = spec.anchors(first, last)
        targets_at = features.targets_at(values, anchors)
        parts.append(Part(features.inputs(values, anchors, times), targets_at, times[anchors + spec.delays[0]]))
    return Split(*parts, features, {})


def test_each_of_several_outputs_is_forecast_as_if_it_were_alone():
    values, leads, targets, bounds = daily_cycle(1500), (1, 6, 30), (1, 0), (900, 1200, 1500)
    together = cut_many(values, leads, targets, bounds)
    heard: list[str] = []
    many = {each.name: each for each in fit_baselines(SERIES, together, heard.append)}
    assert list(many) == heard
    assert len(many) == 4
    for lead, hours in enumerate(leads):
        for place, column in enumerate(targets):
            split = cut_many(values, (hours,), (column,), bounds)
            # the same windows: those that have the last lead too
            kept = [part.take(np.arange(len(part.targets) - (30 - hours))) for part in (split.train, split.validation)]
            rest = split.test.take(np.arange(len(split.test.targets) - (30 - hours)))
            for each in fit_baselines(SERIES, replace(split, train=kept[0], validation=kept[1], test=rest)):
                if each.name in many:
                    found = many[each.name].test_outputs[:, 2 * lead + place]
                    np.testing.assert_allclose(found, each.test_outputs[:, 0], rtol=1e-4, atol=1e-5)
    # the mean over outputs, each in its own unit
    split = together.test
    errors = np.abs(many["ridge on the window"].test_outputs - split.targets).mean(axis=0)
    assert many["ridge on the window"].test["mae"] == pytest.approx((errors * [2, 1, 2, 1, 2, 1]).mean())


def test_more_outputs_than_are_kept_are_given_again(monkeypatch):
    split = cut(daily_cycle(900), WindowSpec(48, 1, (6,), 3600), (500, 700, 900))
    kept = fit_baselines(SERIES, split)
    monkeypatch.setattr(baselines, "KEPT", 0)
    for one, two in zip(kept, fit_baselines(SERIES, split), strict=True):
        assert (one.answers[1].kept is None, two.answers[1].kept is None) == (False, True)
        np.testing.assert_array_equal(one.test_outputs, two.test_outputs)
        np.testing.assert_array_equal(one.validation_outputs, two.validation_outputs)


def test_many_outputs_leave_boosting_out():
    heard: list[str] = []
    found = fit_baselines(
        SERIES, cut_many(daily_cycle(900), tuple(range(1, 61)), (0, 1), (500, 700, 900)), heard.append
    )
    assert [each.name for each in found][-1] == "ridge on the window"
    assert heard[-1] == "gradient boosting: skipped, it supports at most 8 targets and leads; there are 120"
    naive, ridge = found[0], found[-1]
    assert ridge.test_outputs.shape == (200 - 48 - 59, 120)
    assert ridge.test["mae_scaled"] < naive.test["mae_scaled"]


def test_trees_read_the_calendar_of_their_own_lead():
    split = cut_many(daily_cycle(900), (1, 7), (0,), (500, 700, 900))
    first, second = (choose_reading(split, 19).describe(split.test.inputs, 0, lead)[:, -2:] for lead in (0, 1))
    hours = split.test.times.astype("datetime64[h]").astype(int) % 24
    np.testing.assert_allclose(first[:, 0], np.sin(2 * np.pi * hours / 24), atol=1e-9)
    np.testing.assert_allclose(second[:, 0], np.sin(2 * np.pi * (hours + 6) / 24), atol=1e-9)


def test_the_calendar_is_read_where_people_live():
    split = cut_many(daily_cycle(900), (1,), (0,), (500, 700, 900))
    abroad = replace(split, features=replace(split.features, zone="Asia/Tokyo"))
    here, there = (choose_reading(each, 19).describe(split.test.inputs)[:, -2:] for each in (split, abroad))
    np.testing.assert_allclose(there[:-9], here[9:], atol=1e-9)


def test_a_week_in_the_network_calendar_is_read_too():
    split = cut_many(daily_cycle(900), (1,), (0,), (500, 700, 900))
    assert periods_of(split) == ["day"]
    weekly = replace(split, features=replace(split.features, calendar=("day", "week")))
    assert periods_of(weekly) == ["day", "week"]


@pytest.mark.parametrize(
    ("spec", "season", "reason"),
    [
        (WindowSpec(14, 1, (2,), DAY), WEEK, ""),
        (WindowSpec(4, 1, (2,), DAY), WEEK, "it needs a lookback of at least 5 d"),
        (WindowSpec(52, 1, (0,), WEEK), YEAR, ""),
        (WindowSpec(50, 1, (0,), WEEK), YEAR, "it needs a lookback of at least 364 d"),
        (WindowSpec(336, 1, (0, 23, 167), 3600), WEEK, ""),
        (
            WindowSpec(24, 1, (0, 23, 167), 3600),
            WEEK,
            "it needs a lookback of at least 7 d",
        ),
    ],
)
def test_longer_seasons(spec, season, reason):
    assert lacks_season(spec, season) == reason


@pytest.mark.parametrize(
    ("period", "interval", "lookback", "name", "season"),
    [
        (24, 3600, 200, "same hour yesterday", DAY),
        (168, 3600, 200, "same hour last week", WEEK),
        (168, 3600, 100, "same hour yesterday", DAY),
        (7, DAY, 14, "same day last week", WEEK),
        (52, WEEK, 60, "same week last year", YEAR),
        (364, DAY, 370, "same day last year", YEAR),
    ],
)
def test_the_season_is_the_one_that_forecasts_best(period, interval, lookback, name, season):
    cycle = np.random.default_rng(0).normal(size=period)
    values = np.tile(cycle, 3000 // period + 1)[:3000, None].astype(np.float32)
    split = cut(values, WindowSpec(lookback, 1, (1,), interval), (1400, 2200, 3000))
    assert forecasts.choose_season(split.features, split.validation) == (f"seasonal naive ({name})", season)
    if season // interval == period:
        repeated = forecasts.repeat_season(split.features, season).predict(split.test.inputs)
        np.testing.assert_array_equal(repeated, split.test.targets)


def test_rows_of_a_year_have_no_season():
    split = cut(daily_cycle(300), WindowSpec(8, 1, (1,), 365 * DAY), (100, 200, 300))
    assert forecasts.choose_season(split.features, split.validation) == (
        "seasonal naive",
        "a row is 365 d long, a year or more",
    )


def test_jena_gives_the_known_errors(real_data):
    with (real_data / "jena" / "jena_hourly_2009_2016.csv").open() as file:
        _, *lines = csv.reader(file)
    values = np.array([[float(cell) for cell in line[1:]] for line in lines])
    times = np.array([datetime.strptime(line[0], "%d.%m.%Y %H:%M:%S") for line in lines], "datetime64[s]")
    spec, bounds = WindowSpec(240, 1, (24,), 3600), (0, 33_333, 50_000, len(values))
    scaler = Scaler.fit(values[:33_333], tuple("abcdef"))
    scaled = scaler.scale(values)
    parts = []
    for first, last in pairwise(bounds):
        anchors, _, _ = spec.keep_whole(spec.anchors(first, last), times, scaled, [0])
        inputs, rows = WindowInputs(scaled, anchors, 240, 1, times), anchors + 24
        parts.append(Part(inputs, scaled[rows, 0][:, None], times[rows]))
    found = fit_baselines(SERIES, series_split(parts, spec, 0, float(scaler.std[0])))
    scores = [(each.validation["mae_scaled"], each.test["mae_scaled"]) for each in found]
    assert scores[0] == pytest.approx((0.289, 0.3067), abs=5e-4)
    assert scores[1] == pytest.approx((0.364, 0.390), abs=2e-3)
    assert scores[2] == pytest.approx((0.266, 0.279), abs=2e-3)
    assert scores[3] == pytest.approx((0.260, 0.271), abs=2e-3)

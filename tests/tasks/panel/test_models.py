"""Forecasts of panels: quantiles that hold what they should, a blend that is worth its members, and odd series."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.panels import make_panel, make_recipe, make_sales, split
from seqconv.data.records import PanelData
from seqconv.errors import OptionError
from seqconv.recipes.sections import KINDS
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.panel.answers import forecast_panel, newest_examples
from seqconv.tasks.panel.blend import MEMBERS, choose_weights
from seqconv.tasks.panel.explaining import explain_panel
from seqconv.tasks.panel.features import Column
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, measure_pinball, to_quantiles
from seqconv.tasks.panel.local import METHODS
from seqconv.tasks.panel.models import repeat_back
from seqconv.tasks.scoring import fit_baselines
from seqconv.tasks.series.smoothing import forecast_smoothing

pytestmark = pytest.mark.usefixtures("quick")

TASK = TASKS["panel"]


def fit(found, kind="blend"):
    (fitted,) = fit_baselines(TASK, found, asked=kind, others=False)
    return fitted.model


# Quantiles


@pytest.mark.parametrize("kind", KINDS["panel"].baselines)
def test_quantiles_ascend_and_are_not_negative_where_the_target_never_is(kind):
    random = np.random.default_rng(0)
    counts = [random.poisson(0.4, 60).astype(float) for _ in range(30)]
    found = split(make_panel(counts), horizon=4)
    assert found.features.positive
    quantiles = to_quantiles(fit(found, kind).predict(found.test.inputs))
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert quantiles.min() >= 0
    signed = split(make_panel([each - 2 for each in counts]), horizon=4)
    assert not signed.features.positive
    assert to_quantiles(fit(signed, kind).predict(signed.test.inputs)).min() < 0
    assert split(make_panel(counts), horizon=4, sign="any").features.positive is False


def test_quantiles_hold_what_they_say():
    """Noise of one size about a season: each level below which as many values lie, within what chance allows."""
    found = split(make_panel(make_sales(series=150, rows=84, noise=5.0)), horizon=6)
    quantiles = to_quantiles(fit(found).predict(found.test.inputs))
    held = (found.test.targets[..., None] <= quantiles).mean(axis=(0, 1))
    np.testing.assert_allclose(held, LEVELS, atol=0.06)


# The blend


@pytest.mark.parametrize("kind", ["ridge", "boosting", "network"])
def test_models_whose_window_is_no_longer_than_a_season_are_left_out(kind):
    panel = make_panel(make_sales(series=3, rows=96))
    short = split(panel, horizon=4, season=12, lookback=12)
    with pytest.raises(OptionError, match=r"needs forecast\.lookback above 12, the rows of a season; got 12"):
        fit(short, kind)
    whole = split(panel, horizon=4, season=12, lookback=13)
    reasons = [each.fit for each in TASK.list_baselines(whole, print) if isinstance(each.fit, str)]
    assert not any("lookback" in each for each in reasons)


def test_a_blend_does_without_members_whose_window_is_no_longer_than_a_season():
    found = split(make_panel(make_sales(series=3, rows=96)), horizon=4, season=12, lookback=8)
    model = fit(found)
    assert set(model.used) <= {"seasonal", "theta", "ets", "squashed"}
    assert np.isfinite(model.predict(found.test.inputs)).all()


def test_weights_are_shares_and_better_than_each_model_alone():
    random = np.random.default_rng(0)
    truth = random.normal(size=(50, 4))
    errors = random.normal(0, [[[0.7]], [[0.7]], [[0.9]], [[3.0]]], (4, 50, 4))
    quantiles = (truth + errors)[..., None] + 0.5 * (LEVELS - 0.5)
    weights = choose_weights(quantiles, truth)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights[3] < 0.1
    losses = [measure_pinball(each, truth).mean() for each in quantiles]
    assert measure_pinball(np.tensordot(weights, quantiles, 1), truth).mean() < min(losses)
    alone = choose_weights(quantiles[[0, 3, 3]] + np.array([0, 50, 50])[:, None, None, None], truth)
    assert alone.tolist() == [1, 0, 0]


def test_a_blend_is_what_its_members_say_and_no_worse_than_each_on_validation():
    found = split(make_panel(make_sales(series=25)), horizon=6)
    blend = fit(found)
    assert sum(blend.used.values()) == pytest.approx(1)
    assert set(blend.used) <= set(MEMBERS)
    inputs, truth = found.validation.inputs, np.asarray(found.validation.targets)
    parts = {name: np.sort(blend.member(name).forecast(inputs), axis=2) for name in blend.used}
    mean = sum(weight * parts[name] for name, weight in blend.used.items())
    np.testing.assert_allclose(blend.forecast(inputs)[..., MEDIAN], mean[..., MEDIAN])
    loss = measure_pinball(to_quantiles(blend.predict(inputs)), truth).mean()
    for kind in MEMBERS:
        assert loss <= 1.02 * measure_pinball(to_quantiles(fit(found, kind).predict(inputs)), truth).mean()


def test_local_models_fit_each_history_once_for_themselves_and_the_blend(monkeypatch):
    found, fits = split(make_panel(make_sales(series=25)), horizon=6), []

    def count(values, offsets, season, horizon, model, *rest, **more):
        fits.append((model, len(values)))
        return forecast_smoothing(values, offsets, season, horizon, model, *rest, **more)

    monkeypatch.setattr("seqconv.tasks.panel.local.forecast_smoothing", count)
    fit_baselines(TASK, found)
    # of the validation and of the test
    rows = [int((part.inputs.anchors - part.inputs.starts).sum()) for part in (found.validation, found.test)]
    assert sorted(fits) == sorted((model, count) for model in ("average", "dotm") for count in rows)


def test_of_many_rows_ets_is_fitted_with_a_quick_search(monkeypatch):
    found = split(make_panel(make_sales(series=25, rows=60)), horizon=6)
    for most, method in ((25 * 66, "average"), (25 * 66 - 1, "quick")):
        monkeypatch.setattr("seqconv.tasks.panel.local.THOROUGH", most)
        assert METHODS[int(fit(found, "ets").method[0])] == method


def test_a_model_that_is_kept_has_seen_all_rows():
    values = make_sales(series=40, rows=60)
    for rows in values:  # what only the newest rows tell
        rows[-6:] += 50
    found = split(make_panel(values), horizon=6)
    model = fit(found, "ridge")
    again = model.refit(found)
    assert not np.allclose(again.weights, model.weights)
    np.testing.assert_array_equal(again.spread, model.spread)


def test_many_series_are_forecast_in_pieces_that_are_told(monkeypatch):
    panel = make_panel(make_sales(series=25))
    found, heard = split(panel, horizon=6), []
    model = fit(found)
    trained = SimpleNamespace(bundle=SimpleNamespace(features=found.features), model=model)
    whole = forecast_panel(trained, panel)
    monkeypatch.setattr("seqconv.tasks.panel.answers.PIECE", 10)
    np.testing.assert_allclose(forecast_panel(trained, panel, lambda *each: heard.append(each)), whole, rtol=1e-9)
    assert heard == [(0, 25), (9, 25), (17, 25), (25, 25)]


def test_a_blend_that_is_kept_is_weighed_on_the_newest_rows_too():
    """A season that ends with the validation rows: the test rows alone say that it is gone."""
    values = make_sales(series=40, rows=72, noise=1.0)
    for rows in values:
        rows[-6:] = rows[-7]
    found = split(make_panel(values), horizon=6)
    blend = fit(found)
    again = blend.refit(found)
    assert sum(again.used.values()) == pytest.approx(1)
    truth = np.asarray(found.test.targets)
    parts = {name: to_quantiles(blend.member(name).predict(found.test.inputs)) for name in blend.used}

    def measure(shares):
        return measure_pinball(sum(weight * parts[name] for name, weight in shares.items()), truth).mean()

    assert set(again.used) <= set(blend.used)
    assert measure(again.used) < measure(blend.used)
    assert again.factors[-1] > 2 * blend.factors[-1]  # the level of the last value lies above the season


# Naive forecasts, by hand


def test_the_seasonal_naive_forecast_repeats_the_newest_season():
    values = np.arange(30.0)
    values[26] = np.nan
    found = split(make_panel([values, *make_sales(series=25, rows=60)]), horizon=15)
    inputs = newest_examples(found.features, make_panel([values]))
    assert repeat_back(inputs, 12)[0].tolist() == [*range(18, 26), 25, 27, 28, 29, 18, 19, 20]
    assert repeat_back(inputs, 1)[0].tolist() == [29] * 15


# Odd series


ODD = {
    "constant": [7.0] * 60,
    "zeros": [0.0] * 60,
    "one value": [3.0],
    "two values": [3.0, 4.0],
    "three values": [3.0, 4.0, 8.0],
    "tiny": [1e-12 * (1 + n % 12) for n in range(60)],
    "huge": [1e12 * (1 + n % 12) for n in range(60)],
    "a step": [1.0] * 50 + [1e6] * 10,
    "one spike": [0.0] * 30 + [1e9] + [0.0] * 29,
    "holes": [float(n % 12) if n % 3 else np.nan for n in range(60)],
    "mostly holes": [np.nan if n % 20 else 5.0 + n for n in range(61)],
}


@pytest.fixture(scope="module")
def usual():
    """Models fitted to usual series and odd ones."""
    panel = make_panel([*make_sales(series=30, rows=60), *ODD.values()])
    found = split(panel, horizon=6)
    return panel, found, {kind: fit(found, kind) for kind in KINDS["panel"].baselines}


@pytest.mark.parametrize("kind", KINDS["panel"].baselines)
def test_odd_series_are_forecast_at_their_own_size(usual, kind):
    panel, found, models = usual
    newest = newest_examples(found.features, panel)
    quantiles = models[kind].forecast(newest)[30:]
    assert np.isfinite(quantiles).all()
    assert np.isfinite(models[kind].predict(newest)).all()
    middle = dict(zip(ODD, quantiles[..., MEDIAN], strict=True))
    np.testing.assert_allclose(middle["constant"], 7, rtol=0.5)
    assert np.abs(middle["zeros"]).max() < 1
    assert (middle["tiny"] < 1e-10).all()
    assert (middle["huge"] > 1e11).all()
    assert (middle["huge"] < 1e14).all()


@pytest.mark.parametrize("rows", [20, 24])
def test_a_single_short_series_is_forecast(rows):
    values = make_sales(series=1, rows=rows)
    found = split(make_panel(values), horizon=4)
    model = fit(found)
    quantiles = model.forecast(newest_examples(found.features, make_panel(values)))
    assert quantiles.shape == (1, 4, 9)
    assert np.isfinite(quantiles).all()
    assert np.abs(quantiles[..., MEDIAN] - values[0].mean()).max() < 100


def test_a_sign_that_few_rows_show_is_not_taken_for_granted():
    """Of short series, training leaves a row or so each: what is below zero later must be forecast so."""
    values = [np.array([1.0, *-np.arange(1.0, 14.0)]) for _ in range(3)]
    found = split(make_panel(values), horizon=4, origins=1)
    assert not found.features.positive


# Columns


def test_categories_are_ones_and_unseen_ones_are_nothing():
    column = Column.fit("kind", "known", np.array(["x", "y", None, "x", "z", "y", "x"], object))
    assert column.levels == ("x", "y", "z")
    cells = column.encode(np.array(["z", "unseen", None, "x"], object))
    assert cells.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    rare = Column.fit("kind", "known", np.array([f"k{n}" for n in range(100)] + ["k7"] * 3, object))
    assert (rare.width, rare.levels[0]) == (20, "k7")


def test_numbers_are_scaled_and_missing_ones_stay_missing():
    column = Column.fit("price", "known", np.array([1.0, 3.0, np.nan]))
    np.testing.assert_array_equal(column.encode(np.array([2.0, 4.0, np.nan]))[:, 0], [0, 2, np.nan])
    constant = Column.fit("price", "known", np.full(5, 0.1))
    np.testing.assert_allclose(constant.encode(np.array([0.1, 1.1]))[:, 0], [0, 1], atol=1e-6)
    nothing = Column.fit("price", "known", np.full(5, np.nan))
    np.testing.assert_array_equal(nothing.encode(np.array([2.0, np.nan]))[:, 0], [2, np.nan])


def make_promotions(series=30, rows=72, effect=40.0):
    random = np.random.default_rng(3)
    promo = [random.integers(0, 2, rows).astype(float) for _ in range(series)]
    values = [each + effect * on for each, on in zip(make_sales(series, rows), promo, strict=True)]
    return values, promo


@pytest.mark.parametrize("kind", ["ridge", "boosting"])
def test_what_is_known_of_the_future_is_used_and_what_is_not_known_is_taken_for_usual(kind):
    values, promo = make_promotions()
    ahead = [[*rows, np.nan, np.nan] for rows in values]

    def forecast(known):
        columns = {"promo": [[*rows, *known] for rows in promo]}
        panel = make_panel(ahead, columns)
        found = split(panel, horizon=2, data={"known": ["promo"]})
        return fit(found, kind).forecast(newest_examples(found.features, panel))[..., MEDIAN]

    on, off, unknown = forecast([1, 1]), forecast([0, 0]), forecast([np.nan, np.nan])
    assert np.isfinite(unknown).all()
    assert np.median(on - off) == pytest.approx(40, abs=8)
    # on the one side of a tree's thresholds or on the other, of all series alike
    assert off.mean() - 1 <= unknown.mean() <= on.mean() + 1


def test_a_static_column_is_the_first_value_of_its_series():
    region = [["N" if n % 2 else "S"] * 60 for n in range(30)]
    region[4][1:] = [None] * 59
    found = split(
        make_panel(make_sales(rows=60, series=30), {"region": region}), horizon=6, data={"static": ["region"]}
    )
    inputs = found.train.inputs
    assert found.features.columns[0].levels == ("N", "S")
    np.testing.assert_array_equal(inputs.rows.static, [[n % 2, 1 - n % 2] for n in range(30)])


def test_an_explanation_leaves_a_static_column_out_where_it_is_read_in_the_rows_to_forecast():
    values, promo = make_promotions()
    region = [["N" if n % 2 else "S"] * 72 for n in range(len(values))]
    region[4][1:] = [None] * 71
    values = [each * (1 + n % 2) for n, each in enumerate(values)]
    panel = make_panel(values, {"promo": promo, "region": region})
    found = split(panel, horizon=6, data={"known": ["promo"], "static": ["region"]})
    model = fit(found, "boosting")
    shown = explain_panel(SimpleNamespace(bundle=SimpleNamespace(features=found.features), model=model), panel, {})
    assert shown.rows == ("y", "promo", "region")
    assert np.abs(shown.contributions[0]).max() > 0
    assert np.abs(shown.contributions[1]).max() > 0
    np.testing.assert_array_equal(shown.contributions[2, :-1], 0)
    assert shown.whole[2] == shown.contributions[2, -1]


def test_an_evaluation_of_a_file_scores_every_forecast_it_can():
    panel = make_panel(make_sales(series=3, rows=40))
    recipe = make_recipe(horizon=6)
    found = TASK.split(PanelData(panel), recipe, 1, None)

    class Bundle:
        features = found.features

    part, notes = TASK.take(Bundle, PanelData(panel))
    assert len(part.targets) == 3 * 6  # (40 - 3) // 6
    assert np.isfinite(np.asarray(part.targets)).all()
    assert notes == []


@pytest.mark.parametrize(("most", "each", "says"), [(11, 3, "3 forecasts"), (1, 1, "1 forecast")])
def test_an_evaluation_of_a_large_file_scores_the_newest_forecasts_of_every_series(monkeypatch, most, each, says):
    monkeypatch.setattr("seqconv.tasks.panel.split.MOST_SCORED", most)
    panel = make_panel(make_sales(series=3, rows=40))
    bundle = SimpleNamespace(features=TASK.split(PanelData(panel), make_recipe(horizon=6), 1, None).features)
    part, notes = TASK.take(bundle, PanelData(panel))
    first = part.inputs.anchors - part.inputs.starts
    assert first.tolist() == [40 - 6 * back for back in range(each, 0, -1)] * 3
    assert notes == [f"scored: the newest {says} of each series, of up to 6"]

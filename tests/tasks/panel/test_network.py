"""The network of panels: what it learns, that it is the same again, and that both engines run it."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.panels import make_panel, make_sales, split
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.panel import network as networks
from seqconv.tasks.panel.answers import newest_examples
from seqconv.tasks.panel.blend import MEMBERS, Blend
from seqconv.tasks.panel.features import find_scales
from seqconv.tasks.panel.forecasts import MEDIAN, to_quantiles
from seqconv.tasks.panel.network import FEWEST, PanelNetwork, fit_network, refuse_network
from seqconv.tasks.panel.split import all_examples
from seqconv.tasks.scoring import fit_baselines

TASK = TASKS["panel"]


def fit(found, kind="network"):
    (fitted,) = fit_baselines(TASK, found, asked=kind, others=False)
    return fitted.model


def measure(model, part):
    """The MASE of a part."""
    return float(model.features.target.errors(model.predict(part.inputs), part.targets, "mae").mean())


def make_prices(series=12, rows=160):
    """Noise about a level, and what two known columns add only where they differ: no sum of both is like it."""
    random = np.random.default_rng(5)
    known = [random.integers(0, 2, (rows, 2)).astype(float) for _ in range(series)]
    values = [100 + 20.0 * (pair[:, 0] != pair[:, 1]) + random.normal(0, 1, rows) for pair in known]
    return values, {name: [pair[:, place] for pair in known] for place, name in enumerate(("sun", "wind"))}


@pytest.fixture(scope="module")
def prices():
    values, columns = make_prices()
    return split(make_panel(values, columns), horizon=3, data={"known": ["sun", "wind"]})


@pytest.fixture(scope="module")
def fitted(prices):
    return fit(prices)


def test_it_learns_what_a_linear_model_cannot(prices, fitted):
    assert measure(fitted, prices.test) < 0.5 * measure(fit(prices, "ridge"), prices.test)


def test_it_comes_again_to_the_bit_whatever_the_threads(prices, monkeypatch):
    monkeypatch.setattr(networks, "STEPS", 200)
    fitted = fit_network(prices)
    for threads in (1, 3):
        monkeypatch.setattr(networks, "count_threads", lambda asked, threads=threads: threads)
        again = fit_network(prices)
        for name, array in fitted.arrays.items():
            np.testing.assert_array_equal(again.arrays[name], array, strict=True, err_msg=name)
        np.testing.assert_array_equal(again.predict(prices.test.inputs), fitted.predict(prices.test.inputs))


def test_torch_gives_the_same_forecasts(prices, fitted):
    pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x = networks._stack(random.normal(size=(50, fitted.first.shape[1])).astype(np.float32))
    for native, other in zip(fitted.networks(), fitted.networks("torch"), strict=True):
        np.testing.assert_allclose(native.predict(x), other.predict(x), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def sales():
    return split(make_panel(make_sales(series=20, noise=10.0)), horizon=6)


@pytest.fixture(scope="module")
def several(sales):
    """Networks of which more than one is averaged."""
    return fit(sales)


def test_each_network_reads_its_own_part_of_the_window(several):
    lookback = several.features.lookback
    for number, part in enumerate(several.part):
        unread = lookback - max(round(part * lookback), several.features.season)
        assert (several.first[number, :unread] == 0).all()
        assert (several.linear[number, :unread] == 0).all()
        assert (several.first[number, unread:] != 0).any(axis=1).all()


def test_networks_count_as_they_do_alone_on_the_validation_rows(sales, several):
    assert len(several.weight) > 1
    alone = [several.keep(each) for each in np.eye(len(several.weight))]
    scales = find_scales(sales.validation.inputs, sales.features.season)[:, None]
    errors = [np.abs(each.point(sales.validation.inputs) / scales - sales.validation.targets).mean() for each in alone]
    worse = np.array(errors) / min(errors) - 1
    assert (worse < 0.15).all()
    np.testing.assert_allclose(several.weight, (0.15 - worse) / (0.15 - worse).sum())
    points = sum(weight * each.point(sales.test.inputs) for weight, each in zip(several.weight, alone, strict=True))
    np.testing.assert_allclose(several.point(sales.test.inputs), points, rtol=1e-5)


@pytest.fixture(scope="module")
def long_waves():
    """Random rows that come again after 40, which only the network of the whole window of 48 can know."""
    random = np.random.default_rng(3)
    return split(make_panel([np.tile(random.normal(100, 10, 40), 5) for _ in range(3)]), horizon=4, lookback=48)


def test_networks_that_err_much_more_than_the_best_are_left_out_and_not_fitted_again(long_waves):
    model = fit(long_waves)
    assert (model.part.tolist(), model.weight.tolist(), len(model.first)) == ([1.0], [1.0], 1)
    again = model.refit(long_waves)
    assert (again.part.tolist(), again.weight.tolist(), len(again.first)) == ([1.0], [1.0], 1)


def test_former_networks_have_equal_weights(several):
    former = {name: array for name, array in several.arrays.items() if name not in ("weight", "part")}
    found = PanelNetwork.complete(former)
    count = len(several.weight)
    assert (found["weight"].tolist(), found["part"].tolist()) == ([1 / count] * count, [1.0, 0.5, 0.25][:count])
    assert {name: found[name] for name in former} == former


def test_fitted_again_it_has_seen_all_rows():
    values = make_sales(series=40, rows=60)
    for rows in values:  # what only the newest rows tell
        rows[-12:] += 50
    found = split(make_panel(values), horizon=6)
    model = fit(found)
    again = model.refit(found)
    assert not np.allclose(again.first, model.first)
    for name in ("spread", "steps", "form", "weight", "part"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    assert measure(again, found.test) < 0.8 * measure(model, found.test)
    same = model.refit_to(all_examples(found.features, found.train.inputs.rows))
    np.testing.assert_array_equal(same.first, again.first)


def test_holes_are_read_as_the_value_before_and_count_little_as_targets():
    random = np.random.default_rng(1)
    values = make_sales(series=30, rows=84)
    holed = [np.where(random.random(len(each)) < 0.15, np.nan, each) for each in values]
    whole, found = (split(make_panel(each), horizon=6) for each in (values, holed))
    model = fit(found)
    quantiles = to_quantiles(model.predict(whole.test.inputs))
    assert np.isfinite(quantiles).all()
    error = float(np.abs(quantiles[..., MEDIAN] - whole.test.targets).mean())
    assert error < 1.5 * measure(fit(whole), whole.test)


def test_closed_days_leave_a_network_something_to_learn():
    """Every seventh row missing, so that no horizon is whole."""
    values = [np.where(np.arange(140) % 7 == 6, np.nan, each) for each in make_sales(series=20, rows=140)]
    found = split(make_panel(values), horizon=14)
    assert np.isnan(found.train.targets).any(axis=1).all()
    assert measure(fit(found), found.test) < 0.7 * measure(fit(found, "seasonal"), found.test)


def test_too_few_examples_or_too_wide_ones_leave_it_out(monkeypatch):
    (rows,) = make_sales(series=1, rows=84)
    found = split(make_panel([rows]), horizon=4)
    count = len(found.train.targets)
    assert refuse_network(found) == f"it needs {FEWEST} examples; got {count}"
    offers = {each.kind: each.fit for each in TASK.list_baselines(found, lambda text: None)}
    assert offers["network"] == refuse_network(found)
    assert np.isfinite(fit(found, "blend").predict(found.test.inputs)).all()
    many = split(make_panel(make_sales(series=30)), horizon=4)
    assert refuse_network(many) == ""
    monkeypatch.setattr(networks, "WORK", 1e6)
    assert refuse_network(many).startswith("it would take too long with ")


def test_one_series_and_unseen_ones_are_forecast():
    random = np.random.default_rng(2)
    rows = 50 + 10 * np.sin(2 * np.pi * np.arange(600) / 12) + random.normal(0, 1, 600)
    found = split(make_panel([rows]), horizon=6)
    model = fit(found)
    assert measure(model, found.test) < measure(fit(found, "seasonal"), found.test)
    for length in (1, 5, 30):
        other = newest_examples(found.features, make_panel([1000 + rows[:length]]))
        assert (np.abs(model.forecast(other)[..., MEDIAN] - 1050) < 40).all()


def take_ridge(found):
    """The arrays of a ridge as those of a blend's."""
    return {f"ridge_{name}": array for name, array in fit(found, "ridge").arrays.items()}


def test_a_blend_without_a_network_is_still_read(monkeypatch):
    monkeypatch.setattr(networks, "STEPS", 100)
    monkeypatch.setattr("seqconv.tasks.panel.boosting.TREES", 20)
    found = split(make_panel(make_sales(series=25)), horizon=6)
    blend = fit(found, "blend")
    newer = list(MEMBERS)[5:]
    assert newer == ["network", "squashed"]
    weights = np.append(blend.weights[:5], [0.0, 0.0])
    weights[list(MEMBERS).index("ridge")] += 0.1  # if all the weight was newer
    other = replace(blend, weights=weights / weights.sum(), usual=np.zeros(1), **take_ridge(found))
    former = {name: array for name, array in other.arrays.items() if not name.startswith(tuple(newer))}
    former = {
        name.replace("_form", "_logged"): array for name, array in former.items() if name not in ("seen", "usual")
    }
    former["weights"] = other.weights[:5]
    completed = Blend(found.features, **Blend.complete(former))
    assert completed.used == other.used
    np.testing.assert_array_equal(completed.predict(found.test.inputs), other.predict(found.test.inputs))
    assert Blend.complete(blend.arrays) == blend.arrays


def test_nothing_of_training_stays_in_memory(prices):
    """Inputs are large: what holds itself would stay until the collector of cycles runs."""
    import gc
    import weakref

    training = networks._Training(*networks._read_examples(prices.features, prices.train.inputs, 0), seed=0)
    inputs = weakref.ref(training._x)
    training.go_on(2)
    gc.disable()
    try:
        del training
        assert inputs() is None
    finally:
        gc.enable()

"""Blends of forecasts: a network and the baselines as one model, wherever it is asked."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import seqconv
from helpers.command import seqconv_command
from seqconv.errors import BundleError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.models.predictor import Predictor
from seqconv.networks.engines.choice import create_network
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import FACTORS, split_parts
from seqconv.tasks.examples import merge_validation
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.series.baselines import fit_boosting, fit_ridge
from seqconv.training.folder import Options

ROWS = 700
SETTINGS = ["data.target=level", "windows.lookback=24h", 'windows.leads=["1h", "6h"]', "training.epochs=6"]


def make_values() -> np.ndarray:
    """A daily cycle, of which the second column says two rows before how far it is off."""
    random = np.random.default_rng(5)
    hint = random.normal(size=ROWS)
    level = 10 + 3 * np.sin(2 * np.pi * np.arange(ROWS) / 24) + np.roll(hint, 2) + random.normal(0, 0.3, ROWS)
    return np.stack([level, hint], axis=1)


def write_series(path, values: np.ndarray, first: int = 0, times: bool = True) -> str:
    stamps = np.datetime64("2021-03-01T00:00:00") + (first + np.arange(len(values))) * np.timedelta64(1, "h")
    rows = [",".join(f"{value:.4f}" for value in row) for row in values]
    rows = [f"{stamp},{row}" for stamp, row in zip(stamps, rows, strict=True)] if times else rows
    path.write_text("\n".join(["time,level,hint" if times else "level,hint", *rows, ""]))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blend")
    path = write_series(folder / "series.csv", make_values())
    return seqconv.train(suggest_recipe(path, SETTINGS).recipe, Options(out=folder / "run", threads=1))


def ask_members(bundle, scaled, anchors, times):
    """Each member's forecasts, scaled, from parts of the bundle."""
    parts, features = split_parts(bundle.weights, "series"), bundle.features
    inputs = features.inputs(scaled, anchors, times)
    network = create_network("native", bundle.plan, parts.network, bundle.recipe.training, 1)
    count = features.target.outputs
    newest = np.repeat(scaled[anchors - 1, :1], count, axis=1)
    found = {NETWORK: network.predict(inputs)[:, :count] + newest}
    kinds = TASKS["series"].baselines
    for kind, own in parts.members.items():
        found[kind] = restore(kinds, kind, features, own).predict(inputs)
    return parts.factors, found, network.predict(inputs)


def test_a_series_gets_a_blend_unless_layers_or_another_model_are_asked_for(tmp_path):
    path = write_series(tmp_path / "series.csv", make_values())
    suggested = suggest_recipe(path, ["data.target=level"])
    assert suggested.recipe.training.model == "blend"
    assert any("--model NAME fits one" in note for note in suggested.notes)
    assert suggest_recipe(path, ["data.target=level"], network="jena-conv1d").recipe.training.model == NETWORK
    for model in (NETWORK, "ridge"):
        assert suggest_recipe(path, ["data.target=level", f"training.model={model}"]).recipe.training.model == model


def test_forecasts_are_the_weighted_mean_of_the_members(run):
    bundle, values = read_bundle(run.folder), make_values()
    features, times = bundle.features, np.datetime64("2021-03-01T00:00:00") + np.arange(ROWS) * np.timedelta64(1, "h")
    scaled = ((values - features.scaler.mean) / features.scaler.std).astype(np.float32)
    scaled = np.concatenate([scaled, features.scale(seqconv_series(times, values, features))[:, 2:]], axis=1)
    anchors = np.arange(24, ROWS + 1)
    factors, members, network = ask_members(bundle, scaled, anchors, times)
    assert len(members) > 1
    assert set(factors) == set(members)
    np.testing.assert_allclose(sum(factors.values()), [1, 1])
    mean = sum(weight * members[name] for name, weight in factors.items())
    expected = mean * features.scaler.std[0] + features.scaler.mean[0]
    found = seqconv.load(run.folder).forecast_interval(values, times)
    np.testing.assert_allclose(found.point[..., 0], expected, rtol=1e-5)
    # bounds keep their distance from the network's forecast, and margins are added
    for bound, sign, own in ((found.low, -1, network[:, 2:4]), (found.high, 1, network[:, 4:])):
        away = np.maximum(sign * (own - network[:, :2]), 0) + np.array(features.margins)
        wanted = expected + sign * features.scaler.std[0] * np.maximum(away, 0)
        np.testing.assert_allclose(bound[..., 0], wanted, rtol=1e-4)
    torch = Predictor(bundle, engine="torch").forecast(values, times)
    np.testing.assert_allclose(torch, found.point, rtol=1e-4)


def seqconv_series(times, values, features):
    from seqconv.data.records import Series

    return Series(times, values, ("level", "hint"), 3600, "made")


def test_the_leaderboard_has_every_member_and_its_weight(run):
    results = run.results
    weights = {each.kind: each.weight for each in results.baselines}
    assert results.model == "blend"
    assert weights.keys() == {NETWORK, "naive", "seasonal", "ridge", "boosting"}
    assert sum(weight for weight in weights.values() if weight) == pytest.approx(1)
    errors = {each.kind: each.validation["mae"] for each in results.baselines}
    assert results.validation["mae"] < 1.02 * min(errors.values())
    assert max(weights, key=lambda kind: weights[kind] or 0) in sorted(errors, key=errors.__getitem__)[:3]
    assert not weights[max(errors, key=errors.__getitem__)]
    assert "weight in the blend" in (run.folder / "report.html").read_text()


def test_intervals_hold_what_they_should_of_the_validation_rows(run):
    bundle, values = read_bundle(run.folder), make_values()
    times = np.datetime64("2021-03-01T00:00:00") + np.arange(ROWS) * np.timedelta64(1, "h")
    found = seqconv.load(run.folder).forecast_interval(values, times)
    first, last = round(0.7 * ROWS), round(0.85 * ROWS)
    anchors = np.arange(first + 24, last - 5)
    for place, lead in enumerate((1, 6)):
        truth = values[anchors + lead - 1, 0]
        inside = (found.low[anchors - 24, place, 0] <= truth) & (truth <= found.high[anchors - 24, place, 0])
        assert inside.mean() == pytest.approx(bundle.recipe.training.coverage, abs=0.03)
    assert run.results.intervals.nominal == 0.8


def test_a_random_walk_is_forecast_by_its_last_value(tmp_path):
    steps = np.random.default_rng(2).normal(size=(1500, 2))
    path = write_series(tmp_path / "walk.csv", np.cumsum(steps, axis=0))
    suggested = suggest_recipe(path, ["data.target=level", "windows.lookback=24h", "training.epochs=3"])
    done = seqconv.train(suggested.recipe, Options(out=tmp_path / "run", threads=1), data=suggested.data)
    weights = {each.kind: each.weight for each in done.results.baselines if each.weight}
    assert weights == {"naive": 1}
    values = np.cumsum(steps, axis=0).round(4)
    times = np.datetime64("2021-03-01T00:00:00") + np.arange(1500) * np.timedelta64(1, "h")
    forecast = seqconv.load(done.folder).forecast(values, times)
    np.testing.assert_allclose(forecast[:, 0, 0], values[23:, 0], atol=1e-4)


def test_explained_evaluated_shrunk_served_and_backtested(run, tmp_path):
    def ask(*words: object) -> dict:
        return json.loads(seqconv_command(*map(str, words), "--json", cwd=tmp_path).stdout)

    file = run.folder.parent / "series.csv"
    found = ask("explain", run.folder, "--file", file, "--lead", "6h")
    assert sum(each["weight"] for each in found["members"]) == pytest.approx(1)
    mean = sum(each["weight"] * each["forecast"] for each in found["members"])
    assert mean == pytest.approx(found["value"], rel=1e-5)
    assert found["low"] < found["value"] < found["high"]
    page = seqconv_command("explain", str(run.folder), "--file", str(file), "-o", "why.html", cwd=tmp_path).stdout
    assert "weighted mean of" in page.replace("\n", " ")
    assert ask("evaluate", run.folder)["test"]["mae"] == pytest.approx(run.results.test["mae"], rel=1e-6)
    assert ask("shrink", run.folder, "-o", "small")["moved"] < 0.01
    (fold, _) = ask("backtest", file, "--target", "level", "--folds", 2, "--epochs", 1)["folds"]
    assert sum(each.get("weight", 0) for each in fold["baselines"]) == pytest.approx(1)
    rows = [f"2021-05-01T{hour:02d}:00:00,{10 + hour / 9},{hour % 3}" for hour in range(24)]
    (tmp_path / "new.csv").write_text("\n".join(["time,level,hint", *rows, ""]))
    seqconv_command("predict", str(run.folder), "new.csv", "-o", "found.csv", cwd=tmp_path)
    lines = (tmp_path / "found.csv").read_text().splitlines()
    assert len([cell for cell in lines[-1].split(",") if cell]) == 9


def test_refitted_members_have_seen_the_validation_rows_too(tmp_path):
    path = write_series(tmp_path / "series.csv", make_values())
    suggested = suggest_recipe(path, [*SETTINGS, "training.refit=true"])
    recipe = suggested.recipe
    done = seqconv.train(recipe, Options(out=tmp_path / "run", threads=1), data=suggested.data)
    bundle = read_bundle(done.folder)
    split = TASKS["series"].split(suggested.data, recipe, 1, None)
    whole = replace(split, train=merge_validation(split.training).train)
    members = split_parts(bundle.weights, "series").members
    assert members.keys() & {"ridge", "boosting"}
    for kind, fit in (("ridge", fit_ridge), ("boosting", fit_boosting)):
        if kind in members:
            wanted = fit(split).fit_to(whole).arrays
            for name, array in wanted.items():
                np.testing.assert_allclose(members[kind][name], array, rtol=1e-9, atol=1e-9)
    checked, seen = bundle.seen.check(split.validation.keys)
    assert checked.any()
    assert seen[checked].all()


def test_a_ridge_regression_is_fitted_again_with_its_penalties(tmp_path):
    from sklearn.linear_model import Ridge as Reference

    path = write_series(tmp_path / "series.csv", make_values())
    suggested = suggest_recipe(path, SETTINGS)
    split = TASKS["series"].split(suggested.data, suggested.recipe, 1, None)
    whole = replace(split, train=merge_validation(split.training).train)
    model = fit_ridge(split).fit_to(whole)
    x = model.describe(whole.train.inputs)
    for lead in range(2):
        change = np.asarray(whole.train.targets)[:, lead].astype(np.float64) - x[:, 0]
        reference = Reference(alpha=model.penalties[0, lead]).fit(x, change)
        wanted = reference.predict(model.describe(split.test.inputs)) + model.describe(split.test.inputs)[:, 0]
        np.testing.assert_allclose(model.predict(split.test.inputs)[:, lead], wanted, atol=1e-4)


def test_rows_that_are_counted_may_begin_anywhere(tmp_path):
    values = make_values()
    path = write_series(tmp_path / "series.csv", values, times=False)
    suggested = suggest_recipe(path, [*SETTINGS, "data.interval=1h"])
    done = seqconv.train(suggested.recipe, Options(out=tmp_path / "run", threads=1), data=suggested.data)
    assert len(split_parts(read_bundle(done.folder).weights, "series").members) > 1
    model = seqconv.load(done.folder)
    np.testing.assert_allclose(model.forecast(values[101:]), model.forecast(values)[101:], rtol=1e-5)
    write_series(tmp_path / "later.csv", values[101:], times=False)
    rows = []
    for name in ("series.csv", "later.csv"):
        seqconv_command("predict", str(done.folder), name, "-o", f"of-{name}", cwd=tmp_path)
        rows.append((tmp_path / f"of-{name}").read_text().splitlines()[-1])
    assert rows[0] == rows[1]


@pytest.mark.parametrize("broken", ["sum", "negative", "shape", "flat", "member without factor"])
def test_damaged_factors_are_refused(run, tmp_path, broken):
    write_bundle(read_bundle(run.folder), tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    arrays = load_file(path)
    factors = arrays.pop(FACTORS)
    assert factors.shape == (1 + len(KINDS["series"].blended), 2)
    first = np.eye(len(factors))[:, :1] * np.ones((1, 2))
    wrong = {
        "sum": factors * 1.1,
        "negative": factors - 2 * first,
        "shape": factors[:, :1],
        "flat": factors[:, 0],
        "member without factor": first,
    }
    save_file(arrays | {FACTORS: np.ascontiguousarray(wrong[broken])}, path)
    header = json.loads((tmp_path / "model" / "bundle.json").read_text())
    header["files"]["weights.safetensors"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "model" / "bundle.json").write_text(json.dumps(header))
    with pytest.raises(BundleError, match=r"weights\.safetensors: (factors|arrays)"):
        read_bundle(tmp_path / "model")

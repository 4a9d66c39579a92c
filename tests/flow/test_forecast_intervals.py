"""Intervals from training to answers: one run with two targets and two leads, and what every command makes of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.data.readers.tables import write_table
from seqconv.errors import BundleError, DataError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.serving.files import predict_file
from seqconv.tasks import guessing
from seqconv.tasks.blend import split_parts
from seqconv.tasks.series.answers import read_example_rows
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.task import Source
from seqconv.training import assessment
from seqconv.training import backtest as backtests
from seqconv.training import comparison as comparisons
from seqconv.training import run as runs
from seqconv.training.finished import Run
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

HOUR = np.timedelta64(3600, "s")
SETTINGS = [
    'data.target=["a", "b"]',
    "data.calendar=false",
    'windows.leads=["1h", "5h"]',
    "training.epochs=4",
    "training.patience=0",
    "training.coverage=0.6",
]


class Heard(Listener):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A series with noise of two sizes, the run `noisy` on it, and `plain`, the same without intervals."""
    folder = tmp_path_factory.mktemp("intervals")
    random = np.random.default_rng(0)
    times = np.datetime64("2020-01-01T00:00:00") + np.arange(1500) * HOUR
    wave = np.sin(2 * np.pi * np.arange(1500) / 24)
    values = {"a": wave + random.normal(0, 0.1, 1500), "b": 10 * wave + random.normal(0, 5, 1500)}
    write_table(polars.DataFrame({"when": times.astype("datetime64[ms]"), **values}), folder / "noisy.csv")
    train(folder, "noisy")
    train(folder, "plain", "training.coverage=0")
    return folder


def train(folder: Path, name: str, *settings: str, **options: object) -> Run:
    suggested = guessing.suggest_recipe(str(folder / "noisy.csv"), [*SETTINGS, *settings])
    listener = options.pop("listener", None)
    return runs.train(
        suggested.recipe, Options(out=folder / name, baselines=False, **options), listener, suggested.data
    )


def results(folder: Path, name: str) -> dict:
    return json.loads((folder / name / "metrics.json").read_text("utf-8"))


def test_what_is_told_is_what_the_intervals_of_the_test_rows_hold(folder):
    told = results(folder, "noisy")["intervals"]
    with np.load(folder / "noisy" / "predictions.npz") as stored:
        low, middle, high, truth = (stored[name] for name in ("low", "outputs", "high", "targets"))
    assert low.shape == truth.shape == (len(truth), 2, 2)
    assert (low <= middle).all()
    assert (middle <= high).all()
    held = (truth >= low) & (truth <= high)
    assert told["nominal"] == told["share"] == 0.6
    assert told["coverage"]["value"] == pytest.approx(held.mean(), abs=2 / held.size)  # rounding may move an end
    assert told["coverage"]["low"] < told["coverage"]["value"] < told["coverage"]["high"]
    assert told["width"] == pytest.approx((high - low).mean(), rel=1e-4)
    for place, each in enumerate(told["leads"]):
        assert each["lead"] == ("1 h", "5 h")[place]
        assert each["coverage"]["value"] == pytest.approx(held[:, place].mean(), abs=4 / held.size)
        assert each["width"] == pytest.approx((high - low)[:, place].mean(), rel=1e-4)
    assert abs(held.mean() - 0.6) < 0.08  # rows of one kind: calibration brings them near
    assert told["before_calibration"]["width"] != told["width"]
    widths = (high - low).mean(axis=(0, 1))
    assert widths[1] > 5 * widths[0]  # each target has an interval of its own


def test_evaluate_finds_what_training_told(folder):
    told = results(folder, "noisy")
    found = assessment.evaluate(folder / "noisy", threads=1)
    assert found.scores.intervals.coverage.value == told["intervals"]["coverage"]["value"]
    assert found.scores.intervals.width == pytest.approx(told["intervals"]["width"])
    assert found.test == told["test"]
    whole = assessment.evaluate(folder / "noisy", folder / "noisy.csv", threads=1)
    assert 0.5 < whole.scores.intervals.coverage.value < 0.8
    json.dumps(whole.to_dict(), allow_nan=False)
    assert assessment.evaluate(folder / "plain", threads=1).scores.intervals is None


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_forecasts_come_with_intervals_and_without_them_as_before(folder, engine):
    if engine == "torch":
        pytest.importorskip("torch")
    model = seqconv.load(folder / "noisy", engine=engine)
    series = read_example_rows(model.bundle, Source(file=folder / "noisy.csv"))
    values = series.values.copy()
    values[700, 0] = np.nan
    found = model.forecast_interval(values, series.times)
    forecast = model.forecast(values, series.times)
    spec = model.bundle.features.spec
    assert forecast.shape == (1500 - spec.lookback + 1, 2, 2)
    np.testing.assert_array_equal(found.point, forecast)
    with pytest.warns(DeprecationWarning, match="Use Forecast.point"):
        assert found.middle is found.point
    known = ~np.isnan(forecast)
    assert (~known).any()
    np.testing.assert_array_equal(known, ~np.isnan(found.low))
    assert (found.low[known] <= forecast[known]).all()
    assert (found.high[known] >= forecast[known]).all()
    native = seqconv.load(folder / "noisy").forecast_interval(values, series.times)
    np.testing.assert_allclose(found.high, native.high, rtol=1e-4, atol=1e-4)


def test_the_newest_value_is_added_to_all_three(folder):
    bundle = read_bundle(folder / "noisy")
    assert bundle.features.change
    network = split_parts(bundle.weights, "series").network
    zero = {name: np.zeros_like(array) for name, array in network.items()}
    alone = replace(bundle.recipe, training=replace(bundle.recipe.training, model="network"))
    model = seqconv.Predictor(replace(bundle, weights=zero, recipe=alone), threads=1)
    series = read_example_rows(bundle, Source(file=folder / "noisy.csv"))
    low, high = model.forecast_interval(series.values, series.times)[1:]
    newest = series.values[bundle.features.spec.lookback - 1 :, None]
    margins = np.maximum(np.reshape(bundle.features.margins, (2, 2)), 0) * bundle.features.scaler.std
    np.testing.assert_allclose(high, newest + margins, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(low, newest - margins, rtol=1e-4, atol=1e-4)


def test_a_model_without_intervals_says_so(folder, tmp_path):
    model = seqconv.load(folder / "plain")
    series = read_example_rows(model.bundle, Source(file=folder / "noisy.csv"))
    with pytest.raises(DataError, match=r"this model has no intervals\. Train with --set training.coverage=0.8"):
        model.forecast_interval(series.values, series.times)
    assert not model.bundle.features.margins
    # what an interrupted run leaves is not calibrated: it forecasts, but has no intervals yet
    whole = seqconv.load(folder / "noisy")
    bundle = replace(whole.bundle, features=replace(whole.bundle.features, margins=()))
    write_bundle(bundle, tmp_path / "model")
    left = seqconv.load(tmp_path / "model")
    forecast = left.forecast(series.values, series.times)
    np.testing.assert_array_equal(forecast, whole.forecast(series.values, series.times))
    with pytest.raises(DataError, match="no intervals"):
        left.forecast_interval(series.values, series.times)


def test_predicted_files_have_the_ends_behind_each_forecast(folder):
    model = seqconv.load(folder / "noisy")
    found = polars.concat(predict_file(model, folder / "noisy.csv", piece=333))
    names = [f"{target} in {lead}{end}" for lead in ("1 h", "5 h") for target in "ab" for end in ("", " low", " high")]
    assert found.columns == ["when", "a", "b", *names]
    series = read_example_rows(model.bundle, Source(file=folder / "noisy.csv"))
    wanted = model.forecast_interval(series.values, series.times)
    for end, values in zip(("", " low", " high"), wanted, strict=True):
        made = found[f"b in 5 h{end}"].to_numpy()[-len(values) :]
        np.testing.assert_allclose(made, values[:, 1, 1], rtol=1e-5)
    assert found["a in 1 h low"].null_count() == len(found) - len(wanted.low)


def test_refit_keeps_the_margins_of_the_first_fit_and_says_so(folder):
    listener = Heard()
    train(folder, "again", "training.refit=true", listener=listener)
    first, again = (read_bundle(folder / name) for name in ("noisy", "again"))
    assert again.features.margins == first.features.margins
    assert any((again.weights[name] != first.weights[name]).any() for name in first.weights)
    assert any("calibration of this fit" in said for said in listener.said)
    assert "the first fit" in (folder / "again" / "report.html").read_text("utf-8")


def test_the_report_draws_a_band_and_tells_coverage(folder):
    page, plain = ((folder / name / "report.html").read_text("utf-8") for name in ("noisy", "plain"))
    told = results(folder, "noisy")["intervals"]
    assert f"60 % intervals covered {100 * told['coverage']['value']:.1f} % of the test rows" in page
    assert "The band: 60 % intervals." in page.replace("\u00a0", " ")
    assert ">interval</text>" in page
    assert "covered by 60 % intervals" in page  # by lead
    assert ">interval</text>" not in plain
    assert "Intervals" not in plain


def test_the_terminal_shows_coverage(folder, tmp_path):
    quick = ("--set", "training.epochs=1", "--set", "training.coverage=0.9", "--no-baselines")
    flags = ("--target", "a", "--lead", "1h,5h", "--out", str(tmp_path / "run"), *quick)
    said = seqconv_command("train", str(folder / "noisy.csv"), *flags, cwd=tmp_path).stdout
    assert "\nThe 90 % intervals covered " in said
    assert "; average width " in said
    shown = seqconv_command("evaluate", str(tmp_path / "run"), "-o", "page.html", cwd=tmp_path).stdout
    assert "covered by 90 % intervals" in shown
    assert "covered by 90 % intervals" in (tmp_path / "page.html").read_text("utf-8")
    answers = seqconv_command("predict", str(tmp_path / "run"), str(folder / "noisy.csv"), "--json", cwd=tmp_path)
    last = json.loads(answers.stdout)["predictions"][-1]
    assert last["a in 5 h low"] < last["a in 5 h"] < last["a in 5 h high"]


def test_other_commands_take_a_model_with_intervals(folder, tmp_path):
    model = seqconv.load(folder / "noisy")
    series = read_example_rows(model.bundle, Source(file=folder / "noisy.csv"))
    shown = explain_series(model, series, target="b", lead="5h")
    assert shown.value == pytest.approx(float(model.forecast(series.values, series.times)[-1, 1, 1]), rel=1e-4)
    compared = comparisons.compare_runs([folder / "plain", folder / "noisy"])
    assert compared.n == len(np.load(folder / "noisy" / "predictions.npz")["times"])
    suggested = guessing.suggest_recipe(str(folder / "noisy.csv"), [*SETTINGS, "training.epochs=1"])
    options = Options(out=tmp_path / "folds", baselines=False)
    told = backtests.backtest(suggested.recipe, 2, "growing", options, Listener(), suggested.data).results
    assert [fold.intervals.nominal for fold in told.folds] == [0.6, 0.6]


@pytest.mark.parametrize("margins", [[0.1], [0.1] * 5, [0.1, 0.1, 0.1, float("nan")], "many", [None] * 4])
def test_margins_that_do_not_fit_are_refused(folder, tmp_path, margins):
    write_bundle(read_bundle(folder / "noisy"), tmp_path / "model")
    header = json.loads((tmp_path / "model" / "bundle.json").read_text("utf-8"))
    assert len(header["features"]["margins"]) == 4
    header["features"]["margins"] = margins
    (tmp_path / "model" / "bundle.json").write_text(json.dumps(header), "utf-8")
    with pytest.raises(BundleError) as caught:
        read_bundle(tmp_path / "model")
    assert "\n" not in str(caught.value)

"""Bundles of formats 1 to 3, written once: every later version reads them and gives the same answers."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqconv
from helpers.tasks import TABLE
from seqconv.data.records import Sequences

pytestmark = pytest.mark.usefixtures("quick")

FOLDER = Path(__file__).parents[1] / "golden"
ANSWERS = json.loads((FOLDER / "answers.json").read_text("utf-8"))
BASELINES = json.loads((FOLDER / "baselines.json").read_text("utf-8"))
ENGINES = ("native", "torch")


def load(task: str, engine: str) -> seqconv.Predictor:
    if engine == "torch":
        pytest.importorskip("torch")
    return seqconv.load(FOLDER / task, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["text", "text-small", "text-binary", "text-labels"])
def test_the_text_models_answer_as_they_did(name, engine):
    wanted = ANSWERS[name]
    found = load(name, engine).predict(wanted["inputs"])
    np.testing.assert_allclose(found, wanted["probabilities"], rtol=1e-5)


def list_rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a series and their times."""
    wanted = ANSWERS[name]
    values = np.array(wanted["inputs"])
    return values, np.datetime64(wanted["first"]) + np.arange(len(values)) * np.timedelta64(3600, "s")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_series_model_forecasts_as_it_did(engine):
    found = load("series", engine).forecast(*list_rows("series"))
    assert found.shape == (5, 2, 2)
    np.testing.assert_allclose(found, ANSWERS["series"]["forecasts"], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "shape"), [("series-intervals", (4, 2, 2)), ("series-blend", (5, 2, 1))])
def test_series_models_with_intervals_forecast_as_they_did(name, shape, engine):
    wanted = ANSWERS[name]
    forecast, low, high = load(name, engine).forecast_interval(*list_rows(name))
    assert forecast.shape == shape
    np.testing.assert_allclose(forecast, wanted["forecasts"], rtol=1e-5)
    np.testing.assert_allclose(low, wanted["low"], rtol=1e-5)
    np.testing.assert_allclose(high, wanted["high"], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["sequence", "sequence-classes"])
def test_the_sequence_models_answer_as_they_did(name, engine):
    wanted, model = ANSWERS[name], load(name, engine)
    lengths = [len(rows) for rows in wanted["inputs"]]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.concatenate([np.array(rows, np.float32) for rows in wanted["inputs"]])
    channels = model.bundle.features.channels
    sequences = Sequences(values, offsets, np.zeros(0, np.int32), (), channels, "made")
    np.testing.assert_allclose(model.classify(sequences), wanted["probabilities"], rtol=1e-5)


def test_the_panel_model_forecasts_as_it_did():
    wanted = ANSWERS["panel"]
    (panel,) = TABLE["panel"].to_raw(wanted["rows"])
    found = seqconv.load(FOLDER / "panel").forecast_panel(panel)
    np.testing.assert_allclose(found, wanted["quantiles"], rtol=1e-4)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_answers_as_it_did(name):
    wanted, model = BASELINES[name], seqconv.load(FOLDER / name)
    if name.startswith("text"):
        found = model.predict(wanted["inputs"])
    else:
        values = np.array(wanted["inputs"])
        found = model.forecast(values, np.datetime64(wanted["first"]) + np.arange(len(values)) * np.timedelta64(1, "h"))
    np.testing.assert_allclose(found, wanted["answers"], rtol=1e-5, atol=2e-6)

"""Bundles of formats 1 and 2, written once: every later version reads them and answers the same."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqconv
from seqconv.data.records import Sequences

FOLDER = Path(__file__).parents[1] / "golden"
ANSWERS = json.loads((FOLDER / "answers.json").read_text("utf-8"))
BASELINES = json.loads((FOLDER / "baselines.json").read_text("utf-8"))
ENGINES = ("native", "torch")


def load(task: str, engine: str) -> seqconv.Predictor:
    if engine == "torch":
        pytest.importorskip("torch")
    return seqconv.load(FOLDER / task, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["text", "text-small"])
def test_the_text_models_answer_as_they_did(name, engine):
    wanted = ANSWERS[name]
    found = load(name, engine).predict(wanted["inputs"])
    np.testing.assert_allclose(found, wanted["probabilities"], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_series_model_forecasts_as_it_did(engine):
    wanted = ANSWERS["series"]
    values = np.array(wanted["inputs"])
    times = np.datetime64(wanted["first"]) + np.arange(len(values)) * np.timedelta64(3600, "s")
    found = load("series", engine).forecast(values, times)
    assert found.shape == (5, 2, 2)
    np.testing.assert_allclose(found, wanted["forecasts"], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sequence_model_answers_as_it_did(engine):
    wanted = ANSWERS["sequence"]
    lengths = [len(rows) for rows in wanted["inputs"]]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.concatenate([np.array(rows, np.float32) for rows in wanted["inputs"]])
    sequences = Sequences(values, offsets, np.zeros(0, np.int32), (), ("x", "y"), "made")
    np.testing.assert_allclose(load("sequence", engine).classify(sequences), wanted["probabilities"], rtol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_answers_as_it_did(name):
    wanted, model = BASELINES[name], seqconv.load(FOLDER / name)
    if name.startswith("text"):
        found = model.predict(wanted["inputs"])
    else:
        values = np.array(wanted["inputs"])
        found = model.forecast(values, np.datetime64(wanted["first"]) + np.arange(len(values)) * np.timedelta64(1, "h"))
    np.testing.assert_allclose(found, wanted["answers"], rtol=1e-5, atol=2e-6)

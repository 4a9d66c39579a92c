"""Estimators that version 0.1.0 pickled: every later version loads them, gives the same answers and can fit them again.

The TOML files next to the pickles are the networks that some of them were fitted with; a pickle names its file.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from sklearn.base import clone

import seqconv
from seqconv.data.frames import to_sequences
from seqconv.models.format import write_bundle

FOLDER = Path(__file__).parents[1] / "golden"
PICKLES = FOLDER / "pickles"
ANSWERS = json.loads((FOLDER / "pickles.json").read_text("utf-8"))
CLASSIFIERS = [name for name in ANSWERS if not name.startswith("series")]
FORECASTERS = [name for name in ANSWERS if name.startswith("series")]
KINDS = {
    "text": seqconv.TextClassifier,
    "sequence": seqconv.SequenceClassifier,
    "series": seqconv.SeriesForecaster,
}


def load(name: str) -> Any:
    return pickle.loads((PICKLES / f"{name}.pkl").read_bytes())


def to_inputs(name: str, values: list[Any]) -> Any:
    """What an estimator takes: texts, an array, arrays of several lengths, or a frame with a column of months."""
    if name == "sequence-lengths":
        return [np.array(rows) for rows in values]
    if name != "series-months":
        return values if name.startswith("text") else np.array(values)
    months = polars.Series("month", ANSWERS[name]["months"][: len(values)]).str.to_date()
    return polars.DataFrame(values, schema=["sales", "price"], orient="row").insert_column(0, months)


def assert_same(found: Any, wanted: Any) -> None:
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)  # instruction sets differ in the last bits


def test_every_pickle_has_its_answers():
    assert {path.stem for path in PICKLES.glob("*.pkl")} == ANSWERS.keys()


@pytest.mark.parametrize("name", ANSWERS)
def test_it_is_of_the_public_class(name):
    assert type(load(name)) is KINDS[name.partition("-")[0]]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_as_it_did(name):
    model, wanted = load(name), ANSWERS[name]
    asked = to_inputs(name, wanted["asked"])
    assert_same(model.predict_proba(asked), wanted["probabilities"])
    assert model.predict(asked).tolist() == wanted["labels"]


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster_answers_as_it_did(name):
    model, wanted = load(name), ANSWERS[name]
    X = to_inputs(name, wanted["X"])
    newest = len(wanted["predicted"])
    assert_same(model.predict(X)[-newest:], wanted["predicted"])
    assert_same(model.forecast(X), wanted["forecast"])
    assert_same(model.forecast(), wanted["stored"])  # from the rows of training that it kept
    if "low" in wanted:
        low, high = model.predict_interval(X)
        assert_same(low[-newest:], wanted["low"])
        assert_same(high[-newest:], wanted["high"])


def fit_again(name: str, X: list[Any], y: list[Any] | None) -> tuple[Any, Any]:
    """The old estimator, fitted on other data than before, and a new one with its parameters, fitted on the same."""
    model = load(name)
    other, before = clone(model), model.history_
    for each in (model, other):
        each.fit(to_inputs(name, X), None if y is None else np.array(y))
    assert model.history_ == other.history_ != before
    return model, other


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_can_be_fitted_again(name, monkeypatch):
    monkeypatch.chdir(PICKLES)  # where the network files are
    wanted = ANSWERS[name]
    model, other = fit_again(name, wanted["X"] * 5, wanted["y"] * 5)
    asked = to_inputs(name, wanted["asked"])
    assert (model.predict_proba(asked) == other.predict_proba(asked)).all()


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster_can_be_fitted_again(name, monkeypatch):
    monkeypatch.chdir(PICKLES)
    wanted, rows = ANSWERS[name], 60
    model, other = fit_again(name, wanted["X"][:rows], wanted["y"] and wanted["y"][:rows])
    assert (model.forecast() == other.forecast()).all()
    assert np.shape(model.forecast()) == np.shape(wanted["forecast"])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_model_of_a_classifier_can_be_saved(name, tmp_path):
    estimator, wanted = load(name), ANSWERS[name]
    write_bundle(estimator.bundle_, tmp_path / "model")
    model = seqconv.load(tmp_path / "model", threads=1)
    assert model.bundle.features.classes == tuple(map(str, estimator.classes_.tolist()))
    if name.startswith("text"):
        assert_same(model.predict(wanted["asked"]), wanted["probabilities"])
    else:
        sequences = to_sequences(to_inputs(name, wanted["asked"]))
        assert_same(model.classify(sequences), wanted["probabilities"])

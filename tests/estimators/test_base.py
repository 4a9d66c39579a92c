"""Estimators in forked processes and in threads, as joblib and multiprocessing start them."""

import multiprocessing

import joblib
import numpy as np
import pytest

from seqconv import SequenceClassifier

LIMIT_S = 60
X = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
Y = np.where(X[:, :15].sum(axis=1) > X[:, 15:].sum(axis=1), "falls", "rises")


def answer(model):
    """Train and predict with as many threads as the model names."""
    return model.fit(X, Y).predict_proba(X)


def predict(model):
    """Answers of a model that another process trained."""
    return model.predict_proba(X)


def test_a_forked_child_trains_as_its_parent_did():
    model = SequenceClassifier(epochs=3, n_jobs=2, random_state=0)
    expected = answer(model)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        trained = pool.map_async(answer, [model] * 3).get(LIMIT_S)
        predicted = pool.map_async(predict, [model] * 3).get(LIMIT_S)
    assert {found.tobytes() for found in (*trained, *predicted)} == {expected.tobytes()}


@pytest.mark.parametrize("backend", ["multiprocessing", "threading"])
def test_workers_of_joblib_train_as_their_parent_did(backend):
    model = SequenceClassifier(epochs=3, n_jobs=2, random_state=0)
    expected = answer(model)
    work = [joblib.delayed(answer)(SequenceClassifier(epochs=3, n_jobs=2, random_state=0)) for _ in range(3)]
    found = joblib.Parallel(n_jobs=2, backend=backend, timeout=LIMIT_S)(work)
    assert {outputs.tobytes() for outputs in found} == {expected.tobytes()}

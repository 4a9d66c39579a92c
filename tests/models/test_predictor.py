"""A model in memory goes to other processes and files as other objects do."""

import copy
import pickle

import numpy as np
import pytest

from helpers.predictors import THREE, hours, series_predictor, text_predictor


@pytest.mark.parametrize("take", [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy, copy.copy])
def test_a_copy_answers_alike(take):
    texts = text_predictor(THREE, classes=("a", "b", "c"))
    np.testing.assert_array_equal(take(texts).predict(["good", "not bad"]), texts.predict(["good", "not bad"]))
    rows = hours()
    series = series_predictor()
    np.testing.assert_array_equal(take(series).forecast(rows.values), series.forecast(rows.values))

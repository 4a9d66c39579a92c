"""Networks given to estimators as lists of layers."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from seqconv import SequenceClassifier, SequenceRegressor, SeriesForecaster, TextClassifier, TextRegressor
from seqconv.errors import ConfigError
from seqconv.layers import Conv, Dense, Dropout, Embed, Flatten, GlobalMaxPool, Gru, LastStep, Output
from seqconv.networks.summary import summarise

TEXTS = [Embed(4), Conv(3, 2, activation="relu"), GlobalMaxPool(), Output()]
STEPS = [Conv(3, 5, activation="relu"), GlobalMaxPool(), Dropout(0.1), Output()]
ROWS = [Conv(3, 5), Gru(4), LastStep(), Dense(3, activation="relu"), Output(zeros=True)]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 12))
Y = (X[:, 3] > 0).astype(int)
WORDS = [f"{'good' if label else 'bad'} thing number {row % 7}" for row, label in enumerate(Y)]
CASES = {  # estimator, X, y, the layers of its plan
    "text classes": (TextClassifier(network=TEXTS, epochs=2), WORDS, Y, ["Embed", "Conv", "Relu", "GlobalMaxPool"]),
    "text numbers": (TextRegressor(network=TEXTS, epochs=2), WORDS, X[:, 0], ["Embed", "Conv", "Relu"]),
    "classes": (SequenceClassifier(network=STEPS, epochs=2), X, Y, ["Conv", "Relu", "GlobalMaxPool", "Dropout"]),
    "numbers": (SequenceRegressor(network=STEPS, epochs=2), X, X[:, 0], ["Conv", "Relu", "GlobalMaxPool"]),
    "series": (SeriesForecaster(network=ROWS, epochs=2, lookback=12), X, None, ["Conv", "Gru", "LastStep", "Dense"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_layers_given_are_those_that_are_trained(name):
    unfitted, inputs, targets, layers = CASES[name]
    model = clone(unfitted)
    assert model.get_params()["network"] == unfitted.network
    model = model.set_params(random_state=0).fit(inputs, targets)
    assert [type(layer).__name__ for layer in model._model.plan][: len(layers)] == layers
    assert model._model.recipe.training.model == "network"
    assert model.network == unfitted.network  # a parameter stays as it is
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(inputs), model.predict(inputs))
    assert repr(model)


def test_training_settings_are_those_of_the_task_and_of_the_user():
    model = SequenceClassifier(network=STEPS, epochs=3, learning_rate=0.01, random_state=0).fit(X, Y)
    usual = SequenceClassifier(model="network", network="ucr", epochs=3, learning_rate=0.01, random_state=0).fit(X, Y)
    assert model._model.recipe.training == usual._model.recipe.training
    assert len(model.history_["loss"]) == 3


def test_networks_can_be_searched():
    wide = [Conv(6, 5, activation="relu"), GlobalMaxPool(), Output()]
    found = GridSearchCV(SequenceClassifier(epochs=2, random_state=0), {"network": [STEPS, wide]}, cv=2).fit(X, Y)
    assert found.best_params_["network"] in (STEPS, wide)


def test_sizes_of_numpy_are_numbers():
    layers = [Conv(np.int64(3), np.int32(5)), GlobalMaxPool(), Output()]
    model = SequenceClassifier(network=layers, epochs=1).fit(X, Y)
    assert summarise(model._model.plan, (12, 1))[0].name == "Conv(3, 5)"
    assert type(model._model.recipe.network.layers[0]["filters"]) is int


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ([], r"network must be the name of a recipe, or a list of layers .*got \[\]"),
        (Conv(3, 5), "network must be .* a list of layers"),
        ([Conv(3, 5), GlobalMaxPool], r"item 2 is <function GlobalMaxPool .*Call it: GlobalMaxPool\(\.\.\.\)"),
        ([Conv(3, 5), "global_max_pool"], "item 2 is 'global_max_pool'"),
        ([Conv(3, 5), Output()], "layer 2: Dense: the input must be one vector"),
        ([Flatten(), {"layer": "dens", "outputs": 2}], "layer 2: unknown layer 'dens'. Did you mean 'dense'"),
        ([Conv(3, 0), GlobalMaxPool(), Output()], "conv: kernel must be a whole number of at least 1; got 0"),
        ("imdb-conv1d", "network must be a recipe for time-series classification; got 'imdb-conv1d'"),
    ],
)
def test_what_is_no_network_is_named(network, problem):
    with pytest.raises(ConfigError, match=problem):
        SequenceClassifier(network=network, epochs=1).fit(X, Y)

"""Networks of Keras itself, where it is installed, answer here as they do there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.layers import TABLE, surround
from helpers.networks import batch_for, native, random_weights
from seqconv.data.keras import encode_keras_file
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.networks.keras.writing import CASES, write_network
from seqconv.networks.layers.recurrent import Recurrent
from seqconv.networks.outputs import probabilities
from seqconv.tasks.given import read_given

keras = pytest.importorskip("keras", reason="Keras is installed for this test alone: pip install keras h5py torch")
pytestmark = pytest.mark.filterwarnings("ignore")
LAYERS = keras.layers


def answer(path: Path, x: np.ndarray) -> np.ndarray:
    """What the file's network gives here, with the activation that it ends in."""
    found = read_given(str(path))
    outputs = native(found.plan, found.weights).predict(TokenInputs(x) if x.ndim == 2 else stack_windows(x))
    if found.ending == "sigmoid":
        return probabilities(outputs, True)
    if found.ending == "softmax":
        shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    return outputs


def compare(model: Any, x: np.ndarray, folder: Path) -> None:
    random = np.random.default_rng(0)
    for weight in model.weights:  # biases too, and moving averages that are variances
        drawn = random.normal(0, 0.3, weight.shape)
        weight.assign(np.abs(drawn) + 0.1 if "variance" in weight.path else drawn)
    model.save(folder / "model.keras")
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(answer(folder / "model.keras", x), wanted, atol=1e-5 * max(1, np.abs(wanted).max()))


def ids(count: int = 5, length: int = 40, rows: int = 50) -> np.ndarray:
    return np.random.default_rng(1).integers(0, rows, (count, length), dtype=np.int32)


def steps(count: int = 5, length: int = 24, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, length, channels)).astype(np.float32)


SEQUENTIAL = {
    "chapter 6": lambda: [
        *(LAYERS.Embedding(50, 8), LAYERS.Conv1D(4, 7, activation="relu"), LAYERS.MaxPooling1D(5)),
        *(LAYERS.Conv1D(4, 3, activation="relu"), LAYERS.GlobalMaxPooling1D(), LAYERS.Dense(1)),
    ],
    "bidirectional": lambda: [
        *(LAYERS.Embedding(50, 8), LAYERS.Bidirectional(LAYERS.LSTM(4)), LAYERS.Dropout(0.5)),
        LAYERS.Dense(1, activation="sigmoid"),
    ],
    "two directions": lambda: [
        LAYERS.Embedding(50, 8),
        LAYERS.Bidirectional(LAYERS.GRU(4, return_sequences=True), backward_layer=LAYERS.GRU(
            4, return_sequences=True, go_backwards=True
        )),
        *(LAYERS.GlobalAveragePooling1D(), LAYERS.Dense(3, activation="softmax")),
    ],
}  # fmt: skip
SERIES = {
    "stacked gru": lambda: [
        LAYERS.GRU(5, recurrent_dropout=0.5, return_sequences=True),
        *(LAYERS.GRU(5, reset_after=False), LAYERS.Dropout(0.5), LAYERS.Dense(1)),
    ],
    "simple": lambda: [LAYERS.SimpleRNN(5, use_bias=False), LAYERS.Dense(2)],
    "separable": lambda: [
        *(LAYERS.SeparableConv1D(6, 3, padding="same", strides=2, activation="elu"), LAYERS.BatchNormalization()),
        *(LAYERS.Activation("gelu"), LAYERS.SpatialDropout1D(0.2), LAYERS.AveragePooling1D(2), LAYERS.Flatten()),
        *(LAYERS.Dense(4, activation="tanh"), LAYERS.BatchNormalization(scale=False), LAYERS.Dense(1)),
    ],
    "depthwise": lambda: [
        *(LAYERS.DepthwiseConv1D(3, depth_multiplier=2, dilation_rate=2, use_bias=False), LAYERS.ReLU()),
        *(LAYERS.LayerNormalization(epsilon=0.01), LAYERS.Conv1D(4, 2, dilation_rate=3, padding="causal")),
        *(LAYERS.ELU(), LAYERS.Dense(3), LAYERS.Softmax(), LAYERS.GlobalMaxPooling1D(), LAYERS.Dense(2)),
    ],
}


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_network_of_texts_answers_the_same(name, tmp_path):
    compare(keras.Sequential([keras.Input((40,)), *SEQUENTIAL[name]()]), ids(), tmp_path)


@pytest.mark.parametrize("name", SERIES)
def test_a_network_of_steps_answers_the_same(name, tmp_path):
    compare(keras.Sequential([keras.Input((24, 3)), *SERIES[name]()]), steps(), tmp_path)


def test_a_functional_network_answers_the_same(tmp_path):
    start = keras.Input((24, 3))
    x = LAYERS.Conv1D(4, 3, padding="same", activation="relu")(start)
    x = LAYERS.add([x, LAYERS.Conv1D(4, 3, padding="causal")(LAYERS.LSTM(4, return_sequences=True)(x))])
    y = LAYERS.Concatenate()([x, start, LAYERS.SeparableConv1D(2, 5, padding="same")(start)])
    both = LAYERS.concatenate([LAYERS.GlobalMaxPooling1D()(y), LAYERS.GRU(3)(y), LAYERS.Flatten()(y)])
    end = LAYERS.Dense(3, activation="softmax")(LAYERS.Add()([LAYERS.Dense(6)(both), LAYERS.Dense(6)(both)]))
    compare(keras.Model(start, end), steps(), tmp_path)


def test_branches_that_cross_are_refused(tmp_path):
    from seqconv.errors import BundleError

    start = keras.Input((24, 3))
    x = LAYERS.Conv1D(4, 3)(start)
    y = LAYERS.concatenate([LAYERS.Flatten()(x), LAYERS.Flatten()(start)])
    end = LAYERS.Dense(1)(LAYERS.concatenate([LAYERS.Dense(2)(y), LAYERS.GlobalMaxPooling1D()(x)]))
    keras.Model(start, end).save(tmp_path / "model.keras")
    with pytest.raises(BundleError, match="branches that begin and end together must not share it"):
        read_given(str(tmp_path / "model.keras"))


def test_functional_networks_of_ids_may_embed_them_twice(tmp_path):
    start = keras.Input((None,), dtype="int32")
    wide = LAYERS.GlobalAveragePooling1D()(LAYERS.Embedding(50, 3)(start))
    deep = LAYERS.GlobalMaxPooling1D()(LAYERS.Conv1D(4, 3)(LAYERS.Embedding(50, 5)(start)))
    compare(keras.Model(start, LAYERS.Dense(2)(LAYERS.concatenate([wide, deep]))), ids(), tmp_path)


def test_networks_after_training_are_read_without_their_optimiser(tmp_path):
    model = keras.Sequential([keras.Input((24, 3)), LAYERS.Conv1D(4, 3), LAYERS.GlobalMaxPooling1D(), LAYERS.Dense(1)])
    model.compile("adam", "mse")
    model.fit(steps(), np.ones((5, 1), np.float32), verbose=0)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(answer(tmp_path / "model.keras", steps()), model.predict(steps(), verbose=0), atol=1e-6)


def test_custom_layers_are_refused(tmp_path):
    from seqconv.errors import BundleError

    @keras.saving.register_keras_serializable("mine")
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    for layer, match in ((Twice(), "custom object"), (LAYERS.Lambda(lambda x: 2 * x), "it holds code")):
        keras.Sequential([keras.Input((24, 3)), layer, LAYERS.Flatten(), LAYERS.Dense(1)]).save(tmp_path / "m.keras")
        with pytest.raises(BundleError, match=match):
            read_given(str(tmp_path / "m.keras"))


WRITTEN = {name for name, row in TABLE.items() if type(row.layer) in CASES or isinstance(row.layer, Recurrent)}
WRITTEN -= {"concat", "conv, strided, same", "separable conv, several filters", "depthwise conv, several filters"}


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_what_is_written_answers_in_keras_as_here(name, tmp_path):
    plan, shape = surround(TABLE[name])
    weights = random_weights(plan)
    written = write_network(plan, weights, shape, "")
    (tmp_path / "model.keras").write_bytes(encode_keras_file(*written))
    x = batch_for(plan, shape, 4)
    wanted = native(plan, weights).predict(TokenInputs(x) if x.ndim == 2 else stack_windows(x))
    found = keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))

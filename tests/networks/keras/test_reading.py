"""Layers of Keras become layers of a plan, or are refused by their names."""

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.keras import KerasLayer, draw, input_layer, write_archive, write_keras
from seqconv.errors import BundleError
from seqconv.networks.keras.layers import READERS
from seqconv.networks.keras.reading import KerasNetwork
from seqconv.networks.layers.kinds import (
    Add,
    BatchNormalisation,
    Bidirectional,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    GlobalMaxPool,
    LastStep,
    Lstm,
    Relu,
    Residual,
    Tanh,
)
from seqconv.tasks.given import read_given

pytest.importorskip("h5py")
RANDOM = np.random.default_rng(0)
DENSE = KerasLayer("Dense", {"units": 2}, draw(RANDOM, (4, 2), (2,)))
SIZES = {"filters": 4, "kernel_size": [3], "strides": [1], "dilation_rate": [1]}
CONV = KerasLayer("Conv1D", {**SIZES, "activation": "relu"}, draw(RANDOM, (3, 3, 4), (4,)))
POOL = KerasLayer("GlobalMaxPooling1D")


def read(folder: Path, *layers: KerasLayer, **changes: Any) -> KerasNetwork:
    return read_given(str(write_keras(folder / "model.keras", layers, **changes)))


def test_a_chain_of_layers(tmp_path):
    found = read(tmp_path, input_layer(20, 3), CONV, POOL, DENSE)
    assert found.plan == (Conv(3, 4, 3), Relu(), GlobalMaxPool(), Dense(4, 2))
    assert found.weights.keys() == {"0.kernel", "0.bias", "3.kernel", "3.bias"}
    np.testing.assert_array_equal(found.weights["3.kernel"], DENSE.arrays[""][0])
    assert (found.shape, found.ending) == ((20, 3), "")


def test_the_last_activation_is_kept_apart(tmp_path):
    sigmoid = DENSE._replace(config={"units": 2, "activation": "sigmoid"})
    found = read(tmp_path, input_layer(None, 3), CONV, POOL, sigmoid)
    assert (found.plan[-1], found.shape, found.ending) == (Dense(4, 2), (None, 3), "sigmoid")
    softmax = KerasLayer("Softmax", {"axis": -1})
    assert read(tmp_path, input_layer(20, 3), CONV, POOL, DENSE, softmax).ending == "softmax"


def test_layers_of_one_kind_are_numbered(tmp_path):
    second = KerasLayer("Dense", {"units": 1, "use_bias": False}, draw(RANDOM, (2, 1)))
    found = read(tmp_path, input_layer(20, 3), CONV, POOL, DENSE, second)
    assert found.plan[3:] == (Dense(4, 2), Dense(2, 1))
    np.testing.assert_array_equal(found.weights["4.kernel"], second.arrays[""][0])
    assert not found.weights["4.bias"].any()


def test_a_dense_layer_of_steps_is_a_convolution_of_one_step(tmp_path):
    each = KerasLayer("Dense", {"units": 4, "activation": "tanh"}, draw(RANDOM, (3, 4), (4,)))
    found = read(tmp_path, input_layer(20, 3), each, POOL, DENSE)
    assert found.plan[:2] == (Conv(3, 4, 1), Tanh())
    np.testing.assert_array_equal(found.weights["0.kernel"], each.arrays[""][0][None])


def test_normalisations_without_gain_or_bias(tmp_path):
    mean, variance = RANDOM.normal(size=4).astype(np.float32), np.full(4, 2, np.float32)
    bare = KerasLayer("BatchNormalization", {"axis": -1, "scale": False, "center": False}, {"": [mean, variance]})
    found = read(tmp_path, input_layer(20, 3), CONV, bare, POOL, DENSE)
    assert found.plan[2] == BatchNormalisation(4)
    assert found.weights["2.gamma"].tolist() == [1] * 4
    assert found.weights["2.beta"].tolist() == [0] * 4
    np.testing.assert_array_equal(found.weights["2.moving_mean"], mean)


def test_two_directions(tmp_path):
    cells = {f"/{side}_layer/cell": draw(RANDOM, (3, 8), (2, 8), (8,))[""] for side in ("forward", "backward")}
    lstm = {"class_name": "LSTM", "config": {"units": 2, "activation": "tanh"}}
    both = KerasLayer("Bidirectional", {"merge_mode": "concat", "layer": lstm}, cells)
    found = read(tmp_path, input_layer(20, 3), both, DENSE)
    assert found.plan[0] == Bidirectional((Lstm(3, 2), LastStep()))
    np.testing.assert_array_equal(found.weights["0.backward.0.kernel"], cells["/backward_layer/cell"][0])


def functional(*middle: KerasLayer) -> list[KerasLayer]:
    return [input_layer(20, 3, name="in"), *middle]


def named(layer: KerasLayer, name: str, *reads: str) -> KerasLayer:
    return layer._replace(name=name, reads=reads)


def test_branches_of_a_functional_model(tmp_path):
    square = KerasLayer("Conv1D", {**SIZES, "padding": "same"}, draw(RANDOM, (3, 4, 4), (4,)))
    layers = functional(
        named(CONV, "a", "in"),
        named(square, "b", "a"),
        named(KerasLayer("Add"), "sum", "a", "b"),
        named(POOL, "left", "sum"),
        named(KerasLayer("Flatten"), "right", "sum"),
        named(KerasLayer("Concatenate", {"axis": -1}), "both", "left", "right"),
        named(KerasLayer("Dense", {"units": 2}, draw(RANDOM, (76, 2), (2,))), "end", "both"),
    )
    found = read(tmp_path, *layers, functional=True)
    square_layer = Conv(4, 4, 3, padding="same")
    joined = Concat(((GlobalMaxPool(),), (Flatten(),)))
    assert found.plan == (Conv(3, 4, 3), Relu(), Residual((square_layer,)), joined, Dense(76, 2))
    assert set(found.weights) == {"0.kernel", "0.bias", "2.0.kernel", "2.0.bias", "4.kernel", "4.bias"}


def test_a_branch_that_does_nothing(tmp_path):
    narrow = KerasLayer("Conv1D", {**SIZES, "padding": "same"}, draw(RANDOM, (3, 3, 4), (4,)))
    layers = functional(
        named(narrow, "a", "in"),
        named(KerasLayer("Concatenate", {"axis": 2}), "both", "a", "in", "in"),
        named(POOL, "pool", "both"),
        named(KerasLayer("Dense", {"units": 2}, draw(RANDOM, (10, 2), (2,))), "end", "pool"),
    )
    nothing = (Dropout(0.0),)
    found = read(tmp_path, *layers, functional=True)
    assert found.plan[0] == Concat(((Conv(3, 4, 3, padding="same"),), nothing, nothing))


def test_sums_of_several_branches(tmp_path):
    ends = [KerasLayer("Dense", {"units": 2}, draw(RANDOM, (4, 2), (2,))) for _ in range(3)]
    layers = functional(
        named(CONV, "a", "in"),
        named(POOL, "pool", "a"),
        *(named(each, f"d{number}", "pool") for number, each in enumerate(ends)),
        named(KerasLayer("Add"), "end", "d0", "d1", "d2"),
    )
    found = read(tmp_path, *layers, functional=True)
    assert found.plan[-1] == Add(((Dense(4, 2),),) * 3)
    np.testing.assert_array_equal(found.weights["3.2.0.kernel"], ends[2].arrays[""][0])


GRU = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid"}
CELL = {"/cell": draw(RANDOM, (3, 12), (4, 12), (2, 12))[""]}
REFUSED = {
    "a function": (KerasLayer("Lambda", {"function": "gASV"}), r"layer 'lambda' \(Lambda\): it holds code"),
    "an unknown layer": (
        KerasLayer("MultiHeadAttention"),
        "there is no such layer here",
    ),
    "a mask": (
        KerasLayer("Embedding", {"input_dim": 9, "output_dim": 4, "mask_zero": True}, draw(RANDOM, (9, 4))),
        "mask_zero must be False here; got True",
    ),
    "strides apart from the pool": (
        KerasLayer("MaxPooling1D", {"pool_size": [3], "strides": [2]}),
        "strides must be pool_size, 3; got",
    ),
    "groups": (CONV._replace(config={**SIZES, "groups": 3}), "groups must be 1 here; got 3"),
    "channels first": (CONV._replace(config={**SIZES, "data_format": "channels_first"}), "data_format must be"),
    "an activation": (CONV._replace(config={**SIZES, "activation": "swish"}), "activation must be relu.*got 'swish'"),
    "a function of one's own": (
        CONV._replace(config={**SIZES, "activation": {"class_name": "function", "config": "mine"}}),
        "activation must be",
    ),
    "an activation of gates": (
        KerasLayer("GRU", {**GRU, "recurrent_activation": "hard_sigmoid"}, CELL),
        "recurrent_activation must be 'sigmoid' here",
    ),
    "backwards": (KerasLayer("GRU", {**GRU, "go_backwards": True}, CELL), "go_backwards must be False here"),
    "states": (KerasLayer("GRU", {**GRU, "stateful": True}, CELL), "stateful must be False here"),
    "an axis": (KerasLayer("BatchNormalization", {"axis": 1}, draw(RANDOM, (3,), (3,), (3,), (3,))), "axis must be"),
    "weights of another shape": (CONV._replace(arrays=draw(RANDOM, (3, 3, 5), (5,))), r"got \(3, 3, 5\), \(5,\)"),
    "no weights": (CONV._replace(arrays={}), "its weights must be of the shapes"),
    "half of the weights": (CONV._replace(arrays=draw(RANDOM, (3, 3, 4))), "its weights must be of the shapes"),
    "numbers of 8 bits": (CONV._replace(config={**SIZES, "dtype": "int8"}), "dtype must be float32; got 'int8'"),
    "no number of filters": (CONV._replace(config={**SIZES, "filters": "4"}), "filters must be a whole number"),
    "ids in place of steps": (
        KerasLayer("Embedding", {"input_dim": 9, "output_dim": 4}, draw(RANDOM, (9, 4))),
        "it must read ids",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_plan_cannot_say_is_refused_by_name(name, tmp_path):
    layer, match = REFUSED[name]
    with pytest.raises(BundleError, match=match) as caught:
        read(tmp_path, input_layer(20, 3), layer, POOL, DENSE)
    assert "model.keras: layer" in str(caught.value)


def test_objects_of_ones_own_are_refused_by_name(tmp_path):
    path = write_keras(tmp_path / "m.keras", [input_layer(20, 3), CONV, POOL, DENSE])
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    config["config"]["layers"][1] |= {"class_name": "Mine", "registered_name": "project>Mine"}
    with pytest.raises(BundleError, match="it is a custom object, 'project>Mine', whose code is not here"):
        read_given(str(write_archive(path, config, {})))


def test_shared_layers_and_several_inputs_are_refused(tmp_path):
    layers = functional(named(CONV, "a", "in"), named(POOL, "b", "a"), named(DENSE, "c", "b"))
    path = write_keras(tmp_path / "m.keras", layers, functional=True)
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    twice = copy.deepcopy(config)
    twice["config"]["layers"][1]["inbound_nodes"] *= 2
    with pytest.raises(BundleError, match=r"layer 'a' \(Conv1D\): it must be used once; its weights are shared"):
        read_given(str(write_archive(path, twice, {})))
    config["config"]["input_layers"] = [["in", 0, 0], ["other", 0, 0]]
    with pytest.raises(BundleError, match="must have one input and one output"):
        read_given(str(write_archive(path, config, {})))


@pytest.mark.parametrize("change", ["class_name", "config", "layers", "ends"])
def test_models_that_are_none_are_refused(change, tmp_path):
    path = write_keras(tmp_path / "m.keras", functional(named(POOL, "a", "in")), functional=True)
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    wrong = {"class_name": {"class_name": "Model"}, "config": {"config": 3}}.get(change, {})
    if change == "layers":
        wrong = {"config": {**config["config"], "layers": [{"class_name": 4}]}}
    if change == "ends":
        wrong = {"config": {**config["config"], "output_layers": [["none", 0, 0]]}}
    with pytest.raises(BundleError, match=r"m\.keras: must be"):
        read_given(str(write_archive(path, {**config, **wrong}, {})))


def test_a_model_must_end_in_one_vector(tmp_path):
    with pytest.raises(BundleError, match="must end in one vector"):
        read(tmp_path, input_layer(20, 3), CONV)
    with pytest.raises(BundleError, match=r"must read ids \[L\] or steps and channels"):
        read(tmp_path, input_layer(20, 3, 4), CONV)


def test_layers_of_ids(tmp_path):
    embed = KerasLayer("Embedding", {"input_dim": 9, "output_dim": 3}, draw(RANDOM, (9, 3)))
    found = read(tmp_path, input_layer(None), embed, CONV, POOL, DENSE)
    assert found.plan[0] == Embed(9, 3)
    assert found.shape == (None,)
    assert len(READERS) >= 20

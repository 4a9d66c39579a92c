"""Plans written as models of Keras are the same when they are read again."""

import numpy as np
import pytest

from helpers.layers import TABLE, surround
from helpers.networks import RECIPES, agree, batch_for, native, random_weights
from seqconv.errors import ConfigError
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.networks.keras.reading import read_network
from seqconv.networks.keras.writing import CASES, RECURRENT, write_network
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.kinds import KINDS, Conv, Dense, Flatten

LACKING = {"token_conv", "ngram_bag", "subtract_last", "last_step", "patch", "channelwise", "normalise"}
REFUSED = {"concat", "conv, strided, same", "separable conv, several filters", "depthwise conv, several filters"}


def compare(plan: Plan, shape: Shape, ending: str = "") -> None:
    weights, x = random_weights(plan), batch_for(plan, shape, 4)
    written = write_network(plan, weights, shape, ending)
    read = read_network(written.config, written.arrays)
    inputs = TokenInputs(x) if x.ndim == 2 else stack_windows(x)
    agree(native(read.plan, read.weights).predict(inputs), native(plan, weights).predict(inputs), 1e-6, 0.1)
    assert (read.shape, read.ending) == (shape, ending)


def test_every_layer_is_written_or_known_to_be_lacking():
    kinds = {kind.kind() for kind in (*CASES, *RECURRENT)}
    assert kinds | LACKING == set(KINDS)
    assert not kinds & LACKING


@pytest.mark.parametrize("name", TABLE)
def test_a_layer_is_read_back_or_refused_by_name(name):
    plan, shape = surround(TABLE[name])
    kind = TABLE[name].layer.kind()
    if kind not in LACKING and name not in REFUSED:
        compare(plan, shape)
        return
    named = "last_step" if name == "concat" else kind
    with pytest.raises(ConfigError, match=rf"export: Keras has no (layer )?'{named}'"):
        write_network(plan, random_weights(plan), shape, "")


@pytest.mark.parametrize("ending", ["", "sigmoid", "softmax"])
@pytest.mark.parametrize("name", ["imdb-conv1d", "imdb-lstm", "jena-conv1d", "jena-conv1d-gru", "jena-gru"])
def test_the_networks_of_the_book_are_read_back(name, ending):
    compare(*RECIPES[name], ending)


def test_weights_keep_their_place_among_layers_of_a_kind():
    plan: Plan = (Conv(2, 3, 1), Conv(3, 3, 2), Flatten(), Dense(9, 4), Dense(4, 1))
    weights = random_weights(plan)
    written = write_network(plan, weights, (4, 2), "")
    assert [*written.arrays] == [
        *(f"{place}/vars/{at}" for place in ("conv1d", "conv1d_1", "dense", "dense_1") for at in (0, 1)),
    ]
    np.testing.assert_array_equal(written.arrays["dense_1/vars/0"], weights["4.kernel"])

"""Layers for prediction: the same bits as the functions that training calls, alone and in a chain."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.convolutions import draw_floats, run_forward, run_tokens
from seqconv import _native as native
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.layers.kinds import Conv, Dense, Dropout, Embed, GlobalMaxPool, MaxPool, Relu
from seqconv.networks.outputs import probabilities
from seqconv.networks.plan import initial_weights
from seqconv.recipes.sections import TrainingConfig

FLOAT = np.float32
PLAN = (
    Embed(50, 8),
    Conv(8, 16, 3),
    Relu(),
    MaxPool(2),
    Dropout(0.5),
    Conv(16, 16, 3),
    Relu(),
    GlobalMaxPool(),
    Dense(16, 3),
)


@st.composite
def convolutions(draw):
    taps, filters, channels = draw(st.integers(1, 8)), draw(st.integers(1, 40)), draw(st.integers(1, 20))
    dilation, left_pad = draw(st.integers(1, 3)), draw(st.integers(0, 8))
    pool = draw(st.integers(0, 3))
    shortest = max((taps - 1) * dilation - left_pad + max(pool, 1), 1)
    sizes = st.tuples(st.integers(1, 5), st.integers(shortest, shortest + 40), st.integers(1, 3))
    return (taps, channels, filters), (dilation, left_pad, draw(st.booleans()), pool), draw(st.lists(sizes, min_size=1))


@settings(deadline=None, max_examples=60)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_a_packed_convolution_gives_the_same_bits_for_inputs_of_any_length(layer, seed):
    shape, options, sizes = layer
    kernel, bias = draw_floats(seed, shape, shape[2:])
    packed = native.Convolution(kernel, bias, *options)
    for examples, length, threads in sizes:
        (x,) = draw_floats(seed + length, (examples, length, shape[1]))
        expected, _ = run_forward(x, kernel, bias, *options)
        y = np.full_like(expected, np.nan)
        packed.forward(x, y, threads)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_spoils_nothing_but_its_own_outputs(strange):
    x, kernel, bias = draw_floats(3, (2, 30, 16), (5, 16, 32), (32,))
    packed = native.Convolution(kernel, bias, 1, 0, False, 1)
    for spoilt in (False, True, False):
        own = x.copy()
        if spoilt:
            own[0, 12, 3] = strange
        expected, _ = run_forward(own, kernel, bias, relu=False)
        y = np.empty_like(expected)
        packed.forward(own, y, 2)
        np.testing.assert_array_equal(y, expected)


@settings(deadline=None, max_examples=30)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_a_look_up_gives_the_same_bits(layer, seed):
    (taps, _, filters), options, sizes = layer
    table, bias = draw_floats(seed, (30, taps, filters), (filters,))
    packed = native.TokenConvolution(table, bias, *options)
    for examples, length, threads in sizes:
        ids = np.random.default_rng(seed + length).integers(0, 30, (examples, length), np.int32)
        expected, _ = run_tokens(ids, table, bias, *options)
        y = np.full_like(expected, np.nan)
        packed.forward_ids(ids, y, threads)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("examples", "inputs", "outputs"), [(1, 1, 1), (1, 32, 1), (7, 33, 5), (300, 20, 64)])
def test_a_dense_layer_is_a_product_and_a_bias(examples, inputs, outputs):
    x, kernel, bias = draw_floats(1, (examples, inputs), (inputs, outputs), (outputs,))
    y = np.empty((examples, outputs), FLOAT)
    native.Dense(kernel, bias).forward(x, y, 2)
    np.testing.assert_allclose(y, x.astype(np.float64) @ kernel + bias, rtol=1e-5, atol=1e-5)


def chain_of(layers):
    """An embedding's look-up, a convolution and a dense layer, and the same as one."""
    table, kernel, weights, *biases = draw_floats(5, (20, 3, 16), (3, 16, 8), (8, 2), (16,), (8,), (2,))
    parts = [
        native.TokenConvolution(table, biases[0], 1, 0, True, 2),
        native.Convolution(kernel, biases[1], 1, 0, True, 0),
        native.Dense(weights, biases[2]),
    ]
    return parts, native.Chain([parts[place] for place in layers])


@pytest.mark.parametrize(("examples", "length"), [(1, 8), (3, 50), (130, 21), (1, 9)])
def test_a_chain_gives_what_its_layers_give_one_after_another(examples, length):
    (look_up, convolution, dense), chain = chain_of([0, 1, 2])
    ids = np.random.default_rng(length).integers(0, 20, (examples, length), np.int32)
    first, second = np.empty((examples, (length - 2) // 2, 16), FLOAT), np.empty((examples, 8), FLOAT)
    expected, y = np.empty((2, examples, 2), FLOAT)
    look_up.forward_ids(ids, first, 1)
    convolution.forward(first, second, 1)
    dense.forward(second, expected, 1)
    for _ in range(2):
        y[...] = np.nan
        chain.forward_ids(ids, y, 2)
        np.testing.assert_array_equal(y, expected)


def test_a_chain_keeps_its_layers():
    parts, chain = chain_of([1, 2])
    x, y, again = np.ones((2, 9, 16), FLOAT), np.empty((2, 2), FLOAT), np.empty((2, 2), FLOAT)
    chain.forward(x, y, 1)
    del parts
    np.ones(1000)  # over memory that was given back
    chain.forward(x, again, 1)
    np.testing.assert_array_equal(again, y)


IDS = np.ones((2, 9), np.int32)


@pytest.mark.parametrize(
    ("layers", "x", "width", "message"),
    [
        ([0, 1, 2], np.ones((2, 9, 16), FLOAT), 2, "must get ids"),
        ([0, 1, 2], IDS, 3, r"y: must have shape \[2, 2\]; got \[2, 3\]"),
        ([0, 1, 2], np.ones((2, 5), np.int32), 2, r"steps .*: must be at least 1; got -1"),
        ([0, 1, 2], np.full((2, 9), 20, np.int32), 2, r"ids: must be in \[0, 20\); got 20 at \[0, 0\]"),
        ([0, 1, 2], IDS[:0], 2, "examples: must be at least 1; got 0"),
        ([1, 2], IDS, 2, "channels: must be at least 1"),
        ([1, 2], np.ones((2, 9, 15), FLOAT), 2, "kernel: must have shape"),
        ([2], IDS, 2, r"must get \[B, 8\]"),
        ([2], np.ones((2, 9, 8), FLOAT), 2, r"must get \[B, 8\]; got 8 channels and 9 steps"),
        ([2, 2], np.ones((2, 8), FLOAT), 2, r"must get \[B, 8\]; got 2 channels"),
        ([0, 0], IDS, 2, "must get ids"),
        ([], IDS, 2, "at least one"),
    ],
)
def test_what_does_not_fit_is_refused(layers, x, width, message):
    def run():
        chain, y = chain_of(layers)[1], np.empty((len(x), width), FLOAT)
        (chain.forward_ids if x.dtype == np.int32 else chain.forward)(x, y, 1)

    with pytest.raises(ValueError, match=message):
        run()


def test_weights_that_do_not_fit_are_refused():
    kernel, bias = draw_floats(0, (3, 4, 5), (6,))
    for make in (native.Convolution, native.TokenConvolution):
        with pytest.raises(ValueError, match=r"bias: must have shape \[5\]; got \[6\]"):
            make(kernel, bias, 1, 0, True, 1)
    with pytest.raises(ValueError, match=r"bias: must have shape \[5\]; got \[6\]"):
        native.Dense(kernel[0], bias)
    with pytest.raises(TypeError):
        native.Chain([kernel])
    for layers, message in (([], "at least one; got none"), ([None], "layers alone; got None")):
        with pytest.raises(ValueError, match=message):
            native.Chain(layers)


def test_a_layer_keeps_its_weights_and_a_chain_its_layers():
    kernel, bias, x = draw_floats(0, (3, 4, 5), (5,), (2, 7, 4))
    wanted, y = np.empty((2, 5, 5), FLOAT), np.empty((2, 5, 5), FLOAT)
    native.conv_forward(x, kernel, bias, wanted, None, 1, 0, True, 1, 1)
    layers = [native.Convolution(kernel, bias, 1, 0, True, 1)]
    chain, weights = native.Chain(layers), [weakref.ref(kernel), weakref.ref(bias)]
    del kernel, bias
    layers.clear()
    gc.collect()
    chain.forward(x, y, 1)
    np.testing.assert_array_equal(y, wanted)
    del chain
    gc.collect()
    assert [weight() for weight in weights] == [None, None]


def test_a_network_answers_with_the_weights_of_the_moment():
    weights, others = initial_weights(PLAN, 0), initial_weights(PLAN, 1)
    texts = TokenInputs(np.random.default_rng(0).integers(0, 50, (9, 30), np.int32))
    networks = [create_network("native", PLAN, each, TrainingConfig(), 2) for each in (weights, others)]
    first, second = (network.predict(texts) for network in networks)
    assert not np.allclose(first, second)
    networks[0].set_weights(others)
    np.testing.assert_array_equal(networks[0].predict(texts), second)
    training = TrainingConfig(loss="categorical_crossentropy")
    network = create_network("native", PLAN, weights, training, 2)
    network.predict(texts)
    list(network.train_batches(texts, np.zeros(9, np.int32), [np.arange(9)], lambda size: {}))
    fresh = create_network("native", PLAN, network.weights(), training, 2)
    np.testing.assert_array_equal(network.predict(texts), fresh.predict(texts))


def test_a_text_alone_has_the_answer_that_it_has_among_others():
    network = create_network("native", PLAN, initial_weights(PLAN, 0), TrainingConfig(), 2)
    ids = np.random.default_rng(0).integers(1, 50, (200, 40), np.int32)
    for text, row in enumerate(ids):
        row[: text % 33] = 0
    together = network.predict(TokenInputs(ids))
    alone = [network.predict(TokenInputs(row[None]))[0] for row in ids]
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_probabilities_are_those_of_their_definition(kind):
    logits = np.random.default_rng(0).normal(0, 4, (50, 3)).astype(kind)
    tolerance = {"rtol": 0, "atol": 1e-6 if kind is np.float32 else 1e-15}
    exponents = np.exp(logits.astype(np.float64))
    found = probabilities(logits)
    assert found.dtype == kind
    np.testing.assert_allclose(found, exponents / exponents.sum(axis=1, keepdims=True), **tolerance)
    each = exponents / (1 + exponents)
    np.testing.assert_allclose(probabilities(logits, multi_label=True), each, **tolerance)
    pair = probabilities(logits[:, :1])  # a column of a wider array
    np.testing.assert_allclose(pair, np.concatenate([1 - each[:, :1], each[:, :1]], axis=1), **tolerance)


def test_probabilities_of_odd_logits():
    large = np.array([[1000.0, -1000.0, 999.0]], FLOAT)
    np.testing.assert_allclose(probabilities(large), [[0.7310586, 0, 0.2689414]], atol=1e-6)
    np.testing.assert_array_equal(probabilities(large[:, :1]), [[0, 1]])
    np.testing.assert_array_equal(probabilities(large[:, 1:2]), [[1, 0]])
    for labels in (False, True):
        strange = probabilities(np.array([[np.nan, 1.0], [0.0, 0.0]], FLOAT), labels)
        assert np.isnan(strange[0, 0])
        np.testing.assert_array_equal(strange[1], [0.5, 0.5])
    assert probabilities(np.empty((0, 1), FLOAT)).shape == (0, 2)
    with pytest.raises(ValueError, match="a column at least"):
        probabilities(np.empty((2, 0), FLOAT))

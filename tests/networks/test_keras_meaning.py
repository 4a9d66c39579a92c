"""Layers that Keras has, in Keras's meaning: values worked out by hand, and PyTorch's own modules where they agree."""

import math

import numpy as np
import pytest

from helpers.networks import native
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.kinds import (
    AveragePool,
    BatchNormalisation,
    Bidirectional,
    Conv,
    Dense,
    DepthwiseConv,
    Elu,
    Flatten,
    Gelu,
    GlobalMaxPool,
    LastStep,
    LayerNormalisation,
    Lstm,
    SeparableConv,
    Sigmoid,
    SimpleRnn,
    Softmax,
    SpatialDropout,
)
from seqconv.networks.layers.pointwise import normal_cdf
from seqconv.networks.plan import initial_weights, shapes

STEPS = np.arange(1, 6, dtype=np.float32)  # 1 2 3 4 5


def predict(plan: Plan, x: np.ndarray, weights: Weights | None = None) -> np.ndarray:
    """All values that leave the plan for one example `[L, C]`."""
    x = np.asarray(x, np.float32).reshape(len(x), -1)
    *_, shape = shapes(plan, x.shape)
    plan = plan if len(shape) == 1 else (*plan, Flatten())
    width = math.prod(shape)
    own = initial_weights(plan, 0) | (weights or {})
    last = {f"{len(plan)}.kernel": np.eye(width, dtype=np.float32), f"{len(plan)}.bias": np.zeros(width, np.float32)}
    net = native((*plan, Dense(width, width)), own | last)
    return net.predict(WindowInputs(x, np.array([len(x)]), len(x), 1))[0].reshape(shape)


def kernel(*taps: float) -> Weights:
    """Of one channel and filter."""
    return {"0.kernel": np.array(taps, np.float32).reshape(-1, 1, 1), "0.bias": np.zeros(1, np.float32)}


@pytest.mark.parametrize(
    ("conv", "taps", "expected"),
    [
        # Keras pads (K - 1) // 2 zeros on the left and the rest on the right
        (Conv(1, 1, 3, padding="same"), (1, 10, 100), [210, 321, 432, 543, 54]),
        (Conv(1, 1, 2, padding="same"), (1, 10), [21, 32, 43, 54, 5]),
        (Conv(1, 1, 2, 2, "same"), (1, 10), [20, 31, 42, 53, 4]),
        # L = 5, stride 2: 3 steps, which need 2 * 2 + 3 - 5 = 2 zeros
        (Conv(1, 1, 3, padding="same", stride=2), (1, 10, 100), [210, 432, 54]),
        # kernel 2, stride 2: one zero, on the right
        (Conv(1, 1, 2, padding="same", stride=2), (1, 10), [21, 43, 5]),
        # kernel 1, stride 2: no zeros
        (Conv(1, 1, 1, padding="same", stride=2), (1,), [1, 3, 5]),
        (Conv(1, 1, 2, stride=2), (1, 10), [21, 43]),
        (Conv(1, 1, 2, padding="causal", stride=2), (1, 10), [10, 32, 54]),
        (Conv(1, 1, 2, 2, "valid", 2), (1, 10), [31, 53]),
    ],
)
def test_padding_and_strides_are_those_of_keras(conv, taps, expected):
    assert predict((conv,), STEPS, kernel(*taps))[:, 0].tolist() == expected


def test_an_even_input_with_a_stride_gets_its_only_zero_on_the_right():
    conv = Conv(1, 1, 3, padding="same", stride=2)
    assert predict((conv,), STEPS[:4], kernel(1, 10, 100))[:, 0].tolist() == [321, 43]


def test_depthwise_filters_of_a_channel_follow_one_another():
    weights = {
        "0.kernel": np.array([[[1, 10], [100, 1000]]], np.float32),
        "0.bias": np.array([0, 0, 0, 0.5], np.float32),
    }
    assert predict((DepthwiseConv(2, 1, 2),), [[1, 2], [3, 4]], weights).tolist() == [
        [1, 10, 200, 2000.5],
        [3, 30, 400, 4000.5],
    ]


def test_a_separable_convolution_mixes_what_the_depthwise_one_gives():
    weights = {
        "0.depthwise_kernel": np.array([[[1], [2]], [[3], [4]]], np.float32),
        "0.pointwise_kernel": np.array([[[1, 0], [0, 10]]], np.float32),
        "0.bias": np.array([0.5, 0], np.float32),
    }
    # channels: 1 * 1 + 3 * 5 = 16 and 2 * 2 + 4 * 6 = 28
    assert predict((SeparableConv(2, 2, 2),), [[1, 2], [5, 6]], weights).tolist() == [[16.5, 280]]


def test_kernels_of_channels_start_in_keras_limits():
    weights = initial_weights((SeparableConv(8, 16, 5, 2),), 0)
    for name, fans in (("0.depthwise_kernel", 5 * (8 + 2)), ("0.pointwise_kernel", 16 + 16)):
        limit = math.sqrt(6 / fans)
        assert 0.9 * limit < np.abs(weights[name]).max() <= limit


def test_means_of_groups_leave_out_an_incomplete_last_one():
    assert predict((AveragePool(2),), STEPS)[:, 0].tolist() == [1.5, 3.5]


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (Sigmoid(), lambda x: 1 / (1 + math.exp(-x))),
        (Elu(), lambda x: x if x > 0 else math.exp(x) - 1),
        (Elu(0.3), lambda x: x if x > 0 else 0.3 * (math.exp(x) - 1)),
        (Gelu(), lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2)))),
    ],
)
def test_activations_are_their_formulas(layer, function):
    x = np.array([-80, -6, -1.5, -0.01, 0, 0.02, 1, 3, 80], np.float32)
    np.testing.assert_allclose(predict((layer,), x)[:, 0], [function(float(v)) for v in x], rtol=3e-7, atol=1e-7)
    assert np.isnan(layer.apply(np.array([np.nan]))).all()


def test_the_normal_distribution_function_is_exact_to_single_precision():
    x = np.linspace(-9, 9, 4001)
    expected = np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in x])
    np.testing.assert_allclose(normal_cdf(x), expected, rtol=1.2e-7)
    assert normal_cdf(x.astype(np.float32)).dtype == np.float32


def test_softmax_is_over_channels_and_does_not_overflow():
    found = predict((Softmax(),), [[0, math.log(3)], [1000, 1000]])
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-6)


def test_batch_normalisation_predicts_with_moving_statistics():
    weights = {
        "0.gamma": np.array([2], np.float32),
        "0.beta": np.array([1], np.float32),
        "0.moving_mean": np.array([3], np.float32),
        "0.moving_variance": np.array([0.249], np.float32),
    }
    # sqrt(0.249 + 0.001) = 0.5
    np.testing.assert_allclose(predict((BatchNormalisation(1),), STEPS, weights)[:, 0], 4 * (STEPS - 3) + 1, rtol=1e-6)
    fresh = initial_weights((BatchNormalisation(1),), 0)
    assert {name: float(array[0]) for name, array in fresh.items()} == {
        "0.gamma": 1,
        "0.beta": 0,
        "0.moving_mean": 0,
        "0.moving_variance": 1,
    }


def test_training_moves_the_statistics_of_a_batch():
    plan: Plan = (BatchNormalisation(1), LastStep(), Dense(1, 1))
    net = native(plan, initial_weights(plan, 0))
    inputs = WindowInputs(STEPS[:4, None], np.array([2, 4]), 2, 1)  # both windows: 1 2 and 3 4
    targets = np.zeros((2, 1), np.float32)
    list(net.train_batches(inputs, targets, [np.arange(2)], lambda count: {}))
    weights = net.weights()
    assert weights["0.moving_mean"][0] == pytest.approx(0.01 * 2.5)
    assert weights["0.moving_variance"][0] == pytest.approx(0.99 + 0.01 * 1.25)
    # neither a prediction nor a gradient that is only looked at moves them
    net.predict(inputs)
    net.gradients(inputs.gather(np.arange(2)), targets, {})
    assert net.weights()["0.moving_mean"][0] == weights["0.moving_mean"][0]


def test_layer_normalisation_sees_one_step_at_a_time():
    found = predict((LayerNormalisation(2),), [[1, 3], [100, 300]])
    for row, spread in zip(found, (1, 100), strict=True):
        np.testing.assert_allclose(row, np.array([-1, 1]) * spread / math.sqrt(spread**2 + 1e-3), rtol=1e-6)


def test_the_simple_recurrent_layer_by_hand():
    weights = {
        "0.kernel": np.array([[0.5]], np.float32),
        "0.recurrent_kernel": np.array([[2.0]], np.float32),
        "0.bias": np.array([0.1], np.float32),
    }
    first = math.tanh(0.5 * 1 + 0.1)
    second = math.tanh(0.5 * 2 + 2 * first + 0.1)
    np.testing.assert_allclose(predict((SimpleRnn(1, 1),), STEPS[:2], weights)[:, 0], [first, second], rtol=1e-6)


def test_both_directions_are_joined_in_the_order_of_time():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    plan: Plan = (Bidirectional((Lstm(3, 4),)),)
    weights = initial_weights(plan, 0)
    module = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for place, suffix in (("forward", ""), ("backward", "_reverse")):
            own = {
                name: torch.tensor(weights[f"0.{place}.0.{name}"]) for name in ("kernel", "recurrent_kernel", "bias")
            }
            getattr(module, f"weight_ih_l0{suffix}").copy_(own["kernel"].T)
            getattr(module, f"weight_hh_l0{suffix}").copy_(own["recurrent_kernel"].T)
            getattr(module, f"bias_ih_l0{suffix}").copy_(own["bias"])
            getattr(module, f"bias_hh_l0{suffix}").zero_()
        states, (last, _) = module(torch.tensor(x)[None])
    np.testing.assert_allclose(predict(plan, x, weights), states[0].numpy(), atol=1e-6)
    ends: Plan = (Bidirectional((Lstm(3, 4), LastStep())),)
    np.testing.assert_allclose(predict(ends, x, weights), last.flatten().numpy(), atol=1e-6)


def test_spatial_dropout_drops_channels_in_all_steps():
    plan: Plan = (SpatialDropout(0.5), GlobalMaxPool(), Dense(40, 1))
    masks = DropoutMasks(plan, (7, 40), np.random.default_rng(0), 1).draw(3)
    assert masks["0.mask"].shape == (3, 1, 40)
    assert set(np.unique(masks["0.mask"])) == {0, 2}
    weights = {"2.kernel": np.ones((40, 1), np.float32), "2.bias": np.zeros(1, np.float32)}
    outputs = native(plan, weights).gradients(np.ones((3, 7, 40), np.float32), np.zeros((3, 1), np.float32), masks)[1]
    np.testing.assert_array_equal(outputs[:, 0], masks["0.mask"].sum(axis=(1, 2)))

"""The native engine against the torch engine in float64, and the exceptions of both."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.networks import (
    IDS,
    RECIPES,
    SERIES,
    TEXT,
    agree,
    batch_for,
    branched_plans,
    count_rows,
    examples_for,
    native,
    plans,
    random_weights,
    targets_for,
    train,
)
from seqconv.errors import ConfigError, DataError
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.engines.native.optimisers import compute_loss
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.layers.kinds import (
    Add,
    BatchNormalisation,
    Bidirectional,
    Channelwise,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    Gelu,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    LayerNormalisation,
    Lstm,
    MaxPool,
    NgramBag,
    Normalise,
    Relu,
    SeparableConv,
    SimpleRnn,
    SpatialDropout,
    SubtractLast,
    Tanh,
    TokenConv,
)
from seqconv.networks.losses import values_per_answer
from seqconv.networks.network import Network
from seqconv.networks.plan import initial_weights, shapes
from seqconv.recipes.sections import FORECAST_LOSSES, TrainingConfig

torch = pytest.importorskip("torch")
from seqconv.networks.engines.torch.losses import compute_loss as compute_torch_loss  # noqa: E402
from seqconv.networks.engines.torch.network import TorchNetwork  # noqa: E402


def exact(plan: Plan, weights: Weights | None = None, **training: Any) -> TorchNetwork:
    config = TrainingConfig(**({"loss": "mse"} | training))
    return TorchNetwork(plan, weights or random_weights(plan), config, 1, torch.float64)


def check_equal_to_reference(
    plan: Plan, shape: Shape, batch: int, loss: str = "mse", seed: int = 0, levels: tuple[float, ...] = ()
) -> None:
    weights, x = random_weights(plan, seed), batch_for(plan, shape, batch, seed)
    targets = targets_for(loss, batch, shapes(plan, shape)[-1][0] // values_per_answer(levels), seed)
    training = {"loss": loss, "quantiles": levels}
    masks = DropoutMasks(plan, shape, np.random.default_rng(seed), 2).draw(batch)
    wanted_loss, wanted, wanted_gradients = exact(plan, weights, **training).gradients(x, targets, masks)
    found_loss, found, gradients = native(plan, weights, **training).gradients(x, targets, masks)
    agree(found, wanted, 1e-5, 0.1)  # activations are of order 1, so smaller outputs are what cancelled
    assert found_loss == pytest.approx(wanted_loss, rel=1e-5, abs=1e-6)
    largest = max(np.abs(gradient).max() for gradient in wanted_gradients.values())
    assert gradients.keys() == wanted_gradients.keys()
    for name, gradient in gradients.items():
        # what cancels leaves the rounding of the terms that did
        agree(gradient, wanted_gradients[name], 1e-4, max(1e-3 * largest, 1e-3))


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy", "mse"])
@pytest.mark.parametrize("width", [1, 3])
def test_weights_multiply_what_each_example_adds_to_loss_and_gradient(loss: str, width: int) -> None:
    plan, shape = (Flatten(), Dense(12, 3)), (6, 2)
    weights, x, targets = random_weights(plan, 0), batch_for(plan, shape, 4, 0), targets_for(loss, 4, 3, 0)
    factors = np.random.default_rng(0).random((4, 1 if loss == "categorical_crossentropy" else width)) * 3
    factors[1] = 0
    alone = []
    for row in range(4):
        one = slice(row, row + 1)
        alone.append(exact(plan, weights, loss=loss).gradients(x[one], targets[one], {}, factors[one]))
    wanted = sum(loss_ for loss_, *_ in alone) / 4
    for network in (exact(plan, weights, loss=loss), native(plan, weights, loss=loss)):
        found, _, gradients = network.gradients(x, targets, {}, factors)
        assert found == pytest.approx(wanted, rel=1e-5)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(gradient, sum(each[2][name] for each in alone) / 4, rtol=1e-4, atol=1e-6)
    twice = exact(plan, weights, loss=loss).gradients(x[[0, 0, 2]], targets[[0, 0, 2]], {})[2]
    heavy = exact(plan, weights, loss=loss).gradients(x[[0, 2]], targets[[0, 2]], {}, np.array([[4 / 3], [2 / 3]]))[2]
    for name, gradient in heavy.items():  # a weight of two is a row that occurs twice
        np.testing.assert_allclose(gradient, twice[name], rtol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    chosen=st.booleans().flatmap(lambda text: plans(text)),
    batch=st.sampled_from([1, 2, 17]),
    # as_printed is left out: near its clip a rounding error of the output is a large one of the gradient
    loss=st.sampled_from(["binary_crossentropy", "categorical_crossentropy", "mae", "mse", "huber"]),
    seed=st.integers(0, 100),
)
def test_native_equals_torch_in_float64(chosen: tuple[Plan, Shape], batch: int, loss: str, seed: int) -> None:
    check_equal_to_reference(*chosen, batch, loss, seed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    chosen=st.booleans().flatmap(lambda text: branched_plans(text)),
    batch=st.sampled_from([1, 2, 17]),
    seed=st.integers(0, 100),
)
def test_branches_equal_torch_in_float64(chosen: tuple[Plan, Shape], batch: int, seed: int) -> None:
    check_equal_to_reference(*chosen, batch, seed=seed)


def test_level_and_spread_of_a_channel_pass_through_a_body_of_its_own():
    plan: Plan = (Normalise((Channelwise((Flatten(), Dense(12, 5))),)),)
    weights, x = random_weights(plan), batch_for(plan, (12, 3), 4)
    level, spread = np.array([100, -7, 0], np.float32), np.array([1, 3, 50], np.float32)
    inputs, moved = (WindowInputs(each.reshape(-1, 3), 12 * np.arange(1, 5), 12, 1) for each in (x, x * spread + level))
    plain = native(plan, weights).predict(inputs).reshape(4, 5, 3)
    # but for the floor under the variance
    np.testing.assert_allclose(
        native(plan, weights).predict(moved).reshape(4, 5, 3), plain * spread + level, rtol=1e-4, atol=1e-3
    )
    # each channel alone: changing one leaves the others as they are
    x[..., 0] = 0
    changed = native(plan, weights).predict(replace(inputs, values=x.reshape(-1, 3))).reshape(4, 5, 3)
    np.testing.assert_array_equal(changed[..., 1:], plain[..., 1:])


def test_what_scales_windows_must_come_first():
    plan: Plan = (Relu(), Normalise((Flatten(), Dense(36, 15))))
    with pytest.raises(ConfigError, match="normalise scales each channel of a window, so it must be the first layer"):
        native(plan).predict(WindowInputs(np.zeros((12, 3), np.float32), np.array([12]), 12, 1))


@pytest.mark.parametrize("loss", get_args(TrainingConfig.__annotations__["loss"]))
def test_losses_and_their_gradients_equal_torch(loss: str) -> None:
    outputs = np.random.default_rng(0).normal(0.5, 1, (50, 3)).astype(np.float32)
    outputs[:6] = np.array([-800, 0, 1e-7, 1 - 1e-7, 1, 800])[:, None]
    targets = targets_for(loss, 50, 3)
    exact_outputs = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    expected = compute_torch_loss(loss, exact_outputs, torch.as_tensor(targets))
    expected.backward()
    found, gradient = compute_loss(loss, outputs, targets)
    assert found == pytest.approx(expected.item(), rel=1e-9)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, exact_outputs.grad.numpy(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("loss", FORECAST_LOSSES)
@pytest.mark.parametrize("levels", [(0.25, 0.75), (0.1, 0.9), (0.5,), (0.05, 0.5, 0.6, 0.99)])
def test_losses_of_quantiles_and_their_gradients_equal_torch(loss: str, levels: tuple[float, ...]) -> None:
    outputs = np.random.default_rng(0).normal(0.5, 1, (50, 2 + 2 * len(levels))).astype(np.float32)
    targets = targets_for(loss, 50, 2)
    outputs[:3, 2:4] = targets[:3]  # where the slope jumps
    exact_outputs = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    expected = compute_torch_loss(loss, exact_outputs, torch.as_tensor(targets), levels)
    expected.backward()
    found, gradient = compute_loss(loss, outputs, targets, levels)
    assert found == pytest.approx(expected.item(), rel=1e-9)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, exact_outputs.grad.numpy(), rtol=1e-6, atol=1e-12)
    step, at = 1e-3, np.argmax(np.abs(outputs[:, 2:4] - targets).min(axis=1))
    for column in range(outputs.shape[1]):
        moved = [outputs.astype(np.float64) for _ in range(2)]
        moved[0][at, column] += step
        moved[1][at, column] -= step
        above, below = (compute_loss(loss, each, targets, levels)[0] for each in moved)
        assert (above - below) / (2 * step) == pytest.approx(gradient[at, column], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", ["jena-conv1d", "jena-gru"])
def test_networks_with_intervals_equal_torch(name: str) -> None:
    plan, shape = RECIPES[name]
    plan = (*plan[:-1], Dense(32, 6))
    check_equal_to_reference(plan, shape, 9, "mae", levels=(0.1, 0.9))


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_a_network_with_intervals_needs_three_outputs_a_target(engine: str) -> None:
    plan: Plan = (LastStep(), Dense(3, 4))
    network = create_network(engine, plan, random_weights(plan), TrainingConfig(loss="mae", coverage=0.8), 1)
    with pytest.raises(DataError, match="intervals or quantiles need 3 outputs for each target; got 4"):
        network.gradients(np.zeros((2, 5, 3), np.float32), np.zeros((2, 1), np.float32), {})


@pytest.mark.parametrize("name", RECIPES)
def test_networks_of_the_recipes_equal_torch(name: str) -> None:
    plan, shape = RECIPES[name]
    check_equal_to_reference(plan, shape, 24)


ODD: dict[str, tuple[Plan, Shape, int]] = {
    "one filter": ((Conv(1, 1, 1), Relu(), GlobalMaxPool(), Dense(1, 1)), (1, 1), 1),
    "33 filters": ((Conv(5, 33, 3), Relu(), MaxPool(2), LastStep(), Dense(33, 1)), (9, 5), 3),
    "length equal to the kernel": ((Conv(3, 8, 6), GlobalMaxPool(), Dense(8, 1)), (6, 3), 2),
    "length equal to the pool": ((Conv(3, 8, 2), Relu(), MaxPool(4), LastStep(), Dense(8, 1)), (5, 3), 2),
    "incomplete last pool": ((Conv(3, 8, 2), Relu(), MaxPool(4), LastStep(), Dense(8, 1)), (12, 3), 2),
    "causal kernel longer than the input": ((Conv(3, 8, 9, 2, "causal"), Relu(), LastStep(), Dense(8, 1)), (4, 3), 2),
    "one id": ((Embed(1, 1), Conv(1, 1, 2), GlobalMaxPool(), Dense(1, 1)), (2,), 1),
    "all padding": ((Embed(2, 3), Conv(3, 5, 2), Relu(), MaxPool(3), LastStep(), Dense(5, 1)), (30,), 1),
    "embedding alone": ((Embed(6, 5), GlobalAveragePool(), Dense(5, 2)), (7,), 4),
    "embedding and masked gru": ((Embed(6, 5), Gru(5, 3, 0.2, 0.2), LastStep(), Dense(3, 2)), (7,), 4),
    "states of an lstm": ((Embed(6, 5), Lstm(5, 3), GlobalMaxPool(), Dense(3, 2)), (7,), 4),
    "one unit": ((Gru(1, 1), LastStep(), Dense(1, 1)), (1, 1), 1),
    "33 units": ((Lstm(3, 33, 0.1, 0.1), LastStep(), Dense(33, 1)), (5, 3), 19),
    "texts shorter than the kernel": ((TokenConv(6, 5, 4), Relu(), GlobalMaxPool(), Dense(5, 2)), (2,), 4),
    "filters on one id": ((TokenConv(1, 1, 1), GlobalMaxPool(), Dense(1, 1)), (1,), 1),
    "filters in pools": ((TokenConv(6, 33, 2), Relu(), MaxPool(3), LastStep(), Dense(33, 1)), (9,), 3),
    "n-grams alone": ((NgramBag(6, 3, 5, 1),), (4,), 3),
    "levels taken off": ((SubtractLast(1), Conv(2, 3, 2), SubtractLast(), LastStep(), Dense(3, 1)), (5, 2), 3),
    "branches on values": ((Concat(((Conv(2, 3, 2), Relu()), (Conv(2, 5, 2),))), LastStep(), Dense(8, 1)), (5, 2), 3),
    "branches after a layer": (
        (
            Conv(2, 3, 2),
            Add(((Relu(),), (Tanh(), Conv(3, 3, 1)))),
            Concat(((LastStep(),), (GlobalMaxPool(),))),
            Dense(6, 1),
        ),
        (5, 2),
        3,
    ),
    "normalised batches": (
        (BatchNormalisation(5), Conv(5, 33, 3), Relu(), GlobalAveragePool(), BatchNormalisation(33), Dense(33, 2)),
        (50, 5),
        40,
    ),
    "normalised steps": ((Conv(5, 33, 3), LayerNormalisation(33), LastStep(), Dense(33, 2)), (50, 5), 40),
    "both directions of a stack": (
        (Bidirectional((Lstm(2, 5, 0.2, 0.2), Dropout(0.3), SimpleRnn(5, 4))), GlobalMaxPool(), Dense(8, 1)),
        (9, 2),
        5,
    ),
    "both directions of ids": (
        (Embed(6, 5), SpatialDropout(0.4), Bidirectional((Gru(5, 3), LastStep())), Dense(6, 1)),
        (9,),
        5,
    ),
    "padded tokens": ((Embed(6, 5), Conv(5, 7, 4, 1, "same"), Relu(), MaxPool(2), Flatten(), Dense(28, 1)), (9,), 3),
    "strided tokens": ((Embed(6, 5), Conv(5, 7, 4, stride=3), Gelu(), GlobalMaxPool(), Dense(7, 1)), (30,), 3),
    "dense only": ((Dense(6, 2),), (6,), 5),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_sizes_equal_torch(name: str) -> None:
    check_equal_to_reference(*ODD[name])


FUSED: dict[str, Plan] = {  # steps of several layers; each layer alone stands in the contract
    "conv": (Conv(3, 3, 2), Relu(), GlobalMaxPool()),
    "conv in pools": (Conv(3, 3, 3, 2, "causal"), Relu(), MaxPool(2)),
    "separable conv": (SeparableConv(3, 3, 2), Relu(), MaxPool(2)),
    "filters": (TokenConv(9, 3, 2), Relu(), GlobalMaxPool()),
    "tokens into conv": (Embed(9, 2), Conv(2, 3, 3), Relu(), MaxPool(2)),
    "tokens into gru": (Embed(9, 2), Gru(2, 3), LastStep()),
    "tokens into lstm": (Embed(9, 2), Lstm(2, 3)),
    "branches of ids": (Concat(((TokenConv(9, 3, 1), GlobalMaxPool()), (NgramBag(9, 2, 2, 5),))),),
}


@pytest.mark.parametrize("name", FUSED)
def test_gradients_of_fused_layers_are_finite_differences(name: str) -> None:
    """Native gradients in float32 against differences of the float64 loss."""
    front = FUSED[name]
    shape: Shape = (7,) if count_rows(front) else (7, 3)
    plan = front if len(shapes(front, shape)[-1]) == 1 else (*front, GlobalAveragePool())
    plan = (*plan, Dense(shapes(plan, shape)[-1][0], 1))
    weights, x, targets = random_weights(plan), batch_for(plan, shape, 4), targets_for("mse", 4, 1)
    masks = DropoutMasks(plan, shape, np.random.default_rng(0), 2).draw(4)
    gradients = native(plan, weights).gradients(x, targets, masks)[2]
    reference = exact(plan, weights)
    for key, gradient in ((key, each) for key, each in gradients.items() if not key.endswith("scale")):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        around = []
        for shift in (1e-5, -1e-5):
            moved = {other: array.astype(np.float64) for other, array in weights.items()}
            moved[key][place] += shift
            reference.set_weights(moved)
            around.append(reference.gradients(x, targets, masks)[0])
        assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-5, rel=1e-4, abs=1e-6), key


@pytest.mark.parametrize("clip_norm", [0.0, 0.01])
@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
@pytest.mark.parametrize("plan", [TEXT, IDS, SERIES], ids=["text", "ids", "series"])
def test_ten_steps_stay_together(plan: Plan, optimiser: str, clip_norm: float) -> None:
    settings = {"optimiser": optimiser, "clip_norm": clip_norm, "learning_rate": 0.01}
    one, two = native(plan, **settings), exact(plan, **settings)
    np.testing.assert_allclose(train(one, 10), train(two, 10), rtol=1e-4)
    for name, array in two.weights().items():
        agree(one.weights()[name], array, 1e-3)
    inputs, _ = examples_for(plan)
    agree(one.predict(inputs), two.predict(inputs), 1e-3)


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
@pytest.mark.parametrize(
    "front",
    [(Embed(30, 4), Conv(4, 4, 2)), (TokenConv(30, 4, 2),), (TokenConv(30, 4, 2), Relu(), MaxPool(2))],
    ids=["rows", "elements", "rows of filters"],
)
def test_a_row_that_waits_many_steps_ends_where_dense_steps_take_it(front: Plan, optimiser: str) -> None:
    plan: Plan = (*front, GlobalMaxPool(), Dense(4, 1))
    ids = np.full((40, 3), 7, np.int32)
    ids[[0, 39]] = [3, 4, 5]  # these rows move at the first and the last step alone
    inputs, targets = TokenInputs(ids), np.ones((40, 1), np.float32)
    batches = [np.array([number]) for number in range(40)]
    nets = native(plan, optimiser=optimiser), exact(plan, optimiser=optimiser)
    for net in nets:
        list(net.train_batches(inputs, targets, batches, lambda _: {}))
    for name, array in nets[1].weights().items():
        agree(nets[0].weights()[name], array, 1e-4)


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_bad_input_is_an_exception_with_its_shape_and_value(engine: str) -> None:
    def create(plan: Plan) -> Network:
        return create_network(engine, plan, random_weights(plan), TrainingConfig(loss="mse"), 1)

    text, windows = create(TEXT), create(SERIES)
    inputs, targets = examples_for(SERIES)
    with pytest.raises(DataError, match="at least one example"):
        list(windows.train_batches(inputs, targets, [np.array([], np.int64)], lambda _: {}))
    with pytest.raises(DataError, match=r"shape \(4, 1\).*\(4, 2\)"):
        list(windows.train_batches(inputs, np.zeros((60, 2), np.float32), [np.arange(4)], lambda _: {}))
    with pytest.raises(ConfigError, match=r"3 channels; got 5"):
        windows.predict(WindowInputs(np.zeros((40, 5), np.float32), np.array([30]), 30, 2))
    with pytest.raises(ConfigError, match=r"at least 2 steps; got 1"):
        windows.predict(WindowInputs(np.zeros((40, 3), np.float32), np.array([30]), 3, 1))
    assert windows.predict(inputs.take(np.arange(0))).shape == (0, 1)
    assert text.predict(TokenInputs(np.zeros((0, 15), np.int32))).shape == (0, 1)
    with pytest.raises((ValueError, IndexError)):
        text.predict(TokenInputs(np.full((2, 15), 50, np.int32)))
    with pytest.raises((ValueError, IndexError)):
        text.predict(TokenInputs(np.full((2, 15), -1, np.int32)))
    with pytest.raises((ValueError, IndexError)):
        list(text.train_batches(TokenInputs(np.full((2, 15), 50, np.int32)), targets, [np.arange(2)], lambda _: {}))
    with pytest.raises(ConfigError, match="first layer"):
        create((Relu(), Embed(3, 2), LastStep())).predict(TokenInputs(np.zeros((1, 4), np.int32)))


@pytest.mark.parametrize("engine", ["native", "torch"])
@pytest.mark.parametrize("name", RECIPES)
def test_nan_comes_out_as_nan(engine: str, name: str) -> None:
    plan, shape = RECIPES[name]
    x = batch_for(plan, shape, 3)
    inputs: TokenInputs | WindowInputs = TokenInputs(x)
    if not count_rows(plan):
        values = np.concatenate(list(x))
        inputs = WindowInputs(values, np.arange(1, 4) * shape[0], shape[0], 1)
    for key, array in random_weights(plan).items():
        weights = random_weights(plan)
        weights[key] = np.full_like(array, np.nan)
        net = create_network(engine, plan, weights, TrainingConfig(loss="mse"), 1)
        assert np.isnan(net.predict(inputs)).all(), key


def test_unknown_engine_and_wrong_weights_are_named() -> None:
    plan: Plan = (LastStep(), Dense(2, 1))
    weights = initial_weights(plan, 0)
    with pytest.raises(ConfigError, match="Did you mean 'native'"):
        create_network("nativ", plan, weights, TrainingConfig(), 1)
    with pytest.raises(ConfigError, match="at least 1; got 0"):
        create_network("native", plan, weights, TrainingConfig(), 0)
    with pytest.raises(DataError, match=r"'1.bias' is missing"):
        create_network("native", plan, {"1.kernel": weights["1.kernel"]}, TrainingConfig(), 1)
    with pytest.raises(DataError, match=r"'1.kernel' must have shape \(2, 1\); got \(3, 1\)"):
        create_network("native", plan, weights | {"1.kernel": np.zeros((3, 1))}, TrainingConfig(), 1)

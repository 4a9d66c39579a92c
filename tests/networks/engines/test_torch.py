"""The torch engine against numpy in float64, written step by step, and against finite differences."""

import dataclasses

import numpy as np
import pytest

from seqconv.errors import ConfigError, DataError, MissingExtra
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import (
    Add,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    Lstm,
    MaxPool,
    NgramBag,
    Relu,
    Residual,
    Tanh,
    TokenConv,
)
from seqconv.networks.layers.tokens import MULTIPLIER
from seqconv.networks.losses import example_losses
from seqconv.networks.plan import initial_weights
from seqconv.recipes.sections import TrainingConfig

torch = pytest.importorskip("torch")
from seqconv.networks.engines.torch.layers import Given, run  # noqa: E402
from seqconv.networks.engines.torch.network import TorchNetwork  # noqa: E402

LOSSES = ("binary_crossentropy", "categorical_crossentropy", "as_printed", "mae", "mse", "huber")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def random_weights(plan: Plan, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 0.5, array.shape) for name, array in initial_weights(plan, 0).items()}


def network(plan: Plan, weights: dict[str, np.ndarray] | None = None, **training: object) -> TorchNetwork:
    config = TrainingConfig(**({"loss": "mse"} | training))
    return TorchNetwork(plan, weights or random_weights(plan), config, 1, torch.float64)


def outputs(plan: Plan, x: np.ndarray, weights: dict[str, np.ndarray], masks: dict[str, np.ndarray]) -> np.ndarray:
    """What the plan gives for `x`, read from the gradient call so that masks count too."""
    names = {"units": "units", "outputs": "outputs"}
    width = next(getattr(layer, names[n]) for layer in plan[::-1] for n in names if hasattr(layer, n))
    return network(plan, weights).gradients(x, np.zeros((len(x), width)), masks)[1]


def step_gru(layer: Gru, w: dict[str, np.ndarray], x: np.ndarray, masks: dict[str, np.ndarray]) -> np.ndarray:
    """Last state, one example and one gate at a time."""
    units, result = layer.units, []
    bias, second = w["0.bias"] if layer.reset_after else (w["0.bias"], np.zeros(3 * units))
    for example in range(len(x)):
        h = np.zeros(units)
        kept_x = masks.get("0.input_mask", np.ones((len(x), 3, layer.inputs)))[example]
        kept_h = masks.get("0.recurrent_mask", np.ones((len(x), 3, units)))[example]
        for now in x[example]:
            gates = [slice(g * units, (g + 1) * units) for g in range(3)]
            into = [(now * kept_x[g]) @ w["0.kernel"][:, gates[g]] + bias[gates[g]] for g in range(3)]
            z, r = (
                sigmoid(into[g] + (h * kept_h[g]) @ w["0.recurrent_kernel"][:, gates[g]] + second[gates[g]])
                for g in range(2)
            )
            last = w["0.recurrent_kernel"][:, gates[2]]
            if layer.reset_after:
                c = np.tanh(into[2] + r * ((h * kept_h[2]) @ last + second[gates[2]]))
            else:
                c = np.tanh(into[2] + (r * h * kept_h[2]) @ last)
            h = z * h + (1 - z) * c
        result.append(h)
    return np.array(result)


def step_lstm(layer: Lstm, w: dict[str, np.ndarray], x: np.ndarray, masks: dict[str, np.ndarray]) -> np.ndarray:
    units, result = layer.units, []
    for example in range(len(x)):
        h = cell = np.zeros(units)
        kept_x = masks.get("0.input_mask", np.ones((len(x), 4, layer.inputs)))[example]
        kept_h = masks.get("0.recurrent_mask", np.ones((len(x), 4, units)))[example]
        for now in x[example]:
            gates = []
            for g in range(4):
                part = slice(g * units, (g + 1) * units)
                product = (now * kept_x[g]) @ w["0.kernel"][:, part]
                gates.append(product + (h * kept_h[g]) @ w["0.recurrent_kernel"][:, part] + w["0.bias"][part])
            i, f, c, o = gates
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
            h = sigmoid(o) * np.tanh(cell)
        result.append(h)
    return np.array(result)


@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
@pytest.mark.parametrize(
    "layer", [Gru(3, 5), Gru(3, 5, reset_after=True), Lstm(3, 5)], ids=["gru", "gru reset after", "lstm"]
)
def test_recurrent_layers_do_what_their_equations_say(layer: Gru | Lstm, masked: bool) -> None:
    random = np.random.default_rng(3)
    plan: Plan = (dataclasses.replace(layer, dropout=0.3, recurrent_dropout=0.4) if masked else layer, LastStep())
    weights, x = random_weights(plan), random.normal(size=(4, 6, 3))
    masks = DropoutMasks(plan, (6, 3), random, 1).draw(4)
    assert bool(masks) == masked
    step = step_gru if isinstance(layer, Gru) else step_lstm
    expected = step(layer, weights, x, masks)  # type: ignore[arg-type]
    np.testing.assert_allclose(outputs(plan, x, weights, masks), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "causal"])
def test_convolution_by_hand(padding: str) -> None:
    plan = (Conv(2, 3, 3, dilation=2, padding=padding), LastStep(), Dense(3, 1))
    weights, x = random_weights(plan), np.random.default_rng(0).normal(size=(2, 7, 2))
    last = [sum(x[b, 6 - 4 + 2 * k] @ weights["0.kernel"][k] for k in range(3)) + weights["0.bias"] for b in range(2)]
    expected = np.array(last) @ weights["2.kernel"] + weights["2.bias"]
    np.testing.assert_allclose(outputs(plan, x, weights, {}), expected, rtol=1e-12)


def test_causal_convolution_sees_zeros_before_the_first_step() -> None:
    plan = (Conv(1, 1, 3, padding="causal"), GlobalAveragePool(), Dense(1, 1))
    weights = {name: np.ones_like(array) for name, array in random_weights(plan).items()}
    weights["0.bias"][:] = weights["2.bias"][:] = 0
    x = np.array([[[1.0], [10.0], [100.0]]])
    np.testing.assert_allclose(outputs(plan, x, weights, {}), [[(1 + 11 + 111) / 3]])


def test_text_plan_by_hand() -> None:
    plan = (Embed(3, 2), Residual((Tanh(),)), MaxPool(2), Dropout(0.5), GlobalMaxPool(), Relu(), Dense(2, 1))
    weights = random_weights(plan)
    weights["0.embeddings"] = np.array([[0.0, 1.0], [2.0, -1.0], [-3.0, 5.0]])
    weights["6.kernel"], weights["6.bias"] = np.array([[1.0], [10.0]]), np.array([0.5])
    mask = {"3.mask": np.array([[[2.0, 0.0]]], np.float32)}
    # ids 1, 0, 2: the last one is dropped by the pool, so the maxima over steps are 2 + tanh 2 and 1 + tanh 1
    expected = 2 * (2 + np.tanh(2)) + 0.5
    np.testing.assert_allclose(outputs(plan, np.array([[1, 0, 2]], np.int32), weights, mask), [[expected]])


def test_filters_on_ids_by_hand() -> None:
    plan = (TokenConv(4, 1, 3), GlobalAveragePool())
    table, bias = np.arange(12.0).reshape(4, 3, 1), np.array([100.0])
    weights = {"0.table": torch.tensor(table), "0.bias": torch.tensor(bias)}
    steps = run(plan[:1], torch.tensor([[1, 3, 2, 1]]), Given(weights, {}))
    assert steps.tolist() == [[[100 + 3 + 10 + 8], [100 + 9 + 7 + 5]]]
    # a text shorter than the kernel has padding on its left
    short = run(plan, torch.tensor([[3, 2]]), Given(weights, {}))
    assert short.tolist() == [[100 + 0 + 10 + 8]]


def test_n_grams_by_hand() -> None:
    layer = NgramBag(10, 2, 3, 1000)

    def bucket(*ids: int) -> int:
        key = ids[0]
        for each in ids[1:]:
            key = (key * MULTIPLIER + each) % 2**64
        return 10 + ((key ^ (key >> 32)) % 2**63) % 1000

    random = np.random.default_rng(0)
    table, scale = random.normal(size=(1010, 2)), random.random((1010, 2))
    weights = {"0.table": torch.tensor(table), "0.scale": torch.tensor(scale)}
    rows = sorted({7, 9, bucket(7, 9), bucket(9, 7), bucket(7, 9, 7)})  # 7 stands twice and counts once
    expected = (scale[rows] * table[rows]).sum(0) / np.sqrt((scale[rows] ** 2).sum(0))
    found = run((layer,), torch.tensor([[0, 0, 7, 9, 7], [0, 0, 0, 0, 0]]), Given(weights, {}))
    np.testing.assert_allclose(found.numpy(), [expected, [0, 0]], rtol=1e-12)


def test_branches_read_the_same_input() -> None:
    x = torch.tensor([[[1.0, -2.0]]])
    assert run((Concat(((Relu(),), (Tanh(), Relu()))),), x, Given({}, {})).tolist() == [
        [[1, 0, x[0, 0, 0].tanh().item(), 0]]
    ]
    assert run((Add(((Relu(),), (Relu(), Relu()))),), x, Given({}, {})).tolist() == [[[2, 0]]]


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_is_the_one_that_metrics_reports(loss: str) -> None:
    plan = (LastStep(), Dense(4, 3))
    random = np.random.default_rng(1)
    x = random.normal(0, 2, (9, 1, 4))
    targets = random.normal(0, 1, (9, 3))
    if loss in ("binary_crossentropy", "as_printed"):
        targets = (targets > 0).astype(np.float64)
    if loss == "categorical_crossentropy":
        targets = random.integers(0, 3, 9).astype(np.int32)
    net = network(plan, loss=loss)
    found, logits, _ = net.gradients(x, targets, {})
    assert found == pytest.approx(example_losses(logits, targets, loss).mean(), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_finite_differences(loss: str) -> None:
    plan = (Conv(2, 3, 2), Tanh(), Gru(3, 4), LastStep(), Dense(4, 2))
    random = np.random.default_rng(5)
    x, weights = random.normal(size=(3, 6, 2)), random_weights(plan)
    targets = random.integers(0, 2, (3, 2)).astype(np.float64)
    if loss == "categorical_crossentropy":
        targets = np.array([0, 1, 1], np.int32)
    weights["4.bias"] += 0.4  # some outputs inside the clip of as_printed, some outside
    gradients = network(plan, weights, loss=loss).gradients(x, targets, {})[2]
    for name, gradient in gradients.items():
        place = tuple(random.integers(0, size) for size in gradient.shape)
        around = []
        for shift in (1e-6, -1e-6):
            moved = {key: array.copy() for key, array in weights.items()}
            moved[name][place] += shift
            around.append(network(plan, moved, loss=loss).gradients(x, targets, {})[0])
        assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-6, rel=1e-5, abs=1e-8), name


def test_as_printed_has_no_gradient_outside_the_clip() -> None:
    plan = (LastStep(), Dense(1, 1))
    weights = {"1.kernel": np.array([[1.0]]), "1.bias": np.array([0.0])}
    outside = network(plan, weights, loss="as_printed").gradients(np.array([[[1.5]], [[-2.0]]]), np.zeros((2, 1)), {})
    assert all(not gradient.any() for gradient in outside[2].values())
    inside = network(plan, weights, loss="as_printed").gradients(np.array([[[0.25]]]), np.zeros((1, 1)), {})
    assert inside[2]["1.bias"] == pytest.approx(1 / 0.75)


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
def test_steps_follow_the_printed_formulas(optimiser: str, clip_norm: float) -> None:
    plan = (LastStep(), Dense(2, 1))
    x = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
    inputs, targets = WindowInputs(x, np.arange(1, 41), 1, 1), x[:, :1] * 3
    weights = random_weights(plan)
    net = network(plan, weights, optimiser=optimiser, learning_rate=0.01, clip_norm=clip_norm)
    expected = {name: array.copy() for name, array in weights.items()}
    m, v = ({name: np.zeros_like(array) for name, array in weights.items()} for _ in range(2))
    batches = [np.arange(start, start + 10) for start in (0, 10, 20, 30, 0)]
    for now, index in enumerate(batches, 1):
        error = x[index] @ expected["1.kernel"] + expected["1.bias"] - targets[index]
        g = {"1.kernel": 2 * x[index].T @ error / 10, "1.bias": 2 * error.mean(axis=0)}
        norm = np.sqrt(sum((part**2).sum() for part in g.values()))
        for name, part in g.items():
            clipped = part * min(1, clip_norm / norm) if clip_norm else part
            if optimiser == "rmsprop":
                v[name] = 0.9 * v[name] + 0.1 * clipped**2
                expected[name] -= 0.01 * clipped / (np.sqrt(v[name]) + 1e-7)
            elif optimiser == "adagrad":
                v[name] += clipped**2
                expected[name] -= 0.01 * clipped / (np.sqrt(v[name]) + 1e-7)
            else:
                m[name] = 0.9 * m[name] + 0.1 * clipped
                v[name] = 0.999 * v[name] + 0.001 * clipped**2
                root = np.sqrt(v[name] / (1 - 0.999**now)) + 1e-7
                expected[name] -= 0.01 * m[name] / (1 - 0.9**now) / root
    losses = [result.loss for result in net.train_batches(inputs, targets, batches, lambda _: {})]
    assert losses[-1] < losses[0]
    for name, array in net.weights().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-6)


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
def test_a_restored_network_goes_on_with_the_same_bits(optimiser: str) -> None:
    plan = (Embed(7, 3), Conv(3, 2, 2), Relu(), GlobalMaxPool(), Dense(2, 1))
    random = np.random.default_rng(0)
    inputs, targets = TokenInputs(random.integers(0, 7, (12, 5), dtype=np.int32)), random.random((12, 1))
    training = TrainingConfig(loss="mse", optimiser=optimiser)
    batches = list(random.integers(0, 12, (6, 4)))

    def train(net: TorchNetwork, part: list[np.ndarray]) -> None:
        list(net.train_batches(inputs, targets.astype(np.float32), part, lambda _: {}))

    first = TorchNetwork(plan, random_weights(plan), training, 1)
    fresh = first.state()
    train(first, batches[:3])
    second = TorchNetwork(plan, random_weights(plan, 9), training, 1)
    second.restore(first.state())
    for net in (first, second):
        train(net, batches[3:])
    for name, array in first.weights().items():
        np.testing.assert_array_equal(array, second.weights()[name])
    second.restore(fresh)
    assert second.state().keys() == fresh.keys()
    with pytest.raises(DataError, match="checkpoint"):
        second.restore({name: array for name, array in first.state().items() if "bias" not in name})


def test_predict_equals_the_forward_pass_in_any_number_of_chunks() -> None:
    plan = (Conv(2, 3, 2), Relu(), GlobalMaxPool(), Dense(3, 2))
    values = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    inputs = WindowInputs(values, np.arange(8, 400), 8, 2)
    net = network(plan)
    found = net.predict(inputs)
    assert found.shape == (392, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found[300:], net.gradients(inputs.gather(np.arange(300, 392)), np.zeros((92, 2)), {})[1], rtol=1e-6
    )
    assert net.predict(inputs.take(np.arange(0))).shape == (0, 2)


def test_weights_are_copies() -> None:
    plan = (LastStep(), Dense(2, 1))
    weights = initial_weights(plan, 0)
    net = create_network("torch", plan, weights, TrainingConfig(), 1)
    weights["1.bias"][:] = 7
    net.weights()["1.bias"][:] = 8
    assert not net.weights()["1.bias"].any()
    net.set_weights(weights)
    assert net.weights()["1.bias"] == 7


def test_missing_torch_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    plan = (LastStep(), Dense(2, 1))
    with pytest.raises(MissingExtra, match=r"pip install 'seqconv\[torch\]'"):
        create_network("torch", plan, initial_weights(plan, 0), TrainingConfig(), 1)


def test_wrong_plan_and_targets_are_named() -> None:
    plan = (Conv(2, 3, 2), Dense(3, 1))
    with pytest.raises(ConfigError, match="Dense"):
        network(plan).predict(WindowInputs(np.zeros((9, 2), np.float32), np.array([8]), 8, 1))
    good = (LastStep(), Dense(2, 1))
    with pytest.raises(DataError, match=r"shape \(3, 1\)"):
        network(good).gradients(np.zeros((3, 4, 2)), np.zeros(3), {})
    with pytest.raises(DataError, match="at least one"):
        network(good).gradients(np.zeros((0, 4, 2)), np.zeros((0, 1)), {})

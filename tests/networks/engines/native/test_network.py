"""What the native engine promises: the same bits, threads, checkpoints, no torch."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers.networks import (
    IDS,
    RECIPES,
    SERIES,
    TEXT,
    agree,
    batch_for,
    count_rows,
    examples_for,
    native,
    random_weights,
    train,
)
from seqconv.errors import DataError
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.native.shared_pass import shortest_padding
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Masks, Plan
from seqconv.networks.layers.kinds import (
    Conv,
    Dense,
    Embed,
    GlobalAveragePool,
    GlobalMaxPool,
    Lstm,
    MaxPool,
    NgramBag,
    Relu,
)
from seqconv.networks.plan import shapes


@pytest.mark.parametrize("name", RECIPES)
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    plan, shape = RECIPES[name]
    random = np.random.default_rng(0)
    if count_rows(plan):
        inputs: TokenInputs | WindowInputs = TokenInputs(batch_for(plan, shape, 300))
    else:
        values = random.normal(size=(400, shape[1])).astype(np.float32)
        inputs = WindowInputs(values, np.arange(100, 400), shape[0], 1)
    targets = random.normal(size=(300, shapes(plan, shape)[-1][0])).astype(np.float32)
    results = []
    for threads in (1, 2, 5):
        net, draws = native(plan, threads=threads), np.random.default_rng(1)
        batches = [draws.integers(0, 300, size) for size in (33, 3, 33)]
        masks = DropoutMasks(plan, shape, draws, threads)
        steps = list(net.train_batches(inputs, targets, batches, masks.draw))
        results.append((*(step.outputs for step in steps), *net.state().values(), net.predict(inputs)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_two_networks_train_in_two_threads() -> None:
    alone = [train(native(plan), 30) for plan in (TEXT, SERIES)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda plan: train(native(plan), 30), (TEXT, SERIES)))
    assert together == alone


def test_one_network_may_predict_in_two_threads() -> None:
    net = native(TEXT)
    inputs, _ = examples_for(TEXT)
    expected = net.predict(inputs)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: net.predict(inputs), range(40)):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
@pytest.mark.parametrize("plan", [TEXT, IDS, SERIES], ids=["text", "ids", "series"])
def test_a_restored_network_goes_on_with_the_same_bits(plan: Plan, optimiser: str) -> None:
    whole, first = native(plan, optimiser=optimiser), native(plan, optimiser=optimiser)
    train(whole, 5, seed=1)
    train(first, 5, seed=1)
    second = native(plan, random_weights(plan, 9), optimiser=optimiser)
    second.restore(first.state())
    for net in (whole, first, second):
        train(net, 5, seed=2)
    for name, array in whole.state().items():
        np.testing.assert_array_equal(array, first.state()[name])
        np.testing.assert_array_equal(array, second.state()[name])


def test_a_checkpoint_of_something_else_is_refused() -> None:
    net = native(TEXT)
    with pytest.raises(DataError, match="checkpoint"):
        net.restore(native(TEXT, optimiser="adam").state())
    with pytest.raises(DataError, match="shape"):
        net.restore(net.state() | {"weights.6.bias": np.zeros(2, np.float32)})
    with pytest.raises(DataError, match=r"missing"):
        net.set_weights({})


def test_predictions_follow_the_weights() -> None:
    net = native(TEXT, learning_rate=0.1)
    inputs, targets = examples_for(TEXT)
    before = net.predict(inputs)
    list(net.train_batches(inputs, targets, [np.arange(20)], lambda _: {}))
    after = net.predict(inputs)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(after, native(TEXT, net.weights()).predict(inputs))
    net.set_weights(random_weights(TEXT))
    np.testing.assert_array_equal(net.predict(inputs), before)


def test_padding_that_all_texts_share_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = RECIPES["imdb-conv1d"]
    ids = batch_for(plan, (400,), 7)
    nets = [native(plan)]
    monkeypatch.setattr("seqconv.networks.engines.native.network.shortest_padding", lambda _: None)
    nets.append(native(plan))
    for padded in (0, 1, 40, 61, 62, 200, 399, 400):
        ids[:, :padded] = 0
        cut, whole = (net.predict(TokenInputs(ids)) for net in nets)
        np.testing.assert_array_equal(cut, whole)


def test_padding_is_left_out_where_outputs_do_not_count_it() -> None:
    conv, end = (Embed(9, 4), Conv(4, 8, 3), Relu(), MaxPool(2), Conv(8, 8, 2, 2)), (GlobalMaxPool(), Dense(8, 1))
    assert shortest_padding((*conv, *end)) == (16, 1 + 2 + 1 + 2 * 2 + 16 - 2)  # positions in steps of 2 * 2
    assert shortest_padding((*conv, GlobalAveragePool(), Dense(8, 1))) is None
    assert shortest_padding((Embed(9, 4), Conv(4, 8, 3, 1, "causal"), *end)) is None
    assert shortest_padding((Embed(9, 4), Lstm(4, 8), *end)) is None


def test_a_vocabulary_too_large_for_a_table_gives_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, _ = examples_for(TEXT)
    expected = native(TEXT).predict(inputs)
    monkeypatch.setattr("seqconv.networks.engines.native.network.WHOLE_TABLE", 0)
    np.testing.assert_array_equal(native(TEXT).predict(inputs), expected)


@pytest.mark.parametrize("plan", [TEXT, IDS, SERIES], ids=["text", "ids", "series"])
def test_each_example_alone_gives_its_answer_in_the_batch(plan: Plan) -> None:
    net = native(plan)
    inputs, _ = examples_for(plan)
    whole = net.predict(inputs)
    for index in (0, 31, 59):
        agree(net.predict(inputs.take(np.array([index]))), whole[index : index + 1], 1e-6)


def test_a_consumer_that_stops_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    net = native(SERIES)
    inputs, targets = examples_for(SERIES)
    steps = net.train_batches(inputs, targets, [np.arange(8)] * 50, lambda _: {})
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before

    def draw(size: int) -> Masks:
        raise RuntimeError("no masks today")

    with pytest.raises(RuntimeError, match="no masks today"):
        list(net.train_batches(inputs, targets, [np.arange(8)], draw))
    assert threading.active_count() == before


def test_native_runs_without_torch() -> None:
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
from seqconv.recipes.sections import TrainingConfig
from seqconv.networks.engines.choice import create_network
from seqconv.networks.plan import initial_weights
from seqconv.networks.layers.kinds import Conv, Dense, GlobalMaxPool
from seqconv.networks.inputs import WindowInputs
plan = (Conv(2, 4, 3), GlobalMaxPool(), Dense(4, 1))
net = create_network("native", plan, initial_weights(plan, 0), TrainingConfig(loss="mse"), 1)
inputs = WindowInputs(np.ones((30, 2), np.float32), np.arange(10, 30), 10, 1)
list(net.train_batches(inputs, np.ones((20, 1), np.float32), [np.arange(8)], lambda size: {}))
print(net.predict(inputs).shape)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "(20, 1)"


def test_predictions_between_steps_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "seqconv.networks.engines.native.network.WHOLE_TABLE", 0
    )  # prediction numbers the ids of each batch, as training
    for plan in (TEXT, IDS, SERIES):
        inputs, targets = examples_for(plan)
        batches = list(np.random.default_rng(0).integers(0, 60, (10, 8)))
        alone, watched = native(plan), native(plan)
        losses = [step.loss for step in alone.train_batches(inputs, targets, batches, lambda _: {})]
        for loss, step in zip(losses, watched.train_batches(inputs, targets, batches, lambda _: {}), strict=True):
            watched.predict(inputs.take(np.arange(3)))
            assert step.loss == loss


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
def test_checkpoints_that_hold_state_of_untrained_scales_are_read(optimiser: str) -> None:
    """As version 0.1.0 wrote them."""
    plan: Plan = (NgramBag(9, 1, 2, 5),)
    net = native(plan, optimiser=optimiser)
    state = {name: np.array(array) for name, array in net.state().items()}
    slots = {"square": (14, 1), "mean": (14, 1), "touched": (14,)}
    old = {f"{slot}.0.scale": np.zeros(shape) for slot, shape in slots.items() if f"{slot}.0.table" in state}
    assert old
    net.restore(state | old)
    with pytest.raises(DataError, match=r"'square\.0\.tables' is not known"):
        net.restore(state | {"square.0.tables": np.zeros((14, 1))})

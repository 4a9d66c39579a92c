"""The learning rate of each step, worked out by hand, and that both engines step at it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from helpers.networks import native
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.layers.kinds import Conv, Dense, GlobalAveragePool
from seqconv.networks.plan import initial_weights
from seqconv.recipes.sections import TrainingConfig
from seqconv.training.checkpoint import Epoch
from seqconv.training.schedule import Schedule

PLAN = (Conv(2, 3, 2), GlobalAveragePool(), Dense(3, 1))
BATCHES = [np.arange(4) + 4 * number for number in range(4)]


class Recorder:
    """Stands in for a network."""

    learning_rate = 0.0


def rates(schedule: Schedule, losses: list[float]) -> list[float]:
    """Of the steps of the epoch after epochs with these validation losses."""
    network = Recorder()
    history = [Epoch(number, 9 - number, 0.0, loss, 0.0, 0.0) for number, loss in enumerate(losses, 1)]
    return [network.learning_rate for _ in schedule.pace(network, BATCHES, history)]


def config(**settings) -> TrainingConfig:
    return TrainingConfig(**{"learning_rate": 0.8, "epochs": 4, "loss": "mse", **settings})


def test_a_constant_rate_is_the_one_given():
    assert rates(Schedule(config(), 0.8), []) == rates(Schedule(config(), 0.8), [3, 4, 5, 6]) == [0.8] * 4


def test_warm_up_rises_to_the_rate_by_equal_steps():
    warm = Schedule(config(warmup=2), 0.8)
    assert rates(warm, []) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates(warm, [1]) == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert rates(warm, [1, 1]) == [0.8] * 4


def test_a_cosine_falls_from_the_rate_to_zero_after_the_warm_up():
    found = [
        rate for epoch in range(4) for rate in rates(Schedule(config(schedule="cosine", warmup=1), 0.8), [1] * epoch)
    ]
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert found[4:] == pytest.approx([0.4 * (1 + math.cos(math.pi * step / 12)) for step in range(12)])


def test_a_plateau_halves_the_rate_after_two_epochs_without_a_better_loss():
    plateau = Schedule(config(schedule="plateau"), 0.8)
    losses = [3.0, 2.0, 2.1, 2.0, 2.5, 1.9, 2.0, 2.0]
    factors = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]
    assert [rates(plateau, losses[:epochs])[0] / 0.8 for epochs in range(9)] == pytest.approx(factors)
    assert rates(plateau, [math.nan] * 5)[0] == 0.8  # without validation rows by the training loss, which falls


def test_the_rate_is_that_of_the_network():
    """One that goes on from what it is learns more gently."""
    assert rates(Schedule(config(), 0.1), [1]) == [0.1] * 4


@pytest.mark.parametrize("optimiser", ["rmsprop", "adam", "adagrad"])
def test_engines_step_at_the_rates_of_the_schedule(optimiser):
    pytest.importorskip("torch")
    settings = config(optimiser=optimiser, learning_rate=0.05, schedule="cosine", warmup=1)
    random = np.random.default_rng(0)
    inputs = WindowInputs(random.normal(size=(16 * 5, 2)).astype(np.float32), 5 * np.arange(1, 17), 5, 1)
    targets = random.normal(size=(16, 1)).astype(np.float32)

    def train(engine: str, training: TrainingConfig) -> dict[str, np.ndarray]:
        network = create_network(engine, PLAN, initial_weights(PLAN, 0), training, 1)
        masks = DropoutMasks(PLAN, inputs.shape, np.random.default_rng(0), 1)
        for epoch in range(4):
            history = [Epoch(number, 1.0, 0.0, 1.0, 0.0, 0.0) for number in range(1, epoch + 1)]
            paced = Schedule(training, 0.05).pace(network, BATCHES, history)
            assert sum(1 for _ in network.train_batches(inputs, targets, paced, masks.draw)) == 4
        return network.weights()

    own, other = (train(engine, settings) for engine in ("native", "torch"))
    constant = train("native", replace(settings, schedule="constant", warmup=0))
    for name, array in own.items():
        np.testing.assert_allclose(array, other[name], atol=1e-5)
        assert np.abs(array - constant[name]).max() > 1e-3
    assert native(PLAN, initial_weights(PLAN, 0)).learning_rate == TrainingConfig().learning_rate

"""The book's order argument as a fact: what a convnet with global max pooling cannot see, and a hybrid can."""

import numpy as np
import pytest

from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import initial_weights
from seqconv.recipes.recipe import read_recipe
from seqconv.recipes.sections import TrainingConfig

LENGTH, CHANNELS = 240, 6


def answer(recipe: str, windows: np.ndarray) -> np.ndarray:
    """Outputs of a recipe's untrained network for windows [B, L, C]."""
    plan = build_plan(read_recipe(recipe).network.layers, (LENGTH, CHANNELS))
    network = create_network("native", plan, initial_weights(plan, 0), TrainingConfig(loss="mae"), 1)
    ends = np.arange(1, len(windows) + 1) * LENGTH
    return network.predict(WindowInputs(windows.reshape(-1, CHANNELS).astype(np.float32), ends, LENGTH, 1))


def blocks_moved() -> np.ndarray:
    """A quiet window that holds two distant events, and the same with the events in each other's place."""
    random = np.random.default_rng(0)
    early, late = random.normal(size=(2, 27, CHANNELS)) * 2
    windows = np.zeros((2, LENGTH, CHANNELS))
    # Multiples of 9 apart, since pooling by 3 and by 3 must cut both events alike; further from each other and from
    # the ends than the receptive field of 61, so that every view of one event exists in both places.
    for window, (first, second) in zip(windows, ((early, late), (late, early)), strict=True):
        window[63:90] = first
        window[153:180] = second
    return windows


def test_a_convnet_with_global_max_pooling_gives_the_same_answer_when_distant_blocks_change_places():
    one, other = answer("jena-conv1d", blocks_moved())[:, 0]
    assert one == pytest.approx(other, rel=1e-6)


def test_the_same_convnet_in_front_of_a_gru_does_not():
    one, other = answer("jena-conv1d-gru", blocks_moved())[:, 0]
    assert one != pytest.approx(other, rel=0.05)


def test_within_one_receptive_field_order_counts_for_the_convnet_too():
    windows = blocks_moved()
    windows[1] = windows[0]
    windows[1, 63:90] = windows[0, 63:90][::-1]
    one, other = answer("jena-conv1d", windows)[:, 0]
    assert one != pytest.approx(other, rel=0.05)

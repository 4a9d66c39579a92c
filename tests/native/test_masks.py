"""Dropout masks and the state they leave the generator in: the same bits as numpy's own draws."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv import _native
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.layers.base import Masks, Plan, Shape
from seqconv.networks.layers.kinds import Dense, Dropout, Gru, LastStep
from seqconv.networks.plan import mask_shapes

RATES = (1e-7, 0.1, 0.2, 0.25, 0.5, 0.999, 1 - 1e-12)
TASK = 2**14  # values of a task


def numpy_masks(plan: Plan, shape: Shape, batch: int, random: np.random.Generator) -> Masks:
    masks = {}
    for name, (size, rate) in mask_shapes(plan, shape).items():
        kept = random.random((batch, *size), dtype=np.float32) >= rate
        masks[name] = kept.astype(np.float32) * np.float32(1 / (1 - rate))
    return masks


def check_equal(plan: Plan, shape: Shape, seed: int, threads: int, turns: list[tuple[int, int]]) -> None:
    """In each turn other draws come first, then masks for a batch."""
    random, own = np.random.default_rng(seed), np.random.default_rng(seed)
    masks = DropoutMasks(plan, shape, own, threads)
    others: list[Callable[[np.random.Generator], object]] = [
        lambda draws: None,
        lambda draws: draws.random(3, np.float32),
        lambda draws: draws.integers(0, 100, 5, np.int32),
        lambda draws: draws.permutation(7),
        lambda draws: draws.normal(),
    ]
    for other, batch in turns:
        np.testing.assert_equal(others[other](own), others[other](random))
        found, expected = masks.draw(batch), numpy_masks(plan, shape, batch, random)
        assert found.keys() == expected.keys()
        for name, mask in found.items():
            assert mask.shape == expected[name].shape
            assert mask.dtype == np.float32
            assert mask.tobytes() == expected[name].tobytes()
        assert own.bit_generator.state == random.bit_generator.state


rates = st.sampled_from(RATES) | st.floats(1e-45, 1, exclude_max=True)
batches = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=6)


@given(rates, rates, st.integers(1, 300), st.integers(0, 2**32), st.integers(1, 3), batches)
def test_masks_are_those_of_numpy(first, second, size, seed, threads, turns):
    check_equal((Dropout(first), Dropout(second)), (size,), seed, threads, turns)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("size", [TASK - 1, TASK, TASK + 1, TASK + 2, 7 * TASK + 513])
def test_masks_of_several_tasks_are_those_of_numpy(size, threads):
    check_equal((Dropout(0.2), Dropout(0.5)), (size,), 7, threads, [(0, 1), (1, 3), (2, 1), (0, 0), (3, 2)])


def test_masks_of_recurrent_layers_are_those_of_numpy():
    plan = (Gru(14, 32, 0.1, 0.5), LastStep(), Dropout(0.25), Dense(32, 1))
    check_equal(plan, (240, 14), 3, 2, [(0, 128), (0, 128), (4, 37)])


def test_a_plan_without_dropout_draws_nothing():
    random = np.random.default_rng(0)
    before = random.bit_generator.state
    assert DropoutMasks((Dense(3, 1),), (3,), random, 2).draw(8) == {}
    assert random.bit_generator.state == before


@given(rates, st.integers(-3, 3), st.integers(0, 255))
def test_a_value_at_the_rate_is_kept_as_numpy_keeps_it(rate, away, low):
    upper = min(max(int(np.float32(rate) * 2**24) + away, 0), 2**24 - 1)
    mask = np.empty(1, np.float32)
    _native.draw_masks(np.array([1, 2, 3, 5, 1, upper << 8 | low], np.uint64), [rate], [mask], 1)
    expected = (np.array([upper], np.float32) * np.float32(2**-24) >= rate) * np.float32(1 / (1 - rate))
    assert mask.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64DXSM])
def test_another_generator_is_refused(kind):
    masks = DropoutMasks((Dropout(0.5),), (3,), np.random.Generator(kind(0)), 1)
    with pytest.raises(ValueError, match=f"must be PCG64; got {kind.__name__}"):
        masks.draw(2)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"threads": 0}, ValueError, "threads: must be at least 1; got 0"),
        ({"rates": [1.0]}, ValueError, r"rates must be in \[0, 1\); got 1.0"),
        ({"rates": [-0.1]}, ValueError, r"rates must be in \[0, 1\)"),
        ({"rates": [np.nan]}, ValueError, r"rates must be in \[0, 1\); got nan"),
        ({"rates": [0.5, 0.5]}, ValueError, "rates: must be as many as masks, 1; got 2"),
        ({"generator": np.zeros(5, np.uint64)}, ValueError, r"generator: must have shape \[6\]; got \[5\]"),
        ({"generator": np.array([0, 0, 0, 1, 2, 0], np.uint64)}, ValueError, "generator: .* got 2 and 0"),
        ({"generator": np.array([0, 0, 0, 1, 1, 2**32], np.uint64)}, ValueError, "generator: .* got 1 and 4294967296"),
        ({"generator": np.zeros(6, np.int64)}, TypeError, "incompatible"),
        ({"masks": [np.zeros(4)]}, TypeError, "incompatible"),
        ({"masks": [np.zeros((4, 4), np.float32)[:, ::2]]}, TypeError, "incompatible"),
    ],
)
def test_wrong_arguments_are_refused(change, error, says):
    call = {"generator": np.array([0, 0, 0, 1, 0, 0], np.uint64), "rates": [0.5], "masks": [np.zeros(4, np.float32)]}
    with pytest.raises(error, match=says):
        _native.draw_masks(**(call | {"threads": 1} | change))

"""Whole-series evaluation against one window at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.networks import agree, native, plans
from seqconv.networks.engines.native import shared_pass as series
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.layers.base import Plan, Shape
from seqconv.networks.layers.kinds import (
    BatchNormalisation,
    Conv,
    Dense,
    Elu,
    GlobalMaxPool,
    Gru,
    LastStep,
    MaxPool,
    Relu,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    chosen=plans(text=False),
    step=st.integers(1, 3),
    rows=st.integers(1, 40),
    chunk=st.sampled_from([7, 8192]),
    seed=st.integers(0, 50),
)
def test_shared_layers_equal_single_windows(
    chosen: tuple[Plan, Shape], step: int, rows: int, chunk: int, seed: int
) -> None:
    plan, (steps, channels) = chosen
    random = np.random.default_rng(seed)
    lookback = steps * step
    values = random.normal(size=(lookback + 90, channels)).astype(np.float32)
    anchors = random.permutation(np.arange(lookback, lookback + 90))[:rows]
    # rows that no window reads may be missing
    read = {int(anchor) - lookback + place * step for anchor in anchors for place in range(steps)}
    values[[row for row in range(len(values)) if row not in read]] = np.nan
    inputs = WindowInputs(values, anchors, lookback, step)
    net, single = native(plan), native(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "FEWEST", 0)
        patch.setattr(series, "SLIDING", 0)
        patch.setattr(series, "ROWS", chunk)
        found = net.predict(inputs)
        patch.setattr(series, "FEWEST", 10**9)
        expected = single.predict(inputs)
    agree(found, expected, 1e-5)


def test_batch_normalisation_is_shared_as_it_predicts() -> None:
    plan: Plan = (
        *(Conv(3, 8, 3), BatchNormalisation(8), Elu(), MaxPool(2), Conv(8, 8, 3), BatchNormalisation(8), Relu()),
        *(GlobalMaxPool(), Dense(8, 1)),
    )
    values = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    inputs = WindowInputs(values, np.arange(60, 600), 60, 1)
    assert shared_layers(plan, inputs) == 7
    single = native(plan)
    expected = [single.predict(inputs.take(np.array([number]))) for number in range(540)]
    agree(native(plan).predict(inputs), np.concatenate(expected), 1e-5)


def shared_layers(plan: Plan, inputs: WindowInputs) -> int | None:
    found = series.SharedPass.create(plan, native(plan)._context, inputs)
    return found.shared if found else None


def test_layers_are_shared_where_that_is_exact_and_cheaper() -> None:
    values = np.zeros((5000, 3), np.float32)
    dense = WindowInputs(values, np.arange(100, 5000), 100, 1)
    plan: Plan = (Conv(3, 8, 3), Relu(), MaxPool(2), Conv(8, 8, 3), GlobalMaxPool(), Dense(8, 1))
    assert shared_layers(plan, dense) == 4
    assert shared_layers(plan, dense.take(np.arange(0, 4900, 90))) is None  # windows hardly overlap
    assert shared_layers((Gru(3, 4), LastStep(), Dense(4, 1)), dense) is None
    assert shared_layers((Conv(3, 8, 3), Gru(8, 4), LastStep(), Dense(4, 1)), dense) == 1
    causal = Conv(3, 8, 3, padding="causal")
    assert shared_layers((causal, LastStep(), Dense(8, 1)), dense) == 1  # the newest step sees no padding
    assert shared_layers((causal, GlobalMaxPool(), Dense(8, 1)), dense) is None  # the oldest steps see it
    wide = Conv(3, 8, 3, 60, "causal")
    assert shared_layers((wide, LastStep(), Dense(8, 1)), dense) is None  # reaches behind the window


def test_cut_off_windows_are_refused_by_both_paths() -> None:
    plan: Plan = (Conv(3, 8, 3), GlobalMaxPool(), Dense(8, 1))
    values = np.zeros((500, 3), np.float32)
    for anchors in (np.arange(9, 400), np.arange(9, 11), np.arange(300, 502), np.arange(500, 502)):
        with pytest.raises(ValueError, match="anchor"):
            native(plan).predict(WindowInputs(values, anchors, 10, 1))

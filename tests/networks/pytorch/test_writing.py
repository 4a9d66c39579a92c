"""Networks written as PyTorch modules answer as the native engine does, and load with PyTorch and safetensors alone."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.layers import TABLE, surround
from helpers.networks import RECIPES, agree, batch_for, branched_plans, native, plans, random_weights
from seqconv.errors import ConfigError
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.networks.layers.base import KeepsShape, Plan, Shape
from seqconv.networks.layers.kinds import KINDS
from seqconv.networks.pytorch.source import HEAD
from seqconv.networks.pytorch.writing import CASES, write_module

pytest.importorskip("torch")
from seqconv.networks.engines.torch.module import answer_module

NAMES = {"title": "A network.", "version": "0", "name": "model", "reads": "values", "answers": "logits"}


def compare(plan: Plan, shape: Shape) -> None:
    weights, x = random_weights(plan), batch_for(plan, shape, 4)
    written = write_module(plan, weights, shape, "")
    wanted = native(plan, weights).predict(TokenInputs(x) if x.ndim == 2 else stack_windows(x))
    agree(answer_module(HEAD.format(**NAMES) + written.source, written.weights, x), wanted, 1e-5, 0.1)


def test_every_layer_has_its_lines():
    assert {kind.kind() for kind in CASES} == set(KINDS)


@pytest.mark.parametrize("name", TABLE)
def test_a_layer_equals_the_engine(name):
    compare(*surround(TABLE[name]))


@pytest.mark.parametrize("name", RECIPES)
def test_the_networks_of_recipes_equal_the_engine(name):
    compare(*RECIPES[name])


@settings(max_examples=40, deadline=None)
@given(st.one_of(plans(True), plans(False), branched_plans(True), branched_plans(False)))
def test_any_plan_equals_the_engine(case):
    compare(*case)


def test_the_source_is_plain():
    plan, shape = RECIPES["imdb-conv1d"]
    written = write_module(plan, random_weights(plan), shape, "sigmoid")
    lines = written.source.splitlines()
    assert "        self.conv_1 = nn.Conv1d(16, 32, 7)" in lines
    assert "        x1 = self.conv_1(x1.transpose(1, 2)).transpose(1, 2)  # B, 74, 32" in lines
    assert "        return torch.sigmoid(self(x))" in lines
    assert "GatedUnit" not in written.source
    assert [*written.weights][:2] == ["embed_0.weight", "conv_1.weight"]
    assert np.shape(written.weights["conv_1.weight"]) == (32, 16, 7)


def test_a_layer_without_lines_is_named():
    @dataclass(frozen=True)
    class Unknown(KeepsShape):
        pass

    with pytest.raises(ConfigError, match="export: PyTorch has no lines for the layer 'unknown'"):
        write_module((Unknown(),), {}, (7, 3), "")

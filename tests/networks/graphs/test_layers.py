"""Every layer as operators of ONNX gives what the native engine gives."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.layers import TABLE, surround
from helpers.networks import RECIPES, agree, batch_for, branched_plans, native, plans, random_weights
from seqconv.errors import ConfigError
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.graphs.layers import Spot, draw_plan
from seqconv.networks.inputs import TokenInputs, stack_windows
from seqconv.networks.layers.base import KeepsShape, Plan, Shape, Weights
from seqconv.networks.plan import shapes

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from seqconv.models.exchange.onnx import answer_onnx, encode_graph


def draw(plan: Plan, weights: Weights, shape: Shape) -> bytes:
    """An ONNX file of a plan alone."""
    graph = Graph()
    x = graph.read("x", np.float32 if len(shape) == 2 else np.int64, ("batch", *shape), "examples")
    y = draw_plan(plan, x, Spot(graph, weights, "", shape))
    graph.give("y", y, np.float32, ("batch", *shapes(plan, shape)[-1]), "outputs")
    return encode_graph(graph, {})


def compare(plan: Plan, shape: Shape, weights: Weights | None = None) -> None:
    """Batches of several sizes through one file."""
    weights = weights or random_weights(plan)
    content, network = draw(plan, weights, shape), native(plan, weights)
    for count in (1, 4):
        x = batch_for(plan, shape, count, seed=count)
        wanted = network.predict(TokenInputs(x) if x.ndim == 2 else stack_windows(x))
        found, runtime = answer_onnx(content, {"x": x.astype(np.int64) if x.ndim == 2 else x})
        assert runtime.startswith("onnxruntime")
        assert found["y"].dtype == np.float32
        agree(found["y"], wanted, 1e-5, 0.1)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_layer_equals_the_engine(row):
    compare(*surround(row))


@pytest.mark.parametrize("name", RECIPES)
def test_the_networks_of_recipes_equal_the_engine(name):
    compare(*RECIPES[name])


@settings(max_examples=40, deadline=None)
@given(st.one_of(plans(True), plans(False), branched_plans(True), branched_plans(False)))
def test_any_plan_equals_the_engine(case):
    compare(*case)


def test_batch_normalisation_reads_its_moving_averages():
    row = TABLE["batch normalisation"]
    plan, shape = surround(row)
    random = np.random.default_rng(1)
    weights = random_weights(plan)
    weights["1.moving_mean"] = random.normal(3, 1, 3).astype(np.float32)
    weights["1.moving_variance"] = random.uniform(0.01, 9, 3).astype(np.float32)
    compare(plan, shape, weights)


def test_a_layer_without_operators_is_named():
    @dataclass(frozen=True)
    class Unknown(KeepsShape):
        pass

    with pytest.raises(ConfigError, match="export: ONNX has no operators for the layer 'unknown'"):
        draw_plan((Unknown(),), "x", Spot(Graph(), {}, "", (7, 3)))

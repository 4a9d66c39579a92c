"""From a recipe's layers to a plan and back."""

import pytest

from seqconv.config import read_recipe, recipe_names
from seqconv.errors import ConfigError
from seqconv.models import Conv, Dense, GlobalMaxPool, Relu, Residual
from seqconv.plans import build_plan, describe_plan


def test_sizes_that_follow_from_the_data_are_filled_in():
    specs = [
        {"layer": "conv", "filters": 8, "kernel": 3, "activation": "relu"},
        {"layer": "global_max_pool"},
        {"layer": "output"},
    ]
    assert build_plan(specs, (20, 5), outputs=4) == (Conv(5, 8, 3), Relu(), GlobalMaxPool(), Dense(8, 4))


@pytest.mark.parametrize("name", recipe_names())
def test_a_described_plan_is_read_back(name):
    recipe = read_recipe(name)
    shape = (500,) if recipe.task == "text" else (240, 14)
    plan = build_plan(recipe.network.layers, shape, 100)
    assert build_plan(describe_plan(plan), shape) == plan


def test_residual_bodies_nest():
    body = {"layer": "conv", "filters": 5, "kernel": 3, "padding": "causal", "dilation": 2}
    plan = build_plan([{"layer": "residual", "layers": [body]}, {"layer": "last_step"}, {"layer": "output"}], (20, 5))
    assert plan[0] == Residual((Conv(5, 5, 3, 2, "causal"),))
    assert build_plan(describe_plan(plan), (20, 5)) == plan


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"layer": "convv", "filters": 3}, "Did you mean 'conv'?"),
        ({"layer": "conv", "filter": 3, "kernel": 3}, "Did you mean 'filters'?"),
        ({"layer": "conv", "filters": 3}, "kernel is missing"),
        ({"layer": "conv", "filters": 0, "kernel": 3}, "filters must be a whole number of at least 1; got 0"),
        ({"layer": "conv", "filters": True, "kernel": 3}, "filters must be a whole number"),
        ({"layer": "conv", "filters": 3, "kernel": 3, "padding": "same"}, "padding must be 'valid' or 'causal'"),
        ({"layer": "conv", "filters": 3, "kernel": 3, "activation": "gelu"}, "activation must be relu or tanh"),
        ({"layer": "dropout", "rate": 1.0}, "rate must be from 0 to below 1"),
        ({"layer": "gru", "units": 3, "reset_after": 1}, "reset_after must be true or false"),
        ({"layer": "max_pool", "size": 21}, "at least 21 steps; got 20"),
        ({"layer": "relu", "size": 1}, "relu has no setting 'size'. It takes none."),
        ({"filters": 3}, "must be a table with its kind"),
        ("conv", "must be a table with its kind"),
    ],
)
def test_a_wrong_layer_is_named(spec, says):
    with pytest.raises(ConfigError) as caught:
        build_plan([spec], (20, 5))
    assert says in str(caught.value)
    assert "layer 1" in str(caught.value)


@pytest.mark.parametrize(
    "specs", [[], [{"layer": "last_step"}], [{"layer": "last_step"}, {"layer": "dense", "outputs": 3}]]
)
def test_a_network_must_return_what_the_task_needs(specs):
    with pytest.raises(ConfigError, match="must return 1 value"):
        build_plan(specs, (20, 5))

"""From a recipe's layers to a plan and back."""

import pytest

from seqconv.errors import ConfigError
from seqconv.networks.layers.kinds import (
    Add,
    Channelwise,
    Concat,
    Conv,
    Dense,
    Flatten,
    GlobalMaxPool,
    NgramBag,
    Normalise,
    Relu,
    Residual,
    TokenConv,
)
from seqconv.networks.parsing import build_plan, describe_plan
from seqconv.networks.plan import shapes
from seqconv.recipes.recipe import read_recipe, recipe_names


def test_sizes_that_follow_from_the_data_are_filled_in():
    specs = [
        {"layer": "conv", "filters": 8, "kernel": 3, "activation": "relu"},
        {"layer": "global_max_pool"},
        {"layer": "output"},
    ]
    assert build_plan(specs, (20, 5), outputs=4) == (Conv(5, 8, 3), Relu(), GlobalMaxPool(), Dense(8, 4))


@pytest.mark.parametrize("name", [name for name in recipe_names() if read_recipe(name).network.layers])
def test_a_described_plan_is_read_back(name):
    recipe = read_recipe(name)
    shape, outputs = ((500,), 1) if recipe.task == "text" else ((240, 21), 21)
    plan = build_plan(recipe.network.layers, shape, 100, outputs)
    assert build_plan(describe_plan(plan), shape, outputs=outputs) == plan


def test_residual_bodies_nest():
    body = {"layer": "conv", "filters": 5, "kernel": 3, "padding": "causal", "dilation": 2}
    plan = build_plan([{"layer": "residual", "layers": [body]}, {"layer": "last_step"}, {"layer": "output"}], (20, 5))
    assert plan[0] == Residual((Conv(5, 5, 3, 2, "causal"),))
    assert build_plan(describe_plan(plan), (20, 5)) == plan


def test_a_body_for_every_channel_gets_its_share_of_the_outputs():
    specs = [{"layer": "channelwise", "layers": [{"layer": "flatten"}, {"layer": "output"}]}]
    assert build_plan(specs, (20, 3), outputs=12) == (Channelwise((Flatten(), Dense(20, 4))),)
    with pytest.raises(ConfigError, match=r"channelwise: it must read only the targets.*\(20, 3\) for 4 output"):
        build_plan(specs, (20, 3), outputs=4)
    with pytest.raises(ConfigError, match="channelwise: the body must end in one vector"):
        build_plan([{"layer": "channelwise", "layers": [{"layer": "relu"}]}, {"layer": "output"}], (20, 3), 0, 3)


def test_inputs_behind_the_targets_get_no_body():
    specs = [{"layer": "channelwise", "channels": 3, "layers": [{"layer": "flatten"}, {"layer": "output"}]}]
    plan = build_plan(specs, (20, 5), outputs=12)
    assert plan == (Channelwise((Flatten(), Dense(20, 4)), 3),)
    assert shapes(plan, (20, 5)) == [(12,)]
    with pytest.raises(ConfigError, match="channelwise: channels must be at most the input's 5; got 6"):
        build_plan([specs[0] | {"channels": 6}], (20, 5), outputs=12)


def test_a_body_that_is_scaled_back_returns_values_for_every_channel():
    specs = [{"layer": "normalise", "channels": 3, "layers": [{"layer": "flatten"}, {"layer": "output"}]}]
    assert build_plan(specs, (20, 5), outputs=12) == (Normalise((Flatten(), Dense(100, 12)), 3),)
    assert build_plan(describe_plan(build_plan(specs, (20, 5), outputs=12)), (20, 5), outputs=12)
    with pytest.raises(ConfigError, match=r"normalise: the body must end in a vector.* 3 channels; got \(4,\)"):
        build_plan(specs, (20, 5), outputs=4)
    with pytest.raises(ConfigError, match="normalise: channels must be at most the input's 5; got 6"):
        build_plan([specs[0] | {"channels": 6}], (20, 5), outputs=12)


def test_branches_nest_and_take_the_sizes_of_the_data():
    filters = {"layer": "token_conv", "filters": 6, "kernel": 2, "activation": "relu"}
    pool, bag = {"layer": "global_max_pool"}, {"layer": "ngram_bag", "longest": 2, "buckets": 9}
    deep = [{"layer": "concat", "branches": [[filters, pool], [filters | {"kernel": 3}, pool]]}, {"layer": "output"}]
    plan = build_plan([{"layer": "add", "branches": [deep, [bag]]}], (20,), 100, 4)
    towers = tuple((TokenConv(100, 6, kernel), Relu(), GlobalMaxPool()) for kernel in (2, 3))
    assert plan == (Add(((Concat(towers), Dense(12, 4)), (NgramBag(100, 4, 2, 9),))),)
    assert build_plan(describe_plan(plan), (20,), outputs=4) == plan


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"layer": "convv", "filters": 3}, "Did you mean 'conv'?"),
        ({"layer": "conv", "filter": 3, "kernel": 3}, "Did you mean 'filters'?"),
        ({"layer": "conv", "filters": 3}, "kernel is missing"),
        ({"layer": "conv", "filters": 0, "kernel": 3}, "filters must be a whole number of at least 1; got 0"),
        ({"layer": "conv", "filters": True, "kernel": 3}, "filters must be a whole number"),
        (
            {"layer": "conv", "filters": 3, "kernel": 3, "padding": "full"},
            "must be 'valid', 'causal' or 'same'; got 'full'",
        ),
        (
            {"layer": "conv", "filters": 3, "kernel": 3, "activation": "swish"},
            "must be relu, tanh, sigmoid, elu, gelu or softmax",
        ),
        ({"layer": "max_pool", "size": 2, "activation": "relu"}, "on a conv or dense; got 'relu' on max_pool"),
        ({"layer": "conv", "filters": 3, "kernel": 3, "stride": 0}, "stride must be a whole number of at least 1"),
        ({"layer": "bidirectional"}, "bidirectional: the body must have at least one layer"),
        ({"layer": "dropout", "rate": 1.0}, "rate must be from 0 to below 1"),
        ({"layer": "gru", "units": 3, "reset_after": 1}, "reset_after must be true or false"),
        ({"layer": "output", "zeros": 1}, "zeros must be true or false"),
        ({"layer": "max_pool", "size": 21}, "at least 21 steps; got 20"),
        ({"layer": "relu", "size": 1}, "relu has no setting 'size'. It takes none."),
        ({"layer": "concat"}, "branches is missing"),
        ({"layer": "concat", "branches": 3}, "branches must be a list of lists of layers; got 3"),
        ({"layer": "concat", "branches": []}, "Concat: must have branches"),
        ({"layer": "add", "branches": [[{"layer": "relu"}], []]}, "each with at least one layer"),
        ({"layer": "add", "branches": [[{"layer": "last_step"}], [{"layer": "relu"}]]}, "must have the same shape"),
        ({"layer": "concat", "branches": [[{"layer": "conv", "filters": 3}]]}, "kernel is missing"),
        ({"layer": "ngram_bag", "longest": 2, "buckets": 5, "gain": 0}, "gain must be a number above 0; got 0"),
        ({"layer": "ngram_bag", "longest": 0, "buckets": 5}, "longest must be a whole number of at least 1"),
        ({"layer": "token_conv", "filters": 3, "kernel": 2}, "TokenConv: the input must be ids [L]; got (20, 5)"),
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


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_a_network_ends_in_logits(kind):
    front = [{"layer": "last_step"}, {"layer": "dense", "outputs": 3, "activation": kind}]
    assert build_plan([*front, {"layer": "output"}], (20, 5))[2].kind() == kind
    with pytest.raises(ConfigError, match=f"the loss computes the probabilities; got {kind} at the end. Leave it out"):
        build_plan([*front[:1], {"layer": "output", "activation": kind}], (20, 5))


def test_a_stride_of_one_is_described_as_versions_without_strides_did():
    conv = {"layer": "conv", "inputs": 5, "filters": 3, "kernel": 2, "dilation": 1, "padding": "valid"}
    assert describe_plan((Conv(5, 3, 2),)) == [conv]
    assert describe_plan((Conv(5, 3, 2, stride=2),)) == [conv | {"stride": 2}]

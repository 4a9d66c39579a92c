"""Layers as Python calls give the networks that tables in recipes give."""

import dataclasses
import inspect
from typing import Any

import pytest

from helpers.layers import ROWS, TABLE, Row
from seqconv import layers
from seqconv.networks.layers.kinds import KINDS, SETTINGS
from seqconv.networks.parsing import build_plan
from seqconv.recipes.recipe import read_recipe, recipe_names

FUNCTIONS = {name: getattr(layers, kind.__name__) for name, kind in KINDS.items()} | {"output": layers.Output}
NAMED = {"dense": ("outputs",)}  # settings that the data can fill in, and that users name all the same
HELD = {"body": "layers", "branches": "branches"}  # what layers are called that a layer holds


def call(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's table of a layer, made by the call."""
    name, function = table["layer"], FUNCTIONS[table["layer"]]
    known = inspect.signature(function).parameters
    rest = {key: value for key, value in table.items() if key in known and key not in HELD.values()}
    inner = [[call(each) for each in table["layers"]]] if "layers" in table else []
    inner += [[call(each) for each in branch] for branch in table.get("branches", ())]
    assert rest.keys() | HELD.keys() | {"layer", *HELD.values()} >= table.keys() - filled(name), name
    return function(*inner, **rest)


def filled(name: str) -> set[str]:
    """Settings that follow from the data."""
    return {key for key, each in SETTINGS.get(name, {}).items() if each.filled} - {*NAMED.get(name, ())}


@pytest.mark.parametrize("name", KINDS)
def test_a_call_has_the_settings_of_its_layer_and_their_defaults(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    fields = [each for each in dataclasses.fields(KINDS[name]) if each.name not in filled(name)]
    own = {HELD.get(each.name, each.name): each.default for each in fields}
    own |= {"activation": None} if KINDS[name].activates else {}
    missing = {dataclasses.MISSING: inspect.Parameter.empty}
    assert {key: missing.get(default, default) for key, default in own.items()} == {
        key: each.default for key, each in parameters.items()
    }
    required = [key for key, default in own.items() if default is dataclasses.MISSING]
    by_place = [key for key, each in parameters.items() if each.kind != each.KEYWORD_ONLY]
    assert by_place[: len(required)] == required
    assert FUNCTIONS[name].__doc__


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_call_builds_the_layer_that_its_table_builds(row: Row) -> None:
    table = {"layer": row.layer.kind()} | row.recipe
    enters, outputs = row.enters, row.leaves[-1]
    ends = [] if len(row.leaves) == 1 else [{"layer": "flatten"}]
    plans = [build_plan([each, *ends, {"layer": "output"}], enters, ROWS, outputs) for each in (table, call(table))]
    assert plans[0] == plans[1]
    assert plans[0][0] == row.layer


@pytest.mark.parametrize("name", [name for name in recipe_names() if read_recipe(name).network.layers])
def test_the_networks_of_recipes_can_be_called(name):
    recipe = read_recipe(name)
    shape, outputs = ((500,), 1) if recipe.task == "text" else ((240, 21), 21)
    called = [call(each) for each in recipe.network.layers]
    assert build_plan(called, shape, 100, outputs) == build_plan(recipe.network.layers, shape, 100, outputs)


def test_a_layer_alone_stands_for_a_list_of_one():
    gru = layers.Gru(8)
    assert layers.Bidirectional(gru) == layers.Bidirectional([gru])
    assert layers.Concat(gru, [gru]) == layers.Concat([gru], (gru,))

"""What every layer promises: the same tests for every row of `helpers.layers.TABLE`, which has one for each kind."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from helpers.contributing import find_module, read_example
from helpers.layers import ROWS, TABLE, Row, surround
from helpers.networks import agree, batch_for, native, random_weights, targets_for
from seqconv.errors import ConfigError
from seqconv.models.storage import pack, unpack
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.native.compiler import compile_plan
from seqconv.networks.engines.native.context import Context
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import ANY, IDS, STEPS, VECTOR, Field, KeepsShape, Layer, Plan, Shape
from seqconv.networks.layers.kinds import KINDS, SETTINGS
from seqconv.networks.layers.settings import Size
from seqconv.networks.parsing import build_plan, describe_plan
from seqconv.networks.plan import count_parameters, initial_weights, mask_shapes, plan_weights
from seqconv.networks.summary import summarise
from seqconv.recipes.sections import TrainingConfig

torch = pytest.importorskip("torch")
from seqconv.networks.engines.torch.layers import Given, run  # noqa: E402
from seqconv.networks.engines.torch.network import TorchNetwork  # noqa: E402

BATCH, SAMPLED = 4, 6
EACH = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)


def inputs_for(plan: Plan, shape: Shape) -> TokenInputs | WindowInputs:
    x = batch_for(plan, shape, BATCH)
    if x.ndim == 2:
        return TokenInputs(x)
    return WindowInputs(x.reshape(-1, shape[1]), shape[0] * np.arange(1, BATCH + 1), shape[0], 1)


def exact(plan: Plan, weights: dict[str, np.ndarray]) -> TorchNetwork:
    return TorchNetwork(plan, weights, TrainingConfig(loss="mse"), 1, torch.float64)


def test_every_kind_of_layer_has_a_row():
    assert {row.layer.kind() for row in TABLE.values()} == set(KINDS)
    assert {row.layer.reads for row in TABLE.values()} == {IDS, STEPS, VECTOR, ANY}


def test_every_class_of_layer_is_a_kind():
    def leaves(kind: type[Layer]) -> set[type[Layer]]:
        return set().union(*(leaves(each) for each in kind.__subclasses__())) or {kind}

    known = {kind for kind in leaves(Layer) if kind.__module__.startswith("seqconv.")}
    assert known <= set(KINDS.values())


@EACH
def test_shape_parameters_and_summary_are_those_worked_out_by_hand(row: Row) -> None:
    layer = row.layer
    (line,) = summarise((layer,), row.enters)
    assert (line.name, line.shape, line.parameters) == (row.label, row.leaves, row.parameters)
    assert line.multiply_adds == row.cost
    assert tuple(layer.field_after(Field(1, 1), row.enters)) == row.grown
    assert line.receptive_field == row.grown[0]


@EACH
def test_the_engines_give_the_shape_that_the_layer_declares(row: Row) -> None:
    plan: Plan = (row.layer,)
    x, weights = batch_for(plan, row.enters, BATCH), random_weights(plan)
    if row.layer.reads is VECTOR:
        x = x.reshape(BATCH, -1)
    tensors = {name: torch.as_tensor(array) for name, array in weights.items()}
    found = run(plan, torch.as_tensor(x, dtype=torch.int64 if x.dtype.kind == "i" else None), Given(tensors, {}))
    assert tuple(found.shape) == (BATCH, *row.leaves)
    assert weights.keys() == plan_weights(plan).keys()


@EACH
def test_initial_values_have_the_declared_shape_and_type(row: Row) -> None:
    declared = plan_weights((row.layer,))
    weights = initial_weights((row.layer,), 0)
    assert {name: array.shape for name, array in weights.items()} == {n: each.shape for n, each in declared.items()}
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in weights.values())
    assert count_parameters((row.layer,)) == sum(array.size for array in weights.values()) == row.parameters


@EACH
def test_native_equals_torch(row: Row) -> None:
    """Predictions, then outputs and gradients in training, with the masks of dropout drawn."""
    plan, shape = surround(row)
    weights, x, targets = random_weights(plan), batch_for(plan, shape, BATCH), targets_for("mse", BATCH, 2)
    inputs = inputs_for(plan, shape)
    agree(native(plan, weights).predict(inputs), exact(plan, weights).predict(inputs), 1e-5, 0.1)
    masks = DropoutMasks(plan, shape, np.random.default_rng(0), 1).draw(BATCH)
    assert bool(masks) == bool(mask_shapes((row.layer,), row.enters))
    wanted_loss, wanted, wanted_gradients = exact(plan, weights).gradients(x, targets, masks)
    loss, outputs, gradients = native(plan, weights).gradients(x, targets, masks)
    agree(outputs, wanted, 1e-5, 0.1)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert gradients.keys() == wanted_gradients.keys() == weights.keys()
    largest = max(np.abs(gradient).max() for gradient in wanted_gradients.values())
    for name, gradient in gradients.items():
        agree(gradient, wanted_gradients[name], 1e-4, max(1e-3 * largest, 1e-3))


@EACH
def test_gradients_are_finite_differences(row: Row) -> None:
    """Of both engines, for the weights of the layer and, through those of the layer before it, for its input."""
    plan, shape = surround(row)
    weights, x, targets = random_weights(plan), batch_for(plan, shape, BATCH), targets_for("mse", BATCH, 2)
    masks = DropoutMasks(plan, shape, np.random.default_rng(0), 1).draw(BATCH)
    reference, declared = exact(plan, weights), plan_weights(plan)
    found = native(plan, weights).gradients(x, targets, masks)[2]
    torches = reference.gradients(x, targets, masks)[2]
    random = np.random.default_rng(1)
    for name, gradient in torches.items():
        if not declared[name].trained:
            assert not gradient.any()
            assert not found[name].any()
            continue
        places = {int(np.abs(gradient).argmax()), *random.integers(0, gradient.size, SAMPLED).tolist()}
        for place in (np.unravel_index(place, gradient.shape) for place in places):
            difference = differentiate(reference, weights, name, place, (x, targets, masks))
            assert gradient[place] == pytest.approx(difference, rel=1e-5, abs=1e-8), (name, place)
            assert found[name][place] == pytest.approx(difference, rel=1e-3, abs=1e-5), (name, place)


def differentiate(reference: TorchNetwork, weights: dict[str, np.ndarray], name: str, place: Any, batch: Any) -> float:
    """Central difference of the float64 loss by one value of a weight."""
    around = []
    for shift in (1e-5, -1e-5):
        moved = {other: array.astype(np.float64) for other, array in weights.items()}
        moved[name][place] += shift
        reference.set_weights(moved)
        around.append(reference.gradients(*batch)[0])
    return (around[0] - around[1]) / 2e-5


@EACH
def test_training_goes_the_same_way_on_both_engines(row: Row) -> None:
    """Five steps: optimiser, masks, and what is set in passing."""
    plan, shape = surround(row)
    weights, inputs, targets = random_weights(plan), inputs_for(plan, shape), targets_for("mse", BATCH, 2)
    networks = native(plan, weights), exact(plan, weights)
    losses: list[list[float]] = []
    for each in networks:
        masks = DropoutMasks(plan, shape, np.random.default_rng(0), 1)
        batches = [np.arange(BATCH)[: 2 + number % 3] for number in range(5)]
        losses.append([step.loss for step in each.train_batches(inputs, targets, batches, masks.draw)])
    np.testing.assert_allclose(*losses, rtol=1e-4)
    agree(networks[0].predict(inputs), networks[1].predict(inputs), 2e-3, 0.1)
    for name in (name for name, each in plan_weights(plan).items() if not each.trained):
        found, wanted = (each.weights()[name] for each in networks)
        # the bias before has no gradient but rounding, of which the optimiser makes steps
        agree(found, wanted, 1e-2, 0.1)
    state = networks[0].state()
    fresh = native(plan, weights)
    fresh.restore({name: np.array(array) for name, array in state.items()})
    np.testing.assert_array_equal(fresh.predict(inputs), networks[0].predict(inputs))


@EACH
def test_nan_comes_out_as_nan(row: Row) -> None:
    plan, shape = surround(row)
    inputs, weights = inputs_for(plan, shape), random_weights(plan)
    if isinstance(inputs, TokenInputs):
        inputs = inputs.take(np.flatnonzero(inputs.ids.any(axis=1)))  # a text without words has no n-grams
    for name, array in weights.items():
        spoilt = weights | {name: np.full_like(array, np.nan)}
        for each in native(plan, spoilt), exact(plan, spoilt):
            assert np.isnan(each.predict(inputs)).all(), (name, type(each).__name__)


@EACH
def test_recipe_and_bundle_are_read_back(row: Row) -> None:
    spec = {"layer": row.layer.kind()} | row.recipe
    shape = row.enters if row.layer.reads is not VECTOR else (5, 3)
    front: list[dict[str, Any]] = [{"layer": "global_average_pool"}] if row.layer.reads is VECTOR else []
    end: list[dict[str, Any]] = [{"layer": "flatten"}] if len(row.leaves) == 2 else []
    plan = build_plan([*front, spec, *end, {"layer": "output"}], shape, ROWS, 2)
    assert plan[len(front)] == row.layer
    stored = json.loads(json.dumps(describe_plan(plan)))
    assert build_plan(stored, shape, outputs=2) == plan
    weights = random_weights(plan)
    read = unpack(plan, load(save(pack(plan, weights))))
    assert read.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(read[name], array)


@EACH
def test_wrong_settings_are_named(row: Row) -> None:
    for name, setting in type(row.layer).settings().items():
        if name not in ("body", "branches"):
            with pytest.raises(ConfigError, match=rf"{row.layer.kind()}: {name} must be .*; got 'what'"):
                build_plan([{"layer": row.layer.kind()} | row.recipe | {name: "what"}], row.enters, ROWS, 6)
        assert setting.must


def test_a_half_added_layer_is_no_class():
    with pytest.raises(TypeError, match="layer Half: must define details, field_after, multiply_adds, weights, reads"):

        class Half(Layer):
            def shape_after(self, shape: Shape) -> Shape:
                return shape


def test_a_field_of_no_known_type_is_named():
    @dataclass(frozen=True)
    class Odd(KeepsShape):
        size: Size
        colour: str

    with pytest.raises(TypeError, match=r"layer Odd: the type of colour must be one of layers\.settings"):
        Odd.settings()


def test_a_layer_that_an_engine_does_not_know_is_named():
    @dataclass(frozen=True)
    class Unknown(KeepsShape):
        pass

    with pytest.raises(TypeError, match="engines/torch: must have a case for the layer 'unknown'; it has none"):
        run((Unknown(),), torch.zeros(1, 2, 3), Given({}, {}))
    with pytest.raises(TypeError, match="engines/native: must have a step for the layer 'unknown'; it has none"):
        compile_plan((Unknown(),), Context({}, 1))


def test_the_example_in_contributing_keeps_the_contract(monkeypatch):
    """Every block is run where it says that it belongs."""
    names: dict[str, Any] = {}
    for place, table, code in read_example("Adding a layer"):
        module = find_module(place)
        if not table:
            exec(code, {**vars(module), **names}, names)
        elif table == "_KINDS":
            (kind,) = eval(f"({code})", names)
            monkeypatch.setitem(KINDS, kind.kind(), kind)
            monkeypatch.setitem(SETTINGS, kind.kind(), kind.settings())
        else:
            for key, value in eval(f"{{{code}}}", {**vars(module), **names}).items():
                monkeypatch.setitem(getattr(module, table), key, value)
    assert names["Scale"]() == {"layer": "scale"}
    row = TABLE["scale"]
    assert type(row.layer) not in find_module("src/seqconv/networks/layers/kinds.py")._KINDS
    contract = [test for test in globals().values() if EACH.mark in getattr(test, "pytestmark", ())]
    assert len(contract) > 6
    for test in contract:
        test(row)

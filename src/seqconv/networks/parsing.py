"""Converts a recipe's list of layers to a plan and back; sizes that the data determine are filled in."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from seqconv.errors import ConfigError, nearest
from seqconv.networks.layers.base import Layer, Plan, Shape
from seqconv.networks.layers.kinds import KINDS, SETTINGS
from seqconv.networks.layers.pointwise import ACTIVATIONS, Sigmoid, Softmax
from seqconv.networks.layers.settings import Place
from seqconv.networks.plan import shapes
from seqconv.recipes.sections import LayerSpec

MOST_LEVELS = 10  # of layers inside layers


def build_plan(specs: Iterable[LayerSpec], shape: Shape, rows: int = 0, outputs: int = 1) -> Plan:
    """A plan from a recipe's layers.

    Args:
        specs: one table per layer: `layer` is its kind (`conv`, `max_pool`, ...) and the rest its settings;
            `activation` on conv, token_conv and dense adds that layer after it; `{ layer = "output" }` is the last
            Dense; `concat` and `add` have `branches`, each a list of layers.
        shape: of one example: `(L,)` ids or `(L, C)` values.
        rows: number of ids, for `embed`, `token_conv` and `ngram_bag`.
        outputs: values that the network must return.

    Raises:
        ConfigError: an unknown layer or setting, a value out of range, shapes that do not fit, wrong outputs.
    """
    plan = _build(specs, Place(shape, rows, outputs))
    final = shapes(plan, shape)[-1] if plan else shape
    if final != (outputs,):
        raise ConfigError(
            f"network.layers: must return {outputs} value(s) per example; got shape {final}. "
            'End with { layer = "output" }'
        )
    if isinstance(plan[-1], Sigmoid | Softmax):
        raise ConfigError(
            "network.layers: must end in logits, because the loss computes the probabilities; got "
            f"{plan[-1].kind()} at the end. Leave it out"
        )
    return plan


def _build(specs: Iterable[LayerSpec], place: Place, level: int = 1) -> Plan:
    if level > MOST_LEVELS:  # two bodies in each would double the weights' number with every level
        raise ConfigError(f"layers must be nested at most {MOST_LEVELS} levels deep")
    plan: list[Layer] = []
    for index, spec in enumerate(specs):
        try:
            for layer in _read_layers(spec, place, level):
                place = place._replace(shape=layer.output_shape(place.shape))
                plan.append(layer)
        except ConfigError as error:
            where = "network.layers, " if level == 1 else ""
            raise ConfigError(f"{where}layer {index + 1}: {error}") from None
    return tuple(plan)


def _read_layers(spec: LayerSpec, place: Place, level: int) -> list[Layer]:
    """The layer that a table describes, and its activation."""
    if not isinstance(spec, dict) or not isinstance(spec.get("layer"), str):
        raise ConfigError(f'must be a table with its kind, such as {{ layer = "conv", filters = 32 }}; got {spec!r}')
    given = {key: value for key, value in spec.items() if key not in ("layer", "activation")}
    name = spec["layer"]
    if name == "output":
        name, given = "dense", {"outputs": place.outputs} | given
    if name not in KINDS:
        raise ConfigError(f"unknown layer {name!r}. {nearest(name, [*KINDS, 'output'])}")
    filled = {key: getattr(place, setting.filled) for key, setting in SETTINGS[name].items() if setting.filled}
    settings = _read_bodies(name, filled | given, place, level + 1)
    _check_settings(name, settings)
    return [KINDS[name](**settings), *_read_activation(name, spec.get("activation"))]


def _read_bodies(name: str, given: dict[str, Any], place: Place, level: int) -> dict[str, Any]:
    """The settings, with the plans inside the layer built: one from `layers`, or several from `branches`."""
    if "body" in SETTINGS[name]:
        inner = KINDS[name].inner_place(place, given)
        rest = {key: value for key, value in given.items() if key != "layers"}
        return rest | {"body": _build(given.get("layers", ()), inner, level)}
    if "branches" in SETTINGS[name] and isinstance(given.get("branches"), list | tuple):
        return given | {"branches": tuple(_build(branch, place, level) for branch in given["branches"])}
    return given


def _read_activation(name: str, activation: Any) -> list[Layer]:
    if activation is None:
        return []
    if not KINDS[name].activates or activation not in ACTIVATIONS:
        *most, last = ACTIVATIONS
        raise ConfigError(
            f"activation must be {', '.join(most)} or {last}, on a conv or dense; got {activation!r} on {name}"
        )
    return [ACTIVATIONS[activation]()]


def _check_settings(name: str, settings: dict[str, Any]) -> None:
    known = SETTINGS[name]
    for key, value in settings.items():
        if key not in known:
            raise ConfigError(f"{name} has no setting {key!r}. {nearest(key, known) if known else 'It takes none.'}")
        if not known[key].holds(value):
            raise ConfigError(f"{name}: {key} must be {known[key].must}; got {value!r}")
    for field in dataclasses.fields(KINDS[name]):  # type: ignore[arg-type]
        if field.name not in settings and field.default is dataclasses.MISSING:
            raise ConfigError(f"{name}: {field.name} is missing")


def describe_plan(plan: Plan) -> list[LayerSpec]:
    """The layers as tables from which `build_plan` builds the same plan; every size is written out."""
    return [_describe(layer) for layer in plan]


def _describe(layer: Layer) -> LayerSpec:
    spec: LayerSpec = {"layer": layer.kind()}
    for name, setting in SETTINGS[layer.kind()].items():
        value = getattr(layer, name)
        if setting.added and value == getattr(type(layer), name):
            continue
        if name == "body":
            spec["layers"] = describe_plan(value)
        else:
            spec[name] = [describe_plan(branch) for branch in value] if name == "branches" else value
    return spec

"""A recipe's list of layers <-> a plan, with the sizes that follow from the data filled in."""

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Any

from seqconv.errors import ConfigError, nearest
from seqconv.networks.layers import base as models
from seqconv.networks.layers.base import Layer, Plan, Shape
from seqconv.networks.shapes import output_shape, shapes
from seqconv.recipes.recipe import LayerSpec

KINDS: dict[str, type[Any]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind
    for kind in (
        models.Embed,
        models.TokenConv,
        models.NgramBag,
        models.Conv,
        models.Relu,
        models.Tanh,
        models.MaxPool,
        models.GlobalMaxPool,
        models.GlobalAveragePool,
        models.LastStep,
        models.SubtractLast,
        models.Patch,
        models.Flatten,
        models.Dropout,
        models.Residual,
        models.Concat,
        models.Add,
        models.Channelwise,
        models.Normalise,
        models.Gru,
        models.Lstm,
        models.Dense,
    )
}


NAMES = {kind: name for name, kind in KINDS.items()}


ACTIVATIONS = ("relu", "tanh")


POSITIVE = {"width", "filters", "kernel", "dilation", "size", "units", "outputs", "longest", "buckets"}


RATES = {"rate", "dropout", "recurrent_dropout"}


FLAGS = {"reset_after", "zeros"}


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
    plan = _build(specs, shape, rows, outputs)
    final = shapes(plan, shape)[-1] if plan else shape
    if final != (outputs,):
        raise ConfigError(
            f"network.layers: must return {outputs} value(s) per example; got shape {final}. "
            'End with { layer = "output" }'
        )
    return plan


def _build(specs: Iterable[LayerSpec], shape: Shape, rows: int, outputs: int) -> Plan:
    plan: list[Layer] = []
    for index, spec in enumerate(specs):
        try:
            for layer in _layers(spec, shape, rows, outputs):
                shape = output_shape(layer, shape)
                plan.append(layer)
        except ConfigError as error:
            raise ConfigError(f"network.layers, layer {index + 1}: {error}") from None
    return tuple(plan)


def _layers(spec: LayerSpec, shape: Shape, rows: int, outputs: int) -> list[Layer]:
    if not isinstance(spec, dict) or not isinstance(spec.get("layer"), str):
        raise ConfigError(f'must be a table with its kind, such as {{ layer = "conv", filters = 32 }}; got {spec!r}')
    settings = {name: value for name, value in spec.items() if name not in ("layer", "activation")}
    name = spec["layer"]
    if name == "output":
        name, settings = "dense", {"outputs": outputs} | settings
    if name not in KINDS:
        raise ConfigError(f"unknown layer {name!r}. {nearest(name, [*KINDS, 'output'])}")
    known = {field.name: field for field in dataclasses.fields(KINDS[name])}
    if "inputs" in known:
        settings.setdefault("inputs", shape[-1])
    if "rows" in known:
        settings.setdefault("rows", rows)
    if name == "ngram_bag":
        settings.setdefault("outputs", outputs)
    if "branches" in known and isinstance(settings.get("branches"), list | tuple):
        settings["branches"] = tuple(_build(branch, shape, rows, outputs) for branch in settings["branches"])
    if name in ("residual", "normalise"):
        settings["body"] = _build(settings.pop("layers", ()), shape, rows, outputs)
    if name == "channelwise":
        share = _share_outputs(shape, settings.get("channels", 0), outputs)
        settings["body"] = _build(settings.pop("layers", ()), (shape[0], 1), rows, share)
    _check_settings(name, settings, known)
    layers: list[Layer] = [KINDS[name](**settings)]
    activation = spec.get("activation")
    if activation is not None:
        if name not in ("conv", "token_conv", "dense") or activation not in ACTIVATIONS:
            raise ConfigError(f"activation must be relu or tanh, on a conv or dense; got {activation!r} on {name}")
        layers.append(KINDS[activation]())
    return layers


def _share_outputs(shape: Shape, channels: Any, outputs: int) -> int:
    """Outputs of each channel."""
    count = channels if type(channels) is int and channels > 0 else shape[-1]
    if len(shape) != 2 or outputs % count:
        raise ConfigError(
            f"channelwise: it must read the targets alone, steps and channels [L, C]; got {shape} for {outputs} "
            "output(s). Make every column a target; of other inputs behind them, say how many to read: channels"
        )
    return outputs // count


def _check_settings(name: str, settings: dict[str, Any], known: dict[str, Any]) -> None:
    for key, value in settings.items():
        if key not in known:
            raise ConfigError(f"{name} has no setting {key!r}. {nearest(key, known) if known else 'It takes none.'}")
        if key in POSITIVE and (type(value) is not int or value < 1):
            raise ConfigError(f"{name}: {key} must be a whole number of at least 1; got {value!r}")
        if key in RATES and not (type(value) in (int, float) and 0 <= value < 1):
            raise ConfigError(f"{name}: {key} must be from 0 to below 1; got {value!r}")
        if key == "gain" and not (type(value) in (int, float) and 0 < value < math.inf):
            raise ConfigError(f"{name}: gain must be a number above 0; got {value!r}")
        if key == "branches" and type(value) is not tuple:
            raise ConfigError(f"{name}: branches must be a list of lists of layers; got {value!r}")
        if key == "channels" and (type(value) is not int or value < 0):
            raise ConfigError(f"{name}: channels must be a whole number of at least 0; got {value!r}")
        if key == "padding" and value not in ("valid", "causal"):
            raise ConfigError(f"{name}: padding must be 'valid' or 'causal'; got {value!r}")
        if key in FLAGS and type(value) is not bool:
            raise ConfigError(f"{name}: {key} must be true or false; got {value!r}")
    for key, field in known.items():
        if key not in settings and field.default is dataclasses.MISSING:
            raise ConfigError(f"{name}: {key} is missing")


def describe_plan(plan: Plan) -> list[LayerSpec]:
    """The layers as tables that `build_plan` reads back to the same plan; nothing is left to be filled in."""
    specs = []
    for layer in plan:
        spec: LayerSpec = {"layer": NAMES[type(layer)]}
        for field in dataclasses.fields(layer):
            value = getattr(layer, field.name)
            if field.name == "body":
                spec["layers"] = describe_plan(value)
            else:
                spec[field.name] = [describe_plan(each) for each in value] if field.name == "branches" else value
        specs.append(spec)
    return specs

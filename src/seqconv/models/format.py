"""The format of a trained model on disk: readable JSON, safetensors, no pickle. docs/format.md describes it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.documents import read_document
from seqconv.data.urls import is_url
from seqconv.errors import BundleError, SeqconvError, shorten
from seqconv.metrics.records import Json, Record
from seqconv.models.folders import HEADER, finish_replacement, refuse_folder, replace_folder
from seqconv.models.remote import fetch_model
from seqconv.models.storage import pack, pack_arrays, unpack, unpack_arrays
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.losses import values_per_answer
from seqconv.networks.parsing import build_plan, describe_plan
from seqconv.recipes.recipe import AnyRecipe, recipe_from_dict
from seqconv.recipes.sections import BLEND, FORECAST_LOSSES, KINDS
from seqconv.tasks.baselines import BaselineKind, check_arrays
from seqconv.tasks.blend import FACTORS, join_parts, split_parts
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.examples import Features
from seqconv.tasks.kinds import find_task
from seqconv.tasks.profiles import Profile
from seqconv.tasks.seen import Seen

FORMAT, READABLE = 4, (1, 2, 3, 4)
WEIGHTS, VOCABULARY = "weights.safetensors", "vocabulary.txt"
FAULTS = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, SeqconvError)


@dataclass(frozen=True, kw_only=True)
class Header(Record):
    """The fields of `bundle.json`; any other is refused. `features` has fields of its own, by task."""

    closed = True
    format: int
    seqconv: str
    task: str
    input_shape: list[int]
    layers: list[Json]
    features: Json
    data_fingerprint: str
    recipe: Json
    files: dict[str, str]
    trained_rows: Json | None = None
    profile: Profile | None = None


def write_bundle(bundle: AnyBundle, folder: Path, bits: int = 32, overwrite: bool = True) -> None:
    """Write the model folder, or replace an older one, atomically.

    Args:
        bits: per stored weight, 32 or 16; models always compute in 32.
        overwrite: replace an older model; it is complete until the new one is.

    Raises:
        ConfigError: the folder cannot be written or may not be replaced.
        BundleError: a weight does not fit into 16 bits.
    """
    from safetensors.numpy import save_file

    with replace_folder(folder, HEADER, overwrite) as fresh:
        weights = {name: np.ascontiguousarray(array) for name, array in bundle.weights.items()}
        stored = _pack(bundle, weights, bits)
        (fresh / WEIGHTS).touch()
        mode = (fresh / WEIGHTS).stat().st_mode
        save_file(stored, fresh / WEIGHTS)  # for its owner only, but without a copy of all arrays in memory
        (fresh / WEIGHTS).chmod(mode)
        features = bundle.features.write(fresh)
        files = {path.name: _checksum(path) for path in sorted(fresh.iterdir())}
        header = Header(
            format=FORMAT,
            seqconv=metadata.version("seqconv"),
            task=bundle.recipe.task,
            input_shape=list(bundle.shape),
            layers=describe_plan(bundle.plan),
            features=features,
            data_fingerprint=bundle.fingerprint,
            recipe=bundle.recipe.to_dict(),
            files=files,
            trained_rows=None if bundle.seen is None else bundle.seen.to_dict(),
            profile=bundle.profile,
        )
        (fresh / HEADER).write_text(json.dumps(header.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        (fresh / "README.md").write_text(_model_card(bundle, bits), "utf-8")


def find_model(folder: Path) -> Path:
    """The model folder of a run folder; a model folder itself; a copy of one that lies at a URL."""
    if is_url(folder):
        return fetch_model(folder)
    finish_replacement(folder)
    return folder / "model" if (folder / "model" / HEADER).is_file() else folder


def read_bundle(folder: Path) -> AnyBundle:
    """Read a model folder, or the model of a run folder; every file is checked against its checksum.

    Raises:
        BundleError: it is missing, damaged or of a newer format, or its fields or weights do not fit together.
    """
    folder = find_model(folder)
    header = _read_header(folder)
    try:
        bundle = _build(header, folder)
    except BundleError as error:
        raise BundleError(shorten(error, 300)) from error
    except FAULTS as error:
        raise BundleError(f"{folder / HEADER}: must describe a whole model; {shorten(error)}. Train again") from error
    return replace(bundle, weights=_read_weights(folder, bundle))


def _build(header: Header, folder: Path) -> AnyBundle:
    """The model without its weights.

    Raises:
        One of `FAULTS`: fields that do not fit together.
    """
    recipe, shape = recipe_from_dict(header.recipe), tuple(header.input_shape)
    if recipe.task != header.task:
        raise ValueError(f"task must be that of the recipe, {recipe.task}; got {header.task!r}")
    features = _read_features(recipe, header, folder)
    if shape != features.shape:
        raise ValueError(f"input_shape must be {list(features.shape)}, as features say; got {list(shape)}")
    training = recipe.training
    plan: Plan = ()
    if recipe.has_layers:
        values = values_per_answer(recipe.network_training.levels)
        plan = build_plan(header.layers, shape, outputs=features.target.outputs * values)
        features.check_plan(plan, shape[-1])
    elif header.layers or features.for_baseline() is not features or _has_bounds(recipe):
        raise ValueError(f"layers, features.change and training.coverage must be empty for the model {training.model}")
    seen = None if header.trained_rows is None else Seen.from_dict(header.trained_rows)
    return Bundle(recipe, plan, {}, shape, features, header.data_fingerprint, seen, header.profile)


def _has_bounds(recipe: AnyRecipe) -> bool:
    """Whether the recipe asks for bounds that only a network gives."""
    return bool(recipe.training.coverage) and not KINDS[recipe.task].calibrated


def _read_features(recipe: AnyRecipe, header: Header, folder: Path) -> Features:
    try:
        features = find_task(recipe).read_features(header.features, folder, header.files)
        features.check_recipe(recipe)
    except SeqconvError:
        raise
    except (KeyError, TypeError, ValueError) as error:  # their messages begin with the field
        raise ValueError(f"features{shorten(error)}") from error
    training, loss = recipe.training, features.target.loss
    kinds = [(each in FORECAST_LOSSES, each == "categorical_crossentropy") for each in (training.loss, loss)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"recipe.training.loss must fit the answers, such as {loss}; got {training.loss}")
    if header.features.get("margins") and not training.levels:
        raise ValueError("features.margins must be absent for a model without recipe.training.coverage or quantiles")
    if features.target.levels != training.quantiles:
        raise ValueError(f".quantiles must be those of recipe.training; got {list(features.target.levels)!r:.60}")
    return features


def _read_header(folder: Path) -> Header:
    path = folder / HEADER
    if not path.is_file():
        raise refuse_folder(folder, "run or model", HEADER)
    try:
        table = read_document(path)
        number = table["format"]
        if type(number) is not int or number not in READABLE:
            raise _refuse_format(path, number)
        header = Header.from_dict(table)
    except BundleError:
        raise
    except (*FAULTS, OSError) as error:
        raise BundleError(f"{path}: must be the JSON that seqconv writes; {shorten(error)}. Train again") from error
    if number <= 2 and "channelwise" in json.dumps(header.layers):
        raise BundleError(f"{path}: channelwise layers of format {number} scaled their windows too. Train again")
    for name, checksum in header.files.items():
        if name not in (WEIGHTS, VOCABULARY):
            raise BundleError(f"{path}: must list {WEIGHTS} and {VOCABULARY} only; got {shorten(repr(name), 80)}")
        if not (folder / name).is_file() or _checksum(folder / name) != checksum:
            raise BundleError(
                f"{folder / name}: must be the file that was written; it is missing or damaged. Train again"
            )
    if WEIGHTS not in header.files:
        raise BundleError(f"{path}: must list {WEIGHTS}; it does not. Train again")
    return header


def _refuse_format(path: Path, number: Any) -> BundleError:
    known, got = f"{READABLE[0]} to {READABLE[-1]}", shorten(repr(number), 40)
    return BundleError(f"{path}: must be of format {known}; got {got}. Use the seqconv version that wrote it")


def _read_weights(folder: Path, bundle: AnyBundle) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / WEIGHTS
    try:
        stored = load_file(path)
        kinds = find_task(bundle.recipe).baselines
        name = bundle.recipe.training.model
        if name == BLEND and bundle.plan:
            return _unpack_blend(bundle, stored, kinds)
        if bundle.plan:
            return unpack(bundle.plan, stored)
        stored = kinds[name].model.complete(unpack_arrays(stored))
        check_arrays(kinds, name, bundle.features, stored, bundle.shape)
        return stored
    except SafetensorError as error:
        raise BundleError(f"{path}: must be a safetensors file; {shorten(error)}. Train again") from error
    except (*FAULTS, RecursionError) as error:
        raise BundleError(f"{path}: {shorten(error)}. Train again") from error


def _pack(bundle: AnyBundle, weights: Weights, bits: int) -> Weights:
    """The arrays to store."""
    if not bundle.plan:
        return pack_arrays(weights)
    if bundle.recipe.training.model != BLEND:
        return pack(bundle.plan, weights, bits)
    parts = split_parts(weights, bundle.recipe.task)
    members = {kind: pack_arrays(own, bits) for kind, own in parts.members.items()}
    return join_parts(
        parts._replace(network=pack(bundle.plan, parts.network, bits), members=members), bundle.recipe.task
    )


def _unpack_blend(bundle: AnyBundle, stored: Weights, kinds: Mapping[str, BaselineKind]) -> Weights:
    """The arrays of a blend, checked."""
    parts = split_parts(stored, bundle.recipe.task)
    try:
        bundle.features.target.check_factors(stored[FACTORS])
    except ValueError as error:
        raise ValueError(f"{FACTORS} {error}") from error
    members = {kind: unpack_arrays(own) for kind, own in parts.members.items()}
    for kind, own in members.items():
        check_arrays(kinds, kind, bundle.features, own, bundle.shape)
    return join_parts(parts._replace(network=unpack(bundle.plan, parts.network), members=members), bundle.recipe.task)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _model_card(bundle: AnyBundle, bits: int) -> str:
    recipe, values = bundle.recipe, sum(array.size for array in bundle.weights.values())
    return (
        f"# {recipe.name}\n\n{recipe.description}\n\n"
        f"- model: {recipe.training.model} for {KINDS[recipe.task].title}, input {list(bundle.shape)}, "
        f"{values:,} parameters{f', stored in {bits} bits' if bundle.plan else ''}\n"
        f"- data: {recipe.data.source}, fingerprint {bundle.fingerprint[:16]}\n"
        f"- trained with seqconv {metadata.version('seqconv')}, seed {recipe.training.seed}\n\n"
        "`bundle.json` holds the layers and settings, `weights.safetensors` the arrays. "
        "Scores are in `metrics.json` and `report.html` of the run that wrote this folder.\n"
    )

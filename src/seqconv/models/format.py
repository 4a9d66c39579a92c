"""The format of a trained model on disk: readable JSON, safetensors, no pickle. docs/format.md describes it."""

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.errors import BundleError, SeqconvError
from seqconv.models.folders import finish_replacement, replace_folder
from seqconv.models.storage import pack, unpack
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.losses import values_per_answer
from seqconv.networks.parsing import build_plan, describe_plan
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.bundle import AnyBundle, Bundle
from seqconv.tasks.kinds import find_task

FORMAT, READABLE = 3, (1, 2, 3)
HEADER, WEIGHTS, VOCABULARY = "bundle.json", "weights.safetensors", "vocabulary.txt"


def write_bundle(bundle: AnyBundle, folder: Path, bits: int = 32, overwrite: bool = True) -> None:
    """Write the model folder, or replace an older one, atomically.

    Args:
        bits: per stored weight, 32 or 16; models always compute in 32.
        overwrite: replace an older model; it is complete until the new one is.

    Raises:
        ConfigError: the folder cannot be written or may not be replaced.
        BundleError: a weight does not fit into 16 bits.
    """
    from safetensors.numpy import save

    with replace_folder(folder, HEADER, overwrite) as fresh:
        weights = {name: np.ascontiguousarray(array) for name, array in bundle.weights.items()}
        stored = pack(bundle.plan, weights, bits) if bundle.plan else weights
        (fresh / WEIGHTS).write_bytes(save(stored))  # `save_file` would make the file readable by its owner only
        features = bundle.features.write(fresh)
        files = {path.name: _checksum(path) for path in sorted(fresh.iterdir())}
        header = {
            "format": FORMAT,
            "seqconv": metadata.version("seqconv"),
            "task": bundle.recipe.task,
            "input_shape": list(bundle.shape),
            "layers": describe_plan(bundle.plan),
            "features": features,
            "data_fingerprint": bundle.fingerprint,
            "recipe": bundle.recipe.to_dict(),
            "files": files,
        }
        (fresh / HEADER).write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (fresh / "README.md").write_text(_model_card(bundle, bits), "utf-8")


def find_model(folder: Path) -> Path:
    """The model folder of a run folder; a model folder itself."""
    finish_replacement(folder)
    return folder / "model" if (folder / "model" / HEADER).is_file() else folder


def read_bundle(folder: Path) -> AnyBundle:
    """Read a model folder, or the model of a run folder; every file is checked against its checksum.

    Raises:
        BundleError: it is missing, damaged or of a newer format, or its weights do not fit its layers.
    """
    folder = find_model(folder)
    header = _read_header(folder)
    try:
        recipe = recipe_from_dict(header["recipe"])
        shape = tuple(int(size) for size in header["input_shape"])
        features = find_task(recipe).read_features(header["features"], folder, header["files"])
        outputs = features.target.outputs * values_per_answer(recipe.training.interval)
        is_network = recipe.training.model == NETWORK
        plan = build_plan(header["layers"], shape, outputs=outputs) if is_network else ()
        fingerprint = str(header["data_fingerprint"])
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, SeqconvError) as error:
        raise BundleError(f"{folder / HEADER}: must describe a whole model; {error!r}. Train again") from error
    return Bundle(recipe, plan, _read_weights(folder, plan), shape, features, fingerprint)


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / HEADER
    if not path.is_file():
        raise BundleError(f"{folder}: must be a run or model folder written by seqconv; it holds no {HEADER}")
    try:
        header = json.loads(path.read_text("utf-8"))
        number, files = header["format"], dict(header["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: must be the JSON that seqconv writes; {error!r}. Train again") from error
    if number not in READABLE:
        known = f"{READABLE[0]} to {READABLE[-1]}"
        raise BundleError(f"{path}: must be of format {known}; got {number!r}. Use the seqconv version that wrote it")
    if number <= 2 and "channelwise" in json.dumps(header.get("layers")):
        raise BundleError(f"{path}: channelwise layers of format {number} scaled their windows too. Train again")
    for name, checksum in files.items():
        if name not in (WEIGHTS, VOCABULARY):
            raise BundleError(f"{path}: must list {WEIGHTS} and {VOCABULARY} only; got {name!r}")
        if not (folder / name).is_file() or _checksum(folder / name) != checksum:
            raise BundleError(
                f"{folder / name}: must be the file that was written; it is missing or damaged. Train again"
            )
    if WEIGHTS not in files:
        raise BundleError(f"{path}: must list {WEIGHTS}; it does not. Train again")
    return dict(header)


def _read_weights(folder: Path, plan: Plan) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(folder / WEIGHTS)
        return unpack(plan, stored) if plan else stored
    except SafetensorError as error:
        raise BundleError(f"{folder / WEIGHTS}: must be a safetensors file; {error}. Train again") from error
    except ValueError as error:
        raise BundleError(f"{folder / WEIGHTS}: {error}. Train again") from error


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

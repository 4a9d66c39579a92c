"""A trained model on disk: readable JSON, safetensors, no pickle. docs/format.md describes it."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.config import NETWORK, Recipe, recipe_from_dict
from seqconv.errors import BundleError, SeqconvError
from seqconv.features import Features, SequenceFeatures, SeriesFeatures, TextFeatures
from seqconv.models import Plan, Weights
from seqconv.packing import pack, unpack
from seqconv.plans import build_plan, describe_plan
from seqconv.quantiles import count_values
from seqconv.tokens import Vocabulary
from seqconv.windows import Scaler, WindowSpec

FORMAT, READABLE = 3, (1, 2, 3)
HEADER, WEIGHTS, VOCABULARY = "bundle.json", "weights.safetensors", "vocabulary.txt"
RESULTS = "metrics.json"  # of the run that a model stands in
CHECKPOINT = "checkpoint.safetensors"  # of a run that is not complete


@dataclass(frozen=True)
class Bundle:
    """A finished model.

    Args:
        recipe: its `training.model` says whether it is a network or which baseline.
        plan: a baseline has none.
        weights: of a baseline its arrays, see `baselines.restore`.
        shape: of one input, without the batch.
    """

    recipe: Recipe
    plan: Plan
    weights: Weights
    shape: tuple[int, ...]
    features: Features
    fingerprint: str


def partial_folder(target: Path) -> Path:
    """Where a folder lies until it is complete."""
    return target.with_name(f"{target.name}.partial")


@contextlib.contextmanager
def replace_folder(target: Path, marker: str, keep: bool = False) -> Iterator[Path]:
    """A new folder `<target>.partial` that takes the place of `target` when the block ends.

    It is removed if the block raises an error, but stays if the user interrupts it or it holds a checkpoint.

    Args:
        keep: go on in the partial folder that is there.

    Raises:
        BundleError: `target` exists and is not ours (see `check_replaceable`), or the folder cannot be written.
    """
    check_replaceable(target, marker)
    fresh = partial_folder(target)
    try:
        if not keep:
            shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, exist_ok=keep)
    except OSError as error:
        raise BundleError(f"{target}: its folder must be writable; {error.strerror}. Choose another --out") from error
    try:
        yield fresh
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    except OSError as error:
        kept = _drop_unless_reached(fresh)
        cure = f"{fresh} keeps what training reached: go on with --resume" if kept else "Choose another --out"
        raise BundleError(f"{target}: must be writable; {error.strerror or error}. {cure}") from error
    except Exception:
        _drop_unless_reached(fresh)
        raise


def _drop_unless_reached(folder: Path) -> bool:
    """Remove an incomplete folder unless it holds a checkpoint; whether it stays."""
    kept = (folder / CHECKPOINT).is_file()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    return kept


def check_replaceable(target: Path, marker: str) -> None:
    """An existing folder may be replaced only if it is empty or holds `marker`, a file that seqconv writes.

    Raises:
        BundleError: it is a file, or a folder of somebody else's.
    """
    if target.is_dir() and ((target / marker).is_file() or not any(target.iterdir())):
        return
    if target.exists() or target.is_symlink():
        raise BundleError(f"{target}: exists and was not written by seqconv, so it stays. Choose another --out")


def write_bundle(bundle: Bundle, folder: Path, bits: int = 32) -> None:
    """Write the model folder, or replace an older one; nothing half-written is left behind.

    Args:
        bits: of each stored weight, 32 or 16; models compute in 32.

    Raises:
        BundleError: the folder cannot be written or is somebody else's, or 16 bits cannot hold a weight.
    """
    from safetensors.numpy import save

    with replace_folder(folder, HEADER) as fresh:
        weights = {name: np.ascontiguousarray(array) for name, array in bundle.weights.items()}
        stored = pack(bundle.plan, weights, bits) if bundle.plan else weights
        (fresh / WEIGHTS).write_bytes(save(stored))  # `save_file` would let its owner alone read the file
        if isinstance(bundle.features, TextFeatures) and bundle.features.vocabulary is not None:
            bundle.features.vocabulary.write(fresh / VOCABULARY)
        files = {path.name: _checksum(path) for path in sorted(fresh.iterdir())}
        header = {
            "format": FORMAT,
            "seqconv": metadata.version("seqconv"),
            "task": bundle.recipe.task,
            "input_shape": list(bundle.shape),
            "layers": describe_plan(bundle.plan),
            "features": _features_to_dict(bundle.features),
            "data_fingerprint": bundle.fingerprint,
            "recipe": bundle.recipe.to_dict(),
            "files": files,
        }
        (fresh / HEADER).write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (fresh / "README.md").write_text(_model_card(bundle, bits), "utf-8")


def find_model(folder: Path) -> Path:
    """The model folder of a run folder; a model folder is its own."""
    return folder / "model" if (folder / "model" / HEADER).is_file() else folder


def read_bundle(folder: Path) -> Bundle:
    """Read a model folder, or the model of a run folder; every file is checked against its checksum.

    Raises:
        BundleError: missing, damaged, of a newer format, or with weights that do not fit its layers.
    """
    folder = find_model(folder)
    header = _read_header(folder)
    try:
        recipe = recipe_from_dict(header["recipe"])
        shape = tuple(int(size) for size in header["input_shape"])
        table = header["features"]
        features = _features_from_dict(recipe.task, table, folder, header["files"])
        outputs = features.outputs * count_values(recipe.training.interval)
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


def _features_to_dict(features: Features) -> dict[str, Any]:
    if isinstance(features, TextFeatures):
        return {
            "classes": list(features.classes),
            "multi_label": features.multi_label,
            "max_len": features.max_len,
        }
    scaling = {"mean": features.scaler.mean.tolist(), "std": features.scaler.std.tolist()}
    if isinstance(features, SequenceFeatures):
        return {
            "classes": list(features.classes),
            "channels": list(features.channels),
            **scaling,
            "length": features.length,
            "masked": features.masked,
        }
    spec = features.spec
    return {
        "columns": list(features.columns),
        "targets": list(features.targets),
        **scaling,
        "calendar": list(features.calendar),
        "zone": features.zone,
        "change": features.change,
        "lookback_rows": spec.lookback,
        "step_rows": spec.step,
        "delay_rows": list(spec.delays),
        "interval_s": spec.interval_s,
        **({"margins": list(features.margins)} if features.margins else {}),
    }


def _features_from_dict(task: str, table: dict[str, Any], folder: Path, files: dict[str, str]) -> Features:
    if task == "text":
        vocabulary = Vocabulary.read(folder / VOCABULARY) if VOCABULARY in files else None
        return TextFeatures(tuple(table["classes"]), vocabulary, int(table["max_len"]), bool(table["multi_label"]))
    scaler = Scaler(np.array(table["mean"], np.float64), np.array(table["std"], np.float64))
    if task == "sequence":
        names = tuple(table["classes"]), tuple(table["channels"])
        return SequenceFeatures(*names, scaler, int(table["length"]), bool(table["masked"]))
    delays = tuple(int(rows) for rows in table["delay_rows"])
    spec = WindowSpec(int(table["lookback_rows"]), int(table["step_rows"]), delays, int(table["interval_s"]))
    return SeriesFeatures(
        tuple(table["columns"]),
        tuple(table["targets"]),
        scaler,
        spec,
        tuple(table["calendar"]),
        bool(table["change"]),
        str(table["zone"]),
        _read_margins(table, len(delays) * len(table["targets"])),
    )


def _read_margins(table: dict[str, Any], outputs: int) -> tuple[float, ...]:
    margins = tuple(float(margin) for margin in table.get("margins", ()))
    if margins and not (len(margins) == outputs and np.isfinite(margins).all()):
        raise ValueError(f"margins must be {outputs} numbers")
    return margins


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _model_card(bundle: Bundle, bits: int) -> str:
    recipe, values = bundle.recipe, sum(array.size for array in bundle.weights.values())
    return (
        f"# {recipe.name}\n\n{recipe.description}\n\n"
        f"- model: {recipe.training.model} for {recipe.task}, input {list(bundle.shape)}, {values:,} parameters"
        f"{f', stored in {bits} bits' if bundle.plan else ''}\n"
        f"- data: {recipe.data.source}, fingerprint {bundle.fingerprint[:16]}\n"
        f"- trained with seqconv {metadata.version('seqconv')}, seed {recipe.training.seed}\n\n"
        "`bundle.json` holds the layers and settings, `weights.safetensors` the arrays. "
        "Scores stand in `metrics.json` and `report.html` of the run that wrote this folder.\n"
    )

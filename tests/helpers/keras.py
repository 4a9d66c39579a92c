"""Files as Keras 3 writes them, made without Keras: see keras.src.saving.saving_lib."""

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


class KerasLayer(NamedTuple):
    """A layer, its weights by the path of their group inside it, and in functional models the names that it reads."""

    kind: str
    config: Mapping[str, Any] = {}
    arrays: Mapping[str, Sequence[np.ndarray]] = {}
    name: str = ""
    reads: tuple[str, ...] = ()


def snake(kind: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()


def describe(layer: KerasLayer, name: str) -> dict[str, Any]:
    config = {"name": name, "trainable": True, "dtype": POLICY, **layer.config}
    return {"module": "keras.layers", "class_name": layer.kind, "config": config, "registered_name": None}


def write_keras(path: Path, layers: Sequence[KerasLayer], functional: bool = False, **changes: Any) -> Path:
    """A model whose first layer is its input and whose last one its output.

    Args:
        changes: of the model's own table, such as `class_name`.
    """
    tables, stored, counts = [], {}, {}
    for layer in layers:
        place = snake(layer.kind)
        number = counts[place] = counts.get(place, -1) + 1
        place = f"{place}_{number}" if number else place
        table = describe(layer, layer.name or place)
        if functional:
            histories = [{"keras_history": [each, 0, 0]} for each in layer.reads]
            history = [{"class_name": "__keras_tensor__", "config": each} for each in histories]
            args = [history] if len(history) > 1 else history
            table |= {"name": layer.name, "inbound_nodes": [{"args": args, "kwargs": {}}] if history else []}
        tables.append(table)
        for inside, arrays in layer.arrays.items():
            stored |= {f"layers/{place}{inside}/vars/{at}": array for at, array in enumerate(arrays)}
    inner: dict[str, Any] = {"name": "model", "layers": tables}
    if functional:
        inner |= {"input_layers": [layers[0].name, 0, 0], "output_layers": [layers[-1].name, 0, 0]}
    model = {"module": "keras", "class_name": "Functional" if functional else "Sequential", "config": inner}
    return write_archive(path, {**model, "registered_name": None, **changes}, stored)


def write_archive(path: Path, config: Any, arrays: Mapping[str, np.ndarray]) -> Path:
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_group("layers")
        for name, array in arrays.items():
            file[name] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.10.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", content.getvalue())
    return path


def input_layer(*shape: int | None, name: str = "") -> KerasLayer:
    return KerasLayer("InputLayer", {"batch_shape": [None, *shape]}, name=name)


def draw(random: np.random.Generator, *shapes: tuple[int, ...]) -> dict[str, list[np.ndarray]]:
    """Weights of a layer."""
    return {"": [random.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]}

"""Files of Keras 3, `.keras`: a zip archive of the layers as JSON and their weights as HDF5. Nothing in them is run.

Reference: keras.src.saving.saving_lib (`save_model`), "The Keras v3 saving format".
"""

import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.documents import MOST_BYTES, parse_document
from seqconv.errors import BundleError, near_path, need, shorten

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
MOST_VALUES = 2**28  # of all weights together: a small file must not fill the memory
MOST_ENTRIES = 100_000  # groups and arrays
SUFFIX = ".keras"
VERSION = "3.0.0"  # whose layers are written


@dataclass(frozen=True)
class KerasFile:
    """The content of a file.

    Args:
        config: of the model, see Keras's `serialize_keras_object`.
        arrays: weights of the layers by their path, such as `conv1d/vars/0`, float32.
    """

    source: str
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]


def read_keras_file(path: str | Path) -> KerasFile:
    """The content of a `.keras` file.

    Raises:
        BundleError: no such file, or it is damaged, or beyond the limits.
        MissingExtra: h5py is not installed.
    """
    need("h5py", "keras")
    place = Path(path).expanduser()
    if not place.is_file():
        raise BundleError(f"{place}: must be a file of Keras 3; there is none. {near_path(place)}".rstrip())
    try:
        with zipfile.ZipFile(place) as archive:
            config = parse_document(_read_entry(archive, CONFIG, MOST_BYTES).decode())
            weights = _read_entry(archive, WEIGHTS, 4 * MOST_VALUES + MOST_BYTES)
        if not isinstance(config, dict):
            raise ValueError(f"{CONFIG} must hold a model; it does not")
        return KerasFile(str(place), config, _read_arrays(io.BytesIO(weights)))
    except zipfile.BadZipFile as error:
        cure = 'Save the model as model.save("model.keras")'
        raise BundleError(f"{place}: must be a file of Keras 3, a zip archive; {shorten(error)}. {cure}") from error
    except (KeyError, ValueError, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise BundleError(f"{place}: must be a whole file of Keras 3; {shorten(error)}. Save it again") from error


def encode_keras_file(config: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file.

    Args:
        config, arrays: see `KerasFile`.

    Raises:
        MissingExtra: h5py is not installed.
    """
    need("h5py", "keras")
    import h5py

    weights, content = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
        for path, array in arrays.items():
            file[f"layers/{path}"] = array
    with zipfile.ZipFile(content, "w") as archive:
        for name, entry in ((METADATA, {"keras_version": VERSION}), (CONFIG, config)):
            archive.writestr(zipfile.ZipInfo(name), json.dumps(entry))
        archive.writestr(zipfile.ZipInfo(WEIGHTS), weights.getvalue())
    return content.getvalue()


def _read_entry(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as entry:
        content = entry.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} must have at most {most:,} bytes; it has more")
    return content


def _read_arrays(file: IO[bytes]) -> dict[str, np.ndarray]:
    import h5py

    found, values = {}, 0
    with h5py.File(file, "r") as content:
        layers = content.get("layers", getlink=True)
        if not isinstance(layers, h5py.HardLink):
            raise ValueError(f"{WEIGHTS} must hold the weights of layers; it does not")
        for path, dataset in _walk(content["layers"], ""):
            values += math.prod(dataset.shape)
            if values > MOST_VALUES:
                raise ValueError(f"the weights must be at most {MOST_VALUES:,} numbers; they are more")
            if dataset.dtype.kind != "f":
                raise ValueError(f"{path} must be floating-point numbers; got {dataset.dtype}")
            found[path] = np.asarray(dataset[()], np.float32)
            if not np.isfinite(found[path]).all():
                raise ValueError(f"{path} must be finite numbers; it holds NaN or infinity")
    return found


def _walk(root: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every array below a group; links that lead elsewhere, even out of the file, are refused."""
    import h5py

    waiting, entries = [(prefix, root)], 0
    while waiting:
        before, group = waiting.pop()
        for name in group:
            entries += 1
            path = f"{before}{name}"
            if entries > MOST_ENTRIES or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{path} must be part of the file, of at most {MOST_ENTRIES:,}; it is not")
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append((f"{path}/", item))
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual or item.shape is None:
                    raise ValueError(f"{path} must be stored in the file; it is not")
                yield path, item

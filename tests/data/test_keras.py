"""Files of Keras that are damaged, or made to harm, are refused in one line."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from helpers.keras import write_archive
from seqconv.data import keras
from seqconv.data.keras import read_keras_file
from seqconv.errors import BundleError

h5py = pytest.importorskip("h5py")
GOOD = {"layers/dense/vars/0": np.ones((2, 3), np.float32), "optimizer/vars/0": np.ones(3, np.int64)}


def test_layers_are_read_without_the_optimiser(tmp_path):
    found = read_keras_file(write_archive(tmp_path / "m.keras", {"class_name": "Sequential"}, GOOD))
    assert found.config == {"class_name": "Sequential"}
    assert [*found.arrays] == ["dense/vars/0"]
    assert found.arrays["dense/vars/0"].dtype == np.float32


def refuse(path: Path, match: str) -> None:
    with pytest.raises(BundleError, match=match) as caught:
        read_keras_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_such_file_is_refused(tmp_path):
    refuse(tmp_path / "none.keras", "there is none")
    (tmp_path / "text.keras").write_text("no archive")
    refuse(tmp_path / "text.keras", "must be a file of Keras 3, a zip archive")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    refuse(tmp_path / "empty.keras", r"model\.weights\.h5")
    refuse(write_archive(tmp_path / "list.keras", [1], GOOD), "must hold a model")


@pytest.mark.parametrize("at", [10, 300, 700, -200, -30])
def test_damage_is_refused(at, tmp_path):
    path = write_archive(tmp_path / "m.keras", {"class_name": "Sequential", "config": {"layers": []}}, GOOD)
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content[: len(content) - 5] if at == 10 else content)
    with contextlib.suppress(BundleError):
        read_keras_file(path)


@pytest.mark.parametrize("wrong", [np.array([np.nan], np.float32), np.array(["code"], object), np.array([1], np.int32)])
def test_weights_must_be_finite_numbers(wrong, tmp_path):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset(
            "layers/dense/vars/0", data=wrong, dtype=h5py.string_dtype() if wrong.dtype == object else None
        )
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", content.getvalue())
    refuse(path, "dense/vars/0 must be (finite|floating)")


def write_weights(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({}))
        archive.writestr("model.weights.h5", content)
    return path


def test_links_out_of_the_file_are_refused(tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.ones(3, np.float32)
    for name, link in (("soft", h5py.SoftLink("/elsewhere")), ("external", h5py.ExternalLink(str(other), "/x"))):
        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            file.create_group("layers/dense/vars")["0"] = link
        refuse(write_weights(tmp_path / f"{name}.keras", content.getvalue()), "must be part of the file")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", (3,), "f4", external=[(str(other), 0, 12)])
    refuse(write_weights(tmp_path / "outside.keras", content.getvalue()), "must be stored in the file")


def test_small_files_do_not_fill_the_memory(tmp_path, monkeypatch):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", (2**20, 2**12), "f4", chunks=(2**10, 2**10), compression="gzip")
    refuse(write_weights(tmp_path / "sparse.keras", content.getvalue()), "the weights must be at most 268,435,456")
    monkeypatch.setattr(keras, "MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "deep.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "[" * 2000)
    refuse(tmp_path / "deep.keras", r"config\.json must have at most 1,000 bytes")

"""Reviews of an archive, kept parsed, because unpacking 50,000 files takes far longer than reading one."""

import contextlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.downloads import cache_folder
from seqconv.data.outputs import whole_file
from seqconv.data.readers.reviews import read_reviews
from seqconv.data.records import CLASSES, TextData, Texts


def load_archive(path: Path) -> TextData:
    """Reviews of an archive, from the cached copy if this very file was read before."""
    status = path.stat()
    copy = cache_folder() / f"reviews-{path.name.partition('.')[0]}-{status.st_size}-{status.st_mtime_ns}.npz"
    try:
        return _read_copy(copy, str(path))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        data = read_reviews(path)  # no copy yet, or a damaged one
    with contextlib.suppress(OSError):  # a full or read-only disk costs time, not the run
        _write_copy(copy, data)
    return data


def _write_copy(path: Path, data: TextData) -> None:
    arrays: dict[str, Any] = {}
    parts: dict[str, Any] = {"train": data.train, "test": data.test}  # raw texts, as archives hold them
    for split, part in parts.items():
        encoded = [text.encode() for text in part.texts]
        arrays[f"{split}_utf8"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        arrays[f"{split}_ends"] = np.cumsum([len(text) for text in encoded], dtype=np.int64)
        arrays[f"{split}_labels"] = part.labels
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as fresh, fresh.open("wb") as out:
        np.savez(out, **arrays)


def _read_copy(path: Path, source: str) -> TextData:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return TextData(*(_read_copied_split(arrays, split, source) for split in ("train", "test")))


def _read_copied_split(arrays: Mapping[str, np.ndarray], split: str, source: str) -> Texts:
    blob = arrays[f"{split}_utf8"].data
    ends = arrays[f"{split}_ends"].tolist()
    texts = [str(blob[begin:end], "utf-8") for begin, end in zip([0, *ends], ends, strict=False)]
    return Texts(texts, arrays[f"{split}_labels"], CLASSES, source)

"""Read the IMDB reviews from the aclImdb archive or folder, or from Keras's encoded copy: path -> TextData."""

import gzip
import io
import itertools
import os
import pickle
import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqconv.data.readers.files import SUGGESTED
from seqconv.data.records import CLASSES, EncodedTexts, TextData, Texts, unreadable
from seqconv.errors import DataError

SPLITS = ("train", "test")

# Reviews: aclImdb/{train,test}/{neg,pos}/ID_RATING.txt
_REVIEW = re.compile(r"(?:^|/)(train|test)/(neg|pos)/(\d+)_\d+\.txt$")
_LONGEST_REVIEW = 1 << 24  # bytes; a header that states more is damaged
_BLOCK = 512  # bytes of a tar block


def is_review_folder(path: Path) -> bool:
    """Whether a folder has the layout of the unpacked archive."""
    return any((root / "train" / label).is_dir() for root in (path, path / "aclImdb") for label in CLASSES)


def read_reviews(path: str | Path) -> TextData:
    """Read the Large Movie Review Dataset, or one with its layout, from an archive (`aclImdb_v1.tar.gz`) or a folder.

    The archive is read in one pass, without unpacking it. Either way, reviews are sorted by class, then by number.

    Raises:
        DataError: missing, damaged, truncated, not UTF-8, or without reviews in one of the two splits.

    Reference: Maas et al. 2011, Learning Word Vectors for Sentiment Analysis.
    """
    path = Path(path)
    found: dict[str, list[tuple[int, int, str, str]]] = {split: [] for split in SPLITS}
    try:
        for name, content in _read_folder(path) if path.is_dir() else _read_archive(path):
            match = _REVIEW.search(name)
            if match:
                split, label, number = match.groups()
                found[split].append((CLASSES.index(label), int(number), name, content.decode()))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, {name}: must be UTF-8 text; {error.reason}. Convert it") from error
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        problem = f"it is damaged or truncated ({error})"
        raise DataError(f"{path}: must be a complete .tar.gz archive; {problem}. Download it again") from error
    except OSError as error:
        raise unreadable(path, error) from error
    for split, reviews in found.items():
        reviews.sort()
        if not reviews:
            raise DataError(f"{path}: must hold reviews like {split}/pos/0_9.txt; got none. Is it the right file?")
    return TextData(*(_to_texts(found[split], str(path)) for split in SPLITS))


def _to_texts(reviews: list[tuple[int, int, str, str]], source: str) -> Texts:
    labels = np.array([label for label, _, _, _ in reviews], dtype=np.int32)
    return Texts([text for _, _, _, text in reviews], labels, CLASSES, source)


def _read_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    root = path if (path / "train").is_dir() else path / "aclImdb"
    for split, label in itertools.product(SPLITS, CLASSES):
        folder = root / split / label
        for name in os.listdir(folder) if folder.is_dir() else []:
            yield f"{split}/{label}/{name}", (folder / name).read_bytes()


def _read_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each review. `tarfile` takes ten times as long over 50,000 small files.

    Reference: POSIX.1-1988 ustar: blocks of 512 bytes; name at 0, size in octal at 124, kind at 156, magic at 257.
    """
    with gzip.open(path) as packed, io.BufferedReader(packed, buffer_size=1 << 20) as stream:
        while (header := stream.read(_BLOCK)).strip(b"\0"):
            if header[257:262] != b"ustar":
                raise ValueError("a tar header is missing")
            name = header[:100].partition(b"\0")[0].decode(errors="replace")
            size = int(header[124:136].strip(b"\0 "), 8)
            padded = -(-size // _BLOCK) * _BLOCK
            if header[156:157] in b"0\0" and _REVIEW.search(name):
                if not 0 <= size <= _LONGEST_REVIEW or len(content := stream.read(padded)) < padded:
                    raise ValueError(f"{name} has an impossible size")
                yield name, content[:size]
            else:
                _skip(stream, padded)
        while stream.read(1 << 20):  # to the end, where gzip verifies its checksum
            pass


def _skip(stream: IO[bytes], left: int) -> None:
    while left > 0:
        piece = len(stream.read(min(left, 1 << 20)))
        if not piece:
            raise EOFError("it ends inside a file")
        left -= piece


# Encoded reviews: Keras's imdb.npz


def read_encoded(path: str | Path) -> TextData:
    """Read Keras's `imdb.npz`: `x_train`, `x_test` hold lists of word ranks, `y_train`, `y_test` 0 (neg) or 1 (pos).

    The lists are pickled; they are read by an unpickler that can only build lists of numbers.

    Raises:
        DataError: missing, damaged, another layout, or a pickle that needs anything else.

    Reference: keras.datasets.imdb.load_data, which maps rank r to r + 3 and puts a 1 before each review.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = {f"{name}_{split}.npy" for name in "xy" for split in SPLITS}
            if lacking := sorted(wanted - set(archive.namelist())):
                shown = ", ".join(archive.namelist())[:80]
                raise ValueError(f"it holds {shown}, not {', '.join(lacking)}")
            return TextData(*(_read_encoded_split(archive, split, str(path)) for split in SPLITS))
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:  # a damaged pickle can raise anything
        problem = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}".partition("\n")[0]
        raise DataError(f"{path}: must have the layout of Keras's imdb.npz; {problem}. {SUGGESTED}") from error


def _read_encoded_split(archive: zipfile.ZipFile, split: str, source: str) -> EncodedTexts:
    with archive.open(f"y_{split}.npy") as stream:
        labels = np.lib.format.read_array(stream, allow_pickle=False)
    with archive.open(f"x_{split}.npy") as stream:
        lists = _read_lists(stream)
    if labels.shape != (len(lists),) or not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y_{split} must hold 0 or 1 for each of the {len(lists)} texts")
    offsets = np.concatenate([[0], np.cumsum([len(ranks) for ranks in lists])]).astype(np.int64)
    ids = np.array(array("i", itertools.chain.from_iterable(lists)), dtype=np.int32)  # array rejects fractions
    if len(ids) and ids.min() < 1:
        raise ValueError(f"x_{split} must hold word ranks of at least 1; got {ids.min()}")
    return EncodedTexts(ids, offsets, labels.astype(np.int32), CLASSES, source)


class _Inert:
    """Stands in for every class that numpy's pickle of an object array names; does nothing."""

    state: Any = ()

    def __init__(self, *args: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state


class _ListUnpickler(pickle.Unpickler):
    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype"})

    def find_class(self, module: str, name: str) -> type[_Inert]:
        if (module.split(".")[0] == "numpy" and name in self.ALLOWED) or (module, name) == ("_codecs", "encode"):
            return _Inert
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _read_lists(stream: IO[bytes]) -> list[list[int]]:
    """The lists of an object array in `.npy` form, without numpy's own (unsafe) loader."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("the .npy format must be version 1.0")
    _, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if not dtype.hasobject:
        raise ValueError(f"x must hold lists; got {dtype}")
    *_, items = _ListUnpickler(stream).load().state  # version, shape, dtype, order and items, as ndarray takes them
    if not all(isinstance(item, list) for item in items):
        raise ValueError("x must hold lists")
    return list(items)

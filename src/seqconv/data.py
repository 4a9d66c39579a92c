"""Read labelled texts and time series, check them, and say what is odd about them: path -> TextData | Series."""

import csv
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
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from seqconv.errors import DataError

if TYPE_CHECKING:
    import polars

CLASSES = ("neg", "pos")
SPLITS = ("train", "test")
MISSING = -9999.0  # what the Jena station writes where a sensor failed
TIME_FORMATS = ("%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True)
class Texts:
    """N texts and their classes.

    Args:
        labels: int32 `[N]`, counts into `classes`; or uint8 `[N, classes]` of 0 and 1, where a text may have several.
        notes: what a report should tell about the file.
    """

    texts: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EncodedTexts:
    """N texts that come as word ranks: 1 is the most frequent word, 2 the next; no start, padding or unknown marks.

    Args:
        ids: ranks of all texts, one after the other, int32.
        offsets: where each text begins in `ids`, and the end: int64 `[N + 1]`.
        labels: int32 `[N]`, counts into `classes`.
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str

    def take(self, index: np.ndarray) -> "EncodedTexts":
        """The texts at `index`, in that order."""
        rows, offsets = take_runs(self.offsets, index)
        return EncodedTexts(self.ids[rows], offsets, self.labels[index], self.classes, self.source)


def take_runs(offsets: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the runs at `index` of runs that lie one behind the other, and the offsets of those, both int64."""
    lengths = np.diff(offsets)[index]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.arange(taken[-1]) + np.repeat(offsets[:-1][index] - taken[:-1], lengths), taken


@dataclass(frozen=True)
class TextData:
    """Texts to learn from and texts to be judged on; what is None is held out of `train`."""

    train: Texts | EncodedTexts
    test: Texts | EncodedTexts | None = None
    validation: Texts | EncodedTexts | None = None


@dataclass(frozen=True)
class Sequences:
    """N labelled sequences of one or many channels, lengths may differ.

    Args:
        values: float32, the rows of all sequences, one behind the other: `[sum of lengths, C]`; NaN is missing.
        offsets: where each begins in `values`, and the end: int64 `[N + 1]`.
        labels: int32 `[N]`, counts into `classes`.
        notes: what a report should tell about the file.
    """

    values: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()

    def take(self, index: np.ndarray) -> "Sequences":
        """The sequences at `index`, in that order."""
        rows, offsets = take_runs(self.offsets, index)
        return replace(self, values=self.values[rows], offsets=offsets, labels=self.labels[index])


@dataclass(frozen=True)
class SequenceData:
    """Sequences to learn from and to be judged on; what is None is held out of `train`."""

    train: Sequences
    test: Sequences | None = None
    validation: Sequences | None = None


@dataclass(frozen=True)
class Series:
    """A time series of T rows and C columns.

    Args:
        times: datetime64[s] `[T]`, never falling; holes and repeated stamps are left as they are.
        values: float64 `[T, C]`, NaN where a value is missing.
        interval_s: the most frequent spacing of `times`.
        notes: what a report should tell about the file.
        zone: time zone in which people read `times`, which are then UTC; empty: they are as the file has them.
    """

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    interval_s: int
    source: str
    notes: tuple[str, ...] = ()
    zone: str = ""


@dataclass(frozen=True)
class SeriesData:
    """A series to cut by shares, or three stretches that come apart already (test alone: `train` is cut in two)."""

    train: Series
    test: Series | None = None
    validation: Series | None = None


# Time series


def read_series(path: str | Path) -> Series:
    """Read a CSV file, or a zip of one: a header, a column of times, else numbers. -9999 and empty cells are missing.

    Times are `dd.mm.yyyy HH:MM:SS` or `yyyy-mm-dd HH:MM:SS`.

    Raises:
        DataError: no such file; empty; no times; a cell that is no number, or infinite; times that run backwards.
    """
    path = Path(path)
    header, _, rows = _read_csv_bytes(path).partition(b"\n")
    names, notes = _read_header(path, header)
    rows = _QUOTED.sub(rb"\1", rows.rstrip()) if b'"' in rows else rows.rstrip()
    if not rows:
        raise DataError(f"{path}: must hold rows below its header; got none. Give a file with data")
    time_name, time_format = _find_times(path, names, rows.partition(b"\n")[0])
    frame = _read_table(path, names, time_name, rows)
    times, interval_s, time_notes = _read_times(path, frame[time_name], time_format)
    columns = tuple(name for name in names if name != time_name)
    values, value_notes = _read_values(path, frame.select(columns))
    return Series(times, values, columns, interval_s, str(path), (*notes, *time_notes, *value_notes))


def _read_csv_bytes(path: Path) -> bytes:
    try:
        if path.suffix.lower() != ".zip":
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:  # macOS adds __MACOSX/._NAME.csv beside each file
            names = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
            if len(names) != 1:
                raise DataError(f"{path}: must hold exactly one CSV file; got {len(names)}. Unpack it and name one")
            return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(
            f"{path}: must be a whole zip file; it is damaged or locked ({error}). Fetch it again"
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: must be a readable file; {error.strerror or error}. Check the path")


def _read_header(path: Path, line: bytes) -> tuple[list[str], list[str]]:
    notes = []
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
        notes.append("the header is not UTF-8; read as cp1252")
    if "\ufffd" in text:
        notes.append("characters of the header are lost (\ufffd)")
    if not text.strip():
        raise DataError(f"{path}: must begin with a header line; it is empty. Give a file with a header and data")
    try:
        names = [name.strip() for name in next(csv.reader([text.strip("\r")]))]
    except csv.Error as error:
        raise DataError(f"{path}, line 1: must be names apart by commas; {error}. Is it the right file?") from error
    for number, name in enumerate(names, start=1):
        if not name or name in names[: number - 1]:
            problem = f"{name!r} comes twice" if name else f"column {number} has no name"
            raise DataError(f"{path}, line 1: each column must have a name of its own; {problem}. Rename it")
    return names, notes


def _find_times(path: Path, names: list[str], first_row: bytes) -> tuple[str, str]:
    """The first column whose first cell is a time, and its format."""
    cells = first_row.decode("cp1252", errors="replace").strip("\r").split(",")
    for (name, cell), time_format in itertools.product(zip(names, cells, strict=False), TIME_FORMATS):
        try:
            datetime.strptime(cell, time_format)
        except ValueError:
            continue
        return name, time_format
    raise DataError(
        f"{path}: must have a column of times like 31.12.2016 23:50:00 or 2016-12-31 23:50:00, cells apart by commas; "
        f"got the columns {', '.join(names)[:100]!r}. Add it, or write the times so"
    )


def _read_table(path: Path, names: list[str], time_name: str, rows: bytes) -> "polars.DataFrame":
    import polars

    schema = {name: polars.String if name == time_name else polars.Float64 for name in names}
    try:
        frame = polars.read_csv(rows, has_header=False, schema=schema, quote_char=None)
        complete = rows.count(b",") == len(frame) * (len(names) - 1)  # polars fills short rows without a word
        reason = "a row of another length"
    except (polars.exceptions.ComputeError, polars.exceptions.SchemaError) as error:
        complete, reason = False, str(error).partition("\n")[0]
    if not complete:
        _check_cells(path, names, time_name, rows)
        raise DataError(f"{path}: must be a table of numbers; {reason}. Correct the file")
    return frame


_QUOTED = re.compile(rb'(?<![^,\n])"([^",\r\n]*)"(?![^,\r\n])')  # a whole cell: polars panics at a stray quote
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan|", re.IGNORECASE)


def _check_cells(path: Path, names: list[str], time_name: str, rows: bytes) -> None:
    """Name the first line that is not `len(names)` numbers. Slow: only for a file that failed."""
    for number, line in enumerate(rows.decode("cp1252", errors="replace").split("\n"), start=2):
        where = f"{path}, line {number}"
        cells = line.removesuffix("\r").split(",") if line.strip() else []
        if len(cells) != len(names):
            raise DataError(f"{where}: must hold {len(names)} values; got {len(cells)}. Correct or remove the line")
        for name, cell in zip(names, cells, strict=True):
            if name != time_name and not _NUMBER.fullmatch(cell):
                raise DataError(f"{where}: {name!r} must be a number; got {cell[:40]!r}. Correct it or leave it empty")


def _read_times(path: Path, cells: "polars.Series", time_format: str) -> tuple[np.ndarray, int, list[str]]:
    parsed = cells.str.to_datetime(time_format, time_unit="ms", strict=False)
    if parsed.null_count():
        row = int(parsed.is_null().arg_max() or 0)
        raise DataError(
            f"{path}, line {row + 2}: {cells.name!r} must be a time like those above it; got {cells[row]!r}. Correct it"
        )
    times = parsed.to_numpy().astype("datetime64[s]")
    steps = np.diff(times).astype(np.int64)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        raise DataError(f"{path}, line {row + 2}: times must not run backwards; got {cells[row]!r}. Sort the rows")
    spacings, counts = np.unique(steps[steps > 0], return_counts=True)
    if not len(spacings):
        raise DataError(f"{path}: must hold at least two times; got {len(times)} rows of one time. Give more rows")
    repeated = int(np.sum(steps == 0))
    notes = [f"{_count(repeated, 'time stamp')} repeated, kept"] if repeated else []
    return times, int(spacings[np.argmax(counts)]), notes


def _read_values(path: Path, frame: "polars.DataFrame") -> tuple[np.ndarray, list[str]]:
    if not frame.width:
        raise DataError(f"{path}: must have a column of numbers beside the times; got none. Add one")
    values = np.array(frame.to_numpy(), dtype=np.float64, order="C")
    rows, columns = np.nonzero(np.isinf(values))
    if len(rows):
        name = frame.columns[columns[0]]
        raise DataError(f"{path}, line {rows[0] + 2}: {name!r} must be finite. Correct it or leave it empty")
    empty = np.isnan(values).sum(axis=0)
    sentinel = values == MISSING
    values[sentinel] = np.nan
    notes = []
    for name, blank, marked in zip(frame.columns, empty, sentinel.sum(axis=0), strict=True):
        notes += [f"{_count(marked, 'value')} of -9999 in {name!r} read as missing"] if marked else []
        notes += [f"{_count(blank, 'value')} missing in {name!r}"] if blank else []
    return values, notes


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"


# Reviews: aclImdb/{train,test}/{neg,pos}/ID_RATING.txt

_REVIEW = re.compile(r"(?:^|/)(train|test)/(neg|pos)/(\d+)_\d+\.txt$")
_LONGEST_REVIEW = 1 << 24  # bytes; a header that claims more is damaged
_BLOCK = 512  # bytes of a tar block


def read_reviews(path: str | Path) -> TextData:
    """Read the Large Movie Review Dataset from its archive (`aclImdb_v1.tar.gz`) or unpacked folder, or one like it.

    The archive is read in one pass, without unpacking it. Reviews come by class, then by number, the same from both.

    Raises:
        DataError: missing, damaged, cut off, not UTF-8, or without reviews in one of the two splits.

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
        problem = f"it is damaged or cut off ({error})"
        raise DataError(f"{path}: must be a whole .tar.gz archive; {problem}. Fetch it again") from error
    except OSError as error:
        raise _unreadable(path, error) from error
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
                raise ValueError("no tar header where one must be")
            name = header[:100].partition(b"\0")[0].decode(errors="replace")
            size = int(header[124:136].strip(b"\0 "), 8)
            padded = -(-size // _BLOCK) * _BLOCK
            if header[156:157] in b"0\0" and _REVIEW.search(name):
                if not 0 <= size <= _LONGEST_REVIEW or len(content := stream.read(padded)) < padded:
                    raise ValueError(f"{name} does not fit")
                yield name, content[:size]
            else:
                _skip(stream, padded)
        while stream.read(1 << 20):  # to the end, where gzip compares its checksum
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

    The lists are pickled inside; they are read by an unpickler that can build nothing but lists of numbers.

    Raises:
        DataError: missing, damaged, another layout, or a pickle that asks for more than that.

    Reference: keras.datasets.imdb.load_data, which moves rank r to r + 3 and puts a 1 before each review.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return TextData(*(_read_encoded_split(archive, split, str(path)) for split in SPLITS))
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # a damaged pickle can raise anything
        problem = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise DataError(f"{path}: must be laid out like Keras's imdb.npz; {problem}. Fetch it again") from error


def _read_encoded_split(archive: zipfile.ZipFile, split: str, source: str) -> EncodedTexts:
    with archive.open(f"y_{split}.npy") as stream:
        labels = np.lib.format.read_array(stream, allow_pickle=False)
    with archive.open(f"x_{split}.npy") as stream:
        lists = _read_lists(stream)
    if labels.shape != (len(lists),) or not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y_{split} must hold a 0 or 1 for each of the {len(lists)} texts")
    offsets = np.concatenate([[0], np.cumsum([len(ranks) for ranks in lists])]).astype(np.int64)
    ids = np.array(array("i", itertools.chain.from_iterable(lists)), dtype=np.int32)  # array refuses fractions
    if len(ids) and ids.min() < 1:
        raise ValueError(f"x_{split} must hold word ranks from 1; got {ids.min()}")
    return EncodedTexts(ids, offsets, labels.astype(np.int32), CLASSES, source)


class _Inert:
    """Stands for everything but lists and numbers that numpy's pickle of an object array names; does nothing."""

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

"""Load data by path, or by name: public data sets (from a folder, the cache or their publisher) and demo data."""

import contextlib
import http.client
import os
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.data.demo import demo_series, demo_texts
from seqconv.data.readers.reviews import is_review_folder, read_encoded, read_reviews
from seqconv.data.readers.sequences import find_partner, read_sequences
from seqconv.data.readers.series import read_series
from seqconv.data.readers.tables import create_table, write_table
from seqconv.data.readers.texts import read_texts
from seqconv.data.records import CLASSES, SequenceData, SeriesData, TextData, Texts
from seqconv.errors import DataError, nearest
from seqconv.recipes.recipe import ALL, SequenceDataConfig, SeriesDataConfig, TextDataConfig
from seqconv.recipes.settings import parse_number

Progress = Callable[[int, int], None]  # bytes done, total bytes (0: unknown)

TEXTS = ("imdb", "demo-text")


SERIES = ("jena", "etth1", "weather", "demo-series")


TIMEOUT_S = 30.0


HEADERS = {"guess": None, "yes": True, "no": False}


@dataclass(frozen=True)
class Remote:
    """A public data set.

    Args:
        files: accepted file and folder names, preferred first.
        size: of the download, in bytes.
        sha256: of the download; empty if none is published (the size and the zip's own checksum are checked instead).
        columns: number of numeric columns of a series.
    """

    url: str
    files: tuple[str, ...]
    size: int
    sha256: str
    columns: int = 0

    @property
    def download(self) -> str:
        """The name of the downloaded file."""
        return self.url.rpartition("/")[2]


REMOTES = {
    # Reference: tensorflow/datasets, datasets/imdb_reviews/checksums.tsv (size, SHA-256)
    "imdb": Remote(
        url="http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        files=("aclImdb_v1.tar.gz", "aclImdb", "imdb.npz"),
        size=84_125_825,
        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    ),
    # Reference: the Keras tutorials' download logs (size); no checksum of this zip is published
    "jena": Remote(
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip",
        files=("jena_climate_2009_2016.csv", "jena_climate_2009_2016.csv.zip"),
        size=13_568_290,
        sha256="",
        columns=14,
    ),
    # Reference: darts, darts/datasets (MD5 of the same file: 8381763947c85f4be6ac456c508460d6)
    "etth1": Remote(
        url="https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/ETTh1.csv",
        files=("ETTh1.csv",),
        size=2_589_657,
        sha256="f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        columns=7,
    ),
    # no checksum is published; this is that of the file behind the results in docs
    "weather": Remote(
        url="https://huggingface.co/datasets/thuml/Time-Series-Library/resolve/main/weather/weather.csv",
        files=("weather.csv",),
        size=7_235_425,
        sha256="34ee981d07313e51da2a50bb600072c8ae4a69cb4b0651f4cb93a069d7a2ba63",
        columns=21,
    ),
}


def count_columns(source: str) -> int:
    """Number of numeric columns of a public series; 0 for any other source, which must be read to find out."""
    return REMOTES[source].columns if source in REMOTES else 0


def export(name: str, path: Path, progress: Progress | None = None) -> Path:
    """Write a named data set as a table: `text` and `label` of all texts, or the times and columns of a series.

    Raises:
        DataError: an unknown name, or a copy without words.
        ConfigError: another file extension, or a path that cannot be written.
    """
    if name in TEXTS:
        texts = load_texts(TextDataConfig(source=name), progress)
        parts = [part for part in (texts.train, texts.test) if isinstance(part, Texts)]
        if not parts:
            raise DataError(f"{name}: must hold words to be written as texts; this copy holds only word ranks")
        labels = [part.classes[label] for part in parts for label in part.labels]
        write_table(create_table({"text": [text for part in parts for text in part.texts], "label": labels}), path)
    elif name in SERIES:
        series = load_series(SeriesDataConfig(source=name), progress).train
        times = [str(time).replace("T", " ") for time in series.times]
        write_table(create_table({"time": times, **dict(zip(series.columns, series.values.T, strict=True))}), path)
    else:
        known = (*TEXTS, *SERIES)
        raise DataError(f"data: must be {', '.join(known)}; got {name!r}. {nearest(name, known)}")
    return path


def load_sequences(config: SequenceDataConfig, progress: Progress | None = None) -> SequenceData:
    """Labelled sequences by path; the test file next to `NAME_TRAIN.ts` is found automatically.

    Raises:
        DataError: no such file, or a file with invalid content.
    """
    path = _resolve(config.source, (), progress)
    test = Path(config.test_file) if config.test_file else find_partner(path)
    validation = read_sequences(config.validation_file) if config.validation_file else None
    return SequenceData(read_sequences(path), read_sequences(test) if test else None, validation)


def load_texts(config: TextDataConfig, progress: Progress | None = None) -> TextData:
    """Labelled texts by name (`imdb`, `demo-text`) or path: a review archive or folder, Keras's `imdb.npz`, or any
    table, folder or file of labelled texts.

    Raises:
        DataError: an unknown name, no such file, or a file with invalid content.
    """
    if config.source == "demo-text":
        return demo_texts()
    path = _resolve(config.source, TEXTS, progress)
    if path.suffix == ".npz":
        return read_encoded(path)
    if path.is_dir() and is_review_folder(path):
        return read_reviews(path)
    if path.name.endswith((".tar.gz", ".tgz")):
        return _load_archive(path)
    files = (path, config.test_file, config.validation_file)
    train, test, validation = (_read_texts(file, config) if file else None for file in files)
    assert train is not None
    return TextData(train, test, validation)


def _read_texts(path: str | Path, config: TextDataConfig) -> Texts:
    return read_texts(path, config.text, ",".join(config.label), HEADERS[config.header])


def load_series(config: SeriesDataConfig, progress: Progress | None = None) -> SeriesData:
    """A time series by name (`jena`, `demo-series`) or path: any table with a time column.

    Raises:
        DataError: an unknown name, no such file, or a file with invalid content.
    """
    if config.source == "demo-series":
        return SeriesData(demo_series())
    path = _resolve(config.source, SERIES, progress)
    named = (*config.inputs, *config.target) if config.inputs else ()
    asked = tuple(name for name in dict.fromkeys(named) if (name,) != ALL)
    missing = parse_number(config.missing, "data.missing")
    files = (path, config.test_file, config.validation_file)
    train, test, validation = (
        read_series(file, config.time, config.interval, config.zone, HEADERS[config.header], asked, missing)
        if file
        else None
        for file in files
    )
    assert train is not None
    return SeriesData(train, test, validation)


def _resolve(source: str, names: tuple[str, ...], progress: Progress | None) -> Path:
    if source in names:
        return locate(source, progress)
    path = Path(source).expanduser()
    if source and path.exists():
        return path
    hint = "That is data for another task" if source in TEXTS + SERIES else nearest(source, names) if names else ""
    known = f"{' or '.join(names)}, or " if names else ""
    raise DataError(f"data.source: must be {known}an existing path; got {source!r}. {hint}".strip())


def cache_folder() -> Path:
    """The folder for downloads and prepared data: SEQCONV_CACHE, or the platform's cache folder."""
    import pooch

    return Path(os.environ.get("SEQCONV_CACHE") or pooch.os_cache("seqconv"))


def locate(name: str, progress: Progress | None = None) -> Path:
    """The path of a public data set such as `imdb`: in SEQCONV_DATA or a folder in it, or in the cache (downloaded).

    Raises:
        DataError: an unknown name, or a download that fails or does not match the published file.
    """
    if name not in REMOTES:
        raise DataError(f"data: must be {' or '.join(REMOTES)}; got {name!r}. {nearest(name, REMOTES)}")
    remote = REMOTES[name]
    cache = cache_folder()
    folders = [cache]
    if given := os.environ.get("SEQCONV_DATA"):
        if not Path(given).is_dir():
            raise DataError(f"SEQCONV_DATA: must name a folder; got {given!r}. Correct or unset it")
        folders = [Path(given), *sorted(path for path in Path(given).iterdir() if path.is_dir()), cache]
    for folder in folders:
        for file in remote.files:
            if (folder / file).exists():
                return folder / file
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _download(remote, cache / remote.download, progress or (lambda done, total: None))
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"the server answers {error.code}"
    except (OSError, http.client.HTTPException) as error:
        reason = f"{getattr(error, 'reason', None) or error or type(error).__name__}"
    put = f"Put {remote.download} into {given or cache}"
    raise DataError(f"{name}: must be on this machine or fetched from {remote.url}; {reason}. {put}")


def _download(remote: Remote, target: Path, progress: Progress) -> Path:
    """Download to `target`.part, resuming as long as new bytes arrive; verify, then rename."""
    part = target.with_name(f"{target.name}.part")
    done = part.stat().st_size if part.exists() else 0
    while done < remote.size:
        before = done
        try:
            done = _fetch_rest(remote, part, done, progress)
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()  # the partial file was of another version
            raise
        if done <= before:
            raise OSError(f"the connection was lost at {done:,} of {remote.size:,} bytes; the next try resumes there")
    if problem := _find_damage(remote, part):
        part.unlink()
        raise DataError(f"{remote.url}: must be the published file; {problem}. Nothing was kept; try again")
    return part.replace(target)


def _fetch_rest(remote: Remote, part: Path, done: int, progress: Progress) -> int:
    """One request for what is missing from `part` (`done` bytes). Returns its new size, even if interrupted."""
    request = urllib.request.Request(remote.url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = 0  # the server starts over
        offered = done + int(response.headers["Content-Length"] or remote.size - done)
        if offered != remote.size:
            part.unlink(missing_ok=True)
            raise DataError(
                f"{remote.url}: must be the published file of {remote.size:,} bytes; the server sends {offered:,}. "
                "Check the network (a login page?) and try again"
            )
        with part.open("ab" if done else "wb") as out:
            try:
                while chunk := response.read(1 << 18):
                    done += out.write(chunk)
                    progress(done, remote.size)
            except (ConnectionError, TimeoutError, http.client.IncompleteRead):
                pass  # connection lost: the caller requests the rest
    return done


def _find_damage(remote: Remote, path: Path) -> str:
    """What is wrong with a download; empty if nothing is."""
    import pooch

    if path.stat().st_size != remote.size:
        return f"it has {path.stat().st_size:,} bytes instead of {remote.size:,}"
    if remote.sha256:
        return "" if pooch.file_hash(str(path)) == remote.sha256 else "its SHA-256 differs"
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return "it is not a whole zip file"
    return f"the checksum of {bad} in it does not match" if bad else ""


# Cache of parsed reviews


def _load_archive(path: Path) -> TextData:
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
    for split, part in (("train", data.train), ("test", data.test)):
        assert isinstance(part, Texts)
        encoded = [text.encode() for text in part.texts]
        arrays[f"{split}_utf8"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        arrays[f"{split}_ends"] = np.cumsum([len(text) for text in encoded], dtype=np.int64)
        arrays[f"{split}_labels"] = part.labels
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as out:
            np.savez(out, **arrays)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_copy(path: Path, source: str) -> TextData:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return TextData(*(_read_copied_split(arrays, split, source) for split in ("train", "test")))


def _read_copied_split(arrays: Mapping[str, np.ndarray], split: str, source: str) -> Texts:
    blob = arrays[f"{split}_utf8"].data
    ends = arrays[f"{split}_ends"].tolist()
    texts = [str(blob[begin:end], "utf-8") for begin, end in zip([0, *ends], ends, strict=False)]
    return Texts(texts, arrays[f"{split}_labels"], CLASSES, source)

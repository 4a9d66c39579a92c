"""Models elsewhere: their files are fetched before they are read, those at a URL once in a process."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from seqconv.data.documents import read_document
from seqconv.data.urls import copy_folder, fetch_file, join_url
from seqconv.errors import BundleError, DataError, shorten
from seqconv.models.folders import HEADER

_fetched: dict[str, Path] = {}


def fetch_model(url: str | Path) -> Path:
    """The copy of a model folder, or of the model of a run folder, that lies at a URL.

    Raises:
        BundleError: there is none.
        MissingExtra: what reads such URLs is not installed.
    """
    url = join_url(url).rstrip("/")
    if url not in _fetched:
        folder = copy_folder(url)
        try:
            place = _fetch_header(url, folder)
            fetch_rest(partial(_fetch, place), folder, place)
        except DataError as error:
            raise BundleError(f"{url}: must be a run or model folder; {shorten(error, 300)}") from error
        _fetched[url] = folder
    return _fetched[url]


def _fetch_header(url: str, folder: Path) -> str:
    """Copy the header, and give the URL of its folder, which may be in that of a run."""
    try:
        fetch_file(join_url(url, "model", HEADER), folder / HEADER)
    except DataError:
        fetch_file(join_url(url, HEADER), folder / HEADER)
        return url
    return join_url(url, "model")


def _fetch(url: str, name: str, target: Path) -> None:
    fetch_file(join_url(url, name), target)


def fetch_rest(fetch: Callable[[str, Path], None], folder: Path, where: str) -> None:
    """Copy the files that a header names; whoever reads the model checks them.

    Args:
        fetch: copies the file of a name to a path.
        folder: which holds the header.
        where: it comes from, for errors.

    Raises:
        DataError: it is no header, or names files elsewhere.
    """
    try:
        names = list(read_document(folder / HEADER)["files"])
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{where}/{HEADER}: must be the JSON that seqconv writes; {shorten(error)}") from error
    for name in names:
        if name in ("", "..") or name != Path(name).name:
            raise DataError(f"{where}/{HEADER}: must name files of its folder; got {name!r:.80}")
        fetch(name, folder / name)

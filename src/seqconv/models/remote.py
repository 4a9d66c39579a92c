"""Models at URLs: their files are fetched before they are read, once in a process."""

from pathlib import Path

from seqconv.data.documents import read_document
from seqconv.data.urls import copy_folder, fetch_file, join_url
from seqconv.errors import BundleError, DataError, shorten

HEADER = "bundle.json"
_fetched: dict[str, Path] = {}


def fetch_model(url: str | Path) -> Path:
    """The copy of a model folder, or of the model of a run folder, that lies at a URL.

    Raises:
        BundleError: there is none.
        MissingExtra: what reads such URLs is not installed.
    """
    url = join_url(url)
    if url not in _fetched:
        folder = copy_folder(url)
        try:
            _fetch_rest(_fetch_header(url, folder), folder)
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


def _fetch_rest(url: str, folder: Path) -> None:
    """The files that a header names; whoever reads the model checks them."""
    try:
        names = list(read_document(folder / HEADER)["files"])
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{url}/{HEADER}: must be the JSON that seqconv writes; {shorten(error)}") from error
    for name in names:
        if name != Path(name).name:
            raise DataError(f"{url}/{HEADER}: must name files of its folder; got {name!r:.80}")
        fetch_file(join_url(url, name), folder / name)

"""Files at URLs: a copy is fetched before one is read, once in a process. Nothing is written there, nor executed."""

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.parse
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any

from seqconv.data.outputs import whole_file
from seqconv.errors import DataError, MissingExtra, need, shorten

SCHEMES = ("https", "http", "s3", "gs", "gcs", "az", "abfs", "hf", "memory")  # others of fsspec may run code
MOST_BYTES = 2**34  # of a file
TIMEOUT_S = 30.0
BLOCK = 1 << 20  # bytes read at a time
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/])")  # a path holds one slash of the two
_fetched: dict[str, Path] = {}


def is_url(source: str | Path) -> bool:
    """Whether this is a URL, or a path made of one, rather than a path of this machine.

    >>> is_url("https://a.org/b.csv"), is_url(Path("s3://a/b.csv")), is_url("C:/b.csv"), is_url("a/b.csv")
    (True, True, False, False)
    """
    return bool(_URL.match(_write(source))) and not os.path.exists(source)  # which says no to what is no path


def join_url(source: str | Path, *parts: str) -> str:
    """A URL as it is written, with further parts of its path.

    >>> join_url(Path("https://a.org/runs"), "model", "bundle.json")
    'https://a.org/runs/model/bundle.json'
    """
    url = _URL.sub(r"\1://", _write(source), count=1)
    return "/".join([url.rstrip("/"), *parts]) if parts else url  # the end of a query stays


def _write(source: str | Path) -> str:
    """With the slashes that a path on Windows turns around."""
    return source.as_posix() if isinstance(source, PurePath) else source


def name_file(source: str | Path) -> str:
    """The name of a file, without the query of a URL, which may hold a key.

    >>> name_file("https://a.org/b%20c.csv?key=d/e"), name_file("a/b?.csv")
    ('b c.csv', 'b?.csv')

    Raises:
        DataError: it is no URL, and no path.
    """
    if not is_url(source):
        return Path(source).name
    url = join_url(source)
    try:
        return PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    except ValueError as error:
        raise _refuse(url, shorten(error)) from error


def fetch(source: str | Path) -> Path:
    """A path as it is; the path of a copy of the file at a URL.

    Raises:
        DataError: it cannot be fetched.
        MissingExtra: what reads such URLs is not installed.
    """
    if not is_url(source):
        return Path(source)
    url = join_url(source)
    if url not in _fetched:
        target = copy_folder(url) / (re.sub(r"[^\w.() -]", "_", name_file(url))[-100:] or "data")
        fetch_file(url, target)
        _fetched[url] = target
    return _fetched[url]


def copy_folder(url: str) -> Path:
    """The folder for copies of what lies at a URL, in the cache."""
    from seqconv.data.downloads import cache_folder

    return cache_folder() / "urls" / hashlib.sha256(url.encode()).hexdigest()[:16]


def fetch_file(url: str, target: Path) -> None:
    """Copy the file at a URL, whole or not at all.

    Raises:
        DataError, MissingExtra: see `fetch`.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as fresh, fresh.open("wb") as out, _open(url) as content:
            _copy(url, content, out)
    except (DataError, MissingExtra):
        raise
    except urllib.error.HTTPError as error:
        error.close()
        raise _refuse(url, f"the server responded with {error.code}") from error
    except ImportError as error:  # fsspec says which package reads such URLs
        cure = "pip install 'seqconv[remote]', or the package that it names"
        raise MissingExtra(f"{url}: {shorten(error)}. {cure}") from error
    except Exception as error:  # each file system raises errors of its own
        reason = getattr(error, "reason", None) or shorten(error) or type(error).__name__
        raise _refuse(url, reason) from error


def _refuse(url: str, reason: object) -> DataError:
    return DataError(f"{url}: must be a file that can be fetched; {reason}. Check the address")


def _copy(url: str, content: IO[bytes], out: IO[bytes]) -> None:
    done, promised = 0, getattr(content, "length", None)  # of a response; a lost connection looks like the end
    while chunk := content.read(BLOCK):
        done += out.write(chunk)
        if done > MOST_BYTES:
            raise _refuse(url, f"it has more than {MOST_BYTES >> 30} GiB")
    if promised is not None and done != promised:
        raise _refuse(url, f"the connection was lost at {done:,} of {promised:,} bytes")


@contextlib.contextmanager
def _open(url: str) -> Iterator[Any]:
    """The content at a URL."""
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise _refuse(url, f"{scheme} is none of {', '.join(SCHEMES[:-1])}")
    if scheme in ("http", "https"):
        import urllib.request

        written = urllib.parse.quote(url, safe="%:/?#[]@!$&'()*+,;=~")  # blanks and letters of other scripts
        request = urllib.request.Request(written, headers={"User-Agent": "seqconv"})
        response: http.client.HTTPResponse
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            yield response
        return
    if "::" in url:
        raise _refuse(url, "it names one file system inside another")
    with need("fsspec", "remote").open(url, "rb") as content:
        yield content

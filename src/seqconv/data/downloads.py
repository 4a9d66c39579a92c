"""Find public data sets in a folder or the cache, or download them."""

import http.client
import os
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path

from seqconv.data.locks import hold_lock
from seqconv.data.remotes import GENERATED, NAMES, REMOTES, Progress, Remote
from seqconv.errors import DataError, nearest

TIMEOUT_S = 30.0


def cache_folder() -> Path:
    """The folder for downloads and prepared data: SEQCONV_CACHE, or the platform's cache folder."""
    import pooch

    return Path(os.environ.get("SEQCONV_CACHE") or pooch.os_cache("seqconv"))


def locate(name: str, progress: Progress | None = None) -> Path:
    """The path of a public data set such as `imdb`: in SEQCONV_DATA or a folder in it, or in the cache (downloaded).

    Raises:
        DataError: an unknown name, or a download that fails or does not match the published file.
        LockedError: another process is downloading it.
    """
    if name in GENERATED:
        raise DataError(f"{name}: is generated, not downloaded. Write it to a file with -o {name}.csv")
    if name not in NAMES:
        raise DataError(f"data: must be the name of a data set; got {name!r}. {nearest(name, NAMES)}")
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
        with hold_lock(cache / remote.download):
            return _download(remote, cache / remote.download, progress or (lambda done, total: None))
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"the server responded with {error.code}"
    except (OSError, http.client.HTTPException) as error:
        reason = f"{getattr(error, 'reason', None) or error or type(error).__name__}"
    put = f"Put {remote.download} into {given or cache}"
    raise DataError(f"{name}: must be on this machine or downloaded from {remote.url}; {reason}. {put}")


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

"""Files written whole or not at all, and on disk before they count."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from seqconv.errors import ConfigError


def check_free(path: Path | None, overwrite: bool) -> None:
    """Check before the work that its output has a folder, and replaces no file.

    Raises:
        ConfigError: it has none, it is a folder itself, or there is a file, and `overwrite` does not allow it.
    """
    if path is not None and os.path.isdir(path):
        raise ConfigError(f"{path}: must be a file to write; it is a folder. Choose another name")
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path}: its folder must exist; there is none. Create {path.parent}, or choose another name")
    if path is not None and not overwrite and os.path.lexists(path):
        raise ConfigError(f"{path}: already exists. Choose another name, or add --overwrite")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file next to `path`, which takes its name in one step when the block ends and else is removed.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield fresh
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk, lest a rename gets there before it."""
    if path.is_dir() and os.name == "nt":
        return  # cannot be opened there
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """The same for all files and folders in a folder, and itself."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))

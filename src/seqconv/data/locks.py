"""A lock on a file or folder that is being written: at most one process at a time, and none that is dead."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from seqconv.errors import ConfigError

if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30  # the byte that is locked; a lock on the text itself would keep others from reading it

    def _try_lock(handle: int) -> None:
        os.lseek(handle, FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(ConfigError):
    """Another process, or another thread of this one, is writing there."""


def lock_path(place: Path) -> Path:
    """Path of the file that is locked while `place` is written."""
    return place.with_name(f"{place.name}.lock")


@contextmanager
def hold_lock(place: Path) -> Iterator[None]:
    """Hold the lock of a place during the block.

    The system gives the lock up when its process ends, however it ends: a file that is left behind locks nobody out.

    Raises:
        LockedError: it is held already; the message says by which process, and since when.
        OSError: the lock file cannot be written.
    """
    path = lock_path(place)
    handle = _open_locked(place, path)
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S}".encode())
        yield
    finally:
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(handle)
            path.unlink(missing_ok=True)
        else:
            if _is_same(handle, path):
                path.unlink(missing_ok=True)
            os.close(handle)


def is_locked(place: Path) -> bool:
    """Whether a process is writing there."""
    try:
        handle = os.open(lock_path(place), os.O_RDWR)
    except OSError:
        return False
    try:
        _try_lock(handle)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(handle)
    return False


def _open_locked(place: Path, path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _try_lock(handle)
            if _is_same(handle, path):
                return handle
        except (BlockingIOError, PermissionError) as error:
            holder = path.read_text("utf-8").strip() if path.is_file() else ""
            os.close(handle)
            raise LockedError(
                f"{place}: is being written already ({holder or 'by another process'}). "
                "Wait until that ends, or choose another place"
            ) from error
        except OSError:
            return handle  # a file system without locks
        os.close(handle)  # removed by its holder in the meantime


def _is_same(handle: int, path: Path) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False

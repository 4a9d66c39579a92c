"""Folders written next to their place and swapped in when complete."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from seqconv.errors import ConfigError

CHECKPOINT = "checkpoint.safetensors"  # of a run that is not complete


def partial_folder(target: Path) -> Path:
    """Where a folder lies until it is complete."""
    return target.with_name(f"{target.name}.partial")


@contextlib.contextmanager
def replace_folder(target: Path, marker: str, keep: bool = False) -> Iterator[Path]:
    """A new folder `<target>.partial` that takes the place of `target` when the block ends.

    It is removed if the block raises an error, but stays if the user interrupts it or it holds a checkpoint.

    Args:
        keep: go on in the partial folder that is there.

    Raises:
        ConfigError: `target` exists and is not ours (see `check_replaceable`), or the folder cannot be written.
    """
    check_replaceable(target, marker)
    fresh = partial_folder(target)
    try:
        if not keep:
            shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, exist_ok=keep)
    except OSError as error:
        raise ConfigError(f"{target}: its folder must be writable; {error.strerror}. Choose another folder") from error
    try:
        yield fresh
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    except OSError as error:
        kept = _drop_unless_reached(fresh)
        cure = f"{fresh} keeps what training reached: go on with --resume" if kept else "Choose another folder"
        raise ConfigError(f"{target}: must be writable; {error.strerror or error}. {cure}") from error
    except Exception:
        _drop_unless_reached(fresh)
        raise


def _drop_unless_reached(folder: Path) -> bool:
    """Remove an incomplete folder unless it holds a checkpoint; whether it stays."""
    kept = (folder / CHECKPOINT).is_file()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    return kept


def check_replaceable(target: Path, marker: str) -> None:
    """An existing folder may be replaced only if it is empty or holds `marker`, a file that seqconv writes.

    Raises:
        ConfigError: it is a file, or a folder of somebody else's.
    """
    if target.is_dir() and ((target / marker).is_file() or not any(target.iterdir())):
        return
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target}: exists and was not written by seqconv, so it stays. Choose another folder")

"""Writes folders under a temporary name and moves them into place when complete."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from seqconv.errors import ConfigError

CHECKPOINT = "checkpoint.safetensors"  # in the folder of an incomplete run


def partial_folder(target: Path) -> Path:
    """Path of a folder until it is complete."""
    return target.with_name(f"{target.name}.partial")


@contextlib.contextmanager
def replace_folder(target: Path, marker: str, keep: bool = False) -> Iterator[Path]:
    """A new folder `<target>.partial`, which replaces `target` when the block ends.

    It is removed if the block raises an error, but kept if the user interrupts it or it contains a checkpoint.

    Args:
        keep: continue in an existing partial folder.

    Raises:
        ConfigError: `target` exists and may not be replaced (see `check_replaceable`), or cannot be written.
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
        kept = _remove_unless_resumable(fresh)
        cure = f"{fresh} keeps the checkpoint: continue with --resume" if kept else "Choose another folder"
        raise ConfigError(f"{target}: must be writable; {error.strerror or error}. {cure}") from error
    except Exception:
        _remove_unless_resumable(fresh)
        raise


def _remove_unless_resumable(folder: Path) -> bool:
    """Remove an incomplete folder unless it contains a checkpoint; returns whether it is kept."""
    kept = (folder / CHECKPOINT).is_file()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    return kept


def check_replaceable(target: Path, marker: str) -> None:
    """Check that an existing folder may be replaced: it is empty or contains `marker`, a file that seqconv writes.

    Raises:
        ConfigError: it is a file, or a folder that seqconv did not write.
    """
    if target.is_dir() and ((target / marker).is_file() or not any(target.iterdir())):
        return
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target}: exists and was not written by seqconv, so it stays. Choose another folder")

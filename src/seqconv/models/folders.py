"""Run and model folders: written under a temporary name, and moved into place when they are whole and on disk.

A folder `T` has up to four neighbours, each only while something is under way:

- `T.lock` keeps other processes out.
- `T.partial` is what will be `T`, incomplete.
- `T.written` is what will be `T`, whole. From the moment it has this name it counts: a process that dies before it
  takes its place leaves that to the next one that reads or writes `T`.
- `T.retired` is what `T` was, about to be removed.

So whenever a process is killed, the earlier or the new folder is whole, and is found under the name `T`.
"""

import contextlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from seqconv.data.locks import LockedError, hold_lock, is_locked
from seqconv.data.outputs import sync, sync_tree
from seqconv.data.urls import is_url, join_url
from seqconv.errors import BundleError, ConfigError, OptionError, near_path

RUNS = "runs"  # where runs are written unless they are told where to
RESULTS, HEADER = "metrics.json", "bundle.json"
KINDS = {RESULTS: "a run", HEADER: "a model"}  # of folders, by the file that seqconv knows its own by
CHECKPOINT = "checkpoint.safetensors"  # in the folder of an incomplete run
TRIALS = "trials.db"  # in that of a search, complete or not
BEST = "best"  # in that of a complete search: the run of the best settings
FOLD = "fold-{}"  # in that of a backtest, for each fold
WAIT_S = 5.0  # that a reader gives a process which is just moving a folder into place
Identity = tuple[int, int] | None


def partial_folder(target: Path) -> Path:
    """Path of a folder until it is complete; no neighbour of `target` has a longer name."""
    return target.with_name(f"{target.name}.partial")


def _written_folder(target: Path) -> Path:
    return target.with_name(f"{target.name}.written")


def _retired_folder(target: Path) -> Path:
    return target.with_name(f"{target.name}.retired")


def identify(folder: Path) -> Identity:
    """What tells a folder from another one of the same name; None: there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


# Names


def refuse_folder(folder: Path, kind: str, file: str) -> BundleError:
    """The error to raise where a run or model folder is asked for, and the file is not in it.

    Args:
        kind: of folder, such as "run".
    """
    if is_url(folder):
        must = f"must be a {kind} folder of this machine; it is a URL"
        return BundleError(f"{join_url(folder)}: {must}. Copy it to this machine")
    if folder.suffix == ".keras" and folder.is_file():
        got = "it is a network of Keras, which says nothing of data"
        return BundleError(f"{folder}: must be a {kind} folder; {got}. Train with --network {folder}, and --epochs 0")
    if (folder / TRIALS).is_file():
        return BundleError(f"{folder}: must be a {kind} folder; it is a search. Name its best run: {folder / BEST}")
    if (folder / FOLD.format(1)).is_dir():
        return BundleError(f"{folder}: must be a {kind} folder; it is a backtest, which keeps no model. Name a run")
    if folder.exists():
        return BundleError(f"{folder}: must be a {kind} folder written by seqconv; it holds no {file}")
    return BundleError(f"{folder}: must be a {kind} folder; there is none. {near_path(folder, RUNS)}".rstrip())


def holds_several(folder: Path) -> bool:
    """Whether a folder holds a search or a backtest, whose results are not those of a run."""
    return (folder / TRIALS).is_file() or (folder / FOLD.format(1)).is_dir()


def free_folder(base: Path) -> Path:
    """`base`, or else `base-2`, `base-3`, ...: the first in whose place nothing lies, nor an interrupted run."""
    names = (base if number == 1 else base.with_name(f"{base.name}-{number}") for number in itertools.count(1))
    return next(place for place in names if not _is_taken(place))


def _is_taken(place: Path) -> bool:
    with _one_line(place):
        if is_locked(place):
            return False  # one that is being written is refused, not passed over: it may be the same run
        waits = _can_go_on(partial_folder(place)) or _written_folder(place).is_dir()
        return waits or not _is_free(place)


def _can_go_on(fresh: Path) -> bool:
    """Whether an incomplete folder keeps what a run or a search would go on from."""
    return any((fresh / name).is_file() for name in (CHECKPOINT, TRIALS))


def _is_free(place: Path) -> bool:
    """Whether there is nothing, or an empty folder."""
    if not os.path.lexists(place):
        return True
    return place.is_dir() and not place.is_symlink() and not any(place.iterdir())


def interrupted_folder(base: Path) -> Path:
    """`base`, `base-2`, ..., whichever has the one interrupted run; `base` without any.

    Raises:
        OptionError: there are several.
    """
    pattern = re.compile(rf"{re.escape(base.name)}(-\d+)?\.partial")
    with _one_line(base):
        around = sorted(base.parent.iterdir()) if base.parent.is_dir() else []
        partial = [path for path in around if pattern.fullmatch(path.name) and path.is_dir()]
        found = [path for path in partial if _can_go_on(path)] or partial
    places = [path.with_suffix("") for path in found]
    if len(places) > 1:
        raise OptionError(
            f"resume: {base} must have one interrupted run; there are {', '.join(map(str, found))}. "
            f"Choose one: --out {places[0]}"
        )
    return places[0] if places else base


def check_replaceable(target: Path, marker: str, overwrite: bool = False) -> None:
    """Check that a folder may be written: there is none, it is empty, or it may be overwritten.

    Args:
        marker: a file by which seqconv knows its own, one of `KINDS`.

    Raises:
        ConfigError: it is a file or a link, or a folder that seqconv did not write, or one that holds a run or model
            that must not be overwritten, or not by this.
    """
    with _one_line(target):
        _check_name(target)
        if _is_free(target):
            return
        if target.is_symlink() or not (target / marker).is_file():
            if not target.is_symlink():
                refuse_inside(target, KINDS[marker])
            raise ConfigError(f"{target}: exists and was not written by seqconv, so it stays. Choose another folder")
    if not overwrite:
        raise ConfigError(
            f"{target}: holds finished work, which stays. Choose another folder, or add --overwrite "
            "(overwrite=True in Python)"
        )


def refuse_inside(target: Path, what: str) -> None:
    """Check that a folder holds no run and no model.

    Args:
        what: would be written there.

    Raises:
        ConfigError: it does.
    """
    for file, kind in KINDS.items():
        if (target / file).is_file():
            raise ConfigError(f"{target}: holds {kind}, which {what} does not replace. Choose another folder")


def _check_name(target: Path) -> None:
    if is_url(target):
        raise ConfigError(
            f"{join_url(target)}: must be a folder of this machine; it is a URL. Copy it there afterwards"
        )
    if target.name in ("", ".."):
        raise ConfigError(f"{target}: must be the name of a new folder. Choose another folder")


# Writing


@contextlib.contextmanager
def replace_folder(target: Path, marker: str, overwrite: bool = False, resume: bool | None = None) -> Iterator[Path]:
    """A new folder `<target>.partial`, which takes the place of `target` when the block ends; locked until then.

    If the block raises an error, the folder is removed unless it contains a checkpoint.

    Args:
        marker: see `check_replaceable`.
        overwrite: what is there, finished or interrupted, is replaced.
        resume: whether to continue in an existing partial folder; it is then kept if the user interrupts the block.
            None: what is written here cannot be resumed.

    Raises:
        ConfigError: `target` may not be replaced, is being written by another process, or cannot be written.
        BundleError: there is nothing to resume.
    """
    with contextlib.ExitStack() as stack:
        with _one_line(target):
            _check_name(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(target))
            _clear(target)
            check_replaceable(target, marker, overwrite)
            fresh = _open_partial(target, overwrite, resume)
            own = identify(fresh)
        with _removed_unless_kept(target, own, resume is not None):
            yield fresh
        _take_place(target, marker, overwrite, own)


def _clear(target: Path) -> None:
    """Complete or clean up what a process that died has left of a replacement."""
    written, retired = _written_folder(target), _retired_folder(target)
    if _is_unfinished(target):
        _swap(target)
    if written.exists():
        raise ConfigError(f"{written}: holds finished work. Move it to another name")
    if target.exists():
        _remove(retired)


def _open_partial(target: Path, overwrite: bool, resume: bool | None) -> Path:
    fresh = partial_folder(target)
    if resume and not fresh.is_dir():
        raise BundleError(f"{fresh}: must hold an interrupted run; it does not exist. Train without --resume")
    if not resume and not overwrite and _can_go_on(fresh):
        raise ConfigError(
            f"{fresh}: holds an interrupted run, which stays. Continue it with --resume, or add --overwrite "
            "(resume=True or overwrite=True in Python)"
        )
    if fresh.exists() and not fresh.is_dir():
        raise ConfigError(f"{fresh}: must be free for the incomplete folder; it is a file. Move it to another name")
    if not resume:
        _remove(fresh)
    fresh.mkdir(exist_ok=bool(resume))
    for path in (*fresh.rglob("*.part"), *fresh.glob(".tmp*")):  # files that were being written at a sudden end
        path.unlink()
    return fresh


@contextlib.contextmanager
def _removed_unless_kept(target: Path, own: Identity, resumable: bool) -> Iterator[None]:
    """What happens to an incomplete folder when its writing ends early."""
    fresh = partial_folder(target)
    try:
        yield
    except OSError as error:
        kept = _remove_unless_resumable(fresh, own)
        cure = f"{fresh} keeps the checkpoint: continue with --resume" if kept else "Choose another folder"
        raise ConfigError(f"{target}: must be writable; {error.strerror or error}. {cure}") from error
    except KeyboardInterrupt as stop:
        if resumable and identify(fresh) == own:
            stop.add_note(f"{fresh} keeps what was reached: run the same command with --resume to continue")
        else:
            _remove_unless_resumable(fresh, own)
        raise
    except Exception:
        _remove_unless_resumable(fresh, own)
        raise


def _remove_unless_resumable(fresh: Path, own: Identity) -> bool:
    """Remove one's own incomplete folder unless it contains a checkpoint; returns whether it is kept."""
    kept = _can_go_on(fresh)
    if not kept and identify(fresh) == own:
        shutil.rmtree(fresh, ignore_errors=True)
    return kept


def _take_place(target: Path, marker: str, overwrite: bool, own: Identity) -> None:
    """Move a complete folder into its place; whatever fails, it is kept, and said where."""
    fresh, written = partial_folder(target), _written_folder(target)
    if identify(fresh) != own:
        raise ConfigError(f"{fresh}: must stay until it is complete; it was removed or replaced. Start again")
    try:
        check_replaceable(target, marker, overwrite)
        sync_tree(fresh)
        fresh.rename(written)
        sync(target.parent)
        _swap(target)
    except (OSError, ConfigError) as error:
        at = written if written.exists() else fresh
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{target}: must be writable; {reason}. {at} is complete: rename it") from error
    except KeyboardInterrupt as stop:
        stop.add_note(f"{target} is complete, in {next((at for at in (fresh, written) if at.exists()), target)}")
        raise


def _swap(target: Path) -> None:
    written, retired = _written_folder(target), _retired_folder(target)
    (written / CHECKPOINT).unlink(missing_ok=True)  # not before: until now one could go on from it
    if target.exists():
        target.rename(retired)
    try:
        written.rename(target)
    except OSError:
        with contextlib.suppress(OSError):
            retired.rename(target)
        raise
    sync(target.parent)
    _remove(retired)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


# Reading


def finish_replacement(folder: Path) -> None:
    """Before a folder is read: where a process died while it moved it, or what it lies in, into place, do that.

    Raises:
        BundleError: a folder is missing, and the new one cannot be moved to its place.
    """
    for place in (folder.parent, folder):
        _finish_replacement(place)


def _finish_replacement(target: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while _is_unfinished(target):
        try:
            with hold_lock(target):
                if _is_unfinished(target):
                    _swap(target)
        except LockedError:  # a process is at it just now
            if target.exists() or time.monotonic() > deadline:
                return
            time.sleep(0.01)
        except OSError as error:
            if target.exists():
                return  # the earlier one is still whole
            at = _written_folder(target)
            raise BundleError(f"{target}: its new folder is still {at}; {error.strerror}. Rename that") from error


def _is_unfinished(target: Path) -> bool:
    """Whether a complete folder waits for its place, and nobody else has put one there."""
    if not target.name or not os.path.isdir(_written_folder(target)):  # which is False for a name that cannot be
        return False
    return not target.exists() or not _retired_folder(target).exists()


@contextlib.contextmanager
def _one_line(target: Path) -> Iterator[None]:
    """Errors of the file system about a folder that is to be written, in one line."""
    try:
        yield
    except (ConfigError, BundleError):
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{target}: its folder must be writable; {reason}. Choose another folder") from error

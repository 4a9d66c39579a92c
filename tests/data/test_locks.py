"""A lock keeps out the living, and the dead lock nobody out."""

import os
import signal
import subprocess
import sys

import pytest

from seqconv.data.locks import LockedError, hold_lock, is_locked, lock_path

HOLD = "import sys, time; from pathlib import Path; from seqconv.data.locks import hold_lock\n"
HOLD += "with hold_lock(Path(sys.argv[1])): print(flush=True); time.sleep(60)"


def test_one_process_at_a_time_and_the_lock_of_a_killed_one_is_free(tmp_path):
    place = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert is_locked(place)
        with pytest.raises(LockedError, match=rf"run: is being written already \(process {holder.pid}, since 2"):
            hold_lock(place).__enter__()
        holder.send_signal(signal.SIGKILL)
    assert lock_path(place).is_file()
    assert not is_locked(place)
    with hold_lock(place):
        assert str(os.getpid()) in lock_path(place).read_text()
        with pytest.raises(LockedError):
            hold_lock(place).__enter__()
    assert not list(tmp_path.iterdir())


def test_a_lock_whose_file_was_removed_leaves_the_next_one_alone(tmp_path):
    with hold_lock(tmp_path / "run"):
        lock_path(tmp_path / "run").unlink()
        with hold_lock(tmp_path / "run"):
            pass
        with hold_lock(tmp_path / "run"):
            held = lock_path(tmp_path / "run").read_text()
    assert str(os.getpid()) in held


def test_a_file_system_without_locks_is_written_without(tmp_path, monkeypatch):
    def unsupported(handle):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("seqconv.data.locks._try_lock", unsupported)
    with hold_lock(tmp_path / "run"):
        assert not is_locked(tmp_path / "run")

"""The limits of the fuzzers' children hold."""

import os
import signal
import sys
import time

from fuzz.children import run_command, run_in_child


def speak():
    print("said")
    print("complained", file=sys.stderr)


def take(megabytes):
    return len(bytearray(megabytes << 20))


def test_what_a_child_writes_is_kept():
    ending = run_in_child(speak)
    assert (ending.code, ending.out, ending.err, ending.fault) == (0, "said\n", "complained\n", "")


def test_a_hang_a_crash_and_a_traceback_are_faults():
    started = time.monotonic()
    assert run_in_child(time.sleep, 60, seconds=1).fault == "hangs"
    assert time.monotonic() - started < 30
    assert run_in_child(os.abort).code == -signal.SIGABRT
    assert "ZeroDivisionError" in run_in_child(divmod, 1, 0).fault


def test_memory_is_limited():
    assert not run_in_child(take, 100, megabytes=200).fault
    assert "MemoryError" in run_in_child(take, 300, megabytes=200).fault


def test_one_line_of_error_is_no_fault(tmp_path):
    missing = run_in_child(run_command, "inspect", str(tmp_path / "missing.csv"))
    assert (missing.code, missing.fault) == (2, "")
    assert run_in_child(sys.exit, 2).fault  # two without a line

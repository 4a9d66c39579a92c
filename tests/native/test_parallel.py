"""The pool of threads: forks, callers at the same time, nested use, exits and equal bits."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from seqconv import _native

LIMIT_S = 60


def product(threads):
    """A product of 16 tasks, on a machine's vectors some milliseconds."""
    random = np.random.default_rng(0)
    a = random.standard_normal((700, 300)).astype(np.float32)
    b = random.standard_normal((300, 500)).astype(np.float32)
    out = np.empty((700, 500), np.float32)
    _native.matmul(a, b, out, False, False, threads)
    return out


def wait_for(pid):
    """The exit code of a child; one that hangs is killed and fails."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


def fork(work):
    """The exit code of a child that does the work."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return wait_for(pid)


@pytest.mark.parametrize("threads", range(2, 9))
def test_any_number_of_threads_gives_the_same_bits(threads):
    expected = product(1)
    for _ in range(20):
        assert product(threads).tobytes() == expected.tobytes()


def test_a_child_computes_after_its_parent_did():
    expected = product(4).tobytes()

    def work():
        assert product(4).tobytes() == expected
        assert fork(lambda: product(4)) == 0  # and a child of the child

    assert fork(work) == 0
    assert product(4).tobytes() == expected


def test_a_child_computes_though_its_parent_forked_in_the_middle_of_other_calls():
    expected, stop = product(4).tobytes(), threading.Event()

    def compute():
        while not stop.is_set():
            product(4)

    callers = [threading.Thread(target=compute) for _ in range(3)]
    for caller in callers:
        caller.start()

    def work():
        assert product(4).tobytes() == expected

    codes = [fork(work) for _ in range(20)]
    stop.set()
    for caller in callers:
        caller.join()
    assert codes == [0] * 20


def test_a_pool_of_forked_processes_computes():
    expected = product(2).tobytes()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(product, [2] * 4).get(LIMIT_S)
    assert [out.tobytes() for out in found] == [expected] * 4


def test_sixteen_threads_at_once_compute_what_one_does():
    expected, wrong = product(1).tobytes(), []

    def compute():
        wrong.extend(n for n in range(20) if product(4).tobytes() != expected)

    callers = [threading.Thread(target=compute) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(LIMIT_S)
    assert not any(caller.is_alive() for caller in callers)
    assert wrong == []


@pytest.mark.parametrize("last", ["", "os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 15)"])
def test_a_process_ends_while_the_threads_sleep(last):
    script = f"""
import os, sys
import numpy as np
from seqconv import _native
a = np.ones((700, 700), np.float32)
_native.matmul(a, a, np.empty_like(a), False, False, 4)
{last}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LIMIT_S)
    assert (done.returncode, done.stderr) == (-15 if "kill" in last else 0, "")


def test_absurdly_many_threads_are_as_good_as_many():
    expected = product(1)
    assert product(2**31 - 1).tobytes() == expected.tobytes()

"""Whether polars can be used: a process that is forked from one with polars' threads waits for them for ever."""

import os
import sys
from pathlib import Path

from seqconv.errors import SeqconvError

_THREADS = Path("/proc/self/task")  # of Linux, the only system where processes are forked unasked
_started = False  # polars had threads when the last fork began
_lost = False  # this process is the child of such a fork, and has none of them


def check_threads() -> None:
    """Check that polars' threads, if it has started any, are in this process.

    Raises:
        SeqconvError: the process was forked after they were started.
    """
    if _lost:
        raise SeqconvError(
            "this process: must not be forked from one that has read tables, since the threads of polars stay behind; "
            "it is. Start it by multiprocessing's 'spawn' or 'forkserver', or read the first table after the fork"
        )


def _look_for_threads() -> None:
    global _started
    if "polars" in sys.modules:
        try:
            names = [(each / "comm").read_text() for each in _THREADS.iterdir()]
        except OSError:  # another system, or a thread that has just ended
            names = []
        _started = any(name.startswith("polars-") and name[7:].strip().isdigit() for name in names)


def _lose_threads() -> None:
    global _lost
    _lost = _lost or _started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_look_for_threads, after_in_child=_lose_threads)

"""How many processor threads to use."""

import os


def count_threads(threads: int) -> int:
    """Number of threads to use; 0: as many as the processors available to this process."""
    if threads:
        return threads
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

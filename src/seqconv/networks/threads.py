"""How many processor threads to use."""

import os


def count_threads(threads: int) -> int:
    """Number of threads to use; 0: as many as the processors available to this process."""
    return threads or len(os.sched_getaffinity(0))

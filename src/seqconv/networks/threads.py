"""How many processor threads to use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import ceil
from pathlib import Path, PurePosixPath

ROOT = Path("/")
_MOST: ContextVar[int | None] = ContextVar("_MOST", default=None)


def count_threads(threads: int) -> int:
    """Number of threads to use; 0: as many as the processors available to this process, or as `limit_threads` says."""
    if threads:
        return threads
    found, limit = _count_processors(), read_processor_limit(ROOT)
    found = found if limit is None else max(1, min(found, ceil(limit)))
    return min(found, _MOST.get() or found)


@contextmanager
def limit_threads(most: int) -> Iterator[None]:
    """At most so many threads in the block, where no number is asked for: others share the processors."""
    before = _MOST.set(most)
    try:
        yield
    finally:
        _MOST.reset(before)


def _count_processors() -> int:
    """Processors on which this process may run: `PYTHON_CPU_COUNT` counts from Python 3.13 on."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def read_processor_limit(root: Path) -> float | None:
    """The processor time per second that a container leaves to this process, the least of its control groups' limits.

    Reference: Linux kernel documentation, admin-guide/cgroup-v2, "cpu.max", and scheduler/sched-bwc for version 1.

    Returns:
        Processors; None without a limit, and on other systems than Linux.
    """
    limits = [limit for folder in _find_groups(root) if (limit := _read_limit(folder)) is not None]
    return min(limits, default=None)


def _find_groups(root: Path) -> Iterator[Path]:
    """Folders of the control groups of this process, and of the groups that hold them.

    A container that sees only its own group finds it at the top, whatever the path that the kernel names.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:  # id:controllers:path
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
            group = PurePosixPath(path.lstrip("/"))
            yield from (top / part for part in (group, *group.parents))


def _read_limit(group: Path) -> float | None:
    """Processors of one group: quota over period, both in microseconds."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file; no limit: "max"
        return None

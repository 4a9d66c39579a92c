"""What this machine offers to the kernels, and how fast they are on it."""

import os
import platform
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqconv import _native
from seqconv.networks.threads import ROOT, count_threads, read_processor_limit

BUDGET_S = 0.25  # for each measurement
SIZE = 512  # of the matrices
EXAMPLES, STEPS, CHANNELS, FILTERS, TAPS = 16, 256, 64, 64, 5  # of the convolution


class Machine(NamedTuple):
    """Where the kernels run.

    Args:
        system, processor: names.
        instruction_set: that the kernels were compiled for and are run with here.
        processors: of the machine.
        threads: that are used.
        limit: processors that a container leaves to this process; None: no limit.
        memory_gb: of the machine; None: unknown.
    """

    system: str
    processor: str
    instruction_set: str
    processors: int
    threads: int
    limit: float | None
    memory_gb: float | None


class Speed(NamedTuple):
    """Billions of multiply-adds a second: of a product of matrices by numpy, the most that is to be had, and of a
    convolution by the kernels, both on all threads."""

    matrix_product: float
    convolution: float


def describe_machine() -> Machine:
    """This machine, as the process sees it."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, OSError, ValueError):  # not on every system
        memory = None
    return Machine(
        platform.platform(terse=True),
        platform.processor() or platform.machine(),
        _native.instruction_set(),
        os.cpu_count() or 1,
        count_threads(0),
        read_processor_limit(ROOT),
        memory,
    )


def measure_speed(threads: int = 0) -> Speed:
    """How fast the machine is now: the best of as many runs as fit into a moment."""
    random, threads = np.random.default_rng(0), count_threads(threads)
    left, right = (random.normal(size=(SIZE, SIZE)).astype(np.float32) for _ in range(2))
    product = np.empty_like(left)
    x = random.normal(size=(EXAMPLES, STEPS, CHANNELS)).astype(np.float32)
    kernel, bias = random.normal(size=(TAPS, CHANNELS, FILTERS)).astype(np.float32), np.zeros(FILTERS, np.float32)
    y = np.empty((EXAMPLES, STEPS - TAPS + 1, FILTERS), np.float32)
    convolution = _time(lambda: _native.conv_forward(x, kernel, bias, y, None, 1, 0, False, 1, threads))
    multiplied = _time(lambda: np.matmul(left, right, out=product))
    return Speed(SIZE**3 / multiplied / 1e9, y.size * TAPS * CHANNELS / convolution / 1e9)


def _time(run: Callable[[], object]) -> float:
    """The least seconds of several runs, of which the first is not counted."""
    run()
    best, end = float("inf"), time.perf_counter() + BUDGET_S
    while time.perf_counter() < end:
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best

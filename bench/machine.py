"""Which machine, which versions, and what the machine can do: matrix products and copies."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from works import THREADS

from seqconv import _native

PACKAGES = (
    *("seqconv", "numpy", "keras", "tensorflow-cpu", "jax", "torch", "onnxruntime", "tokenizers", "scikit-learn"),
    "fasttext",
)
SIDE = 2048
COPIED_BYTES = 1 << 28


def claim_processors() -> None:
    """Keep this process, and all that it starts, to as many processors as the benchmark has threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def describe_machine() -> dict[str, object]:
    """Processor, memory, commit, date and versions, for every result file."""
    return {
        "processor": read_processor(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "instruction_set": _native.instruction_set(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
        "commit": read_commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "versions": {"python": platform.python_version(), **read_versions()},
    }


def read_versions() -> dict[str, str]:
    """Of those of `PACKAGES` that are installed."""
    installed = {each.name for each in metadata.distributions()}
    return {name: metadata.version(name) for name in PACKAGES if name in installed}


def read_processor() -> str:
    """Model and family as Linux tells them: virtual machines often hide the exact name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return f"{found.get('model name', platform.machine())} (family {found.get('cpu family', '?')})"


def read_busy(pid: int) -> tuple[float, float]:
    """Processor seconds so far of everything on this machine, and of one process; zeros where Linux does not tell."""
    try:
        everything = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:4]
        own = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0, 0.0
    tick = os.sysconf("SC_CLK_TCK")
    return sum(map(int, everything)) / tick, sum(map(int, own)) / tick


def read_commit() -> str:
    """Short hash, with a plus if the sources differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "../src", "../native", "../pyproject.toml", "../CMakeLists.txt")
    return (git("rev-parse", "--short", "HEAD") or "none") + ("+" if changed else "")


def measure_limits(rounds: int) -> dict[str, float]:
    """Best of several: matrix-product rates in GFLOP/s and the copy rate in GB/s, read and written bytes together."""
    random = np.random.default_rng(0)
    a, b = random.random((2, SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    flop = 2.0 * SIDE**3 / 1e9
    source, target = np.ones((2, THREADS, COPIED_BYTES // 4 // THREADS), np.float32)
    with ThreadPoolExecutor(THREADS) as pool:

        def copy() -> None:
            list(pool.map(np.copyto, target, source))

        copied = best_time(copy, rounds)
    return {
        "numpy_gflops": flop / best_time(lambda: np.matmul(a, b, out=out), rounds),
        "seqconv_gflops": flop / best_time(lambda: _native.matmul(a, b, out, False, False, THREADS), rounds),
        "copy_gb_per_s": 2 * COPIED_BYTES / 1e9 / copied,
    }


def best_time(do: Callable[[], object], rounds: int) -> float:
    """Shortest seconds of a call, after one to warm up."""
    do()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        do()
        times.append(time.perf_counter() - started)
    return min(times)

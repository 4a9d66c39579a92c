"""What it costs to run work elsewhere, and what it gains: `python bench/spread.py [--gain]`.

Writes bench/results/spread.json. Of each place of `--parallel` that is installed: seconds until the first result, for
which processes must start; of a further loop, of a task without data in it, and of a megabyte of data. `--gain` adds a
backtest of four folds, one after the other and in two processes; that one needs a quiet machine.
"""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import read_processor

from seqconv.data.datasets import export
from seqconv.errors import SeqconvError
from seqconv.networks.threads import count_threads
from seqconv.training.backtest import backtest
from seqconv.training.loop import Listener
from seqconv.training.parallel import run_each, spread

RESULT = Path(__file__).parent / "results" / "spread.json"
PLACES = {"": None, "processes=2": None, "ray": "ray"}  # and the package that it needs
TASKS, MEGABYTES, ROUNDS = 40, 8, 5
GAIN = {"model": "network", "epochs": 8, "refit": False, "baselines": False}


def answer(array: np.ndarray, listener: Listener) -> int:
    """A task that does nothing but read its data."""
    return int(array[::4096].sum() * 0)


def run(count: int, megabytes: float) -> tuple[float, float]:
    """Wall and processor seconds of so many tasks, each with that much data of its own."""
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 255, int(megabytes * 2**20), dtype=np.uint8) for _ in range(count)]
    started, spent = time.perf_counter(), time.process_time()
    list(run_each(answer, ((array,) for array in arrays), count, Listener()))
    return time.perf_counter() - started, time.process_time() - spent


def measure(place: str) -> dict[str, float]:
    """What a place costs, wall seconds; `processor_s`: what a task takes of this process."""
    started = time.perf_counter()
    with spread(place):
        run(2, 0)
        first = time.perf_counter() - started
        few, many, full = (
            [run(count, megabytes) for _ in range(ROUNDS)]
            for count, megabytes in ((2, 0), (2 + TASKS, 0), (2 + TASKS, MEGABYTES))
        )
    (short, spent), (long, more), (heavy, _) = (
        [statistics.median(each[n] for each in found) for n in (0, 1)] for found in (few, many, full)
    )
    return {
        "first_s": first,
        "loop_s": short,
        "task_s": max(long - short, 0.0) / TASKS,
        "processor_s": max(more - spent, 0.0) / TASKS,
        "megabyte_s": max(heavy - long, 0.0) / (2 + TASKS) / MEGABYTES,
    }


def measure_gain() -> dict[str, float]:
    """Wall seconds of the same backtest, folds one after the other on all cores, and at once."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "texts.csv"
        export("demo-text", source, None)
        for place in ("", "processes=2"):
            started = time.perf_counter()
            with spread(place):
                backtest(source, 4, listener=Listener(), out=Path(folder) / f"run{place}", **GAIN)
            found[place or "here"] = time.perf_counter() - started
    return found


def main() -> None:
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    found |= {"processor": read_processor(), "cores": count_threads(0)}
    if "--gain" in sys.argv:
        found["gain"] = measure_gain()
    else:
        found |= {"load": round(os.getloadavg()[0], 1), "places": {}}
        for place, package in PLACES.items():
            if package is None or importlib.util.find_spec(package):
                try:
                    found["places"][place or "here"] = measure(place)
                except SeqconvError as error:
                    print(error, file=sys.stderr)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

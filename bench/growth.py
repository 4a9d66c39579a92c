"""How our training step grows with batch size, length, filters and threads; no peers here."""

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from arrays import make_series, read_reviews
from flops import count_needed
from peers.seqconv_worker import make_network, repeat_training
from works import BATCH, DELAY, LENGTH, LOOKBACK, PLANS, SEED, STEP, THREADS, TRAINING_ROWS

from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import Conv, Dense, Embed

PLANS_SHOWN = ("imdb-conv1d", "jena-conv1d")
SWEEPS = {
    "batch": (8, 32, 128, 512),
    "length": (120, 240, 480, 960),
    "filters": (8, 16, 32, 64, 128),
    "threads": tuple(range(1, THREADS + 1)),
}


def measure(quick: bool) -> dict[str, object]:
    """All sweeps, in a process of their own."""
    words = [sys.executable, __file__, *(["--quick"] if quick else [])]
    done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"growth.py stopped:\n{done.stderr[-2000:]}")
    return {"title": "growth", "points": json.loads(done.stdout)}


def change_filters(plan: Plan, filters: int) -> Plan:
    """The plan with so many filters in every conv."""
    changed, width = [], 0
    for layer in plan:
        if isinstance(layer, Embed):
            width = layer.width
        elif isinstance(layer, Conv):
            layer, width = dataclasses.replace(layer, inputs=width or layer.inputs, filters=filters), filters
        elif isinstance(layer, Dense):
            layer = dataclasses.replace(layer, inputs=width)
        changed.append(layer)
    return tuple(changed)


def make_inputs(name: str, length: int) -> tuple[TokenInputs | WindowInputs, np.ndarray]:
    """Reviews without padding, one behind the other and cut to `length`, or windows of so many steps."""
    if name.startswith("imdb"):
        ids, _ = read_reviews()
        stream = ids[ids > 0]
        rows = stream[: len(stream) // length * length].reshape(-1, length)
        return TokenInputs(rows), np.random.default_rng(SEED).integers(0, 2, (len(rows), 1)).astype(np.float32)
    values = make_series()
    anchors = np.arange(length * STEP, TRAINING_ROWS - DELAY, dtype=np.int64)
    return WindowInputs(values, anchors, length * STEP, STEP), values[anchors + DELAY, 1:2]


def time_step(name: str, setting: dict[str, int], quick: bool) -> dict[str, object]:
    """Median seconds of a step with these sizes."""
    plan = change_filters(PLANS[name], setting["filters"])
    inputs, targets = make_inputs(name, setting["length"])
    random = np.random.default_rng(SEED)
    network = make_network(plan, "mae" if name.startswith("jena") else "binary_crossentropy", setting["threads"])

    def draw() -> Iterator[np.ndarray]:
        while True:
            yield random.integers(0, len(inputs), setting["batch"])

    turn = repeat_training(network, inputs, targets, draw())
    turn(3)
    started = time.perf_counter()
    turn(3)
    count = max(1, round((0.02 if quick else 0.15) * 3 / (time.perf_counter() - started)))
    times = []
    for _ in range(3 if quick else 5):
        started = time.perf_counter()
        turn(count)
        times.append((time.perf_counter() - started) / count)
    distinct = 0.0
    if isinstance(inputs, TokenInputs):
        distinct = len(np.unique(inputs.ids[: setting["batch"]])) / setting["batch"]
    flop = setting["batch"] * count_needed(plan, inputs.shape, True, distinct, setting["length"])
    return {"seconds": statistics.median(times), "needed_flop": flop}


def sweep(quick: bool) -> Iterator[dict[str, object]]:
    """One size after the other away from the recipe's own."""
    for name in PLANS_SHOWN:
        length = LENGTH if name.startswith("imdb") else LOOKBACK // STEP
        usual = {"batch": BATCH, "length": length, "filters": 32, "threads": THREADS}
        for axis, values in SWEEPS.items():
            for value in values:
                yield {"plan": name, "axis": axis, "value": value} | time_step(name, usual | {axis: value}, quick)


if __name__ == "__main__":
    print(json.dumps(list(sweep("--quick" in sys.argv))))

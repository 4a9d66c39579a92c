"""`aeon_worker.py METHOD SETS NAME...`: fit and test one of aeon's classifiers on sets; print JSON, a line for each.

What aeon compiles is compiled before, on a small set of its own, and not counted.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier, MultiRocketHydraClassifier
from aeon.classification.interval_based import QUANTClassifier

METHODS: dict[str, Any] = {
    "MiniRocket": MiniRocketClassifier,
    "MultiRocket-Hydra": MultiRocketHydraClassifier,
    "QUANT": QUANTClassifier,
}


def read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Values `[N, 1, L]` and labels."""
    rows = np.loadtxt(path, delimiter="\t", ndmin=2)
    return rows[:, None, 1:], rows[:, 0]


def main(method: str, folder: str, *names: str) -> None:
    """Processor seconds are those of all threads."""
    create = METHODS[method]
    warm = np.random.default_rng(0).normal(size=(20, 1, 64))
    create(random_state=0).fit(warm, np.arange(20) % 2).predict(warm)
    for name in names:
        (values, labels), (judged, truth) = (read(f"{folder}/{name}/{name}_{part}.tsv") for part in ("TRAIN", "TEST"))
        started = time.process_time()
        model = create(random_state=0).fit(values, labels)
        fitted = time.process_time()
        right = model.predict(judged) == truth
        seconds = {"fit": round(fitted - started, 2), "predict": round(time.process_time() - fitted, 2)}
        row = {"name": name, "accuracy": float(right.mean()), **seconds, "test_rows": len(truth)}
        print(json.dumps(row), flush=True)


main(*sys.argv[1:])

"""Sequences of the UCR/UEA archive, original splits: seqconv's command and its baselines next to aeon's classifiers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SEQCONV = str(Path(sys.executable).with_name("seqconv"))
SEEDS = (0, 1, 2)
Score = tuple[float, float]  # and seconds
NAMES = ("GunPoint", "ItalyPowerDemand", "BasicMotions", "JapaneseVowels")
INCEPTION = "aeon InceptionTime (one of its five networks, 1,500 epochs)"  # five would take an hour


def measure(name: str, data: Path, methods: tuple[str, ...]) -> Iterator[tuple[str, Score]]:
    """Test accuracy and seconds of each method, for three seeds; of InceptionTime for one."""
    folder = data / "ucr" / name
    for seed in SEEDS:
        if "seqconv" in methods:
            yield from _train_seqconv(folder, name, seed)
        if "peers" in methods:
            yield from _train_aeon(folder, name, seed)
    if "inception" in methods:
        yield _train_inception(folder, name)


def _train_seqconv(folder: Path, name: str, seed: int) -> Iterator[tuple[str, Score]]:
    with tempfile.TemporaryDirectory() as work:
        command = [SEQCONV, "train", str(folder / f"{name}_TRAIN.ts"), "--seed", str(seed), "--json"]
        started = time.perf_counter()
        alone = subprocess.run([*command, "--no-baselines"], cwd=work, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
        yield "seqconv", (json.loads(alone.stdout)["test"]["accuracy"], seconds)
        if seed == 0:
            done = subprocess.run(
                [*command, "--out", "other", "--set", "training.epochs=1"],
                cwd=work,
                capture_output=True,
                text=True,
                check=True,
            )
            for row in json.loads(done.stdout)["baselines"]:
                yield f"{row['name']} (seqconv's baseline)", (row["test"]["accuracy"], row["seconds"])


def _train_aeon(folder: Path, name: str, seed: int) -> Iterator[tuple[str, Score]]:
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    (train, labels), (test, truth) = (_read(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    models = {"aeon MiniRocket": MiniRocketClassifier(random_state=seed, n_jobs=2)}
    if seed == 0:
        models["aeon 1-NN with DTW"] = KNeighborsTimeSeriesClassifier(distance="dtw", n_jobs=2)
    for by, model in models.items():
        started = time.perf_counter()
        model.fit(train, labels)
        right = float(np.mean(model.predict(test) == truth))
        yield by, (right, time.perf_counter() - started)


def _train_inception(folder: Path, name: str) -> tuple[str, Score]:
    """On one thread, in its processor seconds; in a folder of its own, where aeon keeps the best epoch."""
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    from aeon.classification.deep_learning import InceptionTimeClassifier

    (train, labels), (test, truth) = (_read(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    with tempfile.TemporaryDirectory() as work:
        model = InceptionTimeClassifier(n_classifiers=1, n_epochs=1500, random_state=0, file_path=f"{work}/")
        started = time.process_time()
        model.fit(train, labels)
        right = float(np.mean(model.predict(test) == truth))
        return INCEPTION, (right, time.process_time() - started)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """`[N, C, L]` and labels; shorter sequences end in zeros, as these classifiers want equal lengths."""
    from aeon.datasets import load_from_ts_file

    values, labels = load_from_ts_file(str(path))
    if isinstance(values, list):
        longest = 29  # of JapaneseVowels, the one set with lengths that differ
        values = np.stack([np.pad(each, ((0, 0), (0, longest - each.shape[1]))) for each in values])
    return values, labels

"""One version of seqconv at work: what bench/busy.py starts, with the Python of each version.

A line `WORK THREADS` on standard input means "do it"; the answer, seconds and the value on which versions must agree,
is one line of JSON on standard output. Only what every version has is used: estimators and readers.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import seqconv

DATA = Path(os.environ["SEQCONV_DATA"])
TEXTS, ROWS = 1000, 1200
PLAIN = {"validation": 0.0, "patience": 0, "random_state": 0}  # all epochs, on all examples
Turn = Callable[[], float]


def prepare_sequences(threads: int) -> tuple[Turn, Turn]:
    """The default network for time-series classification on ItalyPowerDemand: small layers, many steps."""
    folder = DATA / "ucr" / "ItalyPowerDemand"
    train, test = (seqconv.read_sequences(folder / f"ItalyPowerDemand_{part}.ts") for part in ("TRAIN", "TEST"))
    x, rows = (read.values.reshape(len(read), -1) for read in (train, test))
    model = seqconv.SequenceClassifier(epochs=30, n_jobs=threads, **PLAIN)
    return make_turns(model, x, train.labels, lambda: model.predict_proba(rows), 8)


def prepare_texts(threads: int) -> tuple[Turn, Turn]:
    """Words, embedding and convolutions on short messages."""
    lines = (DATA / "sms_spam" / "SMSSpamCollection").read_text("utf-8").splitlines()[:TEXTS]
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    model = seqconv.TextClassifier(network="imdb-conv1d", max_len=100, epochs=4, n_jobs=threads, **PLAIN)
    return make_turns(model, list(texts), list(labels), lambda: model.predict_proba(list(texts)), 10)


def prepare_series(threads: int) -> tuple[Turn, Turn]:
    """The default network for series, on a transformer's hourly loads and temperatures."""
    with (DATA / "ett" / "ETTh1.csv").open(encoding="utf-8", newline="") as file:
        values = np.array([row[1:] for row in list(csv.reader(file))[1 : ROWS + 1]], np.float32)
    model = seqconv.SeriesForecaster(lookback=48, epochs=2, n_jobs=threads, **PLAIN)
    return make_turns(model, values, values[:, -1], lambda: model.predict(values), 10)


def make_turns(model: Any, x: Any, y: Any, predict: Callable[[], np.ndarray], times: int) -> tuple[Turn, Turn]:
    """Train the model; predict with it so many times."""

    def train() -> float:
        return float(model.fit(x, y).history_["loss"][-1])

    def answer() -> float:
        for _ in range(times):
            outputs = predict()
        return float(outputs.ravel()[0])

    return train, answer


PREPARED = {"sequences": prepare_sequences, "texts": prepare_texts, "series": prepare_series}


def main() -> None:
    """Answer until standard input ends."""
    turns: dict[tuple[str, str], Turn] = {}
    for line in sys.stdin:
        work, threads = line.split()
        kind = work.partition("-")[2]
        if (work, threads) not in turns:
            turns["train-" + kind, threads], turns["predict-" + kind, threads] = PREPARED[kind](int(threads))
            turns["train-" + kind, threads]()
        started = time.perf_counter()
        value = turns[work, threads]()
        print(json.dumps({"seconds": time.perf_counter() - started, "value": value}), flush=True)


if __name__ == "__main__":
    main()

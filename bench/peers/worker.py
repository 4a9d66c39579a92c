"""What all workers share: one process does one work, as many counts as the driver asks for on standard input.

A line `3` on standard input means "do three"; the answer is one JSON object on standard output. `value` is the first
loss or output of these counts, by which the driver sees that all peers compute the same thing.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from arrays import Inputs, draw_batches, split_slices
from works import BATCH, WORKS, Work

Turn = Callable[[int], float]


def serve(build: Callable[[Work, str], Turn]) -> None:
    """Build the work named on the command line for the peer named there, then answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    work = WORKS[sys.argv[1]]
    turn = build(work, sys.argv[2])
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        seconds, value = (time_each if work.each else time_all)(turn, int(line))
        print(json.dumps({"seconds": seconds, "value": value}), file=answers)


def time_all(turn: Turn, count: int) -> tuple[float, float]:
    """Seconds of one count, from all of them together."""
    started = time.perf_counter()
    value = turn(count)
    return (time.perf_counter() - started) / count, value


def time_each(turn: Turn, count: int) -> tuple[float, float]:
    """Median seconds of one count."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        value = turn(1)
        times.append(time.perf_counter() - started)
    return statistics.median(times), value


def repeat_steps(
    step: Callable[[np.ndarray, np.ndarray], float], inputs: Inputs, targets: np.ndarray, batches: Iterator[np.ndarray]
) -> Turn:
    """Training steps on gathered batches; `step` returns its loss."""

    def turn(count: int) -> float:
        losses = []
        for _ in range(count):
            index = next(batches)
            losses.append(step(inputs.gather(index), targets[index]))
        return losses[0]

    return turn


def repeat_training(step: Callable[[np.ndarray, np.ndarray], float], inputs: Inputs, targets: np.ndarray) -> Turn:
    """Training steps on the batches that all peers get."""
    return repeat_steps(step, inputs, targets, draw_batches(len(inputs)))


def repeat_predictions(predict: Callable[[np.ndarray], np.ndarray], inputs: Inputs, slices: int) -> Turn:
    """Predictions of one slice after the other, batch by batch.

    A last, short batch is filled up: compilers would start again for its size.
    """
    parts = split_slices(len(inputs), slices)

    def turn(count: int) -> float:
        first = []
        for _ in range(count):
            part = next(parts)
            batches = [np.resize(part[start : start + BATCH], BATCH) for start in range(0, len(part), BATCH)]
            outputs = [predict(inputs.gather(batch)) for batch in batches]
            first.append(float(outputs[0].ravel()[0]))
        return first[0]

    return turn

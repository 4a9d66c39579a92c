"""Counts what a served model is asked, to tell whether it is like what the model was trained on."""

import time
from typing import Any

import numpy as np

from seqconv.serving.board import Shared
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.drift import VariableChange, compare_counts
from seqconv.tasks.kinds import find_task
from seqconv.tasks.profiles import INPUTS

PAUSE_S = 0.02  # between requests that are looked at: the others are answered a little faster
ENOUGH = 10_000  # examples of a worker from which the older ones count half, and again half
FEWEST = 30  # examples below which nothing is said


class Watch:
    """The variables of the newest requests, counted in the bins of training."""

    def __init__(self, bundle: AnyBundle) -> None:
        self.bundle = bundle
        variables = [] if bundle.profile is None else bundle.profile.variables
        self.variables = {each.name: each for each in variables if each.of == INPUTS}
        self.counts = {name: Shared(len(each.counts)) for name, each in self.variables.items()}
        self.examples = Shared(1)
        self.next = 0.0

    def look(self, raw: Any) -> None:
        """Count raw data, unless some were just counted."""
        now = time.monotonic()
        if now < self.next or not self.variables:
            return
        self.next = now + PAUSE_S
        samples = find_task(self.bundle.recipe).sample(self.bundle.features, raw)
        for sample in samples:
            if sample.name in self.variables and len(sample.values):
                self.counts[sample.name].own[:] += self.variables[sample.name].count(sample)
        examples = self.examples.own
        examples += samples[0].count if samples else 0
        if examples[0] > ENOUGH:
            for each in (self.examples, *self.counts.values()):
                each.own[:] /= 2

    def compare(self) -> list[VariableChange]:
        """Each variable next to training; none while there are too few examples."""
        examples = int(self.examples.sum[0])
        if examples < FEWEST:
            return []
        counts = {name: np.asarray(shared.sum) for name, shared in self.counts.items()}
        return [compare_counts(self.variables[name], each, examples) for name, each in counts.items() if each.sum()]

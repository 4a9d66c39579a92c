"""The examples of a run: subsets with inputs and targets, and the split that holds them."""

import hashlib
import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqconv.networks.inputs import Targets, TokenInputs, WindowInputs, WindowTargets
from seqconv.networks.outputs import take_ends, take_middle
from seqconv.tasks.series.features import Features

NAMES = ("train", "validation", "test")


Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Part:
    """Examples of one split.

    Args:
        inputs: N examples.
        targets: two classes float32 `[N, 1]` of 0 and 1; more classes int32 `[N]`; several classes a text float32
            `[N, classes]` of 0 and 1; forecasts float32 `[N, outputs]`, scaled.
        times: time stamp of each example's first target, datetime64[s] `[N]`; None for classes.
        base: what is added to the network's outputs to meet the targets, float32 `[N, outputs]`; None: nothing.
    """

    inputs: TokenInputs | WindowInputs
    targets: Targets
    times: np.ndarray | None = None
    base: np.ndarray | None = None

    @property
    def goals(self) -> Targets:
        """What the network's outputs should be."""
        return self.targets if self.base is None else np.asarray(self.targets) - self.base

    def finish(self, outputs: np.ndarray) -> np.ndarray:
        """The network's answers, as they stand beside the targets; of intervals the middles."""
        return self._add_base(take_middle(outputs, self.targets))

    def finish_ends(self, outputs: np.ndarray) -> np.ndarray | None:
        """Ends of the network's intervals beside the targets, `[2, N, outputs]`; None: it has none."""
        ends = take_ends(outputs, self.targets.shape[1]) if self.targets.ndim == 2 else None
        return None if ends is None else self._add_base(ends)

    def _add_base(self, answers: np.ndarray) -> np.ndarray:
        return answers if self.base is None else answers + self.base

    def take(self, index: np.ndarray) -> "Part":
        """The examples at `index`."""
        times, base = (None if each is None else each[index] for each in (self.times, self.base))
        targets = self.targets.take(index) if isinstance(self.targets, WindowTargets) else self.targets[index]
        return Part(self.inputs.take(index), targets, times, base)


@dataclass(frozen=True)
class Split:
    """The examples of a run, and the features that made them; `facts` is what a report tells about the data."""

    train: Part
    validation: Part
    test: Part
    features: Features
    facts: dict[str, Any]


def merge_validation(split: Split) -> Split:
    """The same split with the validation examples among the training examples, for a last fit (`--refit`)."""
    first, second = split.train, split.validation
    inputs: TokenInputs | WindowInputs
    if isinstance(first.inputs, TokenInputs) and isinstance(second.inputs, TokenInputs):
        inputs = TokenInputs(np.concatenate([first.inputs.ids, second.inputs.ids]))
    else:
        assert isinstance(first.inputs, WindowInputs)
        assert isinstance(second.inputs, WindowInputs)
        inputs = _join_windows(first.inputs, second.inputs)
    targets = np.concatenate([first.targets, second.targets])
    times, base = (
        None if one is None or other is None else np.concatenate([one, other])
        for one, other in ((first.times, second.times), (first.base, second.base))
    )
    return replace(split, train=Part(inputs, targets, times, base))


def _join_windows(first: WindowInputs, second: WindowInputs) -> WindowInputs:
    if first.values is second.values:  # one series, cut
        return replace(first, anchors=np.concatenate([first.anchors, second.anchors]))
    anchors = np.concatenate([first.anchors, second.anchors + len(first.values)])
    return replace(first, values=np.concatenate([first.values, second.values]), anchors=anchors)


HASHED = 4096  # targets that are gathered at once


def fingerprint(split: Split) -> str:
    """SHA-256 of the training examples: two models with the same one were trained on the same data."""
    inputs = split.train.inputs
    arrays = [inputs.ids] if isinstance(inputs, TokenInputs) else [inputs.values, inputs.anchors]
    digest = hashlib.sha256()
    targets = split.train.targets
    pieces = (targets[first : first + HASHED] for first in range(0, len(targets), HASHED))
    for array in itertools.chain(arrays, pieces):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

"""Shared by all steps: buffers, gradients, and running a chain of steps forwards and backwards."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from seqconv import _native
from seqconv.networks.layers.base import Masks, Shape, Weights

FLOAT, INT = np.dtype(np.float32), np.dtype(np.int32)


class RowGradient(NamedTuple):
    """Gradient of a table, zero except for `values` `[U, W]` at the distinct, ascending `rows` int32 `[U]`."""

    rows: np.ndarray
    values: np.ndarray


class ElementGradient(NamedTuple):
    """Gradient of a table, zero except for float32 `values` at the distinct flat `places` int64 `[M]`."""

    places: np.ndarray
    values: np.ndarray

    def to_rows(self, table: np.ndarray) -> RowGradient:
        """The same as a gradient of the rows that contain these places."""
        width = table[0].size
        at = self.places // width
        used = np.zeros(len(table), np.bool_)
        used[at] = True
        rows = np.flatnonzero(used)
        order = np.zeros(len(table), np.int64)
        order[rows] = np.arange(len(rows))
        values = np.zeros((len(rows), width), FLOAT)
        values[order[at], self.places % width] = self.values
        return RowGradient(rows.astype(INT), values)


Gradient = np.ndarray | RowGradient | ElementGradient
Gradients = dict[str, Gradient]


class Tokens(NamedTuple):
    """Ids int32 `[B, L]`: indices into `rows`, the distinct ids of a batch, or into the whole table if that is None."""

    ids: np.ndarray
    rows: np.ndarray | None

    @property
    def shape(self) -> Shape:
        """Batch and steps."""
        return self.ids.shape

    @property
    def original(self) -> np.ndarray:
        """The ids of the vocabulary."""
        return self.ids if self.rows is None else self.rows[self.ids]


class Context:
    """Weights, gradients and buffers of one network, shared by its steps.

    `version` counts changes of the weights, so that a step knows when anything derived from them is stale.
    """

    def __init__(self, weights: Weights, threads: int) -> None:
        self.weights = weights
        self.threads = threads
        self.version = 0
        self.gradients: Gradients = {}
        self.moved: Weights = {}  # untrained weights updated by a training step, by name
        self._buffers: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def buffer(self, name: str, shape: Shape, dtype: np.dtype[np.generic] = FLOAT) -> np.ndarray:
        """An uninitialised array of that shape, in the same memory each time: steady work allocates nothing."""
        found = self._buffers.get(name)
        if found is not None and found[1].shape == shape:
            return found[1]
        size = prod(shape)
        memory = found[0] if found is not None and found[0].size >= size else np.empty(size, dtype)
        view = memory[:size].reshape(shape)
        self._buffers[name] = memory, view
        return view

    def gradient(self, name: str) -> np.ndarray:
        """The array to write the gradient of that weight to."""
        found = self.gradients.get(name)
        if not isinstance(found, np.ndarray):
            found = self.gradients[name] = np.zeros_like(self.weights[name])
        return found


class Step(Protocol):
    """One layer of a plan, or several that run as one."""

    def forward(self, x: Any, masks: Masks, train: bool) -> np.ndarray:
        """The output for values, or for `Tokens` at the first step; `train` keeps what `backward` needs."""

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The gradient of the input (None: no step comes before it); those of the weights go into the context."""


def run_forward(steps: list[Step], x: Any, masks: Masks, train: bool) -> np.ndarray:
    """The output of the steps in order, see `Step.forward`."""
    for step in steps:
        x = step.forward(x, masks, train)
    assert isinstance(x, np.ndarray)
    return x


def run_backward(steps: list[Step], dy: np.ndarray) -> np.ndarray | None:
    """The gradient of the first step's input; None: no step comes before it."""
    for step in reversed(steps):
        inner = step.backward(dy)
        if inner is None:  # earlier steps have no weights, such as the padding of a network's first convolution
            return None
        dy = inner
    return dy


class PackedStep(ABC):
    """A step that predicts with a native layer, recreated whenever the weights have changed."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._layer: tuple[int, _native.Layer] | None = None

    @property
    def layer(self) -> _native.Layer:
        """The native layer with the current weights."""
        if self._layer is None or self._layer[0] != self.context.version:
            self._layer = self.context.version, self.create_layer()
        return self._layer[1]

    @abstractmethod
    def create_layer(self) -> _native.Layer:
        """The native layer."""


class ChainedSteps(PackedStep):
    """Successive steps that predict in one native call."""

    def __init__(self, context: Context, steps: Sequence[PackedStep]) -> None:
        super().__init__(context)
        self.steps = steps

    def create_layer(self) -> _native.Layer:
        """The chain of the steps' layers."""
        return _native.Chain([step.layer for step in self.steps])

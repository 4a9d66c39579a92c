"""The default engine: plans compiled to steps on native kernels, with numpy as its only dependency."""

import os
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from weakref import WeakSet

import numpy as np

from seqconv import _native
from seqconv.networks.engines.checks import check_state, check_targets, check_weights, drop_untrained
from seqconv.networks.engines.native.compiler import compile_plan
from seqconv.networks.engines.native.context import (
    FLOAT,
    INT,
    ChainedSteps,
    Context,
    ElementGradient,
    PackedStep,
    RowGradient,
    Tokens,
    run_backward,
    run_forward,
)
from seqconv.networks.engines.native.kernel_steps import EmbedConvStep
from seqconv.networks.engines.native.optimisers import Optimiser, compute_loss
from seqconv.networks.engines.native.plain_steps import DropoutStep
from seqconv.networks.engines.native.recurrent_steps import EmbedRecurrentStep
from seqconv.networks.engines.native.shared_pass import SharedPass, shortest_padding
from seqconv.networks.inputs import Inputs, Targets, TokenInputs, WindowInputs
from seqconv.networks.layers.base import Masks, Plan, Shape, Weights
from seqconv.networks.layers.kinds import Embed
from seqconv.networks.layers.tokens import ReadsIds
from seqconv.networks.network import State, StepResult
from seqconv.networks.plan import count_outputs, entries, plan_weights
from seqconv.recipes.sections import TrainingConfig

CHUNK = 128  # examples per forward pass of `predict`: their activations stay in the processor's cache
WHOLE_TABLE = 2**26  # largest table over a whole vocabulary that prediction keeps, in bytes

Batch = np.ndarray | Tokens


class NativeNetwork:
    """A plan with weights, on native kernels; see `networks.network.Network` for the methods.

    Any number of networks may run in different threads; calls to one network take turns.
    """

    def __init__(self, plan: Plan, weights: Weights, training: TrainingConfig, threads: int) -> None:
        self.plan = plan
        self.threads = threads
        self._training = training
        declared = plan_weights(plan)
        own = {name: np.array(weights[name], FLOAT, order="C") for name in declared}
        self._context = Context(own, threads)
        self._steps = compile_plan(plan, self._context)
        tables = {name for name, weight in declared.items() if weight.by_id}
        trained = {name: array for name, array in own.items() if declared[name].trained}
        self._optimiser = Optimiser(training, trained, tables, threads)
        self._lock = Lock()
        _networks.add(self)
        self._outputs: dict[Shape, int] = {}
        readers = [layer for _, layer in entries(plan) if isinstance(layer, ReadsIds)]
        self._vocabulary = min((layer.rows for layer in readers), default=0)
        self._compacts = any(isinstance(layer, Embed) for layer in readers)
        self._shortest = shortest_padding(plan)
        self._keeps_table = self._count_table_bytes() <= WHOLE_TABLE
        steps = [step for step in self._steps if not isinstance(step, DropoutStep)]
        packed = [step for step in steps if isinstance(step, PackedStep)]
        chains = len(packed) == len(steps) and self._keeps_table
        self._chain = ChainedSteps(self._context, packed) if chains else None

    @property
    def learning_rate(self) -> float:
        """Of the next training step."""
        return self._optimiser.rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._optimiser.rate = rate

    def weights(self) -> Weights:
        """Copies of the weights."""
        return {name: array.copy() for name, array in self._context.weights.items()}

    def set_weights(self, weights: Weights) -> None:
        """Take these weights; the optimiser's state stays."""
        check_weights(self.plan, weights)
        with self._lock:
            for name, array in self._context.weights.items():
                array[...] = weights[name]
            self._context.version += 1

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs `[N, outputs]`; windows over one series share the layers that neighbouring windows repeat."""
        outputs = np.empty((len(inputs), self._count_outputs(inputs.shape)), FLOAT)
        with self._lock:
            if isinstance(inputs, TokenInputs):
                self._predict_texts(inputs, outputs)
            else:
                self._predict_windows(inputs, outputs)
        return outputs

    def gradients(
        self, x: np.ndarray, targets: np.ndarray, masks: Masks, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray, Weights]:
        """Loss, outputs and the gradient of every weight for one batch."""
        with self._lock:
            text = self._vocabulary > 0
            batch = np.ascontiguousarray(x, INT if text else FLOAT)
            loss, outputs = self._backward(self._compact(batch, "given") if text else batch, targets, masks, weights)
            found = {}
            for name, array in self._context.weights.items():
                gradient = self._context.gradients.get(name)
                if gradient is None:  # it has no gradient
                    found[name] = np.zeros_like(array)
                elif isinstance(gradient, RowGradient):
                    found[name] = np.zeros_like(array)
                    found[name].reshape(len(array), -1)[gradient.rows] = gradient.values
                elif isinstance(gradient, ElementGradient):
                    found[name] = np.zeros_like(array)
                    found[name].reshape(-1)[gradient.places] = gradient.values
                else:
                    found[name] = gradient.copy()
        return loss, outputs, found

    def train_batches(
        self,
        inputs: Inputs,
        targets: Targets,
        batches: Iterable[np.ndarray],
        draw: Callable[[int], Masks],
        weights: np.ndarray | None = None,
    ) -> Iterator[StepResult]:
        """One optimiser step for each batch."""
        for index in batches:
            own = None if weights is None else weights[index]
            yield self._train(inputs, np.asarray(index, np.int64), targets[index], draw(len(index)), own)

    def state(self) -> State:
        """Weights and optimiser state, not copied: they change with the next step."""
        weights = {f"weights.{name}": array for name, array in self._context.weights.items()}
        return weights | self._optimiser.arrays()

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        state = drop_untrained(self.plan, state)
        check_state(state, {name: array.shape for name, array in self.state().items()})
        self.set_weights({name: state[f"weights.{name}"] for name in self._context.weights})
        with self._lock:
            self._optimiser.restore(state)

    def _count_outputs(self, shape: Shape) -> int:
        found = self._outputs.get(shape)
        if found is None:
            found = self._outputs[shape] = count_outputs(self.plan, shape)
        return found

    def _count_table_bytes(self) -> int:
        """Size of the first step's look-up table for the whole vocabulary, in bytes."""
        first = self._steps[0] if self._steps else None
        width = first.table.width if isinstance(first, EmbedConvStep | EmbedRecurrentStep) else 0
        return self._vocabulary * width * FLOAT.itemsize

    def _train(
        self, inputs: Inputs, index: np.ndarray, targets: np.ndarray, masks: Masks, weights: np.ndarray | None
    ) -> StepResult:
        with self._lock:
            loss, outputs = self._backward(self._gather(inputs, index), targets, masks, weights)
            self._optimiser.update(self._context.gradients)
            for name, array in self._context.moved.items():
                self._context.weights[name][...] = array
            self._context.version += 1
        return StepResult(loss, outputs)

    def _backward(
        self, batch: Batch, targets: np.ndarray, masks: Masks, weights: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Loss and outputs; the gradients are left in the context."""
        check_targets(self._training, targets, batch.shape[0], self._count_outputs(batch.shape[1:]))
        outputs = run_forward(self._steps, batch, masks, train=True).copy()
        loss, gradient = compute_loss(self._training.loss, outputs, targets, self._training.levels, weights)
        run_backward(self._steps, gradient)
        return loss, outputs

    def _gather(self, inputs: Inputs, index: np.ndarray) -> Batch:
        """The examples at `index`, in separate buffers, because predictions may run between two steps."""
        if isinstance(inputs, TokenInputs):
            ids = self._context.buffer("train.ids", (len(index), *inputs.shape), INT)
            _native.gather_ids(inputs.ids, index, ids, self._context.threads)
            return self._compact(ids, "train")
        windows = inputs.contiguous  # made once for a training run, so that every step copies less memory
        return self._gather_windows(windows, windows.anchors[index], "train")

    def _gather_windows(self, inputs: WindowInputs, anchors: np.ndarray, place: str) -> np.ndarray:
        windows = self._context.buffer(f"{place}.windows", (len(anchors), *inputs.shape))
        _native.gather_windows(inputs.values, anchors, inputs.lookback, inputs.step, windows, self._context.threads)
        return windows

    def _compact(self, ids: np.ndarray, place: str) -> Tokens:
        if not self._compacts:
            return Tokens(ids, None)
        compact = self._context.buffer(f"{place}.compact", ids.shape, INT)
        return Tokens(compact, _native.distinct_ids(ids, self._vocabulary, compact))

    def _predict_texts(self, inputs: TokenInputs, outputs: np.ndarray) -> None:
        ids, chain = np.ascontiguousarray(inputs.ids), self._chain.layer if self._chain else None
        for start in range(0, len(ids), CHUNK):
            part, found = self._cut_padding(ids[start : start + CHUNK]), outputs[start : start + CHUNK]
            if chain is not None:
                chain.forward_ids(part, found, self.threads)
            else:
                tokens = Tokens(part, None) if self._keeps_table else self._compact(part, "predict")
                found[...] = run_forward(self._steps, tokens, {}, train=False)

    def _cut_padding(self, ids: np.ndarray) -> np.ndarray:
        """Drops leading padding that all texts share, as far as no output changes by a single bit."""
        if self._shortest is None:
            return ids
        period, kept = self._shortest
        spare = (_native.count_padding(ids) - kept) // period * period
        return np.ascontiguousarray(ids[:, spare:]) if spare > 0 else ids

    def _predict_windows(self, inputs: WindowInputs, outputs: np.ndarray) -> None:
        shared = SharedPass.create(self.plan, self._context, inputs)
        if shared is not None:
            shared.run(inputs, outputs)
            return
        chain = self._chain.layer if self._chain else None
        for start in range(0, len(inputs), CHUNK):
            part, found = inputs.anchors[start : start + CHUNK], outputs[start : start + CHUNK]
            windows = self._gather_windows(inputs, part, "predict")
            if chain is not None:
                chain.forward(windows, found, self.threads)
            else:
                found[...] = run_forward(self._steps, windows, {}, train=False)


_networks: WeakSet[NativeNetwork] = WeakSet()


def _renew_locks() -> None:
    """After a fork: a lock that another thread of the parent held would never be released in the child."""
    for network in _networks:
        network._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)

"""Engines turn a plan and weights into outputs, gradients and training steps.

`native` runs on the processor and needs numpy alone; `torch` reads the same plan with autograd, and runs on a GPU where
PyTorch finds one. Same plan, same weights: same outputs and gradients, to float32 rounding.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from seqconv.config import TrainingConfig
from seqconv.errors import ConfigError, DataError, nearest, need
from seqconv.models import Masks, Normalise, Plan, ReadsIds, Shape, Weights, entries, walk, weight_shapes
from seqconv.quantiles import count_values
from seqconv.shapes import shapes
from seqconv.tokens import TokenInputs
from seqconv.windows import Targets, WindowInputs

Inputs = TokenInputs | WindowInputs
State = dict[str, np.ndarray]

ENGINES = ("native", "torch")
# Reference: Hinton 2012, "Neural networks for machine learning", lecture 6e; Kingma and Ba 2015, arXiv:1412.6980;
# epsilon outside the root and its size: keras.optimizers.RMSprop, Adam.
RHO = 0.9
BETAS = (0.9, 0.999)
EPSILON = 1e-7


class StepResult(NamedTuple):
    """What one training step tells: the mean loss of the batch and its outputs `[B, outputs]`, before the update."""

    loss: float
    outputs: np.ndarray


class Model(Protocol):
    """What answers: a network, or a fitted baseline in its place."""

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs `[N, outputs]`."""


class Network(Model, Protocol):
    """A plan with weights that can be run and trained. NaN in weights or inputs comes out as NaN, never as a number."""

    plan: Plan
    threads: int

    def weights(self) -> Weights:
        """Copies of the weights, float32."""

    def set_weights(self, weights: Weights) -> None:
        """Take these weights; the optimiser's state stays.

        Raises:
            DataError: a name or shape that the plan does not have.
        """

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs `[N, outputs]` float32, without dropout.

        Raises:
            ConfigError: the plan cannot take inputs of this shape.
            DataError: an id or row outside the table or series.
        """

    def gradients(self, x: np.ndarray, targets: np.ndarray, masks: Masks) -> tuple[float, np.ndarray, Weights]:
        """Loss, outputs and the gradient of every weight for one batch, dropout masks given.

        Args:
            x: ids int32 `[B, L]` or values `[B, L, C]`.
            targets: as `check_targets` wants them.
            masks: by name, as `masks.DropoutMasks` draws them; a missing one means no dropout there.
        """

    def train_batches(
        self, inputs: Inputs, targets: Targets, batches: Iterable[np.ndarray], draw: Callable[[int], Masks]
    ) -> Iterator[StepResult]:
        """One optimiser step for each batch.

        Args:
            inputs: N examples.
            targets: of all N examples.
            batches: int64 indices of each batch's examples.
            draw: dropout masks for a batch of that size; called once a batch, in order.

        Raises:
            DataError: an empty batch, or targets that do not fit.
        """

    def state(self) -> State:
        """Weights and optimiser state, for a checkpoint that this engine and optimiser can restore.

        To be written or copied before the next step: they are as large as all else in training, and may be views.
        """

    def restore(self, state: State) -> None:
        """Go on from `state`; the steps that follow give the same bits as if there had been no break.

        Raises:
            DataError: the state of another plan, engine or optimiser.
        """


def create_network(engine: str, plan: Plan, weights: Weights, training: TrainingConfig, threads: int) -> Network:
    """A network on that engine.

    Args:
        engine: `native` or `torch`; `torch` computes on a GPU if there is one.
        weights: every weight of the plan; copied.
        training: loss, optimiser, learning rate and clipping are read.
        threads: processor threads to use, at least 1; the results do not depend on it.

    Raises:
        ConfigError: an unknown engine, or no thread.
        DataError: weights that do not fit the plan.
        MissingExtra: `torch` is not installed.
    """
    check_engine(engine)
    if threads < 1:
        raise ConfigError(f"threads must be at least 1; got {threads}")
    check_weights(plan, weights)
    if engine == "torch":
        need("torch", "torch")
        from seqconv.engines.torch import TorchNetwork

        return TorchNetwork(plan, weights, training, threads)
    from seqconv.engines.native import NativeNetwork

    return NativeNetwork(plan, weights, training, threads)


def check_engine(engine: str) -> None:
    """An engine has this name.

    Raises:
        ConfigError: none has.
    """
    if engine not in ENGINES:
        raise ConfigError(f"unknown engine {engine!r}. {nearest(engine, ENGINES)}")


def check_weights(plan: Plan, weights: Weights) -> None:
    """Every weight of the plan is there, with its shape, and no other.

    Raises:
        DataError: one is missing, unknown or of another shape.
    """
    wanted = weight_shapes(plan)
    for name in wanted.keys() ^ weights.keys():
        state = "missing" if name in wanted else "not part of this plan"
        raise DataError(f"weights: {name!r} is {state}. Use the weights of the same network")
    for name, shape in wanted.items():
        if weights[name].shape != shape:
            raise DataError(f"weights: {name!r} must have shape {shape}; got {weights[name].shape}")


def check_state(state: State, wanted: dict[str, Shape]) -> None:
    """A checkpoint holds exactly the arrays that this engine and optimiser go on from.

    Raises:
        DataError: an array is missing, unknown or of another shape.
    """
    for name in wanted.keys() ^ state.keys():
        found = "missing" if name in wanted else "not known"
        raise DataError(f"checkpoint: {name!r} is {found}. Go on with the engine, optimiser and network that wrote it")
    for name, shape in wanted.items():
        if state[name].shape != shape:
            raise DataError(f"checkpoint: {name!r} must have shape {shape}; got {state[name].shape}")


def check_targets(training: TrainingConfig, targets: np.ndarray, count: int, outputs: int) -> None:
    """Targets fit the loss: int32 classes `[N]` for categorical cross-entropy, else float32 `[N, outputs]`; for a
    network with intervals `[N, outputs / 3]`.

    Raises:
        DataError: no example, another shape or type, a class that does not exist, or outputs that are no threes.
    """
    loss, values = training.loss, count_values(training.interval)
    if outputs % values:
        raise DataError(
            f"network: intervals need {values} outputs for each target; got {outputs}. Change the last layer"
        )
    outputs //= values
    if count == 0:
        raise DataError("training: a batch must have at least one example; got none")
    classes = loss == "categorical_crossentropy"
    shape: Shape = (count,) if classes else (count, outputs)
    kind = "integer classes" if classes else "float values"
    if targets.shape != shape or targets.dtype.kind != ("i" if classes else "f"):
        raise DataError(f"targets: {loss} needs {kind} of shape {shape}; got {targets.dtype} {targets.shape}")
    if classes and not (targets.min() >= 0 and targets.max() < outputs):
        raise DataError(f"targets: a class must be from 0 to {outputs - 1}; got {targets.min()} to {targets.max()}")


def count_outputs(plan: Plan, shape: Shape) -> int:
    """Outputs per example of a plan that reads examples of `shape`.

    Raises:
        ConfigError: the plan cannot take this shape, or does not end in one vector.
    """
    first = dict(entries(plan))
    for at, layer in walk(plan):
        if isinstance(layer, ReadsIds) and at not in first:
            raise ConfigError(f"network: {type(layer).__name__} reads ids, so it must be the first layer")
        if isinstance(layer, Normalise) and at not in first:
            raise ConfigError("network: normalise scales each channel of a window, so it must be the first layer")
    if len({isinstance(layer, ReadsIds) for layer in first.values()}) > 1:
        raise ConfigError("network: the first layers of all branches must read ids, or none; got both kinds")
    final = shapes(plan, shape)[-1] if plan else shape
    if len(final) != 1:
        raise ConfigError(f"network: must end in one vector per example; got shape {final}. Add a pooling layer")
    return final[0]

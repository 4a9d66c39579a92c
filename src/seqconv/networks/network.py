"""The interface of an engine's network, and the constants of the optimisers."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from seqconv.networks.inputs import Inputs, Targets
from seqconv.networks.layers.base import Masks, Plan, Weights

State = dict[str, np.ndarray]

# Reference: Hinton 2012, "Neural networks for machine learning", lecture 6e; Kingma and Ba 2015, arXiv:1412.6980;
# epsilon outside the root, and its value: keras.optimizers.RMSprop, Adam.
RHO = 0.9
BETAS = (0.9, 0.999)
EPSILON = 1e-7


class StepResult(NamedTuple):
    """The mean loss of a batch and its outputs `[B, outputs]`, before the update."""

    loss: float
    outputs: np.ndarray


class Model(Protocol):
    """Anything that predicts: a network or a fitted baseline."""

    def predict(self, inputs: Any) -> np.ndarray:
        """Outputs `[N, outputs]`."""


class Network(Model, Protocol):
    """A plan with weights, to run and to train. NaN in weights or inputs gives NaN in the outputs, never a number."""

    plan: Plan
    threads: int
    learning_rate: float  # of the next training step

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

    def gradients(
        self, x: np.ndarray, targets: np.ndarray, masks: Masks, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray, Weights]:
        """Loss, outputs and the gradient of every weight for one batch, with the given dropout masks.

        Args:
            x: ids int32 `[B, L]` or values `[B, L, C]`.
            targets: as `check_targets` requires.
            masks: by name, as `DropoutMasks` draws them; without a mask a layer applies no dropout.
            weights: factors of the losses, `[B, 1]` or `[B, outputs]`; None: 1.
        """

    def train_batches(
        self,
        inputs: Inputs,
        targets: Targets,
        batches: Iterable[np.ndarray],
        draw: Callable[[int], Masks],
        weights: np.ndarray | None = None,
    ) -> Iterator[StepResult]:
        """One optimiser step for each batch.

        Args:
            inputs: N examples.
            targets: of all N examples.
            batches: int64 indices of each batch's examples.
            draw: draws dropout masks for a batch of the given size; called once per batch, in order.
            weights: factors of the losses of all N examples, `[N, 1]` or `[N, outputs]`; None: 1.

        Raises:
            DataError: an empty batch, or targets that do not fit.
        """

    def state(self) -> State:
        """Weights and optimiser state, for a checkpoint that this engine and optimiser can restore.

        Write or copy it before the next step: the arrays may be views, as copies would double the memory of training.
        """

    def restore(self, state: State) -> None:
        """Continue from `state`; the steps that follow give the same bits as if training had not been interrupted.

        Raises:
            DataError: the state belongs to another plan, engine or optimiser.
        """

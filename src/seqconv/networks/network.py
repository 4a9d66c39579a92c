"""The contract of an engine's network, and the constants of the optimisers."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from seqconv.networks.inputs import Inputs, Targets
from seqconv.networks.layers.base import Masks, Plan, Weights

State = dict[str, np.ndarray]


# Reference: Hinton 2012, "Neural networks for machine learning", lecture 6e; Kingma and Ba 2015, arXiv:1412.6980;
# epsilon outside the root and its size: keras.optimizers.RMSprop, Adam.
RHO = 0.9


BETAS = (0.9, 0.999)


EPSILON = 1e-7


class StepResult(NamedTuple):
    """What one training step reports: the mean loss of the batch and its outputs `[B, outputs]`, before the update."""

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

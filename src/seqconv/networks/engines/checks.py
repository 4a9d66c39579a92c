"""Checks of weights, states and targets, for every engine."""

import numpy as np

from seqconv.errors import DataError
from seqconv.networks.layers.base import Plan, Shape, Weights
from seqconv.networks.losses import values_per_answer
from seqconv.networks.network import State
from seqconv.networks.plan import plan_weights, weight_shapes
from seqconv.recipes.sections import TrainingConfig


def check_weights(plan: Plan, weights: Weights) -> None:
    """Check that these are exactly the weights of the plan, each with its shape.

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
    """Check that a checkpoint holds exactly the arrays that this engine and optimiser need.

    Raises:
        DataError: an array is missing, unknown or of another shape.
    """
    for name in wanted.keys() ^ state.keys():
        found = "missing" if name in wanted else "not known"
        raise DataError(f"checkpoint: {name!r} is {found}. Resume with the engine, optimiser and network that wrote it")
    for name, shape in wanted.items():
        if state[name].shape != shape:
            raise DataError(f"checkpoint: {name!r} must have shape {shape}; got {state[name].shape}")


def drop_untrained(plan: Plan, state: State) -> State:
    """A checkpoint without the optimiser state of untrained weights, for which version 0.1.0 stored zeros."""
    untrained = {name for name, weight in plan_weights(plan).items() if not weight.trained}
    return {
        key: array
        for key, array in state.items()
        if key.startswith("weights.") or key.partition(".")[2] not in untrained
    }


def check_targets(training: TrainingConfig, targets: np.ndarray, count: int, outputs: int) -> None:
    """Check that the targets fit the loss: int32 classes `[N]` for categorical cross-entropy, else float32
    `[N, outputs]`, or fewer columns for a network with quantiles.

    Raises:
        DataError: no example, another shape or type, a class that does not exist, or outputs that are not as many
            for each target.
    """
    loss, values = training.loss, values_per_answer(training.levels)
    if outputs % values:
        raise DataError(
            f"network: intervals or quantiles need {values} outputs for each target; got {outputs}. "
            "Change the last layer"
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

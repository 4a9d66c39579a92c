"""Gradients of the losses, and the optimisers of the native engine."""

import math

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import ElementGradient, Gradient, Gradients, RowGradient
from seqconv.networks.layers.base import Weights
from seqconv.networks.losses import CLIP, example_losses, quantile_losses, quantile_slopes
from seqconv.networks.network import BETAS, EPSILON, RHO, State
from seqconv.recipes.sections import TrainingConfig


def _flat(table: np.ndarray) -> np.ndarray:
    """The table with each row as a vector."""
    return table.reshape(len(table), -1)


def compute_loss(
    loss: str,
    outputs: np.ndarray,
    targets: np.ndarray,
    levels: tuple[float, ...] = (),
    weights: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Mean loss over batch and outputs, and its gradient float32 `[B, outputs]`.

    With `levels`, the loss of the point forecasts plus that of the quantile at each, see `losses.quantile_losses`. With
    `weights`, factors of the point forecasts' losses, see `losses.example_losses`.
    """
    if levels:
        point, *others = np.split(outputs, 1 + len(levels), axis=1)
        quantiles = np.stack(others)
        own, gradient = compute_loss(loss, point, targets, weights=weights)
        total = own + len(levels) * float(quantile_losses(quantiles, targets, levels).mean())
        slopes = (quantile_slopes(quantiles, targets, levels) / targets.size).astype(np.float32)
        return total, np.concatenate([gradient, *slopes], axis=1)
    each = example_losses(outputs, targets, loss, weights)
    slope = _slope(loss, outputs, targets)
    slope = slope if weights is None else slope * weights
    count = len(slope) if loss == "categorical_crossentropy" else slope.size
    return float(each.mean()), (slope / count).astype(np.float32)


def _slope(loss: str, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Derivative of each single loss, float64; see `losses.example_losses` for the formulas."""
    values = outputs.astype(np.float64)
    slope: np.ndarray
    match loss:
        case "categorical_crossentropy":
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            slope = powers / powers.sum(axis=1, keepdims=True)
            slope[np.arange(len(slope)), targets] -= 1
        case "binary_crossentropy":
            slope = 0.5 + 0.5 * np.tanh(0.5 * values) - targets  # the sigmoid, without overflow
        case "as_printed":
            probability = np.clip(outputs, CLIP, 1 - CLIP)
            clipped = probability.astype(np.float64)
            slope = np.where(probability == outputs, (clipped - targets) / (clipped * (1 - clipped)), 0.0)
        case "mae":
            slope = np.sign(values - targets)
        case "mse":
            slope = 2 * (values - targets)
        case "huber":
            slope = np.clip(values - targets, -1, 1)
        case _:
            raise ValueError(f"unknown loss {loss!r}")
    return slope


class Optimiser:
    """RMSprop, Adam or Adagrad on float32 arrays, in place.

    If the gradient of a table comes as rows, only those rows are updated. The steps that other rows missed are made up
    for when they come next (RMSprop), are zero until a row has been seen once (Adam), or are zero (Adagrad, which also
    updates single elements). The result equals that of dense steps, up to rounding.

    Args:
        tables: names of the weights whose gradients may come as rows.

    Attributes:
        rate: the learning rate of the next step.
    """

    def __init__(self, training: TrainingConfig, weights: Weights, tables: set[str], threads: int) -> None:
        self._training, self._weights, self._threads = training, weights, threads
        self.rate = training.learning_rate
        self._steps = 0
        # `zeros_like` would write to memory that a model that only predicts never needs
        self._square = {name: np.zeros(array.shape, array.dtype) for name, array in weights.items()}
        adam = training.optimiser == "adam"
        self._step = {"rmsprop": self._rmsprop, "adam": self._adam, "adagrad": self._adagrad}[training.optimiser]
        self._mean = {name: np.zeros(array.shape, array.dtype) for name, array in weights.items()} if adam else {}
        moved = [name for name in weights if name in tables and training.optimiser != "adagrad"]
        # per row, the last step that updated it (RMSprop), or whether any did (Adam)
        kind = np.uint8 if adam else np.int64
        self._touched: dict[str, np.ndarray] = {name: np.zeros(len(weights[name]), kind) for name in moved}

    def update(self, gradients: Gradients) -> None:
        """One step along `gradients`, scaled down if their norm is above `clip_norm`."""
        self._steps += 1
        scale = self._scale(gradients)
        for name in self._weights:
            self._step(name, gradients[name], scale)

    def _scale(self, gradients: Gradients) -> float:
        largest = self._training.clip_norm
        if not largest:
            return 1.0
        parts = (gradients[name] for name in self._weights)
        arrays = (part if isinstance(part, np.ndarray) else part.values for part in parts)
        norm = math.sqrt(sum(_native.squared_sum(array, self._threads) for array in arrays))
        return largest / norm if norm > largest else 1.0

    def _rmsprop(self, name: str, gradient: Gradient, scale: float) -> None:
        rate, weights, square = self.rate, self._weights[name], self._square[name]
        if isinstance(gradient, ElementGradient):
            gradient = gradient.to_rows(weights)
        if isinstance(gradient, RowGradient):
            last, settings = self._touched[name], (self._steps, rate, RHO, EPSILON, scale, self._threads)
            _native.rmsprop_rows(_flat(weights), gradient.values, gradient.rows, _flat(square), last, *settings)
            return
        _native.rmsprop(weights, gradient, square, rate, RHO, EPSILON, scale, self._threads)

    def _adam(self, name: str, gradient: Gradient, scale: float) -> None:
        rate, (beta1, beta2) = self.rate, BETAS
        weights, mean, square = self._weights[name], self._mean[name], self._square[name]
        settings = (self._steps, rate, beta1, beta2, EPSILON, scale, self._threads)
        if isinstance(gradient, ElementGradient):
            gradient = gradient.to_rows(weights)
        if isinstance(gradient, RowGradient):
            rows, seen = gradient.rows, self._touched[name]
            _native.adam_rows(_flat(weights), gradient.values, rows, _flat(mean), _flat(square), seen, *settings)
            return
        _native.adam(weights, gradient, mean, square, *settings)

    def _adagrad(self, name: str, gradient: Gradient, scale: float) -> None:
        weights, square = self._weights[name], self._square[name]
        settings = self.rate, EPSILON, scale, self._threads
        if isinstance(gradient, ElementGradient):
            _native.adagrad_elements(weights, gradient.values, gradient.places, square, *settings)
        elif isinstance(gradient, RowGradient):
            _native.adagrad_rows(_flat(weights), gradient.values, gradient.rows, _flat(square), *settings)
        else:
            _native.adagrad(weights, gradient, square, *settings)

    def arrays(self) -> State:
        """The arrays of the state by name; only `steps` is a copy."""
        slots = {"square": self._square, "mean": self._mean, "touched": self._touched}
        found = {f"{slot}.{name}": array for slot, arrays in slots.items() for name, array in arrays.items()}
        return found | {"steps": np.array(self._steps)}

    def restore(self, state: State) -> None:
        """Copy the values of arrays of the same names and shapes."""
        self._steps = int(state["steps"])
        for name, array in self.arrays().items():
            array[...] = state[name]

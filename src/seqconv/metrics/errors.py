"""Losses, errors and scores of outputs against targets, and the interval of a paired comparison.

Shapes: binary classes have outputs `[N, 1]` and targets `[N, 1]` of 0 and 1; many classes have outputs `[N, classes]`
and targets `[N]` (class index); several classes an example have both `[N, classes]`, targets of 0 and 1; forecasts have
both `[N, outputs]`, in standard deviations of the training rows.
"""

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CLASS_LOSSES, _cut, example_losses

Metrics = dict[str, float]


def predicted_classes(outputs: np.ndarray, loss: str) -> np.ndarray:
    """Class index of each example, int64 `[N]`: the largest output, or the side of the middle that it lies on.

    Several classes an example: 0 or 1 for each, int64 `[N, classes]`.
    """
    if loss == "binary_crossentropy" and outputs.shape[1] > 1:
        return np.asarray(outputs > 0, np.int64)
    if loss == "categorical_crossentropy":
        return np.asarray(outputs.argmax(axis=1))
    return np.asarray(outputs[:, 0] > (0.5 if loss == "as_printed" else 0.0), np.int64)


def example_errors(outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
    """Error of each example, `[N]` float64: 1 for a wrong class, else 0; for forecasts the absolute error.

    Several classes an example: 1 - F1 of those said and those that hold; 0 where both are none.

    `as_printed` counts as Keras 2 did: the rounded output must equal the target, so an output of 1.6 is wrong.
    """
    if loss not in CLASS_LOSSES:
        return example_losses(outputs, targets, "mae")
    targets = np.asarray(targets)
    if loss == "as_printed":
        wrong = np.round(outputs[:, 0]) != targets[:, 0]
    elif loss == "binary_crossentropy" and outputs.shape[1] > 1:
        said, holds = predicted_classes(outputs, loss), targets > 0
        either = said.sum(axis=1) + holds.sum(axis=1)
        return np.asarray(1 - np.where(either > 0, 2 * (said * holds).sum(axis=1) / np.maximum(either, 1), 1))
    else:
        wrong = predicted_classes(outputs, loss) != targets.reshape(-1)
    return np.asarray(wrong, np.float64)


def score(outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
    """`loss`, and `metric`: accuracy (0 to 1), or for forecasts the mean absolute error; for a batch or a split."""
    error = float(example_errors(outputs, targets, loss).mean())
    mean_loss = float(example_losses(outputs, targets, loss).mean())
    return {"loss": mean_loss, "metric": 1 - error if loss in CLASS_LOSSES else error}


def score_classes(outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
    """`loss`, `accuracy` (0 to 1; several classes an example: `f1`, the mean over examples) and `n`."""
    scores = score(outputs, targets, loss)
    several = loss == "binary_crossentropy" and outputs.shape[1] > 1
    return {"loss": scores["loss"], "f1" if several else "accuracy": scores["metric"], "n": len(targets)}


def score_forecast(outputs: np.ndarray, targets: Targets, scale: np.ndarray) -> Metrics:
    """`mae` in the target's unit, `mae_scaled` and `mse_scaled` in standard deviations of the training rows, and `n`.

    Args:
        scale: standard deviation of each output's target in the training rows, in its unit, `[outputs]`.
    """
    size, square = np.zeros((2, outputs.shape[1]))
    for rows in _cut(outputs):
        errors = outputs[rows].astype(np.float64) - targets[rows]
        size += np.abs(errors).sum(axis=0)
        square += (errors**2).sum(axis=0)
    size, square = size / len(outputs), square / len(outputs)
    return {
        "mae": float((size * scale).mean()),
        "mae_scaled": float(size.mean()),
        "mse_scaled": float(square.mean()),
        "n": len(targets),
    }


def confusion_matrix(outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
    """Examples by true class (row) and predicted class (column), int64 `[classes, classes]`; one class an example."""
    classes = max(outputs.shape[1], 2)
    cells = np.asarray(targets).reshape(-1).astype(np.int64) * classes + predicted_classes(outputs, loss)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)

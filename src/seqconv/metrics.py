"""Losses, errors and scores of outputs against targets, and the interval of a paired comparison.

Shapes: binary classes have outputs `[N, 1]` and targets `[N, 1]` of 0 and 1; many classes have outputs `[N, classes]`
and targets `[N]` (class index); several classes an example have both `[N, classes]`, targets of 0 and 1; forecasts have
both `[N, outputs]`, in standard deviations of the training rows.
"""

import numpy as np

from seqconv.intervals import ENDS, FEWEST_BLOCKS, RESAMPLES, resample_sums
from seqconv.windows import Targets

Metrics = dict[str, float]

CLASS_LOSSES = ("binary_crossentropy", "categorical_crossentropy", "as_printed")
CLIP = 1e-7
CHUNK = 2**22  # values that are compared at once: forecasts may be far larger than the series


def example_losses(outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
    """Loss of each example, `[N]` float64; their mean is what training lowers.

    Cross-entropies take logits. `as_printed` is Keras 2's binary cross-entropy on the raw output, clipped to
    [1e-7, 1 - 1e-7]; `huber` has its bend at 1.
    """
    found = [_example_losses(outputs[rows], targets[rows], loss) for rows in _cut(outputs)]
    return np.concatenate(found) if found else np.empty(0)


def _cut(outputs: np.ndarray) -> list[slice]:
    rows = max(CHUNK // max(outputs.shape[1], 1), 1)
    return [slice(first, first + rows) for first in range(0, len(outputs), rows)]


def _example_losses(outputs: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    if loss == "categorical_crossentropy":
        logits = outputs.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        own = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
        return np.asarray(np.log(np.exp(logits).sum(axis=1)) - own)
    if loss == "binary_crossentropy":
        logits = outputs.astype(np.float64)
        each = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    elif loss == "as_printed":
        # clipped in float32, as Keras did: there 1 - 1e-7 is 1 - 1.19e-7, and the largest losses depend on it
        share = np.clip(outputs.astype(np.float32), CLIP, 1 - CLIP).astype(np.float64)
        each = -targets * np.log(share) - (1 - targets) * np.log1p(-share)
    else:
        each = _forecast_losses(outputs.astype(np.float64) - targets, loss)
    return np.asarray(each.mean(axis=1))


def _forecast_losses(difference: np.ndarray, loss: str) -> np.ndarray:
    size: np.ndarray = np.abs(difference)
    if loss == "mae":
        return size
    if loss == "mse":
        return size**2
    if loss == "huber":
        return np.where(size <= 1, 0.5 * size**2, size - 0.5)
    raise ValueError(f"unknown loss {loss!r}")


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


def paired_interval(
    network_errors: np.ndarray, baseline_errors: np.ndarray, block: int, seed: int
) -> tuple[float, float, float]:
    """How much smaller the network's mean error is than a baseline's on the same rows, with a 95 % interval.

    Bootstrap of 1 - mean(network) / mean(baseline), both resampled together. Neighbouring rows of a series err
    alike, so rows are drawn in blocks of neighbours; the end is joined to the start, so that every row is drawn
    equally often.

    Args:
        network_errors, baseline_errors: `[N]`, row by row of the same examples, at least 0.
        block: rows drawn together; 1 for independent examples.

    Returns:
        Relative improvement, low and high end (0.07: 7 % smaller; negative: larger). Fewer than 10 blocks say
        too little: the ends are then minus and plus infinity. Against a baseline without error the improvement is
        0 if the network makes none either, else minus infinity.

    Reference: Kunsch 1989, Annals of Statistics 17, 1217-1241 (blocks); Politis and Romano 1992, "A circular
    block-resampling procedure for stationary data" (joined ends); Efron and Tibshirani 1993, chapter 13 (percentiles).
    """
    errors = np.stack([network_errors, baseline_errors], axis=1).astype(np.float64)  # [N, 2]
    improvement = float(_improvement(errors.sum(axis=0)[None])[0])
    if len(errors) < FEWEST_BLOCKS * block:
        return improvement, -np.inf, np.inf
    sums = resample_sums(errors, block, np.random.default_rng(seed))
    # picked, not interpolated: infinities stay what they are
    ordered = np.sort(_improvement(sums))
    low, high = (ordered[round(share * (RESAMPLES - 1))] for share in ENDS)
    return improvement, float(low), float(high)


def _improvement(sums: np.ndarray) -> np.ndarray:
    network, baseline = sums[:, 0], sums[:, 1]
    without_error = np.where(network > 0, -np.inf, 0.0)
    ratio = network / np.where(baseline > 0, baseline, 1.0)
    return np.where(baseline > 0, 1 - ratio, without_error)

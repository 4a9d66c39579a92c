"""How much each of several models counts in their blend."""

from collections.abc import Sequence

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CHUNK, CLASS_LOSSES, example_losses

EVEN = 10.0  # how much unequal factors count, in nats
COOL = 5.0  # how much a temperature other than 1 counts, in nats at a factor of e
HOTTEST, STEPS = 5.0, 81  # the range in which a temperature is looked for, and the factors that are tried; 1 is one
NEWTON, SWEEPS = 20, 50  # iterations
LEAST = 0.02  # of a blend's logits that a baseline must make up to stay in it
REACH = 0.25  # how far above the least error that of a forecast may be, relative to it
GAIN = 0.02  # how much less error a mean of forecasts must have than the simplest of them
MOST_WEIGHED = 2**22  # outputs that factors are chosen by, of evenly spaced rows: they are few numbers
SIMPLEST = 1  # its place, after the network


def find_scale(outputs: np.ndarray, targets: Targets, loss: str, weights: np.ndarray | None = None) -> float:
    """The factor that turns scores `[N, outputs]` into logits with the smallest loss; it changes no predicted class.

    Even if every row is right, the odds are at most the number of rows to one.

    Args:
        weights: factors of the losses, see `Part.weights`.
    """
    rows = _thin(outputs)
    outputs, targets, weights = outputs[rows], targets[rows], None if weights is None else weights[rows]
    sizes = np.abs(outputs) if loss == "binary_crossentropy" else outputs.std(axis=1)
    unit = float(sizes.mean()) or 1.0
    factors = np.geomspace(0.25, max(np.log(len(outputs) + 1), 0.5), 9) / unit

    def error(scale: float) -> float:
        return float(example_losses(scale * outputs, targets, loss, weights).mean())

    return float(min(factors, key=error))


def find_temperature(outputs: np.ndarray, targets: Targets, loss: str, weights: np.ndarray | None = None) -> float:
    """The factor of logits `[N, outputs]` with the smallest loss, drawn towards 1 where rows are few.

    Reference: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", ICML, section 4.2
        (temperature scaling; the factor is the inverse of the temperature).
    """

    def error(factor: float) -> float:
        found = example_losses(factor * outputs, targets, loss, weights).sum()
        return float(found + COOL * np.log(factor) ** 2)

    return float(min(np.geomspace(1 / HOTTEST, HOTTEST, STEPS), key=error))


def choose_factors(
    scores: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
) -> np.ndarray:
    """The factor of each member's scores `[N, outputs]` in a sum of logits, at least 0, `[members]`.

    The factors minimise the loss of all rows plus `EVEN` times the squared distance from the mean of the members'
    own logits, so that few rows do not decide between members that are as good. The scores must be of left-out rows.

    Args:
        weights: factors of the losses, see `Part.weights`; None: 1.

    Reference: Wolpert 1992, "Stacked generalization", Neural Networks 5; Breiman 1996, "Stacked regressions", Machine
        Learning 24 (factors that are not negative).
    """
    rows = _thin(scores[0])
    scores = [each[rows] for each in scores]
    targets, weights = targets[rows], None if weights is None else weights[rows]
    scales = np.array([find_scale(each, targets, loss, weights) for each in scores])
    logits = np.stack([scale * each for scale, each in zip(scales, scores, strict=True)], axis=-1)
    factors = _stack(logits, targets, loss, weights) if len(scores) > 1 else np.ones(1)
    return np.asarray(factors * scales * find_scale(logits @ factors, targets, loss, weights))


def _thin(outputs: np.ndarray) -> np.ndarray | slice:
    """The rows of `MOST_WEIGHED` outputs at most, evenly spaced; where there are no more, all."""
    count, most = len(outputs), max(MOST_WEIGHED // outputs.shape[1], 1)
    return slice(None) if count <= most else np.linspace(0, count - 1, most).round().astype(np.int64)


def choose_members(
    outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
) -> np.ndarray:
    """The same for logits of a network and then of baselines, of which those that make up less than `LEAST` of the
    logits have the factor 0; the network never has, `[models]`."""
    used = list(range(len(outputs)))
    while True:
        factors = np.zeros(len(outputs))
        factors[used] = choose_factors([outputs[place] for place in used], targets, loss, weights)
        each = weigh_logits(outputs, factors)
        kept = [place for place in used if place == 0 or each[place] >= LEAST]
        if len(kept) == len(used):
            factors[0] = max(factors[0], 1e-6)
            return factors
        used = kept


def choose_alone(
    outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
) -> list[np.ndarray]:
    """For each model the factors of a blend in which it is alone, `[models]` each."""
    found = [
        np.where(np.arange(len(outputs)) == place, find_scale(each, targets, loss, weights), 0.0)
        for place, each in enumerate(outputs)
    ]
    for factors in found:
        factors[0] = max(factors[0], 1e-6)
    return found


def weigh_logits(outputs: Sequence[np.ndarray], factors: np.ndarray) -> np.ndarray:
    """What each model makes up of the size of the logits, 0 to 1, `[models]`."""
    sizes = np.array([factor * np.abs(each).mean() for factor, each in zip(factors, outputs, strict=True)])
    return np.asarray(sizes / max(sizes.sum(), 1e-12))


def weigh(scores: Sequence[np.ndarray], targets: np.ndarray, loss: str, counts: np.ndarray | None = None) -> np.ndarray:
    """The factor of each member's scores of left-out rows `[N, outputs]` in their sum, at least 0, `[members]`.

    Args:
        targets: classes, or numbers `[N, 1]` of which the scores are predictions.
        loss: of the targets.
        counts: what each row counts, `[N]`; None: all the same.
    """
    if loss in CLASS_LOSSES:
        return choose_factors(scores, targets, loss, None if counts is None else counts[:, None])
    return stack_numbers(scores, targets, np.ones(len(targets)) if counts is None else counts)


def stack_numbers(scores: Sequence[np.ndarray], targets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The factors that minimise the squared error of a sum of predictions `[N, 1]`, drawn to equal ones.

    Errors are counted in nats, as those of a normal distribution with the variance that equal factors leave.
    """
    x = np.concatenate(scores, axis=1).astype(np.float64)
    even = np.full(x.shape[1], 1 / x.shape[1])
    if len(even) == 1:
        return even
    left = targets[:, 0] - x @ even
    variance = max(float(np.average(np.square(left), weights=counts)), 1e-12)
    curves = (x.T * counts) @ x / variance
    return _descend(even, -((left * counts) @ x) / variance, curves + 2 * EVEN * np.eye(len(even)))


def average_forecasts(outputs: Sequence[np.ndarray], targets: Targets, squared: bool = False) -> np.ndarray:
    """The weight of each model's forecasts in their mean, for each output by itself; sum 1, `[models, outputs]`.

    It falls in a straight line from that of the most accurate model to none where the mean absolute error is `REACH`
    above the least: what fits few neighbouring rows best says little of later ones, and equal weights are hard to beat.
    Where the mean is not better than the simplest baseline by `GAIN`, that has all the weight.

    Args:
        outputs: for held-out rows, of the network, then of baselines, the simplest first; `[N, outputs]` each.
        squared: errors are root mean squared ones instead.

    Reference: Bates and Granger 1969, "The combination of forecasts", Operational Research Quarterly 20; Smith and
        Wallis 2009, "A simple explanation of the forecast combination puzzle", Oxford Bulletin of Economics and
        Statistics 71.
    """
    if len(outputs) == 1:
        return np.ones((1, outputs[0].shape[1]))
    one = np.ones((1, outputs[0].shape[1]))
    errors = np.stack([_mean_errors([each], one, targets, squared) for each in outputs])
    weights = weigh_by_error(errors, REACH)
    simple = _mean_errors(outputs, weights, targets, squared) >= errors[SIMPLEST] * (1 - GAIN)
    weights[:, simple] = (np.arange(len(outputs)) == SIMPLEST)[:, None]
    return np.asarray(weights)


def weigh_by_error(errors: np.ndarray, reach: float) -> np.ndarray:
    """Weights of models by their errors, both `[models, ...]`; sum 1 over the models.

    They fall in a straight line from that of the most accurate one to none where the error is `reach` above the least,
    relative to it.

    >>> weigh_by_error(np.array([1.0, 1.1, 1.2]), 0.2).round(2).tolist()
    [0.67, 0.33, 0.0]
    """
    least = errors.min(axis=0)
    near = np.where(errors > least, 1 - (errors / np.maximum(least, 1e-12) - 1) / reach, 1)
    weights = np.maximum(near, 0)
    return np.asarray(weights / weights.sum(axis=0))


def _mean_errors(
    outputs: Sequence[np.ndarray], weights: np.ndarray, targets: Targets, squared: bool = False
) -> np.ndarray:
    """The mean absolute or the root mean squared error of a weighted mean, for each output, in pieces."""
    total, count = np.zeros(weights.shape[1]), len(targets)
    rows = max(CHUNK // weights.shape[1], 1)
    for first in range(0, count, rows):
        part = slice(first, first + rows)
        mean = sum(weight * each[part].astype(np.float64) for weight, each in zip(weights, outputs, strict=True))
        errors = np.abs(mean - targets[part])
        total += (errors**2 if squared else errors).sum(axis=0)
    return np.sqrt(total / count) if squared else total / count


def find_shift(logits: np.ndarray, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What to add to logits of left-out rows `[N, outputs]` for the smallest weighted loss, `[outputs]`.

    Where features are many, a regression fits every row, whatever it counts: weights then change hardly more than this.
    """
    alone = logits.shape[1] == 1
    wide = np.concatenate([np.zeros_like(logits), logits], axis=1) if alone else logits
    shift = np.zeros(wide.shape[1])
    inside = np.eye(wide.shape[1])[classes.reshape(-1).astype(np.int64)]
    for _ in range(NEWTON):
        p = _normalise(wide + shift)
        slope = counts @ (p - inside) + shift
        curves = np.diag(counts @ p) - (p.T * counts) @ p + np.eye(len(shift))
        shift = shift - np.linalg.solve(curves, slope)
    return shift[1:] - shift[0] if alone else shift


def _stack(logits: np.ndarray, targets: Targets, loss: str, weights: np.ndarray | None) -> np.ndarray:
    """Factors of logits `[N, outputs, members]` by Newton's method, each step with no factor below 0."""
    classes = np.asarray(targets).reshape(-1).astype(np.int64)
    counts = 1.0 if weights is None else np.broadcast_to(weights, (len(weights), len(classes) // len(weights)))
    count = np.asarray(counts, np.float64).reshape(-1, 1)  # of each choice, [N, 1]
    if loss == "binary_crossentropy":  # each output is a choice between two, of which one has the logit 0
        logits = logits.reshape(len(classes), 1, -1)
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    even = np.full(logits.shape[2], 1 / logits.shape[2])
    own, factors = logits[np.arange(len(classes)), classes], even
    for _ in range(NEWTON):
        p = _normalise(logits @ factors)
        means = np.einsum("nc,ncm->nm", p, logits)
        slope = (count * (means - own)).sum(axis=0) + 2 * EVEN * (factors - even)
        curves = np.einsum("nc,ncm,ncl->ml", count * p, logits, logits, optimize=True) - (count * means).T @ means
        factors = _descend(factors, slope, curves + 2 * EVEN * np.eye(len(even)))
    return factors


def _normalise(logits: np.ndarray) -> np.ndarray:
    """The probabilities of logits `[N, classes]`, to the last bit of float64."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _descend(factors: np.ndarray, slope: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """The smallest value of a quadratic function around `factors` where none is below 0, one factor after another."""
    found = factors.copy()
    for _ in range(SWEEPS):
        for place in range(len(found)):
            steepness = slope[place] + curves[place] @ (found - factors)
            found[place] = max(found[place] - steepness / curves[place, place], 0.0)
    return found

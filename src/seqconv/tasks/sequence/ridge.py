"""Ridge classifiers judged by leaving out each training row, exactly and from one factorisation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CLASS_LOSSES, example_losses

PENALTIES = np.logspace(-3, 3, 10)  # for standardised features, as in the authors' code of ROCKET
RELATIVE_PENALTIES = np.logspace(-7, 2, 19)  # for rows of unit length
PRECISION = 1e-7  # of products in float32
EVEN = 10.0  # how much unequal factors count, in nats
NEWTON, SWEEPS = 20, 50  # iterations


class Factors(NamedTuple):
    """Singular vectors of N centred rows of features `[N, rank]`, and the squares of their singular values `[rank]`."""

    left: np.ndarray
    squares: np.ndarray


def factorise(centred: np.ndarray) -> Factors:
    """The factors of centred features `[N, F]`, from their products by row or by column, whichever are fewer."""
    precision = 1e-10 if centred.dtype == np.float64 else PRECISION
    if len(centred) <= centred.shape[1]:
        return factorise_products(centred @ centred.T, precision)
    columns = factorise_products(centred.T @ centred, precision)
    left = centred @ columns.left.astype(centred.dtype) / np.sqrt(columns.squares)
    return Factors(left, columns.squares)


def factorise_products(products: np.ndarray, precision: float = PRECISION) -> Factors:
    """The factors of rows with these products `[N, N]`, but for what lies below the products' relative precision."""
    squares, vectors = np.linalg.eigh(products.astype(np.float64))
    kept = squares > precision * max(float(squares[-1]), 1e-300)
    return Factors(vectors[:, kept], squares[kept])


class LeftOut(NamedTuple):
    """A ridge regression.

    Args:
        duals: the weights are `centred.T @ duals`, `[N, outputs]`.
        errors: of each training row by the regression without it, `[N, outputs]`.
    """

    duals: np.ndarray
    errors: np.ndarray


def fit_ridge(
    factors: Factors, wanted: np.ndarray, penalties: np.ndarray, weights: np.ndarray | None = None
) -> LeftOut:
    """The regression on centred targets `[N, outputs]` with the penalty of the smallest leave-one-out error.

    The leverage of each row (its weight in its own fitted value) gives the leave-one-out errors of every penalty.

    Args:
        weights: what the squared error of each row counts, `[N]`: features and targets have been centred by weighted
            means and multiplied by the square roots of the weights, and so are the errors; None: all count the same.

    Reference: Hastie, Tibshirani and Friedman 2009, "The elements of statistical learning", section 7.10.1.
    """
    left, squares = factors
    along = left.T @ wanted
    best, found, smallest = 0.0, wanted, np.inf
    intercept = 1 / len(left) if weights is None else weights / weights.sum()  # its part of the leverage
    for penalty in penalties:
        shrunk = squares / (squares + penalty)
        leverage = np.square(left) @ shrunk + intercept
        errors = (wanted - left @ (shrunk[:, None] * along)) / np.maximum(1 - leverage, 1e-12)[:, None]
        error = np.square(errors).mean()
        if error < smallest:
            best, found, smallest = penalty, errors, error
    return LeftOut(left @ (along / (squares + best)[:, None]), found)


def solve_ridge(x: np.ndarray, targets: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[F, outputs]` and bias `[outputs]` of a ridge regression of targets `[N, outputs]` on x `[N, F]`.

    Args:
        counts: what each row counts, above 0, `[N]`; None: all the same.
    """
    centre, intercept = average(x, counts), average(targets, counts)
    root = 1.0 if counts is None else np.sqrt(counts)[:, None]
    centred = (x - centre) * root
    weights = centred.T @ fit_ridge(factorise(centred), (targets - intercept) * root, PENALTIES, counts).duals
    return weights, intercept - centre @ weights


def average(values: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
    """The mean over the rows, weighted by what each counts."""
    if counts is None:
        return np.asarray(values.mean(axis=0, dtype=np.float64))
    return np.asarray(counts @ values.astype(np.float64) / counts.sum())


def find_scale(outputs: np.ndarray, targets: Targets, loss: str, counts: np.ndarray | None = None) -> float:
    """The factor that turns scores `[N, outputs]` into logits with the smallest loss; it changes no predicted class.

    Even if every row is right, the odds are at most the number of rows to one.
    """
    unit = float((outputs.std(axis=1) if outputs.shape[1] > 1 else np.abs(outputs)).mean()) or 1.0
    sizes = np.geomspace(0.25, max(np.log(len(outputs) + 1), 0.5), 9) / unit

    def error(scale: float) -> float:
        return float(np.average(example_losses(scale * outputs, targets, loss), weights=counts))

    return float(min(sizes, key=error))


def weigh(scores: Sequence[np.ndarray], targets: np.ndarray, loss: str, counts: np.ndarray | None = None) -> np.ndarray:
    """The factor of each member's scores of left-out rows `[N, outputs]` in their sum, at least 0, `[members]`.

    Args:
        targets: classes, or numbers `[N, 1]` of which the scores are predictions.
        loss: of the targets.
        counts: what each row counts, `[N]`; None: all the same.
    """
    if loss in CLASS_LOSSES:
        return blend(scores, targets, loss, counts)
    return stack_numbers(scores, targets, np.ones(len(targets)) if counts is None else counts)


def stack_numbers(scores: Sequence[np.ndarray], targets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The factors that minimise the squared error of a sum of predictions `[N, 1]`, drawn to equal ones as by `blend`.

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


def blend(scores: Sequence[np.ndarray], targets: Targets, loss: str, counts: np.ndarray | None = None) -> np.ndarray:
    """The factor of each member's scores `[N, outputs]` in a sum of logits, at least 0, `[members]`.

    The factors minimise the loss of all rows plus `EVEN` times the squared distance from the mean of the members'
    own logits, so that few rows do not decide between members that are as good. The scores must be of left-out rows.

    Reference: Wolpert 1992, "Stacked generalization", Neural Networks 5; Breiman 1996, "Stacked regressions", Machine
        Learning 24 (factors that are not negative).
    """
    scales = np.array([find_scale(each, targets, loss, counts) for each in scores])
    logits = np.stack([scale * each for scale, each in zip(scales, scores, strict=True)], axis=-1)
    classes = np.asarray(targets).reshape(-1).astype(np.int64)
    factors = _stack(logits, classes, counts) if len(scores) > 1 else np.ones(1)
    return np.asarray(factors * scales * find_scale(logits @ factors, targets, loss, counts))


def find_shift(logits: np.ndarray, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What to add to logits of left-out rows `[N, outputs]` for the smallest weighted loss, `[outputs]`.

    Where features are many, a regression fits every row, whatever it counts: weights then change hardly more than this.
    """
    alone = logits.shape[1] == 1
    wide = np.concatenate([np.zeros_like(logits), logits], axis=1) if alone else logits
    shift = np.zeros(wide.shape[1])
    inside = np.eye(wide.shape[1])[classes.reshape(-1).astype(np.int64)]
    for _ in range(NEWTON):
        p = np.exp(wide + shift - (wide + shift).max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        slope = counts @ (p - inside) + shift
        curves = np.diag(counts @ p) - (p.T * counts) @ p + np.eye(len(shift))
        shift = shift - np.linalg.solve(curves, slope)
    return shift[1:] - shift[0] if alone else shift


def _stack(logits: np.ndarray, classes: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
    """Factors of logits `[N, outputs, members]` by Newton's method, each step with no factor below 0."""
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    even = np.full(logits.shape[2], 1 / logits.shape[2])
    own, factors = logits[np.arange(len(classes)), classes], even
    for _ in range(NEWTON):
        sums = logits @ factors
        p = np.exp(sums - sums.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        means = np.einsum("nc,ncm->nm", p, logits)
        each = means - own
        if counts is not None:
            p, each = p * counts[:, None], each * counts[:, None]
        slope = each.sum(axis=0) + 2 * EVEN * (factors - even)
        curves = np.einsum("nc,ncm,ncl->ml", p, logits, logits, optimize=True)
        curves -= (means.T if counts is None else means.T * counts) @ means
        factors = _descend(factors, slope, curves + 2 * EVEN * np.eye(len(even)))
    return factors


def _descend(factors: np.ndarray, slope: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """The smallest value of a quadratic function around `factors` where none is below 0, one factor after another."""
    found = factors.copy()
    for _ in range(SWEEPS):
        for place in range(len(found)):
            steepness = slope[place] + curves[place] @ (found - factors)
            found[place] = max(found[place] - steepness / curves[place, place], 0.0)
    return found

"""Ridge classifiers judged by leaving out each training row, exactly and from one factorisation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqconv.networks.inputs import Targets
from seqconv.networks.losses import example_losses

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


def fit_ridge(factors: Factors, wanted: np.ndarray, penalties: np.ndarray) -> LeftOut:
    """The regression on centred targets `[N, outputs]` with the penalty of the smallest leave-one-out error.

    The leverage of each row (its weight in its own fitted value) gives the leave-one-out errors of every penalty.

    Reference: Hastie, Tibshirani and Friedman 2009, "The elements of statistical learning", section 7.10.1.
    """
    left, squares = factors
    along = left.T @ wanted
    best, found, smallest = 0.0, wanted, np.inf
    for penalty in penalties:
        shrunk = squares / (squares + penalty)
        leverage = np.square(left) @ shrunk + 1 / len(left)
        errors = (wanted - left @ (shrunk[:, None] * along)) / np.maximum(1 - leverage, 1e-12)[:, None]
        error = np.square(errors).mean()
        if error < smallest:
            best, found, smallest = penalty, errors, error
    return LeftOut(left @ (along / (squares + best)[:, None]), found)


def solve_ridge(x: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[F, outputs]` and bias `[outputs]` of a ridge regression of targets `[N, outputs]` on x `[N, F]`."""
    centre, intercept = x.mean(axis=0, dtype=np.float64), targets.mean(axis=0)
    centred = x - centre
    weights = centred.T @ fit_ridge(factorise(centred), targets - intercept, PENALTIES).duals
    return weights, intercept - centre @ weights


def find_scale(outputs: np.ndarray, targets: Targets, loss: str) -> float:
    """The factor that turns scores `[N, outputs]` into logits with the smallest loss; it changes no predicted class.

    Even if every row is right, the odds are at most the number of rows to one.
    """
    unit = float((outputs.std(axis=1) if outputs.shape[1] > 1 else np.abs(outputs)).mean()) or 1.0
    sizes = np.geomspace(0.25, max(np.log(len(outputs) + 1), 0.5), 9) / unit

    def error(scale: float) -> float:
        return float(example_losses(scale * outputs, targets, loss).mean())

    return float(min(sizes, key=error))


def blend(scores: Sequence[np.ndarray], targets: Targets, loss: str) -> np.ndarray:
    """The factor of each member's scores `[N, outputs]` in a sum of logits, at least 0, `[members]`.

    The factors minimise the loss of all rows plus `EVEN` times the squared distance from the mean of the members'
    own logits, so that few rows do not decide between members that are as good. The scores must be of left-out rows.

    Reference: Wolpert 1992, "Stacked generalization", Neural Networks 5; Breiman 1996, "Stacked regressions", Machine
        Learning 24 (factors that are not negative).
    """
    scales = np.array([find_scale(each, targets, loss) for each in scores])
    logits = np.stack([scale * each for scale, each in zip(scales, scores, strict=True)], axis=-1)
    factors = _stack(logits, np.asarray(targets).reshape(-1).astype(np.int64)) if len(scores) > 1 else np.ones(1)
    return np.asarray(factors * scales * find_scale(logits @ factors, targets, loss))


def _stack(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
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
        slope = (means - own).sum(axis=0) + 2 * EVEN * (factors - even)
        curves = np.einsum("nc,ncm,ncl->ml", p, logits, logits, optimize=True) - means.T @ means
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

"""Ridge classifiers judged by leaving out each training row, exactly and from one factorisation."""

from typing import NamedTuple

import numpy as np

PENALTIES = np.logspace(-3, 3, 10)  # for standardised features, as in the authors' code of ROCKET
RELATIVE_PENALTIES = np.logspace(-7, 2, 19)  # for rows of unit length
PRECISION = 1e-7  # of products in float32


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

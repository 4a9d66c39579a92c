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

"""One linear model for all series: from the window and what is known of the future to every row of the horizon."""

from dataclasses import dataclass, replace

import numpy as np

from seqconv.tasks.panel.features import PanelFeatures, PanelSplit, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import PanelModel, fit_spread
from seqconv.tasks.panel.reading import CHUNK, read_known, read_windows, take_logs
from seqconv.tasks.panel.split import all_examples

PENALTIES = 10.0 ** np.arange(0, 7)
MOST_LOG = 700.0  # beyond which the exponential function is infinite
MOST_CHANGE = 20.0  # of a target in units of its window's scale, beyond which it is taken for an outlier


@dataclass(frozen=True)
class Ridge(PanelModel):
    """A linear function for each row of the horizon.

    Args:
        weights: float64 `[F, H]`.
        bias: float64 `[H]`.
        penalty: float64 `[1]`.
        logged: 1: it forecasts logarithms, int64 `[1]`.
        spread: quantiles of its errors by step, scaled, `[H, levels]`.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: np.ndarray
    logged: np.ndarray
    spread: np.ndarray

    def point(self, inputs: PanelInputs) -> np.ndarray:
        """Point forecasts in the unit of the target, `[N, H]`."""
        windows = read_windows(self.features, take_logs(inputs) if self.logged[0] else inputs)
        x = np.concatenate([windows.rows, read_known(self.features, inputs)], axis=1)
        found = windows.unscale(x @ self.weights + self.bias)
        return np.expm1(np.minimum(found, MOST_LOG)) if self.logged[0] else found

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        scales = find_scales(inputs, self.features.season)
        return np.asarray(self.point(inputs)[..., None] + scales[:, None, None] * self.spread)

    def refit(self, split: PanelSplit) -> "Ridge":
        """The same penalty and spread, fitted to all rows of the split."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        logged, inputs = bool(self.logged[0]), all_examples(self.features, split.train.inputs)
        with threadpool_limits(1):
            fitted = _solve(self.features, _sum_up(self.features, inputs, logged), float(self.penalty[0]), logged)
        return replace(fitted, spread=self.spread)


def fit_ridge(split: PanelSplit) -> Ridge:
    """Fit to the training examples, with the penalty that errs least on the validation examples; of numbers that are
    never negative also to their logarithms."""
    from threadpoolctl import threadpool_limits

    best, least, chosen = None, np.inf, np.empty(0)
    scales = find_scales(split.validation.inputs, split.features.season)[:, None]
    with threadpool_limits(1):
        for logged in (False, True) if split.features.positive else (False,):
            sums = _sum_up(split.features, split.train.inputs, logged)
            for penalty in PENALTIES:
                model = _solve(split.features, sums, penalty, logged)
                points = model.point(split.validation.inputs) / scales
                error = float(np.nanmean(np.abs(points - np.asarray(split.validation.targets))))
                if error < least:
                    best, least, chosen = model, error, points
    assert best is not None
    return replace(best, spread=fit_spread(chosen, split.validation))


@dataclass(frozen=True)
class _Sums:
    """Sums over examples of which a linear model is made."""

    vectors: np.ndarray
    values: np.ndarray
    along: np.ndarray
    centre: np.ndarray
    intercept: np.ndarray


def _sum_up(features: PanelFeatures, inputs: PanelInputs, logged: bool) -> _Sums:
    width = features.lookback + read_known(features, inputs.take(np.arange(1))).shape[1]
    horizon, count = features.horizon, 0
    products, crossed = np.zeros((width, width)), np.zeros((width, horizon))
    sums, totals = np.zeros(width), np.zeros(horizon)
    read = take_logs(inputs) if logged else inputs
    for first in range(0, len(inputs), CHUNK):
        some = read.take(np.arange(first, min(first + CHUNK, len(inputs))))
        windows = read_windows(features, some)
        targets = windows.scale_targets(some.values[some.ahead])
        whole = ~np.isnan(targets).any(axis=1)
        x = np.concatenate([windows.rows, read_known(features, some)], axis=1)[whole].astype(np.float64)
        y = np.clip(targets[whole], -MOST_CHANGE, MOST_CHANGE)
        products += x.T @ x
        crossed += x.T @ y
        sums, totals, count = sums + x.sum(axis=0), totals + y.sum(axis=0), count + len(x)
    count = max(count, 1)
    centre, intercept = sums / count, totals / count
    products -= count * np.outer(centre, centre)
    crossed -= count * np.outer(centre, intercept)
    values, vectors = np.linalg.eigh(products)
    return _Sums(vectors, np.maximum(values, 0), vectors.T @ crossed, centre, intercept)


def _solve(features: PanelFeatures, sums: _Sums, penalty: float, logged: bool) -> Ridge:
    weights = sums.vectors @ (sums.along / (sums.values + penalty)[:, None])
    spread = np.zeros((features.horizon, 9))
    return Ridge(
        features, weights, sums.intercept - sums.centre @ weights, np.array([penalty]), np.array([int(logged)]), spread
    )

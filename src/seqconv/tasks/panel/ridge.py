"""One linear model for all series: from the window and what is known of the future to every row of the horizon."""

from dataclasses import dataclass

import numpy as np

from seqconv.networks.inputs import PanelInputs
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, PanelSplit, find_scales
from seqconv.tasks.panel.models import PanelModel, fill_forward, fit_spread
from seqconv.tasks.panel.reading import read_known, read_windows

PENALTIES = 10.0 ** np.arange(0, 7)
MOST_CHANGE = 20.0  # of a target in units of its window's scale, beyond which it is taken for an outlier


@dataclass(frozen=True)
class Ridge(PanelModel):
    """A linear function for each row of the horizon.

    Args:
        weights: float64 `[F, H]`.
        bias: float64 `[H]`.
        penalty: float64 `[]`.
        spread: quantiles of its errors by step, scaled, `[H, levels]`.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: np.ndarray
    spread: np.ndarray

    def point(self, inputs: PanelInputs) -> np.ndarray:
        """Point forecasts in the unit of the target, `[N, H]`."""
        windows = read_windows(self.features, inputs)
        x = np.concatenate([windows.rows, read_known(self.features, inputs)], axis=1)
        return windows.unscale(x @ self.weights + self.bias)

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        scales = find_scales(inputs, self.features.season)
        return np.asarray(self.point(inputs)[..., None] + scales[:, None, None] * self.spread)


def fit_ridge(split: PanelSplit) -> Ridge:
    """Fit to the training examples, with the penalty that errs least on the validation examples."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(2):
        gram = _sum_up(split.features, split.train)
        best, least = None, np.inf
        for penalty in PENALTIES:
            model = _solve(split.features, gram, penalty)
            points = model.point(split.validation.inputs) / _scales(split.validation, split.features)
            error = np.nanmean(np.abs(points - np.asarray(split.validation.targets)))
            if error < least:
                best, least, chosen = model, error, points
    assert best is not None
    return Ridge(split.features, best.weights, best.bias, best.penalty, fit_spread(chosen, split.validation))


def refit_ridge(model: Ridge, part: PanelPart) -> Ridge:
    """The same penalty and spread on other examples."""
    fitted = _solve(model.features, _sum_up(model.features, part), float(model.penalty))
    return Ridge(model.features, fitted.weights, fitted.bias, model.penalty, model.spread)


def _scales(part: PanelPart, features: PanelFeatures) -> np.ndarray:
    return find_scales(part.inputs, features.season)[:, None]


@dataclass(frozen=True)
class _Sums:
    """Sums over examples of which a linear model is made."""

    vectors: np.ndarray
    values: np.ndarray
    along: np.ndarray
    centre: np.ndarray
    intercept: np.ndarray


def _sum_up(features: PanelFeatures, part: PanelPart, chunk: int = 10_000) -> _Sums:
    filled = fill_forward(part.inputs.values, part.inputs.offsets)
    width = features.lookback + read_known(features, part.inputs.take(np.arange(1))).shape[1]
    horizon, count = features.horizon, 0
    products, crossed = np.zeros((width, width)), np.zeros((width, horizon))
    sums, totals = np.zeros(width), np.zeros(horizon)
    for first in range(0, len(part.targets), chunk):
        some = part.inputs.take(np.arange(first, min(first + chunk, len(part.targets))))
        windows = read_windows(features, some, filled)
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


def _solve(features: PanelFeatures, sums: _Sums, penalty: float) -> Ridge:
    weights = sums.vectors @ (sums.along / (sums.values + penalty)[:, None])
    spread = np.zeros((features.horizon, 9))
    return Ridge(features, weights, sums.intercept - sums.centre @ weights, np.array(penalty), spread)

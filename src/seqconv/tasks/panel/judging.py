"""Metrics of quantile forecasts, by which models of a panel are chosen."""

import numpy as np

from seqconv.metrics.errors import Metrics
from seqconv.tasks.panel.forecasts import MEDIAN, average_known, measure_pinball


def measure_all(quantiles: np.ndarray, targets: np.ndarray, scales: np.ndarray) -> Metrics:
    """`mase` and `sql` of scaled forecasts; `mae`, `rmse`, `pinball`, `wql` and `smape` (in percent) in the unit of the
    target.

    Args:
        quantiles: scaled, `[N, H, levels]`.
        targets: scaled, NaN where none is known, `[N, H]`.
        scales: the unit of each example, `[N]`.
    """
    wide = scales[:, None]
    errors, known = np.abs(quantiles[..., MEDIAN] - targets), ~np.isnan(targets)
    losses = measure_pinball(quantiles, targets).mean(axis=2)
    both = np.abs(quantiles[..., MEDIAN]) + np.abs(targets)
    relative = np.where(both > 0, 2 * errors / np.where(both > 0, both, 1), errors * 0)
    sizes = (np.abs(targets) * wide)[known].sum()
    pinball = (losses * wide)[known]
    return {
        "mase": float(average_known(errors).mean()),
        "sql": float(2 * average_known(losses).mean()),
        "mae": float((errors * wide)[known].mean()),
        "rmse": float(np.sqrt(((errors * wide)[known] ** 2).mean())),
        "pinball": float(pinball.mean()),
        "wql": float(2 * pinball.sum() / sizes) if sizes else float("nan"),
        "smape": float(100 * average_known(relative).mean()),
    }

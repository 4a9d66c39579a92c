"""Quantile forecasts of one column, step by step, in units of each example's scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.metrics.comparison import Score
from seqconv.metrics.errors import Metrics
from seqconv.networks.inputs import Targets
from seqconv.tasks.profiles import ANSWERS, Sample
from seqconv.tasks.target import Target

LEVELS = np.arange(1, 10) / 10  # of the quantiles that every model forecasts
MEDIAN = 4
MOST_WRITTEN = 2**22  # values that a run saves of its test forecasts


@dataclass(frozen=True)
class Forecasts(Target):
    """Quantiles at `LEVELS` for each step of the horizon; targets are one number a step, NaN where none is known.

    Outputs are `[N, H * levels]`, targets `[N, H]`, both divided by the scale of the example, so that the mean absolute
    error of the medians is the MASE.

    Args:
        names: the column.
        horizon: rows to forecast.
        levels: of the quantiles that were asked for; none: all.
        judged: see `Target`.
    """

    names: tuple[str, ...]
    horizon: int
    levels: tuple[float, ...] = ()
    judged: str = ""
    metric = "mase"
    judges = ("mase", "sql", "mae", "rmse", "pinball", "wql", "smape")
    error = "mase"
    loss = "mae"

    @property
    def outputs(self) -> int:
        return self.horizon * len(LEVELS)

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The MASE of each example; 0 where no target is known."""
        return average_known(np.abs(to_quantiles(outputs)[..., MEDIAN] - np.asarray(targets)))

    def to_metric(self, error: Any) -> Any:
        return error

    def show_score(self, metrics: Metrics) -> str:
        return f"{metrics['mase']:.3g}"

    def say_score(self, metrics: Metrics, rows: str) -> Score:
        return Score(f"MASE {self.show_score(metrics)} on {metrics['n']:,} unseen forecast{'s' * (metrics['n'] > 1)}")

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`mase`, `sql` (the scaled quantile loss, the mean over the levels of twice the pinball loss) and `n`."""
        losses = average_known(measure_pinball(to_quantiles(outputs), np.asarray(targets)).mean(axis=2))
        return {
            "mase": float(self.errors(outputs, targets, loss).mean()),
            "sql": float(2 * losses.mean()),
            "n": len(outputs),
        }

    def measure_change(
        self, before: np.ndarray, after: np.ndarray, loss: str, changed: Target | None = None
    ) -> dict[str, float]:
        """`moved`: the mean absolute difference of the medians, scaled."""
        return {"moved": float(np.abs(to_quantiles(after) - to_quantiles(before))[..., MEDIAN].mean())}

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """`mase` of quantiles `[N, H, levels]`."""
        return {"mase": self.errors(outputs.reshape(len(outputs), -1), targets, loss)}

    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Quantiles `[N, H, levels]` and targets `[N, H]`, both scaled, and `times`; of evenly spaced examples if there
        are too many values. No `keys`: the model that answers was not fitted to them, if the kept one was."""
        rows = slice(None, None, -(-outputs.size // MOST_WRITTEN))
        found = {"outputs": to_quantiles(outputs[rows]), "targets": np.asarray(targets)[rows]}
        return found if times is None else found | {"times": times[rows]}

    def sample(self, outputs: np.ndarray, loss: str) -> list[Sample]:
        """The medians of the first and the last step, in units of each example's scale."""
        medians = to_quantiles(outputs)[..., MEDIAN]
        steps = dict.fromkeys((0, self.horizon - 1))
        return [Sample(f"{self.names[0]} {step + 1} ahead / scale", medians[:, step], of=ANSWERS) for step in steps]

    def describe(self) -> dict[str, list[str]]:
        return {"targets": list(self.names)}


def to_quantiles(outputs: np.ndarray) -> np.ndarray:
    """Outputs as float64 `[N, H, levels]`."""
    return np.asarray(outputs, np.float64).reshape(len(outputs), -1, len(LEVELS))


def measure_pinball(quantiles: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The pinball loss `[N, H, levels]` of quantiles `[N, H, levels]` for targets `[N, H]`."""
    left = targets[..., None] - quantiles
    return np.asarray(np.maximum(LEVELS * left, (LEVELS - 1) * left))


def average_known(values: np.ndarray) -> np.ndarray:
    """The mean over the known values of each row of `[N, H]`, float64 `[N]`; 0 where none is known."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))

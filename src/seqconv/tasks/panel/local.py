"""Statistical models that are fitted to each series by itself whenever it is forecast: Theta, exponential smoothing."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.networks.threads import count_threads
from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.features import PanelFeatures
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs, PanelRows
from seqconv.tasks.panel.models import PanelModel
from seqconv.tasks.series.smoothing import forecast_smoothing

NEWEST = 1000, 12  # rows at most that a history is cut to, or so many seasons if that is more
# by index in `Local.method`: ETS, all forms averaged; Theta; the same ETS with a quick search
METHODS = ("average", "dotm", "quick")
THOROUGH = 400_000  # rows of all histories up to which ETS is fitted thoroughly


@dataclass(frozen=True)
class Local(PanelModel):
    """A model without anything fitted: each history is fitted when it is forecast.

    Args:
        method: index in `METHODS`, int64 `[1]`.
    """

    method: Annotated[np.ndarray, Stored(np.int64, "1", 0, len(METHODS) - 1)]

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        method = METHODS[int(self.method[0])]
        return inputs.once(method, lambda: self._fit(inputs, method))

    def _fit(self, inputs: PanelInputs, method: str) -> np.ndarray:
        season = self.features.season
        first = np.maximum(inputs.starts, inputs.anchors - count_newest(season))
        lengths = inputs.anchors - first
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
        values = inputs.rows.values[rows]
        known = np.add.reduceat(~np.isnan(values), offsets[:-1]) > 0
        values[offsets[:-1][~known]] = 0.0  # a history of nothing is forecast as zero
        found = forecast_smoothing(
            values, offsets, season, inputs.horizon, method, tuple(LEVELS), threads=count_threads(0)
        )
        return found.quantiles


def count_newest(season: int) -> int:
    """Rows of a history that are fitted at most."""
    return max(NEWEST[0], NEWEST[1] * season)


def choose_ets(features: PanelFeatures, rows: PanelRows) -> str:
    """The method of ETS for a panel: a third of the time where its histories are long or many."""
    fitted = np.minimum(np.diff(rows.offsets), count_newest(features.season)).sum()
    return "average" if fitted <= THOROUGH else "quick"


def local_model(features: PanelFeatures, method: str) -> Local:
    """The model of that name in `METHODS`."""
    return Local(features, np.array([METHODS.index(method)]))

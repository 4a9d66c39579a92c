"""The naive forecasts: the newest value, and that of the same time last season."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import PanelModel, fill_forward, fit_spread, repeat_back


@dataclass(frozen=True)
class SeasonalNaive(PanelModel):
    """Repeats the newest season.

    Args:
        season: rows, int64 `[1]`; 1: the newest value.
        spread: quantiles of its errors by step, scaled, `[H, levels]`.
    """

    season: Annotated[np.ndarray, Stored(np.int64, "1", 1)]
    spread: Annotated[np.ndarray, Stored(np.float64, "H levels")]

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        filled = fill_forward(inputs.values, inputs.offsets)
        points = repeat_back(inputs, filled, int(self.season[0]))
        scales = find_scales(inputs, self.features.season)
        return np.asarray(points[..., None] + scales[:, None, None] * self.spread)


def fit_naive(features: PanelFeatures, part: PanelPart, season: int) -> SeasonalNaive:
    """Fit the errors of the forecast that repeats the newest `season` rows."""
    filled = fill_forward(part.inputs.values, part.inputs.offsets)
    scales = find_scales(part.inputs, features.season)[:, None]
    points = repeat_back(part.inputs, filled, season) / scales
    return SeasonalNaive(features, np.array([season]), fit_spread(points, part))

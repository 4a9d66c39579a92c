"""The naive forecasts: the newest value, and that of the same time last season."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.calibration import fit_spread
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import PointModel, repeat_back


@dataclass(frozen=True)
class SeasonalNaive(PointModel):
    """Repeats the newest season.

    Args:
        season: rows, int64 `[1]`; 1: the newest value.
    """

    season: Annotated[np.ndarray, Stored(np.int64, "1", 1)]

    def point(self, inputs: PanelInputs) -> np.ndarray:
        return repeat_back(inputs, int(self.season[0]))


def fit_naive(features: PanelFeatures, part: PanelPart, season: int) -> SeasonalNaive:
    """Fit the errors of the forecast that repeats the newest `season` rows."""
    scales = find_scales(part.inputs, features.season)[:, None]
    points = repeat_back(part.inputs, season) / scales
    return SeasonalNaive(features, fit_spread(points, part), np.array([season]))

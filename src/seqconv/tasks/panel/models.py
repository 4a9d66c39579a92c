"""What every model of a panel shares: quantile forecasts from the histories of series."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from seqconv.tasks.baselines import BaselineModel, Stored
from seqconv.tasks.panel.features import PanelFeatures, find_scales
from seqconv.tasks.panel.forecasts import LEVELS
from seqconv.tasks.panel.inputs import PanelInputs

CHUNK = 50_000  # examples forecast together


@dataclass(frozen=True)
class PanelModel(BaselineModel[PanelFeatures, PanelInputs]):
    """A fitted model of a panel."""

    @abstractmethod
    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        """Quantiles at `LEVELS` in the unit of the target, float64 `[N, H, levels]`."""

    @property
    def lengths(self) -> dict[str, int]:
        return {"H": self.features.horizon, "levels": len(LEVELS)}

    def predict(self, inputs: PanelInputs) -> np.ndarray:
        """The same in units of each example's scale, ascending and within the sign of the target, `[N, outputs]`."""
        found = np.empty((len(inputs), inputs.horizon, len(LEVELS)))
        for first in range(0, len(inputs), CHUNK):
            few = len(inputs) <= CHUNK
            some = inputs if few else inputs.take(np.arange(first, min(first + CHUNK, len(inputs))))
            found[first : first + CHUNK] = finish(self.forecast(some), self.features)
        scales = find_scales(inputs, self.features.season)
        return np.asarray(found / scales[:, None, None]).reshape(len(inputs), -1)


@dataclass(frozen=True)
class PointModel(PanelModel):
    """A model that forecasts a number for each row, around which lie the quantiles of its errors.

    Args:
        spread: quantiles of its errors by step, scaled, `[H, levels]`.
    """

    spread: Annotated[np.ndarray, Stored(np.float64, "H levels")]

    @abstractmethod
    def point(self, inputs: PanelInputs) -> np.ndarray:
        """Point forecasts in the unit of the target, `[N, H]`."""

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        scales = find_scales(inputs, self.features.season)
        return np.asarray(self.point(inputs)[..., None] + scales[:, None, None] * self.spread)


def finish(quantiles: np.ndarray, features: PanelFeatures) -> np.ndarray:
    """Quantiles in ascending order, and not below zero if the target never is."""
    ordered = np.sort(quantiles, axis=2)
    return np.maximum(ordered, 0.0) if features.positive else ordered


def gather_windows(inputs: PanelInputs, lookback: int) -> np.ndarray:
    """The rows before each anchor, float64 `[N, L]`; before its first row a series has the value of that row."""
    rows = inputs.anchors[:, None] + np.arange(-lookback, 0)
    return np.asarray(inputs.rows.filled[np.maximum(rows, inputs.starts[:, None])])


def repeat_back(inputs: PanelInputs, season: int) -> np.ndarray:
    """The seasonal naive forecast `[N, H]`: the newest known row a whole number of seasons before each row."""
    steps = np.arange(inputs.horizon)
    rows = inputs.anchors[:, None] + steps - (steps // season + 1) * season
    short = rows < inputs.starts[:, None]
    return np.asarray(inputs.rows.filled[np.where(short, inputs.anchors[:, None] - 1, rows)])

"""What regressions read of the history of a series and of what is known of its future."""

from dataclasses import dataclass, replace

import numpy as np

from seqconv.tasks.panel.features import HOLIDAY_COLUMNS, KNOWN, STATIC, PanelFeatures, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import fill_forward, gather_windows, repeat_back

MOST_SCALED = 50.0  # a value of a window, in units of the scale
CHUNK = 10_000


@dataclass(frozen=True)
class Windows:
    """Histories on their own scales.

    Args:
        rows: the last rows of each, less `level`, in units of `scale`, float32 `[N, L]`.
        base: the seasonal naive forecast, float64 `[N, H]`.
        level: mean of the last season, float64 `[N, 1]`.
        scale: mean absolute change from season to season in the window, float64 `[N, 1]`.
    """

    rows: np.ndarray
    base: np.ndarray
    level: np.ndarray
    scale: np.ndarray

    def unscale(self, changes: np.ndarray) -> np.ndarray:
        """Forecasts in the unit of the target from scaled changes to `base`, `[N, H]`."""
        return np.asarray(self.base + self.scale * changes)

    def scale_targets(self, targets: np.ndarray) -> np.ndarray:
        """The reverse."""
        return np.asarray((targets - self.base) / self.scale)


def read_windows(features: PanelFeatures, inputs: PanelInputs) -> Windows:
    """The windows of examples."""
    filled = fill_forward(inputs.values, inputs.offsets)
    season, lookback = features.season, features.lookback
    window = gather_windows(filled, inputs, lookback)
    level = window[:, -season:].mean(axis=1, keepdims=True)
    scale = np.abs(window[:, season:] - window[:, :-season]).mean(axis=1, keepdims=True)
    # a window that hardly changes says little of what is usual
    scale = np.maximum(scale, 0.1 * find_scales(inputs, season)[:, None])
    rows = np.clip((window - level) / scale, -MOST_SCALED, MOST_SCALED).astype(np.float32)
    return Windows(rows, repeat_back(inputs, filled, season), level, scale)


def take_logs(inputs: PanelInputs) -> PanelInputs:
    """The same with the logarithm of one plus each value, which must not be negative; those that are count as zero."""
    return replace(inputs, values=np.log1p(np.maximum(inputs.values, 0.0)))


@dataclass(frozen=True)
class Covariates:
    """Columns of the known inputs by what they are, int64 each."""

    known: np.ndarray
    static: np.ndarray
    calendar: np.ndarray

    @classmethod
    def of(cls, features: PanelFeatures) -> "Covariates":
        roles = [each.role for each in features.columns for _ in range(each.width) if each.role in (KNOWN, STATIC)]
        roles += [KNOWN] * (HOLIDAY_COLUMNS if features.holidays else 0)
        known, static = (np.flatnonzero(np.array(roles, object) == role) for role in (KNOWN, STATIC))
        return cls(known, static, np.arange(len(roles), features.shape[1]))


def read_known(features: PanelFeatures, inputs: PanelInputs) -> np.ndarray:
    """What a linear model reads besides the window, float32 `[N, F]`: the known columns of every row to forecast, of as
    many rows before and of those a week or season earlier; static columns; the calendar of the first row to forecast;
    the last season of the past columns. Missing values are the mean."""
    kinds, season, horizon = Covariates.of(features), features.season, features.horizon
    first = inputs.anchors
    blocks = [inputs.covariates[first][:, kinds.static], inputs.covariates[first][:, kinds.calendar]]
    if len(kinds.known):
        back = [0, horizon] + [each for each in (7 * season,) if horizon < each <= features.lookback]
        for lag in back:
            rows = np.maximum(inputs.ahead - lag, inputs.starts[:, None])
            blocks.append(inputs.covariates[rows][..., kinds.known].reshape(len(inputs), -1))
    if inputs.past.shape[1]:
        rows = np.maximum(first[:, None] + np.arange(-min(season, 24), 0), inputs.starts[:, None])
        blocks.append(inputs.past[rows].reshape(len(inputs), -1))
    return np.nan_to_num(np.concatenate(blocks, axis=1, dtype=np.float32))

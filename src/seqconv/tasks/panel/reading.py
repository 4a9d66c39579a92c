"""What regressions read of the history of a series and of what is known of its future."""

from dataclasses import dataclass

import numpy as np

from seqconv.tasks.panel.features import PanelFeatures, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import gather_windows, repeat_back

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
    season, lookback = features.season, features.lookback
    window = gather_windows(inputs, lookback)
    level = window[:, -season:].mean(axis=1, keepdims=True)
    scale = np.abs(window[:, season:] - window[:, :-season]).mean(axis=1, keepdims=True)
    # a window that hardly changes says little of what is usual
    scale = np.maximum(scale, 0.1 * find_scales(inputs, season)[:, None])
    rows = np.clip((window - level) / scale, -MOST_SCALED, MOST_SCALED).astype(np.float32)
    return Windows(rows, repeat_back(inputs, season), level, scale)


def read_by_step(inputs: PanelInputs, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The known columns, those of holidays among them, and the calendar of rows, float32 `[..., K]` both."""
    own = inputs.rows
    steps = own.steps[rows] - own.first_step
    return np.concatenate([own.known[rows], own.holidays[steps]], axis=-1), np.asarray(own.calendar[steps])


def read_known(features: PanelFeatures, inputs: PanelInputs) -> np.ndarray:
    """What a linear model reads besides the window, float32 `[N, F]`: the known columns of every row to forecast, of as
    many rows before and of those a week or season earlier; static columns; the calendar of the first row to forecast;
    the last season of the past columns. Missing values are the mean."""
    season, horizon, first = features.season, features.horizon, inputs.anchors
    known, calendar = read_by_step(inputs, first)
    blocks = [inputs.rows.static[inputs.series], calendar]
    if known.shape[1]:
        back = [0, horizon] + [each for each in (7 * season,) if horizon < each <= features.lookback]
        for lag in back:
            rows = np.maximum(inputs.ahead - lag, inputs.starts[:, None])
            blocks.append(read_by_step(inputs, rows)[0].reshape(len(inputs), -1))
    if inputs.rows.past.shape[1]:
        rows = np.maximum(first[:, None] + np.arange(-min(season, 24), 0), inputs.starts[:, None])
        blocks.append(inputs.rows.past[rows].reshape(len(inputs), -1))
    return np.nan_to_num(np.concatenate(blocks, axis=1, dtype=np.float32))

"""What regressions read of the history of a series and of what is known of its future."""

from dataclasses import dataclass

import numpy as np

from seqconv.tasks.panel.features import PanelFeatures, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import gather_windows, repeat_back

MOST_SCALED = 50.0  # a value of a window, in units of the scale
MOST_SQUASHED = 12.0  # of a forecast, in units of the scale: beyond it the hyperbolic sine is above 80,000
SQUASHED_SEASONS = 7  # of which the median and the spread are taken
NORMAL = 0.6745  # median absolute deviation of normal noise of size one
CHUNK = 4_000  # examples read together


@dataclass(frozen=True)
class Windows:
    """Histories on their own scales.

    Args:
        rows: the last rows of each, less `level`, in units of `scale`, float32 `[N, L]`.
        base: the seasonal naive forecast, float64 `[N, H]`.
        level, scale: mean of the last season and mean absolute change from season to season in the window, float64
            `[N, 1]` both; if squashed, the median and the median absolute deviation of the last seasons.
        squashed: the inverse hyperbolic sine of scaled values is read, which grows like a logarithm on both sides of
            zero: peaks weigh less.
    """

    rows: np.ndarray
    base: np.ndarray
    level: np.ndarray
    scale: np.ndarray
    squashed: bool = False

    def unscale(self, changes: np.ndarray) -> np.ndarray:
        """Forecasts in the unit of the target from scaled changes to `base`, `[N, H]`."""
        if not self.squashed:
            return np.asarray(self.base + self.scale * changes)
        found = np.clip(self._squash(self.base) + changes, -MOST_SQUASHED, MOST_SQUASHED)
        return np.asarray(self.level + self.scale * np.sinh(found))

    def scale_targets(self, targets: np.ndarray) -> np.ndarray:
        """The reverse."""
        if not self.squashed:
            return np.asarray((targets - self.base) / self.scale)
        return np.asarray(self._squash(targets) - self._squash(self.base))

    def _squash(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.arcsinh((values - self.level) / self.scale))


def read_windows(features: PanelFeatures, inputs: PanelInputs, squashed: bool = False) -> Windows:
    """The windows of examples.

    Reference: Uniejewski, Weron and Ziel 2018, "Variance stabilizing transformations for electricity spot price
    forecasting", IEEE Transactions on Power Systems 33 (the inverse hyperbolic sine about median and deviation).
    """
    season, lookback = features.season, features.lookback
    window = gather_windows(inputs, lookback)
    base = repeat_back(inputs, season)
    if squashed:
        newest = window[:, -min(SQUASHED_SEASONS * season, lookback) :]
        level = np.median(newest, axis=1, keepdims=True)
        scale = np.median(np.abs(newest - level), axis=1, keepdims=True) / NORMAL
        scale = np.maximum(scale, 0.3 * find_scales(inputs, season)[:, None])
        rows = np.arcsinh((window - level) / scale).astype(np.float32)
        return Windows(rows, base, level, scale, squashed)
    level = window[:, -season:].mean(axis=1, keepdims=True)
    scale = np.abs(window[:, season:] - window[:, :-season]).mean(axis=1, keepdims=True)
    # a window that hardly changes says little of what is usual
    scale = np.maximum(scale, 0.1 * find_scales(inputs, season)[:, None])
    rows = np.clip((window - level) / scale, -MOST_SCALED, MOST_SCALED).astype(np.float32)
    return Windows(rows, base, level, scale)


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

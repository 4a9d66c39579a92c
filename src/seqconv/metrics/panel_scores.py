"""Scores of forecasts of one or many series: overall, by level, by step, and of the series forecast worst."""

from dataclasses import dataclass

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.forecast_scores import IntervalScores
from seqconv.metrics.records import Record


@dataclass(frozen=True)
class LevelScores(Record):
    """What the central interval of this level holds of the truth, and its mean width in the unit of the target."""

    level: float
    coverage: Estimate
    width: float


@dataclass(frozen=True)
class StepScores(Record):
    """MASE at one step of the horizon, from 1, and that of the seasonal naive forecast."""

    step: int
    mase: float
    mase_seasonal_naive: float


@dataclass(frozen=True)
class SeriesScores(Record):
    """Scores of one series.

    Args:
        series: its number in the table, from 0.
        id: the values of its ids; its place in the table, from 1, where there are none.
        n: its forecasts.
        mase, mase_seasonal_naive: of the model and of the seasonal naive forecast.
        mae: in the unit of the target.
    """

    series: int
    id: str
    n: int
    mase: float
    mase_seasonal_naive: float
    mae: float


@dataclass(frozen=True)
class PanelScores(Record):
    """Every score of `n` forecasts of `series` series.

    Args:
        metrics: `mase`, the mean over the forecasts; `wql`, the weighted quantile loss, the mean over the levels of
            twice the pinball loss by the sum of the sizes; `smape` in percent or, of intermittent demand, `rmsse`, the
            root mean squared scaled error of the mean of the quantiles, the mean over the forecasts; `mae` and `rmse`
            in the unit of the target; `skill_seasonal_naive`: 1 - MASE / MASE of that forecast.
        levels, steps: the same in parts.
        better: fraction of the series that are forecast better than by the seasonal naive forecast.
        worst: the series with the largest MASE, the largest first; at most 1,000.
        intervals: of the quantiles that were asked for; None: none were.
    """

    n: int
    series: int
    metrics: dict[str, Estimate]
    levels: list[LevelScores]
    steps: list[StepScores]
    better: float
    worst: list[SeriesScores]
    intervals: IntervalScores | None = None

"""Scores of forecasts with 95 % bootstrap intervals: overall, by target, lead, hour and month; what intervals hold."""

from dataclasses import dataclass
from typing import ClassVar

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.records import Record


@dataclass(frozen=True)
class Coverage(Record):
    """How much of the truth intervals hold, and their mean width in the target's unit."""

    coverage: Estimate
    width: float


@dataclass(frozen=True)
class LeadCoverage(Record):
    """`Coverage` at one lead."""

    lead: str
    coverage: Estimate
    width: float


@dataclass(frozen=True)
class QuantileScores(Record):
    """How good the quantile at one level is, over targets and leads.

    Args:
        coverage: the fraction of the truth at or below it, which should be the level.
        width: how far it is from the point forecast, the mean, in the target's unit; negative: below.
        pinball: the mean pinball loss, in the target's unit.
    """

    level: float
    coverage: Estimate
    width: float
    pinball: float


@dataclass(frozen=True)
class IntervalScores(Record):
    """How much of the truth intervals hold, and how wide they are; of several quantiles, between the lowest and the
    highest of them and the point forecast, which counts as the median.

    Args:
        nominal: the coverage that they should have.
        coverage: what they hold of it, over targets and leads.
        width: the mean, in the target's unit.
        before_calibration: the same of the intervals as the network gives them.
        leads: the same of each lead.
        quantiles: scores of each quantile, or of the two bounds; None: of an earlier version.
    """

    former: ClassVar = {"nominal": "share"}

    nominal: float
    coverage: Estimate
    width: float
    before_calibration: Coverage
    leads: list[LeadCoverage]
    quantiles: list[QuantileScores] | None = None

    @property
    def single(self) -> bool:
        """Whether there is one interval, of whose bounds the coverage says enough."""
        found = self.quantiles or []
        return len(found) <= 2 and round(sum(each.level for each in found), 10) in (0, 1)


@dataclass(frozen=True)
class MaseScale(Record):
    """What MASE divides by: the mean error of the naive forecast one season ahead.

    Args:
        season: as people read it.
        rows: on which it errs so: `training` or `evaluated`.
        values: for each target, in its unit; NaN: not known.
    """

    season: str
    rows: str
    values: list[float]


@dataclass(frozen=True)
class WindowBlocks(Record):
    """How windows are resampled: neighbours in blocks.

    Args:
        windows: of a block.
        blocks: how many there are.
    """

    windows: int
    blocks: int


@dataclass(frozen=True)
class TargetScores(Record):
    """Scores of one target over all leads, in its unit."""

    target: str
    mae: Estimate
    rmse: Estimate
    mase: Estimate


@dataclass(frozen=True)
class LeadScores(Record):
    """MAE at one lead over all targets, and that of the naive forecasts; None: there is no seasonal one."""

    lead: str
    mae: Estimate
    mae_naive: float
    mae_seasonal_naive: float | None = None


@dataclass(frozen=True)
class HourScores(Record):
    """MAE of the `n` forecasts for one hour of the day, 0 to 23."""

    hour: int
    n: int
    mae: float


@dataclass(frozen=True)
class MonthScores(Record):
    """MAE of the `n` forecasts for one month, 1 to 12."""

    month: int
    n: int
    mae: float


@dataclass(frozen=True)
class ForecastScores(Record):
    """Every score of forecasts of `n` windows.

    Args:
        metrics: `mae`, `rmse`, `mase`, `mae_scaled` (in standard deviations of the training rows), `skill_naive` and,
            where a season is known, `skill_seasonal_naive`: 1 - MAE / MAE of that forecast.
            Of numbers that are no forecasts also `r2` and `skill_mean`, against the mean of the training rows.
        mase_scale: None: nothing is forecast, so `targets`, `leads`, `hours` and `months` are empty.
        intervals: None: the model has none.
    """

    n: int
    metrics: dict[str, Estimate]
    mase_scale: MaseScale | None
    block: WindowBlocks
    targets: list[TargetScores]
    leads: list[LeadScores]
    hours: list[HourScores]
    months: list[MonthScores]
    intervals: IntervalScores | None = None

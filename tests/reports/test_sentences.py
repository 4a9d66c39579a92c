"""What pages and the command line say of intervals."""

import math

import pytest

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.forecast_scores import Coverage, IntervalScores
from seqconv.reports.sentences import say_intervals, warn_of_intervals


def cover(value: float, low: float, high: float) -> IntervalScores:
    return IntervalScores(0.8, Estimate(value, low, high), 2.25, Coverage(Estimate(0.75, 0.7, 0.78), 2.0), [])


@pytest.mark.parametrize(
    ("found", "warning"),
    [
        (cover(0.412, 0.35, 0.47), "The 80 % intervals covered only 41 %: do not rely on them."),
        (cover(0.78, 0.75, 0.81), ""),  # no more than noise
        (cover(0.412, math.nan, math.nan), ""),  # too few rows to tell noise from more
        (cover(0.95, 0.93, 0.97), ""),
        (None, ""),
    ],
)
def test_intervals_that_cover_too_little_are_warned_of(found, warning):
    assert warn_of_intervals(found) == warning


def test_what_intervals_cover_is_said_without_advice():
    assert say_intervals(cover(0.412, math.nan, math.nan)) == (
        "The 80 % intervals covered 41.2 % of the test rows (too few for an interval); average width 2.250."
    )

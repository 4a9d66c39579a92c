"""The page of an evaluation of forecasts: what it warns of and what it leaves out."""

import pytest

from helpers.pages import find_flaws
from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.forecast_scores import (
    Coverage,
    ForecastScores,
    HourScores,
    IntervalScores,
    LeadCoverage,
    MaseScale,
    MonthScores,
    WindowBlocks,
)
from seqconv.reports.evaluation import build_evaluation_page
from seqconv.tasks.results import EvaluationResults

ONE = Estimate(1.0, 0.9, 1.1)


def build(hours: int, leads: int) -> str:
    held = Estimate(0.4, 0.3, 0.5)
    by_lead = [LeadCoverage(f"{lead} d", held, 2.0) for lead in range(1, leads + 1)]
    scores = ForecastScores(
        1096,
        {"mae": ONE},
        MaseScale("7 d", "training", [1.0]),
        WindowBlocks(7, 156),
        [],
        [],
        [HourScores(hour, 10, 1.0) for hour in range(hours)],
        [MonthScores(month, 10, 1.0) for month in (1, 2)],
        IntervalScores(0.8, held, 2.0, Coverage(held, 2.0), by_lead),
    )
    return build_evaluation_page(EvaluationResults("runs/daily", "series", "new.csv", [], scores))


def test_the_headline_says_what_the_rows_are_and_warns():
    page = build(24, 1)
    assert find_flaws(page) == []
    assert "MAE 1.000 (0.900 to 1.100) on 1,096 rows. <span" in page
    assert "The 80\u00a0% intervals covered only 40\u00a0%: do not rely on them." in page


@pytest.mark.parametrize(("hours", "pictures"), [(24, 2), (1, 1)])
def test_a_single_hour_is_not_drawn(hours, pictures):
    assert build(hours, 1).count("<svg") == pictures


@pytest.mark.parametrize(("leads", "folded"), [(12, False), (13, True)])
def test_the_coverage_of_many_leads_is_folded_away(leads, folded):
    assert (f"<summary>Each of {leads} leads</summary>" in build(24, leads)) == folded

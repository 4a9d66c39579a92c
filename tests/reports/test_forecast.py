"""The page of a forecast: pictures of a few series, and a box to look up the others in."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.pages import find_flaws
from seqconv.reports import forecast
from seqconv.reports.forecast import Lookup, ShownSeries, build_forecast_page, shorten_times


def results(series):
    return SimpleNamespace(
        facts={"series": series, "horizon": "3 months", "notes": ["found"]},
        targets=["sold"],
        recipe="sales",
        verdict="MASE 0.5.",
        settings={},
    )


@pytest.fixture(autouse=True)
def _one_model(monkeypatch):
    table = ["model", "test MASE"], [["blend", "0.5"]]
    monkeypatch.setattr(forecast, "leaderboard_rows", lambda found: (table, 0))


def show(name, why="", mase=0.25):
    times = [f"2024-{month:02}-01" for month in range(1, 9)]
    return ShownSeries(name, "sold", np.arange(5.0), np.arange(27.0).reshape(3, 9), times, why, mase)


def test_series_are_under_why_they_are_shown():
    shown = [show("A", "the largest"), show("B", "the largest"), show("C", "forecast worst", float("nan"))]
    page = build_forecast_page(results(40), shown, Lookup('{"series": []}', 30, "next.csv"))
    assert find_flaws(page) == []
    assert re.findall("<h3>(.*?)</h3>", page) == ["The largest", "Forecast worst"]
    assert "Forecast of A (MASE 0.2500 on the test rows)" in page
    assert "Forecast of C<" in page
    assert "sold: 3 months ahead for 40 series" in page
    assert "The 30 largest of 40 series are in this page. next.csv has all." in page


def test_a_few_series_need_no_search():
    page = build_forecast_page(results(2), [show("A"), show("B")])
    assert find_flaws(page) == []
    assert "<script" not in page
    assert "<h3>" not in page


def test_names_cannot_leave_their_place():
    wild = "</script><script>alert(1)</script> $x_\\alpha$ & <b>"
    page = build_forecast_page(results(40), [show(wild)], Lookup(f'{{"series": [["{wild}"]]}}', 40, "next.csv"))
    assert page.count("<script") == 2
    assert "<b>" not in page
    assert "All series are in this page." in page


def test_nothing_is_fetched():
    page = build_forecast_page(results(40), [show("A")], Lookup('{"series": []}', 40, "next.csv"))
    assert set(re.findall(r"""(?:src|href)=["'](.)""", page)) <= {"#"}
    assert not re.search(r"fetch\(|XMLHttpRequest|@import|import\(", page)


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        (["2024-01-01", "2024-02-01"], ["2024-01", "2024-02"]),
        (["2024-01-01", "2025-01-01"], ["2024", "2025"]),
        (["2024-01-31", "2024-02-29"], ["2024-01-31", "2024-02-29"]),
        (["2024-01-01 00:00:00", "2024-01-01 01:00:00"], ["2024-01-01 00:00:00", "2024-01-01 01:00:00"]),
        (["1", "2"], ["1", "2"]),
    ],
)
def test_times_are_no_longer_than_they_need_be(times, wanted):
    assert shorten_times(times) == wanted

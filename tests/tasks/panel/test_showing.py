"""What a page shows of many series: the largest, the best, the worst, and as many to look up as there is room for."""

import json
from types import SimpleNamespace

import numpy as np

from helpers.panels import make_panel, make_sales
from seqconv.tasks.panel import showing

HORIZON = 3
BUNDLE = SimpleNamespace(features=SimpleNamespace(season=12))


def forecasts(panel):
    """Quantiles around a number for each series, `[S, H, 9]`."""
    return np.arange(len(panel))[:, None, None] + np.linspace(-1, 1, 9) + np.zeros((1, HORIZON, 1))


def test_all_of_a_few_are_shown_the_largest_first():
    panel = make_panel(make_sales(series=5, rows=40))
    found = showing.show_forecasts(BUNDLE, panel, forecasts(panel), np.full(5, np.nan))
    assert [each.name for each in found] == ["s4", "s3", "s2", "s1", "s0"]
    assert {each.why for each in found} == {""}
    np.testing.assert_array_equal(found[0].history, make_sales(series=5, rows=40)[4][-36:])
    assert found[0].times[-1] == "1973-07-01"  # 40 months from January 1970 on, and three
    np.testing.assert_array_equal(found[1].quantiles, forecasts(panel)[3])


def test_of_many_the_largest_the_best_and_the_worst_are_shown_once_each():
    panel = make_panel(make_sales(series=30, rows=40))
    mase = np.full(30, 0.5)
    mase[[29, 7, 3, 5]] = 0.1, 0.2, 0.3, 0.4  # the largest is the best too
    mase[[10, 11, 12]] = 3.0, 2.0, 1.0
    mase[20] = np.nan  # too short to be tested
    found = showing.show_forecasts(BUNDLE, panel, forecasts(panel), mase)
    names = {why: [each.name for each in found if each.why == why] for why in dict.fromkeys(e.why for e in found)}
    assert names == {
        "the largest": ["s29", "s28", "s27", "s26"],
        "forecast best": ["s7", "s3"],
        "forecast worst": ["s10", "s11", "s12"],
    }
    assert found[4].mase == 0.2


def test_series_are_looked_up_by_what_the_page_holds():
    sales = make_sales(series=3, rows=40)
    sales[1][-2] = np.nan
    panel = make_panel(sales)
    data, number = showing.list_lookups(BUNDLE, panel, forecasts(panel))
    found = json.loads(data)
    assert number == 3
    assert (found["horizon"], found["target"]) == (HORIZON, "y")
    name, history, low, middle, high, times = found["series"][1]
    assert name == "s1"
    assert history[-2] is None
    assert history[-1] == round(sales[1][-1], 1)  # four digits
    assert (low[0], middle[0], high[0]) == (0, 1, 2)
    assert times == ["1970-05-01", "1973-05-01", "1973-07-01"]


def test_a_page_holds_no_more_than_there_is_room_for(monkeypatch):
    panel = make_panel(make_sales(series=200, rows=40))
    monkeypatch.setattr(showing, "MOST_BYTES", 10_000)
    data, number = showing.list_lookups(BUNDLE, panel, forecasts(panel))
    assert len(data) < 10_100
    assert 10 < number < 200
    assert [row[0] for row in json.loads(data)["series"]] == [f"s{199 - place}" for place in range(number)]

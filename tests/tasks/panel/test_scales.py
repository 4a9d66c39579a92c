"""The unit of errors is what MASE divides by, for series of any size side by side."""

import numpy as np
import pytest

from helpers.panels import make_panel, make_recipe, make_sales
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.tables import read_table
from seqconv.tasks.panel.answers import newest_examples
from seqconv.tasks.panel.features import PanelFeatures, find_scales
from seqconv.tasks.panel.naive import SeasonalNaive
from seqconv.tasks.panel.split import fit_features

pytestmark = pytest.mark.usefixtures("quick")


def scale_by_hand(values: np.ndarray, season: int) -> float:
    """The mean absolute change from season to season."""
    return float(np.nanmean(np.abs(values[season:] - values[:-season])))


def make_features(panel, horizon=1, **settings) -> PanelFeatures:
    return fit_features(panel, make_recipe(horizon, **settings), horizon, panel.ends)


def find(series, season=12) -> np.ndarray:
    panel = make_panel(series)
    return find_scales(newest_examples(make_features(panel), panel), season)


def test_the_scale_is_the_error_of_the_seasonal_naive_forecast():
    values = make_sales(series=5, rows=50)
    values[2][[3, 20, 44]] = np.nan
    for season in (1, 4, 12):
        np.testing.assert_allclose(find(values, season), [scale_by_hand(each, season) for each in values])


@pytest.mark.parametrize("sizes", [(1e12, 1e-12, 1.0), (1e-12, 1e12, 1e-12)])
def test_series_of_any_size_keep_their_scale_side_by_side(sizes):
    values = [size * each for size, each in zip(sizes, make_sales(series=3, rows=60), strict=True)]
    np.testing.assert_allclose(find(values), [scale_by_hand(each, 12) for each in values], rtol=1e-9)


def test_histories_without_a_season_or_a_change_have_a_scale():
    short, constant = np.array([1.0, 3.0, 2.0]), np.full(40, 7.0)
    found = find([short, constant, np.zeros(40), [5.0], [0.0], np.tile([1.0, 2.0], 18)])
    # the change from row to row; the size; nothing: one
    np.testing.assert_allclose(found, [1.5, 7, 1, 5, 1, 1])


LEAGUE = {
    "m3_monthly": (1.1462, 12),
    "tourism_monthly": (1.6309, 12),
    "m4_hourly": (1.1932, 24),
    "m4_weekly": (2.7773, 1),
}


@pytest.mark.parametrize("name", LEAGUE)
def test_the_seasonal_naive_forecast_has_its_published_error(real_data, name):
    """Reference: GIFT-Eval's seasonal naive forecast; the mean over series of MASE."""
    folder = real_data / "league" / "panels" / name
    if not folder.is_dir():
        pytest.skip("the league's files are not there")
    wanted, season = LEAGUE[name]
    columns = PanelColumns(("unique_id",), "ds", "y")
    train, test = (panel_from_table(read_table(folder / f"{part}.csv.gz", None), columns) for part in ("train", "test"))
    horizon = int(np.diff(test.offsets)[0])
    features = make_features(train, horizon, season=season)
    order = [test.keys.index(key) for key in train.keys]
    truth = test.values.reshape(-1, horizon)[order]
    inputs = newest_examples(features, train)
    model = SeasonalNaive(features, season=np.array([season]), spread=np.zeros((horizon, 9)))
    scaled = model.predict(inputs).reshape(len(train), horizon, 9)[..., 4]
    errors = np.abs(scaled - truth / find_scales(inputs, season)[:, None])
    assert errors.mean() == pytest.approx(wanted, abs=2e-4)

"""Where rows are counted, the season is what the series show."""

import numpy as np
import pytest

from helpers.panels import make_panel, make_sales, split
from seqconv.data.frequency import Frequency

COUNTED = Frequency("row")


@pytest.mark.parametrize("season", [4, 12, 24])
def test_a_season_that_most_series_show_is_found_where_rows_are_counted(season):
    time, random = np.arange(12 * season), np.random.default_rng(0)
    waves = [np.sin(2 * np.pi * time / season + n) + np.cos(4 * np.pi * time / season) for n in range(6)]
    noise = [random.normal(size=len(time)) for _ in range(4)]
    series = [10 + wave + random.normal(0, 0.2, len(time)) for wave in waves]
    found = split(make_panel([*series, *noise], frequency=COUNTED), horizon=season)
    assert found.features.season == season
    assert any(f"season: {season} rows" in note for note in found.facts["notes"])


def test_noise_has_no_season_and_what_follows_the_training_rows_is_not_looked_at():
    random = np.random.default_rng(1)
    noise = [random.normal(size=120) for _ in range(20)]
    one = split(make_panel(noise, frequency=COUNTED), horizon=6)
    assert (one.features.season, [note for note in one.facts["notes"] if "season" in note]) == (1, [])
    for each in noise:
        each[108:] = 1000 * np.sin(2 * np.pi * np.arange(12) / 6)
    assert split(make_panel(noise, frequency=COUNTED), horizon=6).features.season == 1


def test_the_calendar_says_the_season_of_months_and_a_setting_that_of_any_rows():
    assert split(make_panel(make_sales()), horizon=6).features.season == 12
    counted = split(make_panel(make_sales(), frequency=COUNTED), horizon=6, season=7)
    assert counted.features.season == 7
    assert not any("season" in note for note in counted.facts["notes"])

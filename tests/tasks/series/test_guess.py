"""What is inferred from a series comes from the rows that are trained on, whatever part of it they are."""

import numpy as np
import pytest

from seqconv.data.records import Series, SeriesData
from seqconv.data.remotes import REMOTES
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.series.guess import guess_series
from seqconv.tasks.series.task import SERIES

HOUR = np.timedelta64(1, "h")


@pytest.mark.parametrize(("train_end", "lookback"), [(0.3, "1d"), (0.7, "4d")])
def test_the_lookback_follows_the_training_rows(train_end: float, lookback: str) -> None:
    hours = np.arange(6000)
    # twelve hours at first; a far stronger rhythm of two days in what a small training fraction must not see
    values = np.sin(2 * np.pi * hours / 12) + np.where(hours < 2000, 0, 20 * np.sin(2 * np.pi * hours / 48))
    series = Series(np.datetime64("2020-01-01T00:00:00") + hours * HOUR, values[:, None], ("t",), 3600, "mine.csv")
    table = {"task": "series", "data": {"source": "mine.csv", "target": "t", "train_end": train_end}}
    found = guess_series(recipe_from_dict(table, "mine"), SeriesData(series), set())
    assert found["windows.lookback"][0] == lookback


@pytest.mark.parametrize("source", [name for name, remote in REMOTES.items() if remote.columns])
def test_the_shape_of_every_public_series_is_known_without_reading_it(source: str) -> None:
    table = {"task": "series", "data": {"source": source}, "windows": {"lookback": "2d", "step": "1h"}}
    assert SERIES.sizes_from_recipe(recipe_from_dict(table, "mine")) == ((48, REMOTES[source].columns), 1)
    with_calendar = {**table, "data": {"source": source, "calendar": True, "target": ["*"]}}
    columns = REMOTES[source].columns
    assert SERIES.sizes_from_recipe(recipe_from_dict(with_calendar, "mine")) == ((48, columns + 6), columns)

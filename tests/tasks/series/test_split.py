"""Series are split by time: no window crosses a split, and what is fitted sees training rows only."""

from dataclasses import replace

import numpy as np
import pytest

from seqconv.data.records import Series, SeriesData
from seqconv.errors import ConfigError, DataError
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.examples import Split
from seqconv.tasks.series.split import split_series as split_series_data

HOUR = np.timedelta64(3600, "s")


def series(rows: int = 400, columns: tuple[str, ...] = ("row", "noise")) -> Series:
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(rows) * HOUR
    random = np.random.default_rng(0)
    values = np.stack([np.arange(rows, dtype=np.float64), *random.normal(size=(len(columns) - 1, rows))], axis=1)
    return Series(times, values, columns, 3600, "made.csv", ())


def split_series(series: Series, recipe) -> Split:
    return split_series_data(SeriesData(series), recipe)


def series_recipe(**sections):
    table = {"data": {"source": "x", "target": "row", "train_end": 0.5, "validation_end": 0.75}}
    table["windows"] = {"lookback": "10h", "step": "1h", "delay": "5h"}
    for name, values in sections.items():
        table[name] = table.get(name, {}) | values
    return recipe_from_dict({"task": "series", **table})


def rows_of(part, spec):
    first = part.inputs.anchors.min() - spec.lookback
    last = part.inputs.anchors.max() + spec.delays[0]
    return first, last


def test_no_window_target_included_crosses_a_split():
    split = split_series(series(), series_recipe())
    assert rows_of(split.train, split.features.spec) == (0, 199)
    assert rows_of(split.validation, split.features.spec) == (200, 299)
    assert rows_of(split.test, split.features.spec) == (300, 399)


def test_the_target_is_the_value_that_the_lead_says_scaled_on_training_rows():
    split = split_series(series(), series_recipe())
    assert split.features.scaler.mean[0] == pytest.approx(99.5)
    back = split.features.target.unscale(split.test.targets)[:, 0, 0]
    np.testing.assert_allclose(back, split.test.inputs.anchors + 5, rtol=1e-5)
    assert split.test.times[0] == series().times[split.test.inputs.anchors[0] + 5]


def test_rows_after_the_training_split_do_not_change_what_is_fitted():
    changed = series()
    changed.values[200:] *= 1000
    one, other = split_series(series(), series_recipe()), split_series(changed, series_recipe())
    np.testing.assert_array_equal(one.features.scaler.mean, other.features.scaler.mean)
    np.testing.assert_array_equal(one.train.inputs.values[:200], other.train.inputs.values[:200])


def test_holes_and_missing_values_are_counted():
    holed = series()
    holed.times[100:] += HOUR
    holed.values[250, 1] = np.nan
    split = split_series(holed, series_recipe())
    assert split.facts["irregular time steps"] == 1
    # windows with targets: 16 rows each, so 15 cross a step between two rows; 10 read the missing row
    assert split.facts["splits"]["train"]["dropped_at_holes"] == 15
    assert split.facts["splits"]["validation"]["dropped_missing"] == 10


def test_inputs_can_be_chosen_and_must_hold_the_target():
    split = split_series(series(), series_recipe(data={"inputs": ["row"]}))
    assert split.features.columns == ("row",)
    with pytest.raises(ConfigError, match="must hold the target 'row'"):
        split_series(series(), series_recipe(data={"inputs": ["noise"]}))


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"data": {"target": "rows"}}, "Did you mean 'row'?"),
        ({"data": {"inputs": ["row", "nois"]}}, "Did you mean 'noise'?"),
        ({"windows": {"lookback": "100h"}}, "lookback must leave room for a window of 106 rows"),
        ({"windows": {"step": "90min"}}, "whole number of rows"),
        ({"data": {"validation_end": 0.5}}, "validation_end must be above"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(sections, says):
    with pytest.raises(ConfigError) as caught:
        split_series(series(), series_recipe(**sections))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_split_without_a_whole_window_is_refused():
    holed = series()
    holed.values[300::5, 1] = np.nan
    with pytest.raises(
        DataError, match="the test split must hold a whole window; none is: 'noise' is missing in 20% of its rows"
    ):
        split_series(holed, series_recipe())


def test_several_targets_and_leads_are_laid_out_by_lead():
    recipe = series_recipe(data={"target": ["row", "noise"]}, windows={"leads": ["1h", "6h"]})
    split = split_series(series(), recipe)
    assert split.features.target.outputs == 4
    forecast = split.features.target.unscale(split.test.targets)
    anchors = split.test.inputs.anchors
    # the newest input is one row before the anchor
    np.testing.assert_allclose(forecast[:, :, 0], np.stack([anchors - 1 + 1, anchors - 1 + 6], axis=1), rtol=1e-5)
    np.testing.assert_allclose(forecast[:, 1, 1], series().values[anchors + 5, 1], rtol=1e-4)


def test_every_column_can_be_the_target_and_rows_after_the_test_split_are_left_out():
    recipe = series_recipe(data={"target": "*", "test_end": 0.9})
    split = split_series(series(), recipe)
    assert split.features.targets == split.features.columns == ("row", "noise")
    assert rows_of(split.test, split.features.spec) == (300, 359)
    chosen = split_series(series(), series_recipe(data={"target": "*", "inputs": ["noise"]}))
    assert chosen.features.targets == ("noise",)
    with pytest.raises(ConfigError, match=r"data\.test_end must be above data.validation_end; got 0.7 and 0.75"):
        split_series(series(), series_recipe(data={"test_end": 0.7}))


def test_windows_may_reach_back_for_inputs_but_never_for_targets():
    split = split_series(series(), series_recipe(data={"reach_back": True}))
    assert rows_of(split.train, split.features.spec) == (0, 199)
    spec = split.features.spec
    for part, first, last in ((split.validation, 200, 300), (split.test, 300, 400)):
        targets = spec.target_rows(part.inputs.anchors)
        assert (targets.min(), targets.max()) == (first, last - 1)


def test_a_change_is_what_is_left_of_the_target_after_its_newest_value():
    one, other = (
        split_series(series(), series_recipe(windows={"leads": ["1h", "6h"], "change": change}))
        for change in (False, True)
    )
    np.testing.assert_array_equal(one.test.targets, other.test.targets)
    np.testing.assert_allclose(other.test.residual_targets * other.features.target.scale, [[1, 6]] * 85, rtol=1e-3)
    np.testing.assert_allclose(other.test.finish(other.test.residual_targets), one.test.targets, atol=1e-6)


def test_calendar_inputs_stand_behind_the_columns_for_periods_seen_twice():
    split = split_series(series(800), series_recipe(data={"calendar": True}))
    assert split.features.calendar == ("day", "week")
    window = split.test.inputs.gather(np.array([0]))[0]
    assert window.shape == (10, 2 + 4)
    hours = (split.test.inputs.anchors[0] - 10 + np.arange(10)) % 24
    np.testing.assert_allclose(window[:, 2], np.sin(2 * np.pi * hours / 24), atol=1e-5)


def test_stretches_that_come_apart_are_the_splits():
    whole = series(400)
    first, second, third = (
        replace(whole, times=whole.times[rows], values=whole.values[rows])
        for rows in (slice(0, 200), slice(220, 300), slice(300, 400))
    )
    split = split_series_data(SeriesData(first, third, second), series_recipe())
    assert [len(part.targets) for part in (split.train, split.validation, split.test)] == [185, 65, 85]
    assert split.test.times[0] == third.times[15]
    with pytest.raises(DataError, match="must begin after"):
        split_series_data(SeriesData(third, first), series_recipe())

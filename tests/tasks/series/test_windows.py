"""Windows and scaling: exact row arithmetic, holes, missing values, what is fitted on what."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.predictors import series_predictor
from seqconv.errors import ConfigError, DataError
from seqconv.networks.inputs import WindowInputs, WindowTargets
from seqconv.recipes.durations import show_duration
from seqconv.recipes.examples import WindowConfig
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.series.windows import WindowSpec


def hourly(count: int) -> np.ndarray:
    return np.datetime64("2014-01-01T00:00:00") + np.arange(count) * np.timedelta64(3600, "s")


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 9), st.integers(0, 20), st.integers(60, 90))
def test_on_a_series_that_counts_its_rows_target_minus_newest_input_is_the_lead(steps, step, delay, first, last):
    spec = WindowSpec(steps * step, step, (delay,), 3600)
    counting = np.arange(100, dtype=np.float32)[:, None]
    anchors = spec.anchors(first, last)
    windows = WindowInputs(counting, anchors, spec.lookback, spec.step).gather(np.arange(len(anchors)))[..., 0]
    assert windows.shape == (len(anchors), spec.length)
    targets = counting[anchors + spec.delays[0], 0]
    assert np.all(targets - windows[:, -1] == spec.leads[0])
    assert np.all(np.diff(windows, axis=1) == step)
    if len(anchors):
        assert windows.min() == first
        assert targets.max() == last - 1


def test_the_books_day_ahead_is_twenty_five_hours():
    book = WindowConfig(lookback="10d", step="1h", delay="24h")
    spec = WindowSpec.from_config(book, 600)
    assert (spec.lookback, spec.step, spec.delays, spec.length) == (1440, 6, (144,), 240)
    assert spec.leads[0] * 600 == 25 * 3600
    assert (
        WindowSpec.from_config(book, 3600)
        .describe(hourly(400), 241)
        .endswith("last input 2014-01-11 00:00, target 2014-01-12 01:00, lead 25 h")
    )


def test_no_window_fits_where_rows_are_too_few():
    assert len(WindowSpec(10, 1, (3,), 60).anchors(0, 13)) == 0
    assert WindowSpec(10, 1, (3,), 60).anchors(0, 14).tolist() == [10]


def brute_force(spec, anchors, times, values, target):
    kept = []
    for anchor in anchors:
        rows = np.arange(anchor - spec.lookback, anchor + spec.delays[0] + 1)
        steps = np.diff(times[rows]) == np.timedelta64(spec.interval_s, "s")
        inputs = values[anchor - spec.lookback : anchor : spec.step]
        if steps.all() and not np.isnan(inputs).any() and not np.isnan(values[anchor + spec.delays[0], target]):
            kept.append(anchor)
    return kept


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 5), st.data())
def test_windows_over_holes_doubled_stamps_and_missing_values_are_dropped(steps, step, delay, data):
    spec = WindowSpec(steps * step, step, (delay,), 3600)
    times, values = hourly(60), np.zeros((60, 2))
    for row in data.draw(st.lists(st.integers(1, 59), max_size=3)):
        times[row:] += np.timedelta64(data.draw(st.sampled_from([-3600, 1800, 7200])), "s")
    for row in data.draw(st.lists(st.integers(0, 59), max_size=4)):
        values[row, data.draw(st.integers(0, 1))] = np.nan
    anchors = spec.anchors(0, 60)
    kept, holes, missing = spec.keep_whole(anchors, times, values, [0])
    assert kept.tolist() == brute_force(spec, anchors, times, values, 0)
    assert len(kept) + holes + missing == len(anchors)


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 9), st.integers(0, 30), st.integers(60, 90))
def test_windows_that_reach_back_leave_no_target_out(steps, step, delay, first, last):
    spec = WindowSpec(steps * step, step, (delay, delay + 3), 3600)
    anchors = spec.anchors(first, last, reach_back=True)
    targets = spec.target_rows(anchors)
    assert targets.max() == last - 1
    assert targets.min() == max(first, spec.lookback + delay)  # before that there are no rows to read
    assert (anchors - spec.lookback).min() >= 0


def test_a_range_of_leads_is_every_row_between():
    spec = WindowSpec.from_config(WindowConfig(lookback="2h", step="20min", leads=("20min to 1h", "3h")), 600)
    assert spec.leads == (2, 3, 4, 5, 6, 18)
    assert WindowSpec.from_config(WindowConfig(lookback="2d", step="1h", leads=("1h to 96h",)), 3600).leads[-1] == 96
    with pytest.raises(ConfigError, match=r"lead must be ascending"):
        WindowSpec.from_config(WindowConfig(lookback="2h", step="1h", leads=("5h to 2h",)), 3600)
    with pytest.raises(ConfigError, match=r'windows.leads must be a number with a unit .* got "?\'?far'):
        WindowConfig(leads=("1h to far",))


def test_targets_are_gathered_as_they_are_indexed():
    values = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    anchors = np.array([9, 30, 12, 20])
    lazy = WindowTargets(values, anchors, (0, 2, 5), (3, 1))
    whole = np.stack([values[anchors + delay][:, column] for delay in (0, 2, 5) for column in (3, 1)], axis=1)
    assert lazy.shape == whole.shape == (4, 6)
    np.testing.assert_array_equal(np.asarray(lazy), whole)
    np.testing.assert_array_equal(lazy[1:3], whole[1:3])
    np.testing.assert_array_equal(lazy[np.array([2, 0])], whole[[2, 0]])
    np.testing.assert_array_equal(lazy[:, 1::2], whole[:, 1::2])
    np.testing.assert_array_equal(whole - lazy, 0)
    np.testing.assert_array_equal(np.asarray(lazy.take(np.array([3]))), whole[3:])


@pytest.mark.parametrize(
    ("lookback", "step", "delay", "says"),
    [
        ("1d", "30min", "1d", "step must be a whole number of rows of 1 h; got 30min. Use 1h"),
        ("90min", "1h", "1h", "lookback must be a whole number of rows"),
        ("1d", "5h", "0h", "lookback must be a whole number of steps"),
        ("0h", "1h", "0h", "lookback must be at least one row"),
    ],
)
def test_times_that_are_no_whole_rows_are_refused(lookback, step, delay, says):
    with pytest.raises(ConfigError) as caught:
        WindowSpec.from_config(WindowConfig(lookback=lookback, step=step, delay=delay), 3600)
    assert says in str(caught.value)


def test_scaling_uses_the_rows_it_was_fitted_on_and_keeps_missing_values():
    train = np.array([[1.0, 10.0], [3.0, np.nan], [5.0, 30.0]])
    scaler = Scaler.fit(train, ("a", "b"))
    assert scaler.mean.tolist() == [3, 20]
    scaled = scaler.scale(np.array([[3.0, 30.0], [np.nan, 20.0]]))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[0, 1], [np.nan, 0]])


@pytest.mark.parametrize(("column", "says"), [([np.nan, np.nan], "must hold values"), ([7.1, 7.1], "must vary")])
def test_a_target_that_cannot_be_scaled_is_named_and_an_input_does_no_harm(column, says):
    values = np.array([[1.0, 2.0], column]).T
    with pytest.raises(DataError, match=f"target 'b': {says}"):
        Scaler.fit(values, ("a", "b"), ("b",))
    scaler = Scaler.fit(values, ("a", "b"), ("a",))
    assert scaler.std.tolist() == [0.5, 1]
    np.testing.assert_array_equal(scaler.scale(values)[:, 1], np.array(column) * 0)


@pytest.mark.parametrize("unit", [1e-21, 1e-13, 1.0, 1e9, 1e40])
def test_the_unit_of_a_column_does_not_matter(unit):
    values = (2 + np.sin(np.arange(50.0)))[:, None]
    scaled = Scaler.fit(values * unit, ("a",), ("a",)).scale(values * unit)
    np.testing.assert_allclose(scaled, Scaler.fit(values, ("a",)).scale(values), atol=1e-5)


def test_numbers_too_large_to_square_are_refused():
    with pytest.raises(DataError, match="numbers below 1e150"):
        Scaler.fit(np.array([[1e200], [-1e200]]), ("a",))


def test_windows_are_gathered_not_stored():
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    inputs = WindowInputs(values, np.array([4, 9]), 4, 2)
    assert inputs.shape == (2, 2)
    assert inputs.gather(np.array([1])).tolist() == [[[10, 11], [14, 15]]]
    taken = inputs.take(np.array([1]))
    assert len(taken) == 1
    assert taken.values is values


@given(st.integers(1, 5), st.integers(1, 7), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_rows_of_a_window_can_follow_one_another(steps, step, spare, seed):
    lookback, random = steps * step, np.random.default_rng(seed)
    values = np.arange(2.0 * (lookback + spare)).astype(np.float32).reshape(-1, 2)
    inputs = WindowInputs(values, random.integers(lookback, len(values) + step, 9), lookback, step)
    index = random.permutation(9)
    found = inputs.contiguous
    assert (found.step, found.lookback, found.shape) == (1, steps, inputs.shape)
    assert np.array_equal(found.gather(index), inputs.gather(index))
    assert len(inputs.take(index[:0]).contiguous) == 0


@pytest.mark.parametrize("anchor", [3, 13])
def test_windows_outside_the_series_are_refused(anchor):
    inputs = WindowInputs(np.zeros((11, 1), np.float32), np.array([5, anchor]), 4, 2)
    with pytest.raises(DataError, match=rf"rows? must be in \[0, 11\); got anchor {anchor} with lookback 4"):
        inputs.contiguous.gather(np.array([1]))


@pytest.mark.parametrize(("seconds", "shown"), [(90000, "25 h"), (88200, "1470 min"), (45, "45 s")])
def test_durations_are_shown_in_the_largest_whole_unit(seconds, shown):
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("delays", "says"),
    [
        ((5,), "at 6 h; try --lead 24h"),
        ((5, 29), "at 30 h; try --lead 7d"),
        ((28 * 24 - 1,), "at 28 d"),
    ],
)
def test_where_the_start_wins_a_longer_lead_is_suggested(delays, says):
    features = replace(series_predictor(change=True).bundle.features, spec=WindowSpec(72, 1, delays, 3600))
    assert features.describe_start() == f", the naive forecast: the newest value is the best forecast {says}"
    assert replace(features, change=False).describe_start() == ""

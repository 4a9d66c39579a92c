"""Times of a series as whole numbers: against pandas' offsets and dates worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqconv.data.frequency import Frequency, find_frequency, fit_frequency, parse_frequency
from seqconv.errors import ConfigError

# pandas' name of a frequency -> ours
NAMES = {
    "1s": "1s",
    "15min": "15min",
    "h": "1h",
    "6h": "6h",
    "D": "1d",
    "W-SUN": "1w",
    "W-WED": "1w",
    "2W-MON": "2w",
    "B": "1bd",
    "MS": "1mo",
    "ME": "1mo",
    "BME": "1mo",
    "BMS": "1mo",
    "QS-JAN": "1q",
    "QE-NOV": "1q",
    "BQE-DEC": "1q",
    "YS-JAN": "1y",
    "YE-JUN": "1y",
    "2MS": "2mo",
}
STARTS = st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2150-12-31")).map(
    lambda time: time.replace(microsecond=0)
)


def stamps(*times):
    return np.array(times, "datetime64[s]")


@given(st.sampled_from(sorted(NAMES)), STARTS, st.integers(25, 90), st.integers(1, 40))
def test_goes_on_as_pandas_does(name, start, known, ahead):
    if NAMES[name][-1] not in "sn" and NAMES[name] != "6h":
        start = pd.Timestamp(start).normalize() + pd.Timedelta(hours=9)
    expected = pd.date_range(start, periods=known + ahead, freq=name).to_numpy().astype("datetime64[s]")
    frequency = find_frequency(expected[:known])
    assert frequency.code == NAMES[name]
    numbers = frequency.steps(expected[:known])
    assert (np.diff(numbers) == 1).all()
    np.testing.assert_array_equal(frequency.times(numbers[-1] + 1 + np.arange(ahead)), expected[known:])


@given(st.sampled_from(sorted(NAMES)), STARTS, st.sets(st.integers(0, 199), min_size=120))
def test_missing_rows_are_missing_numbers(name, start, kept):
    times = pd.date_range(pd.Timestamp(start).normalize(), periods=200, freq=name).to_numpy().astype("datetime64[s]")
    rows = np.array(sorted(kept))
    frequency = find_frequency(times[rows])
    assert frequency.fits(times[rows]).all()
    assert (np.diff(frequency.steps(times[rows])) == np.diff(rows)).all()


def test_the_month_after_january_31_ends_in_february():
    frequency = find_frequency(stamps("2023-11-30", "2023-12-31", "2024-01-31"))
    ahead = frequency.times(frequency.steps(stamps("2024-01-31")) + np.arange(1, 4))
    assert list(ahead) == list(stamps("2024-02-29", "2024-03-31", "2024-04-30"))
    assert frequency.times(frequency.steps(stamps("2023-01-31")) + 1) == stamps("2023-02-28")


def test_a_day_that_a_month_lacks_is_its_last():
    frequency = find_frequency(stamps("2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"))
    assert list(frequency.times(frequency.steps(stamps("2024-03-30")) + np.arange(1, 3))) == list(
        stamps("2024-04-30", "2024-05-30")
    )


def test_days_that_vary_within_months_are_still_months():
    times = stamps("2020-01-15", "2020-02-13", "2020-03-17", "2020-04-15", "2020-05-14", "2020-06-16")
    frequency = find_frequency(times)
    assert frequency.code == "1mo"
    assert (np.diff(frequency.steps(times)) == 1).all()
    assert not frequency.fits(times).all()


def test_spacings_that_only_look_like_months():
    assert find_frequency(stamps("2023-01-01", "2023-01-29", "2023-02-26", "2023-03-26")).code == "4w"
    thirty = np.datetime64("2023-01-01", "s") + np.arange(40) * np.timedelta64(30, "D")
    assert find_frequency(thirty).code == "30d"


def test_a_shop_that_closes_on_sundays():
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    times = days[days.day_of_week != 6].to_numpy().astype("datetime64[s]")
    frequency = find_frequency(times)
    assert (frequency.code, frequency.name, frequency.seasons[0].rows) == ("1bd", "day but Sunday", 6)
    assert frequency.times(frequency.steps(stamps("2024-03-02")) + 1) == stamps("2024-03-04")


def test_many_series_with_starts_of_their_own():
    first = pd.date_range("2020-01-01", periods=5, freq="MS")
    second = pd.date_range("1990-06-01", periods=4, freq="MS")
    times = np.concatenate([first, second]).astype("datetime64[s]")
    assert find_frequency(times, np.array([0, 5, 9])).code == "1mo"
    single = stamps("2020-01-01", "2021-05-01", "1999-01-01")
    assert find_frequency(single, np.array([0, 1, 2, 3])) is None


def test_whole_numbers_are_rows():
    frequency = find_frequency(np.array([3, 4, 5, 1, 2]), np.array([0, 3, 5]))
    assert (frequency.code, frequency.name, frequency.seasons) == ("1", "row", ())
    assert frequency.times(frequency.steps(np.array([5])) + 1) == [6]


def test_repeated_times_do_not_hide_the_frequency():
    assert find_frequency(stamps("2020-01-01", "2020-01-01", "2020-02-01", "2020-03-01")).code == "1mo"
    assert find_frequency(stamps("2020-01-01", "2020-01-01")) is None


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("1mo", (12, "same month last year")),
        ("1q", (4, "same quarter last year")),
        ("1bd", (5, "same weekday last week")),
        ("1d", (7, "same day last week")),
        ("1w", (52, "same week last year")),
        ("1h", (24, "same time yesterday")),
        ("15min", (96, "same time yesterday")),
    ],
)
def test_the_season_of_each_frequency(code, first):
    frequency = fit_frequency(*parse_frequency(code), pd.date_range("2020-01-01", periods=9).to_numpy())
    assert frequency.seasons[0] == first


def test_a_year_has_no_season():
    assert find_frequency(stamps("2020-12-31", "2021-12-31", "2022-12-31")).seasons == ()


@pytest.mark.parametrize(
    ("code", "duration", "rows"),
    [
        ("1mo", "12mo", 12),
        ("1mo", "1y", 12),
        ("1mo", "2q", 6),
        ("1q", "8q", 8),
        ("1q", "12mo", 4),
        ("1d", "2w", 14),
        ("1d", "1y", 365),
        ("1w", "1y", 52),
        ("1bd", "10bd", 10),
        ("1bd", "2w", 10),
        ("1h", "1d", 24),
        ("30min", "1.5h", 3),
        ("1mo", "7", 7),
    ],
)
def test_durations_count_rows(code, duration, rows):
    assert Frequency(*parse_frequency(code)).count(duration) == rows


@pytest.mark.parametrize(
    ("code", "duration"), [("1q", "4mo"), ("1mo", "30d"), ("1h", "90min"), ("1bd", "3d"), ("1h", "1mo"), ("1y", "6mo")]
)
def test_a_part_of_a_row_is_refused(code, duration):
    with pytest.raises(ConfigError, match=r"^--horizon must be a whole number of rows, each an? [a-z ]+; got \w+\. "):
        Frequency(*parse_frequency(code)).count(duration, "--horizon")


@pytest.mark.parametrize("text", ["", "month", "0h", "-1d", "1.5h", "h1", "fortnight", "0"])
def test_what_is_no_frequency_is_refused(text):
    with pytest.raises(ConfigError, match=r"^frequency must be the time from row to row"):
        parse_frequency(text)


@pytest.mark.parametrize(
    ("code", "name"), [("1mo", "month"), ("2w", "2 weeks"), ("15min", "15 minutes"), ("1y", "year")]
)
def test_names_for_people(code, name):
    assert Frequency(*parse_frequency(code)).name == name


@pytest.mark.parametrize(
    ("code", "count", "said"),
    [("1mo", 12, "12 months"), ("1d", 1, "1 day"), ("1bd", 10, "10 business days"), ("15min", 8, "8 rows")],
)
def test_a_horizon_is_told_in_the_calendar_s_own_steps(code, count, said):
    assert Frequency(*parse_frequency(code)).spell(count) == said
    assert Frequency("bd", 1, weekmask="1111110").spell(3) == "3 rows"

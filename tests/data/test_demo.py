"""The demo data: the same for a seed, plausible, and with what they promise inside."""

import re
from collections import Counter

import numpy as np
import pytest

from seqconv.data import demo
from seqconv.data.demo import demo_series, demo_texts


@pytest.fixture(scope="module")
def texts():
    return demo_texts()


@pytest.fixture(scope="module")
def series():
    return demo_series()


def test_the_seed_decides(texts, series):
    assert demo_texts().train.texts == texts.train.texts
    assert demo_texts(seed=1).train.texts != texts.train.texts
    np.testing.assert_array_equal(demo_series().values, series.values)
    assert demo_series(seed=1).values.shape[1] == series.values.shape[1]
    assert not np.array_equal(demo_series(seed=1).values[:100], series.values[:100])


def test_reviews_are_short_varied_and_balanced(texts):
    for part, count in ((texts.train, 4000), (texts.test, 2000)):
        assert len(part.texts) == len(part.labels) == count
        assert part.labels.mean() == 0.5
        assert part.classes == ("neg", "pos")
    lengths = [len(text.split()) for text in texts.train.texts]
    assert min(lengths) >= 5
    assert max(lengths) <= 70
    assert len({word for text in texts.train.texts for word in text.split()}) > 300
    assert not re.search(r"[{}_]", "".join(texts.train.texts))
    assert len(set(texts.train.texts) & set(texts.test.texts)) < 20


def test_single_words_say_little_but_order_decides(texts):
    """Words of praise are about as frequent in both classes; a template read in order gives the class away."""
    praise = [Counter(), Counter()]
    for text, label in zip(texts.train.texts, texts.train.labels, strict=True):
        praise[label].update(word for word in text.split() if word in demo.GOOD)
    assert 0.6 < praise[0].total() / praise[1].total() < 1.7
    found = []
    for text, label in zip(texts.train.texts, texts.train.labels, strict=True):
        if match := re.search(r"started (\w+) but ended (\w+)", text):
            found.append((match[2] in demo.GOOD) == (label == 1))
    assert len(found) > 100
    assert 0.75 < np.mean(found) < 1  # some clauses speak for the other side, some labels are wrong


def test_series_is_hourly_with_holes_and_gaps(series):
    steps = np.diff(series.times).astype(int)
    assert series.interval_s == 3600
    assert len(series.times) > 34_000
    assert np.all(steps >= 3600)
    assert 1 <= np.sum(steps > 3600) <= 6
    assert np.isnan(series.values[:, 3]).any()
    assert not np.isnan(series.values[:, :3]).any()
    assert len(series.notes) == 2


def test_series_looks_like_weather(series):
    temperature, pressure, humidity, wind = series.values.T
    month = series.times.astype("datetime64[M]").astype(int) % 12
    hour = series.times.astype("datetime64[h]").astype(int) % 24
    assert temperature[month == 6].mean() - temperature[month == 0].mean() > 10
    assert temperature[hour == 15].mean() - temperature[hour == 4].mean() > 3
    assert np.all((temperature > -40) & (temperature < 45))
    assert np.all((pressure > 920) & (pressure < 1040))
    assert np.all((humidity >= 0) & (humidity <= 100))
    assert np.nanmin(wind) >= 0


def test_pressure_falls_before_the_temperature_drops():
    """Changes over six hours: temperature follows pressure by some hours, not the other way round."""
    series = demo_series(seed=3)
    pressure = np.diff(series.values[::1, 1], n=1)
    day_to_day = series.values[24:, 0] - series.values[:-24, 0]  # no daily cycle
    change = np.diff(day_to_day)
    fall = pressure[24:]
    follows = [np.corrcoef(fall[:-lag], change[lag:])[0, 1] for lag in range(4, 19)]
    leads = [np.corrcoef(fall[lag:], change[:-lag])[0, 1] for lag in range(4, 19)]
    assert max(follows) > 2 * abs(max(leads, key=abs))
    assert max(follows) > 0.05

"""Baselines: features against independent references, honest rows, and what each of them can and cannot learn."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from seqconv import baselines
from seqconv.baselines import choose_lags, fit_baselines, lacks_yesterday, read_calendar
from seqconv.features import SeriesFeatures, TextFeatures
from seqconv.metrics import example_losses
from seqconv.splits import Part, Split
from seqconv.tokens import TokenInputs
from seqconv.windows import Scaler, WindowInputs, WindowSpec

NOT, GOOD, BAD = 3, 4, 5


def text_split(parts: Sequence[Part], classes: tuple[str, ...]) -> Split:
    train, validation, test = parts
    return Split(train, validation, test, TextFeatures(classes, None, 100), {})


def series_split(parts: Sequence[Part], spec: WindowSpec, target: int, scale: float) -> Split:
    """A split whose target has that standard deviation."""
    train, validation, test = parts
    width = train.inputs.shape[1]
    scaler = Scaler(np.zeros(width), np.full(width, scale))
    names = tuple(f"column {index}" for index in range(width))
    return Split(train, validation, test, SeriesFeatures(names, (names[target],), scaler, spec), {})


def pad(texts: list[list[int]], length: int) -> np.ndarray:
    return np.array([[0] * (length - len(text)) + text for text in texts], np.int32)


def texts_by_order(count: int, seed: int) -> Part:
    """Class 1 where `not` stands before `good`, class 0 where it stands before `bad`; both hold the same words."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    texts = [
        [1, *random.integers(6, 30, random.integers(0, 8)), NOT, *((GOOD, 9, BAD) if label else (BAD, 9, GOOD)), 8]
        for label in labels
    ]
    return Part(TokenInputs(pad(texts, 16)), labels.astype(np.float32)[:, None])


def topics(count: int, seed: int, classes: int = 3) -> Part:
    """Each class has a word of its own, in nine texts of ten."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    own = np.where(random.random(count) < 0.9, 3 + labels, 20)
    ids = np.concatenate([np.ones((count, 1)), random.integers(10, 40, (count, 6)), own[:, None]], axis=1)
    return Part(TokenInputs(ids.astype(np.int32)), labels.astype(np.int32))


@pytest.fixture(scope="module")
def by_order() -> Split:
    return text_split([texts_by_order(count, seed) for seed, count in enumerate((400, 100, 200))], ("bad", "good"))


@pytest.fixture(scope="module")
def by_topic() -> Split:
    return text_split([topics(count, seed) for seed, count in enumerate((300, 100, 200))], ("a", "b", "c"))


def test_text_baselines_come_in_order_with_scores_and_seconds(by_order):
    heard: list[str] = []
    found = fit_baselines(by_order, heard.append)
    assert [each.name for each in found] == heard == ["majority class", "TF-IDF + logistic regression", "NB-SVM"]
    for each in found:
        assert (each.validation["n"], each.test["n"]) == (100, 200)
        assert each.test_outputs.shape == (200, 1)
        right = (each.test_outputs > 0) == by_order.test.targets
        assert each.test["accuracy"] == pytest.approx(right.mean())
        assert each.seconds > 0


def test_pairs_see_the_order_that_words_alone_cannot(by_order):
    _, words, pairs = fit_baselines(by_order)
    assert words.test["accuracy"] < 0.65
    assert pairs.test["accuracy"] == 1


def test_many_classes(by_topic):
    majority, words, pairs = fit_baselines(by_topic)
    assert majority.test["accuracy"] < 0.5
    for each in (words, pairs):
        assert each.test_outputs.shape == (200, 3)
        assert each.test["accuracy"] > 0.85
        assert each.test["loss"] < 0.6 < majority.test["loss"]


def test_majority_gives_the_class_shares():
    part = Part(TokenInputs(np.full((5, 2), 3, np.int32)), np.array([1, 1, 0, 1, 0], np.float32)[:, None])
    validation, test = baselines.guess_majority(text_split([part, part, part], ("no", "yes")))
    assert validation.shape == test.shape == (5, 1)
    assert 1 / (1 + np.exp(-test[0, 0])) == pytest.approx(4 / 7)  # one more of each


def test_padding_and_start_are_no_words(by_order):
    def bare(part: Part) -> Part:
        assert isinstance(part.inputs, TokenInputs)
        ids = np.where(part.inputs.ids == 1, 0, part.inputs.ids)
        return replace(part, inputs=TokenInputs(np.concatenate([np.zeros((len(ids), 3), np.int32), ids], axis=1)))

    other = replace(by_order, **{name: bare(getattr(by_order, name)) for name in ("train", "validation", "test")})
    for one, two in zip(fit_baselines(by_order), fit_baselines(other), strict=True):
        np.testing.assert_allclose(one.test_outputs, two.test_outputs, rtol=1e-9)


def test_test_labels_are_only_scored(by_order):
    flipped = replace(by_order, test=replace(by_order.test, targets=1 - by_order.test.targets))
    for one, two in zip(fit_baselines(by_order), fit_baselines(flipped), strict=True):
        np.testing.assert_array_equal(one.test_outputs, two.test_outputs)
        assert one.test["accuracy"] == pytest.approx(1 - two.test["accuracy"])


def test_a_class_that_training_never_saw_and_empty_texts_are_no_crash():
    train, test = topics(60, 0, classes=2), topics(40, 1, classes=3)
    assert isinstance(test.inputs, TokenInputs)
    test.inputs.ids[:5] = 0
    for each in fit_baselines(text_split([train, test, test], ("a", "b", "c"))):
        assert np.isfinite(each.test["loss"])
        assert np.all(each.test_outputs.argmax(axis=1) != 2)


def test_training_rows_of_one_class_only():
    part = texts_by_order(30, 0)
    one_sided = replace(part, targets=np.ones_like(part.targets))
    for each in fit_baselines(text_split([one_sided, part, part], ("no", "yes"))):
        assert np.all(each.test_outputs > 0)


@given(st.lists(st.lists(st.integers(2, 6), max_size=7), min_size=1, max_size=6))
def test_words_and_pairs_are_counted_like_a_dictionary_would(texts):
    ids = pad([[1, *text] for text in texts], 8)
    other = np.array([[0, 1, 2, 3, 2, 3, 6, 4]], np.int32)
    train, test = baselines._count_words_and_pairs([ids, other])
    counts = Counter(pair for text in texts for pair in pairwise(text))
    known = sorted(pair for pair, times in counts.items() if times >= 2)
    words = 7  # ids 0 to 6
    assert train.shape == (len(texts), words + len(known))
    for text, row in zip(texts, train.toarray(), strict=True):
        pairs = Counter(pairwise(text))
        assert row.tolist() == [text.count(word) for word in range(words)] + [pairs[pair] for pair in known]
    expected = [{(2, 3): 2, (3, 2): 1, (3, 6): 1, (6, 4): 1}.get(pair, 0) for pair in known]
    assert test.toarray()[0].tolist() == [0, 0, 2, 2, 1, 0, 1, *expected]


def test_tf_idf_is_that_of_scikit_learn(monkeypatch, by_topic):
    caught = []
    monkeypatch.setattr(baselines, "_one_against_rest", lambda split, weigh, strengths: caught.append(weigh(None)))
    baselines.fit_tf_idf(by_topic)
    counts = [baselines._count_words(ids, 40) for ids in baselines._ids(by_topic)]
    reference = TfidfTransformer(sublinear_tf=True).fit(counts[0])
    for found, raw in zip(caught[0], counts, strict=True):
        np.testing.assert_allclose(found.toarray(), reference.transform(raw).toarray(), rtol=1e-9)


# Forecasts


def cut(values: np.ndarray, spec: WindowSpec, bounds: tuple[int, int, int], target: int = 0) -> Split:
    """Three stretches of `[T, C]`, starting 2014-01-01 at midnight."""
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(len(values)) * np.timedelta64(spec.interval_s, "s")
    parts = []
    for first, last in zip((0, *bounds[:-1]), bounds, strict=True):
        anchors = spec.anchors(first, last)
        inputs = WindowInputs(values, anchors, spec.lookback, spec.step)
        rows = anchors + spec.delays[0]
        parts.append(Part(inputs, values[rows, target][:, None], times[rows]))
    return series_split(parts, spec, target, 2.0)


def daily_cycle(hours: int, seed: int = 0) -> np.ndarray:
    """A level that wanders, a daily cycle, and a second column that tells nothing."""
    random = np.random.default_rng(seed)
    level = np.cumsum(random.normal(0, 0.05, hours))
    cycle = np.sin(2 * np.pi * np.arange(hours) / 24)
    return np.stack([level + cycle, random.normal(size=hours)], axis=1).astype(np.float32)


def test_forecast_baselines_come_in_order_with_both_units():
    spec = WindowSpec(48, 1, (6,), 3600)
    heard: list[str] = []
    found = fit_baselines(cut(daily_cycle(1500), spec, (900, 1200, 1500)), heard.append)
    assert [each.name for each in found] == heard
    assert heard == [
        "naive (last value)",
        "seasonal naive (same hour yesterday)",
        "ridge on the window",
        "gradient boosting",
    ]
    for each in found:
        assert each.test_outputs.shape == (300 - 48 - 6, 1)
        assert each.test["mae"] == pytest.approx(2 * each.test["mae_scaled"])
        assert each.test["n"] == len(each.test_outputs)
    naive, seasonal, ridge, boosting = (each.test["mae_scaled"] for each in found)
    assert max(ridge, boosting) < seasonal < naive


@pytest.mark.parametrize(("step", "delay", "season"), [(1, 24, 48), (1, 23, 24), (6, 18, 24), (2, 0, 24), (3, 48, 72)])
def test_naive_forecasts_read_the_rows_they_promise(step, delay, season):
    rows = np.arange(400, dtype=np.float32)[:, None]
    split = cut(rows, WindowSpec(72, step, (delay,), 3600), (150, 270, 400))
    for part, naive, seasonal in zip(
        (split.validation, split.test), baselines.repeat_newest(split), baselines.repeat_yesterday(split), strict=True
    ):
        assert np.all(part.targets - naive == step + delay)
        assert np.all(part.targets - seasonal == season)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (WindowSpec(48, 1, (24,), 3600), ""),
        (WindowSpec(24, 1, (24,), 3600), ""),
        (WindowSpec(1440, 6, (144,), 600), ""),
        (WindowSpec(23, 1, (24,), 3600), "the row 48 h before the target is none of the window's rows"),
        (WindowSpec(50, 5, (24,), 3600), "the row 48 h before the target is none of the window's rows"),
        (WindowSpec(48, 1, (23,), 3600), "it is the naive forecast at this lead"),
        (WindowSpec(48, 1, (5,), 3500), "24 h is no whole number of rows of 3500 s"),
        (WindowSpec(8, 1, (0,), 7 * 86400), "24 h is no whole number of rows of 168 h"),
    ],
)
def test_the_seasonal_forecast_is_left_out_where_it_says_nothing(spec, reason):
    assert lacks_yesterday(spec) == reason


def test_a_baseline_that_is_left_out_is_told():
    heard: list[str] = []
    found = fit_baselines(cut(daily_cycle(600), WindowSpec(12, 1, (24,), 3600), (300, 450, 600)), heard.append)
    assert [each.name for each in found] == ["naive (last value)", "ridge on the window", "gradient boosting"]
    assert heard[0].startswith("seasonal naive (same hour yesterday): left out, the row 48 h before")


def test_only_rows_of_the_window_are_read():
    split = cut(daily_cycle(1200), WindowSpec(48, 2, (6,), 3600), (700, 900, 1200))
    before = {each.name: each.test_outputs for each in fit_baselines(split)}
    # one test window, and nothing else known after the validation rows
    anchor = 1000
    values = split.test.inputs.values.copy()
    values[900:] = np.nan
    inside = np.arange(anchor - 48, anchor, 2)
    values[inside] = split.test.inputs.values[inside]
    place = np.flatnonzero(split.test.inputs.anchors == anchor)
    alone = replace(
        split,
        test=Part(
            WindowInputs(values, split.test.inputs.anchors[place], 48, 2),
            split.test.targets[place],
            split.test.times[place],
        ),
    )
    for each in fit_baselines(alone):
        np.testing.assert_allclose(each.test_outputs, before[each.name][place], rtol=1e-6)


def test_ridge_finds_a_linear_rule_over_lags_and_columns():
    random = np.random.default_rng(0)
    values = random.normal(size=(3000, 2)).astype(np.float32)
    for row in range(5, 3000):
        values[row, 1] = 0.5 * values[row - 3, 1] - 0.3 * values[row - 5, 1] + 0.4 * values[row - 3, 0]
    split = cut(values, WindowSpec(8, 1, (2,), 3600), (2000, 2500, 3000), target=1)
    outputs = baselines.fit_ridge(split)[1]
    assert example_losses(outputs, split.test.targets, "mae").mean() < 0.02


def test_ridge_is_the_closed_form_for_the_change():
    split = cut(daily_cycle(500), WindowSpec(10, 1, (3,), 3600), (300, 400, 500))
    train, _, test = baselines._features(split, 0, baselines.RIDGE_LAGS)
    assert train.shape == (300 - 10 - 3, 10 + 1 + 2)
    centre, change = train.mean(axis=0), split.train.targets - train[:, :1]
    answers = []
    for penalty in (10, 100, 1e3, 1e4, 1e5):
        gram = (train - centre).T @ (train - centre) + penalty * np.eye(train.shape[1])
        weights = np.linalg.solve(gram, (train - centre).T @ (change - change.mean()))
        answers.append(test[:, :1] + (test - centre) @ weights + change.mean())
    found = baselines.fit_ridge(split)[1]
    assert min(np.abs(found - answer).max() for answer in answers) < 1e-6


def test_the_day_of_the_year_is_used_only_with_a_year_to_learn_from():
    spec = WindowSpec(4, 1, (0,), 86400)
    values = np.random.default_rng(0).normal(size=(900, 1)).astype(np.float32)
    assert baselines._features(cut(values, spec, (360, 600, 900)), 0, 64)[2].shape[1] == 4 + 2
    assert baselines._features(cut(values, spec, (380, 600, 900)), 0, 64)[2].shape[1] == 4 + 4


def test_boosting_follows_a_level_that_training_never_saw():
    rising = (np.arange(1500) / 100 + np.sin(2 * np.pi * np.arange(1500) / 24))[:, None].astype(np.float32)
    split = cut(rising, WindowSpec(24, 1, (6,), 3600), (900, 1200, 1500))
    outputs = baselines.fit_boosting(split)[1]
    assert example_losses(outputs, split.test.targets, "mae").mean() < 0.1


def test_a_long_training_split_is_thinned_evenly():
    rows = np.arange(120_001)
    thinned = baselines._thin(rows)
    assert len(thinned) == baselines.MOST_ROWS
    assert (thinned[0], thinned[-1]) == (0, 120_000)
    assert set(np.diff(thinned)) == {2, 3}
    assert len(baselines._thin(rows[:1000])) == 1000


@given(st.integers(1, 2000), st.integers(3, 80))
def test_lags_reach_from_the_newest_to_the_oldest_step(length, most):
    lags = choose_lags(length, most)
    assert len(lags) <= most
    assert np.all(np.diff(lags) > 0)
    assert (lags[0], lags[-1]) == (1, length)
    assert lags[: min(most // 2, length)].tolist() == list(range(1, min(most // 2, length) + 1))


def test_calendar_is_an_angle_of_the_day_and_of_the_year():
    times = np.array(["2014-01-01T00:00", "2014-01-01T06:00", "2015-07-02T15:00"], "datetime64[s]")
    midnight, six, july = read_calendar(times)
    assert midnight == pytest.approx([0, 1, 0, 1])
    assert six[:2] == pytest.approx([1, 0], abs=1e-12)
    assert july[3] == pytest.approx(-1, abs=1e-3)


def test_jena_gives_the_known_errors(real_data):
    with (real_data / "jena" / "jena_hourly_2009_2016.csv").open() as file:
        _, *lines = csv.reader(file)
    values = np.array([[float(cell) for cell in line[1:]] for line in lines])
    times = np.array([datetime.strptime(line[0], "%d.%m.%Y %H:%M:%S") for line in lines], "datetime64[s]")
    spec, bounds = WindowSpec(240, 1, (24,), 3600), (0, 33_333, 50_000, len(values))
    scaler = Scaler.fit(values[:33_333], tuple("abcdef"))
    scaled = scaler.scale(values)
    parts = []
    for first, last in pairwise(bounds):
        anchors, _, _ = spec.keep_whole(spec.anchors(first, last), times, scaled, [0])
        inputs, rows = WindowInputs(scaled, anchors, 240, 1), anchors + 24
        parts.append(Part(inputs, scaled[rows, 0][:, None], times[rows]))
    found = fit_baselines(series_split(parts, spec, 0, float(scaler.std[0])))
    scores = [(each.validation["mae_scaled"], each.test["mae_scaled"]) for each in found]
    assert scores[0] == pytest.approx((0.289, 0.3067), abs=5e-4)
    assert scores[1] == pytest.approx((0.364, 0.390), abs=2e-3)
    assert scores[2] == pytest.approx((0.266, 0.279), abs=2e-3)
    assert scores[3] == pytest.approx((0.2615, 0.273), abs=2e-3)


def test_trec_questions(real_data):
    def read(name: str) -> tuple[list[str], list[list[str]]]:
        lines = (real_data / "trec" / name).read_text("latin-1").splitlines()
        return [line.partition(":")[0] for line in lines], [re.findall(r"\w+", line.lower())[2:] for line in lines]

    (labels, questions), (test_labels, test_questions) = read("TREC.train"), read("TREC.test")
    classes = tuple(sorted(set(labels)))
    ids = {word: place + 3 for place, (word, _) in enumerate(Counter(chain(*questions)).most_common(9997))}

    def encode(texts: list[list[str]], names: list[str]) -> Part:
        rows = [[1, *(ids.get(word, 2) for word in text)][-40:] for text in texts]
        return Part(TokenInputs(pad(rows, 40)), np.array([classes.index(name) for name in names], np.int32))

    order = np.random.default_rng(0).permutation(len(labels))
    shuffled = encode([questions[place] for place in order], [labels[place] for place in order])
    train, validation = (
        Part(shuffled.inputs.take(part), shuffled.targets[part]) for part in (np.arange(4452), np.arange(4452, 5452))
    )
    split = text_split([train, validation, encode(test_questions, test_labels)], classes)
    _, words, pairs = fit_baselines(split)
    assert words.test["accuracy"] > 0.8
    assert pairs.test["accuracy"] > 0.85

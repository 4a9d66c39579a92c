"""Answers taken apart: spans known by hand, occlusion held against plain answers and against linear networks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from helpers.networks import random_weights
from helpers.predictors import GRU, HOUR, THREE, by_hand, hours, sequence_predictor, series_predictor, text_predictor
from helpers.texts import any_text
from seqconv.data.records import Sequences
from seqconv.errors import ConfigError, DataError
from seqconv.models.predictor import Predictor
from seqconv.tasks.classes import Classes
from seqconv.tasks.effects import Contribution
from seqconv.tasks.explanation import Curves, GridExplanation
from seqconv.tasks.label_sets import Labels
from seqconv.tasks.occlusion import cut_spans
from seqconv.tasks.sequence.explaining import explain_sequence
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.text.explaining import explain_text
from seqconv.tasks.text.vocabulary import split
from seqconv.tasks.text_explanation import TextExplanation

# Texts


def test_spans_are_those_that_the_network_was_built_to_find():
    text = "It's NOT \u2014 bad, really GOOD!"
    (found,) = explain_text(by_hand(), text)
    assert [(part.span, part.contribution, part.filters) for part in found.parts] == [
        ("NOT \u2014 bad", 3.0, 1),
        ("really GOOD", 1.0, 1),
    ]
    assert all(text[part.start : part.end] == part.span for part in found.parts)
    assert found.constant == -0.25 + 4 * 0.25  # the bias, and the filter that the start of the text won
    assert found.logit == 4.75
    assert found.exact
    assert found.name == "pos"


def test_the_other_of_two_classes_has_the_opposite_parts():
    (found,) = explain_text(by_hand(), "not bad", "neg")
    assert (found.name, found.logit, found.constant) == ("neg", -3.75, -0.75)
    assert [part.contribution for part in found.parts] == [-3.0]
    assert found.directions == ("for neg", "for pos")


def test_only_the_kept_end_of_a_long_text_can_win():
    (found,) = explain_text(by_hand(length=4), "not bad film film film good")
    assert [(part.span, part.contribution) for part in found.parts] == [("film good", 1.0)]
    assert found.constant == -0.25
    (found,) = explain_text(by_hand(length=2), "film not bad")
    assert [(part.span, part.start) for part in found.parts] == [("not bad", 5)]


@pytest.mark.parametrize("text", ["", " \n", "'", "<br />", "\u2026!"])
def test_a_text_without_words_is_all_constant(text):
    (found,) = explain_text(by_hand(), text)
    assert (found.parts, found.constant, found.logit) == ((), 0.75, 0.75)


def test_a_word_alone_and_letters_that_grow_when_lowered():
    (found,) = explain_text(by_hand(), "İ\u0130 שלום 👩\u200d👧 good")
    assert [part.span for part in found.parts] == ["👩\u200d👧 good"]
    (found,) = explain_text(by_hand(), "good")
    assert [(part.span, part.start, part.end) for part in found.parts] == [("good", 0, 4)]


@given(any_text)
@settings(deadline=None)
def test_parts_and_constant_sum_to_the_logit_of_any_text(text):
    predictor = text_predictor(THREE, classes=("a", "b", "c"))
    (found,) = explain_text(predictor, text)
    shares = predictor.predict([text])[0]
    assert found.name == found.classes[shares.argmax()]
    assert found.constant + sum(part.contribution for part in found.parts) == pytest.approx(found.logit, abs=1e-5)
    spans = [(part.start, part.end) for part in found.parts]
    assert len(set(spans)) == len(spans)
    assert all(len(split(part.span)) <= 3 for part in found.parts)
    shaded = sum(share for _, _, share in found.shade_words())
    assert shaded == pytest.approx(sum(part.contribution for part in found.parts), abs=1e-6)


def test_several_labels_have_an_explanation_each_unless_one_is_chosen():
    predictor = text_predictor(THREE, classes=("a", "b", "c"), multi_label=True)
    found = explain_text(predictor, "good film not bad")
    assert [one.name for one in found] == ["a", "b", "c"]
    for one, share in zip(found, predictor.predict(["good film not bad"])[0], strict=True):
        assert 1 / (1 + np.exp(-one.logit)) == pytest.approx(share, rel=1e-5)
        assert one.directions == (f"for {one.name}", f"against {one.name}")
    assert [one.name for one in explain_text(predictor, "good", "b")] == ["b"]


@pytest.mark.parametrize("length", [3, 12])
def test_other_networks_are_told_by_leaving_each_word_out(length):
    predictor = text_predictor(GRU, length=length)
    words = ["good", "film", "not", "bad", "unheard", "good"]

    def logit(some):
        share = predictor.predict([" ".join(some)]).astype(np.float64)[0]
        return np.log(share[1] / share[0])

    (found,) = explain_text(predictor, " ".join(words))
    assert (found.exact, found.constant) == (False, None)
    assert len(found.parts) == min(length, 6)
    changes = {start: share for start, _, share in found.shade_words()}
    for place in range(6):
        start = len(" ".join([*words[:place], ""])) if place else 0
        expected = logit(words) - logit(words[:place] + words[place + 1 :]) if place >= 6 - length else 0
        assert changes[start] == pytest.approx(expected, abs=2e-5)
    assert "Approximate" in found.note


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(ConfigError, match=r"unknown class 'poss'\. Did you mean 'pos'"):
        explain_text(by_hand(), "good", "poss")
    with pytest.raises(DataError, match=r"Unicode|surrogate"):
        explain_text(by_hand(), "\ud800")
    broken = text_predictor(GRU, random_weights(GRU) | {"3.bias": np.array([np.nan], np.float32)})
    with pytest.raises(DataError, match="answer must be a number"):
        explain_text(broken, "good")
    blind = by_hand()
    features = replace(blind.bundle.features, vocabulary=None)
    with pytest.raises(DataError, match="ids without words"):
        explain_text(Predictor(replace(blind.bundle, features=features), threads=1), "good")


# Windows: networks that are linear, so that every contribution is known


@pytest.mark.parametrize("change", [False, True])
@pytest.mark.parametrize(("lead", "output"), [("", 0), ("6h", 1)])
def test_cells_of_a_linear_forecast_are_its_summands(change, lead, output):
    predictor, series = series_predictor(change), hours()
    found = explain_series(predictor, series, at="2016-12-04 12:00", lead=lead)
    window = (series.values[84 - 70 : 85 : 2] - [10, -3]) / [2, 5]
    weights = predictor.bundle.weights
    slopes = 2 * np.einsum("lcf,f->lc", weights["0.kernel"], weights["2.kernel"][:, output])
    summands = window * slopes
    if change:
        summands[-1, 0] += 2 * window[-1, 0]
    bounds = cut_spans(36)
    cells = np.add.reduceat(summands, bounds[:-1]).T
    np.testing.assert_allclose(found.contributions, cells, atol=2e-5)
    np.testing.assert_allclose(found.whole, cells.sum(axis=1), atol=2e-5)
    forecast = predictor.forecast(series.values[:85])[-1, output, 0]
    assert found.value == pytest.approx(forecast, rel=1e-5)
    assert found.spans[0] == ("2016-12-01 14:00", "2016-12-01 16:00")
    assert found.spans[-1][1] == found.facts["newest row"] == "2016-12-04 12:00"
    assert found.output == f"T, {lead[:-1] or 2} h ahead"
    assert found.verdict == f"{found.output} ({['2016-12-04 14:00', '2016-12-04 18:00'][output]}): {found.value:.4g}"
    np.testing.assert_array_equal(found.curves.values, series.values[84 - 70 : 85 : 2])
    np.testing.assert_array_equal(found.curves.steps, series.times[84 - 70 : 85 : 2])
    np.testing.assert_array_equal(found.curves.ahead, series.times[84] + np.array([2, 6]) * HOUR)
    assert found.curves.forecasts[0, output] == pytest.approx(forecast, rel=1e-6)
    assert (found.curves.target, found.band) == (0, None)
    row, begin, _, value = found.top(1)[0]
    place = [begin for begin, _ in found.spans].index(begin)
    assert abs(value) == np.abs(cells).max() or abs(value) == pytest.approx(np.abs(cells).max(), abs=2e-5)
    assert found.contributions[found.rows.index(row), place] == value


def test_the_newest_whole_window_is_explained_and_the_calendar_counts():
    found = explain_series(series_predictor(calendar=("day", "year")), hours(hole=99))
    assert found.facts["newest row"] == "2016-12-05 02:00"
    assert found.rows == ("T", "p", "time of day", "time of year")
    assert np.abs(found.whole).min() > 0


@pytest.mark.parametrize(
    ("arguments", "series", "says"),
    [
        ({"at": "yesterday"}, {}, "at must be a time such as"),
        ({"at": "2016-12-04T12:00Z"}, {}, "at must have no time zone"),
        ({"at": "2016-12-04T12:00:00.5"}, {}, "at: must be the time of a row"),
        ({"at": "2016-12-09"}, {}, "2016-12-01 00:00 to 2016-12-05 03:00"),
        ({"at": "2016-12-02"}, {}, "the window that ends at 2016-12-02 must hold 36 rows 2 h apart"),
        ({"at": "2016-12-05"}, {"hole": 90}, "without holes"),
        ({}, {"count": 40}, "the file must hold 36 rows"),
        ({"target": "t"}, {}, "unknown target 't'"),
        ({"lead": "3h"}, {}, "lead must be one of 2 h, 6 h; got '3h'"),
        ({"lead": "soon"}, {}, "lead must be a number with a unit"),
    ],
)
def test_a_window_that_is_not_there_is_refused(arguments, series, says):
    with pytest.raises((ConfigError, DataError)) as caught:
        explain_series(series_predictor(), hours(**series), **arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize("steps", [30, 13, 50])
def test_only_the_steps_of_a_sequence_are_put_at_their_mean(steps):
    predictor = sequence_predictor(masked=True)
    values = np.random.default_rng(1).normal(size=(steps, 2)).astype(np.float32)
    sequence = Sequences(values, np.array([0, steps]), np.array([], np.int32), ("a", "b"), ("x", "y"), "s.ts")
    found = explain_sequence(predictor, sequence)
    weights, kept = predictor.bundle.weights, min(steps, 30)
    slopes = weights["0.kernel"][30 - kept :, :2, 0] * weights["2.kernel"][0, 0]
    summands = (values[steps - kept :] - [1, 2]) / [1, 4] * slopes
    np.testing.assert_allclose(found.whole, summands.sum(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.contributions.sum(axis=1), found.whole, atol=1e-5)
    assert found.spans[0][0] == str(steps - kept + 1)
    assert found.spans[-1][1] == str(steps)
    assert (found.output, found.rows) == ("b", ("x", "y"))
    assert 1 / (1 + np.exp(-found.value)) == pytest.approx(found.probability, rel=1e-5)
    assert found.verdict == f"{found.answer} ({100 * max(found.probabilities.values()):.1f} %)"
    np.testing.assert_array_equal(found.curves.values, values[steps - kept :])
    assert (found.curves.steps[0], found.curves.steps[-1]) == (steps - kept + 1, steps)
    other = explain_sequence(predictor, sequence, "a")
    assert (other.verdict, other.because) == (found.verdict, found.because)
    np.testing.assert_allclose(other.contributions, -found.contributions, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 24, 25, 37, 60, 100, 240, 1440])
def test_stretches_cover_the_window_evenly(steps):
    bounds = cut_spans(steps)
    assert (bounds[0], bounds[-1]) == (0, steps)
    sizes = np.diff(bounds)
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1
    assert len(sizes) <= 24
    assert len(sizes) >= min(steps, 12)


def test_a_label_at_exactly_one_half_is_explained_as_it_is_predicted():
    target = Labels(("a", "b"))
    one = TextExplanation("so", ((0, 2),), target, (0.5, 0.75), "a", 0.0, None, (), False)
    assert one.verdict == "b (75.0 %)"
    assert target.name_answers(np.array([[0.5, 0.75]])) == [["b"]]
    assert TextExplanation("so", ((0, 2),), target, (0.5, 0.25), "a", 0.0, None, (), False).verdict == (
        "none of the classes"
    )


# Sentences


def test_a_text_is_explained_by_what_speaks_for_its_answer():
    def say(text: str, name: str | None = None, length: int = 12) -> str:
        return explain_text(by_hand(length), text, name)[0].because

    assert say("not bad film good") == "Mostly because of \u201cnot bad\u201d."
    assert say("film\ngood") == "Mostly because of \u201cfilm good\u201d."
    assert say("not bad", "neg") == say("not bad")  # the other class is the same question
    assert say("film") == "Nothing in the text speaks for this answer."
    (found,) = explain_text(by_hand(), "good")
    assert replace(found, constant=1.5).because == (
        "Mostly because of what is not in the text; of what is, mostly because of \u201cgood\u201d."
    )


def test_a_class_that_is_not_the_answer_is_explained_by_what_speaks_against_it():
    parts = (Contribution("bad", 4, 7, -2.0, 1), Contribution("not", 0, 3, 1.5, 1), Contribution("so", 8, 10, -0.5, 1))
    words, classes = ((0, 3), (4, 7), (8, 10)), Classes(("a", "b", "c"))
    one = TextExplanation("not bad so", words, classes, (0.1, 0.7, 0.2), "a", -1.0, 0.0, parts, True)
    assert one.because == "Not a: mostly because of \u201cbad\u201d."
    assert replace(one, name="b").because == "Mostly because of \u201cnot\u201d."
    assert replace(one, parts=parts[1:2]).because == "Not a, though nothing in the text speaks against it."


def test_reasons_are_the_strong_ones_and_do_not_overlap():
    spans = [("so very", 0, 7, 3.0), ("very", 3, 7, 2.9), ("good", 8, 12, 2.0), ("film", 13, 17, 1.0)]
    parts = tuple(Contribution(*span, 1) for span in spans)
    one = TextExplanation("so very good film", (), Classes(("a", "b")), (0.1, 0.9), "b", 9.0, 0.0, parts, True)
    assert one.because == "Mostly because of \u201cso very\u201d and \u201cgood\u201d."


@pytest.mark.parametrize(
    ("whole", "probabilities", "sentence"),
    [
        ([3.0, -2.0], {}, "Mostly because of T (+3.00, most from 1 to 4) and p (\u22122.00, most at 5)."),
        ([3.0, -1.0], {}, "Mostly because of T (+3.00, most from 1 to 4)."),
        ([0.0, 0.0], {}, "No input alone decides it."),
        ([3.0, -2.0], {"x": 0.9, "y": 0.1}, "Mostly because of T (most from steps 1 to 4)."),
        ([3.0, -2.0], {"x": 0.1, "y": 0.9}, "Mostly because of p (most at step 5)."),
        ([3.0, -2.0], {"x": 0.1, "y": 0.8, "z": 0.1}, "Not x: mostly because of p (most at step 5)."),
        ([-3.0, -2.0], {"x": 0.9, "y": 0.1}, "No input alone decides it."),
    ],
)
def test_a_window_is_explained_by_its_strongest_inputs(whole, probabilities, sentence):
    curves = Curves(np.arange(5), np.zeros((5, 2)), np.array([0, 4, 5]), target=None if probabilities else 0)
    cells = np.array([[2.0, 1.0], [0.5, -2.5]])
    spans = (("1", "4"), ("5", "5"))
    answer = max(probabilities, key=probabilities.get, default="")
    parts = (("T", "p"), spans, cells, np.array(whole), {}, curves)
    one = GridExplanation("x", 1.0, probabilities, *parts, answer=answer)
    assert one.because == sentence

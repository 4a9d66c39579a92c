"""Scores, comparisons and their wording, and the order probe, with networks that are plain functions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from seqconv.metrics.comparison import Comparison, Score, beats_baselines, say_better, verdict
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.tasks.baselines import Majority
from seqconv.tasks.classes import Classes
from seqconv.tasks.examples import Part, Split
from seqconv.tasks.label_sets import Labels
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.scoring import Answer, Baseline, compare, evaluate, find_better
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.series.windows import WindowSpec, block_length
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.values import Values
from seqconv.training.order import probe_order

LOGITS = "binary_crossentropy"


@dataclass(frozen=True)
class Function:
    """A network that computes `call` on a batch `[B, L]` or `[B, L, C]`."""

    call: Callable[[np.ndarray], np.ndarray]

    def predict(self, inputs: TokenInputs | WindowInputs) -> np.ndarray:
        return self.call(inputs.gather(np.arange(len(inputs))))


def text_part(count: int, seed: int) -> Part:
    """Words 3 to 9 in random order after padding and start; class 1 where word 3 stands before word 4."""
    random = np.random.default_rng(seed)
    ids = np.zeros((count, 12), np.int32)
    ids[:, 4] = 1
    ids[:, 5:] = random.permuted(np.tile(np.arange(3, 10), (count, 1)), axis=1)
    first = (ids == 3).argmax(axis=1) < (ids == 4).argmax(axis=1)
    return Part(TokenInputs(ids), first.astype(np.float32)[:, None])


def text_split(count: int = 300) -> Split:
    return Split(
        *(text_part(count, seed) for seed in range(3)), TextFeatures(Classes(("after", "before")), None, 12), {}
    )


def series_split(rows: int = 3000, interval_s: int = 3600) -> Split:
    """Row numbers as values, so that a forecast is an addition; training std 5."""
    values = np.stack([np.arange(rows), np.zeros(rows)], axis=1).astype(np.float32)
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(rows) * np.timedelta64(interval_s, "s")
    spec = WindowSpec(8, 2, (3,), interval_s)
    parts = []
    for first, last in ((0, 200), (200, 400), (400, rows)):
        anchors = spec.anchors(first, last)
        targets = values[anchors + 3, :1]
        parts.append(Part(WindowInputs(values, anchors, 8, 2), targets, times[anchors + 3]))
    scaler = Scaler(np.zeros(2), np.array([5.0, 1.0]))
    return Split(*parts, SeriesFeatures(("row", "zero"), ("row",), scaler, spec), {})


SPOKEN = {"naive": "the naive forecast"}
reads_order = Function(lambda ids: ((ids == 3).argmax(axis=1) < (ids == 4).argmax(axis=1))[:, None] * 2.0 - 1.0)
reads_newest = Function(lambda windows: windows[:, -1, :1] + 5)


def baseline(name: str, outputs: np.ndarray, **metrics: float) -> Baseline:
    """One with these outputs and metrics on the validation and the test rows."""
    answer = Answer(Majority(None, outputs), TokenInputs(np.zeros((1, 1), np.int32)), outputs)
    return Baseline(name, name, SPOKEN.get(name, name), answer.model, metrics, metrics, 0.1, (answer, answer))


def test_classes_are_scored_on_validation_and_test():
    split = text_split()
    found = evaluate(reads_order, split, LOGITS)
    loss = pytest.approx(np.log1p(np.exp(-1)))
    shown = {"loss": loss, "accuracy": 1, "n": 300, "auc": 1, "micro_f1": 1, "log_loss": loss}
    assert {name: found.validation[name] for name in shown} == shown
    assert found.test["accuracy"] == 1
    np.testing.assert_array_equal(found.test_outputs > 0, split.test.targets > 0)
    assert found.validation_outputs.shape == (300, 1)


def test_the_as_printed_loss_keeps_its_own_accuracy():
    always = Function(lambda ids: np.full((len(ids), 1), 1.6))
    assert evaluate(always, text_split(), "as_printed").test["accuracy"] == 0


def test_forecasts_are_scored_in_both_units():
    split = series_split()
    exact = evaluate(reads_newest, split, "mse")
    assert exact.test == {"mae": 0, "mae_scaled": 0, "mse_scaled": 0, "rmse": 0, "n": len(split.test.targets)}
    late = evaluate(Function(lambda windows: windows[:, -1, :1]), split, "mae")
    assert late.validation == {"mae": 25, "mae_scaled": 5, "mse_scaled": 25, "rmse": 25, "n": 200 - 8 - 3}


def test_comparisons_start_with_the_baseline_that_is_best_on_validation():
    split = text_split()
    right = np.where(split.test.targets > 0, 1.0, -1.0)
    weak, strong = right.copy(), right.copy()
    weak[:90] *= -1
    strong[90:120] *= -1
    ours = right.copy()
    ours[120:126] *= -1
    found = compare(
        ours, [baseline("weak", weak, accuracy=0.7), baseline("strong", strong, accuracy=0.9)], split, LOGITS
    )
    assert [each.name for each in found] == ["strong", "weak"]
    assert [each.score for each in found] == ["90.0 %", "70.0 %"]
    assert [each.improvement for each in found] == pytest.approx([1 - 6 / 30, 1 - 6 / 90])
    assert all(0 < each.low < each.improvement < each.high <= 1 for each in found)
    assert beats_baselines(found)


def test_baselines_of_the_as_printed_loss_are_read_as_logits():
    split = text_split()
    logits = np.where(split.test.targets > 0, 3.0, -3.0)
    probabilities = np.where(split.test.targets > 0, 0.9, 0.6)
    found = compare(probabilities, [baseline("NB-SVM", logits, accuracy=1.0)], split, "as_printed")
    assert found[0].improvement == -np.inf  # the baseline is always right, the network is not


def test_forecasts_are_compared_by_their_absolute_error_in_blocks():
    split = series_split()
    random = np.random.default_rng(0)
    noise = np.repeat(random.normal(size=(200, 1)), 13, axis=0)[: len(split.test.targets)].astype(np.float32)
    ours, worse = split.test.targets + noise, split.test.targets + 1.25 * noise
    (found,) = compare(ours, [baseline("ridge", worse, mae=5.0, mae_scaled=1.0)], split, "huber")
    assert (found.improvement, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2), abs=1e-3)
    independent = split.test.targets + random.normal(size=noise.shape)
    (unsure,) = compare(ours, [baseline("ridge", independent, mae=5.0, mae_scaled=1.0)], split, "mae")
    assert unsure.low < 0 < unsure.high


def test_many_classes():
    parts = [Part(text_part(60, seed).inputs, np.arange(60, dtype=np.int32) % 3) for seed in range(3)]
    split = Split(*parts, TextFeatures(Classes(("a", "b", "c")), None, 12), {})
    right = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    loss = "categorical_crossentropy"
    (found,) = compare(right, [baseline("majority class", np.tile([1.0, 0, 0], (60, 1)), accuracy=0.3)], split, loss)
    assert (found.improvement, found.low, found.high) == (1, 1, 1)
    assert evaluate(Function(lambda ids: right), split, loss).test["accuracy"] == 1


@pytest.mark.parametrize(
    ("spec", "count", "expected"),
    [
        (WindowSpec(240, 1, (24,), 3600), 20_000, 168),  # a week
        (WindowSpec(1440, 6, (144,), 600), 100_000, 1008),
        (WindowSpec(240, 1, (335,), 3600), 20_000, 336),  # the lead is longer
        (WindowSpec(240, 1, (24,), 3600), 1000, 50),  # twenty blocks
        (WindowSpec(240, 1, (24,), 3600), 300, 25),  # never less than the lead
        (WindowSpec(52, 1, (0,), 7 * 86400), 400, 1),
        (WindowSpec(52, 1, (0,), 30 * 86400), 400, 1),
    ],
)
def test_a_block_is_a_week_or_the_lead(spec, count, expected):
    assert block_length(spec, count) == expected


def test_a_network_beats_the_baselines_only_with_every_interval_above_zero():
    above, around, below = (
        Comparison("x", *ends) for ends in ((0.1, 0.05, 0.2), (0.1, -0.05, 0.2), (-0.1, -0.2, -0.1))
    )
    assert beats_baselines([above, above])
    assert not beats_baselines([above, around])
    assert not beats_baselines([below])
    assert not beats_baselines([])


BETTER = Comparison("gradient boosting", 0.07, 0.051, 0.09)
WORSE = Comparison("gradient boosting", -0.03, -0.05, -0.01)
UNCLEAR = Comparison("gradient boosting", 0.01, -0.024, 0.04, score="89.2 %")
NAIVE = Comparison("naive (last value)", 0.18, 0.15, 0.2, spoken="the naive forecast")


RIGHT = Score("89.6 % of 480 unseen texts right", counted=True)
MAE = Score("MAE 1.93 on 4,645 unseen rows")


@pytest.mark.parametrize(
    ("comparisons", "sentence"),
    [
        (
            [BETTER, NAIVE],
            "7 % fewer errors (95 % interval 5 to 9 %) than gradient boosting, 18 % fewer than the naive forecast.",
        ),
        ([WORSE], "3 % more errors (95 % interval 1 to 5 %) than gradient boosting."),
        ([UNCLEAR], "too close to call against gradient boosting (89.2 %)."),
        (
            [WORSE, UNCLEAR, NAIVE],
            "3 % more errors (95 % interval 1 to 5 %) than gradient boosting, 18 % fewer than the naive forecast; "
            "too close to call against gradient boosting (89.2 %).",
        ),
        ([Comparison("NB-SVM", 0.012, 0.004, 0.02)], "1.2 % fewer errors (95 % interval 0.4 to 2.0 %) than NB-SVM."),
        ([Comparison("NB-SVM", 0.0, 0.0, 0.0)], "the same errors as NB-SVM."),
        ([Comparison("NB-SVM", 0.3, -np.inf, np.inf)], "too few test rows to tell against NB-SVM."),
        ([Comparison("NB-SVM", 0.3, -1.4, 0.9)], "too few test rows to tell against NB-SVM."),
        ([Comparison("NB-SVM", -np.inf, -np.inf, -np.inf)], "NB-SVM makes no error."),
        (
            [Comparison("NB-SVM", -2.5, -np.inf, -1)],
            "250 % more errors (95 % interval at least 100 %) than NB-SVM.",
        ),
    ],
)
def test_the_verdict_says_what_is_known_and_no_more(comparisons, sentence):
    assert verdict(comparisons, RIGHT) == f"{RIGHT.text}: {sentence}"


def test_the_error_of_forecasts_is_measured_not_counted():
    assert verdict([BETTER, NAIVE], MAE) == (
        "MAE 1.93 on 4,645 unseen rows: 7 % less error (95 % interval 5 to 9 %) than gradient boosting, "
        "18 % less than the naive forecast."
    )


def test_without_baselines_the_score_stands_alone():
    assert verdict([], RIGHT) == "89.6 % of 480 unseen texts right; not compared with any baseline."


ONE, TWO = (Values(names, ("1 h",), np.zeros(len(names)), np.ones(len(names))) for names in (("t",), ("t", "u")))


@pytest.mark.parametrize(
    ("target", "score", "text"),
    [
        (Classes(("a", "b")), {"accuracy": 0.9892}, "98.9 % of 1,114 unseen texts right"),
        (Classes(("a", "b")), {"accuracy": 0.9999}, "> 99.9 % of 1,114 unseen texts right"),
        (Classes(("a", "b")), {"accuracy": 1.0}, "100 % of 1,114 unseen texts right"),
        (Labels(("a", "b")), {"f1": 0.8424}, "F1 0.842 on 1,114 unseen texts"),
        (ONE, {"mae": 1.9336, "mae_scaled": 0.2}, "MAE 1.93 on 1,114 unseen texts"),
        (ONE, {"mae": 52756.3, "mae_scaled": 0.2}, "MAE 52,756 on 1,114 unseen texts"),
        (TWO, {"mae": 52756.3, "mae_scaled": 0.2}, "MAE 0.2 standard deviations on 1,114 unseen texts"),
        (TWO, {"mae": 52756.3}, "MAE 52,756 on 1,114 unseen texts"),
    ],
)
def test_a_score_is_said_in_its_unit(target, score, text):
    assert target.say_score(score | {"n": 1114}, "texts").text == text


def test_the_strongest_baseline_is_named_first_with_its_score():
    close, beaten = (replace(each, score=text) for each, text in ((UNCLEAR, "89.2 %"), (BETTER, "80.1 %")))
    assert verdict([close, beaten], RIGHT) == (
        f"{RIGHT.text}: too close to call against gradient boosting (89.2 %); "
        "7 % fewer errors (95 % interval 5 to 9 %) than gradient boosting (80.1 %)."
    )


def test_the_probe_tells_a_network_that_reads_word_order_from_one_that_does_not():
    split = text_split(2500)
    found = probe_order(reads_order, split, LOGITS)
    assert found.as_is["accuracy"] == 1
    assert 0.45 < found.shuffled["accuracy"] < 0.55
    assert found.n == found.shuffled["n"] == 2500
    counts = Function(lambda ids: (ids.sum(axis=1, keepdims=True) % 3) - 1.0)
    same = probe_order(counts, split, LOGITS)
    assert same.as_is == same.shuffled


def test_the_probe_of_a_series_shuffles_the_rows_of_each_window():
    found = probe_order(reads_newest, series_split(), "mae")
    assert found.as_is["mae_scaled"] == 0
    # the last of four rows 2 apart becomes any of the four: off by 0, 2, 4 or 6
    assert found.shuffled["mae_scaled"] == pytest.approx(3, abs=0.3)
    mean = Function(lambda windows: windows[..., :1].mean(axis=1))
    same = probe_order(mean, series_split(), "mae")
    assert same.as_is["mae_scaled"] == pytest.approx(same.shuffled["mae_scaled"])


def test_a_long_test_split_is_probed_on_ten_thousand_examples_and_repeats_with_the_seed():
    split = series_split(rows=13_000)
    one, two, other = (probe_order(reads_newest, split, "mae", seed) for seed in (1, 1, 2))
    assert one == two != other
    assert one.n == 10_000
    assert probe_order(reads_newest, series_split(rows=412), "mae").n == 1


def test_shuffled_texts_keep_their_words_padding_and_start():
    inputs = text_part(200, 0).inputs
    shuffled = inputs.shuffle_order(np.random.default_rng(0))
    assert isinstance(inputs, TokenInputs)
    assert isinstance(shuffled, TokenInputs)
    assert shuffled.ids.dtype == np.int32
    np.testing.assert_array_equal(shuffled.ids[:, :5], inputs.ids[:, :5])
    np.testing.assert_array_equal(np.sort(shuffled.ids), np.sort(inputs.ids))
    assert (shuffled.ids != inputs.ids).any(axis=1).mean() > 0.99


def test_shuffled_windows_are_windows_of_whole_rows():
    random = np.random.default_rng(0)
    inputs = WindowInputs(random.normal(size=(80, 3)).astype(np.float32), np.array([20, 33, 70]), 12, 3)
    shuffled = inputs.shuffle_order(random)
    assert shuffled.shape == inputs.shape == (4, 3)
    every = np.arange(3)
    for before, after in zip(inputs.gather(every), shuffled.gather(every), strict=True):
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))


def test_a_forecast_is_better_on_the_validation_rows_where_it_is_by_more_than_noise():
    split = series_split()
    targets = split.validation.targets
    noise = np.random.default_rng(0).normal(size=targets.shape)
    ours = targets + noise
    others = {
        "better by far": (targets + 0.5 * noise, 0.5),
        "better by little, always": (targets + 0.99 * noise, 0.99),
        "better by chance": (targets + 0.95 * noise[::-1], 0.95),
        "worse": (targets + 1.2 * noise, 1.2),
    }
    baselines = [baseline(name, outputs, mae=error, mae_scaled=error) for name, (outputs, error) in others.items()]
    found = find_better(ours, baselines[::-1], split, "mae")
    assert [each.name for each in found] == ["better by far", "better by little, always"]
    assert found[0].improvement == pytest.approx(-1)
    assert say_better(found[1]).endswith(
        "better by little, always (0.99) is better: the network's error is 1 % larger (1 to 1 %)."
    )


def test_a_classifier_is_better_on_the_validation_rows_where_it_is_by_more_than_noise():
    split = text_split(50)
    right = np.where(split.validation.targets > 0, 1.0, -1.0)

    def err(count: int) -> np.ndarray:
        wrong = right.copy()
        wrong[:count] *= -1
        return wrong

    baselines = [baseline(str(count), err(count), accuracy=1 - count / 50) for count in (0, 3, 9, 20)]
    found = find_better(err(10), baselines, split, LOGITS)
    assert [each.name for each in found] == ["0", "3"]
    assert say_better(found[0]) == "On the validation rows 0 (100 %) is better: it makes no error."
    assert not find_better(right, baselines, split, LOGITS)
    short = text_split(8)  # too few to tell
    assert not find_better(-np.ones((8, 1)), [baseline("x", np.ones((8, 1)), accuracy=1.0)], short, LOGITS)

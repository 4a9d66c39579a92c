"""Tables of results, as pages and the command line show them."""

import json
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.forecast_scores import LeadScores
from seqconv.models.results import read_results
from seqconv.reports import plots, tables
from seqconv.tasks.results import BacktestResults

GOLDEN = Path(__file__).parents[1] / "golden" / "runs"


@pytest.mark.parametrize(
    ("estimate", "cells"),
    [
        (Estimate(0.5, 0.25, 0.75), ["0.5000", "0.2500 to 0.7500"]),
        (Estimate(1.524, 0.5133, 2.345), ["1.524", "0.513 to 2.345"]),
        (Estimate(9.95, -0.2, 10.5), ["9.95", "-0.20 to 10.50"]),
        (Estimate(0.5, nan, nan), ["0.5000", "too few rows"]),
        (Estimate(0.5, -inf, inf), ["0.5000", "too few rows"]),
        (Estimate(nan, nan, nan), ["-", "-"]),
        (Estimate(-inf, -inf, -inf), ["-", "-"]),
    ],
)
def test_an_estimate_is_two_cells(estimate, cells):
    assert tables.show_estimate(estimate) == cells


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1096, "1,096"), (0.98925, "0.9892"), (1.0, "1.0000"), (-12.2839, "-12.28"), (1234.56, "1,235"),
        (52756.2769, "52,756"), (0.03479, "0.0348"), (0.0, "0.0000"), (1.5e-13, "1.50e-13"), (nan, "nan"), ("-", "-"),
        (2e40, "2.00e+40"), (123456789012345.0, "123,456,789,012,345"),
    ],
)  # fmt: skip
def test_a_number_has_the_digits_that_tell(number, text):
    assert tables.show_number(number) == text


def test_the_first_scores_of_several_targets_are_scaled():
    run = read_results(GOLDEN / "series")
    head, rows = tables.first_score_rows(run)
    assert head == ["MAE, a", "validation", "test", "seconds"]
    assert rows[-1][:3] == ["network (series)", *(f"{part['mae']:#.4g}" for part in (run.validation, run.test))]
    assert [row[0] for row in rows[:-1]] == [each.name for each in run.baselines]
    head, rows = tables.first_score_rows(replace(run, targets=["a", "b"]))
    assert head[0] == "MAE of 2 columns, in standard deviations"
    assert rows[-1][1] == f"{run.validation['mae_scaled']:#.4g}"


def test_every_metric_of_a_run_stands_in_its_table():
    run = read_results(GOLDEN / "text")
    head, rows = tables.score_rows(run)
    assert head == ["model", "validation loss", "test loss", "validation accuracy", "test accuracy", "seconds"]
    assert {len(row) for row in rows} == {len(head)}
    assert rows[-1][:2] == ["network", f"{run.validation['loss']:.4f}"]


def test_folds_are_named_by_what_they_test():
    results = BacktestResults.from_dict(json.loads((GOLDEN / "series-backtest" / "metrics.json").read_text()))
    head, rows = tables.fold_rows(results)
    assert head == ["fold", "trained on", "tested on", "network", *(each.name for each in results.baselines)]
    first = results.folds[0]
    assert rows[0][2] == f"{first.from_[:10]} to {first.to[:10]}"
    alike = replace(results, folds=[replace(first, from_=None, to=None, test_rows=1234)])
    assert tables.fold_rows(alike)[1][0][2] == "1,234"
    _, rows = tables.backtest_rows(results)
    assert rows[0] == [
        "network",
        f"{results.network.value:.3f}",
        f"{results.network.low:.3f} to {results.network.high:.3f}",
        f"{results.network.fold_mean:.3f} ± {results.network.fold_std:.4f}",
    ]


def test_leads_stand_next_to_the_naive_forecasts_that_there_are():
    lead = LeadScores("1 h", Estimate(1.0, 0.5, 1.5), 2.0)
    assert tables.lead_rows([lead]) == (["lead", "MAE", "MAE of naive"], [["1 h", "1.0000", "2.000"]])
    head, rows = tables.lead_rows([replace(lead, mae_seasonal_naive=3.0)])
    assert head[-1] == "MAE of seasonal naive"
    assert rows[0][-1] == "3.000"


@pytest.mark.parametrize(
    ("bounds", "word", "colour"),
    [
        ((0.2, 0.1, 0.3), "better", plots.TRAINING),
        ((-0.2, -0.3, -0.1), "worse", plots.WORSE),
        ((0, -1, 1), "unclear", plots.UNKNOWN),
        ((0.1, nan, nan), "unclear", plots.UNKNOWN),
        ((0.1, 0.05, inf), "unclear", plots.UNKNOWN),
    ],
)
def test_a_comparison_says_what_is_known_in_word_and_colour(bounds, word, colour):
    picture = plots.draw_comparison(["naive"], [bounds])
    assert f"<desc>naive: {word}</desc>" in picture
    assert f">naive ({word})<" in picture
    others = {plots.TRAINING, plots.WORSE, plots.UNKNOWN} - {colour}
    assert colour in picture
    assert not any(other in picture for other in others)


def test_the_best_model_on_the_test_rows_leads_the_table():
    run = read_results(GOLDEN / "text")
    (head, rows), own = tables.leaderboard_rows(run)
    assert head == ["model", "test accuracy", "validation", "seconds"]
    scores = [float(row[1]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert rows[own][:2] == ["network", tables.show_number(run.test["accuracy"])]
    series = read_results(GOLDEN / "series")
    (head, rows), own = tables.leaderboard_rows(series)
    errors = [float(row[1]) for row in rows]
    assert errors == sorted(errors)
    assert rows[own][1] == tables.show_number(series.test["mae"])


def test_splits_are_a_table_with_a_column_for_each_class():
    splits = {"train": {"examples": 3, "classes": {"a": 1, "b": 2000}}, "test": {"examples": 1, "median ids": 7}}
    head, rows = tables.split_rows(splits)
    assert head == ["split", "examples", "a", "b", "median ids"]
    assert rows == [["train", "3", "1", "2,000", "-"], ["test", "1", "-", "-", "7"]]

"""Folds that neither overlap nor leak, results that can be added up by hand, and mistakes reported in one line."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest

from helpers.command import seqconv_command
from helpers.tasks import give_data, watch_splits
from seqconv.data import datasets
from seqconv.data.records import CLASSES, SequenceData, Sequences, TextData, Texts
from seqconv.errors import ConfigError, DataError
from seqconv.recipes.recipe import read_recipe, recipe_from_dict
from seqconv.tasks.holdout import assign_folds
from seqconv.tasks.series.split import cut_spans
from seqconv.training.backtest import WINDOWS, backtest
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("training.epochs=1", "training.steps_per_epoch=5")


def hours(rows: int) -> np.ndarray:
    return np.datetime64("2014-01-01T00:00:00") + np.arange(rows) * np.timedelta64(3600, "s")


# Folds


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("rows", "folds"), [(1000, 5), (1003, 4), (40, 2), (20, 10)])
def test_stretches_follow_each_other_and_reach_the_end(rows, folds, window):
    found = cut_spans(hours(rows), folds, window)
    assert len(found) == folds
    length = rows // (2 * folds)
    for first, validation, test, end in found:
        assert 0 <= first < validation < test < end
        assert validation - first >= rows // 2 - length
        assert test - validation == end - test == length
    assert [bounds[3] for bounds in found[:-1]] == [bounds[2] for bounds in found[1:]]
    assert found[-1][3] == rows
    trained = [bounds[1] - bounds[0] for bounds in found]
    assert len(set(trained)) == (1 if window == "rolling" else folds)
    assert found[0][0] == 0


def test_rows_of_one_stamp_are_not_parted():
    times = np.repeat(hours(50), 4)
    for bounds in cut_spans(times, 7, "growing"):
        for row in bounds[1:3]:
            assert times[row - 1] < times[row]


def test_a_series_shorter_than_its_folds_is_refused():
    with pytest.raises(ConfigError, match="must be at most half of the 9 rows; got 5"):
        cut_spans(hours(9), 5, "growing")


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_each_class_is_spread_evenly_over_folds_of_one_size(folds):
    random = np.random.default_rng(0)
    labels = random.choice(4, 503, p=[0.6, 0.3, 0.09, 0.01])
    found = assign_folds(labels, None, folds, random)
    assert set(found) == set(range(folds))
    assert np.ptp(np.bincount(found)) <= 1
    for label in range(4):
        assert np.ptp(np.bincount(found[labels == label], minlength=folds)) <= 1


def test_copies_stay_in_one_fold_and_the_seed_decides():
    random = np.random.default_rng(1)
    groups, labels = random.integers(0, 80, 400), random.integers(0, 2, 400)
    one, same, other = (assign_folds(labels, groups, 5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    for group in range(80):
        assert len(set(one[groups == group])) <= 1
    assert one.tolist() == same.tolist() != other.tolist()
    assert np.bincount(one).min() > 50


def test_several_labels_a_text_are_cut_into_folds_of_one_size():
    found = assign_folds(np.ones((31, 3), np.uint8), None, 3, np.random.default_rng(0))
    assert sorted(np.bincount(found)) == [10, 10, 11]


# Whole backtests


@pytest.fixture(scope="module")
def series_run(tmp_path_factory):
    heard = []
    listener = Listener()
    listener.say = heard.append
    folder = tmp_path_factory.mktemp("backtest") / "run"
    recipe = read_recipe("demo-series", (*SHORT, "training.model=network", "windows.lookback=2d"))
    run = backtest(recipe, 3, "growing", Options(out=folder, threads=1), listener)
    return run, heard


def test_the_whole_is_the_mean_over_the_test_rows_of_all_folds(series_run):
    results = series_run[0].results
    sizes = [fold.test["n"] for fold in results.folds]
    assert results.n == sum(sizes)
    for place, row in enumerate((results.network, *results.baselines)):
        each = [fold.test["mae"] if not place else fold.baselines[place - 1].test["mae"] for fold in results.folds]
        assert row.by_fold == pytest.approx(each)
        assert row.value == pytest.approx(np.average(each, weights=sizes))
        assert row.fold_mean == pytest.approx(np.mean(each))
        assert row.fold_std == pytest.approx(np.std(each, ddof=1))
        assert row.low < row.value < row.high
    for each in results.comparisons:
        rival = next(row for row in results.baselines if row.name == each.name)
        assert each.improvement == pytest.approx(1 - results.network.value / rival.value)
        assert each.low <= each.improvement <= each.high
    assert results.verdict.startswith(f"MAE {results.network.value:.3g} on {results.n:,} unseen rows: ")


def test_each_fold_is_tested_on_later_rows_than_the_one_before(series_run):
    folds = series_run[0].results.folds
    assert [fold.fold for fold in folds] == [1, 2, 3]
    assert all(fold.from_ < fold.to for fold in folds)
    assert all(one.to < other.from_ for one, other in pairwise(folds))
    assert [fold.train_rows for fold in folds] == sorted({fold.train_rows for fold in folds})
    assert len({fold.baselines[0].name for fold in folds}) == 1


def test_progress_is_heard_of_each_fold(series_run):
    for number in (1, 2, 3):
        assert sum(line.startswith(f"fold {number} of 3: ") for line in series_run[1]) == 2


def test_the_folder_holds_results_history_and_a_page(series_run):
    folder = series_run[0].folder
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    histories = {f"fold-{number}/history.csv" for number in (1, 2, 3)}
    assert names == {"metrics.json", "recipe.toml", "report.html", *histories}
    assert json.loads((folder / "metrics.json").read_text()) == series_run[0].results.to_dict()
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 2
    assert series_run[0].results.verdict in page.replace("\u00a0", " ")
    assert read_recipe(str(folder / "recipe.toml")).features.lookback == "2d"


def test_what_is_fitted_sees_the_training_rows_of_its_fold_alone(tmp_path, monkeypatch):
    splits = []
    watch_splits(monkeypatch, "series", lambda data, split: splits.append(split))
    recipe = read_recipe("demo-series", (*SHORT, "training.model=network", "windows.lookback=2d"))
    options = Options(out=tmp_path / "run", threads=1, baselines=False)
    results = backtest(recipe, 2, "rolling", options).results
    series = datasets.load_series(recipe.data).train
    for split, (first, validation, test, end) in zip(splits, cut_spans(series.times, 2, "rolling"), strict=True):
        np.testing.assert_allclose(split.features.scaler.mean, np.nanmean(series.values[first:validation], axis=0))
        for part, begin, stop in ((split.train, first, validation), (split.validation, validation, test)):
            assert part.times.min() >= series.times[begin]
            assert part.times.max() < series.times[stop]
        assert split.test.times.min() >= series.times[test]
        assert split.test.times.max() <= series.times[end - 1]
    assert results.beats_baselines is None
    assert results.baselines == []


def tiny_texts(count: int = 60) -> Texts:
    """Every text stands there twice."""
    texts = [f"good film {number // 2}" if number % 4 < 2 else f"bad film {number // 2}" for number in range(count)]
    return Texts(texts, np.array([int(number % 4 < 2) for number in range(count)], np.int32), CLASSES, "mine.csv")


TINY = {
    "task": "text",
    "data": {"source": "mine.csv"},
    "text": {"vocabulary": 60, "max_len": 5},
    "network": {"layers": [{"layer": "embed", "width": 4}, {"layer": "global_max_pool"}, {"layer": "output"}]},
    "training": {"epochs": 1, "batch_size": 16},
}


def test_texts_are_each_tested_once_and_no_copy_is_trained_on(tmp_path, monkeypatch):
    seen = []
    give_data(monkeypatch, "text", lambda *given: TextData(tiny_texts(), test=tiny_texts(8)))
    watch_splits(monkeypatch, "text", lambda data, split: seen.append(data))
    results = backtest(recipe_from_dict(TINY, "tiny"), 5, options=Options(out=tmp_path / "run", threads=1)).results
    assert results.n == 60
    assert sorted(text for data in seen for text in data.test.texts) == sorted(tiny_texts().texts)
    for data in seen:
        assert not set(data.train.texts) & set(data.test.texts)
        assert len(data.train.texts) + len(data.test.texts) == 60
    assert results.network.value == pytest.approx(
        sum(fold.test["accuracy"] * fold.test["n"] for fold in results.folds) / 60
    )
    assert {row.name for row in results.baselines} >= {"majority class"}


def test_sequences_are_cut_into_folds_too(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.int32) % 2
    values = random.normal(size=(40 * 6, 1)).astype(np.float32)
    part = Sequences(values, np.arange(41) * 6, labels, ("a", "b"), ("c",), "mine.ts")
    give_data(monkeypatch, "sequence", lambda *given: SequenceData(part))
    table = {"task": "sequence", "data": {"source": "mine.ts"}, "training": {"epochs": 1}}
    table["network"] = {"layers": [{"layer": "global_max_pool"}, {"layer": "output"}]}
    options = Options(out=tmp_path / "run", threads=1, baselines=False)
    results = backtest(recipe_from_dict(table, "tiny"), 4, options=options).results
    assert [fold.test["n"] for fold in results.folds] == [10, 10, 10, 10]


@pytest.mark.parametrize(
    ("folds", "window", "says"),
    [
        (1, "growing", "folds must be at least 2; got 1"),
        (31, "growing", "folds must be at most 30, the different examples of mine.csv; got 31"),
        (2, "sliding", "window must be growing or rolling; got 'sliding'"),
    ],
)
def test_folds_that_cannot_be_are_refused_and_nothing_is_left(tmp_path, monkeypatch, folds, window, says):
    give_data(monkeypatch, "text", lambda *given: TextData(tiny_texts()))
    with pytest.raises(ConfigError) as caught:
        backtest(recipe_from_dict(TINY, "tiny"), folds, window, Options(out=tmp_path / "run"))
    assert says in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_fold_that_cannot_be_trained_leaves_nothing(tmp_path, monkeypatch):
    alone = dataclasses.replace(tiny_texts(), labels=np.zeros(60, np.int32))
    give_data(monkeypatch, "text", lambda *given: TextData(alone))
    with pytest.raises(DataError, match="at least two classes"):
        backtest(recipe_from_dict(TINY, "tiny"), 2, options=Options(out=tmp_path / "run"))
    assert not list(tmp_path.iterdir())


def test_the_command_prints_one_object_or_a_table(tmp_path):
    short = (*(word for each in SHORT for word in ("--set", each)), "--folds", "2", "--no-baselines")
    done = seqconv_command("backtest", "demo-text", "--json", *short, cwd=tmp_path)
    assert done.stderr == ""
    assert json.loads(done.stdout)["n"] == 4000
    assert (tmp_path / "runs" / "demo-text-backtest" / "report.html").is_file()
    shown = seqconv_command("backtest", "demo-text", *short, "--set", "text.max_len=20", cwd=tmp_path)
    for part in ("mean of folds", "95 % interval", "trained on", "report: runs/demo-text-backtest-2/report.html"):
        assert part in shown.stdout
    assert shown.stderr.splitlines()[0] == "folder: runs/demo-text-backtest-2 (runs/demo-text-backtest is taken)"
    assert "fold 2 of 2" in shown.stderr
    for arguments, says in (
        (["demo-texts"], "Did you mean 'demo-text'?"),
        (["demo-series", "--folds", "900"], "room for a window"),
        (["demo-text", "--out", "mine"], "was not written by seqconv"),
    ):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "thesis.txt").write_text("years of work")
        done = seqconv_command("backtest", *arguments, "--json", cwd=tmp_path, code=2)
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""

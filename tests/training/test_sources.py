"""Runs of data in memory are those of the same data in a file; a run answers what one asks next."""

import json

import numpy as np
import polars
import pytest

import seqconv
from helpers.runs import write_data
from seqconv.errors import ConfigError, DataError, SeqconvError
from seqconv.layers import Conv, Embed, GlobalMaxPool, Output
from seqconv.recipes.recipe import read_recipe
from seqconv.training.sources import open_source

pytestmark = pytest.mark.usefixtures("quick")

RANDOM = np.random.default_rng(0)
TEXTS = [f"{'good' if row % 2 else 'bad'} film number {row % 9}" for row in range(120)]
LABELS = ["pos" if row % 2 else "neg" for row in range(120)]
WAVES = np.stack([np.sin(np.arange(30) * (0.3 if row % 2 else 0.9) + row) for row in range(80)])
SPEEDS = ["slow" if row % 2 else "fast" for row in range(80)]
HOURS = polars.datetime_range(polars.datetime(2024, 1, 1), polars.datetime(2024, 1, 21), "1h", eager=True)
TABLE = polars.DataFrame({"time": HOURS, "level": np.sin(np.arange(len(HOURS)) / 3), "noise": RANDOM.normal(size=481)})
SMALL = [Embed(4), Conv(4, 3, activation="relu"), GlobalMaxPool(), Output()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network on texts in memory."""
    out = tmp_path_factory.mktemp("memory") / "run"
    return seqconv.train((TEXTS, LABELS), network=SMALL, epochs=6, learning_rate=0.05, batch_size=8, out=out)


def test_the_recipe_is_that_of_the_same_file(tmp_path):
    """Whichever way data come in, the same settings are inferred, and nothing names a file that is gone."""
    frames = {"text": polars.DataFrame({"message": TEXTS, "team": LABELS}), "series": TABLE}
    for task, frame in frames.items():
        path = tmp_path / f"{task}.parquet"
        frame.write_parquet(path)
        given = {"target": "level", "lookback": "2d"} if task == "series" else {}
        file, polar, panda = (open_source(each, None, given) for each in (path, frame, frame.to_pandas()))
        assert file.recipe.task == task
        for found in (polar, panda):
            own, other = found.recipe.to_dict(), file.recipe.to_dict()
            assert own["data"].pop("source") == found.data.train.source == "the data"
            del other["data"]["source"]
            assert {**own, "name": "", "description": ""} == {**other, "name": "", "description": ""}
            assert "/" not in str(found.notes)
            assert "--" not in str(found.notes)
            assert found.recipe.description == f"the data, the model {file.recipe.training.model}"


@pytest.mark.parametrize(
    ("given", "settings", "task", "answers"),
    [
        ((TEXTS, LABELS), {}, "text", ("neg", "pos")),
        ((np.array(TEXTS), np.arange(120) % 3), {}, "text", ("0", "1", "2")),
        ((polars.Series(TEXTS), RANDOM.normal(size=120)), {}, "text", "label"),
        ((TEXTS, np.arange(120)), {"target": "stars"}, "text", "stars"),
        ((TEXTS, np.arange(120) % 2.0), {}, "text", ("0", "1")),
        ((TEXTS, np.arange(120) % 2 == 0), {}, "text", ("false", "true")),
        ((TEXTS, [["a", "b"] if row % 2 else ["b"] for row in range(120)]), {}, "text", ("a", "b")),
        ((TEXTS, [["a", "b"][: 1 + row % 2] for row in range(120)]), {}, "text", ("a", "b")),
        ((TEXTS, ["a", "b", "a|b"] * 40), {}, "text", ("a", "a|b", "b")),
        ((polars.DataFrame(WAVES), SPEEDS), {}, "sequence", ("fast", "slow")),
        ((TEXTS, polars.Series(LABELS).to_dummies()), {}, "text", ("_neg", "_pos")),
        ((WAVES, SPEEDS), {}, "sequence", ("fast", "slow")),
        ((WAVES[:, :, None], SPEEDS), {}, "sequence", ("fast", "slow")),
        ((list(WAVES), RANDOM.normal(size=80)), {}, "sequence", "y"),
        (([each[: 20 + row % 5] for row, each in enumerate(WAVES)], SPEEDS), {}, "sequence", ("fast", "slow")),
        (([np.ones((2, 9 + row % 2)) for row in range(80)], SPEEDS), {}, "sequence", ("fast", "slow")),
    ],
)
def test_pairs_of_examples_and_labels(given, settings, task, answers):
    found = open_source(given, None, settings)
    train = found.data.train
    assert found.recipe.task == task
    assert (train.number or tuple(name.replace("label", "") for name in train.classes)) == answers
    assert len(train.labels) == len(given[1])
    if task == "text":
        assert train.texts == TEXTS
    else:
        assert len(train.channels) == (2 if np.ndim(given[0][0]) == 2 and given[0][0].shape[0] == 2 else 1)


def test_rows_of_numbers_and_what_readers_return(tmp_path):
    array = open_source(TABLE[["level", "noise"]].to_numpy(), None, {"every": "1h", "target": "column 1"})
    np.testing.assert_array_equal(array.data.train.values, TABLE[["level", "noise"]].to_numpy())
    panel = seqconv.read_panel(TABLE, target="level")
    assert open_source(panel).data.train is panel
    files = write_data(tmp_path)
    texts = seqconv.read_texts(files["text"])
    by_record, by_path = open_source(texts, None, {"epochs": 3}), open_source(str(files["text"]), None, {"epochs": 3})
    assert by_record.recipe == by_path.recipe
    with pytest.raises(ConfigError, match="label must be left out with data that have been read"):
        open_source(texts, None, {"label": "other"})


def test_recipes_take_settings_and_layers():
    recipe = read_recipe("imdb-conv1d")
    found = open_source(recipe, SMALL, {"epochs": 2}).recipe
    assert list(found.network.layers) == SMALL
    assert (found.training.epochs, found.training.optimiser) == (2, recipe.training.optimiser)
    assert open_source("imdb-conv1d", SMALL, {"epochs": 2}).recipe == found
    assert open_source(recipe).recipe is recipe
    assert open_source((TEXTS, LABELS), "imdb-conv1d").recipe.network == recipe.network


@pytest.mark.parametrize(
    ("given", "settings", "problem"),
    [
        (TEXTS, {}, "the data: must be a data frame .*got one list"),
        (None, {}, "the data: must be a data frame .*got one NoneType"),
        (object(), {}, "the data: must be a data frame"),
        ((TEXTS, LABELS[:5]), {}, "the data: must have a label for each example; got 5 for 120"),
        ((TEXTS, None), {}, "the data: must have a label for each example"),
        ((["good", 3], [1, 2]), {}, "the data, row 2: must be a text; got 3"),
        ((["good", "bad"], [1, None]), {}, "the data, row 2: the label must not be missing"),
        ((WAVES, [float("nan")] * 80), {}, "the data, row 1: the label must not be missing"),
        ((WAVES, np.eye(2)[np.arange(80) % 2]), {}, "the data: each sequence must have one label; got several"),
        ((polars.DataFrame({"a": TEXTS, "b": TEXTS}), LABELS), {}, "example 1: must be a text, or an array of numbers"),
        (([np.ones((8, 2)), np.ones((9, 3))], [1, 2]), {}, "the data: all sequences must have the same number"),
        ((RANDOM.normal(size=(80, 5, 4)), SPEEDS), {}, 'channels from steps; got 5 by 4. Pass `layout`="channels fir'),
        (TABLE[["level"]].to_numpy(), {"target": "column 1"}, "with `time`, .*or give .*`every`"),
        (TABLE, {"target": "levle"}, "Did you mean 'level'"),
        ("nothing.csv", {}, "nothing.csv: must be a recipe, or an existing file"),
        ((TEXTS, LABELS), {"epochs": 0}, "`epochs` must be at least 1"),
    ],
)
def test_what_is_no_source_is_refused_in_words_of_python(given, settings, problem):
    with pytest.raises(SeqconvError, match=problem) as found:
        open_source(given, None, settings)
    assert "/tmp" not in str(found.value)


def test_a_run_in_memory_is_judged_explained_and_saved(run, tmp_path):
    assert run.results.test["accuracy"] == 1
    assert run.evaluate().test == run.results.test  # on the test rows, which are in no file
    with pytest.raises(DataError, match="the data: must be given again"):
        seqconv.evaluate(run.folder)
    frame = polars.DataFrame({"text": TEXTS[:40], "label": LABELS[:40]})
    for data in ((TEXTS[:40], LABELS[:40]), frame):
        found = run.evaluate(data)
        assert (found.source, found.scores.metrics["accuracy"].value) == ("the data", 1)
    assert run.explain("a good film")[0].name == "pos"
    again = seqconv.load(run.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(TEXTS), run.model.predict(TEXTS))
    assert run.model is run.model  # loaded once
    opened = seqconv.Run.open(run.folder)
    assert opened == seqconv.Run(run.folder, run.results)
    assert repr(opened).splitlines()[:2] == [run.verdict, f"data, in {run.folder}"]
    assert "the data, a network" in (run.folder / "recipe.toml").read_text()


def test_a_run_tells_its_history_and_its_layers(run):
    history, results = run.history, json.loads((run.folder / "metrics.json").read_text())
    assert len(history) == results["epochs"] == 6
    assert history["validation_accuracy"][results["best_epoch"] - 1] == results["validation"]["accuracy"]
    assert history[-1] == {name: history[name][-1] for name in history.columns}
    assert str(history).splitlines()[0] == f"6 epochs; best: epoch {results['best_epoch']}"
    figure = run.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    drawn = figure.axes[0].lines
    np.testing.assert_array_equal(drawn[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(drawn[1].get_ydata(), history["validation_loss"])
    assert "<svg" in figure._repr_html_()
    assert run.summary().parameters == results["parameters"]
    assert "GlobalMaxPool" in str(run.summary())


def test_a_function_hears_each_epoch_and_can_end_the_training(tmp_path):
    heard = []

    def stop(epoch, values):
        heard.append((epoch, values["validation_loss"], sorted(values)))
        return epoch == 2

    run = seqconv.train((WAVES, SPEEDS), network="ucr", epochs=5, refit=True, on_epoch_end=stop, out=tmp_path / "run")
    assert [epoch for epoch, _, _ in heard] == [1, 2] == [int(epoch) for epoch in run.history["epoch"]]
    assert [loss for _, loss, _ in heard] == run.history["validation_loss"]
    assert heard[0][2] == sorted(run.history.columns)


def test_parts_may_be_data_and_options_are_keywords(tmp_path):
    test = WAVES[:20], SPEEDS[:20]
    run = seqconv.train((WAVES, SPEEDS), test=test, model="majority", baselines=False, out=tmp_path / "run")
    assert run.results.test["n"] == 20
    assert run.results.facts["splits"]["train"]["examples"] + run.results.validation["n"] == 80
    found = seqconv.backtest((WAVES, SPEEDS), folds=2, model="majority", baselines=False, out=tmp_path / "back")
    assert found.results.n == 80
    with pytest.raises(ConfigError, match="holds finished work, which stays"):
        seqconv.train((WAVES, SPEEDS), model="majority", out=tmp_path / "run")


def test_layers_are_shown_before_they_are_trained(run):
    assert seqconv.summary((TEXTS, LABELS), network=SMALL) == run.summary()
    assert [row.name for row in seqconv.summary("imdb-conv1d")][:2] == ["Embed(10000, 128)", "Conv(32, 7)"]
    assert seqconv.summary("imdb-conv1d", network=SMALL, max_len=50)[0].shape == (50, 4)
    with pytest.raises(ConfigError, match="words has no layers"):
        seqconv.summary((TEXTS, LABELS), model="words")

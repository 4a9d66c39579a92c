"""Evaluating saved models on files: what is read, what is refused, and what a stranger sees."""

import dataclasses
import json

import numpy as np
import pytest

from helpers.command import seqconv_command
from helpers.tasks import give_data
from seqconv.data.demo import demo_series
from seqconv.data.records import CLASSES, EncodedTexts, SequenceData, Sequences, Series, SeriesData, TextData, Texts
from seqconv.errors import ConfigError, DataError
from seqconv.models.format import read_bundle, write_bundle
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import initial_weights
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.classes import Classes
from seqconv.tasks.labels import make_target
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.text.features import TextFeatures
from seqconv.tasks.text.vocabulary import Vocabulary
from seqconv.training import assessment

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("--set", "training.epochs=1", "--set", "training.steps_per_epoch=10", "--no-baselines", "--quiet")
LAYERS = ({"layer": "embed", "width": 4}, {"layer": "global_max_pool"}, {"layer": "output"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a short run of each demo recipe, and the demo series as a file."""
    folder = tmp_path_factory.mktemp("assessment")
    for task in ("text", "series"):
        seqconv_command("train", f"demo-{task}", *SHORT, cwd=folder)
    write_series(folder / "later.csv", demo_series(seed=5), 3000)
    return folder


def write_series(path, series, rows, columns=None):
    lines = [",".join(["time", *(columns or series.columns)])]
    for stamp, row in zip(series.times[:rows], series.values[:rows], strict=True):
        lines.append(
            ",".join([str(stamp).replace("T", " "), *("" if np.isnan(value) else f"{value:.3f}" for value in row)])
        )
    path.write_text("\n".join(lines) + "\n")


def text_bundle(folder, classes=CLASSES, multi_label=False, encoded=False):
    """An untrained text model on disk."""
    recipe = recipe_from_dict(
        {"task": "text", "data": {"source": "x.csv"}, "text": {"vocabulary": 50, "max_len": 6}}, "tiny"
    )
    vocabulary = None if encoded else Vocabulary.fit(["good bad fine awful"] * 2, 50)
    features = TextFeatures(make_target(tuple(classes), multi_label), vocabulary, 6)
    plan = build_plan(LAYERS, (6,), 50, features.target.outputs)
    write_bundle(Bundle(recipe, plan, initial_weights(plan, 0), (6,), features, "f"), folder / "model")
    return folder / "model"


def give(monkeypatch, data):
    """Every file holds `data`; the list of settings it was asked for with."""
    asked = []
    name = {TextData: "text", SequenceData: "sequence", SeriesData: "series"}[type(data)]
    give_data(monkeypatch, name, lambda config, progress=None: asked.append(config) or data)
    return asked


def texts(labels, classes=CLASSES):
    labels = np.array(labels)
    return Texts(["good film", "awful film", "bad"][: len(labels)], labels, tuple(classes), "mine.csv", ("a note",))


def test_a_file_is_read_with_the_models_settings_and_the_columns_given(tmp_path, monkeypatch):
    asked = give(monkeypatch, TextData(texts([0, 1, 1])))
    result = assessment.evaluate(text_bundle(tmp_path), "mine.csv", {"text": "review", "label": ("stars",)}, threads=1)
    assert (asked[0].source, asked[0].text, asked[0].label) == ("mine.csv", "review", ("stars",))
    assert result.scores.n == 3
    assert result.notes == ["a note"]
    assert np.isnan(result.scores.metrics["accuracy"].low)
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_file_that_lists_the_classes_in_another_order_scores_the_same(tmp_path, monkeypatch):
    model = text_bundle(tmp_path)
    give(monkeypatch, TextData(texts([0, 1, 1])))
    one = assessment.evaluate(model, "mine.csv", threads=1).to_dict()
    give(monkeypatch, TextData(texts([1, 0, 0], CLASSES[::-1])))
    assert assessment.evaluate(model, "mine.csv", threads=1).to_dict() == one


def test_a_file_of_one_class_alone_is_scored(tmp_path, monkeypatch):
    give(monkeypatch, TextData(texts([0, 0], ("pos",))))
    result = assessment.evaluate(text_bundle(tmp_path), "mine.csv", threads=1)
    assert [each.support for each in result.scores.classes] == [0, 2]
    assert result.scores.confusion[0] == [0, 0]


def test_an_archive_with_a_test_part_is_judged_on_that(tmp_path, monkeypatch):
    give(monkeypatch, TextData(texts([0, 1, 1]), texts([0, 1])))
    assert assessment.evaluate(text_bundle(tmp_path), "mine", threads=1).scores.n == 2


def test_several_labels_a_text(tmp_path, monkeypatch):
    model = text_bundle(tmp_path, ("a", "b", "c"), multi_label=True)
    give(monkeypatch, TextData(texts([[1, 0, 1], [0, 0, 0], [0, 1, 0]], ("a", "b", "c"))))
    result = assessment.evaluate(model, "mine.csv", threads=1)
    assert {"f1", "micro_f1", "macro_f1", "log_loss"} < set(result.scores.metrics)
    give(monkeypatch, TextData(texts([0, 1, 1], ("b", "c"))))  # a file in which every row has just one
    found = assessment.evaluate(model, "mine.csv", threads=1)
    assert [each.support for each in found.scores.classes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            texts([0, 1, 2], ("neg", "pos", "meh")),
            "every label must be one of the training labels; got 'meh'. Known: neg, pos. Correct the label",
        ),
        (texts([0, 1, 2], ("neg", "POS", "pos")), "got 'POS'. Did you mean 'pos'? Correct the label, or train with it"),
        (texts([[0, 1], [1, 1]]), "must have one label per example as in training; got several"),
        (texts([]), "must hold labelled examples; got none"),
        (
            EncodedTexts(np.array([1, 2], np.int32), np.array([0, 2]), np.array([0], np.int32), CLASSES, "mine.csv"),
            "must hold raw texts, which the model was trained on; it holds word ranks",
        ),
    ],
)
def test_texts_that_do_not_fit_the_model_are_refused(tmp_path, monkeypatch, data, says):
    give(monkeypatch, TextData(data))
    with pytest.raises(DataError) as caught:
        assessment.evaluate(text_bundle(tmp_path), "mine.csv", threads=1)
    assert str(caught.value).startswith("mine.csv: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_word_ranks_takes_word_ranks(tmp_path, monkeypatch):
    ranks = EncodedTexts(np.array([1, 2, 90], np.int32), np.array([0, 2, 3]), np.array([0, 1]), CLASSES, "mine.npz")
    give(monkeypatch, TextData(ranks))
    model = text_bundle(tmp_path, encoded=True)
    assert assessment.evaluate(model, "mine.npz", threads=1).scores.n == 2
    give(monkeypatch, TextData(texts([0, 1, 1])))
    with pytest.raises(DataError, match="must hold word ranks"):
        assessment.evaluate(model, "mine.csv", threads=1)


def test_sequences_are_judged_on_the_file_itself(tmp_path, monkeypatch):
    recipe = recipe_from_dict({"task": "sequence", "data": {"source": "x_TRAIN.ts", "test_file": "y.ts"}}, "tiny")
    features = SequenceFeatures(Classes(("up", "down")), ("c",), Scaler(np.zeros(1), np.ones(1)), 4, False)
    plan = build_plan(({"layer": "global_max_pool"}, {"layer": "output"}), (4, 1), outputs=1)
    bundle = Bundle(recipe, plan, initial_weights(plan, 0), (4, 1), features, "f")
    write_bundle(bundle, tmp_path / "model")
    values = np.arange(12, dtype=np.float32)[:, None]
    part = Sequences(
        values, np.array([0, 4, 8, 12]), np.array([0, 1, 1], np.int32), ("down", "up"), ("c",), "x_TRAIN.ts"
    )
    asked = give(monkeypatch, SequenceData(part, part.take(np.array([0]))))
    result = assessment.evaluate(tmp_path, "x_TRAIN.ts", threads=1)
    assert result.scores.n == 3
    assert [each.support for each in result.scores.classes] == [2, 1]
    assert asked[0].test_file == ""


def test_a_series_is_judged_on_every_whole_window(runs, monkeypatch):
    series = demo_series(seed=5)
    series = dataclasses.replace(series, times=series.times[:2000], values=series.values[:2000], source="mine.csv")
    give(monkeypatch, SeriesData(series))
    run = runs / "runs" / "demo-series"
    result = assessment.evaluate(run, "mine.csv", {"time": "when"}, threads=1)
    features = read_bundle(run).features
    scaled = features.scale(series)
    spec = features.spec
    kept, holes, missing = spec.keep_whole(spec.anchors(0, 2000), series.times, scaled, features.target_columns)
    assert result.scores.n == len(kept)
    notes = " ".join(result.notes)
    for count in (holes, missing):
        assert not count or f"{count:,} windows" in notes
    assert result.scores.mase_scale.rows == "evaluated"
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"interval_s": 600}, "must have a row every 1 h as in training; it has one every 10 min"),
        ({"columns": ("temperature", "b", "c", "d")}, "must have the column"),
        ({"rows": 50}, "must hold a whole window of 132 rows"),
        ({"missing": True}, "none is whole"),
    ],
)
def test_a_series_that_does_not_fit_the_model_is_refused(runs, monkeypatch, change, says):
    series = demo_series()
    if "missing" in change:
        series = dataclasses.replace(series, values=np.full_like(series.values, np.nan))
    elif "rows" in change:
        series = dataclasses.replace(series, times=series.times[:50], values=series.values[:50])
    else:
        series = dataclasses.replace(series, **change)
    give(monkeypatch, SeriesData(dataclasses.replace(series, source="mine.csv")))
    with pytest.raises(DataError) as caught:
        assessment.evaluate(runs / "runs" / "demo-series", "mine.csv", threads=1)
    assert str(caught.value).startswith("mine.csv: ")
    assert says in str(caught.value)
    assert isinstance(series, Series)


@pytest.mark.parametrize(("columns", "says"), [({"time": "t"}, "^time: must fit the model"), ({"nix": "t"}, "^nix")])
def test_a_column_that_the_task_does_not_have_is_refused(tmp_path, columns, says):
    with pytest.raises(ConfigError, match=says):
        assessment.evaluate(text_bundle(tmp_path), "mine.csv", columns, threads=1)


def test_the_json_of_a_file_is_one_object_and_the_page_is_self_contained(runs):
    done = seqconv_command("evaluate", "runs/demo-series", "later.csv", "--json", "-o", "out", cwd=runs)
    result = json.loads(done.stdout)
    assert done.stderr == ""
    assert {"n", "metrics", "targets", "leads", "hours", "months", "page"} <= set(result)
    assert set(result["metrics"]["mae"]) == {"value", "low", "high"}
    page = (runs / "out" / "evaluation.html").read_text()
    assert page.count("<svg") == 2
    assert "prefers-color-scheme: dark" in page
    assert "skill against the naive forecast" in page
    for outside in ("<link", "<script", "src=", "@import", 'href="http'):
        assert outside not in page
    # the model folder stands for the run
    again = json.loads(seqconv_command("evaluate", "runs/demo-series/model", "later.csv", "--json", cwd=runs).stdout)
    assert again["metrics"] == result["metrics"]


def test_a_run_alone_is_scored_on_its_own_test_set_with_intervals(runs):
    result = json.loads(seqconv_command("evaluate", "runs/demo-text", "--json", "-o", "text.html", cwd=runs).stdout)
    assert result["n"] == result["test"]["n"] == result["order_probe"]["n"]
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(result["test"]["accuracy"])
    assert result["metrics"]["log_loss"]["value"] == pytest.approx(result["test"]["loss"])
    assert (runs / "text.html").read_text().count("<svg") == 2  # calibration, precision and recall
    series = json.loads(seqconv_command("evaluate", "runs/demo-series", "--json", cwd=runs).stdout)
    assert series["mase_scale"]["rows"] == "training"
    assert series["metrics"]["mae"]["value"] == pytest.approx(series["test"]["mae"])


def test_what_the_terminal_shows_names_every_score(runs):
    shown = seqconv_command("evaluate", "runs/demo-text", "demo-text", cwd=runs).stdout
    for name in ("accuracy", "log loss", "macro F1", "precision", "recall", "predicted pos", "95 % interval"):
        assert name in shown
    shown = seqconv_command("evaluate", "runs/demo-series", "later.csv", cwd=runs).stdout
    for name in ("MAE", "RMSE", "MASE", "skill against the seasonal naive", "hour of day", "month", "windows left out"):
        assert name in shown


def test_long_tables_are_cut_in_the_terminal_unless_all_is_asked_for(runs):
    shown = seqconv_command("evaluate", "runs/demo-series", "later.csv", cwd=runs).stdout
    whole = seqconv_command("evaluate", "runs/demo-series", "later.csv", "--all", cwd=runs).stdout
    hours = [
        [line.split()[0] for line in text.partition("hour of day")[2].partition("month")[0].splitlines()[2:] if line]
        for text in (shown, whole)
    ]
    assert hours[1] == [f"{hour:02d}" for hour in range(24)]
    assert hours[0] == [*hours[1][:12], "..."]
    assert "... and 12 more: --all" in shown
    assert "--all" not in whole


def test_a_confusion_of_many_classes_is_shown_if_asked_for(runs, tmp_path):
    rows = [f"word{row % 20} item{row},class{row % 20:02d}" for row in range(400)]
    (tmp_path / "many.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    seqconv_command("train", "many.csv", *SHORT, "--out", "many", cwd=tmp_path)
    shown = seqconv_command("evaluate", "many", cwd=tmp_path).stdout
    assert "confusion of 20 classes: --all" in shown
    assert "actual" not in shown
    whole = seqconv_command("evaluate", "many", "--all", cwd=tmp_path).stdout
    assert "confusion of" not in whole
    assert "actual" in whole


def test_rows_of_one_hour_have_no_table_and_no_picture_by_hour(tmp_path):
    days = np.datetime64("2021-01-01") + np.arange(400)
    rows = [f"{day},{np.sin(row / 3):.4f}" for row, day in enumerate(days)]
    (tmp_path / "days.csv").write_text("\n".join(["day,load", *rows]) + "\n")
    seqconv_command("train", "days.csv", *SHORT, "--target", "load", "--lookback", "7d", "--out", "days", cwd=tmp_path)
    shown = seqconv_command("evaluate", "days", "-o", "page.html", cwd=tmp_path).stdout
    page = (tmp_path / "page.html").read_text()
    assert "hour of day" not in shown + page
    assert "month" in shown
    assert "month" in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs/demo-text", "nowhere.csv"], "nowhere.csv"),
        (["runs/demo-series", "header.csv"], "header.csv"),
        (["runs/demo-series", "other.csv"], "other.csv: must have the column 'temperature (degC)' as in training"),
        (["runs/demo-series", "demo-text"], "data for another task"),
        (["runs/demo-text", "--text", "review"], "--text: needs a FILE"),
        (["runs/demo-text", "demo-text", "--time", "t"], "--time: must fit the model"),
        (["nowhere", "later.csv"], "must be a run or model folder"),
        (["runs/demo-text", "demo-text", "-o", "later.csv/page.html"], "must be a place to write a page"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(runs, arguments, says):
    (runs / "header.csv").write_text("time,temperature (degC)\n")
    write_series(runs / "other.csv", demo_series(), 500, ("a", "b", "c", "d"))
    done = seqconv_command("evaluate", *arguments, "--json", cwd=runs, code=2)
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
    assert done.stdout == ""

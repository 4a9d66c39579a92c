"""A class of one row in a hundred: found with weights or a threshold, and predicted alike everywhere."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.models.format import read_bundle
from seqconv.serving import requests
from seqconv.serving.files import predict_file
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.text.explaining import explain_text
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

WORDS = ["the", "parcel", "came", "today", "and", "was", "fine", "thanks"]


def write_rare(path: Path, count: int, seed: int) -> Path:
    """Texts of which one in a hundred is rare; the word of the rare ones occurs in three times as many others."""
    random = np.random.default_rng(seed)
    rows = random.permutation(count)
    words = [[*random.choice(WORDS, 2), "refund" if row % 25 == 0 else "parcel"] for row in rows]
    texts = [" ".join([*each, str(random.integers(10**6))]) for each in words]
    labels = ["fraud" if row % 100 == 0 else "fine" for row in rows]
    weights = [99 if row % 100 == 0 else 1 for row in rows]
    polars.DataFrame({"message": texts, "kind": labels, "cost": weights}).write_csv(path)
    return path


SETTINGS = ("data.text=message", "data.label=kind", "training.epochs=4", "training.refit=false")
WAYS = {
    "default": (),
    "balanced": ("training.class_weight=balanced",),
    "named": ("training.class_weight=fraud=99",),
    "weight": ("data.weight=cost",),
    "threshold": ("training.threshold=f1",),
    "cost": ("training.threshold=cost=1:30",),
    "fixed": ("training.threshold=0.05",),
    "tf-idf": ("training.threshold=recall=0.9", "training.model=tf-idf"),
    "torch": ("training.class_weight=balanced",),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("rare")
    file = write_rare(made / "train.csv", 3000, 0)
    write_rare(made / "new.csv", 1000, 1)
    for name, settings in WAYS.items():
        suggested = suggest_recipe(str(file), (*SETTINGS, *settings))
        engine = "torch" if name == "torch" else "native"
        if engine == "torch":
            pytest.importorskip("torch")
        options = Options(made / name, engine, threads=1, baselines=name in ("balanced", "threshold"))
        seqconv.train(suggested.recipe, options, data=suggested.data)
    return made


def recall(folder: Path, name: str) -> float:
    found = seqconv.evaluate(folder / name, folder / "new.csv", threads=1)
    (rare,) = (each for each in found.scores.classes if each.class_ == "fraud")
    return rare.recall.value


def test_the_rare_class_is_found_where_the_default_finds_none(folder):
    assert recall(folder, "default") == 0
    assert {name: recall(folder, name) >= 0.6 for name in WAYS if name != "default"} == dict.fromkeys(
        [name for name in WAYS if name != "default"], True
    )


@pytest.mark.parametrize("name", ["balanced", "threshold"])
def test_a_model_that_never_finds_it_is_not_said_to_be_better(folder, name):
    results = json.loads((folder / name / "metrics.json").read_text())
    majority = next(each for each in results["comparisons"] if each["name"] == "majority class")
    own, other = results["test"]["accuracy"], results["baselines"][0]["test"]["accuracy"]
    assert other > own  # it is right more often
    assert majority["low"] > 0
    assert "fewer weighted errors" in results["verdict"]
    assert results["better_baseline"] is None or "majority" not in results["better_baseline"]["name"]


@pytest.mark.parametrize("name", ["threshold", "fixed", "cost", "tf-idf"])
def test_every_way_to_ask_gives_the_same_answer(folder, name):
    model, file = seqconv.load(folder / name, threads=1), folder / "new.csv"
    texts = polars.read_csv(file)["message"].to_list()
    predicted = polars.concat(list(predict_file(model, file)))["prediction"].to_list()
    assert 0 < predicted.count("fraud") < 60
    ((_, threshold),) = model.bundle.features.target.thresholds
    shares = model.predict(texts)
    assert predicted == ["fraud" if share > threshold else "fine" for share in shares[:, 1]]

    asked = json.dumps({"texts": texts}).encode()
    served = [each["prediction"] for piece in requests.predict(model, asked) for each in piece]
    assert served == predicted
    confusion = np.array(seqconv.evaluate(folder / name, file, threads=1).scores.confusion)
    assert confusion[:, 1].sum() == predicted.count("fraud")
    place = predicted.index("fraud")
    if name != "tf-idf":
        assert explain_text(model, texts[place])[0].answers == ["fraud"]
    assert requests.describe_model(model, folder / name)["thresholds"] == {"fraud": threshold}


def test_the_bundle_keeps_the_threshold_and_reads_without_one(folder):
    table = json.loads((folder / "threshold" / "model" / "bundle.json").read_text())
    assert list(table["features"]["thresholds"]) == ["fraud"]
    assert "thresholds" not in json.loads((folder / "default" / "model" / "bundle.json").read_text())["features"]
    target = read_bundle(folder / "default").features.target
    assert target.thresholds == ()
    outputs = np.array([[0.1], [-0.1]], np.float32)
    assert replace(target, thresholds=(("fraud", 0.4),)).choose(outputs).tolist() == [1, 1]
    assert target.choose(outputs).tolist() == [1, 0]


def test_curve_and_chosen_point_are_on_the_pages(folder, tmp_path):
    page = (folder / "threshold" / "report.html").read_text()
    assert "Precision and recall" in page
    results = json.loads((folder / "threshold" / "metrics.json").read_text())
    (curve,) = results["curves"]
    assert curve["class"] == "fraud"
    confusion = results["confusion"]
    assert curve["chosen"]["recall"] == confusion[1][1] / sum(confusion[1])
    assert curve["chosen"]["precision"] == confusion[1][1] / (confusion[0][1] + confusion[1][1])
    result = seqconv_command(
        "evaluate", str(folder / "threshold"), str(folder / "new.csv"), "-o", "page.html", cwd=tmp_path
    )
    assert "average precision" in result.stdout
    assert "Precision and recall" in (tmp_path / "page.html").read_text()


def test_the_scores_of_a_run_come_again(folder):
    for name in ("threshold", "tf-idf"):
        found = seqconv.evaluate(folder / name, threads=1)
        assert found.test == json.loads((folder / name / "metrics.json").read_text())["test"]


def test_flags_name_what_is_wrong(folder):
    file = folder / "train.csv"
    for flags, says in (
        (("--class-weight", "frauds=3"), "--class-weight: unknown class 'frauds'"),
        (("--threshold", "best"), "--threshold must be f1, precision=0.95"),
        (("--threshold", "f1", "--positive", "x"), "--positive: unknown class 'x'"),
        (("--weight", "message"), "the weight 'message' must be a number of at least 0"),
        (("--weight", "costs"), "must have the column 'costs'"),
    ):
        asked = ("--text", "message", "--label", "kind", *flags, "-o", "wrong")
        assert says in seqconv_command("train", str(file), *asked, cwd=folder, code=2).stderr
        assert not (folder / "wrong").exists()


def test_runs_that_differ_in_their_threshold_alone_are_not_called_the_same(folder):
    found = seqconv_command("compare", "default", "threshold", "fixed", "--json", cwd=folder).stdout
    first, *others = json.loads(found)["runs"]
    assert [each["same"] for each in others] == [False, False]
    assert first["metrics"]["error_rate"] != others[0]["metrics"]["error_rate"]

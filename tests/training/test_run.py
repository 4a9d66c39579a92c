"""A baseline that is better than the network on the validation rows is kept and reported; `--model` asks for one."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import seqconv
from helpers.runs import FLAGS, write_data
from seqconv.__main__ import main
from seqconv.errors import ConfigError
from seqconv.models.format import read_bundle
from seqconv.recipes.recipe import read_recipe
from seqconv.recipes.sections import KINDS
from seqconv.tasks import guessing
from seqconv.training import run as runs
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

TASKS = [task for task in FLAGS if read_recipe(KINDS[task].start).network.layers]
UNTRAINED = ("training.epochs=1", "training.steps_per_epoch=1", "training.learning_rate=1e-9")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of networks that learned nothing, next to baselines that did."""
    folder = tmp_path_factory.mktemp("better")
    files = write_data(folder)
    for task in TASKS:
        suggested = guessing.suggest_recipe(str(files[task]), ["training.model=network", *UNTRAINED, *FLAGS[task]])
        runs.train(suggested.recipe, Options(out=folder / task), data=suggested.data)
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_the_best_baseline_on_the_validation_rows_is_a_run_of_its_own(folder, task):
    network, kept = (
        json.loads((path / "metrics.json").read_text()) for path in (folder / task, folder / task / "baseline")
    )
    name = "mae" if task == "series" else "accuracy"
    best = (min if task == "series" else max)(network["baselines"], key=lambda row: row["validation"][name])
    assert (network["model"], kept["model"]) == ("network", best["name"])
    assert network["better_baseline"]["name"] == best["name"]
    assert network["better_baseline"]["run"] == kept["run"] == str(folder / task / "baseline")
    assert network["better_baseline"]["says"].startswith("On the validation rows ")
    assert kept["validation"] == best["validation"]
    assert kept["refit"] or kept["test"] == best["test"]
    assert [row["name"] for row in kept["baselines"]] == [
        row["name"] for row in network["baselines"] if row["name"] != best["name"]
    ]
    report = (folder / task / "report.html").read_text()
    assert network["better_baseline"]["says"] in report.replace("&#x27;", "'")
    assert f"seqconv predict {folder / task / 'baseline'} FILE" in report
    own = (folder / task / "baseline" / "report.html").read_text()
    assert "Training</h2>" not in own
    assert "Training</h2>" in report


@pytest.mark.parametrize("task", TASKS)
def test_what_is_kept_answers_scores_and_compares_like_a_network(folder, task):
    kept = folder / task / "baseline"
    results = json.loads((kept / "metrics.json").read_text())
    assert seqconv.evaluate(kept, threads=1).test == results["test"]
    found = seqconv.compare_runs([folder / task, kept])
    assert found.n == results["test"]["n"]
    assert found.runs[1].improvement.low > 0
    again = seqconv.train(str(kept / "recipe.toml"), Options(out=folder / f"{task}-again", baselines=False))
    one, other = (seqconv.load(path).bundle for path in (kept, again.folder))
    assert one.recipe == other.recipe
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name])


def test_a_network_that_is_no_worse_is_alone(folder, tmp_path):
    suggested = guessing.suggest_recipe(str(folder / "texts.csv"), ["training.epochs=20"])
    run = runs.train(suggested.recipe, Options(out=tmp_path / "run"), data=suggested.data)
    assert run.results.better_baseline is None
    assert not (tmp_path / "run" / "baseline").exists()


def command(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["seqconv", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    return caught.value.code or 0, out, err


def test_the_command_says_what_to_do_with_it(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = [part for each in (*UNTRAINED, *FLAGS["series"]) for part in ("--set", each)]
    code, out, _ = command(monkeypatch, capsys, "train", str(folder / "series.csv"), "--model", "network", *flags)
    assert code == 0
    told = " ".join(out.split())
    assert "is better: the network's error is" in told
    assert "It is saved too: seqconv predict runs/series/baseline FILE" in told
    code, out, _ = command(monkeypatch, capsys, "predict", "runs/series/baseline", str(folder / "series.csv"))
    assert code == 0
    assert len(out.splitlines()) == 901


@pytest.mark.parametrize("task", KINDS)
def test_the_best_of_all_models_is_the_one_that_is_best_on_the_validation_rows(folder, tmp_path, task):
    path = write_data(tmp_path)[task]
    suggested = guessing.suggest_recipe(str(path), ["training.model=best", "training.epochs=2", *FLAGS[task]])
    run = runs.train(suggested.recipe, Options(out=tmp_path / "run", baselines=False), data=suggested.data)
    results, bundle = run.results, read_bundle(run.folder)
    name, better = {"series": ("mae", min), "panel": ("mase", min)}.get(task, ("accuracy", max))
    scores = [each.validation[name] for each in results.baselines]
    assert results.validation[name] == better([results.validation[name], *scores])
    others = {each.kind for each in results.baselines}
    chosen = bundle.recipe.training.model
    wanted = ({"network"} if KINDS[task].networks else set()) | set(KINDS[task].singles)
    assert wanted - {chosen} - others <= {"mean", "median"}  # of numbers alone
    assert "blend" not in others | {chosen}
    again = guessing.suggest_recipe(str(path), [f"training.model={chosen}", "training.epochs=2", *FLAGS[task]])
    alone = runs.train(again.recipe, Options(out=tmp_path / "alone", baselines=False), data=again.data)
    assert alone.results.validation == results.validation
    assert alone.results.refit == results.refit


def test_estimators_refuse_to_choose_among_models():
    with pytest.raises(ConfigError, match=r"model must be one to fit; got 'best'.*Name one"):
        seqconv.TextClassifier(model="best").fit(["good", "bad"] * 20, ["a", "b"] * 20)


def test_a_model_that_is_asked_for_stands_in_the_table_beside_the_others(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(monkeypatch, capsys, "train", str(folder / "texts.csv"), "--model", "nb-svm", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["model"], result["epochs"], result["better_baseline"]) == ("NB-SVM", 0, None)
    others = ["majority class", "TF-IDF + logistic regression", "SVM on words", "SVM on characters"]
    assert [row["name"] for row in result["baselines"]] == others
    assert not (tmp_path / "runs" / "texts" / "history.csv").exists()
    code, out, _ = command(
        monkeypatch, capsys, "train", str(folder / "texts.csv"), "--model", "nb-svm", "--no-baselines"
    )
    assert code == 0
    assert "NB-SVM (texts)" in out
    assert "majority" not in out
    assert command(monkeypatch, capsys, "report", "runs/texts")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "series.csv", "--target", "a", "--model", "rigde"), "Did you mean 'ridge'?"),
        (
            ("train", "series.csv", "--target", "a", "--model", "nb-svm"),
            "unknown model 'nb-svm' for time-series forecasting",
        ),
        (
            ("train", "series.csv", "--target", "a", "--model", "ridge", "--refit"),
            "--refit needs a network; got model ridge",
        ),
        (
            ("train", "series.csv", "--target", "a", "--model", "ridge", "--resume"),
            "--resume needs a network; got model ridge",
        ),
        (
            ("train", "series.csv", "--target", "a", "--lookback", "4h", "--model", "seasonal"),
            "--model seasonal: must fit the data; seasonal naive (same hour yesterday) does not: it needs a",
        ),
        (("summary", "series.csv", "--target", "a", "--model", "ridge"), "ridge has no layers"),
    ],
)
def test_a_model_that_cannot_be_is_one_line(folder, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "series.csv").write_bytes((folder / "series.csv").read_bytes())
    code, out, err = command(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.rglob("*.*")} == {"series.csv"}


def test_a_baseline_that_is_left_out_is_refused_with_the_reason(folder):
    suggested = guessing.suggest_recipe(str(folder / "waves.ts"), ["training.model=dtw"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqconv.tasks.sequence.dtw.MOST_CELLS", 1)
        with pytest.raises(ConfigError, match=r"model dtw: must fit the data; .* times the work that a baseline may"):
            runs.train(suggested.recipe, Options(out=folder / "none"), data=suggested.data)
    assert not (folder / "none").exists()


def test_estimators_fit_networks_alone(folder, tmp_path):
    recipe = tmp_path / "ridge.toml"
    recipe.write_text((folder / "series" / "baseline" / "recipe.toml").read_text())
    with pytest.raises(ConfigError, match=r"training\.model must be 'network' here"):
        seqconv.SeriesForecaster(network=str(recipe)).fit(np.random.default_rng(0).normal(size=(300, 1)))


def test_sequences_get_the_blend_of_all_rows_unless_a_network_is_asked_for(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = str(folder / "waves.ts")
    code, out, err = command(monkeypatch, capsys, "train", file, "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["model"], result["epochs"], result["better_baseline"]) == ("MultiRocket-Hydra + QUANT", 0, None)
    assert [row["kind"] for row in result["baselines"]] == ["majority", "dtw"]
    metrics = json.loads((tmp_path / "runs" / "waves" / "metrics.json").read_text())
    assert metrics["refit"] is True
    splits = metrics["facts"]["splits"]
    bundle = read_bundle(Path("runs/waves"))
    assert bundle.recipe.training.model == "blend"
    assert bundle.seen is not None
    assert len(bundle.seen.keys) == splits["train"]["examples"] + splits["validation"]["examples"]
    for flags in (["--model", "network"], ["--set", "training.epochs=2"], ["--network", "ucr"]):
        suggested = json.loads(command(monkeypatch, capsys, "init", file, *flags, "--json")[1])
        assert suggested["recipe"]["training"]["model"] == "network"
    code, out, _ = command(monkeypatch, capsys, "summary", file, "--json")
    assert code == 0
    assert json.loads(out)["layers"]


def test_a_baseline_is_fitted_again_with_the_validation_rows(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = [
        runs.train(
            guessing.suggest_recipe(
                str(folder / "waves.ts"), ["training.model=minirocket", f"training.refit={refit}"]
            ).recipe,
            Options(baselines=False, out=tmp_path / refit),
        )
        for refit in ("true", "false")
    ]
    again, once = (each.results for each in both)
    assert again.validation == once.validation
    weights = [read_bundle(each.folder).weights["weights"] for each in both]
    assert not np.array_equal(*weights)


def test_a_backtest_of_a_baseline_scores_it_on_every_fold(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ("backtest", str(folder / "waves.ts"), "--folds", "3", "--json")
    code, out, _ = command(monkeypatch, capsys, *arguments)
    assert code == 0
    result = json.loads(out)
    assert result["network"]["name"] == "blend"
    assert len(result["folds"]) == 3
    assert [each["name"] for each in result["comparisons"]] == ["1-NN with dynamic time warping", "majority class"]

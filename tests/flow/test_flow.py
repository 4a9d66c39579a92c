"""From one command to a trained, judged, reloaded model, as a user runs it. Needs neither torch nor a network."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqconv
from helpers.command import seqconv_command, start_seqconv

KEYS = {
    "text": {"loss", "accuracy", "n"},
    "series": {"mae", "mae_scaled", "mse_scaled", "n"},
}
FURTHER = {
    "text": {
        *("balanced_accuracy", "macro_f1", "micro_f1", "log_loss", "brier", "auc", "average_precision"),
    },
    "series": {"rmse"},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with a short run of each demo recipe."""
    folder = tmp_path_factory.mktemp("flow")
    for task in ("text", "series"):
        short = ("--set", "training.epochs=2", "--set", "training.steps_per_epoch=20")
        done = start_seqconv("train", f"demo-{task}", "--json", *short, cwd=folder)
        (folder / f"{task}.json").write_text(done.stdout)
    return folder


@pytest.mark.parametrize("task", ["text", "series"])
def test_train_prints_one_json_object_with_what_it_promises(runs, task):
    result = json.loads((runs / f"{task}.json").read_text())
    assert result["recipe"] == f"demo-{task}"
    assert result["engine"] == "native"
    assert result["epochs"] == 2
    assert result["best_epoch"] in (1, 2)
    assert result["parameters"] > 1000
    for part in ("validation", "test"):
        assert set(result[part]) == KEYS[task] | FURTHER[task]
        assert all(set(row[part]) == KEYS[task] | FURTHER[task] for row in result["baselines"])
        assert all(row[part]["n"] == result[part]["n"] for row in result["baselines"])
    assert all({"name", "seconds"} <= set(row) for row in result["baselines"])
    assert len(result["baselines"]) >= 3
    assert result["beats_baselines"] in (True, False)
    assert set(result["seconds"]) == {"read", "prepare", "train", "per_epoch", "evaluate", "total"}
    assert result["seconds"]["total"] >= result["seconds"]["train"] > 0


@pytest.mark.parametrize("task", ["text", "series"])
def test_the_run_folder_is_complete_and_no_partial_folder_is_left(runs, task):
    folder = runs / "runs" / f"demo-{task}"
    names = {path.name for path in folder.iterdir()}
    better = {"baseline"} if json.loads((folder / "metrics.json").read_text())["better_baseline"] else set()
    files = {"recipe.toml", "history.csv", "metrics.json", "predictions.npz", "report.html", "model"}
    files |= {"mistakes.json"} if task == "text" else set()
    assert names == files | better
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert not list((runs / "runs").glob("*.partial"))
    assert seqconv.read_recipe(str(folder / "recipe.toml")).training.epochs == 2


def test_a_resolved_recipe_trains_the_same_weights_again(runs):
    first = runs / "runs" / "demo-text"
    seqconv_command("train", str(first / "recipe.toml"), "--out", "again", "--no-baselines", "--quiet", cwd=runs)
    one, other = (seqconv.load(folder).bundle.weights for folder in (first, runs / "again"))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("task", ["text", "series"])
def test_evaluate_scores_the_saved_model_as_training_did_and_probes_order(runs, task):
    trained = json.loads((runs / f"{task}.json").read_text())
    result = json.loads(seqconv_command("evaluate", f"runs/demo-{task}", "--json", cwd=runs).stdout)
    assert result["test"] == pytest.approx(trained["test"], rel=1e-5)
    probe = result["order_probe"]
    assert set(probe["as_is"]) == set(probe["shuffled"]) == KEYS[task]
    assert "shuffled" in seqconv_command("evaluate", f"runs/demo-{task}", cwd=runs).stdout


def test_the_report_is_one_self_contained_page(runs):
    path = Path(seqconv_command("report", "runs/demo-series", cwd=runs).stdout.strip())
    page = (runs / path).read_text()
    assert "prefers-color-scheme: dark" in page
    assert page.count("<svg") == 3
    for outside in ("<link", "<script", "src=", "@import", 'href="http'):
        assert outside not in page


def test_a_saved_text_model_answers_raw_texts(runs):
    predictor = seqconv.load(runs / "runs" / "demo-text")
    shares = predictor.predict(["not good at all", "", "a film nobody knows: ünïcödé 😀"])
    assert shares.shape == (3, 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_a_saved_series_model_forecasts_from_raw_rows(runs):
    predictor = seqconv.load(runs / "runs" / "demo-series")
    features = predictor.bundle.features
    rows = features.scaler.mean + features.scaler.std * np.random.default_rng(0).normal(
        size=(130, len(features.columns))
    )
    times = np.datetime64("2020-01-01T00:00") + np.arange(130) * np.timedelta64(1, "h")
    forecasts = predictor.forecast(rows, times)
    assert forecasts.shape == (130 - features.spec.lookback + 1, 1, 1)
    assert np.isfinite(forecasts).all()
    rows[-1] = np.nan
    assert np.isnan(predictor.forecast(rows, times)[-1]).all()
    with pytest.raises(seqconv.SeqconvError, match="needs the times of the rows"):
        predictor.forecast(rows)
    with pytest.raises(seqconv.SeqconvError, match="must fill a window"):
        predictor.forecast(rows[:10])


def test_refit_trains_on_the_validation_rows_too(runs):
    seqconv_command(
        "train",
        "demo-text",
        "--out",
        "refit",
        "--refit",
        "--no-baselines",
        "--set",
        "training.epochs=1",
        "--quiet",
        cwd=runs,
    )
    results = json.loads((runs / "refit" / "metrics.json").read_text())
    assert results["refit"] is True
    # what the validation rows say is from before they were trained on
    first = seqconv_command(
        "train", "demo-text", "--out", "once", "--no-baselines", "--set", "training.epochs=1", "--json", cwd=runs
    )
    assert results["validation"] == json.loads(first.stdout)["validation"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "demo-texts"], "Did you mean 'demo-text'?"),
        (["train", "demo-text", "--set", "training.epoch=1"], "Did you mean 'epochs'?"),
        (["train", "demo-text", "--set", "training.epochs=0"], "must be at least 1; got 0"),
        (["train", "demo-text", "--engine", "nativ"], "Did you mean 'native'?"),
        (["train", "demo-series", "--set", "windows.step=25min"], "must be a whole number of rows"),
        (["train", "demo-series", "--set", "windows.lookback=900d"], "room for a window"),
        (["train", "demo-series", "--set", "data.target=wind"], "has no column 'wind'"),
        (["train", "demo-text", "--data", "nowhere.tar.gz"], "nowhere.tar.gz"),
        (["train", "demo-text", "--out", "mine"], "was not written by seqconv"),
        (["evaluate", "nowhere"], "must be a run or model folder"),
        (["report", "mine"], "must be a run folder"),
        (["data", "imbd"], "Did you mean 'imdb'?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, arguments, says):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = seqconv_command(*arguments, cwd=tmp_path, code=2)
    last = done.stderr.strip().splitlines()
    assert says in last[-1]
    assert len(last) == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    left = {path.name for path in tmp_path.iterdir()} - {"mine", "cache", "runs"}
    assert not left
    assert not list(tmp_path.glob("runs/*"))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_recipes_summary_and_version(tmp_path):
    assert "imdb-conv1d-as-printed" in seqconv_command("recipes", cwd=tmp_path).stdout
    assert "1,315,937" in seqconv_command("summary", "imdb-conv1d", cwd=tmp_path).stdout
    assert "12,609" in seqconv_command("summary", "jena-conv1d", cwd=tmp_path).stdout
    summary = json.loads(seqconv_command("summary", "demo-series", "--json", cwd=tmp_path).stdout)
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"])
    assert start_seqconv("--version", cwd=tmp_path).stdout.startswith("seqconv 0.")

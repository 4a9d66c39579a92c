"""Baselines as models: written, read and served like networks, with the scores that the run printed."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import seqconv
from helpers.runs import BASELINES, HOUR, train_baselines
from seqconv.data.records import Sequences
from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.serving.files import predict_file
from seqconv.tasks import guessing
from seqconv.tasks.sequence.explaining import explain_sequence
from seqconv.tasks.series.answers import read_example_rows
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.task import Source
from seqconv.tasks.text.explaining import explain_text
from seqconv.training import run as runs
from seqconv.training.folder import Options

pytestmark = pytest.mark.usefixtures("quick")

MODELS = [(task, kind) for task, kinds in BASELINES.items() for kind in kinds]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A run of every baseline in the place of a network."""
    return train_baselines(tmp_path_factory.mktemp("baselines"), BASELINES)


@pytest.mark.parametrize(("task", "kind"), MODELS)
def test_a_saved_baseline_scores_as_its_run_printed_to_the_last_digit(folder, task, kind):
    run = folder / f"{task}-{kind}"
    results = json.loads((run / "metrics.json").read_text())
    assert results["epochs"] == results["best_epoch"] == 0
    assert results["model"] not in ("", "network")
    assert {path.name for path in run.iterdir()} == {
        *("metrics.json", "recipe.toml", "predictions.npz", "report.html", "model"),
        *(["examples.npz"] if task == "panel" else []),
        *(["mistakes.json"] if task in ("text", "sequence") else []),
    }
    assert {path.name for path in (run / "model").iterdir()} <= {
        *("bundle.json", "weights.safetensors", "README.md", "vocabulary.txt")
    }
    found = seqconv.evaluate(run, threads=1)
    assert found.test == results["test"]
    known = results["test"] | {"n": found.order_probe.n}
    assert found.order_probe.as_is == {name: known[name] for name in found.order_probe.as_is}
    again = seqconv.train(str(run / "recipe.toml"), Options(out=folder / "again", baselines=False, overwrite=True))
    assert again.results.test == results["test"]


def test_predictions_of_the_run_come_again_from_the_raw_file(folder):
    for kind in BASELINES["series"]:
        run = folder / f"series-{kind}"
        model, stored = seqconv.load(run), np.load(run / "predictions.npz")
        series = read_example_rows(model.bundle, Source(file=folder / "series.csv"))
        found = model.forecast(series.values, series.times)
        # the newest row can end a window too, though its targets are not known
        assert len(found) == 900 - 48 + 1
        assert np.isfinite(found).all()
        ends = series.times[47:] + HOUR
        np.testing.assert_array_equal(found[np.isin(ends, stored["times"])], stored["outputs"])
    for kind in BASELINES["text"]:
        model = seqconv.load(folder / f"text-{kind}")
        answers = next(iter(predict_file(model, folder / "texts.csv")))
        said, wanted = answers["prediction"].to_list(), answers["label"].to_list()
        right = np.mean([one == other for one, other in zip(said, wanted, strict=True)])
        assert right > (0.5 if kind == "majority" else 0.9)
        assert model.predict(["", "unheard of words \N{GRINNING FACE}"]).sum(axis=1) == pytest.approx(1)


def test_live_forecasts_of_repeated_values_are_the_rows_they_repeat(folder):
    values = np.random.default_rng(1).normal(size=(60, 3))
    times = np.datetime64("2024-03-31T00:00:00") + np.arange(60) * HOUR
    naive = seqconv.load(folder / "series-naive").forecast(values, times)
    np.testing.assert_allclose(naive, np.repeat(values[47:, None, :2], 2, axis=1), rtol=1e-5, atol=1e-6)
    seasonal = seqconv.load(folder / "series-seasonal").forecast(values, times)[-1]
    np.testing.assert_allclose(seasonal, values[[36, 41], :2], rtol=1e-5, atol=1e-6)
    values[50] = np.nan
    ridge = seqconv.load(folder / "series-ridge").forecast(values, times)
    assert np.isfinite(ridge[:3]).all()
    assert np.isnan(ridge[3:]).all()


def test_inputs_are_checked_as_for_a_network(folder):
    ridge, words, kernels = (seqconv.load(folder / name) for name in ("series-ridge", "text-nb-svm", "sequence-rocket"))
    with pytest.raises(DataError, match=r"needs the times of the rows\. Give times"):
        ridge.forecast(np.zeros((60, 3)))
    with pytest.raises(DataError, match="must have 3 columns"):
        ridge.forecast(np.zeros((60, 2)))
    with pytest.raises(DataError, match="must fill a window of 48"):
        ridge.forecast(np.zeros((40, 3)))
    with pytest.raises(DataError, match="takes texts, not rows"):
        words.forecast(np.zeros((60, 3)))
    two = Sequences(np.zeros((4, 2), np.float32), np.array([0, 4]), np.zeros(0, np.int32), (), ("x", "y"), "made")
    with pytest.raises(DataError, match="must have 1 channel"):
        kernels.classify(two)
    with pytest.raises(ConfigError, match="Did you mean 'native'"):
        seqconv.load(folder / "series-ridge", engine="nativ")


def test_answers_need_no_scikit_learn(folder):
    code = """
import sys
sys.modules |= dict.fromkeys(("sklearn", "scipy", "threadpoolctl"))
import pickle
from pathlib import Path
pickle.load = pickle.loads = None
pickle.Unpickler = type("Refusing", (), {"__init__": lambda self, *given: 1 / 0})
import seqconv
for run in sorted(Path(sys.argv[1]).glob("*-*")):
    model = seqconv.load(run)
    print(run.name, model.model.predict(model.bundle.features.blank()).shape)
"""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(MODELS)


def test_explanations_by_occlusion_are_those_of_any_model(folder):
    (found,) = explain_text(seqconv.load(folder / "text-nb-svm"), "a good film")
    assert (found.verdict.split()[0], found.exact) == ("yes", False)
    assert found.parts[0].span == "good"
    model = seqconv.load(folder / "series-ridge")
    series = read_example_rows(model.bundle, Source(file=folder / "series.csv"))
    grid = explain_series(model, series, target="b", lead="6h")
    newest = model.forecast(series.values, series.times)[-1]
    assert grid.value == pytest.approx(newest[1, 1], rel=1e-5)
    cycle = np.sin(np.arange(30) * 0.9).astype(np.float32)[:, None]
    one = Sequences(cycle, np.array([0, 30]), np.zeros(0, np.int32), (), ("x",), "made")
    assert explain_sequence(seqconv.load(folder / "sequence-dtw"), one).output == "1"


def damage(model: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change the stored arrays and keep the checksum right, so that only their content is wrong."""
    arrays = load_file(model / "weights.safetensors")
    change(arrays)
    save_file(arrays, model / "weights.safetensors")
    header = json.loads((model / "bundle.json").read_text())
    header["files"]["weights.safetensors"] = hashlib.sha256((model / "weights.safetensors").read_bytes()).hexdigest()
    (model / "bundle.json").write_text(json.dumps(header))


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("series-ridge", lambda a: a.pop("bias"), "'bias' is absent"),
        ("series-ridge", lambda a: a.update(extra=np.zeros(1)), "'extra' is no array of the model ridge"),
        ("series-ridge", lambda a: a.update(weights=a["weights"][:, :-1].copy()), "weights must be of"),
        ("series-ridge", lambda a: a.update(weights=a["weights"].astype(np.float32)), "weights must be float64 ["),
        ("series-ridge", lambda a: a.update(lags=a["lags"] + 1000), "lags must be from 1 to"),
        ("series-ridge", lambda a: a.update(lags=a["lags"][::-1].copy()), "lags must be ascending numbers from 1"),
        ("series-ridge", lambda a: a.update(periods=a["periods"] + 5), "periods must be from 0 to 3; got"),
        ("series-ridge", lambda a: a.update(periods=a["periods"] - 1), "periods must be from 0 to 3; got -1"),
        ("series-boosting", lambda a: a.update(columns=a["columns"] + 1000), "columns must be below"),
        ("series-boosting", lambda a: a.update(columns=a["columns"] - 1), "columns must be from 0 to"),
        ("series-boosting", lambda a: a.update(thresholds=a["thresholds"] - np.inf), "thresholds must be from"),
        ("series-naive", lambda a: a.update(steps=np.append(a["steps"], 1)), "steps must be int64 ["),
        ("series-naive", lambda a: a.update(steps=a["steps"][:1].copy()), "steps must be int64 ["),
        ("series-naive", lambda a: a.update(steps=a["steps"] + 10**9), "steps must be from 1 to"),
        ("series-naive", lambda a: a.update(steps=a["steps"] * 0), "steps must be from 1 to"),
        ("text-nb-svm", lambda a: a.update(weights=a["weights"][:, :3].copy()), "weights must be float64 ["),
        ("text-nb-svm", lambda a: a.update(pairs=a["pairs"][::-1].copy()), "pairs must be ascending pairs"),
        ("text-nb-svm", lambda a: a.update(scales=np.vstack([a["scales"]] * 5)), "scales must have 1 row or"),
        ("text-majority", lambda a: a.update(logits=np.zeros(5)), "logits must be float64 [1]; got float64 [5]"),
        ("text-majority", lambda a: a.update(logits=np.full(1, np.nan)), "logits must be finite; got nan to nan"),
        ("sequence-dtw", lambda a: a.update(values=a["values"][:, :-1].copy()), "values must be float32 ["),
        ("sequence-dtw", lambda a: a.update(values=a["values"][:, :, :1].repeat(9, 2)), "values must be float32 ["),
        ("sequence-dtw", lambda a: a.update(starts=a["starts"] - 1), "starts must be from 0 to"),
        ("sequence-dtw", lambda a: a.update(inside=a["inside"][:, :1].copy()), "inside must be bool ["),
        ("sequence-dtw", lambda a: a.update(band=a["band"] + 10**12), "band must be from 0 to"),
        ("sequence-rocket", lambda a: a.update(kernels=a["kernels"][:-1].copy()), "groups must be of"),
        ("sequence-rocket", lambda a: a.update(centre=a["centre"][:1].copy()), "spread must be float32 [1]; got"),
        ("sequence-rocket", lambda a: a.update(spread=a["spread"] * 0), "spread must be from"),
        ("sequence-rocket", lambda a: a.update(groups=a["groups"] + 2**60), "groups must be of kernels within"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(folder, tmp_path, name, change, says):
    model = tmp_path / "model"
    model.mkdir()
    for path in (folder / name / "model").iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    seqconv.load(model)
    damage(model, change)
    with pytest.raises(BundleError) as caught:
        seqconv.load(model)
    said = str(caught.value).removeprefix(f"{model / 'weights.safetensors'}: ")
    assert said.startswith(says)
    assert said.endswith(". Train again")
    assert "\n" not in said
    assert len(said) <= 300


def test_ridge_on_real_temperatures_keeps_its_scores(real_data, tmp_path):
    flags = ['data.target=["OT"]', 'windows.leads=["24h"]', "data.train_end=0.6", "data.validation_end=0.8"]
    suggested = guessing.suggest_recipe(str(real_data / "ett" / "ETTh1.csv"), [*flags, "training.model=ridge"])
    run = runs.train(suggested.recipe, Options(out=tmp_path / "run", baselines=False), data=suggested.data)
    assert run.results.validation["mae"] == pytest.approx(1.6398, abs=1e-3)
    assert run.results.test["mae"] == pytest.approx(1.7018, abs=1e-3)
    assert seqconv.evaluate(run.folder, threads=1).test == run.results.test

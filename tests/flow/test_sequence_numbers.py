"""Numbers that are properties of sequences: from training to a served answer, with honest intervals and baselines."""

import json

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.sequences import draw_waves, write_waves
from seqconv.data.readers.sequences import read_sequences
from seqconv.errors import DataError
from seqconv.models.predictor import load
from seqconv.serving.requests import describe_model, explain, predict

pytestmark = pytest.mark.usefixtures("quick")

SPEEDS = draw_waves(40, 1).group_by("id", maintain_order=True).agg(polars.first("speed"))["speed"].to_numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    write_waves(folder, 50)
    write_waves(folder, 40, 1, "new")
    seqconv_command("train", "waves-speeds.ts", "--model", "minirocket", "-q", "-o", "run", cwd=folder)
    return folder


def results(folder, run):
    return json.loads((folder / run / "metrics.json").read_text())


def test_a_run_is_judged_in_the_unit_of_the_number(folder):
    found = results(folder, "run")
    assert (found["metric"], found["targets"], found["model"]) == ("mae", ["target"], "MiniRocket")
    assert found["settings"]["training"]["loss"] == "mae"
    assert [each["kind"] for each in found["baselines"]] == ["mean", "median", "blend"]
    assert found["test"]["mae"] < 0.03 < found["baselines"][0]["test"]["mae"]
    with np.load(folder / "run/predictions.npz") as stored:
        error = np.abs(stored["outputs"] - stored["targets"])
        held = (stored["low"] <= stored["targets"]) & (stored["targets"] <= stored["high"])
    assert found["test"]["mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert found["intervals"]["coverage"]["value"] == held.mean()
    assert (found["intervals"]["share"], found["facts"]["splits"]["test"]["examples"]) == (0.9, 10)
    page = (folder / "run/report.html").read_text()
    assert "Predicted and actual target" in page
    assert "in blocks of" not in page


def test_predictions_and_their_bounds(folder):
    seqconv_command("predict", "run", "new-speeds.ts", "-q", "-o", "out.csv", cwd=folder)
    found = polars.read_csv(folder / "out.csv")
    assert found.columns == ["sequence", "prediction", "low", "high"]
    point, low, high = (found[name].to_numpy() for name in ("prediction", "low", "high"))
    assert np.abs(point - SPEEDS).mean() < 0.03
    np.testing.assert_allclose(high - point, point - low)  # a ridge regression says nothing of one row alone
    assert 0.75 < ((low <= SPEEDS) & (high >= SPEEDS)).mean() <= 1
    model = load(folder / "run")
    sequences = read_sequences(folder / "new-speeds.ts", labelled=False)
    np.testing.assert_allclose(model.regress(sequences), np.stack([point, low, high], axis=1), rtol=1e-6)
    with pytest.raises(DataError, match="predicts numbers, not classes"):
        model.classify(sequences)


def test_scores_of_other_rows(folder):
    said = json.loads(seqconv_command("evaluate", "run", "new-speeds.ts", "--json", cwd=folder).stdout)
    point = load(folder / "run").regress(read_sequences(folder / "new-speeds.ts", labelled=False))[:, 0]
    error, away = point - SPEEDS.round(16), SPEEDS - SPEEDS.mean()
    expected = {
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
        "r2": 1 - (error**2).sum() / (away**2).sum(),
    }
    found = {name: said["metrics"][name]["value"] for name in expected}
    assert found == pytest.approx(expected, rel=1e-4)
    assert said["metrics"]["skill_mean"]["value"] > 0.8
    assert "R²" in seqconv_command("evaluate", "run", cwd=folder).stdout
    says = seqconv_command("evaluate", "run", "new-kinds.ts", cwd=folder, code=2).stderr
    assert "must hold numbers, 'target'; got classes" in says


def test_an_answer_is_explained_in_its_unit(folder):
    why = json.loads(seqconv_command("explain", "run", "new-speeds.ts", "--json", cwd=folder).stdout)
    point, low, high = load(folder / "run").regress(read_sequences(folder / "new-speeds.ts", labelled=False))[0]
    assert (why["output"], why["value"]) == ("target", pytest.approx(point, rel=1e-5))
    assert (why["low"], why["high"]) == (pytest.approx(low), pytest.approx(high))
    says = seqconv_command("explain", "run", "new-speeds.ts", "--class", "a", cwd=folder, code=2).stderr
    assert "--class: the model predicts a number" in says or "class: the model predicts a number" in says


def test_a_served_answer(folder):
    model, sequences = load(folder / "run"), read_sequences(folder / "new-speeds.ts", labelled=False)
    first = sequences.values[: sequences.offsets[1]].tolist()
    body = json.dumps({"sequences": [first]}).encode()
    ((answer,),) = predict(model, body)
    expected = dict(zip(("prediction", "low", "high"), model.regress(sequences)[0], strict=True))
    assert answer == pytest.approx(expected, rel=1e-5)
    assert explain(model, body)["value"] == pytest.approx(answer["prediction"], rel=1e-5)
    about = describe_model(model, folder / "run")
    assert (about["targets"], about["interval"], about["scores"]["metric"]) == (["target"], 0.9, "mae")


@pytest.mark.parametrize("model", ["mean", "median", "rocket", "multirocket", "hydra", "quant", "blend"])
def test_every_model_of_numbers(folder, model):
    arguments = ("train", "waves-speeds.ts", "--model", model, "--no-baselines", "-q", "-o", model)
    seqconv_command(*arguments, cwd=folder)
    averages = model in ("mean", "median")
    assert (results(folder, model)["test"]["mae_scaled"] < 0.2) != averages
    assert load(folder / model).regress(read_sequences(folder / "new-speeds.ts", labelled=False)).shape == (40, 3)


def test_a_network_learns_the_number(folder):
    arguments = ("--model", "network", "--epochs", "60", "--no-baselines", "-q", "-o", "network")
    seqconv_command("train", "waves-speeds.ts", *arguments, cwd=folder)
    found = results(folder, "network")
    assert found["test"]["mae_scaled"] < 0.4
    assert found["intervals"]["share"] == 0.9
    for loss in ("mse", "huber"):
        few = ("--epochs", "2", "--set", f"training.loss={loss}", "--coverage", "0")
        seqconv_command("train", "waves-speeds.ts", *few, "--no-baselines", "-q", "-o", loss, cwd=folder)
        seqconv_command("predict", loss, "new-speeds.ts", "-q", "-o", "out.csv", "--engine", "native", cwd=folder)
        assert polars.read_csv(folder / "out.csv").columns == ["sequence", "prediction"]


def test_a_table_of_steps_with_a_number(folder):
    columns = ("--id", "id", "--target", "speed", "--inputs", "ax,ay")
    arguments = ("--model", "minirocket", "--no-baselines", "-q", "-o", "table")
    seqconv_command("train", "waves.csv", *columns, *arguments, cwd=folder)
    assert results(folder, "table")["targets"] == ["speed"]
    seqconv_command("predict", "table", "new.csv", "-q", "-o", "out.csv", cwd=folder)
    found = polars.read_csv(folder / "out.csv")
    assert np.abs(found["prediction"].to_numpy() - SPEEDS).mean() < 0.05
    said = json.loads(seqconv_command("inspect", "waves.csv", *columns, "--json", cwd=folder).stdout)
    assert [each["name"] for each in said["columns"]] == ["speed", "ax", "ay"]


def test_neighbours_by_dtw(folder):
    seqconv_command("train", "waves-speeds.ts", "--model", "dtw", "--no-baselines", "-q", "-o", "dtw", cwd=folder)
    assert results(folder, "dtw")["model"] == "1-NN with dynamic time warping"
    seqconv_command("predict", "dtw", "new-speeds.ts", "-q", "-o", "out.csv", cwd=folder)
    found = polars.read_csv(folder / "out.csv")
    assert np.abs(found["prediction"].to_numpy() - SPEEDS).mean() < 0.1
    assert ((found["low"] < found["prediction"]) & (found["prediction"] < found["high"])).all()
    why = json.loads(seqconv_command("explain", "dtw", "new-speeds.ts", "--json", cwd=folder).stdout)
    assert (why["exact"], why["value"]) == (False, pytest.approx(found["prediction"][0], rel=1e-4))


def test_folds_and_comparisons(folder):
    arguments = ("--folds", "3", "--model", "minirocket", "-q", "-o", "folds")
    seqconv_command("backtest", "waves-speeds.ts", *arguments, cwd=folder)
    found = results(folder, "folds")
    assert (found["n"], found["metric"]) == (50, "mae")
    assert "Rolling origin" not in (folder / "folds/report.html").read_text()
    seqconv_command("train", "waves-speeds.ts", "--model", "median", "-q", "-o", "other", cwd=folder)
    said = seqconv_command("compare", "run", "other", cwd=folder).stdout
    assert "Against run: other worse" in said


@pytest.mark.parametrize(
    ("file", "flags", "says"),
    [
        ("waves-speeds.ts", ("--model", "majority"), "--model majority: must fit the data"),
        ("waves-kinds.ts", ("--model", "mean"), "Choose majority, dtw, rocket, minirocket, "),
        ("waves-kinds.ts", ("--coverage", "0.8"), "--coverage is for numbers that are predicted"),
        ("same.ts", (), "must have a target that varies in the training rows; 'target' is always 5"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, file, flags, says):
    (folder / "same.ts").write_text("@univariate true\n@targetlabel true\n@data\n" + "1,2,3:5\n2,1,3:5\n" * 10)
    done = seqconv_command("train", file, *flags, "-q", "-o", "refused", cwd=folder, code=2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "refused").exists()

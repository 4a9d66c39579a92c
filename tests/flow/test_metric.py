"""`--metric`: what epochs, blends and models are judged by, and what is measured of every model."""

import json

import numpy as np
import polars
import pytest
from sklearn import metrics as reference

from helpers.command import seqconv_command
from helpers.sequences import write_waves
from seqconv import SeriesForecaster, TextClassifier
from seqconv.errors import ConfigError

pytestmark = pytest.mark.usefixtures("quick")

OF_CLASSES = {"accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "log_loss", "brier", "auc", "average_precision"}
WORDS = ("late", "lost", "kind", "fast", "rude", "open", "paid", "cold", "sold", "torn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts of a rare and a usual class, a series with rare jumps, and a table of series."""
    folder = tmp_path_factory.mktemp("metric")
    random = np.random.default_rng(0)
    texts, labels = [], []
    for _ in range(400):
        rare = random.random() < 0.15
        words = random.choice(WORDS, 6, p=np.roll([0.3, 0.2, *[0.0625] * 8], 3 * rare))
        texts.append(" ".join(words))
        labels.append("complaint" if rare else "praise")
    polars.DataFrame({"text": texts, "label": labels}).write_csv(folder / "mail.csv")
    steps = np.arange(700)
    values = np.sin(steps / 5) + 3.0 * (random.random(700) < 0.05) + random.normal(0, 0.1, 700)
    times = np.datetime64("2024-01-01T00", "ms") + steps * np.timedelta64(3_600_000, "ms")
    polars.DataFrame({"when": times, "load": values}).write_csv(folder / "load.csv")
    days = polars.date_range(polars.date(2024, 1, 1), polars.date(2024, 7, 18), "1d", eager=True)
    wave = 10 + 5 * np.sin(np.arange(200) / 7 * 6.3)
    sold = {"a": wave + random.gamma(2, 1, 200), "b": 50 * wave + random.gamma(2, 50, 200)}
    tables = [polars.DataFrame({"shop": [name] * 200, "day": days, "sold": each}) for name, each in sold.items()]
    polars.concat(tables).write_csv(folder / "sales.csv")
    write_waves(folder, 50)
    return folder


def train(folder, file, out, *options):
    done = seqconv_command("train", file, *options, "-q", "--overwrite", "-o", out, cwd=folder)
    return json.loads((folder / out / "metrics.json").read_text()), done


def test_every_metric_of_every_model_is_in_the_results(folder):
    found, _ = train(folder, "mail.csv", "mail")
    for each in (found, *found["baselines"]):
        assert each["test"].keys() >= OF_CLASSES
        assert each["validation"].keys() >= OF_CLASSES
    with np.load(folder / "mail/predictions.npz") as stored:
        truth, shares = stored["targets"].ravel(), 1 / (1 + np.exp(-stored["outputs"].ravel().astype(float)))
    rare = found["classes"].index("complaint")
    own, holds = (shares, truth) if rare else (1 - shares, 1 - truth)
    wanted = {
        "auc": reference.roc_auc_score(holds, own),
        "average_precision": reference.average_precision_score(holds, own),
        "brier": reference.brier_score_loss(holds, own),
        "log_loss": reference.log_loss(holds, own),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, shares > 0.5),
        "macro_f1": reference.f1_score(truth, shares > 0.5, average="macro"),
    }
    assert {name: found["test"][name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    said = json.loads(seqconv_command("evaluate", "mail", "--json", cwd=folder).stdout)["metrics"]
    assert {name: said[name]["value"] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    for name in wanted:
        assert said[name]["low"] <= said[name]["value"] <= said[name]["high"]
    assert "AUC" in seqconv_command("evaluate", "mail", cwd=folder).stdout


@pytest.mark.parametrize("metric", ["auc", "log_loss", "balanced_accuracy"])
def test_best_is_the_best_by_the_metric(folder, metric):
    found, _ = train(folder, "mail.csv", "best", "--model", "best", "--metric", metric, "--epochs", "3")
    sign = 1 if metric == "log_loss" else -1
    own = sign * found["validation"][metric]
    assert own <= min(sign * each["validation"][metric] for each in found["baselines"])
    board = (folder / "best/report.html").read_text()
    assert {"auc": "AUC", "log_loss": "log loss", "balanced_accuracy": "balanced accuracy"}[metric] in board


def test_a_blend_is_no_worse_by_the_metric_than_its_members(folder):
    for metric in ("macro_f1", "average_precision"):
        found, _ = train(folder, "mail.csv", "blend", "--metric", metric, "--epochs", "3")
        members = [each for each in found["baselines"] if each["kind"] in ("words", "characters")]
        assert found["validation"][metric] >= max(each["validation"][metric] for each in members) - 1e-9


def test_epochs_are_judged_by_the_metric(folder):
    options = ("--model", "network", "--epochs", "8", "--set", "training.patience=0", "--no-baselines")
    options += ("--set", "training.refit=false", "--set", "training.learning_rate=0.02")
    found, _ = train(folder, "mail.csv", "epochs", *options, "--metric", "accuracy")
    history = polars.read_csv(folder / "epochs/history.csv")["validation_accuracy"].to_numpy()
    assert found["best_epoch"] == 1 + int(np.argmax(history))
    assert found["validation"]["accuracy"] == pytest.approx(history.max(), rel=1e-6)
    usual, _ = train(folder, "mail.csv", "usual", *options)
    losses = polars.read_csv(folder / "usual/history.csv")["validation_loss"].to_numpy()
    assert usual["best_epoch"] == 1 + int(np.argmin(losses))
    np.testing.assert_allclose(polars.read_csv(folder / "epochs/history.csv")["validation_loss"], losses)


def test_numbers_are_judged_by_squared_errors_too(folder):
    options = ("--target", "load", "--lead", "1h", "--epochs", "3")
    usual, _ = train(folder, "load.csv", "mae", *options)
    found, _ = train(folder, "load.csv", "rmse", *options, "--metric", "rmse")
    with np.load(folder / "rmse/predictions.npz") as stored:
        errors = stored["outputs"] - stored["targets"]
    assert found["test"]["rmse"] == pytest.approx(float(np.sqrt((errors**2).mean())), rel=1e-4)
    assert found["validation"]["rmse"] <= usual["validation"]["rmse"] + 1e-9
    done = seqconv_command("train", "load.csv", *options, "--metric", "rmse", "-o", "shown", cwd=folder)
    assert "RMSE" in done.stdout


@pytest.mark.parametrize("metric", ["rmse", "smape", "wql"])
def test_models_of_tables_are_judged_in_the_unit_of_the_target(folder, metric):
    options = ("--id", "shop", "--target", "sold", "--horizon", "7d", "--set", "training.model=best")
    done = seqconv_command(
        *(
            "forecast",
            "sales.csv",
            *options,
            "--metric",
            metric,
            "--json",
            "--run",
            f"by-{metric}",
            "-o",
            f"{metric}.csv",
        ),
        cwd=folder,
    )
    found = json.loads(done.stdout)
    assert found["validation"][metric] <= min(each["validation"][metric] for each in found["baselines"])
    assert found["test"].keys() >= {"mase", "sql", "mae", "rmse", "pinball", "wql", "smape"}


def test_what_tables_are_measured_by_is_what_evaluate_measures(folder):
    options = ("--id", "shop", "--target", "sold", "--horizon", "7d", "--set", "training.model=ets")
    seqconv_command("forecast", "sales.csv", *options, "-q", "--run", "ets", "-o", "e.csv", cwd=folder)
    told = json.loads((folder / "ets/metrics.json").read_text())["test"]
    said = json.loads(seqconv_command("evaluate", "ets", "--json", cwd=folder).stdout)["metrics"]
    for name in ("mase", "wql", "smape", "mae", "rmse"):
        assert told[name] == pytest.approx(said[name]["value"], rel=1e-6)


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        ("mail.csv", ("--metric", "rmse"), "--metric must be one of accuracy, balanced_accuracy, macro_f1"),
        ("load.csv", ("--target", "load", "--metric", "auc"), "--metric must be one of mae, rmse for numbers"),
        ("waves-speeds.ts", ("--metric", "f1"), "--metric must be one of mae, rmse for numbers"),
        ("sales.csv", ("--target", "sold", "--metric", "accuracy"), "--metric must be one of mase, sql, mae"),
        ("mail.csv", ("--metric", "macro-f1"), "Did you mean"),
    ],
)
def test_a_metric_that_does_not_fit_is_one_error_that_lists_those_that_do(folder, file, options, said):
    done = seqconv_command("train", file, *options, "-o", "no", cwd=folder, code=2)
    assert said in done.stderr
    assert done.stderr.splitlines()[-1].startswith("seqconv: --metric")
    assert not (folder / "no").exists()


def test_sequences_keep_their_default_model(folder):
    found, _ = train(folder, "waves-kinds.ts", "waves", "--metric", "macro_f1")
    assert found["epochs"] == 0
    assert found["settings"]["training"]["model"] == "blend"


def test_the_metric_in_python(folder):
    mail = polars.read_csv(folder / "mail.csv")
    model = TextClassifier(metric="auc", epochs=2, random_state=0).fit(mail["text"].to_list(), mail["label"].to_list())
    assert model.predict(["late lost"]).shape == (1,)
    with pytest.raises(ConfigError, match="metric must be one of"):
        TextClassifier(metric="mae").fit(mail["text"].to_list(), mail["label"].to_list())
    with pytest.raises(ConfigError, match="metric must be one of mae, rmse"):
        SeriesForecaster(metric="auc").fit(polars.read_csv(folder / "load.csv")["load"].to_numpy()[:, None])
    sales = polars.read_csv(folder / "sales.csv", try_parse_dates=True)
    forecaster = SeriesForecaster(target="sold", id="shop", horizon=7, model="ets", metric="wql").fit(sales)
    assert "wql" in forecaster.scores_["ETS"]["test"]

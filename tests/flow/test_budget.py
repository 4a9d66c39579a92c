"""`--budget`: what there is time for is fitted, there is always a model, and what was left out is said and kept."""

import json
import time

import numpy as np
import polars
import pytest

from helpers.command import seqconv_command
from helpers.sequences import write_waves
from seqconv import load
from seqconv.training import budget
from seqconv.training.budget import Timer

pytestmark = pytest.mark.usefixtures("quick")

WORDS = ("late", "lost", "kind", "fast", "rude", "open", "paid", "cold", "sold", "torn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("budget")
    random = np.random.default_rng(0)
    labels = random.choice(["a", "b", "c"], 3000)
    shift = {"a": 0, "b": 3, "c": 6}
    chances = np.array([0.3, 0.2, *[0.0625] * 8])
    texts = [" ".join(random.choice(WORDS, 40, p=np.roll(chances, shift[each]))) for each in labels]
    polars.DataFrame({"text": texts, "label": labels}).write_csv(folder / "mail.csv")
    steps = np.arange(1500)
    times = np.datetime64("2024-01-01T00", "ms") + steps * np.timedelta64(3_600_000, "ms")
    wave = np.sin(steps / 5) + random.normal(0, 0.1, 1500)
    polars.DataFrame({"when": times, "load": wave}).write_csv(folder / "load.csv")
    days = polars.date_range(polars.date(2024, 1, 1), polars.date(2024, 12, 30), "1d", eager=True)
    tables = [
        polars.DataFrame({"shop": [str(shop)] * 365, "day": days, "sold": random.gamma(2, 5, 365)})
        for shop in range(20)
    ]
    polars.concat(tables).write_csv(folder / "sales.csv")
    write_waves(folder, 200)
    return folder


def read(folder, run):
    return json.loads((folder / run / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("mail.csv", ()),
        ("mail.csv", ("--model", "network")),
        ("load.csv", ("--target", "load", "--lead", "1h")),
        ("waves-kinds.ts", ()),
        ("sales.csv", ("--id", "shop", "--target", "sold")),
    ],
)
@pytest.mark.parametrize("time_given", ["0.001s", "2s"])
def test_there_is_a_model_whatever_the_budget(folder, tmp_path, file, options, time_given):
    run = tmp_path / "run"
    done = seqconv_command("train", file, *options, "--budget", time_given, "-o", str(run), cwd=folder)
    said = [line for line in done.stderr.splitlines() if "left out" in line and "budget" in line]
    assert len(said) == 1
    found = read(tmp_path, "run")
    assert found["settings"]["training"]["budget"] == time_given
    assert found["facts"]["budget"]["time"] == time_given
    assert found["facts"]["budget"]["left out"] in said[0]
    assert found["test"]["n"] > 0
    load(run)
    seqconv_command("predict", str(run), file, "-q", "-o", str(tmp_path / "out.csv"), cwd=folder)


def test_a_network_ends_within_its_time_and_says_how_many_epochs_are_missing(folder, tmp_path):
    slow = ("--model", "network", "--set", "training.epochs=2000", "--set", "training.patience=0", "--no-baselines")
    started = time.perf_counter()
    seqconv_command("train", "mail.csv", *slow, "--budget", "4s", "-q", "-o", str(tmp_path / "run"), cwd=folder)
    assert time.perf_counter() - started < 40  # other work may slow the machine down; without an end it takes minutes
    found = read(tmp_path, "run")
    assert 1 <= found["epochs"] < 2000
    assert f"{2000 - found['epochs']} of 2000 epochs" in found["facts"]["budget"]["left out"]


def test_an_epoch_that_takes_too_long_is_cut_short(folder, tmp_path):
    options = ("--model", "network", "--set", "training.batch_size=1", "--set", "training.epochs=3", "--no-baselines")
    seqconv_command("train", "mail.csv", *options, "--budget", "1s", "-q", "-o", str(tmp_path / "run"), cwd=folder)
    found = read(tmp_path, "run")
    assert found["epochs"] == 1
    assert "the final fit" in found["facts"]["budget"]["left out"]
    assert not found["settings"]["training"]["refit"]


def test_with_time_enough_nothing_is_left_out_and_the_answers_are_those_without_a_budget(folder, tmp_path):
    for name, options in (("usual", ()), ("given", ("--budget", "10m"))):
        command = ("train", "load.csv", "--target", "load", "--lead", "1h", "--epochs", "3", *options)
        seqconv_command(*command, "-q", "-o", str(tmp_path / name), cwd=folder)
    usual, given = read(tmp_path, "usual"), read(tmp_path, "given")
    assert given["facts"]["budget"]["left out"] == "nothing"
    assert "budget" not in usual["facts"]
    assert given["test"] == usual["test"]
    assert [each["kind"] for each in given["baselines"]] == [each["kind"] for each in usual["baselines"]]


def test_a_backtest_shares_it_among_the_folds(folder, tmp_path):
    options = ("--target", "load", "--lead", "1h", "--budget", "3s", "--folds", "3", "--json")
    done = seqconv_command("backtest", "load.csv", *options, "-o", str(tmp_path / "folds"), cwd=folder)
    found = json.loads(done.stdout)
    assert len(found["folds"]) == 3
    assert found["settings"]["training"]["budget"] == "3s"


def test_a_table_of_series_is_forecast_within_a_budget(folder, tmp_path):
    options = ("--id", "shop", "--target", "sold", "--horizon", "7d", "--budget", "1s", "--run", str(tmp_path / "r"))
    done = seqconv_command(
        "forecast", "sales.csv", *options, "-o", str(tmp_path / "f.csv"), "--run", str(tmp_path / "r"), cwd=folder
    )
    assert len(polars.read_csv(tmp_path / "f.csv")) == 20 * 7
    assert "budget 1s: left out" in done.stderr


@pytest.mark.parametrize("given", ["30", "0s", "soon", "-1s", "5d"])
def test_a_budget_is_a_time(folder, given):
    done = seqconv_command("train", "mail.csv", f"--budget={given}", "-o", "no", cwd=folder, code=2)
    assert "--budget must be a time with a unit (s, m, h), such as 30s or 5m; got" in done.stderr
    assert not (folder / "no").exists()


def test_time_grows_with_the_examples_as_two_trials_say():
    extrapolate = budget._extrapolate
    assert extrapolate(1600, (50, 0.1), (100, 0.2)) == pytest.approx(3.2)
    assert extrapolate(1600, (50, 0.1), (100, 0.4)) == pytest.approx(0.4 * 16**2)
    assert extrapolate(1600, (50, 0.1), (100, 0.1)) == pytest.approx(1.6)  # never slower than the examples grow
    assert extrapolate(1600, (50, 0.0001), (100, 0.001)) == pytest.approx(0.016)  # too short to tell
    assert extrapolate(1600, (50, np.nan), (100, np.nan)) == 0
    assert extrapolate(1600, (50, 0.1), (100, np.inf)) == np.inf


def test_a_timer_without_a_budget_has_no_end():
    assert Timer().left == np.inf
    assert 7 < Timer("10s").left <= 8


def test_the_answer_is_the_best_of_what_there_was_time_for(folder, tmp_path):
    """The network sees a few batches: counts of words, which there was time for, are better."""
    options = ("--budget", "1.5s", "--set", "training.learning_rate=0.0000001", "--set", "training.batch_size=1")
    seqconv_command("train", "mail.csv", *options, "-q", "-o", str(tmp_path / "run"), cwd=folder)
    found = read(tmp_path, "run")
    own = found["validation"]["accuracy"]
    assert own >= max(each["validation"]["accuracy"] for each in found["baselines"])

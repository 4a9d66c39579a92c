"""Callbacks that pass epochs on: each local store, read back by its own package, holds the history of the run."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import seqconv
from seqconv.errors import ConfigError, MissingExtra, OptionError
from seqconv.layers import Conv, GlobalMaxPool, Output

HISTORY = [
    {"epoch": 1, "loss": 0.5, "accuracy": 0.75, "validation_loss": 0.625, "validation_accuracy": 0.5, "seconds": 0.25},
    {"epoch": 2, "loss": 0.25, "accuracy": 1.0, "validation_loss": 0.5, "validation_accuracy": 0.75, "seconds": 0.125},
]
MEASURED = {name: [(row["epoch"], row[name]) for row in HISTORY] for name in HISTORY[0] if name != "epoch"}


def tell(callback):
    for row in HISTORY:
        assert not callback(row["epoch"], row)  # training goes on


def test_json_lines_hold_the_history_of_a_run_and_another_function_is_called_too(tmp_path):
    waves = np.sin(np.arange(30) * np.repeat([0.3, 0.9], 40)[:, None] + np.arange(80)[:, None])
    path, heard = tmp_path / "epochs.jsonl", []
    run = seqconv.train(
        (waves, np.repeat(["slow", "fast"], 40)),
        network=[Conv(4, 5, activation="relu"), GlobalMaxPool(), Output()],
        epochs=9,
        baselines=False,
        refit=True,
        out=tmp_path / "run",
        on_epoch_end=[lambda epoch, values: epoch == 2, seqconv.log_json(path), lambda *told: heard.append(told)],
    )
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == list(run.history)  # the last fit on all rows has no line
    assert [epoch for epoch, _ in heard] == [1, 2]  # the first function ends the training, after all have heard


def test_json_lines_are_added_and_the_file_is_tried_at_once(tmp_path):
    tell(seqconv.log_json(tmp_path / "a.jsonl"))
    tell(seqconv.log_json(tmp_path / "a.jsonl"))
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == HISTORY * 2
    with pytest.raises(ConfigError, match=r"none/a.jsonl: must be a file that can be written; .* Choose another"):
        seqconv.log_json(tmp_path / "none" / "a.jsonl")


def test_tensorboard_reads_its_event_file(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader", reason="not installed")
    tell(seqconv.log_tensorboard(tmp_path / "board" / "first"))
    (file,) = (tmp_path / "board" / "first").iterdir()
    events = [
        (event.step, value) for event in loader.EventFileLoader(str(file)).Load() for value in event.summary.value
    ]
    found = {
        name: [(step, value.tensor.float_val[0]) for step, value in events if value.tag == name] for name in MEASURED
    }
    assert found == MEASURED
    assert {value.tag for _, value in events} == set(MEASURED)
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="taken: must be a folder that can be written"):
        seqconv.log_tensorboard(tmp_path / "taken")


def test_mlflow_keeps_metrics_of_the_active_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    with mlflow.start_run() as run:
        tell(seqconv.log_mlflow())
    history = mlflow.MlflowClient().get_metric_history
    assert {name: [(each.step, each.value) for each in history(run.info.run_id, name)] for name in MEASURED} == MEASURED


def test_wandb_is_told_each_epoch_as_a_step(monkeypatch):
    told = []
    run = SimpleNamespace(log=lambda values, step: told.append((step, values)))
    tell(seqconv.log_wandb(run))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=run))  # as after wandb.init()
    tell(seqconv.log_wandb())
    assert [step for step, _ in told] == [1, 2, 1, 2]
    assert [values["loss"] for _, values in told] == [0.5, 0.25, 0.5, 0.25]
    assert all("epoch" not in values for _, values in told)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=None))
    with pytest.raises(OptionError, match=r"run must be a run of Weights & Biases; there is none\. Call wandb\.init"):
        seqconv.log_wandb()


def test_what_a_tracker_answers_does_not_end_the_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(log_metrics=lambda values, step: "logged later"))
    tell(seqconv.log_mlflow())
    tell(seqconv.log_wandb(SimpleNamespace(log=lambda values, step: "logged later")))


@pytest.mark.parametrize("calls", ["epochs.jsonl", [print, 3], 3])
def test_what_is_no_function_is_refused_before_the_training(calls, tmp_path):
    waves = np.sin(np.arange(30) * np.repeat([0.3, 0.9], 10)[:, None])
    with pytest.raises(OptionError, match="on_epoch_end must be a function, or a list of them; got"):
        seqconv.train((waves, np.repeat(["slow", "fast"], 10)), out=tmp_path / "run", on_epoch_end=calls)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_names_its_extra(name, monkeypatch, tmp_path):
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Hidden(name), *sys.meta_path])
    arguments = [tmp_path / "board"] if name == "tensorboard" else []
    with pytest.raises(MissingExtra) as caught:
        getattr(seqconv, f"log_{name}")(*arguments)
    assert str(caught.value) == f"{name} is not installed. Install it with: pip install 'seqconv[{name}]'"
    assert not list(tmp_path.iterdir())


class Hidden:
    """A finder of modules that does not find one package."""

    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=self.name)

"""Where runs are written: by command and in Python, none takes the place of another, however it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import seqconv
from helpers.command import seqconv_command
from helpers.runs import write_data
from seqconv.errors import ConfigError, TrainingError
from seqconv.training.checkpoint import Checkpoint
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

pytestmark = pytest.mark.usefixtures("quick")

SHORT = ("--set", "training.epochs=2", "--no-baselines")
LONG = ("--set", "training.epochs=100000", "--set", "training.patience=0", "--no-baselines", "--quiet")


@pytest.fixture
def folder(tmp_path) -> Path:
    write_data(tmp_path)
    return tmp_path


def start(folder: Path, hangup: signal.Handlers = signal.SIG_DFL) -> subprocess.Popen:
    """A long training, begun: it has a checkpoint. Whether it ignores a hangup does not depend on how the tests run."""
    command = [sys.executable, "-m", "seqconv", "train", "texts.csv", *LONG]
    prepare = partial(signal.signal, signal.SIGHUP, hangup)
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
    while not list(folder.glob("runs/*.partial/checkpoint.safetensors")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    return process


def test_a_second_file_of_the_same_name_gets_a_run_of_its_own_and_says_which(folder):
    seqconv_command("train", "texts.csv", *SHORT, "--json", cwd=folder)
    first = (folder / "runs" / "texts" / "metrics.json").read_bytes()
    done = seqconv_command("train", "texts.csv", *SHORT, "--seed", "1", cwd=folder)
    assert done.stderr.splitlines()[0] == "folder: runs/texts-2 (runs/texts is taken)"
    assert "report: runs/texts-2/report.html" in done.stdout
    assert "explain: seqconv explain runs/texts-2 --file " in done.stdout
    assert "predict: seqconv predict runs/texts-2 FILE -o predictions.csv" in done.stdout
    third = seqconv_command("train", "texts.csv", "--model", "nb-svm", "--no-baselines", "--json", cwd=folder)
    assert json.loads(third.stdout)["run"] == "runs/texts-3"
    assert (folder / "runs" / "texts" / "metrics.json").read_bytes() == first
    seqconv_command("train", "texts.csv", *SHORT, "--seed", "2", "--overwrite", "--quiet", cwd=folder)
    assert json.loads((folder / "runs" / "texts" / "metrics.json").read_text())["settings"]["training"]["seed"] == 2


def test_a_recipe_named_like_a_file_leaves_the_run_of_the_file(folder):
    (folder / "texts.csv").rename(folder / "demo-text.csv")
    seqconv_command("train", "demo-text.csv", *SHORT, "--quiet", cwd=folder)
    done = seqconv_command("train", "demo-text", *SHORT, "--set", "training.epochs=1", "--json", cwd=folder)
    assert json.loads(done.stdout)["run"] == "runs/demo-text-2"


@pytest.mark.parametrize("command", ["train", "backtest"])
def test_a_folder_that_is_named_and_taken_is_refused_in_one_line(folder, command):
    run = (command, "texts.csv", *SHORT, "--out", "mine", "--quiet")
    seqconv_command(*run, cwd=folder)
    kept = (folder / "mine" / "metrics.json").read_bytes()
    done = seqconv_command(*run, cwd=folder, code=2)
    assert done.stderr.startswith("seqconv: mine: holds finished work, which stays.")
    assert done.stderr.count("\n") == 1
    assert (folder / "mine" / "metrics.json").read_bytes() == kept
    seqconv_command(*run, "--overwrite", cwd=folder)
    assert (folder / "mine" / "metrics.json").read_bytes() != kept


def test_the_same_holds_in_python_which_says_where_it_writes(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    options = {"baselines": False, "threads": 1}
    runs = [seqconv.train("texts.csv", Options(**options)).folder for _ in range(2)]
    assert [str(run) for run in runs] == ["runs/texts", "runs/texts-2"]
    assert capsys.readouterr().err.splitlines() == ["folder: runs/texts", "folder: runs/texts-2"]
    with pytest.raises(ConfigError, match=r"runs/texts: holds finished work.*overwrite=True in Python"):
        seqconv.train("texts.csv", Options(out=runs[0], **options))
    seqconv.shrink(runs[0], "small", threads=1)
    with pytest.raises(ConfigError, match=r"small: holds finished work"):
        seqconv.shrink(runs[0], "small", threads=1)
    seqconv.shrink(runs[0], "small", threads=1, overwrite=True)


@pytest.mark.parametrize(
    "command",
    [
        ("data", "demo-text", "-o", "out.csv"),
        ("shrink", "runs/texts", "-o", "small"),
    ],
    ids=lambda words: " ".join(words[::3]),
)
def test_no_command_replaces_data_or_a_model_unless_asked_to(folder, command):
    seqconv_command(
        "train", "texts.csv", "--model", "nb-svm" if command[0] != "shrink" else "network", *SHORT, cwd=folder
    )
    seqconv_command(*command, cwd=folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts}
    done = seqconv_command(*command, cwd=folder, code=2)
    assert "--overwrite" in done.stderr
    assert done.stderr.count("\n") == 1
    assert before == {path: path.read_bytes() for path in before}
    seqconv_command(*command, "--overwrite", cwd=folder)


def test_predictions_do_not_replace_the_file_that_they_are_of(folder):
    seqconv_command("train", "texts.csv", "--model", "nb-svm", "--no-baselines", cwd=folder)
    before = (folder / "texts.csv").read_bytes()
    done = seqconv_command("predict", "runs/texts", "texts.csv", "-o", "texts.csv", cwd=folder, code=2)
    assert "texts.csv: must be another file than the one that is read" in done.stderr
    assert (folder / "texts.csv").read_bytes() == before
    for _ in range(2):  # as a daily job does
        seqconv_command("predict", "runs/texts", "texts.csv", "-o", "out.csv", cwd=folder)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_keeps_the_best_model_and_says_how_to_continue(folder, name, code):
    with start(folder) as process:
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate()
    assert process.returncode == code
    kept = "seqconv: interrupted; runs/texts.partial keeps what was reached: run the same command with --resume"
    assert errors.startswith(kept)
    assert errors.count("\n") == 1
    assert seqconv.load(folder / "runs" / "texts.partial").predict(["good"]).shape == (1, 2)
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["texts.partial"]
    # another run does not replace it, and --resume finds it
    done = seqconv_command("train", "texts.csv", *SHORT, "--json", cwd=folder)
    assert json.loads(done.stdout)["run"] == "runs/texts-2"
    done = seqconv_command(
        "train", "texts.csv", *SHORT, "--set", "training.patience=0", "--resume", "--json", cwd=folder
    )
    assert json.loads(done.stdout)["run"] == "runs/texts"


def test_a_second_signal_ends_it_at_once(folder):
    script = "import signal, time\nfrom seqconv.cli import console\nimport sys\n"
    script += "with console.interruptible():\n    try:\n        print(flush=True); time.sleep(60)\n"
    script += "    finally:\n        print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        for _ in range(2):
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def test_a_hangup_that_nohup_ignores_is_ignored(folder):
    with start(folder, signal.SIG_IGN) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143


def test_a_second_training_in_the_same_folder_is_refused_and_harms_nothing(folder):
    with start(folder) as process:
        for more in ((), ("--resume",), ("--out", "runs/texts", "--overwrite")):
            done = seqconv_command("train", "texts.csv", *LONG, *more, cwd=folder, code=2)
            assert f"runs/texts: is being written already (process {process.pid}, since 2" in done.stderr
            assert done.stderr.count("\n") == 1
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
    assert (folder / "runs" / "texts.partial" / "checkpoint.safetensors").is_file()


def test_the_folder_of_a_killed_training_is_free_again(folder):
    with start(folder) as process:
        process.send_signal(signal.SIGKILL)
    assert (folder / "runs" / "texts.lock").is_file()
    done = seqconv_command(
        "train", "texts.csv", *SHORT, "--set", "training.patience=0", "--resume", "--json", cwd=folder
    )
    assert json.loads(done.stdout)["run"] == "runs/texts"
    assert [path.name for path in (folder / "runs").iterdir()] == ["texts"]


class Remove(Listener):
    """Takes the incomplete folder away after the second epoch, or after the last."""

    def __init__(self, folder: Path, by_file: bool, after: str) -> None:
        self.folder, self.by_file, self.after = folder, by_file, after

    def end_epoch(self, epoch):
        if epoch.epoch == 2 and self.after == "epoch":
            self.remove()

    def say(self, text):
        if "baseline" in text and self.after == "training" and self.folder.is_dir():
            self.remove()

    def remove(self):
        self.folder.rename(self.folder.with_name("gone"))
        if self.by_file:
            self.folder.write_text("mine")


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize("after", ["epoch", "training"])
def test_what_was_learned_is_kept_where_the_folder_is_taken_away(folder, monkeypatch, by_file, after):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Checkpoint, "is_due", lambda self: not self.has_folder())
    recipe = seqconv.read_recipe("demo-text", ("training.epochs=4", "training.steps_per_epoch=5"))
    partial = folder / "run.partial"
    with pytest.raises(TrainingError, match=r"run.partial: must stay.*The best model so far is in .*run.rescued$"):
        seqconv.train(recipe, Options(out=folder / "run"), Remove(partial, by_file, after))
    assert np.isfinite(seqconv.load(folder / "run.rescued").predict(["a good film"])).all()
    assert partial.read_text() == "mine" if by_file else not partial.exists()


def test_a_disk_that_is_full_at_a_checkpoint_is_one_line(folder, monkeypatch):
    from safetensors import SafetensorError

    def full(*arguments):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(Checkpoint, "is_due", lambda self: True)
    monkeypatch.setattr("safetensors.numpy.save_file", full)
    done = seqconv_command("train", "texts.csv", *SHORT, "--quiet", cwd=folder, code=2)
    assert done.stderr == "seqconv: runs/texts: must be writable; No space left on device. Choose another folder\n"
    assert not list((folder / "runs").iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("command", [("evaluate", "a" * 300), ("train", "a" * 300), ("recipes",)])
def test_what_the_system_refuses_is_one_line_wherever_it_is_met(folder, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "seqconv", *command], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("seqconv: ")
    assert done.stderr.count("\n") == 1

"""Interrupted runs: what is kept can be read, and going on ends with the same weights as a run never stopped."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import seqconv
from seqconv.errors import BundleError, ConfigError
from seqconv.models import folders as bundles
from seqconv.models.folders import CHECKPOINT
from seqconv.recipes.recipe import Recipe, read_recipe
from seqconv.training import run as runs
from seqconv.training.checkpoint import Checkpoint, Epoch, Progress
from seqconv.training.finished import Run
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

SETTINGS = ("training.epochs=6", "training.patience=3", "training.steps_per_epoch=20")


class Stop(Listener):
    """Interrupts in the middle of an epoch, as a user would."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.at = 0

    def start_epoch(self, epoch, epochs, steps):
        self.at = epoch

    def end_step(self, loss, metric):
        if self.at == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(Checkpoint, "is_due", lambda self: True)


def recipe(name: str = "demo-series", *settings: str) -> Recipe:
    return read_recipe(name, ("training.model=network", *SETTINGS, *settings))


def run(folder: Path, chosen: Recipe, listener: Listener | None = None, **options: object) -> Run:
    return runs.train(chosen, Options(out=folder, baselines=False, **options), listener)


def weights(folder: Path) -> dict[str, np.ndarray]:
    return seqconv.load(folder).bundle.weights


@pytest.mark.parametrize(
    ("name", "engine", "optimiser"),
    [
        ("demo-series", "native", "rmsprop"),
        ("demo-text", "native", "adam"),
        ("demo-text", "native", "rmsprop"),
        ("demo-text", "torch", "adam"),
    ],
)
def test_going_on_ends_with_the_same_weights_as_a_run_never_stopped(tmp_path, name, engine, optimiser):
    if engine == "torch":
        pytest.importorskip("torch")
    averaging = 0.5 if optimiser == "adam" else 0.0
    chosen = recipe(name, f"training.optimiser={optimiser}", f"training.averaging={averaging}")
    whole = run(tmp_path / "whole", chosen, engine=engine)
    for epoch in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", chosen, Stop(epoch), engine=engine, resume=epoch > 3)
    resumed = run(tmp_path / "stopped", chosen, engine=engine, resume=True)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])
    for key in ("epochs", "best_epoch", "validation", "test"):
        assert getattr(resumed.results, key) == getattr(whole.results, key)
    names = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert names == {path.name for path in (tmp_path / "whole").iterdir()}
    histories = [(tmp_path / name / "history.csv").read_text().splitlines() for name in ("whole", "stopped")]
    without_seconds = [[line.rpartition(",")[0] for line in lines] for lines in histories]
    assert without_seconds[0] == without_seconds[1]


def test_an_interrupted_run_can_be_read(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", recipe("demo-text"), Stop(3))
    assert not (tmp_path / "run").exists()
    folder = tmp_path / "run.partial"
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert seqconv.load(folder).predict(["not bad at all"]).shape == (1, 2)
    assert read_recipe(str(folder / "recipe.toml")).training.epochs == 6


def test_a_run_may_go_on_for_longer_but_not_with_other_settings_data_or_engine(tmp_path):
    chosen = recipe()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", chosen, Stop(2))
    for other, says in (
        (recipe("demo-series", "training.learning_rate=0.5"), "same training.learning_rate; it was begun with 0.001"),
        (recipe("demo-series", "data.train_end=0.5"), "same data"),
    ):
        with pytest.raises(BundleError, match=says):
            run(tmp_path / "run", other, resume=True)
        assert (tmp_path / "run.partial" / CHECKPOINT).is_file()
    longer = replace(chosen, training=replace(chosen.training, epochs=7, patience=0))
    assert run(tmp_path / "run", longer, resume=True).results.epochs == 7


def test_there_must_be_something_to_go_on_with(tmp_path):
    with pytest.raises(BundleError, match="must hold an interrupted run; it does not exist"):
        run(tmp_path / "run", recipe(), resume=True)


def test_an_interrupted_run_is_not_replaced_unless_asked_for(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", recipe(), Stop(2))
    once = recipe("demo-series", "training.epochs=1")
    with pytest.raises(ConfigError, match=r"run.partial: holds an interrupted run.*--resume, or add --overwrite"):
        run(tmp_path / "run", once)
    assert (tmp_path / "run.partial" / CHECKPOINT).is_file()
    assert run(tmp_path / "run", once, overwrite=True).results.epochs == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign"])
def test_a_damaged_checkpoint_is_refused_in_one_line_and_kept(tmp_path, damage):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", recipe(), Stop(2))
    path = tmp_path / "run.partial" / CHECKPOINT
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-10], "empty": b"", "foreign": b"PK\x03\x04" + whole}[damage])
    with pytest.raises(BundleError, match="must be a whole checkpoint") as caught:
        run(tmp_path / "run", recipe(), resume=True)
    assert "\n" not in str(caught.value)
    assert path.exists()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "is_due", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            run(folder / "run", recipe(), Stop(3))
    return folder


def put(name: str, value: object) -> Callable[[dict, dict], None]:
    def change(table: dict, arrays: dict) -> None:
        table[name] = value

    return change


def put_array(prefix: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict, dict], None]:
    def replace_first(table: dict, arrays: dict) -> None:
        name = next(name for name in arrays if name.startswith(prefix))
        arrays[name] = change(arrays[name].copy())

    return replace_first


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("history", [{"epoch": 1}]), "must be a whole checkpoint; .history[0].loss is missing"),
        (put("history", 3), "must be a whole checkpoint; .history must be list"),
        (put("history", []), "must be a whole checkpoint; .best_epoch must be from 0 to 0"),
        (put("best_epoch", -1), "must be a whole checkpoint; .best_epoch must be from 0 to 2; got -1"),
        (put("best_epoch", "2"), "must be a whole checkpoint; .best_epoch must be int"),
        (put("best_loss", "low"), "must be a whole checkpoint; .best_loss must be"),
        (put("random", {}), "must be a whole checkpoint; "),
        (put("random", {"bit_generator": "MT19937"}), "must be a whole checkpoint; "),
        (put("origin", []), "must be a whole checkpoint; .origin must be dict"),
        (put("later", 1), "must be a whole checkpoint; .later is no field"),
        (lambda table, arrays: table.clear(), "must be a whole checkpoint; .origin is missing"),
        (lambda table, arrays: arrays.clear(), "must be of this network; checkpoint: "),
        (put_array("best/", lambda a: a[:-1]), "must be a whole checkpoint; 0."),
        (put_array("best/", lambda a: a * np.float32("nan")), "must be a whole checkpoint; 0."),
        (put_array("best/", lambda a: a.astype(np.float64)), "must be a whole checkpoint; 0."),
        (put_array("state/weights.", lambda a: a * np.float32("inf")), "must be a whole checkpoint; 0."),
        (put_array("state/steps", lambda a: np.array(np.nan)), "must be of this network; cannot convert float NaN"),
        (put_array("state/square", lambda a: a[:-1]), "must be of this network; checkpoint: 'square."),
    ],
)
def test_a_checkpoint_that_training_did_not_write_is_refused_in_one_line(stopped, tmp_path, change, says):
    folder = shutil.copytree(stopped, tmp_path / "copy")
    path = folder / "run.partial" / CHECKPOINT
    with safe_open(path, framework="numpy") as file:
        table = json.loads(file.metadata()["progress"])
    arrays = load_file(path)
    change(table, arrays)
    save_file(arrays, path, {"progress": json.dumps(table)})
    with pytest.raises(BundleError) as caught:
        run(folder / "run", recipe(), resume=True)
    said = str(caught.value)
    assert said.startswith(f"{path}: {says}")
    assert said.endswith(". Train without --resume")
    assert "\n" not in said
    assert path.is_file()


def test_a_full_disk_leaves_the_training_and_no_run(tmp_path, monkeypatch):
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    chosen = recipe("demo-text")
    whole = run(tmp_path / "whole", chosen)
    with monkeypatch.context() as patch:
        patch.setattr("seqconv.training.folder.write_bundle", full)
        with pytest.raises(ConfigError, match=r"run: must be writable; No space left on device.*--resume"):
            run(tmp_path / "run", chosen)
    assert not (tmp_path / "run").exists()
    assert run(tmp_path / "run", chosen, resume=True).results.test == whole.results.test


def test_a_folder_without_write_permission_is_one_line(tmp_path, monkeypatch):
    def deny(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(bundles.Path, "mkdir", deny)
    with pytest.raises(ConfigError, match=r"its folder must be writable; Permission denied. Choose another folder"):
        run(tmp_path / "run", recipe())


def test_what_is_written_is_read_back(tmp_path):
    random = np.random.default_rng(3)
    random.random(5)
    progress = Progress(
        (Epoch(1, 0.5, 0.7, 0.4, 0.8, 1.5),),
        1,
        0.4,
        {"0.kernel": np.ones((2, 3), np.float32)},
        {"weights.0.kernel": np.zeros((2, 3), np.float32), "steps": np.array(7), "touched": np.ones(4, np.uint8)},
        dict(random.bit_generator.state),
        {"0.kernel": np.full((2, 3), 2, np.float32)},
    )
    checkpoint = Checkpoint(tmp_path, {"engine": "native"})
    assert checkpoint.read() is None
    checkpoint.write(progress)
    found = checkpoint.read()
    assert (found.history, found.best_epoch, found.best_loss) == (progress.history, 1, 0.4)
    assert found.random == progress.random
    for key, array in progress.state.items():
        np.testing.assert_array_equal(found.state[key], array)
        assert found.state[key].dtype == array.dtype
    np.testing.assert_array_equal(found.mean["0.kernel"], progress.mean["0.kernel"])
    assert not list(tmp_path.glob("*.partial"))


def test_the_command_can_be_interrupted_and_goes_on(tmp_path):
    command = [sys.executable, "-m", "seqconv", "train", "demo-text", "--no-baselines", "--out", "run"]
    command += ["--set", "training.epochs=400", "--set", "training.patience=0"]
    environment = {**os.environ, "SEQCONV_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    history = tmp_path / "run.partial" / "history.csv"
    while not (history.is_file() and history.read_text().count("\n") > 2):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("seqconv: interrupted;")
    assert "Traceback" not in errors
    again = [*command[:-4], "--set", "training.epochs=3", "--set", "training.patience=0", "--resume", "--quiet"]
    done = subprocess.run(again, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()

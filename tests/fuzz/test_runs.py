"""Run folders with one damaged file: what reads it goes on, or says in one line what is wrong with it."""

import json
import random
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from fuzz.children import run_in_child
from fuzz.damage import change_arrays, change_json, damage
from helpers.tasks import TABLE
from seqconv.models.folders import CHECKPOINT, RESULTS
from seqconv.models.predictions import PREDICTIONS
from seqconv.recipes.recipe import read_recipe
from seqconv.recipes.sections import KINDS
from seqconv.tasks.guessing import suggest_recipe
from seqconv.training.checkpoint import Checkpoint
from seqconv.training.folder import Options
from seqconv.training.history import HISTORY
from seqconv.training.loop import Listener
from seqconv.training.run import train

TASKS = sorted(task for task, kind in KINDS.items() if read_recipe(kind.start).network.layers)
FILES = (HISTORY, RESULTS, PREDICTIONS, PREDICTIONS, CHECKPOINT, CHECKPOINT)
PIECES = [b",", b"\n", b"\0", b"nan", b"9" * 400, b"\xff", b'"', b"[" * 2000, b"{}", b"null", b"PK\x03\x04"]


class Stop(Listener):
    def start_epoch(self, epoch: int, epochs: int, steps: int) -> None:
        if epoch == 3:
            raise KeyboardInterrupt


def go_on(task: str, data: str, folder: Path, **options: bool) -> None:
    """Train a few epochs, in `folder`; with `resume` to their end."""
    suggested = suggest_recipe(data, [*TABLE[task].settings, "training.epochs=3", "training.refit=false"])
    settings = Options(out=folder, baselines=False, threads=1, **options)
    train(suggested.recipe, settings, Listener() if options else Stop(), suggested.data)


def use(task: str, data: str, folder: Path, name: str) -> None:
    """For a child: what reads the file."""
    from seqconv.errors import SeqconvError
    from seqconv.training.comparison import compare_runs
    from seqconv.training.folder import write_report

    try:
        if name == CHECKPOINT:
            go_on(task, data, folder / "stopped", resume=True)
        else:
            compare_runs([folder / "run", folder / "run"])
            write_report(folder / "run")
    except SeqconvError as error:
        print(f"seqconv: {error}", file=sys.stderr)
        sys.exit(2)


@pytest.fixture(scope="session")
def find_runs(tmp_path_factory) -> Callable[[str], tuple[str, Path]]:
    """By task: the path of its data, and a folder with a finished and an interrupted run."""

    @cache
    def find(task: str) -> tuple[str, Path]:
        data, folder = TABLE[task].write(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp(task)
        go_on(task, str(data), folder / "run", overwrite=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Checkpoint, "is_due", lambda self: True)
            with pytest.raises(KeyboardInterrupt):
                go_on(task, str(data), folder / "stopped")
        return str(data), folder

    return find


def change(draw: random.Random, path: Path) -> None:
    """Damage bytes of a file, or change what it holds."""
    if path.name == HISTORY or draw.random() < 0.3:
        path.write_bytes(damage(path.read_bytes(), draw, PIECES))
    elif path.name == RESULTS:
        table = json.loads(path.read_text("utf-8"))
        change_json(draw, table, table)
        path.write_text(json.dumps(table), "utf-8")
    elif path.name == PREDICTIONS:
        with np.load(path) as stored:
            arrays = dict(stored)
        change_arrays(draw, arrays)
        np.savez(path, **arrays)
    else:
        with safe_open(path, framework="numpy") as file:
            table = json.loads(file.metadata()["progress"])
        arrays = {name: np.array(array) for name, array in load_file(path).items()}
        if draw.random() < 0.5:
            change_json(draw, table, table)
        else:
            change_arrays(draw, arrays)
        save_file(arrays, path, {"progress": json.dumps(table)})


@pytest.mark.fuzz(small=12, whole=1500)
def test_a_run_with_a_damaged_file_is_read_or_refused_in_one_line(seeds, find_runs, tmp_path):
    faults = {}
    for seed in seeds:
        draw, task = random.Random(seed), TASKS[seed % len(TASKS)]
        data, runs = find_runs(task)
        folder = Path(shutil.copytree(runs, tmp_path / str(seed)))
        name = draw.choice(FILES)
        change(draw, folder / ("stopped.partial" if name == CHECKPOINT else "run") / name)
        ending = run_in_child(use, task, data, folder, name)
        shutil.rmtree(folder)
        fault = ending.fault or find_fault(ending.err.replace(str(folder), "FOLDER"), name)
        if fault:
            faults[seed] = f"{task}, {name}: {fault}"
    assert not faults


def find_fault(said: str, name: str) -> str:
    """What is wrong with a line of error; empty: nothing, or there is none."""
    # another file may be what does not fit the results; an optimiser may have learned what cannot be
    named = not said or name in said or name == RESULTS or "the loss must be finite" in said
    return "" if named and len(said) <= 300 else f"not a line of at most 300 characters that names the file: {said!r}"


@pytest.mark.parametrize("name", dict.fromkeys(FILES))
@pytest.mark.parametrize("task", TASKS)
def test_whole_runs_are_read(find_runs, task, name, tmp_path):
    data, runs = find_runs(task)
    folder = Path(shutil.copytree(runs, tmp_path / "copy"))
    assert run_in_child(use, task, data, folder, name).code == 0

"""Commands that write folders, killed at a step of the file system: the earlier or the new work is whole."""

import builtins
import io
import itertools
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import safetensors.numpy

import seqconv
from fuzz.children import run_command, run_in_child
from helpers.runs import write_data
from seqconv.training.checkpoint import Checkpoint

KILLED = 9
PLACES = ("run", "big", "runs/texts", "runs/texts-2")
STEPS = 127  # a prime above the number of steps of any scenario, so that seeds far apart meet steps far apart
TRAIN = (
    "train",
    "texts.csv",
    "--set",
    "training.epochs=3",
    "--set",
    "training.refit=false",
    "--no-baselines",
    "--quiet",
)
OUT = ("--out", "run", "--overwrite")
SCENARIOS = {  # name -> how the work before is done, and the command that is killed
    "train": ([], (*TRAIN, "--out", "run")),
    "train over a run": ([(*TRAIN, "--out", "run", "--seed", "1")], (*TRAIN, *OUT)),
    "train next to a run": ([(*TRAIN, "--seed", "1")], TRAIN),
    "resume over a run": ([(*TRAIN, "--out", "run", "--seed", "1")], (*TRAIN, *OUT, "--resume")),
    "shrink over a model": (
        [(*TRAIN, "--out", "big"), ("shrink", "big", "-o", "run", "--bits", "32")],
        ("shrink", "big", "-o", "run", "--overwrite"),
    ),
    "backtest over a run": (
        [(*TRAIN, "--out", "run", "--seed", "1")],
        ("backtest", *TRAIN[1:], "--folds", "2", *OUT),
    ),
}


def count_steps(do: Callable[..., object], steps: "itertools.count[int]", last: int) -> Callable[..., object]:
    """`do`, but the process is dead before step `last`, as if its power had gone."""

    def step(*arguments: object, **options: object) -> object:
        if next(steps) == last:
            os._exit(KILLED)
        return do(*arguments, **options)

    return step


def run_until(folder: Path, last: int, *arguments: str) -> None:
    """Run a command that writes a checkpoint after every epoch and dies before step `last`."""
    os.chdir(folder)
    Checkpoint.is_due = lambda self: True
    steps = itertools.count()
    for name in ("open", "mkdir", "rename", "replace", "unlink", "remove", "rmdir", "fsync"):
        setattr(os, name, count_steps(getattr(os, name), steps, last))
    safetensors.numpy.save_file = count_steps(safetensors.numpy.save_file, steps, last)
    opened, counted = io.open, count_steps(io.open, steps, last)
    writes: Callable[..., object] = lambda path, mode="r", *rest, **options: (  # noqa: E731
        (opened if set(mode) <= set("rbt") else counted)(path, mode, *rest, **options)
    )
    io.open = builtins.open = writes
    run_command(*arguments)


def run_whole(folder: Path, *arguments: str, code: int = 0) -> str:
    ending = run_in_child(run_until, folder, -1, *arguments, seconds=120)
    assert ending.code == code, ending.err
    return ending.err


def read_files(place: Path) -> dict[str, bytes]:
    """All files in a folder, after seqconv has read it; none if it does not exist."""
    with suppress(seqconv.SeqconvError):  # a backtest holds no model
        seqconv.load(place)
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def compare(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Files that only one of two folders has, and those that differ in more than a duration."""
    timed = ("history.csv", "metrics.json", "report.html")
    return sorted(
        name
        for name in one.keys() | other.keys()
        if name not in one or name not in other or (one[name] != other[name] and not name.endswith(timed))
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    """By scenario: a folder as it is before the command that is killed, and one as it is after."""
    found = {}
    for name, (before, command) in SCENARIOS.items():
        start, end = (tmp_path_factory.mktemp("crash") / part for part in ("before", "after"))
        start.mkdir()
        write_data(start)
        for each in before:
            run_whole(start, *each)
        if "--resume" in command:
            fresh = [word for word in command if word != "--resume"]
            steps = 0
            while not (start / "run.partial" / "checkpoint.safetensors").is_file():
                steps += 5
                run_in_child(run_until, start, steps, *fresh, seconds=120)
        shutil.copytree(start, end)
        run_whole(end, *command)
        found[name] = start, end
    return found


@pytest.mark.fuzz(small=12, whole=len(SCENARIOS) * STEPS)
def test_a_process_may_die_at_any_step(prepared, seeds, tmp_path):
    for seed in seeds:
        name = list(SCENARIOS)[seed % len(SCENARIOS)]
        step = seed // len(SCENARIOS) * 61 % STEPS
        folder = tmp_path / str(seed)
        check_crash(name, step, *prepared[name], folder)
        shutil.rmtree(folder)


def check_crash(name: str, step: int, start: Path, end: Path, folder: Path) -> None:
    """Everything is as before or as it shall be; and the next command makes it so, to the bit."""
    shutil.copytree(start, folder)
    command, says = SCENARIOS[name][1], f"{name}, step {step}"
    ending = run_in_child(run_until, folder, step, *command, seconds=120)
    assert ending.code in (0, KILLED), f"{says}: {ending.err}"
    done = True
    for place in PLACES:
        before, wanted, found = (read_files(at / place) for at in (start, end, folder))
        assert found == before or not compare(found, wanted), f"{says}: {place} is damaged"
        done &= not compare(found, wanted)
    if not done:
        plain = [word for word in command if word != "--resume"]
        partial = [path for path in folder.glob("**/*.partial") if path.is_dir()]
        run_whole(folder, *plain, *(["--resume"] if partial and command[0] == "train" else []))
    for place in PLACES:
        assert not compare(read_files(folder / place), read_files(end / place)), f"{says}: other bits in {place}"
    if not done:
        names = [sorted(path.name for path in (*at.iterdir(), *at.glob("runs/*"))) for at in (folder, end)]
        assert names[0] == names[1], says

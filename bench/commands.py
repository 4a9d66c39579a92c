"""Whole commands: start-up times, and from IMDB's archive to a tested classifier with time and peak memory."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arrays import real_archive
from works import OURS, THREADS

ROOT = Path(__file__).parent
SEQCONV = str(Path(sys.executable).with_name("seqconv"))
EPOCHS = 4
SCRIPTS = {
    "keras-tensorflow": "keras_command.py",
    "keras-jax": "keras_command.py",
    "fasttext": "fasttext_command.py",
    "scikit-learn": "sklearn_command.py",
}
ROUNDS = {OURS: 3, "keras-tensorflow": 2, "keras-jax": 1, "fasttext": 2, "scikit-learn": 2}


def measure_start_up(quick: bool) -> dict[str, object]:
    """Start-up of the command and of the import, in turn with a bare interpreter and with the peers' imports."""
    python = sys.executable
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "import seqconv": [python, "-c", "import seqconv"],
        "seqconv --help": [SEQCONV, "--help"],
        "import torch": [python, "-c", "import torch"],
        "import keras": [python, "-c", "import keras"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(3 if quick else 12):
        for name, command in commands.items():
            seconds = run(command)["seconds"]
            if turn:  # the first one fills the file cache
                times[name].append(seconds)
    limits = {"import seqconv": 0.15, "seqconv --help": 0.3}
    found = {name: {"median_s": statistics.median(seconds), "all_s": seconds} for name, seconds in times.items()}
    return {"title": "start-up", "commands": found, "limits_s": limits}


def measure_whole(quick: bool) -> dict[str, object]:
    """From the archive, with a cold file cache, to test accuracy: ours and the peers' scripts in turn.

    Raises:
        RuntimeError: `SEQCONV_DATA` names no folder, so there is no archive.
    """
    archive = real_archive()
    if archive is None:
        raise RuntimeError("whole-command: needs IMDB's archive. Set SEQCONV_DATA to its folder")
    epochs = 1 if quick else EPOCHS
    found: dict[str, list[dict[str, object]]] = {name: [] for name in ROUNDS}
    for turn in range(1 if quick else max(ROUNDS.values())):
        for name, rounds in ROUNDS.items():
            if turn < rounds and not (quick and name == "keras-jax"):
                found[name].append(run_whole(name, archive, epochs))
    peers = {name: summarise(runs) for name, runs in found.items() if runs}
    fastest = min((name for name in peers if name.startswith("keras")), key=lambda name: peers[name]["median_s"])
    ratio = peers[fastest]["median_s"] / peers[OURS]["median_s"]
    verdict = {"fastest": fastest, "ratio": ratio, "required": 7, "limit_s": 25, "limit_bytes": 700_000_000}
    return {"title": f"IMDB's archive to a tested classifier, {epochs} epochs", "peers": peers} | verdict


def summarise(runs: list[dict[str, object]]) -> dict[str, object]:
    """Median seconds, highest peak memory, mean test accuracy."""
    return {
        "median_s": statistics.median(run["seconds"] for run in runs),
        "all_s": [run["seconds"] for run in runs],
        "peak_bytes": max(run["peak_bytes"] for run in runs),
        "accuracy": statistics.mean(run["accuracy"] for run in runs),
    }


def run_whole(name: str, archive: Path, epochs: int) -> dict[str, object]:
    """One command, with nothing cached."""
    forget(archive)
    with tempfile.TemporaryDirectory() as folder:
        env = {"OMP_NUM_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "2", "XDG_CACHE_HOME": folder}
        if name == OURS:
            words = [SEQCONV, "train", "imdb-conv1d", "--data", str(archive), "--out", f"{folder}/run", "--json"]
            changes = ["--no-baselines", "--threads", str(THREADS), "--set", f"training.epochs={epochs}"]
            done = run([*words, *changes], env | {"SEQCONV_CACHE": folder})
            return done | {"accuracy": json.loads(done["last"])["test"]["accuracy"]}
        words = [sys.executable, str(ROOT / "peers" / SCRIPTS[name]), str(archive), str(epochs)]
        done = run(words, env | {"KERAS_BACKEND": name.removeprefix("keras-")})
        return done | {"accuracy": json.loads(done["last"])["accuracy"]}


def forget(path: Path) -> None:
    """Drop a file from the file cache of the system, if possible."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run(command: list[str], env: dict[str, str] | None = None) -> dict[str, object]:
    """Seconds, peak memory and last line of a command.

    Raises:
        RuntimeError: it failed.
    """
    time.sleep(0.05)
    words = [sys.executable, "-S", str(ROOT / "spent.py"), *command]
    done = subprocess.run(words, env=os.environ | (env or {}), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} stopped:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)

"""Two versions of seqconv on the same works, in turn: python bench/versions.py OTHER_PYTHON OTHER_CHECKOUT [WORK ...].

OTHER_PYTHON runs the other version, in an environment with the same packages: scikit-learn imports pandas, and pandas
pyarrow, where they are installed. OTHER_CHECKOUT/bench holds its workers. Each turn does the same counts; the ratio is
that of the medians, this version over the other one. Commands are timed as whole processes.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from works import THREADS, WORKS

ROUNDS, TURN_S = 7, 0.7
HERE = Path(__file__).parent
COMMANDS = {
    "import seqconv": ("-c", "import seqconv"),
    "seqconv --help": ("-m", "seqconv", "--help"),
    "train demo-text": ("-m", "seqconv", "train", "demo-text", "--quiet"),
    "train demo-series": ("-m", "seqconv", "train", "demo-series", "--quiet"),
}


class Version:
    """One version's Python, and the folder of its workers."""

    def __init__(self, python: str, bench: Path) -> None:
        self.python, self.bench = python, bench

    def start(self, work: str) -> subprocess.Popen[str]:
        """A worker that has built its work."""
        words = [self.python, "-m", "peers.seqconv_worker", work, "seqconv"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        env = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
        worker = subprocess.Popen(words, text=True, cwd=self.bench, env=env, **pipes)
        worker.stdout.readline()
        return worker

    def command(self, words: tuple[str, ...], folder: Path) -> float:
        """Seconds of a whole process."""
        started = time.perf_counter()
        subprocess.run([self.python, *words], cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - started


def ask(worker: subprocess.Popen[str], count: int) -> float:
    """Seconds of one count."""
    worker.stdin.write(f"{count}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())["seconds"]


def time_work(versions: list[Version], work: str) -> list[list[float]]:
    """Seconds of one count for each version, round by round."""
    workers = [version.start(work) for version in versions]
    counts = max(1, round(TURN_S / min(ask(worker, 3) for worker in workers)))
    found = [[], []]
    for number in range(ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            found[place].append(ask(workers[place], counts))
    for worker in workers:
        worker.stdin.close()
        worker.wait()
    return found


def time_command(versions: list[Version], words: tuple[str, ...], folder: Path) -> list[list[float]]:
    """Seconds of the whole process for each version, round by round; a first one warms the caches."""
    rounds = 3 if "train" in words else 2 * ROUNDS
    for version in versions:
        version.command(words, folder)
    found = [[], []]
    for number in range(rounds):
        for place in (0, 1) if number % 2 else (1, 0):
            found[place].append(versions[place].command(words, folder))
    return found


def main() -> None:
    """Print a line for each work and keep all of them in bench/results/versions.json."""
    versions = [Version(sys.executable, HERE), Version(sys.argv[1], Path(sys.argv[2]) / "bench")]
    folder = HERE.parent / "build" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in sys.argv[3:] or (*WORKS, *COMMANDS):
        found = time_work(versions, name) if name in WORKS else time_command(versions, COMMANDS[name], folder)
        own, other = (statistics.median(times) for times in found)
        spread = max((max(times) - min(times)) / statistics.median(times) for times in found)
        results[name] = {"seconds": own, "other": other, "ratio": own / other, "spread": spread, "turns": found}
        print(f"{name:<24}{own * 1e3:>11.4g} ms{other * 1e3:>11.4g} ms  ratio {own / other:.3f}  spread {spread:.0%}")
    path = HERE / "results" / "versions.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | results, indent=1) + "\n")


if __name__ == "__main__":
    main()

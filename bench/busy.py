"""Training and prediction on a busy machine, by this version and by another: `python bench/busy.py PYTHON`.

PYTHON is that of an environment with the other version, such as 0.1.0, the last release that used OpenMP. Both work
in turn on the same two processors, with 1 and 2 threads, while 0 to 3 other processes keep these processors busy.
Writes bench/results/busy.json; bench/page.py shows it. SEQCONV_DATA names the folder with the data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

from machine import claim_processors, read_commit, read_processor

ROOT = Path(__file__).parent
RESULTS = ROOT / "results" / "busy.json"
WORKS = tuple(f"{do}-{kind}" for kind in ("sequences", "texts", "series") for do in ("train", "predict"))
THREADS, NEIGHBOURS = (1, 2), (0, 1, 2, 3)
BEFORE, AFTER = VERSIONS = ("before", "after")
Key = tuple[str, int, int, str]  # work, threads, neighbours, version


class Worker:
    """A process of one version; it sleeps between its turns."""

    def __init__(self, python: str, environment: Mapping[str, str] = os.environ) -> None:
        words, pipe = [python, str(ROOT / "busy_worker.py")], subprocess.PIPE
        self.process = subprocess.Popen(words, env=environment, stdin=pipe, stdout=pipe, text=True)

    def run(self, work: str, threads: int) -> dict[str, float]:
        """Seconds and the value that it found.

        Raises:
            RuntimeError: it stopped.
        """
        assert self.process.stdin
        assert self.process.stdout
        print(work, threads, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{work}: {self.process.args} stopped")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that do nothing but compute."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure(workers: dict[str, Worker], rounds: int) -> dict[Key, list[float]]:
    """Seconds of every turn, the versions one after the other.

    Raises:
        RuntimeError: the versions compute something else, so their times mean nothing.
    """
    values = {(work, threads): set() for work, threads in product(WORKS, THREADS)}
    for (work, threads), found in values.items():  # builds what the turns need
        found.update(worker.run(work, threads)["value"] for worker in workers.values())
        if len(found) > 1:
            raise RuntimeError(f"{work}: the versions do not agree: {found}")
    seconds: dict[Key, list[float]] = {}
    for number, busy in product(range(rounds), NEIGHBOURS):
        with neighbours(busy):
            for work, threads, version in product(WORKS, THREADS, VERSIONS[:: 1 if number % 2 else -1]):
                taken = workers[version].run(work, threads)["seconds"]
                seconds.setdefault((work, threads, busy, version), []).append(taken)
        print(f"round {number + 1} of {rounds}, {busy} busy neighbours: done", flush=True)
    return seconds


def summarise(seconds: dict[Key, list[float]]) -> list[dict[str, object]]:
    """Medians of the two versions, and of their ratio turn by turn."""
    rows = []
    for work, threads, busy in product(WORKS, THREADS, NEIGHBOURS):
        before, after = (seconds[work, threads, busy, version] for version in VERSIONS)
        ratio = statistics.median(old / new for old, new in zip(before, after, strict=True))
        row = {"work": work, "threads": threads, "neighbours": busy, "ratio": ratio}
        rows.append(row | {"before_s": statistics.median(before), "after_s": statistics.median(after)})
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", help="Python of the environment with the other version")
    parser.add_argument("--name", default="0.1.0, the last release that used OpenMP", help="of the other version")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    claim_processors()
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # would give it our sources
    with ExitStack() as stack:
        workers = {BEFORE: Worker(arguments.python, own), AFTER: Worker(sys.executable)}
        for worker in workers.values():
            stack.callback(worker.close)
        rows = summarise(measure(workers, arguments.rounds))
    machine = {"processor": read_processor(), "cores": os.cpu_count(), "commit": read_commit()}
    found = {"rows": rows, "rounds": arguments.rounds, "other": arguments.name, "machine": machine}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Measure all: `python bench/run.py [--quick] [--only NAME]... [--resume]`.

Peers and seqconv run in turn, in one run, on the same arrays: each in its own process, never two at a time. Every work
leaves one file in `bench/results`, so a run that was cut short goes on with `--resume`. `bench/page.py` writes
docs/benchmarks.md from these files.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import arrays
import commands
import growth
from flops import count_work
from machine import claim_processors, describe_machine, measure_limits, read_busy
from works import BATCH, OURS, THREADS, WORKS, Work

ROOT = Path(__file__).parent
RESULTS = ROOT / "results"
QUICK = ROOT.parent / "build" / "bench-quick"
LOGS = ROOT.parent / "build" / "bench-logs"
ROUNDS, TURN_S = 5, 0.7
# A turn is done again, a few times at most, if other processes took more than this share of a processor meanwhile.
DISTURBED, REPEATS = 0.1, 4
MODULES = {
    "keras": "keras_worker",
    "torch": "torch_worker",
    "onnxruntime": "onnx_worker",
    OURS: "seqconv_worker",
}


class Worker:
    """A process that does one work for one peer, and waits in between.

    Raises:
        RuntimeError: it stopped; with the end of what it wrote.
    """

    def __init__(self, work: Work, peer: str) -> None:
        module = MODULES.get(peer if peer in MODULES else peer.partition("-")[0], "text_worker")
        self.peer = peer
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{work.name}-{peer}.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"peers.{module}", work.name, peer],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS)},
            )

    def wait(self) -> None:
        """Until it has built its work."""
        self._read()

    def run(self, count: int) -> dict[str, float]:
        """Do so many; seconds of one, and the first value."""
        assert self.process.stdin
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self._read()

    def measure(self, count: int) -> dict[str, float]:
        """`run` while nothing else runs, if it can be had; `others` is the share of a processor that others took."""
        for _ in range(REPEATS):
            time.sleep(0.05)  # threads of the one before may still spin
            started, (all_before, own_before) = time.monotonic(), read_busy(self.process.pid)
            found = self.run(count)
            all_after, own_after = read_busy(self.process.pid)
            taken = all_after - all_before - (own_after - own_before)
            found["others"] = max(0.0, taken / (time.monotonic() - started))
            if found["others"] <= DISTURBED:
                break
        return found

    def _read(self) -> dict[str, float]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.peer} stopped:\n{self.log.read_text()[-2000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure_work(work: Work, quick: bool) -> dict[str, object]:
    """Rounds of turns; each peer's seconds for one unit."""
    workers = [Worker(work, peer) for peer in (*work.peers, OURS)]
    for worker in workers:
        worker.wait()
    check_agreement(work, {worker.peer: worker.run(1)["value"] for worker in workers})
    counts = {worker.peer: choose_count(worker, 0.1 if quick else TURN_S) for worker in workers}
    turns: dict[str, list[dict[str, float]]] = {worker.peer: [] for worker in workers}
    for _ in range(2 if quick else ROUNDS):
        for worker in workers:
            turns[worker.peer].append(worker.measure(counts[worker.peer]))
    for worker in workers:
        worker.close()
    peers = {}
    for peer, found in turns.items():
        scale = 1 if peer == OURS else work.slices
        peers[peer] = summarise([turn["seconds"] * scale for turn in found])
        peers[peer] |= {"counts": counts[peer], "others": max(turn["others"] for turn in found)}
    return {"title": work.title, "unit": work.unit, "batch": BATCH, "peers": peers} | judge(work, peers)


def choose_count(worker: Worker, turn_s: float) -> int:
    """How many fill a turn, after some to warm up."""
    once = worker.run(1)["seconds"]
    if once < turn_s / 2:
        once = min(worker.run(3)["seconds"] for _ in range(2))
    return max(1, min(2000, round(turn_s / once)))


def check_agreement(work: Work, values: dict[str, float]) -> None:
    """Same weights and examples give the same first loss or output.

    Raises:
        RuntimeError: a peer computes something else, so its time means nothing.
    """
    for peer, value in values.items():
        if work.comparable and abs(value - values[OURS]) > 1e-4 * max(1, abs(value)):
            raise RuntimeError(f"{work.name}: {peer} computes {value}, seqconv {values[OURS]}")


def summarise(times: list[float]) -> dict[str, object]:
    """Median and quartiles of seconds."""
    ordered = sorted(times)
    low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
    return {"median_s": statistics.median(ordered), "quartiles_s": [low, high], "all_s": times}


def judge(work: Work, peers: dict[str, dict[str, object]]) -> dict[str, object]:
    """The fastest of the peers that count, against ours; and what ours computes in that time."""
    fastest = min(work.against, key=lambda peer: peers[peer]["median_s"])
    ours = peers[OURS]["median_s"]
    verdict = {
        "fastest": fastest,
        "ratio": peers[fastest]["median_s"] / ours,
        "required": work.ratio,
        "limit_s": work.limit_s,
    }
    return verdict | {"work": count_work(work)}


def measure_machine(quick: bool) -> dict[str, object]:
    """What the machine can do."""
    return {"title": "the machine", "limits": measure_limits(2 if quick else 10)}


def check_keras(quick: bool) -> dict[str, object]:
    """The recipes' networks in Keras, with our weights.

    Raises:
        RuntimeError: another output, or the check stopped.
    """
    found = {}
    for backend in ("tensorflow", "jax"):
        words, env = [sys.executable, "keras_equality.py", "--json"], os.environ | {"KERAS_BACKEND": backend}
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=env)
        if done.returncode:
            raise RuntimeError(f"keras_equality.py on {backend}:\n{done.stdout}{done.stderr[-2000:]}")
        found[backend] = json.loads(done.stdout.splitlines()[-1])
    return {"title": "the same weights in Keras", "networks": found}


def all_measurements() -> dict[str, Callable[[bool], dict[str, object]]]:
    """Name of the result file -> what fills it, in order."""
    works = {name: lambda quick, work=work: measure_work(work, quick) for name, work in WORKS.items()}
    return {
        "machine": measure_machine,
        "keras-equality": check_keras,
        **works,
        "growth": growth.measure,
        "start-up": commands.measure_start_up,
        "whole-command": commands.measure_whole,
    }


def is_done(path: Path, machine: dict[str, object]) -> bool:
    """A whole result of this commit and machine is there."""
    if not path.exists():
        return False
    found = json.loads(path.read_text())
    return all(found["machine"][name] == machine[name] for name in ("commit", "processor", "instruction_set"))


def write_result(name: str, result: dict[str, object], machine: dict[str, object], quick: bool) -> None:
    """One file a measurement; quick ones lie elsewhere."""
    folder = QUICK if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    record = {"name": name, "quick": quick, "machine": machine, **result}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def main() -> int:
    """Measure what is asked for; 1 if something could not be measured."""
    measurements = all_measurements()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions, into build/bench-quick")
    parser.add_argument("--only", action="append", choices=measurements, metavar="NAME", help=", ".join(measurements))
    parser.add_argument("--resume", action="store_true", help="skip what this commit has measured on this machine")
    options = parser.parse_args()
    failed = 0
    claim_processors()
    arrays.prepare()
    for name in options.only or measurements:
        machine = describe_machine()
        if options.resume and is_done(RESULTS / f"{name}.json", machine):
            continue
        started = time.monotonic()
        try:
            result = measurements[name](options.quick)
        except RuntimeError as error:
            print(f"{name}: not measured: {error}", flush=True)
            failed = 1
            continue
        write_result(name, result, machine, options.quick)
        told = f", {result['ratio']:.1f} x {result['fastest']}" if "ratio" in result else ""
        print(f"{name}: {time.monotonic() - started:.0f} s{told}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""How fast a served model answers, and what it says: `python bench/serving.py`.

Writes bench/results/serving.json and the marked parts of docs/serving.md. The client is one process on the same
machine, so it takes a share of its cores; it keeps some connections open, and asks for one text at a time on each.
"""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from machine import read_commit, read_processor
from reproduction_page import replace_between

ROOT = Path(__file__).parent
RESULTS = ROOT / "results" / "serving.json"
PAGE = ROOT.parent / "docs" / "serving.md"
TEXT = "not good at all , far from dull"
MODELS = {
    "network": ("train", "demo-text", "--set", "training.epochs=4", "--no-baselines", "--out", "network"),
    "NB-SVM": ("train", "demo-text", "--model", "nb-svm", "--no-baselines", "--out", "NB-SVM"),
}
WORKERS = (1, 2)
CONNECTIONS = (1, 16)
SECONDS = 10.0
JSON = {"Content-Type": "application/json"}
MOST = 24  # lines of an answer


def main() -> None:
    """Measure, then write the page."""
    with tempfile.TemporaryDirectory() as folder:
        for words in MODELS.values():
            run(Path(folder), *words, "--quiet")
        rows = [row for name in MODELS for row in measure(Path(folder), name)]
        said = show_answers(Path(folder))
    versions = {name: metadata.version(name) for name in ("seqconv", "starlette", "uvicorn", "uvloop")}
    found = {"rows": rows, "processor": read_processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    found |= {"commit": read_commit(), "versions": versions}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    for name, content in (said | {"measured": draw(found)}).items():
        text = replace_between(text, name, content)
    PAGE.write_text(text, "utf-8")


def run(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "seqconv", *words], cwd=folder, check=True)


@contextmanager
def served(folder: Path, name: str, *flags: str) -> Iterator[tuple[int, int]]:
    """The port and the process of a server of that model."""
    words = [sys.executable, "-m", "seqconv", "serve", name, "--port", "0", "--json", *flags]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield int(json.loads(running.stdout.readline())["url"].rpartition(":")[2]), running.pid
        running.terminate()


# Speed


def measure(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Latency, requests a second and processor time of the server, with each number of workers and connections."""
    for workers in WORKERS:
        with served(folder, name, "--workers", str(workers)) as (port, pid):
            for connections in CONNECTIONS:
                time.sleep(1)
                before = read_processor_s(pid)
                took = np.array(asyncio.run(load(port, connections)))
                spent = read_processor_s(pid) - before
                median, late = np.percentile(took, [50, 99]) * 1000
                row: dict[str, Any] = {"model": name, "workers": workers, "connections": connections}
                row |= {"median_ms": float(median), "p99_ms": float(late), "requests_per_s": len(took) / SECONDS}
                yield row | {"processor_us": 1e6 * spent / len(took)}
                print(row, flush=True)


def read_processor_s(pid: int) -> float:
    """Seconds of processor time of a process and its children that run (Linux)."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    ticks = 0
    for each in pids:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Connection(asyncio.Protocol):
    """Asks again as soon as it is answered, until the time is over."""

    def __init__(self, request: bytes, end: float, took: list[float]) -> None:
        self.request, self.end, self.took = request, end, took
        self.answer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        assert head.startswith(b"HTTP/1.1 200"), self.answer
        now = time.perf_counter()
        self.took.append(now - self.began)
        self.answer = b""
        if now < self.end:
            self.ask()
        else:
            self.transport.close()
            self.done.set_result(None)


async def load(port: int, connections: int) -> list[float]:
    """Seconds of each request of so many connections at once."""
    body = json.dumps({"texts": [TEXT]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    took: list[float] = []
    loop, end = asyncio.get_running_loop(), time.perf_counter() + SECONDS
    made = [
        (await loop.create_connection(lambda: Connection(request, end, took), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for each in made))
    return took


def ask(connection: http.client.HTTPConnection, path: str, body: bytes) -> Any:
    connection.request("POST", path, body, JSON)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    assert answer.status == 200, found
    return found


def draw(found: dict[str, Any]) -> str:
    """The table, and where it was measured."""
    lines = [
        "| model of `demo-text` | workers | connections | median, ms | 99th percentile, ms | requests per second "
        "| processor time of the server, us each |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found["rows"]:
        times = f"{row['median_ms']:.2f} | {row['p99_ms']:.2f} | {row['requests_per_s']:,.0f}"
        lines.append(
            f"| {row['model']} | {row['workers']} | {row['connections']} | {times} | {row['processor_us']:.0f} |"
        )
    about = "One text per request over persistent connections; the client is one process on the same cores:"
    where = f"{found['cores']} cores of {found['processor']}, load {found['load']:.1f} at the end"
    return "\n".join([about, "", *lines, "", f"{where}, commit {found['commit']}."])


# The page


def show_answers(folder: Path) -> dict[str, str]:
    """Requests and their answers, by their part of the page, whose own commands stand before them."""
    found = {}
    with served(folder, "network") as (port, _):
        for name, path in (("texts", "/predict"), ("explanation", "/explain")):
            found[name] = show(port, path, json.dumps({"texts": [TEXT]}))
    page = PAGE.read_text("utf-8")
    block = page[page.index("seqconv data demo-series") :].partition("```")[0]
    *commands, _ = block.splitlines()
    for line in commands:
        words = line.replace("seqconv ", f"{sys.executable} -m seqconv ", 1)
        subprocess.run(words.replace("python -c", f"{sys.executable} -c"), cwd=folder, shell=True, check=True)
    with served(folder, "runs/weather") as (port, _):
        found["series"] = show(port, "/predict", "@rows.json", (folder / "rows.json").read_text())
    return found


def show(port: int, path: str, given: str, body: str = "") -> str:
    """The command line of a request, and its answer."""
    answer = ask(http.client.HTTPConnection("127.0.0.1", port), path, (body or given).encode())
    lines = json.dumps(answer, indent=1, ensure_ascii=False).splitlines()
    lines = [*lines[:MOST], *(["..."] if len(lines) > MOST else [])]
    data = given if given.startswith("@") else f"'{given}'"
    command = f"curl -H Content-Type:application/json -d {data} http://127.0.0.1:8000{path}"
    return "\n".join(["```sh", command, "```", "", "```text", *lines, "```"])


if __name__ == "__main__":
    main()

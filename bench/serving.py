"""How fast a served model answers, and what it says: `python bench/serving.py`.

Writes bench/results/serving.json and the marked parts of docs/serving.md. The clients are processes of this language on
the same machine, so they take a share of its cores; each keeps one connection open and asks for one text at a time.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
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
CLIENTS = (1, 8)
SECONDS = 5.0
JSON = {"Content-Type": "application/json"}
MOST = 24  # lines of an answer


def main() -> None:
    """Measure, then write the page."""
    with tempfile.TemporaryDirectory() as folder:
        for words in MODELS.values():
            run(Path(folder), *words, "--quiet")
        rows = [row for name in MODELS for row in measure(Path(folder), name)]
        said = show_answers(Path(folder))
    versions = {name: metadata.version(name) for name in ("seqconv", "starlette", "uvicorn")}
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
def served(folder: Path, name: str) -> Iterator[int]:
    """The port of a server of that model."""
    words = [sys.executable, "-m", "seqconv", "serve", name, "--port", "0", "--json"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield int(json.loads(running.stdout.readline())["url"].rpartition(":")[2])
        running.terminate()


# Speed


def measure(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Latency and requests a second with each number of clients."""
    with served(folder, name) as port, ProcessPoolExecutor(max(CLIENTS)) as pool:
        for clients in CLIENTS:
            begin = time.time() + 2  # when all of them are there
            took = np.concatenate(list(pool.map(ask_again, [port] * clients, [begin] * clients)))
            median, late = np.percentile(took, [50, 99]) * 1000
            row = {"model": name, "clients": clients, "median_ms": float(median), "p99_ms": float(late)}
            yield row | {"requests_per_s": len(took) / SECONDS}
            print(row, flush=True)


def ask_again(port: int, begin: float) -> np.ndarray:
    """Seconds of each request of one client; the first, which opens the connection, comes before `begin`."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"texts": [TEXT]}).encode()
    ask(connection, "/predict", body)
    time.sleep(max(begin - time.time(), 0))
    times, now, end = [], time.perf_counter(), time.perf_counter() + SECONDS
    while now < end:
        ask(connection, "/predict", body)
        before, now = now, time.perf_counter()
        times.append(now - before)
    connection.close()
    return np.array(times)


def ask(connection: http.client.HTTPConnection, path: str, body: bytes) -> Any:
    connection.request("POST", path, body, JSON)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    assert answer.status == 200, found
    return found


def draw(found: dict[str, Any]) -> str:
    """The table, and where it was measured."""
    lines = [
        "| model of `demo-text` | clients | median, ms | 99th percentile, ms | requests per second |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in found["rows"]:
        times = f"{row['median_ms']:.2f} | {row['p99_ms']:.2f}"
        lines.append(f"| {row['model']} | {row['clients']} | {times} | {row['requests_per_s']:,.0f} |")
    about = "One text per request over a persistent connection; the clients are Python processes on the same cores:"
    where = f"{found['cores']} cores of {found['processor']}, load {found['load']:.1f} at the end"
    return "\n".join([about, "", *lines, "", f"{where}, commit {found['commit']}."])


# The page


def show_answers(folder: Path) -> dict[str, str]:
    """Requests and their answers, by their part of the page, whose own commands stand before them."""
    found = {}
    with served(folder, "network") as port:
        for name, path in (("texts", "/predict"), ("explanation", "/explain")):
            found[name] = show(port, path, json.dumps({"texts": [TEXT]}))
    page = PAGE.read_text("utf-8")
    block = page[page.index("seqconv data demo-series") :].partition("```")[0]
    *commands, _ = block.splitlines()
    for line in commands:
        words = line.replace("seqconv ", f"{sys.executable} -m seqconv ", 1)
        subprocess.run(words.replace("python -c", f"{sys.executable} -c"), cwd=folder, shell=True, check=True)
    with served(folder, "runs/weather") as port:
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

"""Five thousand classes: what a default run takes and how long an answer does.

`python bench/many_classes.py` measures; `bench/texts.py` puts the table into docs/texts.md. The texts are made up: a
class has four words of its own out of 5,000, and a text four draws of these and five of all words.
"""

import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

RESULTS = Path(__file__).parent / "results" / "many_classes.json"
CLASSES, ROWS, ASKED = 5000, 20, 200


def write_texts(path: Path) -> None:
    """A table of 100,000 texts."""
    draw = random.Random(1)
    words = [f"w{number}" for number in range(CLASSES)]
    rows = []
    for number in range(CLASSES):
        own = draw.sample(words, 4)
        rows += [(" ".join(draw.choices(own, k=4) + draw.choices(words, k=5)), f"class{number}") for _ in range(ROWS)]
    draw.shuffle(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def measure() -> dict[str, float]:
    """Accuracy, processor seconds and megabytes of a run, and milliseconds of processor time for one text."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_texts(folder / "texts.csv")
        before = os.times()
        command = [sys.executable, "-m", "seqconv", "train", "texts.csv", "--no-baselines", "--json", "-o", "run"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        after, most = os.times(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        size = sum(path.stat().st_size for path in (folder / "run" / "model").iterdir())
        found = {"accuracy": json.loads(done.stdout)["test"]["accuracy"], "seconds": seconds}
        return found | {"memory": most * 1024 / 1e6, "model": size / 1e6, "answer": time_answer(folder)}


def time_answer(folder: Path) -> float:
    """Milliseconds of processor time of one thread for one text."""
    from seqconv import load

    model, (first, *rest) = load(folder / "run", threads=1), (folder / "texts.csv").read_text().splitlines()[1:]
    model.predict([first.split(",")[0]])
    started = time.process_time()
    for line in rest[:ASKED]:
        model.predict([line.split(",")[0]])
    return 1e3 * (time.process_time() - started) / ASKED


def write_section() -> str:
    """The table, or nothing without a measurement."""
    if not RESULTS.is_file():
        return ""
    found = json.loads(RESULTS.read_text("utf-8"))["scores"]
    lines = [
        "## Five thousand classes\n",
        "100,000 made-up texts of nine words; `seqconv train FILE --no-baselines`, from the file to the report.\n",
        "| accuracy | processor seconds | memory, MB | model, MB | one answer, ms of processor time |",
        "| ---: | ---: | ---: | ---: | ---: |",
        f"| {found['accuracy']:.4f} | {found['seconds']:.0f} | {found['memory']:,.0f} | {found['model']:.0f} | "
        f"{found['answer']:.2f} |",
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    RESULTS.write_text(json.dumps({"scores": measure(), "machine": describe_machine()}, indent=1) + "\n", "utf-8")
    print(write_section())

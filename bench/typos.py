"""Typing errors: what damaged test texts cost models that read words, n-grams of characters, or both.

`python bench/typos.py [NAME ...]` measures what bench/results/typos.json lacks (or the sets named, anew);
`bench/texts.py` puts the table into docs/texts.md. The data are read from $SEQCONV_DATA.
"""

import json
import os
import random
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from machine import describe_machine
from own_data.texts import Split, pair, read_rows, split_sms, split_trec, write_split

DATA = Path(os.environ.get("SEQCONV_DATA", "../shared/data"))
CLINC = DATA / "league" / "text" / "clinc150"
RESULTS = Path(__file__).parent / "results" / "typos.json"
UNITS = ("word", "character", "both")
RATE = 0.1  # of the characters are damaged


def split_clinc() -> Iterator[Split]:
    """CLINC150 with 50 training queries of each intent."""
    yield *pair(read_rows(CLINC / "train_small.csv")), *pair(read_rows(CLINC / "test.csv"))


SETS = {
    "TREC": lambda: split_trec(DATA),
    "SMS spam": lambda: split_sms(DATA),
    "CLINC150, 50 queries of each intent": split_clinc,
}


def damage(text: str, draw: random.Random) -> str:
    """The text with a tenth of its characters replaced, left out, doubled or swapped with the next."""
    found, place = [], 0
    while place < len(text):
        letter, place = text[place], place + 1
        if letter == " " or draw.random() >= RATE:
            found.append(letter)
            continue
        kind = draw.randrange(4)
        if kind == 0:
            found.append(draw.choice(string.ascii_lowercase))
        elif kind == 2:
            found.append(letter + draw.choice(string.ascii_lowercase))
        elif kind == 3 and place < len(text):
            found.append(text[place] + letter)
            place += 1
    return "".join(found)


def measure(name: str) -> dict[str, dict[str, float]]:
    """Accuracy on the test texts as they are and damaged, by unit."""
    train, labels, test, truths = next(iter(SETS[name]()))
    draw = random.Random(0)
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "damaged").mkdir()
        write_split(folder, (train, labels, test, truths))
        write_split(folder / "damaged", (train, labels, [damage(text, draw) for text in test], truths))
        for unit in UNITS:
            command = [sys.executable, "-m", "seqconv", "train", "train.csv", "--test", "test.csv", "--unit", unit]
            run([*command, "--no-baselines", "-q", "-o", unit], folder)
            told = run([sys.executable, "-m", "seqconv", "evaluate", unit, "damaged/test.csv", "--json"], folder)
            as_is = json.loads((folder / unit / "metrics.json").read_text("utf-8"))["test"]["accuracy"]
            found[unit] = {"as is": as_is, "damaged": json.loads(told)["metrics"]["accuracy"]["value"]}
    return found


def run(command: list[str], folder: Path) -> str:
    """The standard output of a command."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def write_section() -> str:
    """The table, or nothing without a measurement."""
    if not RESULTS.is_file():
        return ""
    found = json.loads(RESULTS.read_text("utf-8"))["scores"]
    lines = [
        "## Typing errors\n",
        "Accuracy where a tenth of the test texts' characters are replaced, left out, doubled or swapped with others;",
        "training texts are as they are. N-grams of characters alone lose less than half of what words do, as does the",
        "default, `both`, on two of the three. One split, one seed.\n",
        "| data | `--unit` | as is | damaged | loss |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, units in found.items():
        for unit, scores in units.items():
            loss = scores["as is"] - scores["damaged"]
            lines.append(f"| {name} | {unit} | {scores['as is']:.4f} | {scores['damaged']:.4f} | {loss:.4f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure."""
    known = json.loads(RESULTS.read_text("utf-8"))["scores"] if RESULTS.is_file() else {}
    for name in sys.argv[1:] or [name for name in SETS if name not in known]:
        known[name] = measure(name)
        print(name, known[name], flush=True)
        RESULTS.write_text(json.dumps({"scores": known, "machine": describe_machine()}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

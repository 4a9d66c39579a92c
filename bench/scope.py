"""Queries of CLINC150 that are of none of its 150 intents: what `--threshold known=0.95` makes of them.

`python bench/scope.py` measures; `bench/texts.py` puts the table into docs/texts.md. No out-of-scope query is trained
on or chosen by. The data are read from $SEQCONV_DATA.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from machine import describe_machine

FOLDER = Path(os.environ.get("SEQCONV_DATA", "../shared/data")) / "league" / "text" / "clinc150"
RESULTS = Path(__file__).parent / "results" / "scope.json"
RULE = "known=0.95"
PROTOCOL = "trained on train.csv; out-of-scope by a threshold chosen on validation"
FOREIGN = ("USE", "BERT")  # in the names of methods that learned from other texts too


def measure() -> dict[str, float]:
    """In-scope accuracy and out-of-scope recall on the test queries."""
    with tempfile.TemporaryDirectory() as place:
        seqconv = [sys.executable, "-m", "seqconv"]
        files = [f"{FOLDER}/train.csv", "--validation", f"{FOLDER}/validation.csv", "--test", f"{FOLDER}/test.csv"]
        flags = ["--threshold", RULE, "--no-baselines", "-q", "-o", "run"]
        subprocess.run([*seqconv, "train", *files, *flags], cwd=place, check=True)
        ask = ["predict", "run", f"{FOLDER}/oos_test.csv", "-q", "-o", "out.csv"]
        subprocess.run([*seqconv, *ask], cwd=place, check=True)
        return score(Path(place) / "run", Path(place) / "out.csv")


def score(run: Path, answers: Path) -> dict[str, float]:
    """The same of a run and of its answers to the out-of-scope queries."""
    with answers.open(encoding="utf-8", newline="") as file:
        told = [row["prediction"] == "none of these" for row in csv.DictReader(file)]
    accuracy = json.loads((run / "metrics.json").read_text("utf-8"))["test"]["accuracy"]
    return {"accuracy": accuracy, "recall": sum(told) / len(told)}


def write_section(published: list[dict[str, str]]) -> str:
    """The table, or nothing without a measurement."""
    if not RESULTS.is_file():
        return ""
    own = json.loads(RESULTS.read_text("utf-8"))["scores"]
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in published:
        if entry["dataset"] == "clinc150" and entry["protocol"] == PROTOCOL:
            rows[entry["method"]][entry["metric"]] = float(entry["value"]) / 100
    found = {
        f"published: {name}{' *' if any(each in name for each in FOREIGN) else ''}": (
            each["in-scope accuracy"],
            each["out-of-scope recall"],
        )
        for name, each in rows.items()
    }
    found[f"**seqconv**, `--threshold {RULE}`"] = (own["accuracy"], own["recall"])
    lines = [
        "## CLINC150: queries of none of the intents\n",
        "A refused in-scope query counts as a mistake; the threshold is chosen on in-scope validation queries alone.",
        "The published models also have a threshold chosen on validation.\n",
        "| method | in-scope accuracy | out-of-scope recall |",
        "| --- | ---: | ---: |",
    ]
    ordered = sorted(found.items(), key=lambda each: -each[1][1])
    lines += [f"| {name} | {accuracy:.3f} | {recall:.3f} |" for name, (accuracy, recall) in ordered]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    scores: dict[str, Any] = {"about": describe_machine(), "scores": measure()}
    RESULTS.write_text(json.dumps(scores, indent=1) + "\n", "utf-8")
    print(scores["scores"])

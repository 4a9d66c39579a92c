"""Quality and seconds on data of one's own, next to libraries that a user would pick instead.

`python bench/own_data/run.py [NAME ...]` writes bench/results/own-data/*.json and docs/results.md; SEQCONV_DATA names
the folder with the data. `--only seqconv` (or `peers`, or of sequences `inception`) keeps the rows of the others.
"""

import argparse
import json
import os
import re
import statistics
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import page
import sequences
import series
import texts

sys.path.insert(0, str(Path(__file__).parent.parent))
from machine import read_commit, read_processor

RESULTS = Path(__file__).parent.parent / "results" / "own-data"
METHODS = ("seqconv", "peers", "inception")
PEERS = ("seqconv", "numpy", "fasttext", "scikit-learn", "aeon", "tensorflow-cpu", "darts", "torch")
KINDS = {
    **dict.fromkeys(texts.SPLITS, (texts.measure, "accuracy")),
    **dict.fromkeys(series.WORKS, (series.measure, "MAE")),
    **dict.fromkeys(sequences.NAMES, (sequences.measure, "accuracy")),
}


def main() -> None:
    """Measure what is asked for, or all of it, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--only", choices=METHODS)
    asked = parser.parse_args()
    if not os.environ.get("SEQCONV_DATA"):
        sys.exit("SEQCONV_DATA must name the folder with the data")
    data = Path(os.environ["SEQCONV_DATA"])
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in asked.names or KINDS:
        file = RESULTS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.json"
        found = measure_again(file, name, data, asked.only) if asked.only else measure_all(name, data)
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page.write_page(RESULTS, list(KINDS))


def measure_all(name: str, data: Path) -> dict[str, object]:
    """What a result file holds."""
    measure, metric = KINDS[name]
    return {
        "name": name,
        "metric": metric,
        "rows": summarise(name, measure(name, data, METHODS)),
        "processor": read_processor(),
        "commit": read_commit(),
        "versions": {package: metadata.version(package) for package in PEERS},
    }


def measure_again(file: Path, name: str, data: Path, method: str) -> dict[str, object]:
    """What a result file holds, with the rows of one method measured now."""
    found, (measure, _) = json.loads(file.read_text("utf-8")), KINDS[name]
    fresh = summarise(name, measure(name, data, (method,)))
    measured = {row["by"] for row in fresh}
    rows = [row for row in found["rows"] if row["by"] not in measured] + fresh
    return found | {"rows": rows, "commit": read_commit()}


def summarise(name: str, scores: Iterable[tuple[str, tuple[float, float]]]) -> list[dict[str, object]]:
    """A row for each method: mean and spread of its scores, median seconds; each score is printed as it comes."""
    found: dict[str, list[tuple[float, float]]] = {}
    for by, score in scores:
        found.setdefault(by, []).append(score)
        print(name, by, score, flush=True)
    rows = []
    for by, pairs in found.items():
        values, seconds = zip(*pairs, strict=True)
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        median = statistics.median(seconds)
        rows.append({"by": by, "mean": statistics.mean(values), "sd": spread, "runs": len(values), "seconds": median})
    return rows


if __name__ == "__main__":
    main()

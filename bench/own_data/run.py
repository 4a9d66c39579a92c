"""Quality and seconds on data of one's own, beside libraries that a user would pick instead.

`python bench/own_data/run.py [NAME ...]` writes bench/results/own-data/*.json and docs/results.md; SEQCONV_DATA names
the folder with the data.
"""

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
PEERS = ("seqconv", "numpy", "fasttext", "scikit-learn", "aeon", "darts", "torch")
KINDS = {
    **dict.fromkeys(texts.SPLITS, (texts.measure, "accuracy")),
    **dict.fromkeys(series.WORKS, (series.measure, "MAE")),
    **dict.fromkeys(sequences.NAMES, (sequences.measure, "accuracy")),
}


def main() -> None:
    """Measure what is asked for, or all of it, then write the page."""
    if not os.environ.get("SEQCONV_DATA"):
        sys.exit("SEQCONV_DATA must name the folder with the data")
    data = Path(os.environ["SEQCONV_DATA"])
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or KINDS:
        measure, metric = KINDS[name]
        found = {
            "name": name,
            "metric": metric,
            "rows": summarise(name, measure(name, data)),
            "processor": read_processor(),
            "commit": read_commit(),
            "versions": {package: metadata.version(package) for package in PEERS},
        }
        file = RESULTS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.json"
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page.write_page(RESULTS, list(KINDS))


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

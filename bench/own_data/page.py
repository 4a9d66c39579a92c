"""docs/results.md from the result files."""

import json
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent.parent / "docs" / "results.md"
HEAD = """# Results on data of one's own

What `seqconv train FILE` gives with its defaults, beside its own baselines and beside libraries that one would pick
instead. Nothing is tuned on test rows: seqconv's defaults were found on validation rows and folds of training sets
([log](log.md)), fastText's step, passes and n-grams are chosen on a fifth of each training set. Where examples are few
seqconv trains again on validation rows and all, as `train` does by default. Seconds of seqconv are
those of the whole command without its baselines: start-up, reading, training, scoring, report; those of the libraries
are training and scoring alone.

- Texts: rt-polarity in 10 folds, SMS spam in 5, TREC and IMDB in their published splits with 3 seeds.
- Series: the target so far ahead, from a window of the past; three stretches in time order, test rows the last. ETTh1:
  the 12, 4 and 4 months of the papers. darts (one seed) trains 10 passes with its own settings but for the window, its
  columns scaled on training rows; of the weather it gets every sixth row, as a step of ours is an hour.
- Sequences: the archive's original splits, 3 seeds; aeon's classifiers get shorter sequences with zeros behind them.
  seqconv's baselines hold a fifth of the training sequences out for validation, aeon's train on all of them. Of
  InceptionTime: one of its five networks, one seed, processor seconds; as its authors publish all five: GunPoint 1.000,
  ItalyPowerDemand 0.965 (0.968 in their file of the older archive), BasicMotions 1.000, JapaneseVowels 0.992
  ([their results](https://github.com/hfawaz/InceptionTime): `results-InceptionTime-128.csv` and `-85.csv`,
  `results-mts.csv`; Ismail Fawaz et al. 2020, arXiv:1909.04939).

The best of each table is bold; where that is not seqconv, we lose.
"""


def write_page(results: Path, names: list[str]) -> None:
    """A table for each result file, in the order of `names`."""
    found = {entry["name"]: entry for entry in (json.loads(path.read_text("utf-8")) for path in results.glob("*.json"))}
    parts = [HEAD, *(_section(found[name]) for name in names if name in found)]
    one = next(iter(found.values()))
    versions = ", ".join(f"{package} {version}" for package, version in one["versions"].items())
    parts.append(f"Measured on {one['processor']}, 2 threads, at commit {one['commit']}. {versions}.\n")
    PAGE.write_text("\n".join(parts), "utf-8")


def _section(entry: dict[str, Any]) -> str:
    more = entry["metric"] != "MAE"
    best = (max if more else min)(row["mean"] for row in entry["rows"])
    lines = [f"## {entry['name']}\n", f"| by | {entry['metric']} | runs | seconds |", "| --- | ---: | ---: | ---: |"]
    for row in sorted(entry["rows"], key=lambda row: -row["mean"] if more else row["mean"]):
        spread = f" ± {row['sd']:.4f}" if row["runs"] > 1 else ""
        mark = "**" if row["mean"] == best else ""
        score = f"{mark}{row['mean']:.4f}{spread}{mark}"
        lines.append(f"| {row['by']} | {score} | {row['runs']} | {row['seconds']:.1f} |")
    return "\n".join(lines) + "\n"

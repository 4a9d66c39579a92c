"""docs/results.md from the result files."""

import json
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent.parent / "docs" / "results.md"
HEAD = """# Results on your own data

The results of `seqconv train FILE` with its defaults, compared with its own baselines and with libraries that users
would choose instead. Nothing is tuned on test rows: seqconv's defaults were chosen on validation rows and folds of
training sets ([log](log.md)); fastText's learning rate, epochs and n-grams are chosen on a fifth of each training
set. On small data sets seqconv trains again including the validation rows, as `train` does by default. Seconds of
seqconv are those of the whole command without baselines that are not part of its answer: start-up, reading,
training, scoring, report, for series processor seconds; those of the libraries are training and scoring only.

- Text: rt-polarity in 10 folds, SMS spam in 5, TREC and IMDB in their published splits with 3 seeds.
- Series: the target at the given lead, from a window of the past; three consecutive splits, the last one for testing.
  ETTh1: the 12, 4 and 4 months of the papers. darts (one seed) trains 10 epochs with its own settings except for the
  window, with columns scaled on training rows; for the weather it gets every sixth row, as our step is one hour.
- Time-series classification: the archive's original splits, 3 seeds; for aeon's classifiers, shorter sequences are
  padded with zeros at the end. seqconv's baselines hold out a fifth of the training sequences for validation, aeon's
  train on all of them. InceptionTime: one of its five networks, one seed, processor seconds; the authors' published
  results with all five: GunPoint 1.000, ItalyPowerDemand 0.965 (0.968 in their file for the older archive),
  BasicMotions 1.000, JapaneseVowels 0.992 ([their results](https://github.com/hfawaz/InceptionTime):
  `results-InceptionTime-128.csv` and `-85.csv`, `results-mts.csv`; Ismail Fawaz et al. 2020, arXiv:1909.04939).

The best result in each table is bold; if it is not seqconv's, we lose.
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
    lines = [f"## {entry['name']}\n", f"| model | {entry['metric']} | runs | seconds |", "| --- | ---: | ---: | ---: |"]
    for row in sorted(entry["rows"], key=lambda row: -row["mean"] if more else row["mean"]):
        spread = f" ± {row['sd']:.4f}" if row["runs"] > 1 else ""
        mark = "**" if row["mean"] == best else ""
        score = f"{mark}{row['mean']:.4f}{spread}{mark}"
        lines.append(f"| {row['by']} | {score} | {row['runs']} | {row['seconds']:.1f} |")
    return "\n".join(lines) + "\n"

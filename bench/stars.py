"""Stars of IMDB's reviews as a number, as classes and as any number, by MAE on its test reviews.

`python bench/stars.py` trains what bench/results/stars.json lacks and writes the table of docs/text-columns.md. The
archive is read from $SEQCONV_DATA.
"""

import csv
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from arrays import real_archive
from machine import describe_machine

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "bench" / "results" / "stars.json", ROOT / "docs" / "text-columns.md"
MARK = "<!-- stars: written by bench/stars.py -->"
REVIEW = re.compile(r"aclImdb/(train|test)/(?:neg|pos)/(\d+)_(\d+)\.txt")
WAYS = {
    "steps": ("--target", "stars"),
    "classes": ("--label", "stars"),
    "any number": ("--target", "stars", "--set", "training.loss=mae"),
}


def write_reviews(folder: Path) -> None:
    """`train.csv` and `test.csv` of reviews and their stars."""
    archive = real_archive()
    assert archive is not None, "set SEQCONV_DATA"
    rows: dict[str, list[tuple[int, str, str]]] = {"train": [], "test": []}
    with tarfile.open(archive) as opened:
        for member in opened:
            found, content = REVIEW.fullmatch(member.name), opened.extractfile(member)
            if found and content is not None:
                rows[found[1]].append((int(found[2]), content.read().decode(), found[3]))
    for name, reviews in rows.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "stars"), *(review[1:] for review in sorted(reviews))])


def score(run: Path) -> dict[str, float]:
    """MAE of a run's answers to the test reviews; of classes that of the likeliest and that of their median."""
    results = json.loads((run / "metrics.json").read_text())
    if results["metric"] == "mae":
        return {"MAE": results["test"]["mae"]}
    stars = np.array([float(name) for name in results["classes"]])
    with np.load(run / "predictions.npz") as stored:
        outputs, truth = stored["outputs"].astype(np.float64), stars[stored["targets"]]
    probabilities = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    below = np.cumsum(probabilities / probabilities.sum(axis=1, keepdims=True), axis=1)
    answers = {"MAE": outputs.argmax(axis=1), "MAE of the median": (below >= 0.5).argmax(axis=1)}
    return {name: float(np.abs(stars[places] - truth).mean()) for name, places in answers.items()}


def measure(known: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Scores of all ways; those that are known stay."""
    if set(known) >= set(WAYS):
        return known
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reviews(folder)
        for way, flags in WAYS.items():
            if way not in known:
                train = ("train", "train.csv", "--test", "test.csv", *flags, "--no-baselines", "-q", "-o", "run")
                subprocess.run([sys.executable, "-m", "seqconv", *train, "--overwrite"], cwd=folder, check=True)
                known[way] = score(folder / "run")
    return known


def write_table(found: dict[str, dict[str, float]]) -> str:
    """The table as Markdown."""
    classes = found["classes"]
    rows = {
        "`--target stars`: classes of stars, answered by their median": found["steps"]["MAE"],
        "`--label stars`: the likeliest class": classes["MAE"],
        "`--target stars --set training.loss=mae`: regressions": found["any number"]["MAE"],
    }
    lines = [f"| {name} | {mae:.3f} |" for name, mae in rows.items()]
    return "\n".join(["| what is trained | MAE, stars |", "|---|---:|", *lines])


if __name__ == "__main__":
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"ways": {}}
    ways = measure(stored["ways"])
    RESULTS.write_text(
        json.dumps({"machine": stored.get("machine", describe_machine()), "ways": ways}, indent=1) + "\n"
    )
    before, mark, rest = PAGE.read_text("utf-8").partition(MARK)
    after = rest.partition("\n\n")[2].partition("\n\n")[2]  # what follows the former table
    PAGE.write_text(f"{before}{mark}\n\n{write_table(ways)}\n\n{after}", "utf-8")

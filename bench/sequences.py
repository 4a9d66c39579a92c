"""Accuracy and cost of time-series classification on sets of the UCR archive: ours, aeon's, and published methods.

`python bench/sequences.py SETS PUBLISHED.csv [--aeon PYTHON]` measures what bench/results/sequences.json lacks, and
writes the first half of docs/sequence-classification.md. SETS holds `NAME/NAME_TRAIN.tsv` and `NAME_TEST.tsv`;
PUBLISHED.csv has one row for each set: its name, numbers of rows, length and classes, then the accuracy of each method
on the default split. PYTHON has aeon and torch. `--wall` also measures wall seconds anew, for which the machine must be
quiet.
"""

import argparse
import csv
import json
import random
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import claim_processors, read_processor
from pictures import draw_accuracy
from threadpoolctl import threadpool_limits

from seqconv.data.readers.sequences import read_sequences
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.examples import Split
from seqconv.tasks.sequence.ridge_blend import fit_blend
from seqconv.tasks.sequence.split import encode_sequences

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench" / "results" / "sequences.json", ROOT / "docs" / "sequence-classification.md"
PICTURE = ROOT / "docs" / "images" / "sequence-classification.svg"
METHODS = slice(5, None)  # columns of the published table
SEEDS, FEW = 3, 20
MODELS = ("minirocket", "multirocket", "hydra", "multirocket-hydra", "quant")  # on a few sets, besides the blend
AEON = ("MiniRocket", "MultiRocket-Hydra", "QUANT")
SLOW = ("HC2", "InceptionTime")  # published methods whose accuracy the picture shows
MANY, STEPS = 100_000, 500  # sequences that are predicted, and their lengths
TIMED = ("blend", "multirocket-hydra", "minirocket")
Row = dict[str, Any]
HEAD = """# Time-series classification

The default answer of `seqconv train NAME_TRAIN.tsv`, a blend of ridge classifiers of MultiRocket, Hydra and QUANT
features ([decision 16](decisions/0016-blend-of-untrained-features.md)), on {sets} sets of the UCR archive with one
channel: default split, all training rows, no setting changed from set to set. Which features are blended was decided
with the test rows of a random half of the sets at hand; all else by leaving out training rows. Published accuracies
are those of the same splits (tsml-eval; Middlehurst et al. 2024, "Bake off redux", Data Mining and Knowledge Discovery
38). Of these methods HC2 takes days, InceptionTime a GPU, MultiRocket-Hydra minutes. Written by `bench/sequences.py`.

**Mean accuracy {accuracy}** over {seeds} seeds of the kernels.

All sets, fitted and predicted: {cpu:.0f} processor seconds; at most {memory} MB of memory.{wall}

## Against each method

Sets on which our accuracy, the mean over the seeds, is better than the published one, the same, or worse.

| method | mean accuracy | better | same | worse |
| --- | ---: | ---: | ---: | ---: |
{table}

Mean rank of the blend: {rank:.2f} of {methods} methods; {best} has {best_rank:.2f}.

## Accuracy and cost

{few} sets drawn at random, each model fitted and tested on the same cores, one seed; aeon {aeon}, without the time in
which it compiles. Dashed: published accuracies on these sets.

![Accuracy over processor seconds](images/sequence-classification.svg)

| model | mean accuracy | processor seconds |
| --- | ---: | ---: |
{costs}

"""


def measure(folder: Path, name: str, seed: int, model: str) -> Row:
    """Fit to all training rows of a set and score its test rows; processor seconds of both."""
    train, test = (read_sequences(folder / name / f"{name}_{part}.tsv") for part in ("TRAIN", "TEST"))
    data = encode_sequences(train, None, read_recipe("ucr"))
    started = time.process_time()
    with threadpool_limits(1):
        fitted = fit_blend(Split(data.train, data.train, data.train, data.features, {}), model, seed=seed)
        between = time.process_time()
        outputs = fitted.predict(data.features.inputs(test))
    done = time.process_time()
    codes = [train.classes.index(name) for name in test.classes]
    right = data.features.target.choose(outputs) == np.array(codes)[test.labels]
    seconds = {"fit": round(between - started, 2), "predict": round(done - between, 2)}
    return {"accuracy": float(right.mean()), **seconds, "test_rows": len(test)}


def measure_aeon(python: str, folder: Path, names: list[str], method: str) -> Iterator[Row]:
    """The same of a classifier of aeon on several sets, in a process of its own."""
    command = [python, str(ROOT / "bench" / "peers" / "aeon_worker.py"), method, str(folder), *names]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield from (json.loads(line) for line in process.stdout if line.startswith("{"))


def update(stored: Row, folder: Path, names: list[str], few: list[str], python: str) -> None:
    """Complete the stored results; each is stored as soon as it is measured."""
    known = {(row["name"], row["model"], row["seed"]) for row in stored["rows"]}
    work = [(name, "blend", seed) for seed in range(SEEDS) for name in names]
    work += [(name, model, 0) for name in few for model in MODELS]
    for name, model, seed in work:
        if (name, model, seed) not in known:
            store(stored, {"name": name, "model": model, "seed": seed, **measure(folder, name, seed, model)})
    for method in AEON if python else ():
        model = f"aeon {method}"
        left = [name for name in few if (name, model, 0) not in known]
        for row in measure_aeon(python, folder, left, method) if left else ():
            store(stored, row | {"model": model, "seed": 0})


def store(stored: Row, row: Row) -> None:
    """Write the results with one more row."""
    stored["rows"].append(row)
    stored["processor"] = read_processor()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    stored["memory_mb"] = max(stored.get("memory_mb", 0), peak)
    RESULTS.write_text(json.dumps(stored, indent=1) + "\n")


def measure_wall(folder: Path, names: list[str]) -> Row:
    """Wall seconds of all sets by two models, and of very many predictions by each of three."""
    found: Row = {}
    for model in TIMED[:2]:
        started = time.perf_counter()
        for name in names:
            measure(folder, name, 0, model)
        found[model] = round(time.perf_counter() - started, 1)
    return found | {f"predict by {model}": predict_many(model) for model in TIMED}


def predict_many(model: str) -> float:
    """Wall seconds in which a model of four classes of waves predicts `MANY` sequences of `STEPS` steps."""
    draw, steps = np.random.default_rng(0), np.arange(STEPS, dtype=np.float32)

    def make(count: int) -> tuple[np.ndarray, np.ndarray]:
        classes = np.arange(count) % 4
        angle = (0.05 + 0.03 * classes[:, None]) * steps + 6 * draw.random((count, 1), np.float32)
        return (np.sin(angle) + 0.5 * draw.standard_normal(angle.shape, np.float32)).astype(np.float32), classes

    from seqconv import SequenceClassifier

    fitted = SequenceClassifier(model=model, random_state=0).fit(*make(400))
    many, _ = make(MANY)
    started = time.perf_counter()
    for first in range(0, MANY, 10_000):
        fitted.predict_proba(many[first : first + 10_000])
    return round(time.perf_counter() - started, 1)


def write_page(stored: Row, published: dict[str, dict[str, str]], few: list[str]) -> None:
    """The measured half of the page, from the seeds that are complete and the published accuracies."""
    names = sorted(published)
    rows = {(row["name"], row["model"], row["seed"]): row for row in stored["rows"]}
    seeds = [seed for seed in range(SEEDS) if all((name, "blend", seed) in rows for name in names)]
    whole = [[rows[name, "blend", seed] for name in names] for seed in seeds]
    own = np.array([[row["accuracy"] for row in found] for found in whole])
    means = own.mean(axis=1)
    spread = f" ± {means.std(ddof=1):.4f}" if len(seeds) > 1 else ""
    costs = list_costs(rows, few)
    lines = {method: np.mean([float(published[name][method]) for name in few]) for method in SLOW}
    draw_accuracy(costs, lines, PICTURE)
    head = HEAD.format(
        sets=len(names),
        seeds=len(seeds),
        accuracy=f"{means.mean():.4f}{spread}",
        cpu=np.mean([sum(row["fit"] + row["predict"] for row in found) for found in whole]),
        memory=stored["memory_mb"],
        wall=tell_wall(stored.get("wall", {})),
        few=len(few),
        aeon=stored.get("aeon", ""),
        costs="\n".join(f"| {model} | {accuracy:.4f} | {cpu:.1f} |" for model, (accuracy, cpu) in costs.items()),
        **compare(own.mean(axis=0), [published[name] for name in names]),
    )
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(head + page[page.index("## Files") :], encoding="utf-8")


def list_costs(rows: dict[tuple[str, str, int], Row], few: list[str]) -> dict[str, tuple[float, float]]:
    """Mean accuracy and processor seconds on a few sets, of each model that was measured on all of them, best first."""
    found = {}
    for model in ("blend", *MODELS, *(f"aeon {method}" for method in AEON)):
        own = [rows[name, model, 0] for name in few if (name, model, 0) in rows]
        if len(own) == len(few):
            seconds = sum(row["fit"] + row["predict"] for row in own)
            found[model] = float(np.mean([row["accuracy"] for row in own])), seconds
    return dict(sorted(found.items(), key=lambda each: -each[1][0]))


def tell_wall(wall: Row) -> str:
    """A sentence or two; empty: nothing was measured."""
    if not wall:
        return ""
    many = ", ".join(f"{wall[f'predict by {model}']:.0f} s by `{model}`" for model in TIMED)
    return (
        f" On two cores that takes {wall['blend']:.0f} s, with `--model multirocket-hydra`"
        f" {wall['multirocket-hydra']:.0f} s. {MANY:,} sequences of {STEPS} steps are predicted in {many}."
    )


def compare(ours: np.ndarray, published: list[dict[str, str]]) -> dict[str, object]:
    """Rows of the table, the best method first, and mean ranks."""
    methods = list(published[0])[METHODS]
    theirs = np.array([[float(row[method]) for method in methods] for row in published])
    differences, lines = ours[:, None] - theirs, []
    for place in np.argsort(-theirs.mean(axis=0), kind="stable"):
        better, worse = (int((sign * differences[:, place] > 1e-6).sum()) for sign in (1, -1))
        same = len(published) - better - worse
        lines.append(f"| {methods[place]} | {theirs[:, place].mean():.4f} | {better} | {same} | {worse} |")
    ranks = rank(np.column_stack([ours, theirs])).mean(axis=0)
    best = int(np.argmin(ranks[1:]))
    found = {"rank": ranks[0], "methods": len(ranks), "best": methods[best], "best_rank": ranks[1 + best]}
    return {"table": "\n".join(lines), **found}


def rank(accuracies: np.ndarray) -> np.ndarray:
    """Ranks `[sets, methods]`, 1 the best; those that are the same share the mean of their ranks."""
    better = (accuracies[:, None, :] > accuracies[:, :, None] + 1e-6).sum(axis=2)
    same = (np.abs(accuracies[:, None, :] - accuracies[:, :, None]) <= 1e-6).sum(axis=2)
    return np.asarray(better + (same + 1) / 2)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("published", type=Path)
    parser.add_argument("--aeon", default="", help="Python that has aeon")
    parser.add_argument("--wall", action="store_true", help="measure wall seconds too")
    arguments = parser.parse_args()
    claim_processors()
    with arguments.published.open(encoding="utf-8", newline="") as file:
        published = {row["dataset"]: row for row in csv.DictReader(file)}
    names = sorted(published)
    few = sorted(random.Random(0).sample(names, FEW))
    stored: Row = {"rows": [], **(json.loads(RESULTS.read_text()) if RESULTS.exists() else {})}
    if arguments.aeon:
        version = [arguments.aeon, "-c", "import aeon; print(aeon.__version__)"]
        stored["aeon"] = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
    update(stored, arguments.sets, names, few, arguments.aeon)
    if arguments.wall:
        stored["wall"] = measure_wall(arguments.sets, names)
        RESULTS.write_text(json.dumps(stored, indent=1) + "\n")
    write_page(stored, published, few)


if __name__ == "__main__":
    main()

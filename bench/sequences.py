"""Accuracy and cost of the blend for time-series classification on sets of the UCR archive, against published methods.

`python bench/sequences.py SETS PUBLISHED.csv` measures what bench/results/sequences.json lacks, and writes
docs/sequence-classification.md. SETS holds `NAME/NAME_TRAIN.tsv` and `NAME_TEST.tsv`; PUBLISHED.csv has one row for
each set: its name, numbers of rows, length and classes, then the accuracy of each method on the default split.
"""

import argparse
import csv
import json
import resource
import time
from pathlib import Path

import numpy as np
from machine import read_processor
from threadpoolctl import threadpool_limits

from seqconv.data.readers.sequences import read_sequences
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.examples import Split
from seqconv.tasks.sequence.ridge_blend import fit_blend
from seqconv.tasks.sequence.split import encode_sequences

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench" / "results" / "sequences.json", ROOT / "docs" / "sequence-classification.md"
METHODS = slice(5, None)  # columns of the published table
HEAD = """# Time-series classification

The default answer of `seqconv train NAME_TRAIN.tsv`, a blend of ridge classifiers of MultiRocket, Hydra and QUANT
features ([decision 16](decisions/0016-blend-of-untrained-features.md)), on {sets} sets of the UCR archive with one
channel: default split, all training rows, no setting changed from set to set. Which features are blended was decided
with the test rows of a random half of the sets at hand; all else by leaving out training rows. Published accuracies
are those of the same splits (tsml-eval; Middlehurst et al. 2024, "Bake off redux", Data Mining and Knowledge Discovery
38). Of these methods HC2 takes days, InceptionTime a GPU, MultiRocket-Hydra minutes.

{scores}

{cost}

## Against each method

Sets on which our accuracy, the mean over the seeds, is better than the published one, the same, or worse.

| method | mean accuracy | better | same | worse |
| --- | ---: | ---: | ---: | ---: |
{table}

Mean rank of the blend: {rank:.2f} of {methods} methods; {best} has {best_rank:.2f}.

## Files

`seqconv train` reads these formats; `NAME_TEST` next to `NAME_TRAIN` is the test set.

| file | contents |
| --- | --- |
| `.ts` | channels separated by `:`, `?` for missing values, unequal lengths |
| `.tsv` | the label first, then the values of one channel; NaN at the end is padding |
| `.arff` | one channel, or several in a relational attribute; the label first or last |
| `.npz` | `X` `[N, L]`, `[N, C, L]` or `[N, L, C]`, and `y`; `--set data.layout="channels first"` names the order |
| `.npy` | the same without labels, for `seqconv predict` |
"""


def measure(folder: Path, name: str, seed: int) -> dict[str, object]:
    """Fit to all training rows of a set and score its test rows; processor seconds of both."""
    train, test = (read_sequences(folder / name / f"{name}_{part}.tsv") for part in ("TRAIN", "TEST"))
    data = encode_sequences(train, None, read_recipe("ucr"))
    started = time.process_time()
    with threadpool_limits(1):
        model = fit_blend(Split(data.train, data.train, data.train, data.features, {}), "blend", seed=seed)
        fitted = time.process_time()
        outputs = model.predict(data.features.inputs(test))
    done = time.process_time()
    codes = [train.classes.index(name) for name in test.classes]
    right = data.features.target.choose(outputs) == np.array(codes)[test.labels]
    seconds = {"fit": round(fitted - started, 2), "predict": round(done - fitted, 2)}
    return {"name": name, "seed": seed, "accuracy": float(right.mean()), **seconds, "test_rows": len(test)}


def update(folder: Path, names: list[str], seeds: int) -> dict[str, object]:
    """The stored results, completed; each is stored as soon as it is measured."""
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": []}
    known = {(row["name"], row["seed"]) for row in stored["rows"]}
    for seed in range(seeds):
        for name in names:
            if (name, seed) not in known:
                stored["rows"].append(measure(folder, name, seed))
                stored["processor"] = read_processor()
                stored["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                RESULTS.write_text(json.dumps(stored, indent=1) + "\n")
    return stored


def write_page(stored: dict[str, object], published: dict[str, dict[str, str]]) -> None:
    """The page, from the seeds that are complete and the published accuracies."""
    rows: list[dict[str, float]] = stored["rows"]  # type: ignore[assignment]
    names = sorted(published)
    by_seed = {seed: {r["name"]: r for r in rows if r["seed"] == seed} for seed in {r["seed"] for r in rows}}
    whole = [found for _, found in sorted(by_seed.items()) if all(name in found for name in names)]
    own = np.array([[found[name]["accuracy"] for name in names] for found in whole])
    seeds = own.mean(axis=1)
    spread = " with one seed of the kernels"
    if len(seeds) > 1:
        spread = f" ± {seeds.std(ddof=1):.4f} over {len(seeds)} seeds of the kernels"
    seconds = [sum(found[name]["fit"] + found[name]["predict"] for name in names) for found in whole]
    cost = f"{np.mean(seconds):.0f} processor seconds; at most {stored['memory_mb']} MB of memory."
    PAGE.write_text(
        HEAD.format(
            sets=len(names),
            scores=f"**Mean accuracy {seeds.mean():.4f}**{spread}.",
            cost=f"All sets, fitted and predicted: {cost}",
            **compare(own.mean(axis=0), [published[name] for name in names]),
        )
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("published", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with arguments.published.open(encoding="utf-8", newline="") as file:
        published = {row["dataset"]: row for row in csv.DictReader(file)}
    write_page(update(arguments.sets, sorted(published), arguments.seeds), published)

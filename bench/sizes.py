"""What a smaller model costs: `imdb-wide` as trained, in 16 bits, and with a share of its words and n-grams.

`python bench/sizes.py [RUN]` trains it, or takes a run of it, and writes bench/results/sizes.json and the table of
docs/format.md; SEQCONV_DATA names the folder with the data. The test rows are scored, and decide nothing.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from machine import read_commit, read_processor
from reproduction_page import replace_between

from seqconv.models.format import read_bundle
from seqconv.networks.engines.choice import create_network
from seqconv.recipes.recipe import read_recipe
from seqconv.training import run as runs
from seqconv.training.compression import shrink
from seqconv.training.folder import Options
from seqconv.training.run import read_own_split

RESULTS = Path(__file__).parent / "results" / "sizes.json"
PAGE = Path(__file__).parent.parent / "docs" / "format.md"
SIZES = ((32, 1.0), (16, 1.0), (16, 0.5), (16, 0.1), (16, 0.05), (16, 0.02))
THREADS = 2


def main() -> None:
    """Measure each size of one trained model, then write the table."""
    with tempfile.TemporaryDirectory() as work:
        run = Path(sys.argv[1]) if len(sys.argv) > 1 else train(Path(work))
        rows = measure(run, Path(work) / "small")
    found = {"recipe": "imdb-wide", "rows": rows, "processor": read_processor(), "commit": read_commit()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    PAGE.write_text(replace_between(PAGE.read_text("utf-8"), "sizes", draw(rows)), "utf-8")


def train(work: Path) -> Path:
    """A run of the recipe, seed 0."""
    archive = Path(os.environ["SEQCONV_DATA"]) / "aclImdb_v1.tar.gz"
    recipe = read_recipe("imdb-wide", (f"data.source={archive}",))
    return runs.train(recipe, Options(out=work / "run", threads=THREADS, baselines=False)).folder


def measure(run: Path, small: Path) -> list[dict[str, float]]:
    """Size and scores of each."""
    split = read_own_split(read_bundle(run), run, THREADS)
    truth = split.test.targets[:, 0] > 0
    plain = np.zeros(0)
    rows = []
    for bits, keep in SIZES:
        result = shrink(run, small, bits, keep, threads=THREADS)
        bundle = read_bundle(small)
        network = create_network("native", bundle.plan, bundle.weights, bundle.recipe.training, THREADS)
        answers = network.predict(split.test.inputs)[:, 0] > 0
        plain = plain if len(plain) else answers
        row = {"bits": bits, "keep": keep, "bytes": result.bytes.after}
        row |= {"validation": result.validation.after["accuracy"], "test": float(np.mean(answers == truth))}
        rows.append(row | {"changed": float(np.mean(answers != plain))})
        print(rows[-1], flush=True)
    return rows


def draw(rows: list[dict[str, float]]) -> str:
    """The table."""
    lines = [
        "| bits | rows kept | MB | validation accuracy | test accuracy | test answers that changed |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        scores = f"{row['validation']:.4f} | {row['test']:.4f} | {row['changed']:.2%}"
        lines.append(f"| {row['bits']} | {row['keep']:.0%} | {row['bytes'] / 1e6:.1f} | {scores} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""How good the default answer is next to the best model in hindsight, on forty small tasks.

`python bench/choosing/run.py` writes bench/results/choosing.json, docs/choosing.md and its picture; SEQCONV_DATA names
the folder with the data. Only training parts are used. Tasks that the result file holds are not measured again.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tasks import WORKS, Work

sys.path.append(str(Path(__file__).parent.parent))
from machine import read_commit, read_processor
from page import write_page

from seqconv.errors import SeqconvError
from seqconv.metrics.bootstrap import paired_interval
from seqconv.recipes.sections import KINDS, NETWORK
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.kinds import TASKS
from seqconv.training.budget import Timer
from seqconv.training.fitted import settle_model
from seqconv.training.fitting import fit_split
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

RESULTS = Path(__file__).parent.parent / "results" / "choosing.json"
LEFT_OUT = {"sequence": ("minirocket", "multirocket", "hydra", "mean", "median")}  # parts of others; of numbers alone
Errors = dict[str, np.ndarray]  # of each held-out row, by model


def main() -> None:
    """Measure the tasks that are missing, then write the page."""
    data = Path(os.environ["SEQCONV_DATA"])
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"works": {}}
    for name, work in WORKS.items():
        if name not in found["works"]:
            found["works"][name] = measure(work, data)
            found |= {"processor": read_processor(), "commit": read_commit()}
            RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
            print(name, found["works"][name], flush=True)
    write_page(found)


def measure(work: Work, data: Path) -> dict[str, object]:
    """Errors of the default answer and of every candidate, and the comparison with the best of these."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = work.write(data, folder)
        errors = fit(path, folder, work, "")
        chosen, block = errors.pop(""), errors.pop("block")
        for model in (NETWORK, *KINDS[work.kind].singles):
            if model not in errors and model not in LEFT_OUT.get(work.kind, ()):
                errors |= try_model(path, folder, work, model)
    best = min(errors, key=lambda each: float(errors[each].mean()))
    improvement, low, high = paired_interval(chosen, errors[best], int(block), 0)
    return {
        "kind": work.kind,
        "chosen": float(chosen.mean()),
        "candidates": {each: float(found.mean()) for each, found in errors.items()},
        "best": best,
        "improvement": [bound if np.isfinite(bound) else None for bound in (improvement, low, high)],
        "rows": len(chosen),
        "seconds": time.process_time() - started,
    }


def try_model(path: Path, folder: Path, work: Work, model: str) -> Errors:
    """The errors of one model; none: it does not suit the data."""
    try:
        return {model: fit(path, folder, work, model)[""]}
    except SeqconvError as error:
        print(f"{path.stem}: {error}", file=sys.stderr)
        return {}


def fit(path: Path, folder: Path, work: Work, model: str) -> Errors:
    """Train as `seqconv train` does, an empty model is the default: its errors under "", how many neighbours err alike
    under "block", and the errors of its members, if they are what they would be alone."""
    settings = [each.format(folder=folder) for each in work.settings]
    asked = [f"training.model={model}"] if model else []
    suggested = suggest_recipe(str(path), [*settings, *asked])
    recipe = settle_model(suggested.recipe)
    split = TASKS[recipe.task].split(suggested.data, recipe, 1, None)
    options = Options(threads=1, baselines=False)
    with tempfile.TemporaryDirectory() as own:
        fitted = fit_split(recipe, split, options, Path(own), Listener(), Timer())
    target, loss = fitted.bundle.features.target, recipe.training.loss
    errors = target.errors(fitted.scored.test_outputs, split.test.targets, loss)
    members = [] if recipe.training.refit else fitted.baselines
    found = {each.kind: target.errors(each.test_outputs, split.test.targets, loss) for each in members}
    return found | {"": errors, "block": np.array(split.features.block(len(errors)))}


if __name__ == "__main__":
    main()

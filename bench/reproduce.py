"""Run the book's systems on the real data over several seeds and write docs/reproduction.md.

    SEQCONV_DATA=FOLDER python bench/reproduce.py            run what bench/results/reproduction/ does not hold yet
    SEQCONV_DATA=FOLDER python bench/reproduce.py --only imdb-lstm
    python bench/reproduce.py --page                         write the page from the stored results alone

Every number on the page comes from a run of this script, except printed ones (bench/printed.py).
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from seqconv import _native
from seqconv.errors import TrainingError
from seqconv.recipes import recipe as config
from seqconv.tasks.series.naive import repeat_newest
from seqconv.training import assessment
from seqconv.training import run as runs
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "reproduction"
SEEDS = (0, 1, 2)
HOURLY = {"data.source": "jena/jena_hourly_2009_2016.csv"}
TEN_DAYS = {"windows.step": "1h", "windows.lookback": "10d"}
# name -> recipe, settings that differ from it; all epochs are run, so that the whole course can be shown
STUDIES: dict[str, tuple[str, dict[str, str]]] = {
    "imdb-conv1d": ("imdb-conv1d", {"training.patience": "0"}),
    "imdb-conv1d-as-printed": ("imdb-conv1d-as-printed", {}),
    "imdb-lstm": ("imdb-lstm", {"training.patience": "0"}),
    "jena-conv1d": ("jena-conv1d", HOURLY),
    "jena-conv1d-gru": ("jena-conv1d-gru", HOURLY | TEN_DAYS),
    "jena-gru": ("jena-gru", HOURLY),
    "weather-2020-conv1d-gru": ("jena-conv1d-gru", {"data.source": "weather/weather.csv"}),
}


def run_study(name: str) -> None:
    """Train all seeds of one study and store what the page needs."""
    recipe_name, settings = STUDIES[name]
    found = []
    for seed in SEEDS:
        print(f"{name}, seed {seed}", flush=True)
        overrides = tuple(f"{key}={value}" for key, value in locate(settings).items())
        recipe = config.read_recipe(recipe_name, (*overrides, f"training.seed={seed}"))
        found.append({"seed": seed, **run_seed(recipe, baselines=seed == SEEDS[0])})
    RESULTS.mkdir(parents=True, exist_ok=True)
    stored = {"study": name, "recipe": recipe_name, "settings": settings, "machine": describe_machine(), "seeds": found}
    (RESULTS / f"{name}.json").write_text(json.dumps(stored, indent=1) + "\n")


def locate(settings: dict[str, str]) -> dict[str, str]:
    """Settings with data files found below SEQCONV_DATA."""
    folder = Path(os.environ["SEQCONV_DATA"])
    return settings | {key: str(folder / value) for key, value in settings.items() if key == "data.source"}


def run_seed(recipe: config.Recipe, baselines: bool) -> dict:
    """History, scores and order probe of one run; a dead start is a result too."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        try:
            run = runs.train(recipe, Options(out=out, baselines=baselines))
        except TrainingError as error:
            return {"dead": str(error)}
        with (out / "history.csv").open() as file:
            history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        probe = assessment.evaluate(out).to_dict()["order_probe"]
    kept = ("parameters", "best_epoch", "validation", "test", "baselines", "comparisons", "verdict", "seconds", "facts")
    results = run.results.to_dict()
    found = {name: results[name] for name in kept}
    found["facts"]["source"] = Path(found["facts"]["source"]).name  # not the local path
    return {"history": history, "order_probe": probe, **found}


def score_naive() -> None:
    """The naive forecast on the validation rows of the hourly copy: the recipe's split, and rows 33,333 to 50,000."""
    found = {}
    for name, ends in {
        "recipe": (0.47556, 0.71335),
        "rows 33,333 to 50,000": (33_333 / 70_038, 50_000 / 70_038),
    }.items():
        overrides = [f"{key}={value}" for key, value in locate(HOURLY).items()]
        recipe = config.read_recipe(
            "jena-gru", (*overrides, f"data.train_end={ends[0]}", f"data.validation_end={ends[1]}")
        )
        split = runs.prepare(recipe, 1, Listener(), runs.Timer())
        part = split.validation
        forecasts = repeat_newest(split.features).predict(part.inputs)
        found[name] = float(abs(forecasts - part.targets[:]).mean())
    (RESULTS.parent / "naive.json").write_text(json.dumps(found, indent=1) + "\n")


def describe_machine() -> dict:
    """Where the numbers come from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernels": _native.instruction_set(),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "seqconv": f"{metadata.version('seqconv')} at {commit.strip()}",
    }


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=STUDIES, help="run this study, again if it is stored")
    parser.add_argument("--page", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if not arguments.page:
        for name in [arguments.only] if arguments.only else STUDIES:
            if arguments.only or not (RESULTS / f"{name}.json").exists():
                run_study(name)
        score_naive()
    from reproduction_page import write_page

    write_page(RESULTS, ROOT / "docs" / "reproduction.md", ROOT / "docs" / "first-steps.md")


if __name__ == "__main__":
    main()

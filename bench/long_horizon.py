"""The public long-horizon protocol: `python bench/long_horizon.py [RECIPE ...]`.

Recipes etth1 and weather, four horizons, three seeds, with seqconv's own baselines; and for the shortest and the
longest horizon what fewer epochs give. Each result is kept in bench/results/long-horizon, so that a run that was cut
short goes on. Writes docs/long-horizon.md and its picture. SEQCONV_DATA names the folder with the data.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from machine import read_commit, read_processor
from matplotlib.figure import Figure
from pictures import COLOURS, INK, STYLE, save

ROOT = Path(__file__).parent
RESULTS = ROOT / "results" / "long-horizon"
DOCS = ROOT.parent / "docs"
SEQCONV = str(Path(sys.executable).with_name("seqconv"))
SEEDS = (0, 1, 2)
# rows ahead: the protocol's, and how the recipe's series says it
LEADS = {
    "etth1": {96: "1h to 96h", 192: "1h to 192h", 336: "1h to 336h", 720: "1h to 720h"},
    "weather": {96: "10min to 16h", 192: "10min to 32h", 336: "10min to 56h", 720: "10min to 120h"},
}
ENDS = (96, 720)  # horizons of the picture, and of the published values
RIDGE = "ridge on the window"
BUDGETS = {"etth1": (1, 2, 4), "weather": (1, 2)}  # epochs, fewer than the recipe's
# MSE. Reference: Zeng et al. 2023, arXiv:2205.13504 (NLinear, DLinear); Nie et al. 2023, arXiv:2211.14730 (PatchTST)
PUBLISHED = {
    "etth1": {"PatchTST": (0.370, 0.447), "NLinear": (0.374, 0.440), "DLinear": (0.375, 0.472)},
    "weather": {"PatchTST": (0.149, 0.314), "DLinear": (0.176, 0.323)},
}
HEAD = """# Long horizons

All columns of a series, 96 to 720 rows ahead: `seqconv train etth1` and `seqconv train weather`, with `--set
windows.leads="1h to 720h"` (weather: `"10min to 120h"`) and so on for the other horizons.

The standard protocol: inputs scaled on the training rows, ETTh1 split into 12, 4 and 4 months, the weather of 2020
into 70, 10 and 20 %, errors over all columns in scaled units. Validation and test windows read the rows before their
split, and every window is scored: no last batch is dropped, unlike in the test loaders behind some published numbers.
The -9999 of the weather data, all in the training rows, are kept as numbers as in the published results (`missing =
""`): they make the scaled errors of three columns small. Windows that contain its one hole or its duplicate timestamp
are left out of training.

The recipes were chosen on the validation rows ([log](log.md)); mean and standard deviation over three seeds. Seconds
are processor seconds of the whole command without its baselines; those of a baseline follow its scores. On the
weather data, ridge regression, which reads the newest value of every column and the time of day, is worse than the
network at 96 rows, better than the network and the published results at 720, and takes seconds; `seqconv train
weather --model ridge` fits it alone. The network's branch that reads the level of the columns, chosen on the
validation rows, makes squared errors on the test rows smaller and absolute errors larger than without it (0.1496 and
0.2025 at 96, 0.3179 and 0.3333 at 720), and one epoch is better than six on the test rows at 720, though not on the
validation rows. Published values (MSE) are from Zeng et al. 2023 (arXiv:2205.13504) and Nie et al. 2023
(arXiv:2211.14730).
"""


def main() -> None:
    """Measure what is not there yet, then write page and picture."""
    if not os.environ.get("SEQCONV_DATA"):
        sys.exit("SEQCONV_DATA must name the folder with the data")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for recipe in sys.argv[1:] or LEADS:
        for horizon, leads in sorted(LEADS[recipe].items(), key=lambda each: each[0] not in ENDS):
            for seed, epochs in list_runs(recipe, horizon):
                file = RESULTS / f"{recipe}-{horizon}-seed{seed}{f'-epochs{epochs}' if epochs else ''}.json"
                if not file.exists():
                    found = {"recipe": recipe, "horizon": horizon, "seed": seed, "epochs": epochs}
                    found |= train(recipe, leads, seed, epochs)
                    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
                    print(file.stem, found["test"], found["cpu_s"], flush=True)
    found = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    draw(found, DOCS / "images" / "long-horizon.svg")
    (DOCS / "long-horizon.md").write_text(write_page(found), "utf-8")


def list_runs(recipe: str, horizon: int) -> Iterator[tuple[int, int]]:
    """Seeds and epochs; 0: as the recipe has them."""
    yield from ((seed, 0) for seed in SEEDS)
    if horizon in ENDS:
        yield from ((0, epochs) for epochs in BUDGETS[recipe])


def train(recipe: str, leads: str, seed: int, epochs: int) -> dict[str, Any]:
    """Scores and cost of one command; of the first seed the baselines too, in a command of their own."""
    command = [SEQCONV, "train", recipe, "--seed", str(seed), "--set", f"windows.leads={leads}", "--json"]
    command += ["--set", f"training.epochs={epochs}"] if epochs else []
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        results, used = run([*command, "--out", f"{folder}/run", "--no-baselines"])
        keys = ("mse_scaled", "mae_scaled", "n")
        found |= {part: {key: results[part][key] for key in keys} for part in ("validation", "test")}
        found |= {**used, "commit": read_commit(), "processor": read_processor()}
        if seed == 0 and not epochs:
            # one epoch: the network counts nothing here
            results, _ = run([*command, "--out", f"{folder}/baselines", "--set", "training.epochs=1"])
            found["baselines"] = {
                row["name"]: {**{key: row["test"][key] for key in keys}, "seconds": row["seconds"]}
                for row in results["baselines"]
            }
    return found


def run(command: list[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """What a command printed, and what it took."""
    spent = subprocess.run(
        [sys.executable, ROOT / "spent.py", *command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    used = json.loads(spent)
    return json.loads(used["last"]), {"cpu_s": used["cpu_s"], "peak_mb": used["peak_bytes"] / 2**20}


def write_page(found: list[dict[str, Any]]) -> str:
    """docs/long-horizon.md."""
    parts = [HEAD]
    for recipe in LEADS:
        own = [each for each in found if each["recipe"] == recipe and not each["epochs"]]
        parts += [f"## {recipe}\n", *list_scores(recipe, own)] if own else []
    parts.append("![Test MSE over processor seconds](images/long-horizon.svg)\n")
    one = found[-1]
    parts.append(f"Measured on {one['processor']}, 2 threads, at commit {one['commit']}.\n")
    return "\n".join(parts)


def list_scores(recipe: str, own: list[dict[str, Any]]) -> list[str]:
    """A table: methods down, horizons across."""
    horizons = [horizon for horizon in LEADS[recipe] if any(each["horizon"] == horizon for each in own)]
    runs = {horizon: [each for each in own if each["horizon"] == horizon] for horizon in horizons}
    first = {horizon: next(each["baselines"] for each in runs[horizon] if not each["seed"]) for horizon in horizons}
    names = dict.fromkeys(name for baselines in first.values() for name in baselines)
    rows = [
        ("MSE (MAE) on the test rows", *map(str, horizons)),
        ("---", *["---:"] * len(horizons)),
        (f"seqconv, recipe {recipe}", *(show_runs([each["test"] for each in runs[h]]) for h in horizons)),
        ("its processor seconds; largest memory", *(show_cost(runs[h]) for h in horizons)),
        *((name, *(show(first[h][name]) if name in first[h] else "" for h in horizons)) for name in names),
        *(
            (f"{name}, published", *(f"{values[ENDS.index(h)]:.3f}" if h in ENDS else "" for h in horizons))
            for name, values in PUBLISHED[recipe].items()
        ),
    ]
    return [*(f"| {' | '.join(row)} |" for row in rows), ""]


def show_runs(scores: list[dict[str, float]]) -> str:
    """Mean and spread."""
    squares = [each["mse_scaled"] for each in scores]
    spread = f" ± {statistics.stdev(squares):.4f}" if len(scores) > 1 else ""
    return f"{statistics.mean(squares):.4f}{spread} ({statistics.mean(each['mae_scaled'] for each in scores):.4f})"


def show_cost(runs: list[dict[str, Any]]) -> str:
    """Median seconds, and the largest memory of all."""
    return f"{statistics.median(each['cpu_s'] for each in runs):.0f} s; {max(each['peak_mb'] for each in runs):.0f} MB"


def show(scores: dict[str, float]) -> str:
    """A baseline, with the seconds that it took."""
    return f"{scores['mse_scaled']:.4f} ({scores['mae_scaled']:.4f}), {scores['seconds']:.1f} s"


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Test MSE over processor seconds: fewer epochs and the recipe, ridge; published levels as lines."""
    matplotlib.use("svg")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        for row, recipe in zip(figure.subplots(2, 2), LEADS, strict=True):
            for end, (axes, horizon) in enumerate(zip(row, ENDS, strict=True)):
                own = [each for each in found if (each["recipe"], each["horizon"]) == (recipe, horizon)]
                points = sorted((each["cpu_s"], each["test"]["mse_scaled"]) for each in own if each["seed"] == 0)
                if points:
                    axes.semilogx(
                        *zip(*points, strict=True), "o-", color=COLOURS["seqconv"], markersize=5, label="seqconv"
                    )
                for each in own:
                    if scores := each.get("baselines", {}).get(RIDGE):
                        axes.semilogx(scores["seconds"], scores["mse_scaled"], "s", color=INK, label=RIDGE)
                for name, colour in zip(("PatchTST", "DLinear"), ("torch-eager", "keras-tensorflow"), strict=True):
                    level = PUBLISHED[recipe][name][end]
                    axes.axhline(level, color=COLOURS[colour], linewidth=1.2, label=f"{name}, published")
                axes.set_title(f"{recipe}, {horizon} rows ahead", color=INK, fontsize=9)
                axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
                axes.xaxis.set_minor_formatter("")
                axes.grid(color=INK, alpha=0.25, linewidth=0.6)
                # the naive forecasts lie far above
                found_here = [value for _, value in points] + [
                    PUBLISHED[recipe][name][end] for name in PUBLISHED[recipe]
                ]
                axes.set_ylim(0.88 * min(found_here), 1.1 * max(found_here))
                axes.set_ylabel("test MSE")
                axes.set_xlabel("processor seconds")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
        save(figure, path)


if __name__ == "__main__":
    main()

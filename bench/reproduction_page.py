"""Write docs/reproduction.md from the results that bench/reproduce.py stored."""

import json
import statistics
from pathlib import Path

from printed import BOOK, BOOK_PARAMETERS, BOOK_SECONDS, NOTEBOOK

from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import count_parameters
from seqconv.recipes.recipe import read_recipe, recipe_names


def write_page(results: Path, page: Path, steps: Path) -> None:
    """Write the page from every stored study, and the tables of the first steps."""
    studies = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    parts = [introduce(studies), list_parameters(), compare_printed(studies), list_scores(studies)]
    parts.append(explain_as_printed(studies))
    parts += [compare_naive(json.loads((results.parent / "naive.json").read_text()))]
    parts += [list_order(studies), *(list_epochs(name, study) for name, study in studies.items()), list_differences()]
    page.write_text("\n\n".join(part for part in parts if part) + "\n")
    text = replace_between(steps.read_text(), "recipes", list_recipes(studies))
    steps.write_text(replace_between(text, "first result", show_first_result(studies["imdb-conv1d"])))


def replace_between(text: str, name: str, content: str) -> str:
    """The text with the part between the markers of that name replaced."""
    start = text.index("-->", text.index(f"<!-- {name}:")) + 3
    return text[:start] + f"\n\n{content}\n\n" + text[text.index("<!-- end -->", start) :]


def list_recipes(studies: dict) -> str:
    """The first steps' table: every number is measured, with three seeds."""
    rows = []
    for name in recipe_names():
        study = studies.get(name)
        if study is None:
            continue
        metric, seeds = metric_name(study), alive(study)
        label = "accuracy" if metric == "accuracy" else "MAE (scaled)"
        strongest = pick_strongest(study)
        seconds = statistics.median(epoch["seconds"] for seed in seeds for epoch in seed["history"])
        scores = [
            spread([seed["test"][metric] for seed in seeds]),
            f"{strongest['name']} {strongest['test'][metric]:.4f}",
        ]
        rows.append([f"`{name}`", read_recipe(name).description, label, *scores, f"{seconds:.1f}"])
    note = (
        "Test scores at the epoch with the lowest validation loss, mean ± standard deviation over three seeds. Jena: "
        "the hourly copy with 6 of the 14 columns. The demo recipes are `demo-text` and `demo-series`."
    )
    head = ["recipe", "description", "metric", "network, test", "best baseline, test", "s/epoch"]
    return table(head, rows) + f"\n\n{note}"


def pick_strongest(study: dict) -> dict:
    """The baseline with the best validation score."""
    metric = metric_name(study)
    sign = -1 if metric == "accuracy" else 1
    return min(alive(study)[0]["baselines"], key=lambda row: sign * row["validation"][metric])


def show_first_result(study: dict) -> str:
    """The output of `train imdb-conv1d` with seed 0."""
    first = alive(study)[0]
    probe = first["order_probe"]
    rows = [
        [row["name"], *(f"{row[part]['accuracy']:.4f}" for part in ("validation", "test")), f"{row['seconds']:.1f}"]
        for row in [
            *first["baselines"],
            first | {"name": "network (imdb-conv1d)", "seconds": first["seconds"]["train"]},
        ]
    ]
    return (
        f"> {first['verdict']}\n\n"
        + table(["accuracy", "validation", "test", "seconds"], rows)
        + f"\n\nSeed 0, all {len(first['history'])} epochs. On {probe['n']:,} test reviews the network has an accuracy "
        f"of {probe['as_is']['accuracy']:.1%}, and of {probe['shuffled']['accuracy']:.1%} with the words of each "
        "review shuffled."
    )


def compare_naive(naive: dict) -> str:
    """The naive forecast at the book's lead."""
    rows = [[name, f"{value:.4f}"] for name, value in naive.items()]
    return (
        "## The naive forecast at the book's lead\n\nThe newest input temperature, 25 h before the target, on the "
        "validation rows of the hourly copy; the book prints 0.29.\n\n" + table(["split", "MAE"], rows)
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *(["---:"] * (len(head) - 1))], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: list[float], digits: int = 4) -> str:
    """Mean and standard deviation over seeds."""
    if not values:
        return ""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def alive(study: dict) -> list[dict]:
    """The seeds that trained."""
    return [seed for seed in study["seeds"] if "dead" not in seed]


def metric_name(study: dict) -> str:
    """Name in the metrics: accuracy for texts, else the MAE in training standard deviations."""
    return "accuracy" if study["recipe"].startswith("imdb") else "mae_scaled"


def introduce(studies: dict) -> str:
    """Title and provenance of the numbers."""
    machines = {json.dumps(study["machine"], sort_keys=True) for study in studies.values()}
    machine = "; ".join(
        ", ".join(f"{key} {value}" for key, value in json.loads(one).items()) for one in sorted(machines)
    )
    return (
        "# Reproduction: the book's systems on the real data\n\n"
        "Generated by `bench/reproduce.py` from real runs; do not edit. Mean ± standard deviation over three seeds "
        "(0, 1, 2); no seed was left out. Forecast errors are mean absolute errors in standard deviations of the "
        'training rows, as in the book. "Printed" numbers are those in the book, "notebook" numbers those stored in '
        f"its author's notebook, a different run.\n\nMachine: {machine}."
    )


def list_parameters() -> str:
    """Printed and counted parameters."""
    rows = []
    for name, printed in BOOK_PARAMETERS.items():
        rows.append([f"`{name}`", f"{printed:,}" if printed else "", f"{counted(name):,}"])
    after = counted("jena-conv1d-gru", "network.layers.3.reset_after=true")
    rows.append(["`jena-conv1d-gru`, `reset_after = true`", "", f"{after:,}"])
    return "## Parameters\n\n" + table(["recipe, 10,000 ids or 14 columns", "printed", "seqconv"], rows)


def counted(name: str, *overrides: str) -> int:
    """Parameters of a recipe at the book's sizes."""
    recipe = read_recipe(name, overrides)
    shape = (500,) if recipe.task == "text" else (240, 14)
    return count_parameters(build_plan(recipe.network.layers, shape, 10_000))


def list_scores(studies: dict) -> str:
    """Best validation score, test score at that epoch, seconds, and the baselines."""
    rows = []
    for name, study in studies.items():
        metric, seeds = metric_name(study), alive(study)
        seconds = [epoch["seconds"] for seed in seeds for epoch in seed["history"]]
        scores = [spread([seed[part][metric] for seed in seeds]) for part in ("validation", "test")]
        per_epoch = f"{statistics.median(seconds):.1f}" if seconds else ""
        rows.append([f"`{name}`", *scores, per_epoch])
    text = "## Scores at the best epoch\n\n" + table(["study", "validation", "test", "s/epoch"], rows)
    text += "\n\nThe best epoch is the one with the lowest validation loss. Baselines on the same rows (seed 0;"
    text += " ridge and gradient boosting of Jena read the year of version 0.1.0, see [decision 13]"
    text += "(decisions/0013-tasks-and-targets.md)):\n\n"
    baselines = []
    for name, study in studies.items():
        for row in (seed for first in alive(study)[:1] for seed in first["baselines"]):
            scores = [f"{row[part][metric_name(study)]:.4f}" for part in ("validation", "test")]
            baselines.append([f"`{name}`", row["name"], *scores, f"{row['seconds']:.1f}"])
    text += table(["study", "baseline", "validation", "test", "seconds"], baselines)
    verdicts = [f"- `{name}`: {seed['verdict']}" for name, study in studies.items() for seed in alive(study)[:1]]
    return text + "\n\nVerdicts of the runs with seed 0:\n\n" + "\n".join(verdicts)


def explain_as_printed(studies: dict) -> str:
    """Why the printed accuracy falls while the printed loss falls too."""
    study = studies.get("imdb-conv1d-as-printed")
    if study is None:
        return ""
    dead = [str(seed["seed"]) for seed in study["seeds"] if "dead" in seed]
    text = (
        "## Why the printed accuracy falls while the loss falls\n\n"
        "The listing ends in `Dense(1)` without a sigmoid, but is trained with binary cross-entropy. Keras 2 clips "
        "what it takes for a probability to [1e-7, 1 - 1e-7] before the logarithm, and counts a prediction as correct "
        "if the rounded output equals the label. Once an output exceeds 1, its loss is nearly zero and has no "
        "gradient, so nothing pulls it back: the loss keeps falling while outputs drift past 1.5, are rounded to 2 and "
        "count as wrong. The network is better than its printed accuracy. `imdb-conv1d-as-printed` does exactly the "
        "same; `imdb-conv1d` trains the same network on logits, where none of this happens.\n\n"
    )
    if dead:
        text += (
            f"Seed {', '.join(dead)}: dead start. Every output of the untrained network was below 0, where the "
            "clipped loss has no gradient; the run says so and stops.\n\n"
        )
    return text + "The table of that study below has training accuracy and loss by epoch."


def list_order(studies: dict) -> str:
    """The order probe of every study."""
    rows = []
    for name, study in studies.items():
        metric = metric_name(study)
        probes = [seed["order_probe"] for seed in alive(study)]
        rows.append(
            [f"`{name}`", *(spread([probe[kind][metric] for probe in probes]) for kind in ("as_is", "shuffled"))]
        )
    return (
        "## The value of order\n\n"
        "The book's argument: a convnet with global max pooling detects whether a pattern occurs, not when. `seqconv "
        "evaluate` shuffles the time order inside each test input and scores again (accuracy or MAE). The tests prove "
        "a sharper statement: moving a distant block of the input leaves the convnet's output unchanged and changes "
        "the hybrid's (`tests/networks/test_order.py`).\n\n"
        + table(["study", "test examples as they are", "order shuffled"], rows)
    )


def list_epochs(name: str, study: dict) -> str:
    """The study epoch by epoch, with the printed numbers next to ours."""
    seeds = alive(study)
    if not seeds:
        return ""
    metric = "accuracy" if metric_name(study) == "accuracy" else "mae"
    kinds = ["loss", metric, "validation_loss", f"validation_{metric}"] if metric == "accuracy" else [metric]
    kinds += [f"validation_{metric}"] if metric == "mae" else []
    columns = [
        (f"{say(kind)}, {source}", printed[name][kind])
        for kind in kinds
        for source, printed in (("printed", BOOK), ("notebook", NOTEBOOK), ("seqconv", {name: {kind: {}}}))
        if kind in printed.get(name, {})
    ]
    rows = []
    for index in range(len(seeds[0]["history"])):
        cells = iter(spread([seed["history"][index][kind] for seed in seeds]) for kind in kinds)
        shown = [next(cells) if label.endswith("seqconv") else show(values.get(index + 1)) for label, values in columns]
        rows.append([str(index + 1), *shown])
    settings = ", ".join(f"`{key}={value}`" for key, value in study["settings"].items())
    note = f"Recipe `{study['recipe']}`" + (f" with {settings}" if settings else "") + "."
    return f"## `{name}` by epoch\n\n{note}\n\n" + table(["epoch", *(label for label, _ in columns)], rows)


def say(kind: str) -> str:
    """A column of the history, for people.

    >>> say("validation_mae")
    'validation MAE'
    """
    return kind.replace("_", " ").replace("mae", "MAE")


def show(value: float | None) -> str:
    """A printed number; empty if there is none."""
    return "" if value is None else f"{value:.4f}"


def compare_printed(studies: dict) -> str:
    """The three systems: the printed numbers next to the means of ours."""
    rows = []
    for name, seconds in BOOK_SECONDS.items():
        if name not in studies:
            continue
        history = [seed["history"] for seed in alive(studies[name])]
        for kind, printed in BOOK[name].items():
            ours = {
                int(at[0]["epoch"]): statistics.mean(epoch[kind] for epoch in at) for at in zip(*history, strict=True)
            }
            rows += [[f"`{name}`", *cells] for cells in compare_course(kind, printed, ours)]
        measured = statistics.median(epoch["seconds"] for epochs in history for epoch in epochs)
        rows.append([f"`{name}`", "seconds per epoch", seconds, f"{measured:.1f}"])
    return (
        "## The printed results next to ours\n\n"
        "Means over three seeds. The tables by epoch below have every printed number.\n\n"
        + table(["study", "quantity", "printed", "seqconv"], rows)
    )


def compare_course(kind: str, printed: dict[int, float], ours: dict[int, float]) -> list[list[str]]:
    """First and last value of a training quantity, best and last of a validation quantity: name, printed, ours."""
    label, last = say(kind), max(printed)
    if not kind.startswith("validation"):
        ends = [" to ".join(f"{values[epoch]:.4f}" for epoch in (1, last)) for values in (printed, ours)]
        return [[f"{label}, epoch 1 to {last}", *ends]]
    choose = max if kind.endswith("accuracy") else min
    best = [choose(values, key=lambda epoch: values[epoch]) for values in (printed, ours)]
    cells = [f"{values[epoch]:.4f} (epoch {epoch})" for values, epoch in zip((printed, ours), best, strict=True)]
    return [[f"{label}, best", *cells], [f"{label}, epoch {last}", f"{printed[last]:.4f}", f"{ours[last]:.4f}"]]


def list_differences() -> str:
    """Where these runs differ from the book's."""
    return (
        "## Differences from the book\n\n"
        "- Jena: the hourly copy has 6 of the 14 columns and every sixth row, so a step is one hour throughout. The "
        "hybrid needs 30 minutes; on the hourly copy it reads ten days in steps of one hour, and the 30-minute version "
        "runs on the 10-minute rows of 2020 (`weather-2020-conv1d-gru`), a different and shorter period from the same "
        "station.\n"
        "- Windows with missing rows or values are dropped, and no window, target included, crosses a split; the "
        "book's generator lets training targets reach into the validation rows. -9999 is a missing value, not wind.\n"
        "- The lead is 25 h (24.5 h in steps of 30 minutes): the newest row in a window is one step before the anchor, "
        "and the target 24 h after it. The naive forecast is scored at that same lead.\n"
        "- IMDB: words are counted on the 20,000 training reviews, not on all 25,000; the tokeniser is ours.\n"
        "- `imdb-conv1d` trains on logits: the printed accuracies of the listing are next to its own, but the losses "
        "cannot be compared.\n"
        "- The notebook was run on a GPU with Keras 2.0.8, and the printed seconds per epoch are those of the book's "
        "machine: they cannot be compared with ours."
    )

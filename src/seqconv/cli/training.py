"""Commands that train models or show what can be trained."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, create_table, print_json, print_table, print_text
from seqconv.cli.flags import Flags
from seqconv.cli.help import OUTPUT, TRAINING, complete_data
from seqconv.cli.options import (
    Data,
    Engine,
    Json,
    Network,
    NoBaselines,
    Overwrite,
    Quiet,
    Settings,
    Source,
    Threads,
    Verbose,
    takes_flags,
)
from seqconv.reports.tables import first_score_rows, quantile_rows

if TYPE_CHECKING:
    from seqconv.metrics.forecast_scores import IntervalScores
    from seqconv.tasks.results import RunResults

JSON_KEYS = (  # of `metrics.json`, that `train` prints
    *("run", "recipe", "engine", "parameters", "epochs", "best_epoch", "validation", "test"),
    *("baselines", "beats_baselines", "verdict", "intervals", "calibration"),
    *("model", "better_baseline", "offer", "seconds"),
)


@command("seqconv recipes")
def recipes(json: Json = False) -> None:
    """List the built-in recipes."""
    from seqconv.recipes.recipe import read_recipe, recipe_names

    found = [read_recipe(name) for name in recipe_names()]
    if json:
        print_json({"recipes": [{"name": r.name, "task": r.task, "description": r.description} for r in found]})
        return
    for recipe in found:
        print(f"{recipe.name:<24} {recipe.description}")


@command("seqconv summary imdb-conv1d", "seqconv summary jena-conv1d --lookback 5d")
@takes_flags()
def summary(
    source: Source,
    flags: Flags,
    network: Network = "",
    data: Data = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Show the layers of a recipe, their shapes and cost.

    Lists output shape, parameters, receptive field in input steps, and multiply-adds per example. The columns of a
    series are read from its data.
    """
    from dataclasses import asdict

    from seqconv.training.run import summarise_recipe

    if not flags.get("model"):  # the layers, whatever model the data would get
        settings = ["training.model=network", *(settings or [])]
    suggested = console.suggest(source, flags, network, data, settings)
    layers = summarise_recipe(suggested.recipe, suggested.data)
    if json:
        print_json({"layers": [asdict(layer) for layer in layers], "parameters": sum(r.parameters for r in layers)})
        return
    table = create_table("layer", ">output shape", ">parameters", ">receptive field", ">multiply-adds")
    for row in layers:
        field = "all" if row.receptive_field is None else f"{row.receptive_field:,}"
        table.add_row(row.name, str(row.shape), f"{row.parameters:,}", field, f"{row.multiply_adds:,}")
    parameters, cost = sum(row.parameters for row in layers), sum(row.multiply_adds for row in layers)
    table.add_section()
    table.add_row("all", "", f"{parameters:,}", "", f"{cost:,}")
    print_table(table)


@command("seqconv init reviews.csv > reviews.toml", "seqconv train reviews.toml")
@takes_flags()
def init(
    source: Source,
    flags: Flags,
    network: Network = "",
    data: Data = None,
    settings: Settings = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the recipe that train would use, for editing.

    The recipe is printed to standard output as TOML with a comment on each setting, notes on inferred settings to
    standard error.
    """
    import sys

    from seqconv.recipes.recipe import to_explained_toml

    suggested = console.suggest(source, flags, network, data, settings)
    if json:
        print_json({"recipe": suggested.recipe.to_dict(), "guesses": list(suggested.notes)})
        return
    for note in () if quiet else suggested.notes:
        print(note, file=sys.stderr)
    print(to_explained_toml(suggested.recipe), end="")


@command(
    "seqconv train reviews.csv",
    "seqconv train tickets.csv --text message --label team --test new.csv",
    "seqconv train weather.csv --target temperature --lead 12h",
    "seqconv train GunPoint_TRAIN.ts",
    "seqconv train imdb-conv1d --epochs 4",
)
@takes_flags()
def train(
    source: Source,
    flags: Flags,
    network: Network = "",
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            help="Run folder. [default: runs/RECIPE, numbered if taken]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Overwrite = False,
    engine: Engine = "native",
    threads: Threads = 0,
    settings: Settings = None,
    no_baselines: NoBaselines = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume an interrupted run of the same command.", rich_help_panel=TRAINING),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train on a recipe or on your own file.

    Anything you leave out is guessed from the file and printed: the task, its columns, the sampling interval, windows.
    Every model is compared with strong simple ones on the same rows; if one clearly wins on the validation rows, it is
    saved too, and --model best keeps the best one. Writes a run folder: recipe, history, metrics, report and model.
    """
    from seqconv.cli import progress
    from seqconv.training import run as runs
    from seqconv.training.folder import Options

    options = Options(out, engine, threads, baselines=not no_baselines, resume=resume, overwrite=overwrite)
    with progress.listen(quiet or json, verbose) as listener, console.interruptible():
        suggested = console.suggest(source, flags, network, data, settings)
        run = runs.train(suggested.recipe, options, listener, suggested.data, suggested.notes)
    if json:
        table = run.results.to_dict()
        print_json({name: table[name] for name in JSON_KEYS if name in table})
    elif not quiet:
        print_results(run.results, suggested.recipe.data.source)


@command("seqconv data imdb", "seqconv data demo-text -o reviews.csv", "seqconv data etth1 -o etth1.parquet")
def data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="imdb, jena, etth1, weather, demo-text, demo-series or demo-sales.",
            show_default=False,
            autocompletion=complete_data,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="Write it to a .csv, .tsv, .parquet or .jsonl file.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download a public data set, or write it as a table.

    The demo data are generated and need no network: a table of them is something to try the commands on.
    """
    from seqconv.cli import progress
    from seqconv.data import datasets, downloads
    from seqconv.data.outputs import check_free

    check_free(out, overwrite)
    with progress.listen(quiet or json) as listener:
        if out is None:
            path = downloads.locate(name, listener.download)
        else:
            path = datasets.export(name, out, listener.download)
    if json:
        print_json({"name": name, "path": str(path)})
    elif not quiet:
        print(path)


def print_scores(results: "RunResults") -> None:
    """The first score of every model."""
    head, rows = first_score_rows(results)
    table = create_table(head[0], *(f">{name}" for name in head[1:]))
    for row in rows:
        table.add_row(*row)
    print_table(table)


def print_quantiles(scores: "IntervalScores") -> None:
    """What lies below each quantile."""
    head, rows = quantile_rows(scores)
    table = create_table(head[0], *(f">{name}" for name in head[1:]))
    for row in rows:
        table.add_row(*row)
    print_table(table)


def print_results(results: "RunResults", source: str) -> None:
    """The verdict, the scores and where everything is.

    Args:
        source: a file to explain.
    """
    from seqconv.reports.sentences import say_intervals, warn_of_intervals
    from seqconv.training.compression import count_bytes

    warning = warn_of_intervals(results.intervals)
    print_text(f"\n{results.verdict}{f' {warning}' if warning else ''}\n")
    print_scores(results)
    if results.intervals:
        print_text(f"\n{say_intervals(results.intervals)}")
        if not results.intervals.single:
            print_quantiles(results.intervals)
    if results.better_baseline:
        print_text(f"\n{results.better_baseline.says}")
    run = shlex.quote(results.run)
    print(f"\nreport: {results.run}/report.html")
    print(f"model: {results.run}/model ({count_bytes(Path(results.run)) / 1e6:,.2f} MB)")
    print(f"explain: seqconv explain {run} --file {shlex.quote(source) if Path(source).is_file() else 'FILE'}")
    print(f"predict: seqconv predict {run} FILE -o predictions.csv")

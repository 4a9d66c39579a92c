"""The command that searches for settings: tune."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json, print_rows, print_text
from seqconv.cli.flags import Flags
from seqconv.cli.help import OUTPUT, TRAINING
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
    whole_number,
)
from seqconv.reports.tables import trial_rows, tuned_rows


@command(
    "seqconv tune reviews.csv --budget 10m",
    "seqconv tune reviews.toml --trials 20 --space space.toml",
    "seqconv tune reviews.csv --budget 10m --resume",
)
@takes_flags()
def tune(
    source: Source,
    flags: Flags,
    network: Network = "",
    trials: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(0),
            help="Trials besides the default; 0: as the budget allows, 30 without one.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = 0,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file of the settings to vary and their values. [default: those usual for the task]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            help="Folder. [default: runs/RECIPE-tune, numbered if taken]",
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
        typer.Option("--resume", help="Go on with an interrupted search.", rich_help_panel=TRAINING),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Search for better settings, within a time budget.

    Trials are judged on the validation rows, and ended early where they fall behind. The best and the default are then
    fitted as train does and compared on the test rows, once. Requires the extra `tune`.
    """
    from seqconv.cli import progress
    from seqconv.training import tuning
    from seqconv.training.folder import Options

    options = Options(out, engine, threads, baselines=not no_baselines, resume=resume, overwrite=overwrite)
    with progress.listen(quiet or json, verbose) as listener, console.interruptible():
        found = console.suggest(source, flags, network, data, settings)
        run = tuning.tune(found.recipe, trials, space, options, listener, found.data, found.notes)
    results = run.results
    if json:
        print_json(results.to_dict())
    elif not quiet:
        print_text(f"\n{results.verdict}\n")
        print_rows(*tuned_rows(results))
        print_rows(*trial_rows(results))
        print(f"report: {results.run}/report.html")
        print(f"recipe of the best: {results.run}/recipe.toml")
        print(f"predict: seqconv predict {shlex.quote(results.run)}/best FILE -o predictions.csv")

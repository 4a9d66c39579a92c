"""The command that brings a model up to date."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json, print_rows, print_text
from seqconv.cli.help import OUTPUT, TRAINING
from seqconv.cli.options import Engine, Json, Model, NoBaselines, Overwrite, Quiet, Threads, Verbose
from seqconv.cli.training import JSON_KEYS, print_results
from seqconv.reports.tables import change_rows

if TYPE_CHECKING:
    from seqconv.tasks.results import UpdateResults

SHOWN = 12  # rows of a table


@command(
    "seqconv update runs/reviews new.csv",
    "seqconv update runs/reviews new.csv --new-only -o runs/reviews-june",
    "seqconv update runs/sales june.csv",
)
def update(
    model: Model,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Newer labelled rows.", show_default=False)],
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
    new_only: Annotated[
        bool,
        typer.Option("--new-only", help="Train on, from the old weights, on FILE alone.", rich_help_panel=TRAINING),
    ] = False,
    engine: Engine = "native",
    threads: Threads = 0,
    no_baselines: NoBaselines = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Bring a model up to date with newer rows.

    FILE is read as the training file was. Where that lies as it lay, the model is fitted again to old and newer rows;
    else, or with --new-only, it goes on from its weights on FILE alone, if its kind can. New classes and words are
    learned. Writes a new run and reports the scores before and after, on the old test rows and on newer ones held out,
    and how the newer rows differ.
    """
    from seqconv.cli import progress
    from seqconv.training import run as runs
    from seqconv.training.folder import Options

    options = Options(out, engine, threads, baselines=not no_baselines, overwrite=overwrite)
    with progress.listen(quiet or json, verbose) as listener, console.interruptible():
        run = runs.update(model, file, options, listener, new_only)
    found = run.results.update
    assert found is not None
    if json:
        table = run.results.to_dict()
        print_json({name: table[name] for name in (*JSON_KEYS, "update") if name in table})
    elif not quiet:
        print_results(run.results, file)
        _print_update(found)


def _print_update(found: "UpdateResults") -> None:
    from seqconv.reports.monitor import change_tables
    from seqconv.reports.sentences import say_update

    print_text(f"\n{say_update(found)}\n")
    if found.old or found.new:
        print_rows(*change_rows(found))
    for table in change_tables(found.variables or ()).values():
        print_rows(*table, SHOWN)

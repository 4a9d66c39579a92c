"""The command from a table to its forecasts."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json, print_text
from seqconv.cli.flags import Flags
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import Json, Overwrite, Quiet, Settings, Threads, takes_flags
from seqconv.cli.training import JSON_KEYS, print_quantiles, print_scores


@command(
    "seqconv forecast sales.csv --target sales --horizon 12mo -o forecast.csv",
    "seqconv forecast shops.csv --id shop,item --target sold --known promotion,price --horizon 28d",
)
@takes_flags(task="panel")
def forecast(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A table of one or many series.", show_default=False)],
    flags: Flags,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="Table of forecasts. [default: forecast.csv in the run folder]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run folder. [default: runs/NAME, numbered if taken]", rich_help_panel=OUTPUT),
    ] = None,
    overwrite: Overwrite = False,
    threads: Threads = 0,
    settings: Settings = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecast every series of a table.

    Finds the times, the ids, the frequency and the season; fits several models and their blend; judges them on the last
    rows of each series; fits the blend again to all rows; writes a table with a row for each series and step, with
    quantiles, and a page with charts. The run folder holds the model for `seqconv predict`.
    """
    from seqconv.cli import progress
    from seqconv.data.outputs import check_free
    from seqconv.training import forecasting
    from seqconv.training.folder import Options

    check_free(out, overwrite)
    options = Options(run, "native", threads, overwrite=overwrite)
    with progress.listen(quiet or json) as listener, console.interruptible():
        suggested = console.suggest("panel", flags, "", source, settings)
        found = forecasting.forecast(suggested, options, listener, out)
    results = found.run.results
    if json:
        table = results.to_dict()
        kept = {name: table[name] for name in JSON_KEYS if name in table}
        print_json(kept | {"out": str(found.table), "page": str(found.page), "n": found.rows})
    elif not quiet:
        print_text(f"\n{results.verdict}\n")
        print_scores(results)
        if results.intervals:
            print()
            print_quantiles(results.intervals)
        print(f"\nforecasts: {found.table} ({found.rows:,} rows)\npage: {found.page}")
        print(f"predict: seqconv predict {shlex.quote(results.run)} FILE -o predictions.csv")

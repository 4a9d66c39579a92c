"""The command line. Each command is a plain function that loads what it needs when it runs."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    help="Small, fast sequence models on an ordinary CPU: 1D convnets for texts and time series.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting of the recipe; may be repeated."),
]
Data = Annotated[str | None, typer.Option(metavar="PATH", help="File or folder to read in place of the recipe's data.")]
Engine = Annotated[str, typer.Option(metavar="NAME", help="native, or torch (needs the extra of that name).")]
Threads = Annotated[int, typer.Option(metavar="N", min=0, help="Threads of the native engine; 0: all cores.")]


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print version and instruction set, and stop.")] = False,
) -> None:
    """Print the version, or go on to a command."""
    if version:
        from importlib import metadata

        from seqconv import _native

        print(f"seqconv {metadata.version('seqconv')} (native kernels: {_native.instruction_set()})")
        raise typer.Exit


@app.command()
def recipes(json: Json = False) -> None:
    """List the recipes of the package."""
    from seqconv.config import read_recipe, recipe_names

    found = [read_recipe(name) for name in recipe_names()]
    if json:
        _print_json({"recipes": [{"name": r.name, "task": r.task, "description": r.description} for r in found]})
        return
    for recipe in found:
        print(f"{recipe.name:<24} {recipe.description}")


@app.command()
def summary(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.", show_default=False)],
    data: Data = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Show the layers of a recipe, their shapes and cost.

    Output shape, parameters, receptive field in input steps, and multiply-adds of one example. The columns of a
    series are read from its data.
    """
    from dataclasses import asdict

    from seqconv.runs import summarise_recipe

    layers = summarise_recipe(_recipe(recipe, data, settings))
    if json:
        _print_json({"layers": [asdict(layer) for layer in layers], "parameters": sum(r.parameters for r in layers)})
        return
    table = _table("layer", ">output shape", ">parameters", ">receptive field", ">multiply-adds")
    for row in layers:
        field = "all" if row.receptive_field is None else f"{row.receptive_field:,}"
        table.add_row(row.name, str(row.shape), f"{row.parameters:,}", field, f"{row.multiply_adds:,}")
    parameters, cost = sum(row.parameters for row in layers), sum(row.multiply_adds for row in layers)
    table.add_section()
    table.add_row("all", "", f"{parameters:,}", "", f"{cost:,}")
    _print_table(table)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.", show_default=False)],
    data: Data = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Run folder. [default: runs/RECIPE]")] = None,
    engine: Engine = "native",
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Seed of every random choice.")] = None,
    threads: Threads = 0,
    settings: Settings = None,
    no_baselines: Annotated[bool, typer.Option("--no-baselines", help="Do not score the baselines.")] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Train again on training and validation rows for the best epochs.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no results; errors only.")] = False,
) -> None:
    """Train a recipe and report it beside the baselines.

    Writes a run folder: the resolved recipe, history, metrics, report and model.
    """
    from seqconv import progress, runs

    chosen = _recipe(recipe, data, [*(settings or []), *([] if seed is None else [f"training.seed={seed}"])])
    options = runs.Options(out=out, engine=engine, threads=threads, baselines=not no_baselines, refit=refit)
    with progress.listen(quiet or json) as listener:
        run = runs.train(chosen, options, listener)
    if json:
        _print_json({name: run.results[name] for name in runs.JSON_KEYS})
    elif not quiet:
        _print_results(run.results)


@app.command()
def evaluate(run: RunFolder, engine: Engine = "native", threads: Threads = 0, json: Json = False) -> None:
    """Score a run on its test set and probe its sense of order.

    The order probe scores the same test examples again with the time order of each input shuffled.
    """
    from seqconv import runs

    result = runs.evaluate(run, engine, threads)
    if json:
        _print_json(result)
        return
    probe = result["order_probe"]
    table = _table("test set", *(f">{name}" for name in result["test"]))
    table.add_row("all of it", *map(_number, result["test"].values()))
    table.add_section()
    table.add_row("order probe: as it is", *map(_number, probe["as_is"].values()))
    table.add_row("order probe: order of each input shuffled", *map(_number, probe["shuffled"].values()))
    _print_table(table)


@app.command()
def report(run: RunFolder, json: Json = False) -> None:
    """Write the report of a run again and print its path."""
    from seqconv.report import write_report

    path = write_report(run)
    _print_json({"report": str(path)}) if json else print(path)


@app.command()
def data(
    name: Annotated[str, typer.Argument(help="imdb or jena.", show_default=False)],
    json: Json = False,
) -> None:
    """Fetch and verify a public data set, say where it lies."""
    from seqconv import datasets, progress

    with progress.listen(json) as listener:
        path = datasets.locate(name, listener.download)
    _print_json({"name": name, "path": str(path)}) if json else print(path)


def _recipe(name: str, data: str | None, settings: list[str] | None) -> Any:
    from seqconv.config import read_recipe

    source = [] if data is None else [f"data.source={data}"]
    return read_recipe(name, (*source, *(settings or [])))


def _print_results(results: dict[str, Any]) -> None:
    print(f"\n{results['verdict']}\n")
    metric = results["metric"]
    label = f"MAE, {', '.join(results['targets'])}" if metric == "mae" else metric
    table = _table(label, ">validation", ">test", ">seconds")
    network = {"name": f"network ({results['recipe']})", "seconds": results["seconds"]["train"]}
    for row in [*results["baselines"], results | network]:
        scores = [_number(row[part][metric]) for part in ("validation", "test")]
        table.add_row(row["name"], *scores, f"{row['seconds']:.1f}")
    _print_table(table)
    print(f"\nreport: {results['run']}/report.html")


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _print_json(value: dict[str, Any]) -> None:
    print(json_format.dumps(value, ensure_ascii=False, allow_nan=False))


def _table(*columns: str) -> "Table":
    """A plain table; columns whose name starts with > are numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def _print_table(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)

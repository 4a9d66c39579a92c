"""Commands on finished runs and models."""

from seqconv.cli.console import (
    Engine,
    Json,
    RunFolder,
    Threads,
    app,
    create_table,
    print_json,
    print_table,
    show_number,
)


@app.command()
def evaluate(run: RunFolder, engine: Engine = "native", threads: Threads = 0, json: Json = False) -> None:
    """Score a run on its test set and probe its sense of order.

    The order probe scores the same test examples again with the time order of each input shuffled.
    """
    from seqconv import runs

    result = runs.evaluate(run, engine, threads)
    if json:
        print_json(result)
        return
    probe = result["order_probe"]
    table = create_table("test set", *(f">{name}" for name in result["test"]))
    table.add_row("all of it", *map(show_number, result["test"].values()))
    table.add_section()
    table.add_row("order probe: as it is", *map(show_number, probe["as_is"].values()))
    table.add_row("order probe: order of each input shuffled", *map(show_number, probe["shuffled"].values()))
    print_table(table)


@app.command()
def report(run: RunFolder, json: Json = False) -> None:
    """Write the report of a run again and print its path."""
    from seqconv.report import write_report

    path = write_report(run)
    print_json({"report": str(path)}) if json else print(path)

"""Commands on finished runs and models."""

from seqconv.cli.console import Json, RunFolder, app, print_json


@app.command()
def report(run: RunFolder, json: Json = False) -> None:
    """Write the report of a run again and print its path."""
    from seqconv.report import write_report

    path = write_report(run)
    print_json({"report": str(path)}) if json else print(path)

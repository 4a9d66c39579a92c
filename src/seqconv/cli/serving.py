"""The command that serves a model."""

from typing import Annotated

import typer

from seqconv.cli.console import Json, RunFolder, Threads, app, print_json
from seqconv.errors import need


@app.command()
def serve(
    model: RunFolder,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0: on every network.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0: any that is free.")] = 8000,
    limit: Annotated[int, typer.Option(metavar="MB", min=1, help="Largest request, in megabytes.")] = 16,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Answer requests over HTTP.

    POST /predict takes JSON: texts, sequences, or the newest rows of a series. POST /explain says why, GET /model what
    the model takes, GET /health that it is there, and GET / is a page to try it on. There is no password and no
    encryption: for more than this machine put a reverse proxy in front. Ctrl-C stops it. Needs the extra `serve`.
    """
    for module in ("starlette", "uvicorn"):
        need(module, "serve")
    from seqconv.serving.server import serve

    def say(url: str, name: str) -> None:
        print_json({"url": url, "model": name}) if json else print(f"{name} on {url} (Ctrl-C stops)", flush=True)

    serve(model, host, port, threads, limit * 10**6, say)

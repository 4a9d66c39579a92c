"""The command that serves a model."""

from typing import Annotated

import typer

from seqconv.cli.console import command, print_json
from seqconv.cli.options import Json, Model, Threads, whole_number
from seqconv.errors import need


@command("seqconv serve runs/reviews", "seqconv serve runs/weather --port 9000 --limit 64")
def serve(
    model: Model,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0: all networks.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(0, 65535), help="Port; 0: any free port.")
    ] = 8000,
    limit: Annotated[
        int, typer.Option(metavar="MB", parser=whole_number(1), help="Maximum request size in megabytes.")
    ] = 16,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Serve a model over HTTP.

    POST /predict takes JSON: texts, sequences, or the newest rows of a series. POST /explain explains a prediction, GET
    /model describes the model and its input, GET /health is a health check, and GET / is a page to try it on. There is
    no authentication and no encryption: to serve other machines, put a reverse proxy in front. Ctrl-C stops the server.
    Requires the extra `serve`.
    """
    for module in ("starlette", "uvicorn"):
        need(module, "serve")
    from seqconv.serving.server import serve

    def say(url: str, name: str) -> None:
        print_json({"url": url, "model": name}) if json else print(f"{name} on {url} (Ctrl-C stops)", flush=True)

    serve(model, host, port, threads, limit * 10**6, say)

"""The command that serves a model."""

import os
from pathlib import Path
from typing import Annotated

import typer

from seqconv.cli.console import command, print_json
from seqconv.cli.options import Json, Threads, whole_number
from seqconv.errors import OptionError, need, shorten

SHORTEST = 16  # characters of a token: no shorter one is safe from guessing


@command(
    "seqconv serve runs/reviews",
    "seqconv serve runs/reviews runs/weather --port 9000 --limit 64",
    "seqconv serve runs/reviews --host 0.0.0.0 --token-file token.txt --workers 4",
)
def serve(
    models: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Run or model folders, one or more.", show_default=False)
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0: all networks.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(0, 65535), help="Port; 0: any free port.")
    ] = 8000,
    limit: Annotated[
        int, typer.Option(metavar="MB", parser=whole_number(1), help="Maximum request size in megabytes.")
    ] = 16,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with the token that requests must show. [default: $SEQCONV_TOKEN]"),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines in without a token: where a proxy asks for one.")
    ] = False,
    workers: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(1, 256), help="Number of processes that answer.")
    ] = 1,
    waiting: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(1), help="Requests that may wait; to more it answers 503.")
    ] = 1000,
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Serve models over HTTP.

    POST /predict takes JSON: texts, sequences, or the newest rows of a series; of several models the first answers it,
    and each as POST /models/NAME/predict. POST /explain explains a prediction, GET /model describes the model and its
    input, GET /health, /ready and /metrics are for those who watch it, GET /docs lists all routes, and GET / is a page
    to try the model on. A new version of a model is taken without losing a request, as is asked by SIGHUP. There is no
    encryption: to serve other machines, put a reverse proxy in front. Ctrl-C stops the server. Requires the extra
    `serve`.
    """
    for module in ("starlette", "uvicorn"):
        need(module, "serve")
    from seqconv.serving.server import Options, serve

    def say(url: str, names: list[str]) -> None:
        if json:
            print_json({"url": url, "model": names[0], **({"models": names} if names[1:] else {})})
        else:
            print(f"{', '.join(names)} on {url} (Ctrl-C stops)", flush=True)

    token = _read_token(token_file)
    serve(models, Options(host, port, threads, limit * 10**6, waiting, workers, token, insecure), say)


def _read_token(file: Path | None) -> str:
    """The token of a file, or of the environment; empty: there is none.

    Raises:
        OptionError: the file cannot be read, or what it holds is no token.
    """
    if file is None:
        found = os.environ.get("SEQCONV_TOKEN", "")
    else:
        try:
            found = file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise OptionError(f"token-file: must be a readable text; {shorten(error)}. Name another") from error
    if (file is not None or found) and (len(found) < SHORTEST or not found.isascii() or " " in found):
        raise OptionError(
            f"token-file: a token must be {SHORTEST} or more ASCII characters without blanks. Make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return found

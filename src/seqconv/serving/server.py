"""A saved model behind HTTP: JSON in, JSON out, and a page to try it on. docs/serving.md describes the routes.

Needs the extra `serve`: who imports this asks `errors.need` first.
"""

import asyncio
import errno
import ipaddress
import json
import logging
import math
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from seqconv.errors import MalformedError, OptionError, SeqconvError
from seqconv.metrics.records import Json
from seqconv.models.predictor import Predictor, load
from seqconv.serving import requests
from seqconv.serving.page import build_server_page
from seqconv.tasks.kinds import find_task

Result = TypeVar("Result")
Handler = Callable[[Request, bytes], Awaitable[Response]]  # the bytes are the body

REFUSED = (SeqconvError, HTTPException, ClientDisconnect)  # what a client can mend, or will not hear of
LIMIT = 16 * 10**6  # bytes of a request
LONGEST = 600  # characters of an error: what a client sent may be told back, but not all of it
PATIENCE_S = 5  # for requests that are under way when the server is told to stop
IDLE_S = 60  # a client may leave a connection open without asking; it would lose a request sent just as we close it
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LOG = logging.getLogger(__name__)  # without a handler of its own: to standard error
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'"
}


def serve(
    folder: Path,
    host: str,
    port: int,
    threads: int = 0,
    limit: int = LIMIT,
    say: Callable[[str, str], None] = lambda url, name: None,
) -> None:
    """Answer requests until SIGINT or SIGTERM comes.

    Args:
        folder: of the run or model.
        port: 0: any that is free.
        threads: as for `Predictor`.
        limit: bytes of the largest request.
        say: hears the address and the model's name once requests can come.

    Raises:
        BundleError, DataError: the folder holds no readable model, or one that takes no raw data.
        OptionError: no such address, or it is in use.
    """
    predictor = load(folder, threads=threads)
    find_task(predictor.bundle.recipe).warm_up(predictor)
    with listen(host, port) as listening:
        address, port = listening.getsockname()[:2]
        local = ipaddress.ip_address(address).is_loopback
        server = create_server(create_app(predictor, folder, limit, (*LOOPBACK, host.lower()) if local else ()))

        def stop(*_: object) -> None:
            server.should_exit = True

        # uvicorn raises the signal that stopped it once more, for these: to be told to stop is no failure
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, stop)
        say(f"http://{f'[{address}]' if ':' in address else address}:{port}", predictor.bundle.recipe.name)
        server.run(sockets=[listening])


def create_server(app: Starlette) -> uvicorn.Server:
    """What runs the routes: it logs errors alone, as all that it warns of is what clients do, and they are told."""
    patience: dict[str, Any] = {"timeout_keep_alive": IDLE_S, "timeout_graceful_shutdown": PATIENCE_S}
    config = uvicorn.Config(app, log_level="error", access_log=False, ws="none", **patience)
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0: any that is free.

    Raises:
        OptionError: no such address, or it is in use.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise OptionError(f"host {host}: must be the name or address of this machine; it is not known") from error
    try:
        listening = socket.create_server((str(address[0]), int(address[1])), family=family, backlog=2048)
    except OSError as error:
        problem = (error.strerror or str(error)).partition(" (while")[0]
        if error.errno == errno.EADDRNOTAVAIL:
            raise OptionError(
                f"host {host}: must be an address of this machine; it is not. Use 127.0.0.1, or 0.0.0.0 for all of them"
            ) from error
        raise OptionError(f"port {port} of {host}: must be free to listen on; {problem}. Choose another") from error
    # its connections have this too: an answer is written in two pieces, and the second must not wait for the client
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


# Routes


def create_app(predictor: Predictor, folder: Path, limit: int = LIMIT, hosts: tuple[str, ...] = ()) -> Starlette:
    """The routes around a model.

    Args:
        folder: that the model was read from.
        limit: bytes of the largest request.
        hosts: names that requests must call the server by; none: any. On a machine's own address another name means
            that a stranger's page has had its name lead here, to read what only this machine may.

    Raises:
        BundleError: see `requests.describe_model`.
    """
    service = _Service(predictor, requests.describe_model(predictor, folder) | {"largest_request": limit})
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "/", service.show_page),
        ("GET", "/health", service.tell_health),
        ("GET", "/model", service.tell_model),
        ("POST", "/predict", service.predict),
        ("POST", "/explain", service.explain),
    ]

    def guard(handler: Handler, hosts: tuple[str, ...] = hosts) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                # before any answer: many clients read none until they have sent all, and the rest may be malformed,
                # which uvicorn can no longer answer then
                body = await _read_body(request, limit)
                _check_host(request, hosts)
                return await handler(request, body)
            except REFUSED as error:
                return await _refuse(request, error)
            except asyncio.CancelledError:  # it took longer than the server's patience when it was told to stop
                return _reply({"error": "the server is stopping. Ask again later"}, 503)
            except Exception:  # a bug of ours
                _LOG.exception("%s %s failed", request.method, request.scope["path"])
                return _reply({"error": "internal error; the server's log says where. Please report it"}, 500)

        return handle

    async def refuse(request: Request, error: Exception) -> Response:
        async def handler(request: Request, body: bytes) -> Response:
            raise error

        return await guard(handler, ())(request)

    app = Starlette(
        routes=[Route(path, guard(handler), methods=[method]) for method, path, handler in routes],
        exception_handlers={HTTPException: refuse},  # of the router, which finds no route
        lifespan=service.end,
    )
    app.router.redirect_slashes = False
    return app


class _Service:
    """What the routes do.

    Predictions have one thread and explanations another, which are slow and would hold them up. A large request is
    answered piece by piece and goes to the end of the queue between them. More threads would gain nothing, as one
    answer may take all cores, and each would have a set of threads of its own for its answers.
    """

    def __init__(self, predictor: Predictor, about: Json) -> None:
        self.predictor, self.about = predictor, about
        form = find_task(predictor.bundle.recipe).form
        self.page = build_server_page(about, form, form.example(predictor.bundle))
        self.predictions, self.explanations = ThreadPoolExecutor(1), ThreadPoolExecutor(1)

    @asynccontextmanager
    async def end(self, app: Starlette) -> AsyncIterator[None]:
        """What waits for its turn when the server stops is dropped."""
        yield
        for pool in (self.predictions, self.explanations):
            pool.shutdown(wait=False, cancel_futures=True)

    async def show_page(self, request: Request, body: bytes) -> Response:
        return Response(self.page, media_type="text/html", headers=PAGE_HEADERS)

    async def tell_health(self, request: Request, body: bytes) -> Response:
        return _reply({"status": "ok"})

    async def tell_model(self, request: Request, body: bytes) -> Response:
        return _reply(self.about)

    async def predict(self, request: Request, body: bytes) -> Response:
        _check_type(request)
        pieces = requests.predict(self.predictor, body)
        found: list[Json] = []
        while (piece := await _run(self.predictions, next, pieces, None)) is not None:
            found += piece
        return _reply({"predictions": found})

    async def explain(self, request: Request, body: bytes) -> Response:
        _check_type(request)
        return _reply(await _run(self.explanations, requests.explain, self.predictor, body))


async def _run(pool: ThreadPoolExecutor, function: Callable[..., Result], *arguments: Any) -> Result:
    def call() -> Result:
        with np.errstate(all="ignore"):  # where numbers are too large for the model it answers null
            return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(pool, call)


async def _read_body(request: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
    if size > limit:
        raise HTTPException(413, f"request: must have at most {limit:,} bytes; got {size:,}. Cut it into several")
    return b"".join(parts)


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # which a stranger's page may not send without asking
        raise HTTPException(415, f"Content-Type: must be application/json; got {kind!r}. Name it in the request")
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):  # RFC 9110, section 15.5.16
        raise HTTPException(415, f"Content-Encoding: must be absent; got {packed!r}. Send the request unpacked")


def _check_host(request: Request, hosts: tuple[str, ...]) -> None:
    given = request.headers.get("host", "")
    try:
        name = urlsplit(f"//{given}").hostname
    except ValueError:
        name = None
    if hosts and name not in hosts:
        known = ", ".join(dict.fromkeys(hosts))
        raise HTTPException(421, f"Host: must be one of {known}; got {given!r}. Send it so, or serve on another --host")


# Answers


def _reply(value: Json, status: int = 200) -> Response:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:  # a broken model
        text = json.dumps(_drop_infinite(value), ensure_ascii=False, allow_nan=False)
    # half a character, which no UTF-8 can be, becomes the \u of JSON
    return Response(f"{text}\n".encode(errors="backslashreplace"), status, media_type="application/json")


def _drop_infinite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_infinite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_drop_infinite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


async def _refuse(request: Request, error: Exception) -> Response:
    """What a client can mend, in one line."""
    status, message, headers = 422, str(error), {}
    if isinstance(error, HTTPException):
        status, message, headers = error.status_code, error.detail, dict(error.headers or {})
        asked = f"{request.method} {request.scope['path']}"
        if status == 404:
            message = f"{asked}: must be a route of this server; it is none. GET / shows how to ask"
        elif status == 405:
            message = f"{asked}: must be {headers['Allow'].replace('HEAD', '').strip(', ')}. GET / shows how to ask"
    elif isinstance(error, MalformedError | ClientDisconnect):
        status = 400
    response = _reply({"error": " ".join(message.split())[:LONGEST]}, status)
    response.headers.update(headers)
    return response

"""The routes of a server: JSON in, JSON out, and pages to look at. docs/serving.md describes them.

Needs the extra `serve`: who imports this asks `errors.need` first.
"""

import asyncio
import hmac
import json
import logging
import math
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from seqconv.errors import MalformedError, SeqconvError
from seqconv.metrics.records import Json
from seqconv.serving import requests
from seqconv.serving.board import write_boards
from seqconv.serving.models import Models, Served
from seqconv.serving.openapi import build_document, build_document_page
from seqconv.serving.queues import FullError, Queue

Handler = Callable[[Request, bytes], Awaitable[Response]]  # the bytes are the body

REFUSED = (SeqconvError, HTTPException, ClientDisconnect, FullError)  # what a client can mend, or will not hear of
LIMIT = 16 * 10**6  # bytes of a request
WAITING = 1000  # requests for predictions that may wait for a model
BODY_S = 30.0  # for a whole request to come
RETRY_S = 1  # after which a client may ask again
LONGEST = 600  # characters of an error: what a client sent may be told back, but not all of it
OPEN = ("/health", "/ready")  # answered without a token: what watches a server has none
_LOG = logging.getLogger(__name__)  # without a handler of its own: to standard error
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'"
}


@dataclass(frozen=True)
class Rules:
    """What requests must keep to.

    Args:
        limit: bytes of the largest one.
        hosts: names that they must call the server by; none: any. On a machine's own address another name means that a
            stranger's page has had its name lead here, to read what only this machine may.
        token: that they must show; empty: none.
        waiting: that may wait for the predictions of a model, or for explanations.
        body_s: seconds for a whole one to come.
    """

    limit: int = LIMIT
    hosts: tuple[str, ...] = ()
    token: str = ""
    waiting: int = WAITING
    body_s: float = BODY_S


class App(Starlette):
    """The routes around some models.

    Attributes:
        leaving: connections are closed once they have their answer, as another process answers from now on.
    """

    def __init__(self, models: Models, rules: Rules) -> None:
        self.leaving = False
        self.service = service = _Service(models, rules)
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/", service.show_page),
            ("GET", "/health", service.tell_health),
            ("GET", "/ready", service.tell_ready),
            ("GET", "/metrics", service.tell_metrics),
            ("GET", "/openapi.json", service.tell_document),
            ("GET", "/docs", service.show_document),
            ("GET", "/model", service.tell_model),
            ("POST", "/predict", service.predict),
            ("POST", "/explain", service.explain),
            ("GET", "/models", service.tell_models),
            ("GET", "/models/{name}", service.tell_model),
            ("GET", "/models/{name}/", service.show_page),
            ("POST", "/models/{name}/predict", service.predict),
            ("POST", "/models/{name}/explain", service.explain),
        ]

        async def refuse(request: Request, error: Exception) -> Response:
            async def handler(request: Request, body: bytes) -> Response:
                raise error

            return await self._guard(handler, Rules(rules.limit, token=rules.token))(request)

        super().__init__(
            routes=[Route(path, self._guard(handler, rules), methods=[method]) for method, path, handler in routes],
            exception_handlers={HTTPException: refuse},  # of the router, which finds no route
            lifespan=service.end,
        )
        self.router.redirect_slashes = False

    def _guard(self, handler: Handler, rules: Rules) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            began = time.perf_counter()
            try:
                allowed = not rules.token or request.url.path in OPEN or _shows(request, rules.token)
                # before any answer: many clients read none until they have sent all, and the rest may be malformed,
                # which uvicorn can no longer answer then
                body = await _read_body(request, rules.limit if allowed else 0, rules)
                began = time.perf_counter()
                if not allowed:
                    raise HTTPException(401, "Authorization: must be Bearer and the server's token. Send it")
                _check_host(request, rules.hosts)
                response = await handler(request, body)
            except REFUSED as error:
                response = await _refuse(request, error)
            except asyncio.CancelledError:  # it took longer than the server's patience when it was told to stop
                response = reply({"error": "the server is stopping. Ask again later"}, 503)
            except Exception:  # a bug of ours
                _LOG.exception("%s %s failed", request.method, request.scope["path"])
                response = reply({"error": "internal error; the server's log says where. Please report it"}, 500)
            self.service.count(request, response.status_code, time.perf_counter() - began)
            if self.leaving:
                response.headers["Connection"] = "close"
            return response

        return handle


class _Service:
    """What the routes do.

    Predictions of a model have one thread, see `Queue`, and explanations another, which are slow and would hold them
    up. More threads would gain nothing, as one answer may take all cores.
    """

    def __init__(self, models: Models, rules: Rules) -> None:
        self.models, self.rules = models, rules
        self.queues: dict[str, Queue] = {}
        self.explanations: ThreadPoolExecutor | None = None
        self.explaining = 0  # explanations that are asked for
        self.stopping = False
        self.begin: Callable[[], None] = lambda: None  # called in the process and loop that serve

    @asynccontextmanager
    async def end(self, app: Starlette) -> AsyncIterator[None]:
        """Threads begin in the process that serves; what waits for its turn when the server stops is dropped."""
        self.queues = {each.name: Queue(each, self.rules.waiting) for each in self.models}
        self.explanations = ThreadPoolExecutor(1)
        self.begin()
        yield
        self.stopping = True
        for queue in self.queues.values():
            queue.close()
        self.explanations.shutdown(wait=False, cancel_futures=True)

    def find(self, request: Request) -> Served:
        """The model that a request names, or the first.

        Raises:
            HTTPException: there is none.
        """
        name = request.path_params.get("name", self.models.first.name)
        if name not in self.models.named:
            raise HTTPException(404)
        return self.models.named[name]

    def count(self, request: Request, status: int, seconds: float) -> None:
        """An answered request."""
        served = self.models.named.get(request.scope.get("path_params", {}).get("name", ""), self.models.first)
        route = request.scope["path"].rpartition("/")[2]
        served.board.answer(route if route in ("predict", "explain") else "other", status, seconds)

    async def show_page(self, request: Request, body: bytes) -> Response:
        return Response(self.find(request).now.page, media_type="text/html", headers=PAGE_HEADERS)

    async def tell_health(self, request: Request, body: bytes) -> Response:
        return reply({"status": "ok"})

    async def tell_ready(self, request: Request, body: bytes) -> Response:
        ready = not self.stopping and not any(queue.is_full for queue in self.queues.values())
        return reply({"status": "ready"}) if ready else reply({"error": "too many requests wait. Ask again later"}, 503)

    async def tell_metrics(self, request: Request, body: bytes) -> Response:
        boards = {each.name: each.board for each in self.models}
        drift = {each.name: each.now.watch.compare() for each in self.models}
        return Response(write_boards(boards, drift), media_type="text/plain; version=0.0.4")

    async def tell_document(self, request: Request, body: bytes) -> Response:
        return reply(build_document(self.models, bool(self.rules.token)))

    async def show_document(self, request: Request, body: bytes) -> Response:
        page = build_document_page(build_document(self.models, bool(self.rules.token)))
        return Response(page, media_type="text/html", headers=PAGE_HEADERS)

    async def tell_models(self, request: Request, body: bytes) -> Response:
        return reply(self.models.describe())

    async def tell_model(self, request: Request, body: bytes) -> Response:
        return reply(self.find(request).now.about)

    async def predict(self, request: Request, body: bytes) -> Response:
        served = self.find(request)
        _check_type(request)
        return reply({"predictions": await self.queues[served.name].ask(body)})

    async def explain(self, request: Request, body: bytes) -> Response:
        served = self.find(request)
        _check_type(request)

        def call() -> Json:
            with np.errstate(all="ignore"):
                return requests.explain(served.now.predictor, body)

        if self.explaining >= self.rules.waiting:
            raise FullError
        self.explaining += 1
        try:
            return reply(await asyncio.get_running_loop().run_in_executor(self.explanations, call))
        finally:
            self.explaining -= 1


async def _read_body(request: Request, limit: int, rules: Rules) -> bytes:
    """The body; of one that is too large nothing is kept, and of one without a token.

    Raises:
        HTTPException: it is too large, or does not come in time.
    """
    parts, size = [], 0
    try:
        async with asyncio.timeout(rules.body_s):
            async for part in request.stream():
                size += len(part)
                if size <= limit:
                    parts.append(part)
    except TimeoutError:
        message = f"request: must come within {rules.body_s:g} s; got {size:,} bytes of it. Send it faster"
        raise HTTPException(408, message, {"Connection": "close"}) from None
    if size > limit and limit:
        raise HTTPException(413, f"request: must have at most {limit:,} bytes; got {size:,}. Cut it into several")
    return b"".join(parts)


def _shows(request: Request, token: str) -> bool:
    """Whether a request has the token, as a bearer or, as browsers ask for it, as a password; told in constant time."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # which a stranger's page may not send without asking
        raise HTTPException(415, f"Content-Type: must be application/json; got {kind!r}. Name it in the request")
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):  # RFC 9110, section 15.5.16
        raise HTTPException(415, f"Content-Encoding: must be absent; got {packed!r}. Send the request unpacked")


def _check_host(request: Request, hosts: tuple[str, ...]) -> None:
    given = request.headers.get("host", "")
    if "host" not in request.headers and request.scope["http_version"] != "1.0":  # RFC 9112, section 3.2
        raise HTTPException(400, "Host: must be named in the request; it is not. Name it")
    try:
        name = urlsplit(f"//{given}").hostname
    except ValueError:
        name = None
    if hosts and name not in hosts:
        known = ", ".join(dict.fromkeys(hosts))
        raise HTTPException(421, f"Host: must be one of {known}; got {given!r}. Send it so, or serve on another --host")


# Answers


def reply(value: Json, status: int = 200) -> Response:
    """JSON, without NaN and infinity."""
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
    elif isinstance(error, FullError):
        status, message = 503, "the server is busy: too many requests wait. Ask again later"
        headers = {"Retry-After": str(RETRY_S)}
    elif isinstance(error, MalformedError | ClientDisconnect):
        status = 400
    response = reply({"error": " ".join(message.split())[:LONGEST]}, status)
    response.headers.update(headers)
    if status == 401:
        for scheme in ("Bearer", 'Basic realm="seqconv"'):  # browsers ask for a password
            response.headers.append("WWW-Authenticate", scheme)
    return response

"""Saved models behind HTTP: sockets, signals, and processes that take over from each other.

Needs the extra `serve`: who imports this asks `errors.need` first.
"""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from seqconv.errors import OptionError, SeqconvError
from seqconv.serving.app import LIMIT, WAITING, App, Rules
from seqconv.serving.models import Models
from seqconv.serving.patience import create_protocol

PATIENCE_S = 5  # for requests that are under way when the server is told to stop
IDLE_S = 60  # a client may leave a connection open without asking; it would lose a request sent just as we close it
LOOK_S = 1.0  # between looks whether a new version of a model lies in its folder
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LOG = logging.getLogger(__name__)  # without a handler of its own: to standard error
Say = Callable[[str, list[str]], None]


@dataclass(frozen=True)
class Options:
    """How models are served.

    Args:
        host, port: to listen on; port 0: any that is free.
        threads: of each model, as for `Predictor`.
        limit: bytes of the largest request.
        waiting: requests for predictions that may wait for a model.
        workers: processes that answer.
        token: that requests must show; empty: none.
        insecure: other machines are let in without one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 0
    limit: int = LIMIT
    waiting: int = WAITING
    workers: int = 1
    token: str = ""
    insecure: bool = False


def serve(folders: Sequence[Path], options: Options, say: Say = lambda url, names: None) -> None:
    """Answer requests until SIGINT or SIGTERM comes; SIGHUP reads the models anew, as does a new version in a folder.

    Args:
        folders: of the runs or models.
        say: hears the address and the models' names once requests can come.

    Raises:
        BundleError, DataError: a folder holds no readable model, or one that takes no raw data.
        OptionError: no such address, or it is in use; other machines would be let in without a token; or workers on a
            system that does not fork.
    """
    if options.workers > 1 and not hasattr(os, "fork"):
        raise OptionError("workers needs a system that forks processes; this one does not. Leave it out")
    with listen(options.host, options.port) as listening:
        address, port = listening.getsockname()[:2]
        local = ipaddress.ip_address(address).is_loopback
        if not local and not options.token and not options.insecure:
            raise OptionError(
                f"host {options.host}: must not be reached by other machines without a token. Pass --token-file FILE, "
                "or --insecure where a proxy asks for one"
            )
        names = (*LOOPBACK, options.host.lower()) if local else ()
        rules = Rules(options.limit, names, options.token, options.waiting)
        url = f"http://{f'[{address}]' if ':' in address else address}:{port}"

        def announce(models: Models) -> None:
            say(url, [each.now.predictor.bundle.recipe.name for each in models])

        if options.workers > 1:
            from seqconv.serving.workers import supervise

            supervise(folders, options, rules, listening, announce)
        else:
            run_alone(Models.read(folders, options.limit, options.threads), rules, listening, announce)


def run_alone(models: Models, rules: Rules, listening: socket.socket, announce: Callable[[Models], None]) -> None:
    """Serve in this process."""
    server = create_server(App(models, rules))
    wanted = threading.Event()

    def stop(*_: object) -> None:
        server.should_exit = True
        wanted.set()

    # uvicorn raises the signal that stopped it once more, for these: to be told to stop is no failure
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    asked = threading.Event()

    def renew(*_: object) -> None:
        asked.set()
        wanted.set()

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, renew)
    watcher = threading.Thread(target=_keep_new, args=(models, server, wanted, asked))
    watcher.start()
    try:
        announce(models)
        server.run(sockets=[listening])
    finally:
        stop()
        watcher.join()


def _keep_new(models: Models, server: uvicorn.Server, wanted: threading.Event, asked: threading.Event) -> None:
    """Take new versions of models until the server stops; requests that have begun keep theirs."""
    while not server.should_exit:
        wanted.wait(LOOK_S)
        wanted.clear()
        every = asked.is_set()
        asked.clear()
        for served in models:
            if served.has_new or (every and not server.should_exit):
                try:
                    served.reload()
                    _LOG.warning("%s: read anew", served.name)
                except SeqconvError as error:
                    _LOG.error("%s: the version before stays; %s", served.name, error)


class Server(uvicorn.Server):
    """Runs the routes, until it is told to stop, or to leave them to another process."""

    def leave(self, app: App) -> None:
        """Take no further connections, close each once it has its answer, and end when all have gone, or in a while."""
        app.leaving = True
        for each in self.servers:
            each.close()

        async def end() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S + PATIENCE_S):
                    while self.server_state.connections:
                        await asyncio.sleep(0.1)
            self.should_exit = True

        self.leaving = asyncio.get_running_loop().create_task(end())  # kept, lest it be collected


def create_server(app: App) -> Server:
    """What runs the routes: it logs errors alone, as all that it warns of is what clients do, and they are told."""
    patience: dict[str, Any] = {"timeout_keep_alive": IDLE_S, "timeout_graceful_shutdown": PATIENCE_S}
    config = uvicorn.Config(
        app, http=create_protocol(), log_level="error", access_log=False, server_header=False, ws="none", **patience
    )
    return Server(config)


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

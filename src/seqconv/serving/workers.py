"""Several processes that answer on one socket and share the models' memory: forked once the models are read."""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from seqconv.errors import SeqconvError
from seqconv.networks.threads import count_threads
from seqconv.serving.app import App, Rules
from seqconv.serving.board import Shared
from seqconv.serving.models import Models
from seqconv.serving.server import _LOG, LOOK_S, PATIENCE_S, Options, create_server

STEP_S = 0.1  # between looks at what has happened
PAUSE_S = 1.0  # before a worker that has ended is replaced


class _Crew:
    """The processes of one version of the models."""

    def __init__(self, models: Models, rules: Rules, listening: socket.socket) -> None:
        self.models, self.rules, self.listening = models, rules, listening
        self.pids: dict[int, int] = {}  # of the workers that run, by their number

    def start(self, number: int) -> None:
        """Fork a worker, which serves until it is told to stop, or to leave."""
        if pid := os.fork():
            self.pids[number] = pid
            return
        code = 1
        try:
            Shared.worker = number
            _work(self.models, self.rules, self.listening)
            code = 0
        finally:
            os._exit(code)

    def tell(self, number: int) -> None:
        """Send a signal to all workers."""
        for pid in self.pids.values():
            os.kill(pid, number)

    def reap(self) -> list[int]:
        """The numbers of the workers that have ended."""
        ended = [number for number, pid in self.pids.items() if os.waitpid(pid, os.WNOHANG)[0]]
        for number in ended:
            del self.pids[number]
        return ended


def _work(models: Models, rules: Rules, listening: socket.socket) -> None:
    """Serve in this process; SIGUSR1: leave it to another one."""
    app = App(models, rules)
    server = create_server(app)

    def stop(*_: object) -> None:
        server.should_exit = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    service = app.service

    def listen_for_leave() -> None:
        import asyncio

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, server.leave, app)

    service.begin = listen_for_leave
    server.run(sockets=[listening])


def supervise(
    folders: Sequence[Path],
    options: Options,
    rules: Rules,
    listening: socket.socket,
    announce: Callable[[Models], None],
) -> None:
    """Read the models, fork workers, replace one that has ended; with a new version of a model, all of them."""
    threads = options.threads or max(count_threads(0) // options.workers, 1)
    Shared.workers = options.workers
    told: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, note)
    crew = _Crew(Models.read(folders, options.limit, threads), rules, listening)
    for number in range(options.workers):
        crew.start(number)
    leaving: list[_Crew] = []
    announce(crew.models)
    looked = time.monotonic()
    while True:
        time.sleep(STEP_S)
        if {signal.SIGINT, signal.SIGTERM} & set(told):
            break  # before it looks at the workers, which Ctrl-C stops too
        for number in crew.reap():
            _LOG.error("worker %d has ended: another one is started", number + 1)
            time.sleep(PAUSE_S)
            crew.start(number)
        leaving = [each for each in leaving if each.reap() is not None and each.pids]
        due = time.monotonic() - looked > LOOK_S
        looked = time.monotonic() if due else looked
        news = [each.has_new for each in crew.models] if due else []  # every model is looked at
        if signal.SIGHUP in told or any(news):
            told[:] = [each for each in told if each != signal.SIGHUP]
            fresh = _take_new(crew, folders, options, threads)
            leaving += [crew] * (fresh is not crew)
            crew = fresh
    _end([crew, *leaving])


def _take_new(crew: _Crew, folders: Sequence[Path], options: Options, threads: int) -> _Crew:
    """Workers of the versions that lie in the folders now; those before leave once these answer."""
    try:
        models = Models.read(folders, options.limit, threads)
    except SeqconvError as error:
        _LOG.error("the version before stays; %s", error)
        for each in crew.models:
            each.stamp = each.seen
        return crew
    fresh = _Crew(models, crew.rules, crew.listening)
    for number in range(options.workers):
        fresh.start(number)
    time.sleep(STEP_S)
    crew.tell(signal.SIGUSR1)
    _LOG.warning("read anew: %s", ", ".join(each.name for each in models))
    return fresh


def _end(crews: list[_Crew]) -> None:
    """Tell all workers to stop, and wait for them."""
    for crew in crews:
        crew.tell(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S + 5
    while any(crew.pids for crew in crews):
        for crew in crews:
            crew.reap()
        if time.monotonic() > deadline:
            for crew in crews:
                crew.tell(signal.SIGKILL)
        time.sleep(STEP_S / 2)

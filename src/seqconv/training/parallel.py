"""One loop for work whose parts do not need each other, wherever `joblib.parallel_config` says that it runs."""

import contextlib
import itertools
import re
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from seqconv.errors import OptionError, need, shorten
from seqconv.networks.threads import count_threads, limit_threads
from seqconv.training.loop import Listener

Result = TypeVar("Result")
RETRIES = 2  # in a row
PATIENCE_S = 10  # until a cluster answers
WHERE = "processes, processes=N, ray, ray://HOST:PORT or dask://HOST:PORT"


def run_each(
    work: Callable[..., Result], calls: Iterable[tuple[Any, ...]], count: int, listener: Listener
) -> Iterator[Result]:
    """`work(*call, listener)` for each call, in order: here by default, one after the other, else as joblib is told to.

    Elsewhere each has its share of the processor's threads, and what is said there is said here once it is done. A call
    and its result are pickled then; the result is the same wherever it runs. Calls of a process that was killed are run
    again.

    Args:
        calls: taken as there is room to run them.
        count: how many they are; no more workers are started, nor is the processor shared among more.

    Raises:
        OptionError: processes are killed again and again.
    """
    rest, waiting, lost = iter(calls), deque[tuple[Any, ...]](), 0
    while True:
        again = list(waiting)
        waiting.clear()
        try:
            for result in _run_all(work, _remember(itertools.chain(again, rest), waiting), count, listener):
                waiting.popleft()
                lost = 0
                yield result
            return
        except _list_losses() as error:
            lost += 1
            if lost > RETRIES:
                raise OptionError(
                    "parallel: each process must live until its work is done; one was killed, perhaps for lack of "
                    "memory. Use fewer of them"
                ) from error
            listener.say("a process was killed, perhaps for lack of memory: its work is done again")


def _list_losses() -> tuple[type[Exception], ...]:
    """What the engines that are loaded raise where a process has been killed."""
    names = {
        "joblib.externals.loky.process_executor": "TerminatedWorkerError",
        "ray.exceptions": "RayActorError",
        "distributed.scheduler": "KilledWorker",
    }
    return tuple(getattr(sys.modules[module], name) for module, name in names.items() if module in sys.modules)


def _remember(calls: Iterable[tuple[Any, ...]], waiting: deque[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The same calls, each kept until its result is there."""
    for call in calls:
        waiting.append(call)
        yield call


def _run_all(
    work: Callable[..., Result], calls: Iterator[tuple[Any, ...]], count: int, listener: Listener
) -> Iterator[Result]:
    import joblib
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    # joblib's own backends run one worker in this process
    workers = min(count_workers(), count)
    here = workers == 1 and type(backend).__module__ == "joblib._parallel_backends"
    threads = 0 if here else max(1, count_threads(0) // workers)
    jobs = (joblib.delayed(_run)(work, call, listener if here else None, threads) for call in calls)
    returned = "generator" if backend.supports_return_generator else "list"  # that of Ray gives all at the end
    found = joblib.Parallel(workers, return_as=returned, pre_dispatch="n_jobs", batch_size=1)(jobs)
    try:
        for result, said in found:
            for text in said:
                listener.say(text)
            yield result
    finally:
        if returned == "generator":  # of one that ends early, joblib warns
            with warnings.catch_warnings(action="ignore"):
                found.close()


def count_workers() -> int:
    """How many calls run at once."""
    import joblib

    return int(joblib.effective_n_jobs(None))


def _run(
    work: Callable[..., Result], call: tuple[Any, ...], listener: Listener | None, threads: int
) -> tuple[Result, list[str]]:
    """The result of a call, and what was said to nobody."""
    if listener is not None:
        return work(*call, listener), []
    kept = _Kept()
    with limit_threads(threads):
        return work(*call, kept), kept.said


class _Kept(Listener):
    """Keeps what is said far from the user."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@contextlib.contextmanager
def spread(where: str) -> Iterator[None]:
    """Let the loops of the block run in other processes or on other machines.

    Args:
        where: `processes` (as many as processors), `processes=N`, `ray` (a cluster of this machine), `ray://HOST:PORT`
            or `dask://HOST:PORT`; empty: as it is.

    Raises:
        OptionError: none of these.
        MissingExtra: Ray or Dask is not installed.
    """
    import joblib

    kind, _, address = where.partition("://")
    with contextlib.ExitStack() as stack:
        if found := re.fullmatch(r"processes(?:=([1-9]\d{0,3}))?", where):
            stack.enter_context(joblib.parallel_config("loky", n_jobs=int(found[1] or count_threads(0))))
        elif where == "ray" or (kind == "ray" and address):
            with _reached(where):
                _start_ray(where if address else None, stack)
        elif kind == "dask" and address:
            client = need("distributed", "dask").Client
            with _reached(where):
                stack.enter_context(client(f"tcp://{address}", timeout=PATIENCE_S))
            stack.enter_context(joblib.parallel_config("dask"))
        elif where:
            raise OptionError(f"parallel must be {WHERE}; got {where!r}")
        yield


def _start_ray(address: str | None, stack: contextlib.ExitStack) -> None:
    import joblib

    ray, backend = need("ray", "ray"), need("ray.util.joblib", "ray")
    own = {} if address else {"include_dashboard": False}
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    stack.callback(ray.shutdown)
    backend.register_ray()
    stack.enter_context(joblib.parallel_config("ray", n_jobs=-1))


@contextlib.contextmanager
def _reached(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # which of them depends on the engine
        raise OptionError(f"parallel: a cluster must answer at {where}; got: {shorten(error)}") from error

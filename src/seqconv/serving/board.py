"""Numbers that all workers of a server count, and their text for Prometheus."""

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Mapping

import numpy as np

from seqconv.tasks.drift import DRIFTED, VariableChange

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # upper bounds of latencies
EXAMPLES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STATUSES = (200, 400, 401, 404, 405, 408, 413, 415, 421, 422, 500, 503)
ROUTES = ("predict", "explain", "other")


class Shared:
    """An array that processes share once they are forked, each with a row of its own, so that none waits.

    Attributes:
        worker: row of this process.
    """

    worker = 0
    workers = 1

    def __init__(self, size: int) -> None:
        memory = mmap.mmap(-1, max(8 * size * self.workers, 8))  # of no file; children have the same
        self.table = np.frombuffer(memory, np.float64)[: size * self.workers].reshape(self.workers, size)

    @property
    def own(self) -> np.ndarray:
        """This process's numbers `[size]`, to change."""
        return np.asarray(self.table[self.worker])

    @property
    def sum(self) -> np.ndarray:
        """Over all processes, `[size]`."""
        return np.asarray(self.table.sum(axis=0))


class Histogram:
    """How many values lie up to each of some bounds, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.numbers = Shared(len(bounds) + 2)  # counts of each bin, of those above all bounds, sum

    def add(self, value: float) -> None:
        own = self.numbers.own
        own[bisect_left(self.bounds, value)] += 1
        own[-1] += value

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """As Prometheus wants them: counts are cumulative."""
        found = self.numbers.sum
        cumulated = np.cumsum(found[:-1])
        for bound, count in zip((*(f"{each:g}" for each in self.bounds), "+Inf"), cumulated, strict=True):
            yield f'{name}_bucket{{{labels},le="{bound}"}} {count:.0f}'
        yield f"{name}_sum{{{labels}}} {found[-1]:.6f}"
        yield f"{name}_count{{{labels}}} {cumulated[-1]:.0f}"


class Board:
    """What is counted of the requests to one model."""

    def __init__(self) -> None:
        self.requests = Shared(len(ROUTES) * len(STATUSES))
        self.seconds = {route: Histogram(SECONDS) for route in ROUTES}
        self.batches = Histogram(EXAMPLES)
        self.waiting = Shared(1)

    def answer(self, route: str, status: int, seconds: float) -> None:
        """A request that was answered with this status after so many seconds."""
        place = STATUSES.index(status) if status in STATUSES else STATUSES.index(400)
        self.requests.own[ROUTES.index(route) * len(STATUSES) + place] += 1
        self.seconds[route].add(seconds)


def write_boards(boards: Mapping[str, Board], drift: Mapping[str, Iterable[VariableChange]]) -> str:
    """The text of `/metrics`.

    Args:
        boards: by model.
        drift: each variable next to training, by model.

    Reference: Prometheus, "Exposition formats", text format 0.0.4.
    """
    lines = list(_head("seqconv_requests_total", "counter", "Requests by route and status."))
    for model, board in boards.items():
        counts = board.requests.sum.reshape(len(ROUTES), len(STATUSES))
        for route, row in zip(ROUTES, counts, strict=True):
            labels = f'model="{_escape(model)}",route="{route}"'
            some = [(status, count) for status, count in zip(STATUSES, row, strict=True) if count or status == 200]
            lines += [f'seqconv_requests_total{{{labels},status="{status}"}} {count:.0f}' for status, count in some]
    lines += _head("seqconv_request_seconds", "histogram", "Seconds from the whole request to its answer.")
    for model, board in boards.items():
        for route, histogram in board.seconds.items():
            lines += histogram.lines("seqconv_request_seconds", f'model="{_escape(model)}",route="{route}"')
    lines += _head("seqconv_batch_examples", "histogram", "Examples that were answered together.")
    for model, board in boards.items():
        lines += board.batches.lines("seqconv_batch_examples", f'model="{_escape(model)}"')
    lines += _head("seqconv_requests_waiting", "gauge", "Requests for predictions that wait for their turn.")
    lines += [f'seqconv_requests_waiting{{model="{_escape(m)}"}} {b.waiting.sum[0]:.0f}' for m, b in boards.items()]
    changes = {
        f'{{model="{_escape(model)}",variable="{_escape(each.name)}"}}': each
        for model, found in drift.items()
        for each in found
    }
    lines += _head("seqconv_drift_psi", "gauge", "Population stability index of inputs against training.")
    lines += [f"seqconv_drift_psi{labels} {each.index:.4f}" for labels, each in changes.items()]
    lines += _head("seqconv_drifted", "gauge", "Whether that is above 0.25 and above chance, as seqconv monitor says.")
    lines += [f"seqconv_drifted{labels} {each.state == DRIFTED:d}" for labels, each in changes.items()]
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, about: str) -> Iterable[str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

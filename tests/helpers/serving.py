"""Small models to be served, a server around one, and a client."""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from helpers.networks import random_weights
from helpers.predictors import THREE, by_hand, sequence_predictor, series_predictor, text_predictor
from seqconv.models.format import write_bundle
from seqconv.models.predictor import Predictor
from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, LastStep, Relu
from seqconv.serving.app import LIMIT, App, Rules
from seqconv.serving.models import Models, Served
from seqconv.serving.server import create_server, listen

MANY: Plan = (Embed(7, 4), Conv(4, 8, 3), Relu(), GlobalMaxPool(), Dense(8, 25))
BOUNDED: Plan = (Conv(2, 2, 36), LastStep(), Dense(2, 6))


def create_networks() -> dict[str, Predictor]:
    """Of each task; untrained, which is all the same to a server."""
    series = series_predictor().bundle
    bounded = replace(series.features, margins=(0.1, 0.2))
    recipe = replace(series.recipe, training=replace(series.recipe.training, coverage=0.8))
    return {
        "text": by_hand(),
        "labels": text_predictor(THREE, classes=("a", "b", "c"), multi_label=True),
        "many": text_predictor(MANY, classes=tuple(f"c{number}" for number in range(25))),
        "series": series_predictor(calendar=("day",)),
        "bounded": Predictor(
            replace(series, features=bounded, recipe=recipe, plan=BOUNDED, weights=random_weights(BOUNDED, 5)),
            threads=1,
        ),
        "sequence": sequence_predictor(masked=True),
    }


def write_networks(folder: Path) -> dict[str, Predictor]:
    """The same, each also as a model folder of its name."""
    networks = create_networks()
    for name, predictor in networks.items():
        write_bundle(predictor.bundle, folder / name)
    return networks


def make_rows(count: int = 80, start: str = "2016-12-01T00:00:00", zone: str = "") -> list[dict[str, Any]]:
    """The newest rows of a series, an hour apart, as `series` and `bounded` read them: 71 make a window."""
    values = np.random.default_rng(2).normal([10, -3], [2, 5], (count, 2)).round(2).tolist()
    times = np.datetime64(start) + np.arange(count) * np.timedelta64(3600, "s")
    return [{"time": f"{time}{zone}", "T": t, "p": p} for time, (t, p) in zip(times, values, strict=True)]


class Client:
    """One connection, kept open until the block ends."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and answer; `body` is sent as it is if it is bytes, else as JSON."""
        given = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, given, kind | named)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        plain = answer.getheader("Content-Type") != "application/json"
        return answer.status, text if plain else json.loads(text, parse_constant=_refuse)

    def predict(self, body: Any) -> Any:
        """Predictions of a request that must be right."""
        status, answer = self.ask("POST", "/predict", body)
        assert status == 200, answer
        return answer["predictions"]


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@contextmanager
def serving(
    predictor: Predictor, folder: Path, limit: int = LIMIT, hosts: tuple[str, ...] = (), **rules: Any
) -> Iterator[int]:
    """A server of one model in a thread of this process; its port."""
    with serving_all(Models([Served("model", folder, limit, predictor)]), Rules(limit, hosts, **rules)) as port:
        yield port


@contextmanager
def serving_all(models: Models, rules: Rules) -> Iterator[int]:
    """The same of several models."""
    listening = listen("127.0.0.1", 0)
    server = create_server(App(models, rules))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def running_command(*arguments: str, err: int | IO[Any] = subprocess.PIPE) -> Iterator[tuple[subprocess.Popen, str]]:
    """The command as a process, and the first line that it prints."""
    words = [sys.executable, "-m", "seqconv", "serve", *arguments, "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err, text=True) as running:
        try:
            yield running, running.stdout.readline()
        finally:
            running.kill()

"""Several processes on one socket: they share the work, are replaced when they end, and give way to a new version."""

import json
import os
import re
import signal
import threading
import time
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import numpy as np
import pytest

from helpers.predictors import GRU, text_predictor
from helpers.serving import Client, running_command
from seqconv.models.format import write_bundle

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
ASKED = {"texts": ["not bad film"]}


def write(folder: Path, factor: float) -> None:
    model = text_predictor(GRU)
    weights = {name: np.asarray(array * factor, np.float32) for name, array in model.bundle.weights.items()}
    write_bundle(replace(model.bundle, weights=weights), folder)


def children(pid: int) -> set[int]:
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def count_requests(port: int) -> int:
    with Client(port) as client:
        text = client.ask("GET", "/metrics")[1]
    return int(re.search(r'requests_total\{model="m",route="predict",status="200"\} (\d+)', text)[1])


def test_workers_answer_are_replaced_and_stop(tmp_path):
    write(tmp_path / "m", 1)
    with running_command(str(tmp_path / "m"), "--workers", "2", "--json") as (running, line):
        port = int(json.loads(line)["url"].rpartition(":")[2])
        first = children(running.pid)
        assert len(first) == 2
        for _ in range(20):
            with Client(port) as client:  # a connection each, so that both have some
                client.predict(ASKED)
        assert count_requests(port) == 20  # of both
        os.kill(min(first), signal.SIGKILL)
        deadline = time.monotonic() + 30
        while len(children(running.pid) - {min(first)}) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(children(running.pid) - {min(first)}) == 2
        with Client(port) as client:
            assert client.predict(ASKED)
        running.terminate()
        out, err = running.communicate(timeout=30)
        assert running.returncode == 0
        assert out == ""
        assert "another one is started" in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in first)


def test_workers_that_a_terminal_stops_too_are_not_replaced(tmp_path):
    write(tmp_path / "m", 1)
    with running_command(str(tmp_path / "m"), "--workers", "2", "--json") as (running, _):
        workers = children(running.pid)
        for pid in (running.pid, *workers):  # as Ctrl-C does
            os.kill(pid, signal.SIGINT)
        assert running.communicate(timeout=30) == ("", "")
        assert running.returncode == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_new_version_is_taken_without_losing_a_request(tmp_path, workers):
    write(tmp_path / "m", 1)
    with running_command(str(tmp_path / "m"), "--workers", workers, "--json") as (running, line):
        port = int(json.loads(line)["url"].rpartition(":")[2])
        found: list[float] = []
        lost: list[BaseException] = []
        stop = threading.Event()

        def ask() -> None:
            try:
                while not stop.is_set():
                    with Client(port) as client:
                        # the server may end a connection with an answer; http.client then opens a new one
                        found.extend(client.predict(ASKED)[0]["probabilities"]["pos"] for _ in range(10))
            except (OSError, HTTPException, AssertionError) as error:
                lost.append(error)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for each in threads:
            each.start()
        time.sleep(0.5)
        write(tmp_path / "m", 3)
        running.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while len(set(found)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        stop.set()
        for each in threads:
            each.join()
        running.terminate()
        _, err = running.communicate(timeout=90)
    assert not lost
    assert len(set(found)) == 2
    assert found[-1] != found[0]
    assert "read anew" in err
    assert running.returncode == 0


def test_other_machines_are_not_let_in_without_a_token(tmp_path):
    from helpers.command import start_seqconv

    write(tmp_path / "m", 1)
    done = start_seqconv("serve", "m", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path, code=2)
    assert done.stderr.startswith("seqconv: --host 0.0.0.0: must not be reached by other machines without a token")
    (tmp_path / "short").write_text("abc\n")
    done = start_seqconv("serve", "m", "--token-file", "short", cwd=tmp_path, code=2)
    assert "16 or more ASCII characters" in done.stderr
    (tmp_path / "token").write_text("0123456789abcdefghij\n")
    for flags in (("--token-file", str(tmp_path / "token")), ("--insecure",)):
        with running_command(str(tmp_path / "m"), "--host", "0.0.0.0", *flags, "--json") as (_, line):
            port = int(json.loads(line)["url"].rpartition(":")[2])
            with Client(port) as client:
                assert client.ask("POST", "/predict", ASKED)[0] == (200 if flags == ("--insecure",) else 401)
                right = {"Authorization": "Bearer 0123456789abcdefghij"}
                assert client.ask("POST", "/predict", ASKED, **right)[0] == 200

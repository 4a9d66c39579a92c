"""The server as a process: many clients at once, starting and stopping, what it loads."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import seqconv
from helpers.runs import train_baselines
from helpers.serving import Client, make_rows, running_command, serving
from helpers.tasks import change_task
from seqconv.__main__ import main
from seqconv.models.format import write_bundle
from seqconv.tasks.kinds import TASKS

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def baselines(tmp_path_factory) -> Path:
    """A baseline of each task."""
    kinds = {"text": ["nb-svm"], "series": ["ridge"], "sequence": ["dtw"]}
    return train_baselines(tmp_path_factory.mktemp("baselines"), kinds)


# Many at once


@pytest.mark.parametrize("kind", ["network", "nb-svm"])
def test_many_requests_at_once_get_the_answers_of_one_at_a_time(networks, folder, baselines, kind):
    place = folder / "text" if kind == "network" else baselines / f"text-{kind}"
    predictor = seqconv.load(place)
    texts = [f"{'good ' * (n % 5)}{'bad ' * (n % 3)}film {n}" for n in range(600)]
    asked = [texts[n : n + 1 + 290 * (n % 7 == 0)] for n in range(100)]
    wanted = [predictor.predict(some)[:, 1].tolist() for some in asked]
    with serving(predictor, place) as port, ThreadPoolExecutor(8) as pool:
        name = predictor.bundle.features.classes[1]

        def ask(some: list[str]) -> list[float]:
            with Client(port) as client:
                return [each["probabilities"][name] for each in client.predict({"texts": some})]

        assert list(pool.map(ask, asked)) == wanted


def test_predictions_and_explanations_at_once_are_those_of_one_at_a_time(networks, folder):
    rows = [{"rows": make_rows(72 + n)} for n in range(40)]
    with serving(networks["series"], folder / "series") as port, ThreadPoolExecutor(8) as pool:

        def ask(asked: tuple[str, dict]) -> tuple[int, dict]:
            with Client(port) as client:
                return client.ask("POST", *asked)

        asked = [(path, body) for body in rows for path in ("/predict", "/explain")]
        alone = [ask(each) for each in asked]
        assert {status for status, _ in alone} == {200}
        assert list(pool.map(ask, asked)) == alone


def test_a_small_request_need_not_wait_for_all_of_a_large_one(networks, folder, monkeypatch):
    sizes, task = [], TASKS["text"]
    with serving(networks["text"], folder / "text") as port, Client(port) as one, Client(port) as other:
        small = threading.Thread(target=other.predict, args=[{"texts": ["a"]}])

        def answer(trained, texts):
            if not sizes:
                small.start()
            sizes.append(len(texts))
            time.sleep(0.05)
            return task.answer_request(trained, texts)

        change_task(monkeypatch, "text", answer_request=answer)
        assert len(one.predict({"texts": ["good"] * 20 * 256})) == 20 * 256
        small.join()
    assert sorted(sizes) == [1] + [256] * 20
    assert sizes[-1] == 256


def test_an_answer_does_not_wait_for_the_network(networks, folder):
    times = []
    with serving(networks["text"], folder / "text") as port, Client(port) as client:
        for _ in range(20):
            started = time.perf_counter()
            client.ask("GET", "/health")
            times.append(time.perf_counter() - started)
    assert min(times) < 0.03  # a client that has half of the answer waits 0.04 s before it says so


# Start and stop


@pytest.mark.parametrize("each", [signal.SIGINT, signal.SIGTERM])
def test_the_command_starts_answers_and_stops_cleanly(networks, folder, each):
    with running_command(str(folder / "text"), "--json") as (running, line):
        said = json.loads(line)
        port = int(said["url"].rpartition(":")[2])
        assert said == {"url": f"http://127.0.0.1:{port}", "model": "demo-text"}
        with Client(port) as client:  # its connection is left open
            assert client.predict({"texts": ["not bad"]})[0]["prediction"] == "pos"
            assert client.ask("GET", "/model", Host="example.org")[0] == 421
            running.send_signal(each)
            assert running.communicate(timeout=30) == ("", "")
        assert running.returncode == 0


def test_a_request_under_way_is_answered_before_the_server_stops(baselines):
    with running_command(str(baselines / "text-nb-svm")) as (running, line):
        said = re.fullmatch(r"texts on http://127\.0\.0\.1:(\d+) \(Ctrl-C stops\)\n", line)
        with Client(int(said[1])) as client:
            connection = client.connection
            connection.putrequest("POST", "/predict")
            for name, value in (("Content-Type", "application/json"), ("Content-Length", "19")):
                connection.putheader(name, value)
            connection.endheaders(b'{"texts": ')
            time.sleep(0.3)
            running.terminate()
            time.sleep(0.3)
            connection.send(b'["good"]}')
            assert connection.getresponse().status == 200
        assert running.communicate(timeout=30) == ("", "")
        assert running.returncode == 0


HOST = b"Host: localhost\r\n"
ROTTEN = HOST + b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n"


def test_what_clients_do_wrong_is_told_to_them_and_not_logged(networks, folder):
    malformed = [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\n" + ROTTEN]
    malformed += [b"POST /%s HTTP/1.1\r\n" % path + ROTTEN for path in (b"predict", b"model", b"nowhere")]
    upgrade = b"GET /health HTTP/1.1\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n" + HOST + b"\r\n"
    with running_command(str(folder / "text")) as (running, line):
        port = int(re.search(r":(\d+) ", line)[1])
        for request, status in [(each, b"400") for each in malformed] + [(upgrade, b"200")]:
            for cut in (len(request), -14):  # sent at once; in two parts
                with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                    client.sendall(request[:cut])
                    time.sleep(0.05)
                    client.sendall(request[cut:])
                    assert client.recv(100).startswith(b"HTTP/1.1 " + status), request
        running.terminate()
        assert running.communicate(timeout=30) == ("", "")


def run(monkeypatch, capsys, *arguments: str) -> str:
    """The one line of a command that does not start."""
    monkeypatch.setattr(sys, "argv", ["seqconv", "serve", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def test_what_cannot_start_says_why(networks, folder, monkeypatch, capsys):
    text = str(folder / "text")
    assert "must be a run or model folder" in run(monkeypatch, capsys, str(folder / "nowhere"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = run(monkeypatch, capsys, text, "--port", port)
    assert line == (
        f"seqconv: --port {port} of 127.0.0.1: must be free to listen on; Address already in use. Choose another\n"
    )
    for host in ("no.such.host.invalid", "x" * 100, "192.0.2.1"):
        line = run(monkeypatch, capsys, text, "--host", host)
        assert line.startswith(f"seqconv: --host {host}: must be ")
        assert "--port" not in line
    for module in ("starlette", "uvicorn"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            line = run(patch, capsys, text)
        assert line == f"seqconv: {module} is not installed. Install it with: pip install 'seqconv[serve]'\n"


def test_a_model_without_words_is_refused_at_the_start(networks, tmp_path, monkeypatch, capsys):
    bundle = networks["text"].bundle
    write_bundle(replace(bundle, features=replace(bundle.features, vocabulary=None)), tmp_path / "ids")
    assert "cannot read texts" in run(monkeypatch, capsys, str(tmp_path / "ids"), "--port", "0")


def test_serving_loads_no_heavy_package(networks, folder, baselines):
    code = """
import io, json, sys
from pathlib import Path
from seqconv.serving import requests as answers
from seqconv.models.predictor import load
from seqconv.serving.app import App, Rules
from seqconv.serving.models import Models, Served
for line in sys.stdin:
    folder, body = json.loads(line)
    predictor = load(folder, threads=1)
    App(Models([Served("model", Path(folder), 1000, predictor)]), Rules())
    body = json.dumps(body).encode()
    assert all(answers.predict(predictor, body)) and answers.explain(predictor, body)
print(*{"torch", "matplotlib", "sklearn", "scipy", "ray", "pandas"} & set(sys.modules))
"""
    hours = [{"time": row["time"], "a": row["T"], "b": row["p"], "c": 0.5} for row in make_rows(400)]
    asked = [
        (folder / "text", {"texts": ["good"]}),
        (folder / "series", {"rows": make_rows()}),
        (folder / "sequence", {"sequences": [[[1, 2]]]}),
        (baselines / "text-nb-svm", {"texts": ["good"]}),
        (baselines / "series-ridge", {"rows": hours}),
        (baselines / "sequence-dtw", {"sequences": [[[1]] * 30]}),
    ]
    lines = "".join(f"{json.dumps([str(place), body])}\n" for place, body in asked)
    done = subprocess.run([sys.executable, "-c", code], input=lines, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

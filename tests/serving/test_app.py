"""Several models, tokens, limits and numbers of a server, over real connections."""

import base64
import json
import re
import socket
import threading
import time
from contextlib import ExitStack, suppress

import numpy as np
import pytest

from helpers.pages import find_flaws
from helpers.serving import Client, make_rows, serving, serving_all
from helpers.tasks import change_task
from seqconv.models.predictor import Predictor
from seqconv.serving.app import Rules
from seqconv.serving.models import Models, Served
from seqconv.serving.patience import Impatient
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.profiles import Profile

TOKEN = "a-token-that-nobody-guesses"
ASKED = {"texts": {"texts": ["not bad"]}, "rows": {"rows": make_rows()}, "sequences": {"sequences": [[[0.5, 1]]]}}


@pytest.fixture(scope="module")
def client(networks, folder):
    """Of a server of a model of texts, which is the first, one of series and one of sequences."""
    served = [Served(name, folder / name, 10**6, networks[name]) for name in ("text", "series", "sequence")]
    with serving_all(Models(served), Rules(10**6)) as port, Client(port) as client:
        yield client


def test_each_model_answers_under_its_name_and_the_first_without(client):
    status, found = client.ask("GET", "/models")
    assert status == 200
    assert [each["name"] for each in found["models"]] == ["text", "series", "sequence"]
    assert found["default"] == "text"
    for each in found["models"]:
        status, about = client.ask("GET", f"/models/{each['name']}")
        assert (status, about["takes"]) == (200, each["takes"])
        status, answer = client.ask("POST", f"/models/{each['name']}/predict", ASKED[each["takes"]])
        assert status == 200
        assert answer["predictions"]
        assert client.ask("POST", f"/models/{each['name']}/explain", ASKED[each["takes"]])[0] == 200
        assert find_flaws(client.ask("GET", f"/models/{each['name']}/")[1]) == []
    first = client.ask("POST", "/models/text/predict", ASKED["texts"])
    assert client.ask("POST", "/predict", ASKED["texts"]) == first
    for path in ("/models/none/predict", "/models/../predict", "/models//predict"):
        status, answer = client.ask("POST", path, ASKED["texts"])
        assert (status, list(answer)) == (404, ["error"])


def test_a_token_is_needed_everywhere_but_to_watch(networks, folder):
    with serving(networks["text"], folder / "text", token=TOKEN) as port, Client(port) as client:
        assert client.ask("GET", "/health")[0] == client.ask("GET", "/ready")[0] == 200
        basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
        wrong = base64.b64encode(b"anybody:wrong").decode()
        routes = [("GET", "/"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/models"), ("GET", "/nowhere")]
        for method, path, body in [*((*each, None) for each in routes), ("POST", "/predict", ASKED["texts"])]:
            for given in ("", TOKEN, f"Bearer {TOKEN}x", "Bearer", f"Basic {wrong}", "Basic !", f"Bearer {TOKEN[:-1]}"):
                status, answer = client.ask(method, path, body, **({"Authorization": given} if given else {}))
                assert (status, list(answer)) == (401, ["error"]), (path, given)
                assert TOKEN not in answer["error"]
            for given in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
                assert client.ask(method, path, body, Authorization=given)[0] == (404 if path == "/nowhere" else 200)
        client.connection.request("GET", "/")
        answer = client.connection.getresponse()
        answer.read()
        assert answer.headers.get_all("WWW-Authenticate") == ["Bearer", 'Basic realm="seqconv"']


def test_a_request_that_comes_too_slowly_is_told_so(networks, folder):
    with serving(networks["text"], folder / "text", body_s=0.3) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            client.sendall(b"Content-Length: 100\r\n\r\n{")
            said = client.recv(10_000)
            assert said.startswith(b"HTTP/1.1 408")
            assert b"must come within 0.3 s" in said + client.recv(10_000)
            assert client.recv(1) == b""  # the connection is closed
        with Client(port) as other:
            assert other.predict(ASKED["texts"])


def read_rest(client: socket.socket) -> bytes:
    """An answer of `/health`, or nothing where the connection is closed."""
    found = b""
    while not found.endswith(b"}\n") and (more := client.recv(10_000)):
        found += more
    return found


def test_a_head_that_does_not_come_is_not_waited_for(networks, folder, monkeypatch):
    monkeypatch.setattr(Impatient, "head_s", 0.3)
    with serving(networks["text"], folder / "text") as port, ExitStack() as stack:
        idle, slow, good = (
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(3)
        )
        slow.sendall(b"GET /health HTTP/1.1\r\nHos")
        good.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_rest(good).startswith(b"HTTP/1.1 200")
        for each in (idle, slow):
            with suppress(ConnectionResetError):
                assert each.recv(100) == b""
        time.sleep(0.5)  # an answered connection may be idle for longer, and is asked again
        good.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_rest(good).startswith(b"HTTP/1.1 200")
        good.sendall(b"GET /health HTTP/1.1\r\nHos")
        with suppress(ConnectionResetError):
            assert read_rest(good) == b""


def test_requests_that_arrive_together_are_answered_in_one_batch(networks, folder, monkeypatch):
    task, sizes, first = TASKS["text"], [], threading.Event()

    def answer(trained, texts):
        sizes.append(len(texts))
        if len(sizes) == 1:
            assert first.wait(10)
        return task.answer_request(trained, texts)

    texts = [f"good {'film ' * n}" for n in range(9)]
    wanted = networks["text"].predict(texts)[:, 1].tolist()
    found: dict[int, float] = {}
    with serving(networks["text"], folder / "text") as port:
        change_task(monkeypatch, "text", answer_request=answer)

        def ask(place: int) -> None:
            with Client(port) as client:
                found[place] = client.predict({"texts": [texts[place]]})[0]["probabilities"]["pos"]

        threads = [threading.Thread(target=ask, args=[place]) for place in range(9)]
        for each in threads:
            each.start()
            time.sleep(0.05)
        with Client(port) as client:
            text = client.ask("GET", "/metrics")[1]
            assert 'seqconv_requests_waiting{model="model"} 9' in text
        first.set()
        for each in threads:
            each.join()
        with Client(port) as client:
            text = client.ask("GET", "/metrics")[1]
    assert sizes == [1, 8]
    assert [found[place] for place in range(9)] == wanted
    assert 'seqconv_batch_examples_bucket{model="model",le="1"} 1' in text
    assert 'seqconv_batch_examples_count{model="model"} 2' in text
    assert 'seqconv_batch_examples_sum{model="model"} 9.000000' in text


def test_one_that_is_wrong_does_not_spoil_the_batch_of_the_others(networks, folder, monkeypatch):
    started, go = threading.Event(), threading.Event()
    task = TASKS["sequence"]

    def answer(trained, sequences):
        if not started.is_set():
            started.set()
            assert go.wait(10)
        return task.answer_request(trained, sequences)

    bodies = [[[[0, 0]]], [[[1, 1]]], [[[1e38, 1]]], [[[2, "x"]]], [[[2, 2]]], "no list"]
    found: dict[int, tuple[int, dict]] = {}
    with serving(networks["sequence"], folder / "sequence") as port:
        with Client(port) as client:
            alone = [client.ask("POST", "/predict", {"sequences": body}) for body in bodies]
        change_task(monkeypatch, "sequence", answer_request=answer)

        def ask(place: int) -> None:
            with Client(port) as client:
                found[place] = client.ask("POST", "/predict", {"sequences": bodies[place]})

        threads = [threading.Thread(target=ask, args=[place]) for place in range(len(bodies))]
        threads[0].start()
        assert started.wait(10)
        for each in threads[1:]:
            each.start()
        time.sleep(0.5)
        go.set()
        for each in threads:
            each.join()
    assert [found[place] for place in range(len(bodies))] == alone
    assert [status for status, _ in alone][3:] == [422, 200, 422]


def test_where_too_many_wait_it_says_when_to_ask_again(networks, folder, monkeypatch):
    started, go = threading.Event(), threading.Event()
    task = TASKS["text"]

    def answer(trained, texts):
        started.set()
        assert go.wait(10)
        return task.answer_request(trained, texts)

    with serving(networks["text"], folder / "text", waiting=2) as port, ExitStack() as stack:
        change_task(monkeypatch, "text", answer_request=answer)
        clients = [stack.enter_context(Client(port)) for _ in range(2)]
        threads = [threading.Thread(target=each.predict, args=[ASKED["texts"]]) for each in clients]
        threads[0].start()
        assert started.wait(10)
        threads[1].start()
        time.sleep(0.3)
        with Client(port) as client:
            client.connection.request(
                "POST", "/predict", json.dumps(ASKED["texts"]), {"Content-Type": "application/json"}
            )
            refused = client.connection.getresponse()
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "1"
            assert "busy" in json.loads(refused.read())["error"]
            assert client.ask("GET", "/ready")[0] == 503
            assert client.ask("GET", "/health")[0] == 200
            go.set()
            for each in threads:
                each.join()
            assert client.ask("GET", "/ready") == (200, {"status": "ready"})
            assert client.predict(ASKED["texts"])


def test_metrics_count_what_was_asked(client):
    def read() -> dict[str, float]:
        _, text = client.ask("GET", "/metrics")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r"[a-z_]+\{[^{}]*\} -?[0-9.]+", line) for line in lines), text
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    before = read()
    client.ask("POST", "/models/series/predict", ASKED["rows"])
    client.ask("POST", "/models/series/predict", {"rows": []})
    client.ask("POST", "/models/series/explain", ASKED["rows"])
    after = read()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown('seqconv_requests_total{model="series",route="predict",status="200"}') == 1
    assert grown('seqconv_requests_total{model="series",route="predict",status="422"}') == 1
    assert grown('seqconv_requests_total{model="series",route="explain",status="200"}') == 1
    assert grown('seqconv_request_seconds_count{model="series",route="predict"}') == 2
    assert grown('seqconv_request_seconds_bucket{model="series",route="predict",le="+Inf"}') == 2
    assert grown('seqconv_batch_examples_sum{model="series"}') > 0


def test_metrics_tell_the_drift_of_requests(networks, folder, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr("seqconv.serving.watching.PAUSE_S", 0)
    bundle = networks["sequence"].bundle
    task = TASKS["sequence"]
    random = np.random.default_rng(0)

    def make(level: float, count: int) -> list:
        return random.normal(level, 1, (count, 5, 2)).round(3).tolist()

    raw = task.read_request(bundle, make(0, 400), 1)
    profile = Profile.fit(task.sample(bundle.features, raw), {}, 1)
    model = Predictor(replace(bundle, profile=profile), threads=1)
    found, drifted = {}, {}
    for level in (0, 3):
        with serving(model, folder / "sequence") as port, Client(port) as client:
            client.predict({"sequences": make(level, 10)})
            assert "seqconv_drift_psi{" not in client.ask("GET", "/metrics")[1]  # too few to tell
            client.predict({"sequences": make(level, 200)})
            text = client.ask("GET", "/metrics")[1]
            found[level] = float(re.search(r'seqconv_drift_psi\{model="model",variable="x"\} (\S+)', text)[1])
            drifted[level] = int(re.search(r'seqconv_drifted\{model="model",variable="x"\} (\S+)', text)[1])
    assert found[0] < 0.1
    assert found[3] > 1
    assert drifted == {0: 0, 3: 1}


def test_the_document_describes_every_route_and_what_it_describes_holds(client):
    status, document = client.ask("GET", "/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert {"/predict", "/explain", "/model", "/models", "/models/series/predict", "/metrics"} <= set(document["paths"])
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            if method == "get":
                assert client.ask("GET", path)[0] == 200
                continue
            schema = found["requestBody"]["content"]["application/json"]["schema"]
            key = schema["required"][0]
            assert client.ask("POST", path, ASKED[key])[0] == 200
            assert schema["additionalProperties"] is False
            status, answer = client.ask("POST", path, {**ASKED[key], "other": 1})
            assert (status, list(answer)) == (422, ["error"])
            assert str(status) in found["responses"]
    explained = document["paths"]["/models/series/explain"]["post"]["requestBody"]["content"]["application/json"]
    assert explained["schema"]["properties"]["lead"] == {"enum": ["2 h", "6 h"]}
    page = client.ask("GET", "/docs")[1]
    assert find_flaws(page) == []
    assert "POST /models/sequence/predict" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_document_says_that_a_token_is_needed(networks, folder):
    with serving(networks["text"], folder / "text", token=TOKEN) as port, Client(port) as client:
        document = client.ask("GET", "/openapi.json", Authorization=f"Bearer {TOKEN}")[1]
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["paths"]["/health"]["get"]["security"] == []

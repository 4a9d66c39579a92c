"""Requests of every kind of damage to one server: it answers or refuses each, and loses no good one between them."""

import contextlib
import json
import random
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fuzz.damage import damage
from helpers.serving import Client, running_command, write_networks

TEXTS = (["not good"], ["a good film", "", "bad, far from dull"], ["good\n☃ 😀 bad"] * 3)
PATIENCE_S = 30  # for an answer: a hang, if it takes longer
REFUSALS = {400, 404, 405, 413, 415, 421, 422}
LARGEST = 1  # megabytes of a request
LINES = (  # headers that may change where a request ends
    "Content-Length: 5|Content-Length: -1|Content-Length: 1e3|Content-Length: 99999999999999999999|Content-Length:|: x",
    "Content-Length: 3, 3|Content-Length : 3|Transfer-Encoding: chunked|Transfer-Encoding: gzip, chunked|Upgrade: h2c",
    "Transfer-Encoding: identity|Transfer-Encoding: \x0bchunked|Host: example.org|Host:|Connection: close| folded: yes",
    "Connection: keep-alive, upgrade|Expect: 100-continue|X: \0|X: é|Content-Type: application/json",
)
HEADERS = [*"|".join(LINES).encode().split(b"|"), b"X: " + b"y" * 70_000, b"A: b\r\n" * 200]
WISHES = (  # headers that do not
    b"Content-Type: text/plain|Content-Type: |Content-Type: application/json; charset=utf-16|Content-Encoding: gzip|"
    b"Content-Encoding: identity|Host: example.org|Host: [|Host: localhost:99999999|Accept: nothing/at-all|"
    b"Expect: 100-continue|Connection: upgrade|Upgrade: websocket|X-Forwarded-Host: localhost|Origin: null"
).split(b"|")
PATHS = b"/predict /explain /model /health / /none /%00%ff?a=% * http://localhost/predict".split()
PIECES = [
    *b"\r\n|\n|\r|\r\n\r\n|\0| |:|HTTP/2.0|HTTP/1.0|%|\xff\xfe|\x16\x03\x01|0\r\n\r\n|-1\r\n|5;x=y\r\n".split(b"|"),
    *b'FFFFFFFFFFFFFFFF\r\n|PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n|{|"|NaN|1e999|\\ud800|null|,|\xef\xbb\xbf'.split(b"|"),
    *(b"[" * 3000, b"9" * 5000),
]


@dataclass
class Service:
    """The server's process, what it must answer to good requests, and connections that clients have left open."""

    port: int
    log: Path
    good: list[tuple[bytes, list[list[float]]]]
    left: deque[socket.socket] = field(default_factory=lambda: deque(maxlen=50))


@dataclass(frozen=True)
class Request:
    """What is sent.

    Args:
        content: all bytes.
        framed: it is HTTP, so that it has one answer, and so has what follows it on the connection.
        wanted: its probabilities, if it is good.
    """

    content: bytes
    framed: bool = False
    wanted: list[list[float]] | None = None


@pytest.fixture(scope="session")
def service(tmp_path_factory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("fuzzed")
    predictor, log = write_networks(folder)["text"], folder / "log"
    good = [(json.dumps({"texts": list(each)}).encode(), predictor.predict(list(each)).tolist()) for each in TEXTS]
    command = (str(folder / "text"), "--json", "--limit", str(LARGEST))
    with log.open("w") as err, running_command(*command, err=err) as (running, line):
        port = int(json.loads(line)["url"].rpartition(":")[2])
        yield (service := Service(port, log, good))
        for client in service.left:
            client.close()
        assert log.read_text() == ""
        running.terminate()
        assert running.wait(PATIENCE_S) == 0
    assert log.read_text() == ""


# Requests


def build(body: bytes, *headers: bytes, line: bytes = b"POST /predict HTTP/1.1") -> bytes:
    names = {each.partition(b":")[0].lower() for each in headers}
    plain = [b"Host: localhost", b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    plain = [each for each in plain if each.partition(b":")[0].lower() not in names]
    return b"\r\n".join([line, *plain, *headers, b"", b""]) + body


def build_chunked(body: bytes, wanted: list[list[float]], chance: random.Random) -> Request:
    """The body in chunks; most are damaged, and for any route."""
    parts, start = [], 0
    while start < len(body):
        part = body[start : start + chance.choice((1, 2, 7, 50))]
        start += len(part)
        parts.append(b"%x%s\r\n%s\r\n" % (len(part), chance.choice((b"", b"", b";name=value")), part))
    chunks = b"".join(parts) + b"0\r\n" + chance.choice((b"", b"", b"Trailer: x\r\n")) + b"\r\n"
    head = b"Host: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    if chance.random() < 0.3:
        return Request(b"POST /predict HTTP/1.1\r\n" + head + chunks, True, wanted)
    return Request(b"POST %s HTTP/1.1\r\n" % chance.choice(PATHS) + head + damage(chunks, chance, PIECES))


def make(service: Service, chance: random.Random) -> Request:
    """A request of some kind: of a damaged line, headers, JSON or chunks, damaged anywhere, or of odd wishes."""
    body, wanted = chance.choice(service.good)
    kind = chance.choice(("line", "headers", "json", "json", "chunks", "anywhere", "wishes", "large"))
    if kind == "line":
        return Request(build(body, line=damage(b"POST /predict HTTP/1.1", chance, PIECES)))
    if kind == "headers":
        return Request(build(body, *chance.sample(HEADERS, chance.choice((1, 1, 2, 4)))))
    if kind == "json":
        path = chance.choice((b"/predict", b"/explain"))
        return Request(build(damage(body, chance, PIECES), line=b"POST " + path + b" HTTP/1.1"), True)
    if kind == "chunks":
        return build_chunked(body, wanted, chance)
    if kind == "anywhere":
        return Request(damage(build(body), chance, PIECES))
    if kind == "large" and chance.random() < 0.1:
        return Request(build(b'{"texts": ["%s"]}' % (b"x " * 600_000)), True)
    line = b"%s %s HTTP/1.1" % (chance.choice((b"POST", b"GET", b"PUT", b"OPTIONS", b"x!#$")), chance.choice(PATHS))
    wishes = {each.partition(b":")[0]: each for each in chance.sample(WISHES, chance.choice((1, 2, 3)))}
    return Request(build(body, *wishes.values(), line=line), True)


# Answers


def split(received: bytes) -> list[tuple[int, bytes]]:
    """Status and body of the answers that are whole, without those that say to go on."""
    answers = []
    while (match := re.match(rb"HTTP/1\.1 (\d{3}) .*?\r\n\r\n", received, re.DOTALL)) is not None:
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", match[0])
        end = match.end() + int(length[1] if length else 0)
        if end > len(received):
            break
        if match[1] != b"100":
            answers.append((int(match[1]), received[match.end() : end]))
        received = received[end:]
    return answers


def probabilities(answer: dict[str, Any]) -> list[list[float]]:
    return [list(each["probabilities"].values()) for each in answer["predictions"]]


def read_both(client: socket.socket) -> list[tuple[int, bytes]]:
    """Answers of a request and of what follows it on the connection."""
    received = b""
    while len(answers := split(received)) < 2:
        part = client.recv(1 << 20)
        assert part, f"closed after {received!r}"
        received += part
    return answers


def read_rest(client: socket.socket) -> bytes:
    """What comes at once, and until the server closes, once the client has said that it sends no more."""
    received = b""
    with contextlib.suppress(ConnectionError):
        client.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            while part := client.recv(1 << 20):
                received += part
        client.settimeout(PATIENCE_S)
        with contextlib.suppress(OSError):  # the server has closed
            client.shutdown(socket.SHUT_WR)
        while part := client.recv(1 << 20):
            received += part
    return received


def check_answer(request: Request, status: int, body: bytes) -> None:
    if request.wanted is not None:
        assert (status, probabilities(json.loads(body))) == (200, request.wanted)
    elif status != 200:
        assert status in REFUSALS
        assert body.count(b"\n") == 1
        assert len(json.loads(body)["error"]) <= 600


def ask_good(service: Service, client: Client, chance: random.Random) -> None:
    body, wanted = chance.choice(service.good)
    status, answer = client.ask("POST", "/predict", body)
    assert (status, probabilities(answer)) == (200, wanted)


def send(service: Service, request: Request, steady: Client, chance: random.Random) -> socket.socket:
    """The request, in parts with good requests of another client between them."""
    client = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    content = request.content
    cuts = sorted(chance.randrange(len(content) + 1) for _ in range(chance.choice((0, 1, 1, 3))))
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        try:
            client.sendall(content[start:end])
        except ConnectionError:  # it was refused before its end
            assert not request.framed
            break
        ask_good(service, steady, chance)
    return client


def check(service: Service, steady: Client, seed: int) -> None:
    chance = random.Random(seed)
    request = make(service, chance)
    client = send(service, request, steady, chance)
    ending = chance.choice(("read", "read", "read", "close", "reset", "leave"))
    if ending == "leave":
        if len(service.left) == service.left.maxlen:
            service.left.popleft().close()
        service.left.append(client)
        return
    with client:
        if ending == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif ending == "read" and request.framed:
            body, wanted = chance.choice(service.good)
            client.sendall(build(body))
            first, second = read_both(client)
            check_answer(request, *first)
            check_answer(Request(b"", True, wanted), *second)
        elif ending == "read":
            statuses = re.findall(rb"(?m)^HTTP/1\.1 (\d{3})", read_rest(client))
            assert {int(status) for status in statuses} <= REFUSALS | {100, 200}
    with Client(service.port) as fresh:
        ask_good(service, fresh, chance)


@pytest.mark.fuzz(small=200, whole=10_000)
def test_no_request_harms_the_server_or_another(service, seeds):
    faults = []
    with Client(service.port) as steady:
        for seed in seeds:
            try:
                check(service, steady, seed)
            except (AssertionError, OSError, ValueError) as error:
                faults.append(f"seed {seed}: {type(error).__name__} {str(error)[:500]}")
    time.sleep(0.05)  # for what it may have to say
    faults += [f"the server said: {said[-2000:]}"] if (said := service.log.read_text()) else []
    assert not faults, "\n".join(faults)

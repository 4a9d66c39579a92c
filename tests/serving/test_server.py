"""The routes of the server over real connections, and what they refuse."""

import gzip
import json
from contextlib import ExitStack
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.pages import find_flaws
from helpers.serving import Client, make_rows, serving
from helpers.tasks import change_task
from seqconv.models.format import FORMAT
from seqconv.serving.server import LOOPBACK
from seqconv.tasks.kinds import find_task
from seqconv.tasks.sequence.answers import make_example as make_steps_example
from seqconv.tasks.series.answers import make_example as make_rows_example

LIMIT = 200_000  # bytes; small, so that a test can pass it
NETWORKS = ("text", "labels", "many", "series", "bounded", "sequence")


@pytest.fixture(scope="module")
def clients(networks, folder):
    """A connection to a server of each network."""
    with ExitStack() as stack:
        ports = {name: stack.enter_context(serving(each, folder / name, LIMIT)) for name, each in networks.items()}
        yield {name: stack.enter_context(Client(port)) for name, port in ports.items()}


# Routes


@pytest.mark.parametrize("name", NETWORKS)
def test_every_route_answers(clients, name):
    client = clients[name]
    assert client.ask("GET", "/health") == (200, {"status": "ok"})
    status, about = client.ask("GET", "/model")
    assert (status, about["largest_request"], about["format"]) == (200, LIMIT, FORMAT)
    asked = {"texts": ["not bad"], "rows": make_rows(), "sequences": [[[0.5, None], [1, 2]]]}[about["takes"]]
    found = client.predict({about["takes"]: asked})
    assert found
    assert all("prediction" in each for each in found)
    status, why = client.ask("POST", "/explain", {about["takes"]: asked})
    assert status == 200
    assert why["method"] in ("filters", "occlusion")
    assert why["verdict"]
    assert all(one["because"] for one in why.get("labels", [why]))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_packed_request_is_refused_by_its_name(clients, coding):
    body = gzip.compress(b'{"texts": ["good"]}')
    status, answer = clients["text"].ask("POST", "/predict", body, Content_Encoding=coding)
    assert (status, coding in answer["error"]) == (415, True)
    assert clients["text"].ask("POST", "/predict", {"texts": ["good"]}, Content_Encoding="identity")[0] == 200


def test_a_byte_order_mark_is_no_part_of_a_request(clients):
    plain = json.dumps({"texts": ["good film"]}).encode()
    assert clients["text"].ask("POST", "/predict", b"\xef\xbb\xbf" + plain) == clients["text"].ask(
        "POST", "/predict", plain
    )


def test_answers_are_those_of_the_predictor(clients, networks):
    texts = ["a good film", "not bad", "\N{GRINNING FACE} ممتاز\x00", "", "film " * 9000]
    found = clients["text"].predict({"texts": texts})
    assert [each["probabilities"]["pos"] for each in found] == networks["text"].predict(texts)[:, 1].tolist()
    rows = make_rows()
    values = np.array([[row["T"], row["p"]] for row in rows])
    wanted = networks["bounded"].forecast(values)[-1, :, 0].tolist()
    assert [each["prediction"] for each in clients["bounded"].predict({"rows": rows})] == wanted


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_is_one_self_contained_page(clients, name):
    status, page = clients[name].ask("GET", "/")
    assert status == 200
    assert "prefers-color-scheme: dark" in page
    assert page.count("<script") == page.count("</script>") == 1
    for outside in ("<link", "src=", "@import", 'href="', "innerHTML"):
        assert outside not in page
    assert find_flaws(page) == []
    assert 'aria-live="polite"' in page
    assert "Ctrl+Enter" in page


@pytest.mark.parametrize("name", NETWORKS)
def test_the_example_in_the_box_is_one_that_the_model_answers(clients, networks, name):
    task = find_task(networks[name].bundle.recipe)
    example = task.form.example(networks[name].bundle)
    _, page = clients[name].ask("GET", "/")
    assert escape(example) in page
    lines = [line.split(",") for line in example.splitlines()]
    typed = {
        "text": lambda: [example],
        "steps": lambda: [[[float(cell) for cell in line] for line in lines]],
        "rows": lambda: [dict(zip(lines[0], [row[0], *map(float, row[1:])], strict=True)) for row in lines[1:]],
    }[task.form.reader]()
    assert clients[name].predict({task.key: typed})


def test_a_box_is_empty_where_an_example_would_be_too_long(networks):
    bundle = networks["series"].bundle
    wide = replace(bundle.features, columns=("a,b", "p"), targets=("p",))
    long = replace(bundle.features, spec=replace(bundle.features.spec, lookback=3002))
    for features in (wide, long):
        assert make_rows_example(replace(bundle, features=features)) == ""
    bundle = networks["sequence"].bundle
    features = replace(bundle.features, length=1501)
    assert make_steps_example(replace(bundle, features=features)) == ""


def test_the_page_escapes_what_a_model_is_called(networks, folder):
    from seqconv.serving.page import build_server_page
    from seqconv.serving.requests import describe_model
    from seqconv.tasks.kinds import TASKS

    about = describe_model(networks["series"], folder / "series")
    evil = "<img src=x onerror=alert(1)>'\""
    page = build_server_page(
        about | {"name": evil, "columns": [evil], "targets": [evil], "zone": evil}, TASKS["series"].form
    )
    assert "<img" not in page
    assert 'placeholder="time,&lt;img' in page


# What is refused


ROWS = make_rows()


def change(place: int, **values: object) -> dict:
    """The rows with some values of one changed."""
    return {"rows": [row | values if number == place else row for number, row in enumerate(ROWS)]}


WRONG = [
    ("text", b"", 400, "must be JSON; it is empty"),
    ("text", b'{"texts": ["a"', 400, "must be JSON"),
    ("text", b'{"texts": ["a"]} x', 400, "Extra data"),
    ("text", b'{"texts": ["caf\xe9"]}', 400, "must be UTF-8, as JSON is; got 0xe9 at byte"),
    ("text", b'{"texts": ["a"], "texts": ["b"]}', 400, "'texts' appears twice"),
    ("text", b'{"texts": [NaN]}', 400, "NaN is no finite number"),
    ("text", b"[" * 100_000, 400, "nested too deeply"),
    ("text", b'{"texts": ["\\ud83d"]}', 422, "lone surrogate"),
    ("text", b'{"\\ud83d": ["a"]}', 422, "lone surrogate"),
    ("text", {}, 422, "'texts' is absent"),
    ("text", ["a"], 422, "must be a JSON object"),
    ("text", None, 415, "application/json; got ''"),
    ("text", b"null", 422, "must be a JSON object"),
    ("text", {"texts": []}, 422, "got an empty one"),
    ("text", {"texts": "a text"}, 422, "must be a non-empty list; got text"),
    ("text", {"texts": ["a", 1]}, 422, "texts, item 2: must be a text; got a number"),
    ("text", {"texts": [["a"]]}, 422, "texts, item 1: must be a text; got a list"),
    ("text", {"texts": [None]}, 422, "got nothing"),
    ("text", {"texts": ["a"] * 300 + [True]}, 422, "texts, item 301: must be a text; got true or false"),
    ("text", {"texts": ["a"], "text": "b"}, 422, "unknown key 'text' in the request. Did you mean 'texts'?"),
    ("text", {"rows": ROWS}, 422, "unknown key 'rows'"),
    ("text", {"texts": ["a" * LIMIT]}, 413, "at most 200,000 bytes; got 200,"),
    ("text", {"x\n" * 2000: 1}, 422, "unknown key"),
    ("sequence", {"sequences": [[0.5, 1]]}, 422, "item 1, step 1: must be a list of 2 channels; got a number"),
    (
        "sequence",
        {"sequences": [[[1, 2]], [[1]]]},
        422,
        "item 2, step 1: must be a list of 2 channels; got a list of 1",
    ),
    ("sequence", {"sequences": [[]]}, 422, "item 1: must be a list of steps; got a list of 0"),
    ("sequence", {"sequences": [5]}, 422, "item 1: must be a list of steps; got a number"),
    ("sequence", {"sequences": [[[1, "2"]]]}, 422, "step 1: must hold numbers or null; got text"),
    ("sequence", {"sequences": [[[1, True]]]}, 422, "got true or false"),
    (
        "sequence",
        {"sequences": [[[0, 0]], [[0, 0], [0, 1e200]]]},
        422,
        "item 2, step 2: must hold numbers up to 3.4e38",
    ),
    ("sequence", b'{"sequences": [[[1, 1e999]]]}', 400, "1e999 is no finite number"),
    ("sequence", b'{"sequences": [[[1, 1' + b"0" * 400 + b"]]]}", 400, "is no finite number"),
    ("series", {"rows": []}, 422, "got an empty one"),
    ("series", {"rows": ROWS[:70]}, 422, "must hold the newest 71, 1 h apart; got 70. Give more rows"),
    ("series", {"rows": [1] * 80}, 422, "rows, row 1: must be a JSON object; got a number"),
    ("series", {"rows": [{}] * 80}, 422, "rows, row 1: must have keys"),
    ("series", {"rows": [{"": 1}] * 80}, 422, "keys must not be empty"),
    ("series", {"rows": [{"time": row["time"], "T": row["T"]} for row in ROWS]}, 422, "must have the column 'p'"),
    ("series", {"rows": [{"T": row["T"], "p": row["p"]} for row in ROWS]}, 422, "must have a column of times"),
    (
        "series",
        {"rows": [*ROWS[:50], {"time": "2016-12-03T02:00:00"}, *ROWS[51:]]},
        422,
        "row 51: must have the same keys",
    ),
    ("series", {"rows": [*ROWS[:50], *ROWS[51:]]}, 422, "after 2016-12-03T01:00:00 comes 2016-12-03T03:00:00"),
    (
        "series",
        {"rows": [*ROWS[:50], ROWS[49], *ROWS[50:]]},
        422,
        "after 2016-12-03T01:00:00 comes 2016-12-03T01:00:00",
    ),
    ("series", {"rows": ROWS[::-1]}, 422, "rows, row 2: times must not run backwards"),
    ("series", {"rows": make_rows(160)[::2]}, 422, "a row every 1 h as in training; it has one every 2 h"),
    (
        "series",
        {"rows": [*ROWS[:-1], ROWS[-1] | {"time": "2016-12-04T07:00:00Z"}]},
        422,
        "row 80: times must either all have",
    ),
    ("series", change(79, time="soon"), 422, "row 80: 'time' must be a time"),
    ("series", change(79, time=None), 422, "row 80: 'time' must be a time; it is empty"),
    ("series", change(79, time=["x"]), 422, "row 80: 'time' must be text, as before; got a list"),
    ("series", change(79, p=None), 422, "'p' of row 80 is missing. Fill it in"),
    ("series", change(11, T=None), 422, "'T' of row 12 is missing"),
    ("series", change(79, T=-9999), 422, "'T' of row 80 is missing"),
    ("series", change(79, T="much"), 422, "row 80: 'T' must be a number, as before; got text"),
    ("series", change(79, T={"a": 1}), 422, "got an object"),
    ("series", {"rows": [row | {"T": None} for row in ROWS]}, 422, "'T' of row 10 is missing"),
    ("series", {"rows": [row | {"T": "inf"} for row in ROWS]}, 422, "row 1: 'T' must be finite"),
    ("series", {"rows": [row | {"T": [1]} for row in ROWS]}, 422, "'T' must be a numeric column"),
    ("series", change(79, T=1e300), 422, "'T' must hold values like those of training; got 1e+300 at 2016-12-04"),
    ("series", {"rows": [row | {"p": 10**200} for row in ROWS]}, 422, "'p' must hold values like those of training"),
    ("series", {"rows": make_rows(80, "9998-12-01")}, 422, "times must be of the years 2 to 9997"),
    ("series", {"rows": make_rows(80, zone=" Nowhere/City")}, 422, "must"),
]


CASES = [(route, *case) for case in WRONG for route in ("/predict", *(["/explain"] if case[0] == "series" else []))]


@pytest.mark.parametrize(("route", "name", "body", "status", "says"), CASES)
def test_what_is_wrong_is_told_in_one_line(clients, route, name, body, status, says):
    found, answer = clients[name].ask("POST", route, body)
    assert list(answer) == ["error"]
    assert found == status, answer
    assert says in answer["error"]
    assert "\n" not in answer["error"]
    assert len(answer["error"]) <= 600


def test_odd_numbers_are_taken(clients):
    assert clients["series"].predict({"rows": [row | {"T": int(row["T"])} for row in ROWS]})
    assert clients["series"].predict({"rows": [row | {"T": str(row["T"])} for row in ROWS]})


def test_routes_methods_and_types(clients):
    client = clients["text"]
    for method, path, status, says in (
        ("GET", "/nowhere", 404, "GET /nowhere: must be a route of this server"),
        ("GET", "/predict", 405, "GET /predict: must be POST"),
        ("POST", "/model", 405, "must be GET"),
        ("OPTIONS", "/predict", 405, "must be POST"),
        ("DELETE", "/", 405, "must be GET"),
        ("GET", "/%00%ff", 404, "must be a route"),
        ("GET", "/predict/", 404, "must be a route"),
    ):
        assert (found := client.ask(method, path))[0] == status, (path, found)
        assert says in found[1]["error"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"):
        status, answer = client.ask("POST", "/predict", {"texts": ["a"]}, Content_Type=kind)
        assert (status, list(answer)) == (415, ["error"])
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        assert client.ask("POST", "/predict", {"texts": ["a"]}, Content_Type=kind)[0] == 200


def test_a_server_for_this_machine_alone_has_its_own_names_alone(networks, folder):
    with serving(networks["text"], folder / "text", hosts=LOOPBACK) as port, Client(port) as client:
        for host in ("localhost", f"LOCALHOST:{port}", "127.0.0.1:80", "[::1]:8000"):
            assert client.ask("GET", "/model", Host=host)[0] == 200
        assert client.ask("GET", "/nowhere", Host="[")[0] == 404
        for host in ("example.org", "127.0.0.1.example.org", "", "[", "localhost@example.org"):
            status, answer = client.ask("GET", "/model", Host=host)
            assert status == 421
            assert "Host: must be one of localhost, 127.0.0.1, ::1" in answer["error"]


# bodies that are nearly right
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=9
)
keys = st.sampled_from(["texts", "rows", "sequences", "class", "target", "lead", "x"])
bodies = anything | st.dictionaries(keys, anything, max_size=3) | st.dictionaries(keys, st.lists(anything), max_size=2)
cells = st.dictionaries(st.sampled_from(["time", "T", "p", "q"]), anything, max_size=2)


@given(bodies, st.lists(st.tuples(st.integers(0, 79), cells), max_size=3), st.sampled_from(["/predict", "/explain"]))
@settings(max_examples=60)
def test_no_request_makes_the_server_fail(clients, body, changes, route):
    for client in clients.values():
        assert client.ask("POST", route, json.dumps(body).encode())[0] in (200, 400, 422)
    rows = [dict(row) for row in ROWS]
    for place, values in changes:
        rows[place] |= values
    for name in ("series", "bounded"):
        assert clients[name].ask("POST", route, {"rows": rows})[0] in (200, 400, 422)


def test_a_bug_of_ours_is_logged_and_not_told(networks, folder, monkeypatch, caplog):
    with serving(networks["text"], folder / "text") as port, Client(port) as client:
        change_task(monkeypatch, "text", answer_request=lambda *given: 1 / 0)
        status, answer = client.ask("POST", "/predict", {"texts": ["a"]})
        assert (status, answer) == (500, {"error": "internal error; the server's log says where. Please report it"})
        assert client.ask("GET", "/health")[0] == 200
    assert "ZeroDivisionError" in caplog.text

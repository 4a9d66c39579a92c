"""The page in a real browser, wide and narrow, light and dark: what is typed, chosen and dropped is answered."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from helpers.browser import SETTINGS, find_violations, open_browser
from helpers.serving import make_rows, serving_all, write_networks
from seqconv.serving.app import Rules
from seqconv.serving.models import Models, Served

NAMES = ("text", "bounded", "sequence")
DROP = """async ([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/csv" }));
  dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    return folder, write_networks(folder)


@pytest.fixture(scope="module")
def address(networks) -> Iterator[str]:
    folder, predictors = networks
    served = [Served(name, folder / name, 10**6, predictors[name]) for name in NAMES]
    with serving_all(Models(served), Rules(10**6)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as found:
        yield found


@pytest.fixture(params=SETTINGS, ids=["wide", "narrow"])
def page(request, browser):
    """A page in which nothing may go wrong unnoticed."""
    width, scheme = request.param
    found = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems: list[str] = []
    refused = "status of 422"  # which a browser logs, and the page says what for
    found.on(
        "console",
        lambda said: problems.append(said.text) if said.type == "error" and refused not in said.text else None,
    )
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("request", lambda asked: problems.append(asked.url) if "127.0.0.1" not in asked.url else None)
    yield found
    assert find_violations(found) == []
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.close()
    assert problems == []


def choose(page, name: str, text: str) -> None:
    """A file in place of what is typed."""
    page.get_by_label("Or a file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def wait_for(page, text: str) -> None:
    page.locator("#said", has_text=text).wait_for(timeout=10_000)


def test_a_text_is_explained_as_it_is_typed(page, address, networks):
    page.goto(f"{address}/models/text/")
    box = page.get_by_label("A text", exact=True)
    box.fill("a film that is not bad")
    wait_for(page, "pos")
    assert page.locator("mark").all_inner_texts() == ["not", "bad"]
    page.get_by_label("Explain while I type").uncheck()
    before = page.locator("#said").inner_text()
    box.fill("good")
    page.wait_for_timeout(700)
    assert page.locator("#said").inner_text() == before
    box.press("Control+Enter")  # predicts
    share = networks[1]["text"].predict(["good"])[0].max()
    wait_for(page, f"{100 * share:.1f} %")
    assert page.locator(".bars").count() == 1


def test_everything_is_reached_by_keys_and_has_a_name(page, address):
    page.goto(f"{address}/models/text/")
    page.get_by_role("navigation", name="Models").get_by_role("link", name="sequence").wait_for()
    page.get_by_label("A text", exact=True).focus()
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert reached[:4] == ["predict", "explain", "typing", "file"]
    page.get_by_role("button", name="Explain", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator("#said:not(:empty)").wait_for()
    assert page.locator("#said").get_attribute("aria-live") == "polite"


def test_a_file_of_texts_is_answered_and_can_be_taken_away(page, address, networks):
    page.goto(f"{address}/models/text/")
    texts = [f'a "{"not " * (n % 3)}bad", {n}\nfilm' for n in range(600)]
    whole = io.StringIO()
    csv.writer(whole).writerows([["id", "review"], *enumerate(texts)])
    choose(page, "reviews.csv", whole.getvalue())
    link = page.get_by_role("link", name="Download 600 answers")
    link.wait_for(timeout=20_000)
    with page.expect_download() as taken:
        link.click()
    assert taken.value.suggested_filename == "reviews predictions.csv"
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text("utf-8"))))
    assert [row["review"] for row in rows] == texts
    shares = networks[1]["text"].predict(texts)
    np.testing.assert_allclose([float(row["probability of pos"]) for row in rows], shares[:, 1], rtol=1e-6)
    assert not page.get_by_role("progressbar", name="Examples answered").is_visible()


def test_dropped_rows_are_drawn_with_their_forecasts(page, address):
    page.goto(f"{address}/models/bounded/")
    rows = make_rows(120)
    text = "time,T,p\n" + "".join(f"{row['time']},{row['T']},{row['p']}\n" for row in rows)
    page.evaluate(DROP, ["weather.csv", text])
    wait_for(page, "T 2016-12-06")
    chart = page.get_by_role("img", name="T: the newest")
    assert chart.locator("polyline.past").count() == 1
    assert chart.locator(".band").count() == 1  # the bounds of both leads
    assert page.get_by_role("table").locator("tbody tr").count() == 2


def test_a_dropped_sequence_is_drawn_with_what_decided(page, address):
    page.goto(f"{address}/models/sequence/")
    steps = np.random.default_rng(0).normal(size=(30, 2)).round(2)
    page.evaluate(DROP, ["wave.csv", "".join(f"{x},{y}\n" for x, y in steps)])
    wait_for(page, "Mostly because of")
    drawing = page.get_by_role("img", name="The 30 steps of x, y")
    assert drawing.locator("polyline").count() == 2
    assert drawing.locator("rect.more, rect.less").count() >= 2


def test_what_is_wrong_with_a_file_is_said(page, address):
    page.goto(f"{address}/models/sequence/")
    choose(page, "waves.json", json.dumps([[[1, 2]], [[1]]]))
    wait_for(page, "sequences, item 2, step 1: must be a list of 2 channels")
    choose(page, "waves.json", "[[[")
    wait_for(page, "JSON")

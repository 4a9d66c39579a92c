"""Cards of notebooks are whole HTML, hold nothing that they are given as HTML, and say what their text says."""

import re
from html.parser import HTMLParser

import numpy as np
import polars
import pytest

import seqconv
from seqconv.data.display import MOST_ROWS, STYLE, Card, mark_words
from seqconv.data.frames import to_sequences, to_series, to_texts
from seqconv.layers import Conv, Embed, GlobalMaxPool, Output
from seqconv.tasks.inspection import inspect_file

NASTY = "<script>alert('x')</script> & \"more\""
TEXTS = [f"{'good' if row % 2 else 'bad'} film number {row % 9} {NASTY}" for row in range(60)]
LABELS = ["pos" if row % 2 else "<neg>" for row in range(60)]


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps the text and the attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.text, self.names, self.attributes = [], "", set(), []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += "" if self.open[-1:] == ["style"] else data + " "


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One of everything that shows itself, by name."""
    folder = tmp_path_factory.mktemp("shown")
    network = [Embed(4), Conv(4, 3), GlobalMaxPool(), Output()]
    run = seqconv.train((TEXTS, LABELS), network=network, epochs=2, baselines=False, out=folder / "one")
    other = seqconv.train((TEXTS, LABELS), model="majority", baselines=False, out=folder / "two")
    hours = polars.datetime_range(polars.datetime(2024, 1, 1), polars.datetime(2024, 1, 21), "1h", eager=True)
    table = polars.DataFrame({"time": hours, "<level>": np.sin(np.arange(len(hours)) / 3)})
    series = seqconv.train(
        table,
        network=[Conv(2, 3), GlobalMaxPool(), Output()],
        target="<level>",
        lookback="1d",
        epochs=1,
        baselines=False,
        out=folder / "series",
    )
    table.write_csv(folder / "table.csv")
    waves = np.random.default_rng(0).normal(size=(40, 9))
    return {
        "run": run,
        "run of a series": series,
        "model": run.model,
        "history": run.history,
        "summary": run.summary(),
        "evaluation": run.evaluate(),
        "explanation of a text": run.explain(TEXTS[0]),
        "explanation of a series": series.explain(table[-30:]),
        "comparison": seqconv.compare_runs([run.folder, other.folder]),
        "backtest": seqconv.backtest((TEXTS, LABELS), folds=2, model="majority", baselines=False, out=folder / "back"),
        "inspection": inspect_file(folder / "table.csv"),
        "texts": to_texts(TEXTS, LABELS),
        "sequences": to_sequences(waves, ["<a>", "b"] * 20),
        "sequences without labels": to_sequences(waves),
        "series": to_series(waves, interval="1h"),
        "panel": seqconv.read_panel(table, target="<level>"),
    }


NAMES = (
    *("run", "run of a series", "model", "history", "summary", "evaluation", "explanation of a text"),
    *("explanation of a series", "comparison", "backtest", "inspection", "texts", "sequences"),
    *("sequences without labels", "series", "panel"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_whole_says_what_the_text_says_and_needs_no_network(shown, name):
    page = shown[name]._repr_html_()
    read = Reader(page)
    assert "script" not in read.names
    assert not [each for each in read.attributes if each[0] in ("src", "href") or each[0].startswith("on")]
    assert not re.search(r"https?:|@import|url\(", page)
    assert page.count("<style>") == 1
    assert len(page) < 20_000
    card, text = shown[name].card(), repr(shown[name])
    words = " ".join(read.text.split())
    for part in (card.title, *card.lines):
        assert part in text
        assert " ".join(part.split()) in words
    assert all(" ".join(cell.split()) in words for row in card.table for cell in row if len(cell) < 50)
    assert len(text) < 4000


def test_long_tables_and_cells_are_cut():
    rows = [[f"row {number}", "x" * 100] for number in range(MOST_ROWS + 7)]
    card = Card("title", (), [["a", "b"], *rows])
    assert "and 7 more" in card.to_text()
    assert f"row {MOST_ROWS}" not in Reader(card.to_html()).text
    assert max(map(len, card.to_text().splitlines())) < 80
    assert len(Card("alone").to_text().splitlines()) == 1
    box = re.search('<div class="wide"(.*?)><table>', card.to_html())[1]  # may be wider than the notebook
    assert box == ' role="group" aria-label="title" tabindex="0"'


def test_words_are_coloured_by_effect_and_nothing_of_a_text_is_lost():
    text = "a <b>good</b> & bad film"
    words = [(5, 9, 0.8), (14, 15, 0.01), (16, 19, -0.4)]
    marked = mark_words(text, words)
    assert Reader(marked).text.replace("  ", " ").split() == ["a", "<b>", "good", "</b>", "&", "bad", "film"]
    assert re.findall(r'class="(\w+)" style="--strength: (\d+)%"', marked) == [("raises", "50"), ("lowers", "25")]
    assert mark_words("<i>", []) == '<p class="said">&lt;i&gt;</p>'


def test_both_schemes_have_colours_and_notebooks_decide():
    assert STYLE.count("--good") == 4  # light, dark by the notebook, dark by the system, and its use
    for scheme in ('data-jp-theme-light="false"', "vscode-dark", 'html[theme="dark"]', "prefers-color-scheme: dark"):
        assert scheme in STYLE
    assert "\n" not in STYLE

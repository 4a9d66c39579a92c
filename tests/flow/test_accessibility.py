"""Every page that a command writes, in Chromium: axe-core finds nothing, and no page is wider than its window."""

import pytest

from helpers.browser import AXE, SETTINGS, find_violations, open_browser
from helpers.command import seqconv_command
from seqconv.data.display import Card, mark_words

pytestmark = pytest.mark.skipif(AXE is None, reason="pages are tested with axe-core, which is not installed")
TEXTS = "text,label\n" + "".join(f"good film {n % 7},pos\nbad film {n % 5},neg\nno {n},neg\n" for n in range(60))
SALES = "month,shop,sales\n" + "".join(
    f"20{year}-{month:02},{shop},{100 + 9 * month + year}\n"
    for shop in "ab"
    for year in range(16, 22)
    for month in range(1, 13)
)
HOURS = "time,load\n" + "".join(f"2020-01-{1 + n // 24:02} {n % 24:02}:00,{n % 24 + n % 5}\n" for n in range(600))
FAST = ("--no-baselines", "--quiet")
COMMANDS = [
    ("train", "texts.csv", "--epochs", "2", "--model", "network", "--out", "network", "--quiet"),
    ("train", "texts.csv", "--model", "nb-svm", "--out", "words", *FAST),
    ("evaluate", "network", "-o", "evaluate.html"),
    ("compare", "network", "words", "-o", "compare.html"),
    ("explain", "words", "a bad film", "-o", "explain.html"),
    ("monitor", "words", "texts.csv", "-o", "monitor.html"),
    ("backtest", "texts.csv", "--model", "nb-svm", "--folds", "2", "--out", "backtest", *FAST),
    (
        "train",
        "hours.csv",
        "--target",
        "load",
        "--lead",
        "3h",
        "--lookback",
        "1d",
        "--model",
        "ridge",
        "--out",
        "series",
        *FAST,
    ),
    ("evaluate", "series", "-o", "series.html"),
    ("explain", "series", "hours.csv", "-o", "why.html"),
    ("forecast", "sales.csv", "--target", "sales", "--horizon", "3", "--model", "seasonal", "-o", "a.csv", *FAST[1:]),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "texts.csv").write_text(TEXTS)
    (folder / "sales.csv").write_text(SALES)
    (folder / "hours.csv").write_text(HOURS)
    card = Card("98 % right", ["a line"], [["model", "score"], ["a", "1"]], "good", mark_words("good", [(0, 4, 1.0)]))
    style = "<style>:root { color-scheme: light dark; background: Canvas; }</style>"  # as a notebook has
    page = f'<!doctype html><html lang="en"><title>card</title>{style}'
    (folder / "card.html").write_text(f"{page}<main><h1>A notebook</h1>{card.to_html()}</main></html>", "utf-8")
    for command in COMMANDS:
        seqconv_command(*command, cwd=folder, code=1 if command[0] == "monitor" else 0)  # few texts drift
    return sorted(page for page in folder.rglob("*.html") if "baseline" not in page.parts)


def test_every_page_passes_axe_core_in_light_and_in_dark(pages):
    assert len(pages) >= 12
    broken = {}
    with open_browser() as browser:
        for width, scheme in SETTINGS:
            shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for path in pages:
                shown.goto(path.as_uri())
                found = find_violations(shown)
                if shown.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.append("wider than the window")
                if found:
                    broken[f"{path.relative_to(path.parents[1])}, {scheme}"] = found
    assert broken == {}

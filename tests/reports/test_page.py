"""Pages are written whole or not at all, never over a file of another kind, and can be read by everybody."""

import re

import numpy as np
import pytest

from helpers.pages import find_flaws, measure_contrast
from seqconv.errors import ConfigError
from seqconv.reports import plots
from seqconv.reports.page import STYLE, build_lead, build_page, draw_details, draw_facts, draw_table, write_page


def test_a_page_replaces_an_older_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "page.html"
    for text in ("one", "two"):
        write_page(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["data.csv", "page", "file/page.html", "folder.html"])
def test_what_cannot_be_a_page_is_a_mistake_in_the_settings_and_left_as_it_is(tmp_path, name):
    (tmp_path / "data.csv").write_text("kept")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        write_page(tmp_path / name, "text")
    assert str(caught.value).startswith(f"{tmp_path / name}: must be a place to write a page") or (
        str(caught.value) == f"{tmp_path / name}: must end in .html, as a page does. Choose another name"
    )
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "data.csv").read_text() == "kept"


def test_a_page_has_one_heading_and_names_for_tables_and_pictures():
    picture = plots.draw_comparison(["naive"], [(0.1, 0.05, 0.2)])
    table = draw_table(["model", "score"], [["a", "1"]], "Scores <b>")
    page = build_page("name: report", build_lead("name", "98 % right", ""), [("Scores", table + picture)])
    assert find_flaws(page) == []
    assert "<caption>Scores &lt;b&gt;</caption>" in page
    for lost in ('<h1 class="verdict ">98\u00a0% right</h1>', "<main>", ' scope="row"', ' tabindex="0"', ' role="img"'):
        assert find_flaws(page.replace(lost, "")) != [], lost


def test_an_empty_fact_is_left_out():
    assert draw_facts({"notes": [], "rows": 0, "source": ""}) == "<dl><dt>rows</dt><dd>0</dd></dl>"


def test_a_narrow_page_shows_the_forecast_before_the_past():
    fan = plots.draw_fan(np.arange(9.0), np.ones((3, 3)), None, ([0], ["now"]), ("north", "sold"))
    assert fan.startswith('<div class="wide newest"')
    assert ".newest { direction: rtl; }" in STYLE
    assert re.search(r"\.newest > svg {[^}]*direction: ltr;[^}]*margin-right: auto;", STYLE)  # left where all fits


def test_what_is_folded_away_is_there():
    assert draw_details("More", "<p>text</p>") == "<details><summary>More</summary>\n<p>text</p>\n</details>"
    assert draw_details("More", "") == ""


def read_colours() -> list[dict[str, str]]:
    """The colours of light, dark and printed pages."""
    light, dark, print_ = (
        dict(re.findall(r"--(\w+): (#\w{6})", rule)) for rule in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    )
    assert light.keys() == dark.keys() == print_.keys()
    return [light, dark, print_]


@pytest.mark.parametrize("place", range(3))
def test_text_and_lines_stand_out(place):
    colours = read_colours()[place]
    for text in ("ink", "soft", "good", "bad"):
        for ground in ("paper", "band") if text in ("ink", "soft") else ("paper",):
            assert measure_contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for line in ("edge", "raises", "lowers"):
        assert measure_contrast(colours[line], colours["paper"]) >= 3, line
    assert measure_contrast(colours["edge"], colours["band"]) >= 3
    drawn = (plots.TRAINING, plots.VALIDATION, plots.WORSE, plots.UNKNOWN, *(colour for colour, _ in plots.OTHERS))
    for colour in drawn:
        assert measure_contrast(colour, colours["paper"]) >= 3, colour


def test_contrast_is_that_of_the_standard():
    assert measure_contrast("#000000", "#ffffff") == pytest.approx(21)
    assert measure_contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_a_printed_page_is_light_and_whole():
    rules = STYLE[STYLE.index("@media print") :]
    assert "--paper: #ffffff" in rules
    assert "overflow: visible" in rules
    assert "break-inside" in rules

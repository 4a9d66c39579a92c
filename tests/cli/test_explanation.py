"""The command `explain`: what it prints and writes, and what it refuses."""

import io
import json
import sys
from pathlib import Path

import pytest

from helpers.pages import find_flaws
from helpers.predictors import GRU, THREE, by_hand, hours, series_predictor, text_predictor
from seqconv.__main__ import main
from seqconv.models.format import write_bundle
from seqconv.reports.explanation import write_text_page
from seqconv.tasks.series.explaining import explain_series
from seqconv.tasks.text.explaining import explain_text


@pytest.fixture
def bundles(tmp_path, monkeypatch) -> Path:
    """A folder with models, a series and sequences."""
    models = {"text": by_hand(), "gru": text_predictor(GRU), "series": series_predictor()}
    models["labels"] = text_predictor(THREE, classes=("a", "b", "c"), multi_label=True)
    for name, predictor in models.items():
        write_bundle(predictor.bundle, tmp_path / name)
    series = hours()
    rows = [f"{time},{a:.6f},{b:.6f}" for time, (a, b) in zip(series.times, series.values, strict=True)]
    (tmp_path / "weather.csv").write_text("\n".join(["time,T,p", *rows, ""]))
    (tmp_path / "texts.txt").write_text("a good film\nnot bad\n", "utf-8")
    (tmp_path / "texts.csv").write_text('text,label\na good film,pos\n"not, bad",pos\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


class Given(io.TextIOWrapper):
    """Standard input."""


def run(monkeypatch, capsys, *arguments: str, code: int = 0, given: bytes = b"") -> tuple[str, str]:
    """Standard output and error of `seqconv explain`."""
    monkeypatch.setattr(sys, "argv", ["seqconv", "explain", *arguments])
    monkeypatch.setattr(sys, "stdin", Given(io.BytesIO(given)))
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code or 0) == code
    return capsys.readouterr()


@pytest.mark.parametrize(("terminal", "hint"), [(True, "Type a text; Ctrl-D ends it\n"), (False, "")])
def test_a_terminal_is_told_what_to_type(bundles, monkeypatch, capsys, terminal, hint):
    monkeypatch.setattr(Given, "isatty", lambda stream: terminal)
    output, error = run(monkeypatch, capsys, "text", "--json", given=b"good")
    assert json.loads(output)["classes"] == ["neg", "pos"]
    assert error == hint


def test_json_is_one_object_whose_parts_sum(bundles, monkeypatch, capsys):
    found = json.loads(
        run(
            monkeypatch,
            capsys,
            "text",
            "not bad, \x1b[31m good \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
            "--json",
        )[0]
    )
    assert found["classes"] == ["neg", "pos"]
    assert sum(found["probability"]) == pytest.approx(1)
    assert (found["exact"], found["method"], found["class"]) == (True, "filters", "pos")
    assert found["constant"] + sum(part["contribution"] for part in found["parts"]) == pytest.approx(found["logit"])
    for part in found["parts"]:
        assert set(part) == {"span", "start", "end", "contribution", "filters"}
        assert found["text"][part["start"] : part["end"]] == part["span"]
    words = {found["text"][word["start"] : word["end"]]: word["effect"] for word in found["words"]}
    assert (words["not"], words["bad"]) == (1.5, 1.5)
    assert (found["verdict"], found["because"]) == ("pos (99.1 %)", "Mostly because of \u201cnot bad\u201d.")
    other = json.loads(run(monkeypatch, capsys, "gru", "--json", given="naïve film\n".encode())[0])
    assert (other["text"], other["exact"], other["method"], other["constant"]) == (
        "naïve film\n",
        False,
        "occlusion",
        None,
    )
    several = json.loads(run(monkeypatch, capsys, "labels", "good", "--json")[0])
    assert [label["class"] for label in several["labels"]] == ["a", "b", "c"]
    chosen = json.loads(run(monkeypatch, capsys, "labels", "good", "--class", "b", "--json")[0])
    assert chosen["logit"] == several["labels"][1]["logit"]


def test_the_print_tells_class_spans_and_sum_and_lets_no_escape_through(bundles, monkeypatch, capsys):
    shown = run(monkeypatch, capsys, "text", "not bad [bold]\x1b[31m good")[0]
    for said in ("pos (99.1 %)\nMostly because of “not bad”.", "+3.00   “not bad”", "+0.75   constant", "[bold]"):
        assert said in shown
    assert "+4.75   sum: score of pos" in shown
    assert "logit" not in shown
    assert "filters" not in shown
    assert "\x1b" not in shown
    assert "word left out" in run(monkeypatch, capsys, "gru", "good film")[0]


def test_texts_come_from_lines_and_tables(bundles, monkeypatch, capsys):
    for arguments, text in (
        (["--file", "texts.txt", "--row", "2"], "not bad"),
        (["--file", "texts.csv", "--row", "2"], "not, bad"),
        (["--file", "texts.csv", "--column", "text"], "a good film"),
    ):
        assert json.loads(run(monkeypatch, capsys, "text", *arguments, "--json")[0])["text"] == text


def test_a_page_of_a_text_escapes_it_and_needs_nothing_else(bundles, monkeypatch, capsys):
    text = '<script>alert("not bad")</script> & good \x00\x1b'
    (found,) = explain_text(by_hand(), text)
    write_text_page(Path("page.html"), "<m>", [found])
    page = Path("page.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(&quot;" in page
    assert "&lt;m&gt;" in page
    assert "\x00" not in page
    assert '<mark class="raises" style="--strength: 55%" title="+1.50">not</mark>' in page
    assert "prefers-color-scheme: dark" in page
    for outside in ("<link", "src=", "@import", 'href="http'):
        assert outside not in page
    shown = run(monkeypatch, capsys, "labels", "good <i>", "-o", "labels.html")[0]
    assert "page: labels.html" in shown
    assert Path("labels.html").read_text("utf-8").count('<div class="said"') == 3
    assert not list(bundles.glob("*.partial"))


def test_a_series_is_explained_with_a_picture(bundles, monkeypatch, capsys):
    arguments = ("series", "weather.csv", "--at", "2016-12-04 12:00", "--lead", "6h")
    found = json.loads(run(monkeypatch, capsys, *arguments, "-o", "heat.html", "--json")[0])
    expected = explain_series(series_predictor(), hours(), at="2016-12-04T12:00", lead="6h")
    assert found["value"] == pytest.approx(expected.value, rel=1e-4)
    assert (found["newest row"], found["exact"], found["method"]) == ("2016-12-04 12:00", False, "occlusion")
    assert len(found["parts"]) == 2 * 18
    sizes = [abs(part["contribution"]) for part in found["parts"]]
    assert sizes == sorted(sizes, reverse=True)
    assert found["time"] == "2016-12-04 18:00"
    page = Path("heat.html").read_text("utf-8")
    assert page.count("<svg") == 2  # the window, and every input and span
    shown = run(monkeypatch, capsys, *arguments)[0]
    for text in (expected.verdict, expected.because, "Approximate"):
        assert text in " ".join(shown.split())
    assert find_flaws(page) == []
    assert expected.because in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "good"], "must be a run or model folder"),
        (["text", "good", "--file", "texts.txt"], "either TEXT or --file"),
        (["text", "good", "--row", "2"], "--row chooses in --file"),
        (["text", "texts.csv"], "texts.csv is a file. Pass --file texts.csv"),
        (["text", "good", "--series", "a"], "--series does not apply to a text model"),
        (["text", "--file", "texts.txt", "--row", "3"], "must hold a text number 3; it holds 2"),
        (["text", "--file", "nowhere.txt"], "nowhere.txt"),
        (["text", "good", "--class", "poss"], "Did you mean 'pos'?"),
        (["text", "good", "--at", "2016-12-04"], "--at does not apply to a text model"),
        (["text", "good", "-o", "page.csv"], "page.csv: must end in .html"),
        (["text", "good", "-o", "texts.csv/page.html"], "must be a place to write a page"),
        (["text", "good", "--engine", "nativ"], "Did you mean 'native'?"),
        (["series"], "needs a file"),
        (["series", "nowhere.csv"], "nowhere.csv"),
        (["series", "weather.csv", "--class", "pos"], "--class does not apply to a forecasting model"),
        (["series", "weather.csv", "--row", "2"], "--row does not apply to a forecasting model"),
        (["series", "weather.csv", "--target", "x"], "unknown target 'x'"),
        (["series", "texts.csv"], "texts.csv"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(bundles, monkeypatch, capsys, arguments, says):
    before = sorted(bundles.iterdir())
    out, err = run(monkeypatch, capsys, *arguments, code=2)
    assert out == ""
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(bundles.iterdir()) == before


def test_standard_input_must_be_text(bundles, monkeypatch, capsys):
    err = run(monkeypatch, capsys, "text", code=2, given=b"caf\xe9")[1]
    assert err == "seqconv: standard input: must be UTF-8; unexpected end of data at byte 3. Convert it\n"

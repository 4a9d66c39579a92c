"""The site: every page is in its navigation, and every link and anchor leads somewhere."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

import seqconv

ROOT = Path(__file__).parents[2]


def read_script():
    spec = importlib.util.spec_from_file_location("website", ROOT / "bench" / "website.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


WEBSITE = read_script()


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    WEBSITE.write_pages(folder)
    return folder


def list_listed() -> list[str]:
    return [page for _, section in WEBSITE.read_navigation() for _, page in section]


def find_anchors(text: str) -> set[str]:
    """Anchors of the headings of a page, as GitHub and the generator name them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_is_in_the_navigation_once(pages):
    found = [page.relative_to(pages).as_posix() for page in pages.rglob("*.md")]
    listed = list_listed()
    assert sorted(listed) == sorted(page for page in found if not re.match(r"decisions/\d", page))
    decisions = (pages / "decisions" / "index.md").read_text("utf-8")
    assert all(f"({Path(page).name})" in decisions for page in found if re.match(r"decisions/\d", page))


def test_links_and_anchors_lead_somewhere(pages):
    for page in pages.rglob("*.md"):
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if not re.match("https?:", link):
                path, _, anchor = link.partition("#")
                target = page.parent / path if path else page
                assert target.exists(), f"{page.name} links to {link}"
                assert not anchor or anchor in find_anchors(target.read_text("utf-8")), f"{page.name} links to {link}"


def test_the_reference_has_every_public_name(pages):
    text = "".join(page.read_text("utf-8") for page in (pages / "reference").glob("*.md"))
    assert sorted(re.findall(r"^::: seqconv\.(\w+)$", text, re.MULTILINE)) == sorted([*seqconv.__all__, "layers"])


def test_the_list_for_language_models_has_every_page_and_what_it_says(pages):
    text = (pages / "llms.txt").read_text("utf-8")
    assert re.findall(r"^- \[.+?\]\((\S+)\): \S", text, re.MULTILINE) == list_listed()
    assert "- [Export to other libraries](export.md): A trained model leaves seqconv as an ONNX file" in text


def test_the_search_needs_no_network(tmp_path):
    """The generator's own script for pages opened as files comes from the network; one of ours takes its place."""
    page = tmp_path / "decisions" / "index.html"
    page.parent.mkdir()
    page.write_text('<script src="https://unpkg.com/iframe-worker/shim"></script>')
    workers = tmp_path / "assets" / "javascripts" / "workers"
    workers.mkdir(parents=True)
    (workers / "search.0.min.js").write_text('postMessage("ready")\n')
    WEBSITE.search_without_server(tmp_path)
    script = page.parent / re.search('src="(.*?)"', page.read_text())[1]
    source = re.search(r"const source = (.*);", script.read_text())[1]
    assert ast.literal_eval(source) == 'postMessage("ready")\n'

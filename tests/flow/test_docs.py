"""The commands of README and docs run as they stand, and every docstring example holds."""

import doctest
import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

import seqconv
from helpers.command import run_here
from helpers.published import pack_reviews

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
HOUSE = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
# these set up, build or measure; continuous integration and bench/ run them
NOT_HERE = ("make ", "git ", "cd ", "pip ", "SEQCONV_DATA=")


def commands(page: Path) -> list[str]:
    """Lines of the page's `sh` blocks that the tests run."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *NOT_HERE))]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The generated data and the public reviews with fewer rows, for commands that run whatever the number of them."""
    monkeypatch.setattr("seqconv.data.demo.HOURS", 6000)
    monkeypatch.setattr("seqconv.data.demo.TRAIN_TEXTS", 1000)
    monkeypatch.setattr("seqconv.data.demo.TEST_TEXTS", 500)
    folder = tmp_path / "public"
    folder.mkdir()
    pack_reviews(folder, 500)
    return {**os.environ, "SEQCONV_DATA": str(folder), "SEQCONV_CACHE": str(tmp_path / "cache")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run(page, tmp_path, small):
    place: dict[str, Any] = {"cwd": tmp_path, "env": small, "text": True}
    address = ""  # of the server started last
    with ExitStack() as servers:
        for line in commands(page):
            assert line.startswith(("seqconv ", "python ", "curl ")), f"{page.name}: {line!r} is no command known here"
            name, *arguments = shlex.split(line)
            start = [sys.executable, "-m", "seqconv"] if name == "seqconv" else [sys.executable]
            if name == "curl":
                ask(address, arguments, tmp_path)
            elif arguments[0] == "serve":
                address = servers.enter_context(served([*start, *arguments], place))
            elif name == "seqconv" and "<" not in arguments:  # here, which spares a start of Python for each
                done = run_here(arguments, tmp_path, small)
                drift = arguments[0] == "monitor"  # of so few rows, the newest are of another season
                assert done.returncode in (0, drift), f"{line}\n{done.stderr}"
            else:
                words, _, given = " ".join(map(shlex.quote, arguments)).partition(" '<' ")
                read = servers.enter_context((tmp_path / given).open()) if given else None
                done = subprocess.run([*start, *shlex.split(words)], **place, stdin=read, capture_output=True)
                assert done.returncode == 0, f"{line}\n{done.stderr}"


@contextmanager
def served(words: list[str], place: dict[str, Any]) -> Iterator[str]:
    """The address of a server that runs until the page ends, on a port that is free."""
    with subprocess.Popen([*words, "--port", "0", "--json"], **place, stdout=subprocess.PIPE) as running:
        try:
            yield json.loads(running.stdout.readline())["url"]
        finally:
            running.terminate()


def ask(address: str, arguments: list[str], folder: Path) -> None:
    """What curl would do, which not every machine has."""
    kind, header, data, given, url = arguments
    assert (kind, header, data) == ("-H", "Content-Type:application/json", "-d")
    body = (folder / given[1:]).read_bytes() if given.startswith("@") else given.encode()
    url = url.replace("http://127.0.0.1:8000", address)
    with urlopen(Request(url, body, dict([header.split(":")]))) as answer:
        json.load(answer)


def test_the_demo_installs_the_package_alone():
    planned = {
        target: subprocess.run(
            ["make", "-n", target, "VENV=build/none"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for target in ("demo", "test")
    }
    assert "torch" not in planned["demo"]
    assert "seqconv train demo-text" in planned["demo"]
    assert "torch==" in planned["test"]


@pytest.mark.parametrize("page", [*PAGES, *HOUSE], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not link.startswith(("http:", "https:")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_a_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert {f"title: {project['name']}", f"version: {project['version']}", f"license: {project['license']}"} <= {*lines}


def test_the_first_table_of_the_readme_repeats_what_the_pages_measured():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    start = lines.index("| public data | seqconv | next best in the comparison | seconds | measured in |") + 2
    rows = [line.strip("| ").split(" | ") for line in lines[start : lines.index("", start)]]
    assert len(rows) >= 3
    for row in rows:
        page = (ROOT / re.search(r"\((docs/[\w-]+\.md)", row[-1])[1]).read_text("utf-8")
        for cell in row[1:3]:
            assert re.search(rf"(?<![\d.]){re.escape(cell.split(' (')[0])}(?![\d.])", page), (cell, row[-1])


@pytest.mark.parametrize("name", [module.name for module in pkgutil.walk_packages(seqconv.__path__, "seqconv.")])
def test_docstring_examples_hold(name):
    if name == "seqconv.__main__":
        return
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_sessions_hold(page, tmp_path, monkeypatch):
    """Lines after `>>>` print what stands below them; the data that the page writes are there."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    session = "\n".join(block for block in blocks if ">>> " in block)
    if not session:
        return
    monkeypatch.chdir(tmp_path)
    for line in commands(page):
        if line.startswith("seqconv data "):
            subprocess.run([sys.executable, "-m", *shlex.split(line)], check=True, capture_output=True)
    test = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, "".join(told)

"""The commands of README and docs run as they stand, and every docstring example holds."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import seqconv

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# these set up, build or measure; continuous integration and bench/ run them
NOT_HERE = ("make ", "git ", "cd ", "pip ", "SEQCONV_DATA=")


def commands(page: Path) -> list[str]:
    """Lines of the page's `sh` blocks that the tests run."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *NOT_HERE))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run(page, tmp_path):
    environment = {**os.environ, "SEQCONV_CACHE": os.environ.get("SEQCONV_CACHE", str(tmp_path / "cache"))}
    for line in commands(page):
        assert line.startswith(("seqconv ", "python ")), f"{page.name}: {line!r} is no command that the tests know"
        if re.search("imdb|jena", line) and "summary" not in line and not os.environ.get("SEQCONV_DATA"):
            continue
        name, *arguments = shlex.split(line)
        start = [sys.executable, "-m", "seqconv"] if name == "seqconv" else [sys.executable]
        done = subprocess.run([*start, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not link.startswith(("http:", "https:")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(seqconv.__path__, "seqconv.")])
def test_docstring_examples_hold(name):
    if name == "seqconv.__main__":
        return
    assert doctest.testmod(importlib.import_module(name)).failed == 0

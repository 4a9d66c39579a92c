"""Builds the site from the repository, offline, into build/site: `make docs`.

The pages of docs/ go in as they are. What is known elsewhere is written here: the first page from README.md, an API
reference from the public names, lists of the decisions and of all pages (`llms.txt`). Navigation and look are in
zensical.toml. A link or an anchor that leads nowhere fails the build.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SETTINGS = ROOT / "zensical.toml"
FROM_ROOT = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")},
}


def read_project() -> dict[str, Any]:
    """What zensical.toml says of the site."""
    return tomllib.loads(SETTINGS.read_text("utf-8"))["project"]


def read_navigation() -> list[tuple[str, list[tuple[str, str]]]]:
    """The sections of the site, each with titles and paths of its pages."""
    sections = [pair for section in read_project()["nav"] for pair in section.items()]
    return [
        (title, [(title, entry)] if isinstance(entry, str) else [pair for page in entry for pair in page.items()])
        for title, entry in sections
    ]


def write_pages(folder: Path) -> None:
    """Writes all pages as the generator reads them, in place of what is in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for source, page in FROM_ROOT.items():
        text = (ROOT / source).read_text("utf-8")
        text = re.sub(r"\]\(docs/decisions/?\)", "](decisions/index.md)", text).replace(".ipynb)", ".md)")
        text = text.replace("](docs/", "](").replace('="docs/', '="')
        (folder / page).write_text(text, "utf-8")
    for notebook in (folder / "notebooks").glob("*.ipynb"):
        notebook.with_suffix(".md").write_text(write_notebook(notebook), "utf-8")
    (folder / "decisions" / "index.md").write_text(list_decisions(), "utf-8")
    (folder / "reference").mkdir()
    for name, text in write_reference():
        (folder / "reference" / name).write_text(text, "utf-8")
    (folder / "llms.txt").write_text(list_pages(folder), "utf-8")


def write_notebook(path: Path) -> str:
    """A notebook as a page: its code, and below each cell what it showed."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        parts += map(_write_output, cell.get("outputs", []))
    return "\n\n".join([*parts, f"[This page as a notebook]({path.name})\n"])


def _write_output(output: dict[str, Any]) -> str:
    """The richest form that a page can show."""
    data = {kind: "".join(text) for kind, text in output.get("data", {"text/plain": output.get("text", "")}).items()}
    if html := data.get("text/html"):
        lines = (line for line in html.splitlines() if line.strip())  # an empty one would end the block
        return "\n".join(['<div class="output">', *lines, "</div>"])
    if picture := data.get("image/png"):
        return f'<img class="output" alt="what the cell above draws" src="data:image/png;base64,{picture.strip()}">'
    return f"```text\n{data['text/plain'].rstrip()}\n```"


def list_decisions() -> str:
    """The page with all decisions by number."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    lines = [f"- [{read_title(page)}]({page.name})" for page in pages]
    intro = "Why things are as they are, in the order in which they were decided."
    return "\n".join(["# Decisions", "", intro, "", *lines, ""])


def read_title(page: Path) -> str:
    """The first heading of a page."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ").replace("\\", "")


def write_reference() -> Iterator[tuple[str, str]]:
    """File names and texts of the pages of the API; its docstrings are put in by the generator."""
    homes = read_public_names()
    estimators = sorted(name for name, home in homes.items() if home.startswith("estimators."))
    others = sorted(homes.keys() - estimators)
    yield "seqconv.md", _write_names("Training and models", "All of this is imported from `seqconv` itself.", others)
    intro = "Estimators of scikit-learn, and forecasts of data frames. All of this is imported from `seqconv` itself."
    yield "estimators.md", _write_names("Estimators", intro, estimators)
    bare = "    options:\n      show_root_heading: false\n      show_root_toc_entry: false\n"
    yield "layers.md", f"# Layers\n\n::: seqconv.layers\n{bare}"


def read_public_names() -> dict[str, str]:
    """Public names with their modules, read from the source: the package itself would have to be compiled."""
    for node in ast.parse((ROOT / "src" / "seqconv" / "__init__.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["_HOMES"]:
            return ast.literal_eval(node.value)
    raise SystemExit("src/seqconv/__init__.py: must hold a table of public names, `_HOMES`")


def _write_names(title: str, intro: str, names: list[str]) -> str:
    return f"# {title}\n\n{intro}\n\n" + "\n".join(f"::: seqconv.{name}\n" for name in names)


def list_pages(folder: Path) -> str:
    """The pages of the navigation, each with its first sentence. Reference: llmstxt.org."""
    project = read_project()
    lines = [f"# {project['site_name']}", "", f"> {project['site_description']}"]
    for section, pages in read_navigation():
        lines += ["", f"## {section}", ""]
        lines += [f"- [{title}]({path}): {_read_summary(folder / path)}" for title, path in pages]
    return "\n".join([*lines, ""])


def _read_summary(page: Path) -> str:
    """The first sentence of the first paragraph, without its links."""
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    paragraphs = (part.strip() for part in prose.split("\n\n"))
    first = next((part for part in paragraphs if re.match(r"[\w`*\[]", part)), read_title(page))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", first.replace("\n", " "))
    return re.split(r"(?<=[.:]) ", text)[0].removesuffix(":")


def search_without_server(site: Path) -> None:
    """Lets the search work in pages opened as files, where browsers start no worker from another file.

    The generator would load a script for that from the network.
    """
    worker = next((site / "assets" / "javascripts" / "workers").glob("search.*.js")).read_text("utf-8")
    script = site / "assets" / "javascripts" / "search-in-files.js"
    script.write_text(
        f"if (location.protocol === 'file:') {{\n  const source = {json.dumps(worker)};\n"
        "  const Started = Worker;\n"
        "  window.Worker = function () { return new Started(URL.createObjectURL(new Blob([source]))); };\n}\n",
        "utf-8",
    )
    for page in site.rglob("*.html"):
        address = os.path.relpath(script, page.parent)
        page.write_text(page.read_text("utf-8").replace("https://unpkg.com/iframe-worker/shim", address), "utf-8")


if __name__ == "__main__":
    write_pages(ROOT / read_project()["docs_dir"])
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", str(SETTINGS)]
    if status := subprocess.run(build).returncode:
        sys.exit(status)
    search_without_server(ROOT / read_project()["site_dir"])

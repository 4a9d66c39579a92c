"""Runs the notebooks of docs/ and stores what they show: `make notebooks`."""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"


def run(path: Path) -> None:
    """Runs a notebook in an empty folder, and writes it with its outputs; nothing is written where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, resources={"metadata": {"path": folder}}, record_timing=False)
        client.execute()
    notebook.metadata.language_info = {"name": "python"}  # no version, no time: they change with every machine
    nbformat.write(notebook, path)


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for `!seqconv`
    for found in sorted(FOLDER.glob("*.ipynb")):
        print(found.name, flush=True)
        run(found)

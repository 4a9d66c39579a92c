"""The notebooks of docs/ run as they stand, and show what is stored in them."""

import ast
import contextlib
import io
import json
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from helpers.command import seqconv_command

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def read_cells(path: Path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict, folder: Path) -> str:
    """What a cell prints, and the text of its last expression."""
    lines = source.splitlines()
    for line in lines:
        if line.startswith("!"):
            seqconv_command(*shlex.split(line)[1:], cwd=folder)
    body = ast.parse("\n".join(line for line in lines if not line.startswith("!"))).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) and not source.endswith(";") else None
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return said.getvalue() + ("" if value is None else repr(value))


def read_output(cell: dict) -> str:
    """The same, as it is stored: without pictures and without what `seqconv.train` shows as it goes on."""
    outputs = cell["outputs"]
    assert all(output["output_type"] != "error" for output in outputs)
    return "".join(
        "".join(output.get("text") or output["data"]["text/plain"])
        for output in outputs
        if output["output_type"] in ("stream", "execute_result")
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_stored_in_it(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for number, cell in enumerate(read_cells(path), 1):
        assert cell["execution_count"] == number, "run: make notebooks"
        shown, stored = run_cell("".join(cell["source"]), names, tmp_path), read_output(cell)
        # digits may differ from machine to machine, and with them what is best; how long a table is does not
        assert len(shown.splitlines()) == len(stored.splitlines()), f"run: make notebooks\n{shown}\n{stored}"
    plt.close("all")

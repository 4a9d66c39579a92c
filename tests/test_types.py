"""What type checkers and editors see: the public names, the native module's stub, and real types in a user's script."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqconv
from seqconv import _native

PACKAGE = Path(seqconv.__file__).parent


def names_for_type_checkers() -> dict[str, str]:
    """Public name -> its module, from the block that only type checkers read."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def test_public_names_are_the_same_for_type_checkers() -> None:
    assert names_for_type_checkers() == {name: f"seqconv.{home}" for name, home in seqconv._HOMES.items()}
    assert sorted(seqconv.__all__) == sorted(seqconv._HOMES)
    assert (PACKAGE / "py.typed").is_file()


def stub() -> ast.Module:
    """The stub that the build put next to the native module, or into the source tree."""
    path = next(path for path in (Path(_native.__file__).parent, PACKAGE) if (path / "_native.pyi").is_file())
    return ast.parse((path / "_native.pyi").read_text())


def stub_arguments(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from stub_arguments(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield prefix + node.name, [argument.arg for argument in node.args.args]


def own_arguments(owner: object, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for name, value in vars(owner).items():
        if isinstance(value, type):
            yield from own_arguments(value, f"{name}.")
        for signature, *_ in getattr(value, "__nb_signature__", ()):
            inside = re.sub(r"\[[^][]*\]", "", re.sub(r"\[[^][]*\]", "", signature))  # types' own commas
            arguments = inside[inside.index("(") + 1 : inside.rindex(")")].split(", ")
            yield prefix + name, [argument.partition(":")[0] for argument in arguments if argument]


def test_the_stub_is_that_of_the_module_in_use() -> None:
    found = dict(stub_arguments(stub().body))
    assert found == dict(own_arguments(_native))
    assert found["Gru.backward_tokens"][-2:] == ["dbias", "threads"]


SCRIPT = """
import numpy as np
import seqconv
from seqconv import _native

reveal_type(seqconv.train)
run = seqconv.train("demo-text")
reveal_type(run)
reveal_type(seqconv.load(run.folder))
reveal_type(seqconv.TextClassifier())
reveal_type(seqconv.__version__)
a = np.zeros((2, 2), np.float64)
seqconv.trian
_native.matmul(a, a, a, False, False, 1)
_native.matmul(a, a)
"""

# large packages that say nothing about seqconv's own types
CONFIG = """
[mypy]
follow_imports = silent
[mypy-torch.*,sklearn.*,scipy.*,matplotlib.*,polars.*,pandas.*,starlette.*,uvicorn.*,typer.*,rich.*]
follow_imports = skip
"""


def test_a_user_sees_real_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    script, config = tmp_path / "script.py", tmp_path / "mypy.ini"
    script.write_text(SCRIPT)
    config.write_text(CONFIG)
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={tmp_path}", script],
        env=os.environ | {"MYPYPATH": str(PACKAGE.parent)},
        cwd=tmp_path,
        text=True,
        capture_output=True,
    )
    said = [line.partition(": ")[2] for line in ran.stdout.splitlines()]
    revealed = [line.split('"')[1] for line in said if "Revealed type" in line]
    assert revealed, ran.stdout + ran.stderr
    assert re.fullmatch(rf"def \(source: Any, options: seqconv\..* -> {re.escape(revealed[1])}", revealed[0])
    assert [name.rpartition(".")[2] for name in revealed[1:]] == ["Run", "Predictor", "TextClassifier", "str"]
    mistakes = [line for line in said if line.startswith("error")]
    assert any('has no attribute "trian"' in line for line in mistakes)
    assert any('Argument 1 to "matmul" has incompatible type' in line for line in mistakes)
    assert any("Missing positional arguments" in line for line in mistakes)

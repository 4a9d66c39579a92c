"""The shape of the code base: who may import whom, how long a file may be, what a light start loads."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from seqconv.tasks.kinds import RECORDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "seqconv"
FLOORS = [  # lowest first; a package imports only from lines above its own
    "errors _native",
    "recipes",
    "data networks",
    "layers metrics",
    "tasks",
    "models reports",
    "serving training",
    "estimators",
    "cli",
    "__init__ __main__",
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
HOMES = {  # third-party package -> how the only places that may import it begin
    "torch": ("networks/engines/torch/",),
    "matplotlib": ("reports/figures.py", "reports/plots.py"),
    "sklearn": ("estimators/", "tasks/panel/boosting.py", "tasks/series/baselines.py", "tasks/text/baselines.py"),
    "scipy": ("tasks/text/baselines.py",),
    "threadpoolctl": ("tasks/panel/", "tasks/series/baselines.py", "tasks/sequence/baselines.py"),
    "joblib": ("training/parallel.py",),
    "narwhals": ("data/readers/dataframes.py",),
    "polars": ("data/readers/", "tasks/findings.py", "tasks/recognition.py", "tasks/series/leaks.py"),
    "fastexcel": ("data/readers/workbooks.py",),
    "pooch": ("data/downloads.py",),
    "safetensors": ("models/format.py", "training/checkpoint.py", "training/export.py"),
    "h5py": ("data/keras.py",),
    "onnx": ("models/exchange/onnx.py",),
    "onnxruntime": ("models/exchange/onnx.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "starlette": ("serving/app.py",),
    "uvicorn": ("serving/server.py", "serving/patience.py"),
    "IPython": ("training/reporting.py",),
    "tomli_w": ("recipes/recipe.py",),
}
LIGHT = {"numpy", "seqconv", *sys.stdlib_module_names}  # at home anywhere
HEAVY = {"torch", "matplotlib", "sklearn", "scipy", "ray", "onnx", "onnxruntime"}
COMMANDS = sorted(path.stem for path in (PACKAGE / "cli").glob("[a-z]*.py") if path.stem != "progress")
LISTS_PARAMETERS = ("cli/", "estimators/")  # the command line's functions list their flags, estimators their settings


@cache
def modules() -> dict[str, ast.Module]:
    """Each module's path and its syntax tree."""
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def imports() -> Iterator[tuple[str, list[str]]]:
    """Each module's path and the dotted parts of a name that it imports, at the top or in a function."""
    for place, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{place}:{node.lineno} has a relative import"
                yield from ((place, f"{node.module}.{alias.name}".split(".")) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((place, alias.name.split(".")) for alias in node.names)


def functions() -> Iterator[tuple[str, ast.FunctionDef, int]]:
    """Each function with where it is and its length in lines."""
    for place, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                yield f"{place}: {node.name}", node, node.end_lineno - body[0].lineno + 1 if body else 0


def test_imports_go_down_only():
    wrong = set()
    for place, (package, *parts) in imports():
        own = place.split("/")[0].removesuffix(".py")
        if package == "seqconv" and parts and own != parts[0] and FLOOR.get(parts[0], 99) >= FLOOR[own]:
            wrong.add(f"{place} imports {'.'.join(parts)}")
    assert not wrong, "\n".join(sorted(wrong))
    assert len(FLOORS) <= 10


def test_third_parties_have_homes():
    found = ((place, package) for place, (package, *_) in imports() if package not in LIGHT)
    wrong = {f"{place} imports {package}" for place, package in found if not place.startswith(HOMES.get(package, ()))}
    assert not wrong, "\n".join(sorted(wrong))


def test_the_package_has_few_entries():
    names = {path.name for path in PACKAGE.iterdir() if not path.name.startswith(("_native", "__pycache__"))}
    assert len(names - {"py.typed"}) <= 15, sorted(names)


def test_no_package_holds_code_in_its_init():
    for place, tree in modules().items():
        if place.endswith("/__init__.py"):
            code = tree.body[1:] if ast.get_docstring(tree) else tree.body
            # two packages lead the pickles of 0.1.0 to their classes
            assert not [line for line in code if not ast.unparse(line).endswith("as __getattr__")], place


def test_files_stay_short():
    found = [PACKAGE, ROOT / "native", ROOT / "tests", ROOT / "bench"]
    sources = [path for folder in found for ending in ("*.py", "*.[ch]pp") for path in folder.rglob(ending)]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert not {name: length for name, length in lengths.items() if length > 400}


def test_functions_stay_short():
    lengths = {name: length for name, _, length in functions()}
    assert not {name: length for name, length in lengths.items() if length > 40}
    whole = [node.end_lineno - node.lineno + 1 for _, node, _ in functions()]
    assert sum(length < 30 for length in whole) >= 0.9 * len(whole)


def test_functions_take_few_parameters():
    counts = {
        name: len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]) for name, node, _ in functions()
    }
    assert not {name: count for name, count in counts.items() if count > 7 and not name.startswith(LISTS_PARAMETERS)}


def test_no_test_file_imports_another():
    for path in (ROOT / "tests").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (test_|tests|conftest)", path.read_text(), re.MULTILINE), path


@pytest.mark.parametrize(
    ("started", "heavy"),
    [
        (["seqconv"], HEAVY | {"numpy", "polars", "rich", "typer"}),
        ([f"seqconv.cli.{name}" for name in COMMANDS], HEAVY | {"numpy", "polars", "rich"}),
        (["seqconv.models.predictor"], HEAVY | {"polars", "rich", "typer"}),
        (["seqconv.serving.files", "seqconv.serving.server"], HEAVY | {"rich", "typer"}),
    ],
    ids=["package", "commands", "predictor", "serving"],
)
def test_a_light_start_stays_light(started, heavy):
    code = f"import sys, {', '.join(started)}; print(*({heavy!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


@pytest.mark.parametrize("name", RECORDS)
def test_a_task_is_loaded_without_the_others(name):
    code = f"import sys; from seqconv.tasks.kinds import TASKS; TASKS[{name!r}]; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {each for each in RECORDS if f"seqconv.tasks.{each}.task" in out.stdout.split()} == {name}

"""The shape of the code base: who may import whom, how long a file may be, what a light start loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "seqconv"
FLOORS = [  # lowest first; a module imports only from lines above its own
    {"errors", "_native"},
    {"settings"},
    {"config", "intervals"},
    {"data", "defaults", "flags", "models", "periods", "tokens", "windows"},
    {"metrics", "quantiles", "shapes", "tracing"},
    {
        "demo",
        "explanation",
        "features",
        "holdout",
        "initialisers",
        "masks",
        "packing",
        "page",
        "plans",
        "plots",
        "readers",
        "summaries",
        "tracing",
    },
    {"bundle", "datasets", "engines", "frames", "splits"},
    {"baselines", "checkpoint", "drafts", "series_splits"},
    {"inspection", "predictor", "training"},
    {"estimators", "prediction"},
    {"forecaster"},
    {"evaluation", "explainer"},
    {"answers", "digests", "explanation_page", "fitted", "progress", "report", "scores", "server_page"},
    {"runs", "server"},
    {"assessment", "backtests", "comparisons"},
    {"shrinking"},
    {"__init__", "__main__", "cli"},
]
ALLOWED_ACROSS = {("__main__", "cli")}  # within one floor
HOMES = {  # third-party package -> the only modules that may import it
    "torch": {"engines"},
    "matplotlib": {"plots"},
    "sklearn": {"baselines", "estimators", "forecaster"},
    "scipy": {"baselines"},
    "polars": {"inspection", "readers"},
    "pooch": {"datasets"},
    "safetensors": {"bundle", "checkpoint"},
    "typer": {"cli", "__main__"},
    "rich": {"cli", "progress"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "tomli_w": {"config"},
}
HEAVY = {"torch", "matplotlib", "sklearn", "scipy", "polars", "rich", "typer"}
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(
    [*MODULES, *(ROOT / "native").rglob("*.*pp"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
)


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


def imported(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    own = part(path)
    for name in imported(path):
        package, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if package == "seqconv" and rest and target != own and (own, target) not in ALLOWED_ACROSS:
            assert floor(target) < floor(own), f"{own} (floor {floor(own)}) imports {target} (floor {floor(target)})"
        assert own in HOMES.get(package, {own}), f"{own} may not import {package}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_stay_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if isinstance(node.body[0], ast.Expr) and ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 40, f"{path.name}: {node.name} has {lines} lines"
            count = len([*node.args.args, *node.args.kwonlyargs])
            # the command line's functions list their flags, estimators their parameters
            listed = part(path) in ("cli", "estimators", "forecaster")
            assert count <= 7 or listed, f"{path.name}: {node.name} takes {count} parameters"


def test_nine_functions_in_ten_are_under_30_lines():
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert sum(length < 30 for length in lengths) >= 0.9 * len(lengths)


@pytest.mark.parametrize("module", ["seqconv", "seqconv.networks.layers.base.predictor"])
def test_light_modules_stay_light(module):
    code = f"import sys, {module}; print(*({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""

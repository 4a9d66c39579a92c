"""The folders of native/: which may include what, so that kernels stay kernels and only bindings know Python."""

import re
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted(NATIVE.rglob("*.*pp"))
INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.MULTILINE)
LAYERS = {  # folder -> what its files may include of native/
    "kernels": ("kernels/", "simd.hpp", "isa.hpp"),
    "host": ("host/", "kernels/"),
    "text": ("text/", "host/"),
    "bindings": ("bindings/", "host/", "text/"),
}
# headers without functions that could be linked in place of those for another instruction set
PLAIN = {"cstddef", "cstdint", "utility", "immintrin.h"}


def includes(path: Path) -> list[tuple[str, str]]:
    return INCLUDE.findall(path.read_text())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(NATIVE)))
def test_a_source_includes_what_its_folder_may(path: Path) -> None:
    folder = path.parent.name
    for bracket, name in includes(path):
        if bracket == '"':
            assert (NATIVE / name).is_file(), f"{name}: must be a path from native/"
            assert folder not in LAYERS or name.startswith(LAYERS[folder]), f"{folder}/ may not include {name}"
        else:
            assert not name.startswith("nanobind") or folder == "bindings" or path.name == "module.cpp"
            assert name not in ("omp.h", "pthread.h", "thread") or path.name == "parallel.cpp"


KERNELS = [*sorted((NATIVE / "kernels").iterdir()), NATIVE / "simd.hpp", NATIVE / "isa.hpp"]


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_kernels_use_no_functions_of_the_standard_library(path: Path) -> None:
    assert {name for bracket, name in includes(path) if bracket == "<"} <= PLAIN
    code = re.sub(r"//.*", "", path.read_text())
    assert set(re.findall(r"std::(\w+)", code)) <= {"integer_sequence", "make_integer_sequence"}

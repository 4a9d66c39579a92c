"""The examples of CONTRIBUTING.md: blocks of code, each with the place that it belongs to."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def read_example(title: str) -> list[tuple[str, str, str]]:
    """File, name of the table or class in it or none, and code of each block of a section."""
    section = PAGE.read_text("utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"```\w+\n# (\S+?)(?:, in (\w+))?\n(.*?)```", section, re.DOTALL)


def find_module(path: str) -> Any:
    """The module that a path of the repository is."""
    return import_module(path.removesuffix(".py").split("/", 1)[1].replace("/", "."))

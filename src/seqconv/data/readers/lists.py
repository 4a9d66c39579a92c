"""Several labels in one cell: separated by a mark, or a list that a program has written as text."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

_LONGEST = 10_000  # characters of a cell that is read as a list
_DECIMAL = re.compile(r"[+-]?\d+,\d+")  # a number with a decimal comma
_APART = re.compile(r"""(?<=['"])\s+(?=['"])""")  # between the strings of a numpy array


def find_mark(cells: set[str]) -> str:
    """`|`, `;` or `,` if it separates labels that also occur alone, `|` also if they recur; else empty.

    >>> find_mark({"a|b", "b|c", "c|a"}), find_mark({"a, b", "a", "b"}), find_mark({"Rome, Italy", "Oslo, Norway"})
    ('|', ',', '')
    """
    for mark in "|;,":
        joined = [cell for cell in cells if mark in cell]
        parts = Counter(part for cell in joined for part in {each.strip() for each in cell.split(mark)} if part)
        if not parts or (mark == "," and any(map(_DECIMAL.fullmatch, joined))):
            continue
        if all(part in cells or (mark == "|" and times > 1) for part, times in parts.items()):
            return mark
    return ""


def read_lists(cells: Sequence[str]) -> list[tuple[str, ...]] | None:
    """The items of cells that are all lists like `['a', 'b']`, `["a"]`, `('a',)`, `{'a'}`, `[1, 2]` or `<a><b>`.

    Returns:
        None if a cell is anything else.

    >>> read_lists(["['a', 'b']", "[]", "['a' 'a']"])
    [('a', 'b'), (), ('a',)]
    >>> read_lists(["['a']", "a"])
    """
    known: dict[str, tuple[str, ...]] = {}
    for cell in cells:
        if cell not in known:
            found = _read_list(cell)
            if found is None:
                return None
            known[cell] = tuple(dict.fromkeys(each for each in found if each))
    return [known[cell] for cell in cells]


def _read_list(cell: str) -> list[str] | None:
    ends = cell[:1] + cell[-1:]
    if len(cell) < 2 or len(cell) > _LONGEST or ends not in ("[]", "()", "{}", "<>"):
        return None
    if ends == "<>":
        found = cell[1:-1].split("><")
        return None if any("<" in each or ">" in each for each in found) else found
    items = _evaluate(_APART.sub(", ", cell))
    if isinstance(items, list | tuple | set):
        return (
            [str(each).strip() for each in items]
            if all(isinstance(each, str | int | float) for each in items)
            else None
        )
    if items is None and ends == "[]" and not set(cell[1:-1]) & set("[]'\""):  # words without quotes
        return [each.strip() for each in cell[1:-1].split(",")]
    return None


def _evaluate(cell: str) -> Any:
    """The Python literal; None if it is not one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash in a label
            return ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None

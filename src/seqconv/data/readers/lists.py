"""Lists of labels that programs have written as text, into one cell each."""

import ast
import re
import warnings
from collections.abc import Sequence
from typing import Any

_LONGEST = 10_000  # characters of a cell that is read as a list
_APART = re.compile(r"""(?<=['"])\s+(?=['"])""")  # between the strings of a numpy array


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

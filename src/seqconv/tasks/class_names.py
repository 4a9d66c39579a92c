"""Findings on the names of classes: names that look alike, and names that are several labels in one."""

from collections.abc import Sequence

from seqconv.data.alike import describe_alike
from seqconv.tasks.findings import Finding

_SHOWN = 5  # names in one finding
_MARKS = (",", ";", "|", "/", "+", " ")


def judge_names(classes: Sequence[str]) -> list[Finding]:
    """Classes that differ by case, blanks or what cannot be seen, and classes made of other classes."""
    return [*_judge_alike(classes), *_judge_joined(classes)]


def _judge_alike(classes: Sequence[str]) -> list[Finding]:
    action = "kept as classes of their own. Write them alike if they are one"
    return [Finding(f"classes that {how}", "", action, "costs") for how in describe_alike(classes)]


def _judge_joined(classes: Sequence[str]) -> list[Finding]:
    known = {name.strip() for name in classes}
    for mark in _MARKS:
        parts = {name: [each.strip() for each in name.split(mark)] for name in classes if mark in name.strip()}
        parts = {name: each for name, each in parts.items() if all(each)}
        every = [each for name in parts for each in set(parts[name])]
        # a part that recurs will do where nothing but labels is separated so
        if not parts or not all(part in known or (mark == "," and every.count(part) > 1) for part in every):
            continue
        shown = ", ".join(map(repr, list(parts)[:_SHOWN])) + (" ..." if len(parts) > _SHOWN else "")
        cure = f"--label 'COLUMN{mark}' reads several labels per row" if mark in ",;|" else "Write | between labels"
        return [
            Finding(f"classes made of other classes: {shown}", "", f"each is one class of its own. {cure}", "costs")
        ]
    return []

"""Findings on the names of classes: names that look alike, and names that are several labels in one."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from seqconv.tasks.findings import Finding

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")  # soft hyphen, zero-width marks, variants
_SHOWN = 5  # names in one finding
_MARKS = (",", ";", "|", "/", "+", " ")


def judge_names(classes: Sequence[str]) -> list[Finding]:
    """Classes that differ by case, blanks or what cannot be seen, and classes made of other classes."""
    return [*_judge_alike(classes), *_judge_joined(classes)]


def _judge_alike(classes: Sequence[str]) -> list[Finding]:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", name)).casefold()
        alike[" ".join(plain.split())].append(name)
    found = []
    for names in [each for each in alike.values() if len(each) > 1][:_SHOWN]:
        visible = len({unicodedata.normalize("NFC", _UNSEEN.sub("", name)) for name in names}) == len(names)
        shown = ", ".join(f"'{name}'" if visible and name.isprintable() else ascii(name) for name in names[:_SHOWN])
        what = f"classes that differ only by case, blanks or invisible characters: {shown}"
        found.append(Finding(what, "", "kept as classes of their own. Write them alike if they are one", "costs"))
    return found


def _judge_joined(classes: Sequence[str]) -> list[Finding]:
    known = {name.strip() for name in classes}
    for mark in _MARKS:
        parts = {name: [each.strip() for each in name.split(mark)] for name in classes if mark in name.strip()}
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

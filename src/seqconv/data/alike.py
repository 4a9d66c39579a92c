"""Names that people take for the same: of classes, and of series."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")  # soft hyphen, zero-width marks, variants
_AROUND = ",;:.|\"'"  # signs that a list or a sentence leaves at the ends of a name
_SHOWN = 5  # groups, and names of one


def describe_alike(names: Iterable[str]) -> list[str]:
    """How some of the names differ, a few groups of them; where that cannot be seen, with escapes.

    >>> describe_alike(["north", "North", "south"])
    ["differ only by case, blanks or invisible characters: 'north', 'North'"]
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[_simplify(name).strip(f"{_AROUND} ") or name].append(name)
    found = []
    for group in [each for each in alike.values() if len(each) > 1][:_SHOWN]:
        visible = len({unicodedata.normalize("NFC", _UNSEEN.sub("", name)) for name in group}) == len(group)
        shown = ", ".join(f"'{name}'" if visible and name.isprintable() else ascii(name) for name in group[:_SHOWN])
        how = "case, blanks" if len({*map(_simplify, group)}) == 1 else "case, blanks, signs around them"
        found.append(f"differ only by {how} or invisible characters: {shown}")
    return found


def _simplify(name: str) -> str:
    """A name without its case, doubled blanks and what cannot be seen."""
    plain = name if name.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFKC", name))
    return " ".join(plain.casefold().split())

"""Names that people take for the same: of classes, and of series."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")  # soft hyphen, zero-width marks, variants
_SHOWN = 5  # groups, and names of one


def describe_alike(names: Iterable[str]) -> list[str]:
    """How some of the names differ, a few groups of them; where that cannot be seen, with escapes.

    >>> describe_alike(["north", "North", "south"])
    ["differ only by case, blanks or invisible characters: 'north', 'North'"]
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        plain = name if name.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFKC", name))
        alike[" ".join(plain.casefold().split())].append(name)
    found = []
    for group in [each for each in alike.values() if len(each) > 1][:_SHOWN]:
        visible = len({unicodedata.normalize("NFC", _UNSEEN.sub("", name)) for name in group}) == len(group)
        shown = ", ".join(f"'{name}'" if visible and name.isprintable() else ascii(name) for name in group[:_SHOWN])
        found.append(f"differ only by case, blanks or invisible characters: {shown}")
    return found

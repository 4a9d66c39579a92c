"""One form for texts that look the same: NFC, without zero-width marks, each emoji apart.

ASCII texts, and others that have that form already, are left as they are.
"""

import re
import unicodedata
from collections.abc import Sequence

_UNSEEN = "\u2060\ufe00-\ufe0f\ufeff"  # word joiner, variation selectors, byte order mark
_BASE = "[\u2600-\u2604\u2607-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
# a flag, or pictures joined by U+200D, each perhaps with a skin tone
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|{_BASE}[\U0001f3fb-\U0001f3ff]?(?:\u200d{_BASE}[\U0001f3fb-\U0001f3ff]?)*"
)
_ODD = re.compile(f"[{_UNSEEN}\U0001f1e6-\U0001f1ff]|{_BASE}")
_REMOVED = re.compile(f"[{_UNSEEN}]")


def normalise(text: str) -> str:
    """The text in NFC, without zero-width marks, with a space before and after each emoji.

    >>> normalise("cafe\u0301 it😍😍")
    'café it 😍  😍 '
    """
    if text.isascii() or _is_latin(text) or (unicodedata.is_normalized("NFC", text) and not _ODD.search(text)):
        return text
    return _EMOJI.sub(r" \g<0> ", unicodedata.normalize("NFC", _REMOVED.sub("", text)))


def _is_latin(text: str) -> bool:
    """Whether every character is below U+0100, all of which have the form already; a copy is faster than a search."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def normalise_all(texts: Sequence[str]) -> Sequence[str]:
    """Each text normalised; what are no texts stays, for others to refuse."""
    if isinstance(texts, str) or not hasattr(texts, "__iter__"):
        return texts
    return [text if not isinstance(text, str) or text.isascii() else normalise(text) for text in texts]


def locate_characters(text: str) -> tuple[str, list[int], list[int]]:
    """`normalise(text)`, and where in `text` each of its characters begins and ends."""
    if normalise(text) == text:
        return text, [*range(len(text))], [*range(1, len(text) + 1)]
    begins, ends, parts = [], [], []
    kept = [place for place, letter in enumerate(text) if not _REMOVED.match(letter)]
    starts = [number for number, place in enumerate(kept) if not number or not _may_join(text[place])]
    for first, last in zip(starts, [*starts, len(kept)][1:], strict=True):
        letters = "".join(text[place] for place in kept[first:last])
        part = unicodedata.normalize("NFC", letters)
        parts.append(part)
        same = part == letters
        begins += kept[first:last] if same else [kept[first]] * len(part)
        ends += [place + 1 for place in kept[first:last]] if same else [kept[last - 1] + 1] * len(part)
    whole = "".join(parts)
    places = [place for found in _EMOJI.finditer(whole) for place in (found.start(), found.end())]
    for place in reversed(places):  # the spaces around emoji
        begins.insert(place, begins[place] if place < len(begins) else len(text))
        ends.insert(place, begins[place])
    return _EMOJI.sub(r" \g<0> ", whole), begins, ends


def _may_join(letter: str) -> bool:
    """Whether NFC may join a character to the one before it: marks, and the later letters of a Hangul syllable."""
    return unicodedata.category(letter).startswith("M") or "\u1160" <= letter <= "\u11ff"

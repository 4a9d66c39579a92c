"""One form for texts that look the same, in which every word stands between separators.

NFC, without zero-width marks, full-width letters and digits as their usual forms. Each emoji is a word of its own, and
so is each character of the scripts that are written without spaces, of Chinese, Japanese, Thai, Lao, Burmese and Khmer;
marks stay with the character that they belong to. ASCII texts, and others that have that form, are left as they are.
"""

import re
import unicodedata
from collections.abc import Sequence

_UNSEEN = "\u2060\ufe00-\ufe0f\ufeff"  # word joiner, variation selectors, byte order mark
_BASE = "[\u2600-\u2604\u2607-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
# a flag, or pictures joined by U+200D, each perhaps with a skin tone
_EMOJI = f"[\U0001f1e6-\U0001f1ff]{{2}}|{_BASE}[\U0001f3fb-\U0001f3ff]?(?:\u200d{_BASE}[\U0001f3fb-\U0001f3ff]?)*"
# Han and kana, half-width ones too; Thai, Lao, Burmese and Khmer with their vowel signs, tones and stacked consonants
_HAN = "\u3005-\u3007\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_HAN += "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003fffd"
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u1038\u103a-\u103e\u1056-\u1059"
_MARKS += "\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d"
_MARKS += "\u17b4-\u17d1\u17d3\u17dd"
_ABUGIDA = "[\u0e01-\u0e4e\u0e50-\u0e59\u0e81-\u0edf\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u17e0-\u17e9"
_ABUGIDA += "\uaa60-\uaa7f]"
_STACKED = f"{_ABUGIDA}[{_MARKS}]*(?:[\u1039\u17d2]{_ABUGIDA}[{_MARKS}]*)*"
_ALONE = re.compile(f"{_EMOJI}|[{_HAN}][\u3099\u309a]?|{_STACKED}")
_WIDE = {0xFF01 + place: 0x21 + place for place in range(94)}  # full-width forms of ASCII
_ODD = re.compile(f"[{_UNSEEN}\U0001f1e6-\U0001f1ff\uff01-\uff5e{_HAN}]|{_ABUGIDA}|{_BASE}")
_REMOVED = re.compile(f"[{_UNSEEN}]")


def describe_form() -> dict[str, object]:
    """The form as regular expressions, for readers of texts elsewhere.

    What matches `removed` is removed, then `wide["count"]` characters from `wide["first"]` on become those from
    `wide["usual"]` on, then the text becomes NFC; what matches `alone` is a word of its own.
    """
    first, usual = next(iter(_WIDE.items()))
    wide = {"first": first, "usual": usual, "count": len(_WIDE)}
    return {"removed": _REMOVED.pattern, "wide": wide, "alone": _ALONE.pattern}


def normalise(text: str) -> str:
    """The text in that form, with a space before and after each character that is a word of its own.

    >>> normalise("cafe\u0301 it😍😍 ３D电影")
    'café it 😍  😍  3D 电  影 '
    """
    return text if _is_plain(text) else _ALONE.sub(r" \g<0> ", _compose(text))


def compose(text: str) -> str:
    """The text in that form, without the spaces.

    >>> compose("cafe\u0301 it😍😍 ３D电影")
    'café it😍😍 3D电影'
    """
    return text if _is_plain(text) else _compose(text)


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", _REMOVED.sub("", text).translate(_WIDE))


def _is_plain(text: str) -> bool:
    """Whether the text has that form already and no character that is a word of its own."""
    if text.isascii() or _is_latin(text):
        return True
    return unicodedata.is_normalized("NFC", text) and not _ODD.search(text)


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


Located = tuple[str, list[int], list[int]]  # a text, and where in another one each of its characters begins and ends


def locate_characters(text: str) -> Located:
    """`normalise(text)`, and where in `text` each of its characters begins and ends."""
    found = locate_composed(text)
    return found if _is_plain(text) else _set_apart(*found, len(text))


def locate_composed(text: str) -> Located:
    """`compose(text)`, and where in `text` each of its characters begins and ends."""
    if compose(text) == text:
        return text, [*range(len(text))], [*range(1, len(text) + 1)]
    begins, ends, parts = [], [], []
    kept = [place for place, letter in enumerate(text) if not _REMOVED.match(letter)]
    starts = [number for number, place in enumerate(kept) if not number or not _may_join(text[place])]
    for first, last in zip(starts, [*starts, len(kept)][1:], strict=True):
        letters = "".join(text[place] for place in kept[first:last]).translate(_WIDE)
        part = unicodedata.normalize("NFC", letters)
        parts.append(part)
        same = part == letters
        begins += kept[first:last] if same else [kept[first]] * len(part)
        ends += [place + 1 for place in kept[first:last]] if same else [kept[last - 1] + 1] * len(part)
    return "".join(parts), begins, ends


def _set_apart(whole: str, begins: list[int], ends: list[int], end: int) -> Located:
    """A text with spaces around the characters that are words of their own, and the places of its characters."""
    letters, first, last, done = [], [], [], 0
    for found in [*_ALONE.finditer(whole), None]:
        start, stop = found.span() if found else (len(whole), len(whole))
        letters.append(whole[done:start])
        first += begins[done:start]
        last += ends[done:start]
        if found:
            around = [begins[start]], [begins[stop] if stop < len(begins) else end]
            letters.append(f" {found[0]} ")
            first += around[0] + begins[start:stop] + around[1]
            last += around[0] + ends[start:stop] + around[1]
        done = stop
    return "".join(letters), first, last


def _may_join(letter: str) -> bool:
    """Whether NFC may join a character to the one before it: marks, and the later letters of a Hangul syllable."""
    return unicodedata.category(letter).startswith("M") or "\u1160" <= letter <= "\u11ff"

"""Texts to ids: tokenisation, vocabulary and padding.

Words are found in five steps, the same for every language:

0. The text is brought into one form: NFC, with each emoji and each character of a script without spaces, such as
   Chinese, a word of its own (see `unicode`). Models of version 0.1.0 lack this step.
1. The text is lower-cased with `str.lower`.
2. HTML line breaks (`<br />`, `<br/>`, `<br >`, `<br>`) become a space.
3. It is split at `SEPARATORS`: white space, control characters, the punctuation of the main scripts and most symbols.
   Letters, digits, combining marks, emoji and CJK characters belong to words.
4. Apostrophes (' and the typographic U+2019, treated as ') are kept inside a word and stripped from its ends.

>>> split("I DON'T like it.<br /><br />It's 'fine', 7/10")
['i', "don't", 'like', 'it', "it's", 'fine', '7', '10']

`split` is the definition. The native core processes whole sets of texts and gives exactly the same words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from seqconv import _native
from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.networks.inputs import START, UNKNOWN
from seqconv.tasks.text.unicode import locate_characters, normalise, normalise_all

# Code points that separate words, as (first, last). The list is fixed, so that a vocabulary does not depend on Python's
# Unicode version. Letters, marks and digits among punctuation are not in it: U+00AA, U+00B2, U+3005, ...
SEPARATORS: tuple[tuple[int, int], ...] = (
    # ASCII and Latin-1: all but letters, digits, the apostrophe, ordinals, superscripts and fractions
    *((0x00, 0x26), (0x28, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xA9), (0xAB, 0xB1), (0xB4, 0xB4), (0xB6, 0xB8)),
    *((0xBB, 0xBB), (0xBF, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7)),
    # Greek, Armenian, Hebrew, Arabic, Syriac
    *((0x37E, 0x37E), (0x387, 0x387), (0x55A, 0x55F), (0x589, 0x58A), (0x5BE, 0x5BE), (0x5C0, 0x5C0), (0x5C3, 0x5C3)),
    *((0x5C6, 0x5C6), (0x609, 0x60D), (0x61B, 0x61B), (0x61D, 0x61F), (0x66A, 0x66D), (0x6D4, 0x6D4), (0x700, 0x70D)),
    # Devanagari, Sinhala, Thai, Tibetan, Burmese, Georgian, Ethiopic
    *((0x964, 0x965), (0x970, 0x970), (0xDF4, 0xDF4), (0xE4F, 0xE4F), (0xE5A, 0xE5B), (0xF04, 0xF14), (0xF3A, 0xF3D)),
    *((0x104A, 0x104F), (0x10FB, 0x10FB), (0x1360, 0x1368)),
    # Ogham space, Khmer, Mongolian
    *((0x1680, 0x1680), (0x17D4, 0x17D6), (0x17D8, 0x17DA), (0x1800, 0x180A)),
    # general punctuation but the joiners U+200C and U+200D, which hold words and emoji together; currency, trade marks
    *((0x2000, 0x200B), (0x200E, 0x206F), (0x20A0, 0x20CF), (0x2120, 0x2122)),
    # arrows, operators, angle brackets, boxes and shapes, ornamental and mathematical brackets
    *((0x2190, 0x22FF), (0x2329, 0x232A), (0x2500, 0x25FF), (0x2768, 0x2775), (0x27E6, 0x27EF), (0x2983, 0x2998)),
    # supplemental punctuation; CJK but its letters, numerals and marks
    *((0x2E00, 0x2E2E), (0x2E30, 0x2E7F), (0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x303D, 0x303F)),
    *((0x30A0, 0x30A0), (0x30FB, 0x30FB)),
    # vertical and small forms, byte order mark, full width, replacement character
    *((0xFE10, 0xFE19), (0xFE30, 0xFE6F), (0xFEFF, 0xFEFF), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40)),
    *((0xFF5B, 0xFF65), (0xFFE0, 0xFFE6), (0xFFF9, 0xFFFD)),
)
SPECIAL = ("<padding>", "<start>", "<unknown>")  # as `decode` returns them; no word contains < or >

_RANGES = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in SEPARATORS)
_SEPARATOR = re.compile(f"[{_RANGES}]")
_PIECE = re.compile(f"[^{_RANGES}]+")
_LINE_BREAK = re.compile("<br ?/?>")
_NATIVE_SEPARATORS = _native.Separators(SEPARATORS)
_RESTORE = "Restore the file or train again"


def split(text: str, normalised: bool = True) -> list[str]:
    """The words of a text in order, by the definition above; not `normalised`: as version 0.1.0 finds them.

    >>> split("L\u2019été à São Paulo — 30°C")
    ["l'été", 'à', 'são', 'paulo', '30', 'c']
    """
    text = normalise(text) if normalised else text
    lowered = _LINE_BREAK.sub(" ", text.lower()).replace("\u2019", "'")
    return [word for piece in _SEPARATOR.split(lowered) if (word := piece.strip("'"))]


def locate_words(text: str, normalised: bool = True) -> list[tuple[int, int]]:
    """Start and end in `text` of each word of `split(text, normalised)`.

    >>> [(start, end, "It's 'fine'"[start:end]) for start, end in locate_words("It's 'fine'")]
    [(0, 4, "It's"), (6, 10, 'fine')]
    """
    if normalised:
        plain, begins, ends = locate_characters(text)
        return [(begins[start], ends[end - 1]) for start, end in locate_words(plain, normalised=False)]
    lowered = text.lower()
    place: Sequence[int] = range(len(text) + 1)
    if len(lowered) > len(text):  # some letters become two in lower case (U+0130)
        place = [i for i, letter in enumerate(text) for _ in letter.lower()] + [len(text)]
    blanked = _LINE_BREAK.sub(lambda found: " " * len(found[0]), lowered).replace("\u2019", "'")
    found = []
    for piece in _PIECE.finditer(blanked):
        word = piece[0].strip("'")
        start = piece.start() + piece[0].find(word)
        if word:
            found.append((place[start], place[start + len(word) - 1] + 1))
    return found


@dataclass(frozen=True)
class Encoded:
    """Texts of any length as ids, concatenated: text `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Args:
        ids: int32, flat; each text begins with the start id.
        offsets: int64 `[N + 1]`.
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True)
class Vocabulary:
    """The known words. Ids: 0 padding, 1 start of a text, 2 unknown word, then `words` by descending frequency.

    >>> vocabulary = Vocabulary.fit(["So good, so very good!", "very bad"], size=6)
    >>> vocabulary.words
    ('good', 'so', 'very')
    >>> vocabulary.encode(["so bad"]).ids.tolist()
    [1, 4, 2]

    Args:
        normalised: texts are normalised before they are split; False for models of version 0.1.0.

    Raises:
        ValueError: a word is empty or occurs twice.
    """

    words: tuple[str, ...]
    normalised: bool = field(default=False, repr=False)
    _word_ids: _native.WordIds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_word_ids", _native.WordIds(_NATIVE_SEPARATORS, self.words))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[str, ...], bool]]:
        return type(self), (self.words, self.normalised)

    def __len__(self) -> int:
        return len(self.words) + len(SPECIAL)

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, threads: int = 1) -> Self:
        """A vocabulary of the most frequent words, with at most `size` ids; ties are ordered by code point.

        Raises:
            DataError: no word in any text, or a text that is not a string or not valid Unicode.
            ConfigError: a size too small for any word.
        """
        return cls.fit_encode(texts, size, threads)[0]

    @classmethod
    def fit_encode(cls, texts: Sequence[str], size: int, threads: int = 1) -> tuple[Self, Encoded]:
        """`fit` and `encode` of the same texts in one pass.

        Raises:
            DataError, ConfigError: as `fit`.
        """
        if size <= len(SPECIAL):
            raise ConfigError(f"text.vocabulary: must be at least {len(SPECIAL) + 1} ids; got {size}. Use 10000")
        try:
            words, ids, offsets = _NATIVE_SEPARATORS.fit(normalise_all(texts), size, threads)
        except ValueError as error:
            raise DataError(str(error)) from error
        if not words:
            raise DataError(
                f"texts: must hold at least one word; got {len(texts)} texts without any. Check the text column"
            )
        return cls(tuple(words), normalised=True), Encoded(ids, offsets)

    def encode(self, texts: Sequence[str], threads: int = 1) -> Encoded:
        """For each text the start id, then one id for each word of `split(text, normalised)`.

        Raises:
            DataError: a text that is not a string or not valid Unicode (a lone surrogate).
        """
        try:
            return Encoded(*self._word_ids.encode(self._prepare(texts), threads))
        except ValueError as error:
            raise DataError(str(error)) from error

    def encode_padded(self, texts: Sequence[str], max_len: int, threads: int = 1) -> np.ndarray:
        """`pad(encode(texts), max_len)` in one call, to be fast for a single text; int32 `[N, L]`.

        Raises:
            DataError, ConfigError: as `encode` and `pad`.
        """
        _check_max_len(max_len)
        try:
            return np.asarray(self._word_ids.encode_padded(self._prepare(texts), max_len, threads))
        except ValueError as error:
            raise DataError(str(error)) from error

    def _prepare(self, texts: Sequence[str]) -> Sequence[str]:
        return normalise_all(texts) if self.normalised else texts

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The word of each id; special ids as in `SPECIAL`.

        Raises:
            DataError: an id outside the vocabulary.
        """
        known = SPECIAL + self.words
        found = []
        for number in ids:
            if not 0 <= number < len(known):
                raise DataError(
                    f"ids: must be 0 to {len(known) - 1}; got {number}. Decode with the vocabulary that encoded"
                )
            found.append(known[number])
        return found

    def write(self, path: Path) -> None:
        """Write one word per line, the most frequent first, in UTF-8."""
        path.write_bytes("".join(f"{word}\n" for word in self.words).encode())

    @classmethod
    def read(cls, path: Path, normalised: bool = False) -> Self:
        """Read back what `write` wrote; `normalised` is kept elsewhere.

        Raises:
            BundleError: no such file, bytes that are not UTF-8, or a line that is not a word or is repeated.
        """
        words: dict[str, int] = {}
        for line, raw in enumerate(_read_lines(path), start=1):
            try:
                word = raw.decode()
            except UnicodeDecodeError as error:
                raise BundleError(f"{path}, line {line}: must be UTF-8; got {raw!r}. {_RESTORE}") from error
            if not word or _SEPARATOR.search(word):
                raise BundleError(f"{path}, line {line}: must be one word; got {word!r}. {_RESTORE}")
            if word in words:
                raise BundleError(
                    f"{path}, line {line}: must be a new word; {word!r} is line {words[word]}. {_RESTORE}"
                )
            words[word] = line
        return cls(tuple(words), normalised)


def count_words(texts: Sequence[str], threads: int = 1) -> np.ndarray:
    """Number of words of each text, as `split` finds them, int64 `[N]`.

    Raises:
        DataError: as `Vocabulary.encode`.

    >>> count_words(["not bad", ""]).tolist()
    [2, 0]
    """
    return (
        np.diff(Vocabulary((), normalised=True).encode(texts, threads).offsets) - 1
    )  # each text begins with the start id


def count_hashed_words(texts: Sequence[str], bits: int, threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct buckets, of 2^bits, of each normalised text's words, how often each occurs, and the offsets.

    Raises:
        ValueError: as `Vocabulary.encode`.
    """
    return _NATIVE_SEPARATORS.count(texts, bits, threads)


def _read_lines(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BundleError(f"{path}: must be a readable file; {error.strerror}. {_RESTORE}") from error
    if lines.pop() or not lines:
        raise BundleError(f"{path}, line {len(lines) + 1}: must end with a line break; it is cut off. {_RESTORE}")
    return lines


def from_ranks(ranks: np.ndarray, offsets: np.ndarray, vocabulary_size: int) -> Encoded:
    """Texts given as word ranks (1 = most frequent), as in Keras's `imdb.npz`: rank r is id r + 2.

    Keras leaves id 3 unused and gives rank r the id r + 3.

    Args:
        ranks: int, concatenated.
        offsets: int64 `[N + 1]`, where each text begins in `ranks`, and the end of the last.
        vocabulary_size: number of ids; ranks beyond it become the unknown id.

    Raises:
        DataError: a rank below 1.

    >>> from_ranks(np.array([1, 900, 2]), np.array([0, 2, 3]), vocabulary_size=10)
    Encoded(ids=array([1, 3, 2, 1, 4], dtype=int32), offsets=array([0, 3, 5]))
    """
    if len(ranks) and ranks.min() < 1:
        raise DataError(f"ranks: must be 1 or more; got {ranks.min()}. Remove special ids first")
    ids = ranks.astype(np.int64) + len(SPECIAL) - 1
    known = np.where(ids < vocabulary_size, ids, UNKNOWN).astype(np.int32)
    return Encoded(np.insert(known, offsets[:-1], START), offsets + np.arange(len(offsets)))


def pad(encoded: Encoded, max_len: int) -> np.ndarray:
    """The last `max_len` ids of every text, int32 `[N, L]`, padded with zeros on the left (`pre` in Keras).

    Raises:
        ConfigError: `max_len` below 1.

    >>> pad(from_ranks(np.array([1, 2, 3]), np.array([0, 1, 3]), vocabulary_size=10), max_len=2)
    array([[1, 3],
           [4, 5]], dtype=int32)
    """
    _check_max_len(max_len)
    return np.asarray(_native.pad(encoded.ids, encoded.offsets, max_len))


def _check_max_len(max_len: int) -> None:
    if max_len < 1:
        raise ConfigError(f"text.max_len: must be at least 1; got {max_len}. Use 500")

import copy
import doctest
import pickle
import string
import sys
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.texts import any_text
from seqconv.errors import BundleError, ConfigError, DataError
from seqconv.networks.inputs import TokenInputs
from seqconv.tasks.text import vocabulary as tokens
from seqconv.tasks.text.unicode import normalise
from seqconv.tasks.text.vocabulary import SEPARATORS, Encoded, Vocabulary, from_ranks, locate_words, pad, split

EVERYTHING = 2_000_000  # a vocabulary size that leaves no word out
SEPARATING = {chr(point) for first, last in SEPARATORS for point in range(first, last + 1)}


def fit_in_python(texts: list[str], size: int) -> tuple[list[str], list[list[int]]]:
    """The whole definition with a Counter and a dict."""
    counts = Counter(word for text in texts for word in split(text))
    words = sorted(counts, key=lambda word: (-counts[word], word))[: size - 3]
    ids = {word: place + 3 for place, word in enumerate(words)}
    return words, [[1] + [ids.get(word, 2) for word in split(text)] for text in texts]


def to_lists(encoded: Encoded) -> list[list[int]]:
    return [part.tolist() for part in np.split(encoded.ids, encoded.offsets[1:-1])]


def many_texts() -> list[str]:
    """Some 2 MB of words of all lengths with many ties, so that several threads have work."""
    random = np.random.default_rng(3)
    words = ["w" * int(length) + str(number) for number, length in enumerate(random.integers(0, 30, 4000))]
    drawn = (random.pareto(0.6, 120_000) * 3).astype(int) % len(words)
    ends = np.sort(random.integers(0, 120_000, 900))
    return [" ".join(words[place] for place in part) for part in np.split(drawn, ends)]


def test_examples_in_docstrings() -> None:
    results = doctest.testmod(tokens)
    assert results.attempted >= 6
    assert results.failed == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n.,;!?-_()[]{}\x00", []),
        ("It's GOOD, isn't it?", ["it's", "good", "isn't", "it"]),
        ("'quoted' ''twice'' rock'n'roll dogs' '", ["quoted", "twice", "rock'n'roll", "dogs"]),
        ("don\u2019t \u2018quoted\u2019", ["don't", "quoted"]),
        ("one<br />two<br/>three<br>four<BR >five", ["one", "two", "three", "four", "five"]),
        ("a<b>bold</b> <br clear=all> <<br>br> <br", ["a", "b", "bold", "b", "br", "clear", "all", "br", "br"]),
        ("3.5 of 10, 1/2, x²+½", ["3", "5", "of", "10", "1", "2", "x²", "½"]),
        ("ÀÉÎ straße ΟΔΟΣ İ", ["àéî", "straße", "οδος", "i̇"]),
        ("e\u0301te\u0301 \u1100\u1161\u11a8", ["\u00e9t\u00e9", "\uac01"]),
        ("so 😀😀 👩\u200d👧!", ["so", "😀", "😀", "👩\u200d👧"]),
        ("שלום, עולם־יפה صباح، الخير؟", ["שלום", "עולם", "יפה", "صباح", "الخير"]),
        ("人々は「良い」映画。\uff21\uff22\uff01", ["人", "々", "は", "良", "い", "映", "画", "ab"]),
        ("3D电影 カメラ ﾃﾞ\u3099", ["3d", "电", "影", "カ", "メ", "ラ", "ﾃ", "ﾞ\u3099"]),
        ("ดีที่นี่ ລາວ မြန်မာ ខ្មែរ", ["ดี", "ที่", "นี่", "ລ", "າ", "ວ", "မြ", "န်", "မာ", "ខ្មែ", "រ"]),
        ("में हूँ। ጤና፡ይስጥልኝ Ողջույն\u0589", ["में", "हूँ", "ጤና", "ይስጥልኝ", "ողջույն"]),
        ("film😍 it😍👍🏽ok 🇫🇷🇩🇪 \u2764\ufe0f", ["film", "😍", "it", "😍", "👍🏽", "ok", "🇫🇷", "🇩🇪", "\u2764"]),
        ("fi\u2060lm \u2605\u2605", ["film", "\u2605\u2605"]),
        ("\ufeffthe €5\u2013€6 “price”… \u2122", ["the", "5", "6", "price"]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert split(text) == words
    vocabulary, encoded = Vocabulary.fit_encode([text, "x"], EVERYTHING)
    assert vocabulary.decode(encoded.ids[: encoded.offsets[1]]) == ["<start>", *words]


def test_separators_are_white_space_controls_and_punctuation() -> None:
    bounds = [point for first, last in SEPARATORS for point in (first, last + 1)]
    assert bounds == sorted(set(bounds)), "ranges must be in order and neither touch nor overlap"
    every = [chr(point) for point in range(sys.maxunicode + 1)]
    assert {character for character in every if character.isspace()} <= SEPARATING
    assert {character for character in every if unicodedata.category(character) == "Cc"} <= SEPARATING
    assert set(string.punctuation) - SEPARATING == {"'"}
    assert not {character for character in SEPARATING if unicodedata.category(character)[0] in "LMN"}


def test_core_agrees_on_every_character() -> None:
    points = [point for point in range(0x20000) if not 0xD800 <= point < 0xE000]
    text = " ".join(f"a{chr(point)}b" for point in [*points, 0xE0067, sys.maxunicode])
    vocabulary, encoded = Vocabulary.fit_encode([text], EVERYTHING)
    assert vocabulary.decode(encoded.ids[1:]) == split(text)


@given(st.lists(any_text, max_size=6), st.integers(4, 12), st.integers(0, 3))
def test_core_agrees_on_any_text(texts: list[str], size: int, threads: int) -> None:
    texts.append("a word")
    words, ids = fit_in_python(texts, size)
    vocabulary, encoded = Vocabulary.fit_encode(texts, size, threads)
    assert list(vocabulary.words) == words
    assert to_lists(encoded) == ids
    assert to_lists(vocabulary.encode(texts, threads)) == ids
    assert vocabulary == Vocabulary.fit(texts, size)


@given(st.lists(any_text, max_size=6), st.integers(1, 8), st.integers(0, 3))
def test_encoded_and_padded_in_one_call(texts: list[str], max_len: int, threads: int) -> None:
    vocabulary = Vocabulary(("a", "ab", "don't", "人"), normalised=True)
    found = vocabulary.encode_padded(texts, max_len, threads)
    assert found.dtype == np.int32
    assert found.shape == (len(texts), max_len)
    known = {word: number for number, word in enumerate(vocabulary.words, start=3)}
    ids = [[1, *(known.get(word, 2) for word in split(text))] for text in texts]
    assert found.tolist() == [([0] * max_len + text)[-max_len:] for text in ids]


@given(any_text)
def test_words_are_located_in_the_text_as_it_was_written(text: str) -> None:
    words, places = split(text), locate_words(text)
    assert len(places) == len(words)
    end = 0
    for word, (start, stop) in zip(words, places, strict=True):
        assert end <= start < stop <= len(text)
        # a final sigma may be another letter when it stands alone
        found = normalise(text[start:stop]).strip().lower().replace("\u2019", "'")
        assert found.replace("ς", "\u03c3") == word.replace("ς", "\u03c3")
        end = stop


@given(any_text)
def test_a_text_has_the_words_of_its_other_unicode_forms(text: str) -> None:
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, text)
        assert split(other) == split(text)
        assert [normalise(other[start:stop]).strip() for start, stop in locate_words(other)] == [
            normalise(text[start:stop]).strip() for start, stop in locate_words(text)
        ]


@given(any_text)
def test_a_vocabulary_of_version_0_1_0_keeps_its_words(text: str) -> None:
    plain = unicodedata.normalize("NFD", text) + " e\u0301 so😀😀"
    vocabulary = Vocabulary(("e\u0301", "so😀😀"))
    assert vocabulary.encode([plain]).ids.tolist()[-2:] == [3, 4]
    assert pickle.loads(pickle.dumps(vocabulary)) == vocabulary
    assert len(locate_words(plain, normalised=False)) == len(split(plain, normalised=False))


@given(any_text)
def test_text_that_a_vocabulary_has_not_seen(text: str) -> None:
    known = {"a": 3, "ab": 4, "don't": 5, "人": 6}
    encoded = Vocabulary(tuple(known), normalised=True).encode([text])
    assert encoded.ids.tolist() == [1, *(known.get(word, 2) for word in split(text))]


def test_same_ids_on_any_number_of_threads() -> None:
    texts = many_texts() * 3
    words, ids = fit_in_python(texts, 500)
    for threads in (1, 2, 3, 16):
        vocabulary, encoded = Vocabulary.fit_encode(texts, 500, threads)
        assert list(vocabulary.words) == words
        assert to_lists(encoded) == ids
        assert to_lists(vocabulary.encode(texts, threads)) == ids


def test_one_vocabulary_in_several_python_threads() -> None:
    texts = many_texts()
    vocabulary, encoded = Vocabulary.fit_encode(texts, 500)
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(lambda _: vocabulary.encode(texts, 2), range(8)):
            assert np.array_equal(other.ids, encoded.ids)


def test_words_of_great_length_and_a_great_text() -> None:
    long, longer = "x" * 300_000, "x" * 300_001
    vocabulary, encoded = Vocabulary.fit_encode(["a", f"{longer} {long} {long} a", "é" * 400_000], EVERYTHING)
    assert vocabulary.words == ("a", long, longer, "é" * 400_000)
    assert encoded.ids.tolist() == [1, 3, 1, 5, 4, 4, 3, 1, 6]
    assert vocabulary.encode(["a b " * 500_000]).ids.tolist() == [1] + [3, 2] * 500_000


def test_words_that_begin_alike() -> None:
    words = [letters * length + end for letters in ("a", "ab") for length in range(600, 0, -1) for end in ("c", "")]
    vocabulary, encoded = Vocabulary.fit_encode([" ".join(words)], EVERYTHING)
    assert sorted(vocabulary.words) == sorted(words)
    assert vocabulary.decode(encoded.ids[1:]) == words


def test_shapes_and_types() -> None:
    vocabulary, encoded = Vocabulary.fit_encode(["b a b", "", "...", "c"], size=5)
    assert len(vocabulary) == 5
    assert vocabulary.words == ("b", "a")
    assert len(encoded) == 4
    assert (encoded.ids.dtype, encoded.offsets.dtype) == (np.int32, np.int64)
    assert encoded.ids.tolist() == [1, 3, 4, 3, 1, 1, 1, 2]
    assert encoded.offsets.tolist() == [0, 4, 5, 6, 8]
    assert len(Vocabulary.fit(["b a"], size=100)) == 5
    nothing = vocabulary.encode([])
    assert (len(nothing), nothing.ids.tolist(), nothing.offsets.tolist()) == (0, [], [0])
    assert vocabulary.encode(np.array(["a", "É b"])).ids.tolist() == [1, 4, 1, 2, 3]


def test_encoded_ids_outlive_their_texts_and_can_be_written() -> None:
    encoded = Vocabulary(("a",)).encode(["a " * 10_000])
    encoded.ids[0] = 0
    assert encoded.ids.sum() == 30_000


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["fine", None], r"texts\[1\]: must be a string; got NoneType"),
        ([float("nan")], r"texts\[0\]: must be a string; got float"),
        ([b"bytes"], r"texts\[0\]: must be a string; got bytes"),
        (["fine", "é", "bad \udc80"], r"texts\[2\]: must be valid Unicode; got a lone surrogate"),
        ("one text", r"texts: must be a list of strings; got one string"),
    ],
)
def test_texts_that_are_none(texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Vocabulary.fit(texts, 10)
    with pytest.raises(DataError, match=message):
        Vocabulary(("a",)).encode(texts)
    with pytest.raises(DataError, match=message):
        Vocabulary(("a",)).encode_padded(texts, 2)


@pytest.mark.parametrize("texts", [[], [""], ["...", "\n<br />"]])
def test_no_word_at_all(texts: list[str]) -> None:
    with pytest.raises(DataError, match=f"at least one word; got {len(texts)} texts"):
        Vocabulary.fit(texts, 10)


def test_no_room_for_a_word() -> None:
    with pytest.raises(ConfigError, match=r"text.vocabulary: must be at least 4 ids; got 3"):
        Vocabulary.fit(["a"], 3)


def test_a_vocabulary_is_a_value() -> None:
    vocabulary = Vocabulary(("b", "a"))
    for other in (Vocabulary(("b", "a")), copy.deepcopy(vocabulary), pickle.loads(pickle.dumps(vocabulary))):
        assert other == vocabulary
        assert hash(other) == hash(vocabulary)
        assert other.encode(["a b"]).ids.tolist() == [1, 4, 3]
    assert vocabulary != Vocabulary(("a", "b"))
    assert repr(vocabulary) == "Vocabulary(words=('b', 'a'))"
    with pytest.raises(FrozenInstanceError):
        vocabulary.words = ()  # type: ignore[misc]
    with pytest.raises(ValueError, match="each must stand once; got 'a' twice"):
        Vocabulary(("a", "a"))
    with pytest.raises(ValueError, match="must not be empty"):
        Vocabulary(("a", ""))


def test_decode() -> None:
    vocabulary = Vocabulary(("good", "film"))
    words = vocabulary.decode(np.array([0, 0, 1, 4, 2, 3], np.int32))
    assert words == ["<padding>", "<padding>", "<start>", "film", "<unknown>", "good"]
    for number in (-1, 5):
        with pytest.raises(DataError, match=f"must be 0 to 4; got {number}"):
            vocabulary.decode([3, number])


@given(st.lists(any_text, min_size=1))
def test_write_then_read(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    vocabulary = Vocabulary.fit([*texts, "word"], 1000)
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    vocabulary.write(path)
    assert Vocabulary.read(path, normalised=True) == vocabulary
    assert Vocabulary.read(path) != vocabulary
    assert path.read_bytes().decode().split("\n") == [*vocabulary.words, ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\nc", "line 3: must end with a line break"),
        (b"", "line 1: must end with a line break"),
        (b"a\n\nb\n", "line 2: must be one word; got ''"),
        (b"a\nb c\n", "line 2: must be one word; got 'b c'"),
        (b"a\r\nb\r\n", r"line 1: must be one word; got 'a\\r'"),
        ("a\nb\u2028c\n".encode(), "line 2: must be one word"),
        (b"a\nb\nc\nb\n", "line 4: must be a new word; 'b' is line 2"),
        (b"a\ncaf\xe9\n", "line 2: must be UTF-8; got "),
    ],
)
def test_damaged_vocabulary_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=f"vocabulary.txt, {message}") as caught:
        Vocabulary.read(path)
    assert "\n" not in str(caught.value)


def test_missing_vocabulary_file(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"vocabulary.txt: must be a readable file; No such file"):
        Vocabulary.read(tmp_path / "vocabulary.txt")


@given(st.lists(st.lists(st.integers(1, 20), max_size=7), max_size=5), st.integers(4, 25))
def test_from_ranks(texts: list[list[int]], size: int) -> None:
    offsets = np.cumsum([0, *map(len, texts)])
    ranks = np.array([rank for text in texts for rank in text], np.uint8)
    encoded = from_ranks(ranks, offsets, size)
    assert (encoded.ids.dtype, encoded.offsets.dtype) == (np.int32, np.int64)
    assert len(encoded) == len(texts)
    for place, text in enumerate(texts):
        ids = encoded.ids[encoded.offsets[place] : encoded.offsets[place + 1]].tolist()
        assert ids == [1, *(rank + 2 if rank + 2 < size else 2 for rank in text)]


def test_ranks_give_the_ids_of_the_vocabulary() -> None:
    ours = Vocabulary.fit_encode(["b b a", "b a c"], 5)[1]
    assert to_lists(from_ranks(np.array([1, 1, 2, 1, 2, 3]), np.array([0, 3, 6]), 5)) == to_lists(ours)


def test_ranks_begin_at_one() -> None:
    with pytest.raises(DataError, match=r"ranks: must be 1 or more; got 0"):
        from_ranks(np.array([3, 0]), np.array([0, 2]), 10)


@given(st.lists(st.lists(st.integers(1, 9), max_size=6), max_size=5), st.integers(1, 8))
def test_pad_keeps_the_end_of_a_text(texts: list[list[int]], max_len: int) -> None:
    ids = np.array([number for text in texts for number in text], np.int32)
    padded = pad(Encoded(ids, np.cumsum([0, *map(len, texts)])), max_len)
    assert padded.dtype == np.int32
    assert padded.shape == (len(texts), max_len)
    assert padded.tolist() == [([0] * max_len + text)[-max_len:] for text in texts]


@pytest.mark.parametrize("offsets", [[0, 4], [-1, 2], [2, 1]])
def test_pad_refuses_texts_outside_their_ids(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets: must ascend from 0 to at most 3; got"):
        pad(Encoded(np.ones(3, np.int32), np.array(offsets)), 2)


def test_pad_to_nothing() -> None:
    with pytest.raises(ConfigError, match=r"text.max_len: must be at least 1; got 0"):
        pad(Vocabulary(("a",)).encode(["a"]), 0)
    with pytest.raises(ConfigError, match=r"text.max_len: must be at least 1; got 0"):
        Vocabulary(("a",)).encode_padded(["a"], 0)


def test_token_inputs() -> None:
    inputs = TokenInputs(np.arange(12, dtype=np.int32).reshape(4, 3))
    assert len(inputs) == 4
    assert inputs.shape == (3,)
    assert inputs.take(np.array([3, 0])).ids.tolist() == [[9, 10, 11], [0, 1, 2]]
    assert inputs.gather(np.array([1, 1])).tolist() == [[3, 4, 5], [3, 4, 5]]
    assert inputs.gather(np.array([0])).dtype == np.int32


def test_real_messages(real_data: Path) -> None:
    """Text messages as people type them: abbreviations, prices, HTML entities, smileys."""
    texts = (real_data / "sms_spam" / "SMSSpamCollection").read_text(encoding="utf-8").split("\n")
    words, ids = fit_in_python(texts, 1000)
    vocabulary, encoded = Vocabulary.fit_encode(texts, 1000, threads=2)
    assert list(vocabulary.words) == words
    assert to_lists(encoded) == ids

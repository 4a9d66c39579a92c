"""Findings on what a model of words cannot see in texts: the inside of words, new words, punctuation."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from seqconv.networks.inputs import UNKNOWN
from seqconv.tasks.findings import Finding, quote
from seqconv.tasks.text.vocabulary import Encoded

FEWEST = 20  # texts from which something is said
_SAMPLE = 2000  # texts whose signs are counted
_SIGNS = re.compile(r"[^\w\s,'\"]+")
_ACTION = "kept, but only whole words are read"


def judge_reading(texts: Sequence[str], labels: np.ndarray, encoded: Encoded, held: Encoded) -> list[Finding]:
    """Findings that predict failure.

    Args:
        texts, encoded: of the training examples, N texts and their ids.
        labels: int32 `[N]`; or 0 and 1 `[N, classes]`, or numbers, of which nothing is said about signs.
        held: ids of texts that training does not see.
    """
    if len(texts) < FEWEST:
        return []
    found = [*_judge_lengths(encoded), *_judge_new_words(held)]
    several = labels.ndim == 2 or labels.dtype == np.float64
    return found if several else [*found, *(_judge_equal(texts, labels, encoded) or _judge_signs(texts, labels))]


def _judge_lengths(encoded: Encoded) -> list[Finding]:
    single = float(np.mean(np.diff(encoded.offsets) <= 2))  # the start id and one word
    if single < 0.8:
        return []
    action = f"{_ACTION}. Put spaces between parts that matter"
    return [Finding(f"{single:.0%} of the texts are one word each", "", action, "costs")]


def _judge_new_words(held: Encoded) -> list[Finding]:
    words = len(held.ids) - len(held)
    new = int(np.sum(held.ids == UNKNOWN)) / words if words else 0.0
    if len(held) < FEWEST or new < 0.5:
        return []
    what = f"{new:.0%} of the words of held-out texts are not known from the training texts"
    return [Finding(what, "", f"{_ACTION}, and unknown ones are all alike. Give more texts, or split words", "costs")]


def _judge_equal(texts: Sequence[str], labels: np.ndarray, encoded: Encoded) -> list[Finding]:
    """Texts of the same known words that differ otherwise, under different labels."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for row, (begin, end) in enumerate(zip(encoded.offsets, encoded.offsets[1:], strict=False)):
        ids = encoded.ids[begin:end]
        if end - begin > 1 and not (ids == UNKNOWN).any():
            alike[ids.tobytes()].append(row)
    torn = [rows for rows in alike.values() if len({int(labels[row]) for row in rows}) > 1]
    torn = [rows for rows in torn if len({" ".join(texts[row].split()) for row in rows}) > 1]
    number = sum(map(len, torn))
    if number < 0.05 * len(texts):
        return []
    pair = sorted({texts[row] for row in torn[0]})[:2]
    shown = " and ".join(map(quote, pair))
    what = f"{number} texts equal but for punctuation or case have different labels, such as {shown}"
    return [Finding(what, "", f"{_ACTION}. Write characters that matter as words", "costs")]


def _judge_signs(texts: Sequence[str], labels: np.ndarray) -> list[Finding]:
    """A sign, such as a smiley, that tells the class of many texts."""
    step = max(1, len(texts) // _SAMPLE)
    sample, known = texts[::step], labels[::step].tolist()
    classes = Counter(known)
    by_sign: dict[str, Counter[int]] = defaultdict(Counter)
    for text, label in zip(sample, known, strict=True):
        for sign in set(_SIGNS.findall(text)):
            if sign.isascii():  # emoji are words
                by_sign[sign][label] += 1
    for sign, counts in sorted(by_sign.items(), key=lambda each: -each[1].total()):
        label, most = counts.most_common(1)[0]
        rows, usual = counts.total(), classes[label] / len(sample)
        if rows >= max(0.2 * len(sample), FEWEST / 2) and most >= 0.95 * rows and most > 1.3 * usual * rows:
            what = f"{sign!r} gives the class away: {most / rows:.0%} of {rows} texts with it are of one"
            return [Finding(what, "", f"{_ACTION}. Write characters that matter as words", "costs")]
    return []

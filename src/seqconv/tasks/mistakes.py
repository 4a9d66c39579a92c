"""The surest mistakes of a classifier on the test examples, where odd labels and misread inputs show first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.metrics.records import Record
from seqconv.tasks.bundle import Trained
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.effects import show_safely
from seqconv.tasks.examples import Split
from seqconv.tasks.explanation import Explanation
from seqconv.tasks.text_explanation import TextExplanation

MOST = 10
LONGEST = 300  # characters of a text that are kept


@dataclass(frozen=True)
class Word(Record):
    """The effect of one word, characters `start` to `end` of the excerpt, on the score of the class explained."""

    start: int
    end: int
    effect: float


@dataclass(frozen=True)
class Mistake(Record):
    """A test example that was answered wrongly.

    Args:
        row: number in the test set, from 1.
        actual, predicted: its labels, and those that were predicted; several are separated by `|`.
        class_: whose probability and explanation follow: the predicted class, or a label that is surely wrong.
        probability: of that class.
        because: what the answer is due to, in a sentence.
        text: an excerpt; empty: the example is no text.
        words: of the excerpt.
    """

    row: int
    actual: str
    predicted: str
    class_: str
    probability: float
    because: str
    text: str = ""
    words: list[Word] | None = None


@dataclass(frozen=True)
class Mistakes(Record):
    """What a run keeps of them, the surest first.

    Args:
        total: how many mistakes there are in all.
    """

    total: int
    surest: list[Mistake]


def find_mistakes(
    trained: Callable[[], Trained],
    explain: Callable[[Trained, Any, dict[str, str]], Explanation],
    split: Split[Any, Any],
    outputs: np.ndarray,
    loss: str,
) -> Mistakes | None:
    """The surest mistakes, each once, explained; None: no classes are predicted, or the raw test examples are unknown.

    Args:
        trained: makes the model, if it is needed.
        explain: of the model's task.
        outputs: for the test examples.
    """
    target = split.features.target
    if split.example is None or not isinstance(target, ClassTarget) or not np.isfinite(outputs).all():
        return None
    probabilities = target.probabilities(outputs, loss)
    chosen, actual = target.indicate(target.choose(outputs, loss)), target.indicate(np.asarray(split.test.targets))
    # of several labels one that is missed is a mistake too; of one class what counts is the predicted one
    wrong = chosen != actual if target.several else chosen > actual
    sureness = np.where(wrong, np.where(chosen > 0, probabilities, 1 - probabilities), 0)
    total = int(wrong.any(axis=1).sum())
    rows = np.argsort(-sureness.max(axis=1), kind="stable")[:total]
    if split.test.keys is not None:  # of copies the first
        rows = rows[np.sort(np.unique(split.test.keys[rows], return_index=True)[1])]
    found: list[Mistake] = []
    model = trained() if total else None
    for row in rows[:MOST].tolist():
        place = int(sureness[row].argmax())
        name = target.names[place]
        why = explain(model, split.example(row), {"class": name})  # type: ignore[arg-type]
        one = why[0] if isinstance(why, list) else why
        labels, predicted = (_join(target, each[row]) for each in (actual, chosen))
        text, words = _cut(one) if isinstance(one, TextExplanation) else ("", None)
        probability = float(probabilities[row, place])
        found.append(Mistake(row + 1, labels, predicted, name, probability, one.because, text, words))
    return Mistakes(total, found)


def _join(target: ClassTarget, held: np.ndarray) -> str:
    return "|".join(name for name, one in zip(target.names, held, strict=True) if one) or "none"


def _cut(one: TextExplanation) -> tuple[str, list[Word]]:
    """The stretch of a text that has most effect, and the words in it."""
    text, words = show_safely(one.text), one.shade_words()
    if len(text) <= LONGEST:
        return text, [Word(*word) for word in words]
    spread = np.zeros(len(text) + 1)
    for _, end, effect in words:
        spread[end] = abs(effect)
    within = np.cumsum(spread)
    starts = [min(start, len(text) - LONGEST) for start, _, _ in words] or [0]
    first = max(starts, key=lambda start: within[start + LONGEST] - within[start])
    front, back = "\u2026 " if first else "", " \u2026" if first + LONGEST < len(text) else ""
    ahead = len(front) - first
    kept = [Word(s + ahead, e + ahead, effect) for s, e, effect in words if first <= s and e <= first + LONGEST]
    return f"{front}{text[first : first + LONGEST]}{back}", kept

"""Explanations of a model's answer for a text, by its words."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seqconv.data.display import Card, Shown, mark_words
from seqconv.metrics.comparison import show_percent
from seqconv.tasks.classes import ClassTarget
from seqconv.tasks.effects import Contribution, choose_notable, join_words, quote, show_effects

SHOWN = 8  # parts in a notebook


@dataclass(frozen=True)
class TextExplanation:
    """The logit of one class, decomposed.

    Args:
        words: start and end of each word of the text.
        target: the classes.
        probability: of each class.
        name: the class of `logit`.
        constant: bias and filters whose maximum is at no word; None unless `exact`.
        parts: largest first. If exact, they and the constant sum to the logit; else, by how much leaving out the
            word lowers the logit.
        columns: the same of columns next to the text, such as `brand = Acme`, which lie nowhere in it.
    """

    text: str
    words: tuple[tuple[int, int], ...]
    target: ClassTarget
    probability: tuple[float, ...]
    name: str
    logit: float
    constant: float | None
    parts: tuple[Contribution, ...]
    exact: bool
    columns: tuple[Contribution, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes."""
        return self.target.names

    @property
    def answers(self) -> list[str]:
        """The predicted classes."""
        return self.target.name_answers(np.array([self.probability]))[0]

    @property
    def verdict(self) -> str:
        """The predicted classes with their probabilities."""
        probabilities = dict(zip(self.classes, self.probability, strict=True))
        doubt = f"the likeliest class has {show_percent(max(self.probability))}"
        shares = (show_percent(probabilities[name]) if name in probabilities else doubt for name in self.answers)
        shown = (f"{name} ({share})" for name, share in zip(self.answers, shares, strict=True))
        return ", ".join(shown) or "none of the classes"

    @property
    def title(self) -> str:
        """The class and its probability."""
        return f"{self.name} ({show_percent(self.probability[self.classes.index(self.name)])})"

    @property
    def unit(self) -> str:
        """What is explained."""
        return f"score of {self.name}"

    def describe_answer(self) -> dict[str, Any]:
        """The answer for JSON."""
        return {"classes": list(self.classes), "probability": list(self.probability), "verdict": self.verdict}

    def describe(self) -> dict[str, Any]:
        """What is explained, and by what, for JSON."""
        return {"class": self.name, "because": self.because, "logit": self.logit, "constant": self.constant}

    @property
    def _either(self) -> bool:
        """What speaks against the class speaks for the only other one."""
        return len(self.classes) == 2 and not self.target.several

    @property
    def directions(self) -> tuple[str, str]:
        """What positive and negative contributions are evidence for."""
        others = [name for name in self.classes if name != self.name]
        return f"for {self.name}", f"for {others[0]}" if self._either else f"against {self.name}"

    @property
    def because(self) -> str:
        """What speaks most for the answer, in a sentence."""
        answered = self.name in self.answers
        sign = 1 if answered else -1
        refused = "" if answered or self._either else f"Not {self.name}: "
        why = "mostly because of" if refused else "Mostly because of"
        reasons = [part for part in self.effects if sign * part.contribution > 0]
        words = join_words([quote(part.span) for part in choose_notable(reasons)])
        if not reasons:
            against = f"Not {self.name}, though nothing in the text speaks against it."
            return against if refused else "Nothing in the text speaks for this answer."
        if self.constant is not None and sign * self.constant > sum(abs(part.contribution) for part in reasons):
            return f"{refused}{why} what is not in the text; of what is, mostly because of {words}."
        return f"{refused}{why} {words}."

    @property
    def note(self) -> str:
        """How the contributions were computed, in a sentence or two."""
        if not self.exact:
            return "Approximate: how much the score falls when the word is left out. Rows do not add up to the score."
        most = "Above 0 it means more than 50 %." if len(self.classes) == 2 or self.target.several else ""
        most = most or "The class with the highest score is the answer."
        return (
            f"Exact: the effects add up to the model's score for {self.name}. {most} "
            "The effect of several words is spread evenly over them to colour the text."
        )

    @property
    def effects(self) -> list[Contribution]:
        """Those of spans and of columns, the largest first."""
        return sorted([*self.parts, *self.columns], key=lambda part: -abs(part.contribution))

    def list_rows(self, count: int) -> list[tuple[str, str]]:
        """Effect and label of the `count` largest parts; if exact also the rest, constant and sum."""
        rows = [(part.contribution, quote(part.span)) for part in self.effects[:count]]
        if self.constant is not None:
            if others := self.effects[count:]:
                rows.append((sum(part.contribution for part in others), f"{len(others)} more"))
            rows.append((self.constant, "constant: what is due to no word"))
            rows.append((sum(value for value, _ in rows), f"sum: {self.unit}"))
        effects = show_effects([value for value, _ in rows])
        return [(effect, label) for effect, (_, label) in zip(effects, rows, strict=True)]

    def shade_words(self) -> list[tuple[int, int, float]]:
        """Start, end and contribution of each word; that of a span is spread evenly over its words."""
        words = self.words
        at_start, at_end = ({word[side]: i for i, word in enumerate(words)} for side in (0, 1))
        contributions = np.zeros(len(words))
        for part in self.parts:
            first, last = at_start[part.start], at_end[part.end]
            contributions[first : last + 1] += part.contribution / (last + 1 - first)
        return [(start, end, float(each)) for (start, end), each in zip(words, contributions, strict=True)]


def _describe_columns(columns: tuple[Contribution, ...]) -> dict[str, Any]:
    """The effects of columns next to the text for JSON; nothing where the text is all there is."""
    return (
        {"columns": [{"column": each.span, "contribution": each.contribution} for each in columns]} if columns else {}
    )


def describe_texts(found: list[TextExplanation]) -> dict[str, Any]:
    """Explanations of one text for JSON; those of several labels as a list."""
    first = found[0]
    shared = {"text": first.text} | first.describe_answer()
    shared |= {"exact": first.exact, "method": "filters" if first.exact else "occlusion"}
    each = [
        one.describe()
        | {"parts": [asdict(part) for part in one.parts]}
        | _describe_columns(one.columns)
        | {"words": [dict(zip(("start", "end", "effect"), word, strict=True)) for word in one.shade_words()]}
        for one in found
    ]
    return shared | (each[0] if len(each) == 1 else {"labels": each})


class TextExplanations(Shown, list[TextExplanation]):
    """The explanations of a text: of one class, or of several labels."""

    def card(self) -> Card:
        """The answer, why, the text with its words coloured, and their effects."""
        first = self[0]
        marked = "".join(mark_words(each.text, each.shade_words()) for each in self)
        table = [["words", "effect"], *([label, effect] for effect, label in first.list_rows(SHOWN))]
        return Card(first.verdict, tuple(each.because for each in self), table, marked=marked)

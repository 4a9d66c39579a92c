"""Explanations of a model's answer: by words of a text, or by inputs and time spans of a window."""

from dataclasses import asdict, dataclass
from typing import Any
from unicodedata import category

import numpy as np

from seqconv.tasks.classes import ClassTarget

GRID_NOTE = (
    "By occlusion, not exact: how much the answer falls when the input is set to its training mean over the span. "
    "The parts need not sum to it."
)


@dataclass(frozen=True)
class Contribution:
    """The contribution of one span of a text, characters `start` to `end`, to the logit.

    Args:
        filters: number of filters and n-grams whose maximum lies there; None for occlusion by word.
    """

    span: str
    start: int
    end: int
    contribution: float
    filters: int | None


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

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes."""
        return self.target.names

    @property
    def verdict(self) -> str:
        """The predicted classes with their probabilities."""
        probabilities = dict(zip(self.classes, self.probability, strict=True))
        (answer,) = self.target.name_answers(np.array([self.probability]))
        return ", ".join(f"{name} {probabilities[name]:.1%}" for name in answer) or "none of the classes"

    @property
    def title(self) -> str:
        """The class and its logit."""
        return f"logit of {self.name}: {self.logit:+.4f}"

    @property
    def directions(self) -> tuple[str, str]:
        """What positive and negative contributions are evidence for."""
        others = [name for name in self.classes if name != self.name]
        against = f"for {others[0]}" if len(others) == 1 and not self.target.several else f"against {self.name}"
        return f"for {self.name}", against

    @property
    def note(self) -> str:
        """How the contributions were computed, in a sentence or two."""
        if self.exact:
            return "Exact: the spans and the constant sum to the logit. A span's part is spread evenly over its words."
        return (
            "Not exact, by occlusion: how much the logit falls when the word is left out. The parts need not sum to it."
        )

    def list_rows(self, count: int) -> list[tuple[float, int | None, str]]:
        """Contribution, filters and label of the `count` largest parts; if exact also the rest, constant and sum."""
        rows = [
            (part.contribution, part.filters, f"\u201c{show_safely(part.span)}\u201d") for part in self.parts[:count]
        ]
        if self.constant is None:
            return rows
        if others := self.parts[count:]:
            filters = sum(part.filters or 0 for part in others)
            rows.append((sum(part.contribution for part in others), filters, f"{len(others)} more spans"))
        total = self.constant + sum(part.contribution for part in self.parts)
        return [*rows, (self.constant, None, "constant: the bias and filters at no word"), (total, None, "sum = logit")]

    def shade_words(self) -> list[tuple[int, int, float]]:
        """Start, end and contribution of each word; that of a span is spread evenly over its words."""
        words = self.words
        at_start, at_end = ({word[side]: i for i, word in enumerate(words)} for side in (0, 1))
        contributions = np.zeros(len(words))
        for part in self.parts:
            first, last = at_start[part.start], at_end[part.end]
            contributions[first : last + 1] += part.contribution / (last + 1 - first)
        return [(start, end, float(each)) for (start, end), each in zip(words, contributions, strict=True)]


@dataclass(frozen=True)
class GridExplanation:
    """How much each column and span of a window adds to one output: how far it falls when they are set to their mean.

    Args:
        output: the class, or the target with its lead and unit.
        value: logit, or forecast in the target's unit.
        probability: of the class; None for a forecast.
        rows: names of the inputs: columns, then periods of the calendar.
        spans: first and last row of each span, both included, `[S]`: times, or step numbers from 1.
        contributions: float64 `[rows, S]`, in the unit of `value`.
        whole: contribution of each input over the whole window, float64 `[rows]`.
    """

    output: str
    value: float
    probability: float | None
    rows: tuple[str, ...]
    spans: tuple[tuple[str, str], ...]
    contributions: np.ndarray
    whole: np.ndarray
    facts: dict[str, str]

    @property
    def verdict(self) -> str:
        """The answer in a line."""
        if self.probability is None:
            return f"{self.output}: {self.value:.4g}"
        return f"{self.output} {self.probability:.1%}, logit {self.value:+.4f}"

    @property
    def note(self) -> str:
        """How the contributions were computed, in a sentence or two."""
        facts = "".join(f"{name.capitalize()}: {value}. " for name, value in self.facts.items())
        return f"{facts}{GRID_NOTE}"

    def top(self, count: int) -> list[tuple[str, str, str, float]]:
        """The largest cells: input, first and last row of the span, and contribution."""
        order = np.argsort(-np.abs(self.contributions), axis=None, kind="stable")[:count]
        cells = (divmod(int(cell), self.contributions.shape[1]) for cell in order)
        return [(self.rows[r], *self.spans[s], float(self.contributions[r, s])) for r, s in cells]


def describe_texts(found: list[TextExplanation]) -> dict[str, Any]:
    """Explanations of one text for JSON; those of several labels as a list."""
    first = found[0]
    shared: dict[str, Any] = {
        "text": first.text,
        "classes": list(first.classes),
        "probability": list(first.probability),
    }
    shared |= {"exact": first.exact, "method": "filters" if first.exact else "occlusion"}
    each = [
        {"class": one.name, "logit": one.logit, "constant": one.constant, "parts": [asdict(part) for part in one.parts]}
        for one in found
    ]
    return shared | (each[0] if len(each) == 1 else {"labels": each})


def describe_grid(one: GridExplanation) -> dict[str, Any]:
    """An explanation of a window for JSON, the largest parts first."""
    cells = [
        {"input": row, "from": begin, "to": end, "contribution": value}
        for row, begin, end, value in one.top(one.contributions.size)
    ]
    inputs = [{"input": row, "contribution": float(value)} for row, value in zip(one.rows, one.whole, strict=True)]
    answer: dict[str, Any] = {"output": one.output, "value": one.value}
    if one.probability is not None:
        answer = {"class": one.output, "probability": one.probability, "logit": one.value}
    return answer | dict(one.facts) | {"exact": False, "method": "occlusion", "inputs": inputs, "parts": cells}


Explanation = list[TextExplanation] | GridExplanation


def describe(found: Explanation) -> dict[str, Any]:
    """An explanation for JSON."""
    return describe_texts(found) if isinstance(found, list) else describe_grid(found)


def show_safely(text: str) -> str:
    """The text with control characters replaced, except tab and line break; the length stays."""
    return "".join("\ufffd" if category(c) == "Cc" and c not in "\t\n" else c for c in text)

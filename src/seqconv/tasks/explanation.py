"""Why a model answered as it did, as records: the words of a text, the inputs and stretches of time of a window."""

from dataclasses import asdict, dataclass
from typing import Any
from unicodedata import category

import numpy as np

from seqconv.tasks.classes import ClassTarget

GRID_NOTE = (
    "By occlusion, not exact: how much the answer falls when the input is put at its training mean over the stretch. "
    "The parts need not sum to it."
)


@dataclass(frozen=True)
class Part:
    """What one span of a text adds to the logit: characters `start` to `end` of it, `span`.

    Args:
        filters: how many filters and n-grams won there; None for a word that was left out.
    """

    span: str
    start: int
    end: int
    contribution: float
    filters: int | None


@dataclass(frozen=True)
class TextExplanation:
    """The logit of one class, taken apart.

    Args:
        words: start and end of each word of the text.
        target: the classes.
        probability: of each.
        name: the class that `logit` speaks for.
        constant: bias and filters that no word won; None unless `exact`.
        parts: largest first. Exact: they and the constant sum to the logit. Else: by how much leaving the word out
            lowers the logit.
    """

    text: str
    words: tuple[tuple[int, int], ...]
    target: ClassTarget
    probability: tuple[float, ...]
    name: str
    logit: float
    constant: float | None
    parts: tuple[Part, ...]
    exact: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes."""
        return self.target.names

    @property
    def verdict(self) -> str:
        """What the model says of the text."""
        probabilities = dict(zip(self.classes, self.probability, strict=True))
        (answer,) = self.target.name_answers(np.array([self.probability]))
        return ", ".join(f"{name} {probabilities[name]:.1%}" for name in answer) or "none of the classes"

    @property
    def title(self) -> str:
        """The logit and whose it is."""
        return f"logit of {self.name}: {self.logit:+.4f}"

    @property
    def directions(self) -> tuple[str, str]:
        """What a positive and a negative contribution speak for."""
        others = [name for name in self.classes if name != self.name]
        against = f"for {others[0]}" if len(others) == 1 and not self.target.several else f"against {self.name}"
        return f"for {self.name}", against

    @property
    def note(self) -> str:
        """How the contributions came about, in a sentence or two."""
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
        return [*rows, (self.constant, None, "constant: the bias and what no word won"), (total, None, "sum = logit")]

    def shade_words(self) -> list[tuple[int, int, float]]:
        """Start, end and share of each word: what the spans over it add, each spread evenly over its words."""
        words = self.words
        at_start, at_end = ({word[side]: i for i, word in enumerate(words)} for side in (0, 1))
        shares = np.zeros(len(words))
        for part in self.parts:
            first, last = at_start[part.start], at_end[part.end]
            shares[first : last + 1] += part.contribution / (last + 1 - first)
        return [(start, end, float(share)) for (start, end), share in zip(words, shares, strict=True)]


@dataclass(frozen=True)
class GridExplanation:
    """By how much columns and stretches of a window raise one output: what it loses when they are at their mean.

    Args:
        output: the class, or the target with its lead and unit, that `value` is of.
        value: logit, or forecast in the target's unit.
        probability: of the class; None for a forecast.
        rows: inputs: columns, then periods of the calendar.
        stretches: first and last row of each, both in it, `[S]`: times, or step numbers from 1.
        contributions: float64 `[rows, S]`, in the unit of `value`.
        whole: of each input over the whole window, float64 `[rows]`.
    """

    output: str
    value: float
    probability: float | None
    rows: tuple[str, ...]
    stretches: tuple[tuple[str, str], ...]
    contributions: np.ndarray
    whole: np.ndarray
    facts: dict[str, str]

    @property
    def verdict(self) -> str:
        """What the model says."""
        if self.probability is None:
            return f"{self.output}: {self.value:.4g}"
        return f"{self.output} {self.probability:.1%}, logit {self.value:+.4f}"

    @property
    def note(self) -> str:
        """How the contributions came about, in a sentence or two."""
        facts = "".join(f"{name.capitalize()}: {value}. " for name, value in self.facts.items())
        return f"{facts}{GRID_NOTE}"

    def top(self, count: int) -> list[tuple[str, str, str, float]]:
        """Input, first and last row of the stretch, and contribution, of the largest cells."""
        order = np.argsort(-np.abs(self.contributions), axis=None, kind="stable")[:count]
        cells = (divmod(int(cell), self.contributions.shape[1]) for cell in order)
        return [(self.rows[r], *self.stretches[s], float(self.contributions[r, s])) for r, s in cells]


def describe_texts(found: list[TextExplanation]) -> dict[str, Any]:
    """Explanations of one text for JSON; those of several labels stand side by side."""
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
    """The same for JSON, its parts the largest first."""
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
    """The same number of characters, control characters but tab and line break replaced, to print or to show."""
    return "".join("\ufffd" if category(c) == "Cc" and c not in "\t\n" else c for c in text)

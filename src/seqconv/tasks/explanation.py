"""Explanations of a model's answer: by words of a text, or by inputs and time spans of a window."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.display import Card, Shown
from seqconv.metrics.comparison import show_percent
from seqconv.tasks.effects import NOTABLE, REASONS, join_words, show_effects, show_safely
from seqconv.tasks.text_explanation import SHOWN, TextExplanation, describe_texts


@dataclass(frozen=True)
class Curves:
    """What a window holds and what is forecast from it, to be drawn.

    Args:
        steps: times, datetime64 `[L]`, or numbers from 1.
        values: of the first C rows of a grid, in their units, float64 `[L, C]`; NaN is missing.
        bounds: of the spans among the steps, `[S + 1]`.
        ahead: times that are forecast, `[H]`; empty: classes are predicted.
        forecasts: of the output's target, float64 `[1 or 3, H]`: points, and lower and upper bounds if it has any.
        target: row of the grid that is forecast; None: none.
    """

    steps: np.ndarray
    values: np.ndarray
    bounds: np.ndarray
    ahead: np.ndarray = field(default_factory=lambda: np.zeros(0))
    forecasts: np.ndarray = field(default_factory=lambda: np.zeros((1, 0)))
    target: int | None = None


class Member(NamedTuple):
    """A model in a blend of forecasts: its name, its weight in their mean, and what it forecasts."""

    model: str
    weight: float
    forecast: float


@dataclass(frozen=True, repr=False)
class GridExplanation(Shown):
    """How much each column and span of a window adds to one output: how far it falls when they are set to their mean.

    Args:
        output: the class, or the target with its lead and unit.
        value: logit, or forecast in the target's unit.
        probabilities: of each class; empty for a forecast.
        rows: names of the inputs: columns, then periods of the calendar.
        spans: first and last row of each span, both included, `[S]`: times, or step numbers from 1.
        contributions: float64 `[rows, S]`, in the unit of `value`.
        whole: contribution of each input over the whole window, float64 `[rows]`.
        curves: of the window.
        band: lower and upper bound of the forecast; None: there are none.
        answer: the predicted class; empty for a forecast.
        constant: None: contributions are drops of the output where inputs are replaced by their mean; else they add up,
            with this constant, to the output.
        classes: the same of every class, the most probable first; none where there are fewer than three.
        members: of a blend of forecasts, the heaviest first; empty: it is one model.
    """

    output: str
    value: float
    probabilities: Mapping[str, float]
    rows: tuple[str, ...]
    spans: tuple[tuple[str, str], ...]
    contributions: np.ndarray
    whole: np.ndarray
    facts: dict[str, str]
    curves: Curves
    band: tuple[float, ...] | None = None
    answer: str = ""
    constant: float | None = None
    classes: tuple["GridExplanation", ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def probability(self) -> float | None:
        """Of the class; None for a forecast."""
        return self.probabilities.get(self.output)

    @property
    def verdict(self) -> str:
        """The answer in a line, with the time that is forecast."""
        if self.answer:
            doubt = f"the likeliest class has {show_percent(max(self.probabilities.values()))}"
            known = self.answer in self.probabilities
            return f"{self.answer} ({show_percent(self.probabilities[self.answer]) if known else doubt})"
        when = f" ({self.facts['time']})" if "time" in self.facts else ""
        band = f" ({self.band[0]:.4g} to {self.band[1]:.4g})" if self.band else ""
        return f"{self.output}{when}: {self.value:.4g}{band}"

    @property
    def because(self) -> str:
        """Which inputs speak most for the answer, and where, in a sentence."""
        sign = 0 if not self.answer else 1 if self.output == self.answer else -1
        order = np.argsort(-np.abs(self.whole), kind="stable")
        reasons = [row for row in order if (sign * self.whole[row] > 0 if sign else self.whole[row] != 0)]
        refused = f"Not {self.output}: " if sign < 0 and len(self.probabilities) > 2 else ""
        if not reasons:
            return f"{refused}{'no' if refused else 'No'} input alone decides it."
        named = [row for row in reasons[:REASONS] if abs(self.whole[row]) >= NOTABLE * abs(self.whole[reasons[0]])]
        why = "mostly because of" if refused else "Mostly because of"
        return f"{refused}{why} {join_words([self._describe_row(row) for row in named])}."

    def _describe_row(self, row: int) -> str:
        """An input, in a forecast what it adds, and the span in which it adds most."""
        sign = np.sign(self.whole[row])
        span = int(np.argmax(sign * self.contributions[row]))
        parts = [] if self.answer else show_effects([self.whole[row]])
        local = row < self.curves.values.shape[1] or self.constant is None  # frequencies are of the whole sequence
        if len(self.spans) > 1 and local and sign * self.contributions[row, span] > 0:
            begin, end = self.spans[span]
            unit = "" if self.curves.target is not None else "steps " if begin != end else "step "
            parts.append(f"most from {unit}{begin} to {end}" if begin != end else f"most at {unit}{begin}")
        name = show_safely(self.rows[row])
        return f"{name} ({', '.join(parts)})" if parts else name

    @property
    def unit(self) -> str:
        """What is explained: the score for a class, a forecast, or the prediction of a number."""
        if self.answer:
            return f"score for {self.output}"
        return "prediction" if self.curves.target is None else "forecast"

    @property
    def note(self) -> str:
        """How the contributions were computed, in a sentence or two."""
        newest = f"Newest row: {self.facts['newest row']}. " if "newest row" in self.facts else ""
        answer = self.unit
        if self.constant is not None:
            constant = show_effects([self.constant])[0]
            return (
                f"{newest}Exact: the effects of the inputs and the constant, {constant}, add up to the {answer}, "
                f"{show_effects([self.value])[0]}. The constant is what an average training sequence has."
            )
        return (
            f"{newest}Approximate: how much the {answer} would fall if the input were replaced there by its average "
            f"in training. Rows do not add up to the {answer}.{self._describe_members()}"
        )

    def _describe_members(self) -> str:
        if not self.members:
            return ""
        named = join_words([f"{each.model} {each.forecast:.4g} ({each.weight:.0%})" for each in self.members])
        return f" The forecast is the weighted mean of {named}, and so is each effect of theirs."

    def card(self) -> Card:
        """The answer, why, and the effects of the strongest inputs."""
        rows = [[name, effect] for effect, name in self.list_inputs(SHOWN)]
        return Card(self.verdict, (self.because,), [["input, over the whole window", "effect"], *rows])

    def list_inputs(self, count: int) -> list[tuple[str, str]]:
        """Effect over the whole window and name of the `count` strongest inputs."""
        order = np.argsort(-np.abs(self.whole), kind="stable")[:count]
        return list(zip(show_effects(self.whole[order].tolist()), [self.rows[row] for row in order], strict=True))

    def list_cells(self, count: int) -> list[tuple[str, str, str, str]]:
        """Effect, input, first and last row of the span, of the `count` largest cells."""
        found = self.top(count)
        effects = show_effects([cell[-1] for cell in found])
        return [(effect, *cell[:-1]) for effect, cell in zip(effects, found, strict=True)]

    def list_classes(self, count: int) -> list[tuple[str, str, str, str]]:
        """Class, probability, score, and what adds most to it, of the `count` most probable classes."""
        found = []
        for one in self.classes[:count]:
            row, span = np.unravel_index(one.contributions.argmax(), one.contributions.shape)
            (effect,), (begin, end) = show_effects([float(one.contributions[row, span])]), one.spans[span]
            place = f"{show_safely(one.rows[row])}, {begin} to {end}: {effect}"
            if row >= one.curves.values.shape[1] and one.constant is not None:  # frequencies are of the whole sequence
                place = f"{show_safely(one.rows[row])}: {show_effects([float(one.whole[row])])[0]}"
            score = show_effects([one.value])[0]
            found.append((show_safely(one.output), show_percent(self.probabilities[one.output]), score, place))
        return found

    def top(self, count: int) -> list[tuple[str, str, str, float]]:
        """The largest cells: input, first and last row of the span, and contribution."""
        order = np.argsort(-np.abs(self.contributions), axis=None, kind="stable")[:count]
        cells = (divmod(int(cell), self.contributions.shape[1]) for cell in order)
        return [(self.rows[r], *self.spans[s], float(self.contributions[r, s])) for r, s in cells]


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
    if one.band is not None:
        answer |= {"low": one.band[0], "high": one.band[1]}
    answer |= {"verdict": one.verdict, "because": one.because}
    if one.members:
        answer |= {"members": [each._asdict() for each in one.members]}
    how: dict[str, Any] = {"exact": False, "method": "occlusion"}
    if one.constant is not None:
        how = {"exact": True, "method": "features", "constant": one.constant}
    found = answer | dict(one.facts) | how | {"inputs": inputs, "parts": cells}
    kept = ("class", "probability", "logit", "constant", "because", "inputs", "parts")
    classes = [{name: each for name, each in describe_grid(other).items() if name in kept} for other in one.classes]
    return found | ({"classes": classes} if classes else {})


Explanation = list[TextExplanation] | GridExplanation  # of a text for each label


def describe(found: Explanation) -> dict[str, Any]:
    """An explanation for JSON."""
    return describe_texts(found) if isinstance(found, list) else describe_grid(found)

"""A trained network against the baselines: what the comparison says, in numbers and in sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqconv.metrics.records import Record

FEW = 1.0  # too few test rows to tell: an error twice the baseline's cannot be excluded


@dataclass(frozen=True)
class Comparison(Record):
    """The network against one baseline on the same test rows.

    Args:
        improvement: fraction by which the network's error rate or mean absolute error is smaller; negative: larger.
        low, high: its 95 % interval; infinite where the test rows are too few for one.
        spoken: the baseline's name within a sentence; empty: its name.
        score: of the baseline on these rows, in words; empty: it is not mentioned.
    """

    name: str
    improvement: float
    low: float
    high: float
    spoken: str = field(default="", compare=False)  # sentences alone need these two: they are not written
    score: str = field(default="", compare=False)


@dataclass(frozen=True)
class Score:
    """A test score in words.

    Args:
        text: begins a sentence.
        counted: errors are counted; otherwise they are measured.
        weighted: errors count by the weights of their examples where models are compared.
    """

    text: str
    counted: bool = False
    weighted: bool = False

    @property
    def fewer(self) -> str:
        return "fewer" if self.counted else "less"

    @property
    def noun(self) -> str:
        return f"{'weighted ' if self.weighted else ''}{'errors' if self.counted else 'error'}"


def show_percent(fraction: float) -> str:
    """A fraction in per cent; only what is 0 or 1 is shown as such.

    >>> show_percent(0.9892), show_percent(0.99999), show_percent(1.0), show_percent(0.0002)
    ('98.9 %', '> 99.9 %', '100 %', '< 0.1 %')
    """
    if fraction in (0, 1):
        return f"{100 * fraction:.0f} %"
    if fraction >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if fraction < 0.0005 else f"{100 * fraction:.1f} %"


def say_better(each: Comparison, weighted: bool = False, model: str = "network") -> str:
    """One sentence on a baseline that `find_better` found.

    >>> say_better(Comparison("ridge on the window", -0.03, -0.05, -0.01))
    "On the validation rows ridge on the window is better: the network's error is 3 % larger (1 to 5 %)."
    """
    if not np.isfinite(each.improvement):
        return f"On the validation rows {_spoken(each)} is better: it makes no error."
    error = "weighted error" if weighted else "error"
    return f"On the validation rows {_spoken(each)} is better: the {model}'s {error} is {_say_larger(each)}."


def beats_baselines(comparisons: Sequence[Comparison]) -> bool:
    """Better than every baseline, each by an interval that excludes zero."""
    return bool(comparisons) and all(each.low > 0 for each in comparisons)


def tone(comparisons: Sequence[Comparison]) -> str:
    """What the comparisons mean to a user: `good`, `bad` where a baseline is clearly better, else empty.

    >>> tone([Comparison("ridge", 0.07, 0.05, 0.09), Comparison("naive", 0.01, -0.1, 0.1)])
    ''
    """
    if any(each.high < 0 for each in comparisons):
        return "bad"
    return "good" if beats_baselines(comparisons) else ""


MOST_NAMED = 2  # models that a sentence names of those that are clearly worse; `verdict` counts the others


def verdict(comparisons: Sequence[Comparison], score: Score) -> str:
    """The result in one sentence: the score, then the baselines; no claim where an interval covers zero.

    >>> right = Score("98.9 % of 1,114 unseen texts right", counted=True)
    >>> close, beaten = Comparison("NB-SVM", 0.08, -0.6, 0.5, score="98.8 %"), Comparison("majority class", 0.9, 0.8, 1)
    >>> verdict([close], right)
    '98.9 % of 1,114 unseen texts right: too close to call against NB-SVM (98.8 %).'
    >>> verdict([beaten], right)
    '98.9 % of 1,114 unseen texts right: 90 % fewer errors (95 % interval 80 to 100 %) than majority class.'
    >>> verdict([beaten] * 5, right)[-54:]
    ', 90 % fewer than majority class, fewer than 3 others.'
    """
    if not comparisons:
        return f"{score.text}; not compared with any baseline."
    groups: dict[str, list[Comparison]] = {}
    for each in comparisons:
        groups.setdefault(_judge(each), []).append(each)
    return f"{score.text}: {'; '.join(_SAY[kind](found, score) for kind, found in groups.items())}."


def _judge(each: Comparison) -> str:
    if each.low > 0 or each.high < 0:
        return "clear"
    if each.low == each.high == 0:
        return "same"
    return "close" if each.low >= -FEW else "few"


def _say_clear(each: Comparison, score: Score, first: bool) -> str:
    """How much fewer or more errors than one baseline; the first names the unit and its interval."""
    if not np.isfinite(each.improvement):
        return f"{_spoken(each)} makes no error"
    than = f"than {_spoken(each)}"
    if each.low > 0:
        value, low, high = _percent(each.improvement, each.low, each.high).split()
        change, span = score.fewer, f"{low} to {high} %"
    else:
        value, low, high = _percent(-each.improvement, -each.high, -each.low).split()
        change, span = "more", f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    if first:
        return f"{value} % {change} {score.noun} (95 % interval {span}) {than}"
    return f"{_percent(abs(each.improvement))} % {change} {than}"


def _say_larger(each: Comparison) -> str:
    value, low, high = _percent(-each.improvement, -each.high, -each.low).split()
    span = f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    return f"{value} % larger ({span})"


def _spoken(each: Comparison) -> str:
    return f"{each.spoken or each.name}{f' ({each.score})' if each.score else ''}"


def _percent(*fractions: float) -> str:
    """Percentages without their sign; whole ones, unless one would read as 0.

    >>> _percent(0.07, 0.051, 0.09), _percent(0.02, 0.004)
    ('7 5 9', '2.0 0.4')
    """
    digits = 1 if any(0 < each < 0.01 for each in fractions) else 0
    return " ".join(f"{100 * each:.{digits}f}" for each in fractions)


def _join(found: Sequence[Comparison]) -> str:
    names = [_spoken(each) for each in found]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _list_clear(found: Sequence[Comparison], score: Score) -> str:
    """The first ones that are beaten stand for the rest of them; all that are better are named."""
    beaten = [place for place, each in enumerate(found) if each.low > 0]
    rest = beaten[MOST_NAMED:] if len(beaten) > MOST_NAMED + 1 else []
    said = [_say_clear(each, score, first=place == 0) for place, each in enumerate(found) if place not in rest]
    return ", ".join([*said, *([f"{score.fewer} than {len(rest)} others"] * bool(rest))])


_SAY: dict[str, Callable[[list[Comparison], Score], str]] = {
    "clear": _list_clear,
    "same": lambda found, score: f"the same {score.noun} as {_join(found)}",
    "close": lambda found, score: f"too close to call against {_join(found)}",
    "few": lambda found, score: f"too few test rows to tell against {_join(found)}",
}

"""A trained network against the baselines: what the comparison says, in numbers and in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seqconv.metrics.records import Record

FEW = 1.0  # too few test rows to tell: an error twice the baseline's cannot be excluded


@dataclass(frozen=True)
class Comparison(Record):
    """The network against one baseline on the same test rows.

    Args:
        improvement: share by which the network's error rate or mean absolute error is smaller; negative: larger.
        low, high: its 95 % interval; infinite where the test rows are too few for one.
        spoken: the baseline's name within a sentence; empty: its name.
    """

    name: str
    improvement: float
    low: float
    high: float
    spoken: str = field(default="", compare=False)  # sentences alone need it: it is not written


@dataclass(frozen=True)
class Score:
    """A test score in words.

    Args:
        text: begins a sentence.
        counted: errors are counted; otherwise they are measured.
    """

    text: str
    counted: bool = False

    @property
    def fewer(self) -> str:
        return "fewer" if self.counted else "less"

    @property
    def noun(self) -> str:
        return "errors" if self.counted else "error"


def say_better(each: Comparison) -> str:
    """One sentence on a baseline that `find_better` found.

    >>> say_better(Comparison("ridge on the window", -0.03, -0.05, -0.01))
    "On the validation rows ridge on the window is better: the network's error is 3 % larger (1 to 5 %)."
    """
    if not np.isfinite(each.improvement):
        return f"On the validation rows {_spoken(each)} is better: it makes no error."
    return f"On the validation rows {_spoken(each)} is better: the network's error is {_say_larger(each)}."


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


def verdict(comparisons: Sequence[Comparison], score: Score) -> str:
    """The result in one sentence: the score, then the baselines; no claim where an interval covers zero.

    >>> right = Score("89.6 % of 480 texts right", counted=True)
    >>> verdict([Comparison("NB-SVM", 0.34, 0.26, 0.42), Comparison("SVM", 0.77, 0.7, 0.8)], right)
    '89.6 % of 480 texts right: 34 % fewer errors than NB-SVM (95 % interval 26 to 42 %), 77 % fewer than SVM.'
    >>> verdict([Comparison("NB-SVM", 0.01, -0.1, 0.12)], Score("MAE 1.9 on 50 unseen windows"))
    'MAE 1.9 on 50 unseen windows: too close to call against NB-SVM (between 10 % more and 12 % less error).'
    """
    if not comparisons:
        return f"{score.text}; not compared with any baseline."
    clear = [each for each in comparisons if each.low > 0 or each.high < 0]
    same = [each for each in comparisons if each.low == each.high == 0]
    unclear = [each for each in comparisons if each not in clear and each not in same]
    few = [each for each in unclear if not each.low >= -FEW]
    close = [each for each in unclear if each not in few]
    parts = [", ".join(_say_clear(each, score, first=each is clear[0]) for each in clear)] if clear else []
    if same:
        parts.append(f"the same {'errors' if score.counted else 'error'} as {_join([_spoken(each) for each in same])}")
    if close:
        parts.append(f"too close to call against {_join([_say_close(each, score) for each in close])}")
    if few:
        parts.append(f"too few test rows to tell against {_join([_spoken(each) for each in few])}")
    return f"{score.text}: {'; '.join(parts)}."


def _say_clear(each: Comparison, score: Score, first: bool) -> str:
    """How much fewer or more errors than one baseline; the first names the unit and its interval."""
    if not np.isfinite(each.improvement):
        return f"{_spoken(each)} makes no error"
    than = f"than {_spoken(each)}"
    if each.low > 0:
        middle, low, high = _percent(each.improvement, each.low, each.high).split()
        change, span = score.fewer, f"{low} to {high} %"
    else:
        middle, low, high = _percent(-each.improvement, -each.high, -each.low).split()
        change, span = "more", f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    if first:
        return f"{middle} % {change} {score.noun} {than} (95 % interval {span})"
    return f"{_percent(abs(each.improvement))} % {change} {than}"


def _say_close(each: Comparison, score: Score) -> str:
    more, fewer = _percent(-each.low, each.high).split()
    return f"{_spoken(each)} (between {more} % more and {fewer} % {score.fewer} {score.noun})"


def _say_larger(each: Comparison) -> str:
    middle, low, high = _percent(-each.improvement, -each.high, -each.low).split()
    span = f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    return f"{middle} % larger ({span})"


def _spoken(each: Comparison) -> str:
    return each.spoken or each.name


def _percent(*shares: float) -> str:
    """Percentages without their sign; whole ones, unless one would read as 0.

    >>> _percent(0.07, 0.051, 0.09), _percent(0.02, 0.004)
    ('7 5 9', '2.0 0.4')
    """
    digits = 1 if any(0 < share < 0.01 for share in shares) else 0
    return " ".join(f"{100 * share:.{digits}f}" for share in shares)


def _join(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

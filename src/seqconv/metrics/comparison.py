"""A trained network against the baselines: what the comparison says, in numbers and in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seqconv.metrics.records import Record


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


def verdict(comparisons: Sequence[Comparison]) -> str:
    """One sentence on whether the network beats the baselines; no claim where an interval covers zero.

    >>> naive = Comparison("naive (last value)", 0.18, 0.16, 0.2, spoken="the naive forecast")
    >>> verdict([Comparison("gradient boosting", 0.07, 0.051, 0.09), naive])
    'Beats gradient boosting by 7 % (5 to 9 %); also beats the naive forecast (18 %).'
    >>> verdict([Comparison("gradient boosting", -0.03, -0.05, -0.01)])
    'Does not beat gradient boosting: its error is 3 % larger (1 to 5 %).'
    """
    if not comparisons:
        return "Not compared with any baseline."
    strongest, *others = comparisons
    parts = [_say_strongest(strongest)]
    better = [f"{_spoken(each)} ({_percent(each.improvement)} %)" for each in others if each.low > 0]
    worse = [f"{_spoken(each)} ({_larger(each)})" for each in others if each.high < 0]
    unclear = [_spoken(each) for each in others if each.low <= 0 <= each.high]
    if worse:
        parts.append(f"{'does not beat' if strongest.high >= 0 else 'nor'} {_join(worse)}")
    if better:
        parts.append(f"{'also beats' if strongest.low > 0 else 'beats'} {_join(better)}")
    if unclear:
        parts.append(f"no clear difference to {_join(unclear)}")
    return "; ".join(parts) + "."


def _say_strongest(each: Comparison) -> str:
    name = _spoken(each)
    if each.low == each.high == 0:
        return f"No difference to {name}"
    if each.low > 0:
        middle, low, high = _percent(each.improvement, each.low, each.high).split()
        return f"Beats {name} by {middle} % ({low} to {high} %)"
    if each.high < 0:
        if not np.isfinite(each.improvement):
            return f"Does not beat {name}, which makes no error"
        return f"Does not beat {name}: its error is {_say_larger(each)}"
    if not np.isfinite([each.low, each.high]).all():
        return f"No clear difference to {name}: too little test data to tell"
    worse, better = _percent(-each.low, each.high).split()
    return f"No clear difference to {name} (between {worse} % worse and {better} % better)"


def _say_larger(each: Comparison) -> str:
    middle, low, high = _percent(-each.improvement, -each.high, -each.low).split()
    span = f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    return f"{middle} % larger ({span})"


def _spoken(each: Comparison) -> str:
    return each.spoken or each.name


def _larger(each: Comparison) -> str:
    return f"error {_percent(-each.improvement)} % larger" if np.isfinite(each.improvement) else "no error"


def _percent(*shares: float) -> str:
    """Percentages without their sign; whole ones, unless one would read as 0.

    >>> _percent(0.07, 0.051, 0.09), _percent(0.02, 0.004)
    ('7 5 9', '2.0 0.4')
    """
    digits = 1 if any(0 < share < 0.01 for share in shares) else 0
    return " ".join(f"{100 * share:.{digits}f}" for share in shares)


def _join(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

"""Whether data are like those of training: each variable next to its distribution there, and errors next to theirs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seqconv.metrics.records import Record
from seqconv.metrics.stability import DRIFT, WATCH, chance_of, stability_index
from seqconv.tasks.profiles import ANSWERS, INPUTS, LABELS, Profile, Rate, Sample, Variable

SAME, MOVED, DRIFTED = "same", "moved", "drifted"
SURE = 3.0  # standard errors by which a rate must be worse: by chance 1 in 700
LEAST_WORSE = 0.1  # part of itself by which it must be worse
LEAST_APART = 0.05  # the same for a rate that is a difference of fractions


@dataclass(frozen=True)
class BinChange(Record):
    """The fraction of the values in one bin, in training and in new data."""

    name: str
    before: float
    now: float


@dataclass(frozen=True)
class VariableChange(Record):
    """One variable in new data.

    Args:
        of: `inputs`, `labels` or `answers`.
        n: values.
        index: population stability index.
        chance: the index that as many training examples show by chance.
        state: `same`: the index is below 0.1 or chance; `moved`; `drifted`: it is above 0.25 and chance.
        bins: of numbers intervals, of categories names; last the missing values.
        before, now: mean of the numbers; None: there is none.
    """

    name: str
    of: str
    n: int
    index: float
    chance: float
    state: str
    bins: list[BinChange]
    before: float | None = None
    now: float | None = None


@dataclass(frozen=True)
class RateChange(Record):
    """A mean over examples that were not trained on, when the model was made and in new data.

    Args:
        state: `drifted`: it is worse by more than chance, and by enough to matter; else `same`.
    """

    name: str
    before: float
    now: float
    n: int
    state: str


@dataclass(frozen=True)
class MonitorResults(Record):
    """Whether new data and the answers to them are like those of training.

    Args:
        model: its folder.
        source: of the data.
        n: examples.
        drifted: whether any variable or rate has.
        verdict: in a sentence.
        notes: what could not be compared.
        rates: none without labels.
    """

    model: str
    task: str
    source: str
    n: int
    drifted: bool
    verdict: str
    notes: list[str]
    variables: list[VariableChange]
    rates: list[RateChange]


def compare_samples(profile: Profile, samples: Iterable[Sample]) -> list[VariableChange]:
    """Each variable that new data have next to its values in them: inputs, labels, answers, the most changed first."""
    known, order = {each.key: each for each in profile.variables}, (INPUTS, LABELS, ANSWERS)
    found = [compare_sample(known[each.key], each) for each in samples if each.key in known]
    return sorted(filter(None, found), key=lambda each: (order.index(each.of), -each.index))


def compare_sample(variable: Variable, sample: Sample) -> VariableChange | None:
    """A variable next to its values in new data; None: there are none."""
    if not len(sample.values):
        return None
    found = compare_counts(variable, variable.count(sample), sample.count)
    if sample.names is not None or np.isnan(sample.values).all():
        return found
    now = float(np.nanmean(np.where(np.isinf(sample.values), np.nan, sample.values)))
    return VariableChange(**(vars(found) | {"before": variable.mean, "now": now}))


def compare_counts(variable: Variable, counts: np.ndarray, examples: int) -> VariableChange:
    """The same from how many values lie in each bin, of so many examples."""
    before = np.array(variable.counts)
    index, chance = stability_index(before, counts), chance_of(variable.chance, variable.examples, examples)
    state = SAME if index <= max(WATCH, chance) else MOVED if index <= DRIFT else DRIFTED
    fractions = before / before.sum(), counts / max(counts.sum(), 1)
    bins = [BinChange(*each) for each in zip(variable.bins, *(each.tolist() for each in fractions), strict=True)]
    return VariableChange(variable.name, variable.of, int(counts.sum()), index, chance, state, bins)


def compare_rate(before: Rate, now: Rate) -> RateChange:
    """A rate next to what it was; the smaller, the better."""
    apart = now.mean - before.mean
    least = LEAST_APART if before.mean < LEAST_APART else LEAST_WORSE * before.mean
    # where there are too few examples to tell, nothing is said to be worse
    worse = apart > SURE * float(np.hypot(before.error, now.error)) and apart > least
    return RateChange(before.name, before.mean, now.mean, now.n, DRIFTED if worse else SAME)


def say_drift(variables: Sequence[VariableChange], rates: Sequence[RateChange]) -> str:
    """What has drifted, in a sentence."""
    worse = [each.name for each in rates if each.state == DRIFTED]
    drifted = sorted((each for each in variables if each.state == DRIFTED), key=lambda each: -each.index)
    moved = sum(each.state == MOVED for each in variables)
    some = f", {moved} of them moved" if moved else ""
    if not drifted and not worse:
        return f"No drift: {len(variables)} variables are as in training{some}."
    named = ", ".join(each.name for each in drifted[:3]) + (f" and {len(drifted) - 3} more" if drifted[3:] else "")
    found = [f"{len(drifted)} of {len(variables)} variables are not as in training: {named}"] * bool(drifted)
    found += [f"worse than it was: {', '.join(worse).replace('_', ' ')}"] * bool(worse)
    return f"Drift: {'; '.join(found)}."

"""The rule by which the threshold of a class is chosen on the validation rows."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seqconv.errors import DataError, OptionError, nearest
from seqconv.metrics.precision_recall import Cuts, maximise_f1, minimise_cost, reach_precision, reach_recall
from seqconv.recipes.sections import TrainingConfig

FORMS = "f1, precision=0.95, recall=0.9, cost=FP:FN, such as cost=1:10, known=0.95, or a probability such as 0.3"
_SHAPED = re.compile(r"(precision|recall|cost|known)\s*=\s*(.+)")
THRESHOLD = 0.5  # probability above which a label is assigned, if an example may have several
FIXED = "fixed"  # the kind of a rule that is the threshold itself
KNOWN = "known"  # the kind of a rule by which an example may be of none of the classes
NONE = "none of these"  # the answer then, and the name of the threshold
FEW = 30  # examples of a class below which precision and recall are known to a tenth at best
_SHOWN = 3  # thresholds in a note
_CHOOSE: dict[str, Callable[..., int]] = {
    "f1": maximise_f1,
    "precision": reach_precision,
    "recall": reach_recall,
    "cost": minimise_cost,
}


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen.

    Args:
        kind: `f1`, `precision`, `recall`, `cost`, `known`, or `fixed`: it is given.
        values: what is wanted, or what a wrongly assigned and a missed example cost; of `known` the fraction of
            examples that are answered by one of the classes.
        positive: of two classes the one whose threshold it is; empty: each of several labels has one.
        seen: examples of the class, or of the rarest label, that it has been applied to; 0: not yet.
    """

    kind: str
    values: tuple[float, ...] = ()
    positive: str = ""
    seen: int = 0

    @property
    def fixed(self) -> bool:
        """It needs no validation rows."""
        return self.kind == FIXED

    def choose_least(self, probabilities: np.ndarray) -> float:
        """What the likeliest class of the wanted fraction of examples reaches, of probabilities `[N, classes]`."""
        return float(np.quantile(probabilities.max(axis=1), 1 - self.values[0], method="lower"))

    def choose(self, probabilities: np.ndarray, holds: np.ndarray, usual: float) -> float:
        """The threshold of a class.

        Args:
            probabilities: `[N]`.
            holds: whether each example is of the class, bool `[N]`.
            usual: the threshold if no example is of the class, all are, or all have the same probability.
        """
        if self.fixed:
            return self.values[0]
        if holds.all() or not holds.any() or (probabilities == probabilities[0]).all():
            return usual
        cuts = Cuts.of(probabilities, holds)
        return float(cuts.thresholds[_CHOOSE[self.kind](cuts, *self.values)])


def make_rule(config: TrainingConfig, labels: np.ndarray, classes: tuple[str, ...], source: str) -> Rule | None:
    """The rule of a recipe for its training labels; None: there is none.

    Args:
        labels: indices into `classes`, or 0 and 1 for each of several labels.

    Raises:
        OptionError: a rule of another form, an unknown class, or a class to name where there are not two.
        DataError: more than two classes, whose most probable is the answer.
    """
    if not config.threshold:
        if config.positive:
            raise OptionError(f"training.positive needs training.threshold; got {config.positive!r} alone. Add it")
        return None
    kind, values = parse_rule(config.threshold)
    if labels.ndim == 2:
        if kind == KNOWN:
            raise OptionError(f"training.threshold: known is for one class each; {source} has several labels. Use f1")
        if config.positive:
            raise OptionError(f"training.positive is for two classes; {source} has several labels. Leave it out")
        return Rule(kind, values)
    if kind == KNOWN:
        if config.positive or NONE in classes:
            must = f"no training.positive, and no class {NONE!r}"
            raise OptionError(f"training.threshold: known needs {must}; got one. Leave it out, or rename the class")
        return Rule(kind, values)
    if len(classes) != 2:
        raise DataError(
            f"{source}: training.threshold needs two classes or several labels per row; got "
            f"{len(classes)} classes, of which the most probable is the answer. Leave it out; known=0.95 answers "
            "that an example is of none of them"
        )
    if config.positive and config.positive not in classes:
        raise OptionError(f"training.positive: unknown class {config.positive!r}. {nearest(config.positive, classes)}")
    second = int(np.sum(labels == 1)) <= int(np.sum(labels == 0))
    return Rule(kind, values, config.positive or classes[second])


def parse_rule(text: str) -> tuple[str, tuple[float, ...]]:
    """Kind and values of a rule, see `Rule`.

    Raises:
        OptionError: it is of another form.

    >>> parse_rule("f1"), parse_rule("precision=0.95"), parse_rule("cost=1:10"), parse_rule("0.3")
    (('f1', ()), ('precision', (0.95,)), ('cost', (1.0, 10.0)), ('fixed', (0.3,)))
    """
    text = text.strip()
    if text == "f1":
        return "f1", ()
    match = _SHAPED.fullmatch(text)
    kind, written = match.groups() if match else (FIXED, text)
    try:
        values = tuple(float(each) for each in written.split(":"))
    except ValueError:
        values = ()
    if kind == "cost":
        good = len(values) == 2 and all(0 < each < math.inf for each in values)
    elif kind == FIXED:
        good = len(values) == 1 and 0 < values[0] < 1
    else:
        good = len(values) == 1 and 0 < values[0] <= 1
    if not good:
        raise OptionError(f"training.threshold must be {FORMS}; got {text!r}. Correct it")
    return kind, values


def describe_thresholds(thresholds: tuple[tuple[str, float], ...], rule: Rule | None) -> str:
    """The thresholds in a sentence without its end."""
    if none := dict(thresholds).get(NONE):
        kept = f", which {rule.values[0]:.1%} of the validation rows reach" if rule else ""
        return f"threshold: {NONE} if no class has a probability of {none:.3g}{kept}"
    shown = [f"{name!r} above {value:.3g}" for name, value in thresholds[:_SHOWN]]
    more = f" and {len(thresholds) - _SHOWN} more" if len(thresholds) > _SHOWN else ""
    if rule is None or rule.fixed:
        return f"threshold: {', '.join(shown)}{more}"
    few = (
        f"; only {rule.seen} of them are of {'it' if rule.positive else 'the rarest label'}" if rule.seen < FEW else ""
    )
    cure = ", so it may miss its mark: hold out more with --set data.validation=0.4" if few else ""
    return f"threshold: {', '.join(shown)}{more}, chosen on the validation rows{few}{cure}"

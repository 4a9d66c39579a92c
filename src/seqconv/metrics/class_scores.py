"""Scores of classes with 95 % bootstrap intervals: overall, by class, by confidence."""

from dataclasses import dataclass

import numpy as np

from seqconv.metrics.bootstrap import Bootstrap, Estimate, Sums, fill_flat, find_ends
from seqconv.metrics.class_metrics import list_ranked, measure_brier, measure_ranks
from seqconv.metrics.precision_recall import Curve
from seqconv.metrics.records import Record

MOST_CONFUSED = 1000  # classes up to which there is a confusion matrix
MOST_RANKED = 2**22  # probabilities that are put in order, in all resamples together
FEWEST_RANKED, RANKED = 20, 200  # resamples of what order decides
BINS = 15  # of the reliability picture; Reference: Guo et al. 2017, section 3


@dataclass(frozen=True)
class ClassScore(Record):
    """Scores of one class, and how many examples are of it."""

    class_: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True)
class Bin(Record):
    """Answers whose confidence lies between two bounds: how many, their mean confidence, the fraction that is right."""

    from_: float
    to: float
    n: int
    confidence: float
    right: Estimate


@dataclass(frozen=True)
class Calibration(Record):
    """Confidence against the fraction that is right, in bins of equal width.

    Args:
        bins: how many there are.
        filled: those that hold answers.
    """

    bins: int
    filled: list[Bin]


@dataclass(frozen=True)
class CalibrationChange(Record):
    """The expected calibration error of a model on test rows, and what it would be without calibration.

    Args:
        without: what is left out for `before`, in words.
    """

    before: float
    after: float
    without: str


@dataclass(frozen=True)
class ClassScores(Record):
    """Every score of named classes, of `n` examples.

    Args:
        metrics: `accuracy` or `f1` (mean over examples), `balanced_accuracy`, `log_loss`, `macro_f1`, of several labels
            an example `micro_f1`, `brier`, `auc` and `average_precision` (without them: too many examples and classes),
            and `expected_calibration_error`.
        confusion: examples by true class (row) and predicted class (column); None: several labels an example,
            or more than 1,000 classes.
        curves: precision and recall of each label, or of one of two classes; None: there are more.
    """

    n: int
    metrics: dict[str, Estimate]
    classes: list[ClassScore]
    calibration: Calibration
    confusion: list[list[int]] | None = None
    curves: list[Curve] | None = None


@dataclass(frozen=True)
class Judged:
    """What a model said of N examples, and what is true.

    Args:
        chosen, holds: 0 or 1 for each class, float64 `[N, classes]`: the model's answers, and the true classes.
        probabilities: of each class, `[N, classes]`.
        errors, losses: of each example, `[N]`.
    """

    chosen: np.ndarray
    holds: np.ndarray
    probabilities: np.ndarray
    errors: np.ndarray
    losses: np.ndarray


def score_classes(judged: Judged, names: tuple[str, ...], metric: str, several: bool, seed: int = 0) -> ClassScores:
    """Accuracy, log loss, F1 and calibration; precision, recall and F1 of each class; the confusion matrix.

    Precision is undefined (NaN) for a class never chosen, recall for one that never occurs, F1 for one that does
    neither; `macro_f1` is the mean over the others.

    Args:
        metric: name of 1 less the mean error.
        several: examples may have several classes; there is no confusion matrix then, but `micro_f1`.
    """
    said, holds = judged.chosen, judged.holds
    bootstrap = Bootstrap(
        {
            "right": 1 - judged.errors,
            "loss": judged.losses,
            "both": said * holds,
            "said": said,
            "holds": holds,
            **_fill_bins(judged, several),
        },
        seed=seed,
    )
    classes = _score_each(bootstrap, names)
    found = {
        metric: bootstrap.estimate_fraction(lambda sums: sums["right"], lambda sums: sums["rows"]),
        **({} if several else {"balanced_accuracy": _fill_macro(bootstrap.estimate(_balance), _list_recalls(classes))}),
        "log_loss": bootstrap.estimate(_mean_loss),
        "macro_f1": _fill_macro(bootstrap.estimate(_macro), [each.f1 for each in classes]),
    }
    if several:
        found["micro_f1"] = _fill_f1(bootstrap.estimate(_micro), float(np.maximum(said, holds).sum()))
    found |= _score_probabilities(judged, several, seed)
    found["expected_calibration_error"] = _reflect(bootstrap.estimate(_calibration_error))
    confusion = None if several else count_confusions(said, holds)
    return ClassScores(len(said), found, classes, _describe_bins(bootstrap), confusion)


def _score_probabilities(judged: Judged, several: bool, seed: int) -> dict[str, Estimate]:
    """The Brier score, and the areas under the curves, whose intervals are of fewer resamples."""
    brier = Bootstrap({"brier": measure_brier(judged.probabilities, judged.holds, several)}, seed=seed)
    found = {"brier": brier.estimate(lambda sums: sums["brier"] / sums["rows"])}
    count, resamples = len(judged.holds), min(MOST_RANKED // judged.holds.size, RANKED)
    if resamples < FEWEST_RANKED:
        return found
    ranked, random = list_ranked(judged.holds), np.random.default_rng(seed)
    values = measure_ranks(judged.probabilities, judged.holds, ranked)
    drawn = [random.integers(0, count, count) for _ in range(resamples)]
    again = [measure_ranks(judged.probabilities[rows], judged.holds[rows], ranked) for rows in drawn]
    return found | {name: find_ends(value, np.array([each[name] for each in again])) for name, value in values.items()}


def _list_recalls(classes: list[ClassScore]) -> list[Estimate]:
    return [each.recall for each in classes]


def _balance(sums: Sums) -> np.ndarray:
    """The mean recall of the classes that occur."""
    known = sums["holds"] > 0
    recalls = np.where(known, sums["both"] / np.maximum(sums["holds"], 1), 0)
    return np.asarray(recalls.sum(axis=1) / known.sum(axis=1))


def count_confusions(chosen: np.ndarray, holds: np.ndarray) -> list[list[int]] | None:
    """Examples by true class (row) and predicted class (column), one each; arguments as in `Judged`.

    Returns:
        None: more classes than `MOST_CONFUSED`.
    """
    classes = holds.shape[1]
    if classes > MOST_CONFUSED:
        return None
    pairs = holds.argmax(axis=1) * classes + chosen.argmax(axis=1)
    found: list[list[int]] = np.bincount(pairs, minlength=classes**2).reshape(classes, classes).tolist()
    return found


def _mean_loss(sums: Sums) -> np.ndarray:
    return np.asarray(sums["loss"] / sums["rows"])


def _f1(sums: Sums) -> np.ndarray:
    return np.asarray(2 * sums["both"] / (sums["said"] + sums["holds"]))


def _macro(sums: Sums) -> np.ndarray:
    each = _f1(sums)
    known = ~np.isnan(each)
    return np.asarray(np.where(known, each, 0).sum(axis=1) / known.sum(axis=1))


def _micro(sums: Sums) -> np.ndarray:
    both, said, holds = (sums[name].sum(axis=1) for name in ("both", "said", "holds"))
    return np.asarray(2 * both / (said + holds))


def _score_each(bootstrap: Bootstrap, classes: tuple[str, ...]) -> list[ClassScore]:
    both, said, support = (bootstrap.whole[name][0] for name in ("both", "said", "holds"))
    f1 = bootstrap.estimate_each(_f1)
    found = {
        "precision": bootstrap.estimate_fractions(lambda sums: sums["both"], lambda sums: sums["said"]),
        "recall": bootstrap.estimate_fractions(lambda sums: sums["both"], lambda sums: sums["holds"]),
        "f1": [_fill_f1(*each) for each in zip(f1, (said + support - both).tolist(), strict=True)],
    }
    return [
        ClassScore(name, int(support[place]), **{key: each[place] for key, each in found.items()})
        for place, name in enumerate(classes)
    ]


def _fill_f1(found: Estimate, count: float) -> Estimate:
    """`fill_flat` for an F1: J, the part of what is said or true that is both, is a fraction, and F1 = 2 J / (1 + J).

    Args:
        count: of what is said or true.
    """
    if found.low != found.high:
        return found
    bounds = vars(fill_flat(Estimate(*[each / (2 - each) for each in vars(found).values()]), count))
    return Estimate(found.value, *(2 * bounds[name] / (1 + bounds[name]) for name in ("low", "high")))


def _fill_macro(found: Estimate, each: list[Estimate]) -> Estimate:
    """The same for the mean of the classes' F1: the means of their bounds."""
    known = [one for one in each if np.isfinite([one.value, one.low, one.high]).all()]
    if found.low != found.high or not known:
        return found
    bounds = np.mean([(one.low, one.high) for one in known], axis=0)
    return Estimate(found.value, float(bounds[0]), float(bounds[1]))


# Calibration


def _fill_bins(judged: Judged, several: bool) -> dict[str, np.ndarray]:
    """By bin and example: how many answers lie in the bin, their summed confidence, how many of them are right.

    An answer is the class that is chosen; of several labels each is an answer, its confidence the label's probability.
    """
    if several:
        confidence, right = judged.probabilities, judged.holds
    else:
        confidence = (judged.probabilities * judged.chosen).sum(axis=1, keepdims=True)
        right = (judged.chosen * judged.holds).sum(axis=1, keepdims=True)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    inside = [place == each for each in range(BINS)]
    parts = {"answers": np.ones_like(confidence), "confidence": confidence, "hits": right}
    return {name: np.stack([(part * one).sum(axis=1) for one in inside], axis=1) for name, part in parts.items()}


def measure_calibration(probabilities: np.ndarray, chosen: np.ndarray, holds: np.ndarray, several: bool) -> float:
    """The expected calibration error of all examples; arguments as in `Judged`."""
    none = np.zeros(len(holds))
    bins = _fill_bins(Judged(chosen, holds, probabilities, none, none), several)
    return float(_calibration_error({name: each.sum(axis=0)[None] for name, each in bins.items()})[0])


def _calibration_error(sums: Sums) -> np.ndarray:
    """Mean distance of confidence and fraction right, bins weighted by their answers.

    Reference: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", ICML, equation 3.
    """
    distance = np.abs(sums["confidence"] - sums["hits"]).sum(axis=1)
    return np.asarray(distance / sums["answers"].sum(axis=1))


def _reflect(estimate: Estimate) -> Estimate:
    """Bounds reflected about the value: every resample adds a calibration error of its own to the one at hand.

    Reference: Davison and Hinkley 1997, "Bootstrap methods and their application", section 5.2 (basic intervals).
    """
    value = estimate.value
    low, high = max(0.0, 2 * value - estimate.high), max(value, 2 * value - estimate.low)
    # max() would hide a bound that the rows cannot tell
    return Estimate(value, low, high) if np.isfinite(estimate.low) else estimate


def _describe_bins(bootstrap: Bootstrap) -> Calibration:
    answers, confidence = (bootstrap.whole[name][0] for name in ("answers", "confidence"))
    right = bootstrap.estimate_fractions(lambda sums: sums["hits"], lambda sums: sums["answers"])
    bins = [
        Bin(
            float(place / BINS),
            float((place + 1) / BINS),
            int(answers[place]),
            float(confidence[place] / answers[place]),
            right[place],
        )
        for place in np.flatnonzero(answers)
    ]
    return Calibration(BINS, bins)

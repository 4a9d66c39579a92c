"""Metrics of predicted classes, each one number of all examples."""

import numpy as np

from seqconv.metrics.errors import Metrics
from seqconv.metrics.precision_recall import Cuts

OF_RANKS = ("auc", "average_precision")  # which only the order of probabilities decides
NAMES = ("balanced_accuracy", "macro_f1", "micro_f1", "log_loss", "brier", *OF_RANKS)


def measure_choices(chosen: np.ndarray, holds: np.ndarray) -> Metrics:
    """`balanced_accuracy`, the mean recall of the classes that occur; `macro_f1`, the mean F1 of the classes that occur
    or are predicted; `micro_f1`, of all decisions together.

    Args:
        chosen, holds: 0 or 1 for each class, `[N, classes]`: predicted, and true.
    """
    both, said, true = (each.sum(axis=0) for each in (chosen * holds, chosen, holds))
    either, known = said + true, true > 0
    f1 = 2 * both / np.maximum(either, 1)
    return {
        "balanced_accuracy": float((both[known] / true[known]).mean()) if known.any() else float("nan"),
        "macro_f1": float(f1[either > 0].mean()) if either.any() else float("nan"),
        "micro_f1": float(2 * both.sum() / max(either.sum(), 1)),
    }


def measure_brier(probabilities: np.ndarray, holds: np.ndarray, several: bool) -> np.ndarray:
    """The Brier score of each example, `[N]`: the squared distance of probabilities from the truth, halved for two
    classes so that it is at most 1; of several labels the mean over these.

    Reference: Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78.
    """
    squares = (probabilities.astype(np.float64) - holds) ** 2
    return np.asarray(squares.mean(axis=1) if several or squares.shape[1] == 2 else squares.sum(axis=1))


def list_ranked(holds: np.ndarray) -> np.ndarray:
    """The classes, of those `[N, classes]`, whose ranking counts: of two classes the rarer one, else all."""
    counts = holds.sum(axis=0)
    if holds.shape[1] == 2 and counts.sum() == len(holds):
        return np.array([int(counts[1] <= counts[0])])
    return np.arange(holds.shape[1])


def measure_ranks(probabilities: np.ndarray, holds: np.ndarray, ranked: np.ndarray) -> Metrics:
    """`auc`, the area under the ROC curve, and `average_precision`, that under precision and recall: means over classes
    of which there are examples and others; NaN if there are none.

    Args:
        probabilities, holds: `[N, classes]`.
        ranked: the classes, see `list_ranked`.

    Reference: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
        curve", Radiology 143; Fawcett 2006, Pattern Recognition Letters 27 (each class against the others).
    """
    counts = holds.sum(axis=0)
    places = [place for place in ranked if 0 < counts[place] < len(holds)]
    found = [_measure_class(probabilities[:, place], holds[:, place] > 0) for place in places]
    means = np.mean(found, axis=0) if found else np.full(2, np.nan)
    return dict(zip(OF_RANKS, means.tolist(), strict=True))


def _measure_class(probabilities: np.ndarray, holds: np.ndarray) -> tuple[float, float]:
    cuts = Cuts.of(probabilities, holds)
    others = len(holds) - cuts.support
    heights = (cuts.right[1:] + cuts.right[:-1]) / 2
    area = float((np.diff(cuts.wrong) * heights).sum()) / (cuts.support * others)
    return area, cuts.average_precision

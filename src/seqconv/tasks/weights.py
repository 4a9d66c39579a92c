"""What each example counts in training: its own weight times that of its class."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqconv.errors import DataError, OptionError, nearest

NONE, BALANCED = "none", "balanced"
_NAMED = re.compile(r"\s*(.+?)\s*=\s*([^=,\s]+)\s*(?:,|$)")


def weigh_examples(parts: Sequence[Any], setting: str) -> list[np.ndarray | None]:
    """Weights of labelled examples, their mean 1 over the first part; None: all weigh the same.

    Args:
        parts: the training examples, then others; all with `labels`, `classes` and `weights`.
        setting: `training.class_weight`.

    Returns:
        For each part float32 `[N, 1]`; with several labels and weights of classes `[N, classes]`, as an example that
        has a label and one that lacks it differ in what they count for that label.

    Raises:
        OptionError: a class weight that is none, or of an unknown class.
        DataError: all training examples weigh nothing.
    """
    train = parts[0]
    by_class = weigh_classes(setting, train.labels, train.classes, train.weights)
    if by_class is None and train.weights is None:
        return [None] * len(parts)
    found = [_weigh(part, by_class) for part in parts]
    mean = float(found[0].mean())
    if not mean > 0:
        raise DataError(f"{train.source}: the training weights must not all be zero; they are. Correct them")
    return [(each / mean).astype(np.float32) for each in found]


def _weigh(part: Any, by_class: np.ndarray | None) -> np.ndarray:
    own = np.ones((len(part.labels), 1)) if part.weights is None else np.asarray(part.weights, np.float64)[:, None]
    if by_class is None:
        return own
    if part.labels.ndim == 1:
        return np.asarray(own * by_class[1, part.labels][:, None])
    return np.asarray(own * np.where(part.labels > 0, by_class[1], by_class[0]))


def weigh_classes(
    setting: str, labels: np.ndarray, classes: tuple[str, ...], weights: np.ndarray | None = None
) -> np.ndarray | None:
    """Weight of the examples without and with each class, float64 `[2, classes]`; None: all weigh the same.

    With one class for each example the first row has no meaning.

    Args:
        setting: `none`; `balanced`: the examples of each class weigh the same in all, and of several labels those with
            a label the same as those without it; or `NAME=WEIGHT,...`, 1 for the others.
        labels, weights: of the training examples.

    Raises:
        OptionError: see `weigh_examples`.

    Reference: King and Zeng 2001, "Logistic regression in rare events data", Political Analysis 9, section 4.2; as
    `class_weight="balanced"` in scikit-learn.
    """
    if setting == NONE:
        return None
    if not classes:
        raise OptionError("training.class_weight is for classes; numbers are predicted here. Leave it out")
    if setting != BALANCED:
        named = parse_class_weights(setting)
        for name in named:
            if name not in classes:
                raise OptionError(f"training.class_weight: unknown class {name!r}. {nearest(name, classes)}")
        return np.array([[1.0] * len(classes), [named.get(name, 1.0) for name in classes]])
    own = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    holds = labels > 0 if labels.ndim == 2 else labels[:, None] == np.arange(len(classes))
    inside = own @ holds
    outside = own.sum() - inside
    kinds = 2 if labels.ndim == 2 else int(np.sum(inside > 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = own.sum() / (kinds * np.stack([outside, inside]))
    return np.where(np.isfinite(found), found, 0.0)


def parse_class_weights(setting: str) -> Mapping[str, float]:
    """The weights of a setting like `spam=10,ham=1`, by the name of the class.

    Raises:
        OptionError: it is not like that, or a weight is not above 0.

    >>> parse_class_weights("spam=10, not spam=0.5")
    {'spam': 10.0, 'not spam': 0.5}
    """
    found: dict[str, float] = {}
    at = 0
    while at < len(setting) and (match := _NAMED.match(setting, at)) is not None:
        found[match[1]] = _read_weight(match[2])
        at = match.end()
    if at < len(setting) or not found:
        raise OptionError(
            f"training.class_weight must be {NONE}, {BALANCED}, or CLASS=WEIGHT separated by commas, such as spam=10; "
            f"got {setting!r}"
        )
    return found


def _read_weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise OptionError(f"training.class_weight: a weight must be a number above 0; got {text!r}. Correct it")
    return weight

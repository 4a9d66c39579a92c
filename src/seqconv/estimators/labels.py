"""Labels and weights of examples as users of scikit-learn give them."""

from typing import Any

import numpy as np

from seqconv.errors import DataError


def read_weights(sample_weight: Any, count: int) -> np.ndarray | None:
    """What each example counts, float64 `[N]`.

    Raises:
        DataError: not a number of at least 0 for each example.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != (count,):
        raise DataError(f"sample_weight must be a number for each of {count} examples; got shape {weights.shape}")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        row = int(np.argmin(np.isfinite(weights) & (weights >= 0)))
        raise DataError(f"sample_weight, row {row + 1}: must be a number of at least 0; got {weights[row]}. Correct it")
    return weights


def check_labels(y: Any) -> None:
    """Check what numpy would turn into an error of its own: sparse labels, lists of labels, None and NA."""
    if hasattr(y, "toarray"):
        raise DataError("y must be an array; got a sparse matrix. Pass y.toarray()")
    if hasattr(y, "columns") or not hasattr(y, "__iter__") or getattr(getattr(y, "dtype", None), "kind", "O") in "biuf":
        return
    for row, label in enumerate(y):
        if isinstance(label, list | tuple | set | frozenset):
            if any(isinstance(each, str) for each in label) or not label:
                cure = "Pass 0 and 1 for each class, as scikit-learn's MultiLabelBinarizer makes them"
                raise DataError(f"y, row {row + 1}: must be a label; got {label!r:.40}. {cure}")
        elif (
            label is None
            or type(label).__name__ in ("NAType", "NaTType")
            or (isinstance(label, float) and label != label and hasattr(y, "isna"))
        ):
            raise DataError(
                f"y, row {row + 1}: the label must not be missing; got {label!r}. Fill it in or drop the row"
            )

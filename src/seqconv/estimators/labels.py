"""Labels of examples as users of scikit-learn give them."""

from typing import Any

from seqconv.errors import DataError


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

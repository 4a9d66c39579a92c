"""What `bundle.json` holds of features: the types and ranges that all tasks share, by which it is checked when read.

Messages begin with the field, as those of `metrics.records` do.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from seqconv.metrics.records import Bounds, Record

LARGEST = 1.7976931348623157e308  # float64
MOST_STEPS = 2**20  # of one example
MOST_ROWS = 2**31 - 1  # that a window may span

Steps = Annotated[int, Bounds(1, MOST_STEPS)]
RowCount = Annotated[int, Bounds(1, MOST_ROWS)]
Number = Annotated[float, Bounds(-LARGEST, LARGEST)]
Threshold = Annotated[float, Bounds(-1, 1)]  # of a probability; negative: even 0 is above it
Spread = Annotated[float, Bounds(5e-324, LARGEST)]
Level = Annotated[float, Bounds(1e-12, 1 - 1e-12)]  # of a quantile


class Entry(Record):
    """The fields of one kind of features; any other is refused."""

    closed = True


def check_same(field: str, value: object, setting: str, wanted: object) -> None:
    """Check that a field is what a setting of the recipe says.

    Raises:
        ValueError: it is not.
    """
    if value != wanted:
        raise ValueError(f".{field} must be recipe.{setting}, {wanted!r:.40}; got {value!r:.40}")


def check_names(field: str, names: Sequence[str], least: int = 1) -> None:
    """Check that names are different texts, and enough of them.

    Raises:
        ValueError: they are not.
    """
    if len(names) < least or len(set(names)) < len(names):
        raise ValueError(
            f".{field} must be at least {least} different names; got {len(names)}, {len(set(names))} different"
        )


def check_among(field: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Check that names are different, and all known.

    Raises:
        ValueError: they are not.
    """
    check_names(field, names, 0)
    for name in names:
        if name not in known:
            raise ValueError(f".{field} must be some of the {len(known)} known names; got {name!r:.40}")


def check_margins(margins: Sequence[float] | None, outputs: int, levels: Sequence[float] | None) -> None:
    """Check that there is a margin for each output, or for each of its quantiles at these levels.

    Raises:
        ValueError: there is not, or the levels do not ascend.
    """
    if levels is not None and (not levels or any(one >= other for one, other in pairwise(levels))):
        raise ValueError(f".quantiles must be ascending levels; got {levels!r:.40}")
    count = outputs * len(levels or (0,))
    if margins is not None and len(margins) != count:
        raise ValueError(f".margins must be {count} number{'s' * (count > 1)}; got {len(margins)}")

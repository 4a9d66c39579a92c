"""The settings of layers: what each must be, and which property of the data fills it in if the recipe does not.

The fields of layer classes are annotated with these types, by which recipes are checked and read.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from seqconv.networks.layers.base import Plan, Shape


class Place(NamedTuple):
    """What is known at a layer's position: its input shape, the number of ids, the network's outputs."""

    shape: Shape
    rows: int
    outputs: int

    @property
    def channels(self) -> int:
        """Channels of each step, or of a vector."""
        return self.shape[-1]


@dataclass(frozen=True)
class Setting:
    """One field of a layer.

    Args:
        must: what a value must be, for messages.
        holds: whether a value is that.
        filled: the attribute of `Place` that fills it in; empty: none does.
        added: newer than the first version, and so described only if it differs from the default.
    """

    must: str
    holds: Callable[[Any], bool]
    filled: Literal["", "channels", "rows", "outputs"] = ""
    added: bool = False


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _number(holds: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and holds(value)


SIZE = "a whole number of at least 1"
COUNT = "a whole number of at least 0"

Size = Annotated[int, Setting(SIZE, _whole(1))]
Stride = Annotated[int, Setting(SIZE, _whole(1), added=True)]
Count = Annotated[int, Setting(COUNT, _whole(0))]
Rate = Annotated[float, Setting("from 0 to below 1", _number(lambda value: 0 <= value < 1))]
Factor = Annotated[float, Setting("a number above 0", _number(lambda value: 0 < value < math.inf))]
Flag = Annotated[bool, Setting("true or false", lambda value: type(value) is bool)]

Inputs = Annotated[int, Setting(COUNT, _whole(0), "channels")]
Rows = Annotated[int, Setting(COUNT, _whole(0), "rows")]
Outputs = Annotated[int, Setting(SIZE, _whole(1), "outputs")]

Body = Annotated[Plan, Setting("a list of layers", lambda value: type(value) is tuple)]
Branches = Annotated[tuple[Plan, ...], Setting("a list of lists of layers", lambda value: type(value) is tuple)]

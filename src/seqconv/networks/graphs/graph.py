"""A computation as operators of ONNX, held as data. No third party is imported here: `models.exchange.onnx` writes it.

The operators are those of opset 18, the first with bitwise operators and with axes of reductions as inputs.

Reference: https://onnx.ai/onnx/operators/ (ai.onnx, version 18).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OPSET = 18
Dimensions = tuple[int | str, ...]  # a name in place of a size: any size
Operand = str | np.ndarray | np.generic  # the name of a value, or a constant


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Args:
        about: what it holds, with its unit, for people.
    """

    name: str
    dtype: np.dtype[Any]
    shape: Dimensions
    about: str


@dataclass(frozen=True)
class Node:
    """One operator; arrays among the attributes are tensors."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass
class Graph:
    """Operators in the order in which they run; values are known by their names.

    >>> graph = Graph()
    >>> x = graph.read("x", np.float32, ("batch", 3), "numbers")
    >>> graph.give("y", graph.add("Mul", x, np.float32(2)), np.float32, ("batch", 3), "twice the numbers")
    >>> [node.operator for node in graph.nodes]
    ['Mul', 'Identity']
    """

    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict, repr=False)

    def read(self, name: str, dtype: Any, shape: Dimensions, about: str) -> str:
        """A new input, or the one of that name."""
        if all(port.name != name for port in self.inputs):
            self.inputs.append(Port(name, np.dtype(dtype), shape, about))
        return name

    def give(self, name: str, value: str, dtype: Any, shape: Dimensions, about: str) -> None:
        """Name a value as an output."""
        self.nodes.append(Node("Identity", (value,), (name,), {}))
        self.outputs.append(Port(name, np.dtype(dtype), shape, about))

    def add(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """A new operator; the name of its first output."""
        inputs = tuple(each if isinstance(each, str) else self.constant(np.asarray(each)) for each in operands)
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(Node(operator, inputs, (output,), attributes))
        return output

    def sort(self, x: str) -> str:
        """Rows `[B, F]` in ascending order."""
        size = self.add("Slice", self.add("Shape", x), integers(1), integers(2))
        output = f"TopK_{len(self.nodes)}"
        settings = {"axis": 1, "largest": 0, "sorted": 1}
        self.nodes.append(Node("TopK", (x, size), (output, f"{output}_places"), settings))
        return output

    def constant(self, array: np.ndarray, name: str = "") -> str:
        """The name of a constant; small ones that are alike are stored once."""
        array = np.ascontiguousarray(array).reshape(array.shape)  # a number would become a vector
        key = (array.dtype.str, array.shape, array.tobytes() if array.size <= 64 else b"")
        if not name and array.size <= 64 and key in self._known:
            return self._known[key]
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = array
        if array.size <= 64:
            self._known.setdefault(key, name)
        return name

    # What operators of other sets of names are made of

    def cast(self, x: str, dtype: Any) -> str:
        """The values as another type."""
        return self.add("Cast", x, to=np.dtype(dtype))

    def cut(self, x: str, axis: int, first: int, last: int | None = None, step: int = 1) -> str:
        """`x[first:last:step]` along an axis."""
        bounds = (first, np.iinfo(np.int64).max if last is None else last, axis, step)
        return self.add("Slice", x, *(integers(each) for each in bounds))

    def take(self, x: str, axis: int, places: Sequence[int] | int) -> str:
        """The elements at these places along an axis, which goes if there is one place."""
        return self.add("Gather", x, np.asarray(places, np.int64), axis=axis)

    def reshape(self, x: str, *sizes: int) -> str:
        """The values in another shape; 0: the size that is there, -1: what is left."""
        return self.add("Reshape", x, integers(*sizes))

    def join(self, parts: Sequence[str], axis: int) -> str:
        """Several values along an axis."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=axis)

    def reduce(self, operator: str, x: str, axis: int, keep: bool = False) -> str:
        """A reduction over one axis, such as `ReduceSum`."""
        return self.add(operator, x, integers(axis), keepdims=int(keep))

    def pad_front(self, x: str, rank: int, axis: int, count: int) -> str:
        """Zeros before the values along an axis."""
        pads = np.zeros(2 * rank, np.int64)
        pads[axis] = count
        return self.add("Pad", x, pads)

    def repeat(self, row: np.ndarray, x: str) -> str:
        """The same row for each example of `x`, `[B, ...]`: float64 `[B, len(row)]`."""
        batch = self.add("Slice", self.add("Shape", x), integers(0), integers(1))
        sizes = self.join([batch, self.constant(integers(len(row)))], 0)
        return self.add("Expand", row.astype(np.float64)[None], sizes)

    def search(self, keys: np.ndarray, x: str) -> tuple[str, str]:
        """The place of each whole number in `keys`, ascending int64 `[K]`, and whether it is there.

        A binary search, a step for each bit of a place.
        """
        bits = max(len(keys) - 1, 0).bit_length()
        padded = np.full(2**bits, np.iinfo(np.int64).max)
        padded[: len(keys)] = keys
        table, place = self.constant(padded), self.add("Sub", x, x)
        for bit in reversed(range(bits)):
            further = self.add("Add", place, np.int64(2**bit))
            right = self.add("LessOrEqual", self.add("Gather", table, further, axis=0), x)
            place = self.add("Where", right, further, place)
        return place, self.add("Equal", self.add("Gather", table, place, axis=0), x)


def integers(*values: int) -> np.ndarray:
    """Whole numbers as operators take them, such as axes and sizes."""
    return np.array(values, np.int64)

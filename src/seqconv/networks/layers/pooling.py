"""Layers that reduce the number of steps, or turn all steps into one vector."""

from dataclasses import dataclass

from seqconv.networks.layers.base import STEPS, Field, Shape, Weightless
from seqconv.networks.layers.settings import Size


@dataclass(frozen=True)
class _Groups(Weightless, family=True):
    """Every `size` neighbouring steps become one."""

    size: Size
    reads = STEPS

    def fewest_steps(self) -> int:
        """One group of steps."""
        return self.size

    def shape_after(self, shape: Shape) -> Shape:
        """`(L // size, C)`."""
        return (shape[0] // self.size, shape[1])

    def field_after(self, field: Field, shape: Shape) -> Field:
        """`size` steps, with a stride of as many."""
        return field.widen(self.size, self.size)

    def details(self) -> list[str]:
        """Size."""
        return [str(self.size)]


@dataclass(frozen=True)
class MaxPool(_Groups):
    """Maximum of every `size` neighbouring steps; an incomplete last group is dropped, as in Keras."""


@dataclass(frozen=True)
class AveragePool(_Groups):
    """Mean of every `size` neighbouring steps; an incomplete last group is dropped.

    Reference: keras.layers.AveragePooling1D (default strides and padding).
    """


@dataclass(frozen=True)
class Patch(_Groups):
    """Every `size` neighbouring steps as one, their channels joined: `[B, L, C]` -> `[B, L // size, size * C]`.

    The oldest steps are dropped if they fill no patch.
    """

    def shape_after(self, shape: Shape) -> Shape:
        """`(L // size, size * C)`."""
        return (shape[0] // self.size, self.size * shape[1])


class _Vector(Weightless, family=True):
    """One vector from all steps."""

    reads = STEPS

    def shape_after(self, shape: Shape) -> Shape:
        """`(C,)`."""
        return (shape[1],)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """All steps."""
        return field.widen(shape[0])

    def details(self) -> list[str]:
        """None."""
        return []


@dataclass(frozen=True)
class GlobalMaxPool(_Vector):
    """Maximum over all steps: `[B, L, C]` -> `[B, C]`."""


@dataclass(frozen=True)
class GlobalAveragePool(_Vector):
    """Mean over all steps: `[B, L, C]` -> `[B, C]`."""


@dataclass(frozen=True)
class LastStep(_Vector):
    """The newest step: `[B, L, C]` -> `[B, C]`."""

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The same."""
        return field


@dataclass(frozen=True)
class Flatten(_Vector):
    """All steps joined: `[B, L, C]` -> `[B, L * C]`."""

    def shape_after(self, shape: Shape) -> Shape:
        """`(L * C,)`."""
        return (shape[0] * shape[1],)

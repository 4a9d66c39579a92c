"""The base classes of layers. No framework is imported here.

A plan is a tuple of layers, applied in order to ids `[B, L]` or to values `[B, L, C]`. Every engine runs the same plan;
shapes, parameters, initial values, receptive field and cost come from the layers' own methods. A layer class that lacks
one of them fails at import.
"""

import dataclasses
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_type_hints

import numpy as np

from seqconv.errors import ConfigError

if TYPE_CHECKING:
    from seqconv.networks.layers.settings import Place, Setting
    from seqconv.networks.layers.weights import Weight

Shape = tuple[int, ...]
Weights = dict[str, np.ndarray]
Masks = dict[str, np.ndarray]


class Input(NamedTuple):
    """What a layer reads: the number of axes without the batch (0: any number), and a description for messages."""

    rank: int
    text: str


IDS = Input(1, "ids [L]")
STEPS = Input(2, "steps and channels [L, C]")
VECTOR = Input(1, "one vector [C]; put a global pooling layer or last_step before it")
ANY = Input(0, "of any rank")


class Field(NamedTuple):
    """The receptive field of a value: how many input `steps` it depends on (None: unbounded), and the `stride` in input
    steps between neighbouring values."""

    steps: int | None
    stride: int

    def widen(self, steps: int, stride: int = 1) -> "Field":
        """The field after a layer that reads that many neighbouring steps and moves on by `stride`."""
        assert self.steps is not None
        return Field(self.steps + (steps - 1) * self.stride, self.stride * stride)


class Layer(ABC):
    """One layer of a plan. Subclasses are frozen dataclasses whose fields are annotated with types from `settings`.

    Class arguments:
        family: a base of several layers, which may leave methods to them.

    Raises:
        TypeError: when a class is defined that lacks a method or `reads`.
    """

    reads: ClassVar[Input]
    must_lead: ClassVar[str] = ""  # why it must be the first layer of a network; empty: it need not be
    opens: ClassVar[bool] = False  # its bodies read its own input unchanged, ids included
    activates: ClassVar[bool] = False  # a recipe may give it an `activation`, which becomes a layer after it

    def __init_subclass__(cls, family: bool = False, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if family:
            return
        missing = [name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False)]
        missing += [] if hasattr(cls, "reads") else ["reads"]
        if missing:
            raise TypeError(f"layer {cls.__name__}: must define {', '.join(missing)}")

    @classmethod
    def kind(cls) -> str:
        """Its name in recipes: `max_pool` for `MaxPool`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def settings(cls) -> "dict[str, Setting]":
        """The setting behind each field.

        Raises:
            TypeError: a field that is not annotated with a type from `settings`.
        """
        hints, found = get_type_hints(cls, include_extras=True), {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            if not hasattr(hints[field.name], "__metadata__"):
                raise TypeError(f"layer {cls.__name__}: the type of {field.name} must be one of layers.settings")
            found[field.name] = hints[field.name].__metadata__[0]
        return found

    @classmethod
    def inner_place(cls, place: "Place", given: dict[str, Any]) -> "Place":
        """What is known where a body of the layer begins, given the settings in the recipe.

        Raises:
            ConfigError: the layer cannot be used there.
        """
        return place

    @abstractmethod
    def weights(self) -> "dict[str, Weight]":
        """Its own weight arrays by name, without those of bodies; Keras's names and layouts."""

    @abstractmethod
    def shape_after(self, shape: Shape) -> Shape:
        """Output shape for an input shape that `output_shape` has checked."""

    @abstractmethod
    def field_after(self, field: Field, shape: Shape) -> Field:
        """The receptive field of its outputs, given the bounded field and the shape of its input."""

    @abstractmethod
    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-adds for one example of that input shape; 0 if negligible."""

    @abstractmethod
    def details(self) -> list[str]:
        """What the summary shows in brackets."""

    def fewest_steps(self) -> int:
        """Minimum number of steps of an input."""
        return 1

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """Shape (without the batch) and rate of its dropout masks in training, those of bodies included."""
        return {}

    def bodies(self) -> "dict[str, Plan]":
        """Plans inside it; each key is the prefix of the names of their weights and masks, such as `""` or `"1."`."""
        return {}

    def entering(self, shape: Shape) -> Shape:
        """Input shape of the bodies."""
        return shape

    @property
    def starts_at_zero(self) -> bool:
        """Its outputs are zero before training: as the last layer it forecasts no change."""
        return False

    @property
    def label(self) -> str:
        """Its name and details for the summary."""
        details = ", ".join(self.details())
        return f"{type(self).__name__}({details})" if details else type(self).__name__

    def output_shape(self, shape: Shape) -> Shape:
        """Output shape for an input shape, without the batch: `(L,)`, `(L, C)` or `(C,)`.

        Raises:
            ConfigError: the layer cannot take this shape.
        """
        name = type(self).__name__
        if self.reads.rank not in (0, len(shape)):
            raise ConfigError(f"{name}: the input must be {self.reads.text}; got {shape}")
        inputs = getattr(self, "inputs", shape[-1])
        if inputs != shape[-1]:
            raise ConfigError(f"{name}: the input must have {inputs} channels; got {shape[-1]}")
        fewest = 0 if self.reads is VECTOR else self.fewest_steps()
        if shape[0] < fewest:
            raise ConfigError(
                f"{name}: the input must have at least {fewest} steps; got {shape[0]}. Use a longer input"
            )
        return self.shape_after(shape)


Plan = tuple[Layer, ...]


class Weightless(Layer, family=True):
    """A layer without weights and of negligible cost."""

    def weights(self) -> "dict[str, Weight]":
        """None."""
        return {}

    def multiply_adds(self, shape: Shape) -> int:
        """0: negligible."""
        return 0


class KeepsShape(Weightless, family=True):
    """A layer without weights whose output has the shape of its input."""

    reads = ANY

    def shape_after(self, shape: Shape) -> Shape:
        """The same."""
        return shape

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The same."""
        return field

    def details(self) -> list[str]:
        """None."""
        return []

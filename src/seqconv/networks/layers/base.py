"""What every layer can say of itself. No framework is imported here.

A plan is a tuple of layers, applied in order to ids `[B, L]` or to values `[B, L, C]`. Every engine reads the same
plan; shapes, parameters, initial values, receptive field and cost come from the layers' own methods. A layer that lacks
one does not import.
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
    """What a layer reads: how many axes after that of the batch (0: any number), and how a message says it."""

    rank: int
    text: str


IDS = Input(1, "ids [L]")
STEPS = Input(2, "steps and channels [L, C]")
VECTOR = Input(1, "one vector [C]; put a global pooling layer or last_step before it")
ANY = Input(0, "of any rank")


class Field(NamedTuple):
    """The receptive field: how many input `steps` a value here depends on (None: unbounded), and how many input steps
    lie between neighbouring steps here."""

    steps: int | None
    stride: int

    def widen(self, steps: int, stride: int = 1) -> "Field":
        """After a layer that reads that many neighbouring steps, and gives one of every `stride`."""
        assert self.steps is not None
        return Field(self.steps + (steps - 1) * self.stride, self.stride * stride)


class Layer(ABC):
    """One layer of a plan. Subclasses are frozen dataclasses whose fields are annotated with types of `settings`.

    Args of subclassing:
        family: a base of several layers, which may leave methods to them.

    Raises:
        TypeError: a layer lacks a method, or does not say what it `reads`; when its class is made.
    """

    reads: ClassVar[Input]
    must_lead: ClassVar[str] = ""  # why it must be the first layer of a network, where it must
    opens: ClassVar[bool] = False  # its bodies read what it reads, as it is; ids too
    activates: ClassVar[bool] = False  # a recipe may give it an `activation`, which follows as a layer of its own

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
        """What each field must be.

        Raises:
            TypeError: a field that is not annotated with a type of `settings`.
        """
        hints, found = get_type_hints(cls, include_extras=True), {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            if not hasattr(hints[field.name], "__metadata__"):
                raise TypeError(f"layer {cls.__name__}: the type of {field.name} must be one of layers.settings")
            found[field.name] = hints[field.name].__metadata__[0]
        return found

    @classmethod
    def inner_place(cls, place: "Place", given: dict[str, Any]) -> "Place":
        """What is known where a body begins, of a layer with bodies and the settings that a recipe gives it.

        Raises:
            ConfigError: the layer cannot stand there.
        """
        return place

    @abstractmethod
    def weights(self) -> "dict[str, Weight]":
        """Its own arrays by name, without those of bodies; Keras's names and layouts."""

    @abstractmethod
    def shape_after(self, shape: Shape) -> Shape:
        """Shape that leaves for one that `output_shape` has checked."""

    @abstractmethod
    def field_after(self, field: Field, shape: Shape) -> Field:
        """The receptive field of what leaves, for a bounded one and the shape of what enters."""

    @abstractmethod
    def multiply_adds(self, shape: Shape) -> int:
        """Cost of one example that enters with that shape; 0 for what costs next to nothing."""

    @abstractmethod
    def details(self) -> list[str]:
        """What the summary says of it in brackets."""

    def fewest_steps(self) -> int:
        """Steps that an input must have."""
        return 1

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """Shape without the batch, and rate, of its dropout masks in training, those of bodies included."""
        return {}

    def bodies(self) -> "dict[str, Plan]":
        """Plans within it; a key is what the names of their weights and masks begin with, `""` or `"1."`."""
        return {}

    def entering(self, shape: Shape) -> Shape:
        """Shape that enters the bodies."""
        return shape

    @property
    def starts_at_zero(self) -> bool:
        """Its outputs are zero before training: as the last layer it makes a forecast of no change."""
        return False

    @property
    def label(self) -> str:
        """Its name and details, as the summary prints them."""
        details = ", ".join(self.details())
        return f"{type(self).__name__}({details})" if details else type(self).__name__

    def output_shape(self, shape: Shape) -> Shape:
        """Shape that leaves, without the batch, for the one that enters: `(L,)`, `(L, C)` or `(C,)`.

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
    """A layer without weights that costs next to nothing."""

    def weights(self) -> "dict[str, Weight]":
        """None."""
        return {}

    def multiply_adds(self, shape: Shape) -> int:
        """None worth counting."""
        return 0


class KeepsShape(Weightless, family=True):
    """A layer without weights that gives as many steps and channels as it reads."""

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

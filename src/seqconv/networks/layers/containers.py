"""Layers that contain layers: residual blocks, branches, bodies for channels."""

from dataclasses import dataclass
from typing import Any

from seqconv.errors import ConfigError
from seqconv.networks.layers.base import ANY, STEPS, Field, Layer, Plan, Shape
from seqconv.networks.layers.settings import Body, Branches, Count, Place
from seqconv.networks.layers.weights import Weight
from seqconv.networks.plan import grow_field, mask_shapes, shapes, sum_multiply_adds


class Container(Layer, family=True):
    """A layer without weights of its own, whose bodies all read the same input."""

    def weights(self) -> dict[str, Weight]:
        """None."""
        return {}

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The widest of the bodies'."""
        ends = [grow_field(body, field, self.entering(shape)) for body in self.bodies().values()]
        steps = [end.steps for end in ends if end.steps is not None]
        return Field(max(steps) if len(steps) == len(ends) else None, max(end.stride for end in ends))

    def multiply_adds(self, shape: Shape) -> int:
        """Those of all bodies."""
        return sum(sum_multiply_adds(body, self.entering(shape)) for body in self.bodies().values())

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """Those of all bodies."""
        found: dict[str, tuple[Shape, float]] = {}
        for prefix, body in self.bodies().items():
            found |= mask_shapes(body, self.entering(shape), prefix)
        return found


@dataclass(frozen=True)
class OneBody(Container, family=True):
    """A container with one body."""

    body: Body

    def bodies(self) -> dict[str, Plan]:
        """The body, without a prefix of its own."""
        return {"": self.body}

    def details(self) -> list[str]:
        """The body's layers."""
        return [layer.label for layer in self.body]

    def inner_shape(self, shape: Shape) -> Shape:
        """Output shape of the body."""
        inner = self.entering(shape)
        return shapes(self.body, inner)[-1] if self.body else inner


@dataclass(frozen=True)
class Residual(OneBody):
    """x + body(x); the body keeps the shape."""

    reads = ANY

    def shape_after(self, shape: Shape) -> Shape:
        """The same."""
        inner = self.inner_shape(shape)
        if inner != shape:
            raise ConfigError(f"residual: the body must keep the shape {shape}; it gives {inner}")
        return inner


@dataclass(frozen=True)
class Bidirectional(OneBody):
    """A body that reads the steps forwards and a copy with its own weights that reads them backwards; outputs joined
    along the channels: `[B, L, C]` -> `[B, L', 2 U]`, or `[B, 2 U]` if the body ends in one vector (`last_step`).

    The steps of the second are put back in chronological order before they are joined.

    Reference: Schuster and Paliwal 1997, "Bidirectional recurrent neural networks"; keras.layers.Bidirectional
    (merge_mode "concat").
    """

    reads = STEPS

    def bodies(self) -> dict[str, Plan]:
        """The same layers twice."""
        return {"forward.": self.body, "backward.": self.body}

    def shape_after(self, shape: Shape) -> Shape:
        """Twice the body's channels."""
        if not self.body:
            raise ConfigError("bidirectional: the body must have at least one layer; got none. Put a gru into layers")
        *steps, channels = self.inner_shape(shape)
        return (*steps, 2 * channels)


@dataclass(frozen=True)
class _Branching(Container, family=True):
    """A container with several bodies."""

    branches: Branches
    reads = ANY
    opens = True

    def bodies(self) -> dict[str, Plan]:
        """The branches by number."""
        return {f"{number}.": branch for number, branch in enumerate(self.branches)}

    def details(self) -> list[str]:
        """The branches' layers."""
        return [" | ".join(", ".join(layer.label for layer in branch) for branch in self.branches)]

    def _ends(self, shape: Shape, alike: slice, what: str) -> list[Shape]:
        """Output shapes of the branches, which must agree in the slice `alike`."""
        name = type(self).__name__
        found = [shapes(branch, shape)[-1] for branch in self.branches if branch]
        if not found or len(found) < len(self.branches):
            raise ConfigError(f"{name}: must have branches, each with at least one layer; got {len(found)} of them")
        if len({(len(end), end[alike]) for end in found}) > 1:
            raise ConfigError(f"{name}: the outputs of all branches must have {what}; got {', '.join(map(str, found))}")
        return found


@dataclass(frozen=True)
class Concat(_Branching):
    """Parallel branches on the same input, their outputs joined along the channels."""

    def shape_after(self, shape: Shape) -> Shape:
        """The channels of all branches."""
        found = self._ends(shape, slice(-1), "as many steps")
        return (*found[0][:-1], sum(end[-1] for end in found))


@dataclass(frozen=True)
class Add(_Branching):
    """Parallel branches on the same input, their outputs summed."""

    def shape_after(self, shape: Shape) -> Shape:
        """That of each branch."""
        return self._ends(shape, slice(None), "the same shape")[0]


@dataclass(frozen=True)
class OfChannels(OneBody, family=True):
    """A body for the first `channels` channels of an input (0: all)."""

    channels: Count = 0
    reads = STEPS

    def count(self, channels: int) -> int:
        """How many of the input's channels it uses."""
        return self.channels or channels

    def check_channels(self, shape: Shape) -> int:
        """How many of the input's channels it uses.

        Raises:
            ConfigError: more than the input has.
        """
        if self.channels > shape[1]:
            raise ConfigError(f"{self.kind()}: channels must be at most the input's {shape[1]}; got {self.channels}")
        return self.count(shape[1])


@dataclass(frozen=True)
class Channelwise(OfChannels):
    """One body for every channel separately, `[L, 1]` -> `[H]`: `[B, L, C]` -> `[B, H * C]`, one value per channel for
    each of the H outputs; reads the first `channels` channels (0: all).

    Reference: Nie et al. 2023, arXiv:2211.14730.
    """

    @classmethod
    def inner_place(cls, place: Place, given: dict[str, Any]) -> Place:
        """One channel, with its part of the outputs."""
        channels = given.get("channels", 0)
        count = channels if type(channels) is int and channels > 0 else place.channels
        if len(place.shape) != 2 or place.outputs % count:
            raise ConfigError(
                f"channelwise: it must read only the targets, steps and channels [L, C]; got {place.shape} for "
                f"{place.outputs} output(s). Make every column a target, or set channels to the number of "
                "targets if other inputs come after them"
            )
        return place._replace(shape=(place.shape[0], 1), outputs=place.outputs // count)

    def entering(self, shape: Shape) -> Shape:
        """One channel."""
        return (shape[0], 1)

    def shape_after(self, shape: Shape) -> Shape:
        """`(H * C,)`."""
        inner = self.inner_shape(shape)
        if len(inner) != 1:
            raise ConfigError(f"channelwise: the body must end in one vector; got {inner}. Flatten or pool it")
        return (inner[0] * self.check_channels(shape),)

    def multiply_adds(self, shape: Shape) -> int:
        """Those of the body for every channel."""
        return self.count(shape[1]) * super().multiply_adds(shape)

    def masks(self, shape: Shape) -> dict[str, tuple[Shape, float]]:
        """Those of the body for every channel."""
        found = super().masks(shape)
        return {name: ((self.count(shape[1]), *size), rate) for name, (size, rate) in found.items()}


VARIANCE_FLOOR = 1e-5  # of `Normalise`


@dataclass(frozen=True)
class Normalise(OfChannels):
    """A body that sees each channel standardised by its own window, (x - mean) / sqrt(variance + 1e-5), its outputs
    scaled back: `[B, L, C]` -> `[B, H * C]`; the first `channels` channels (0: all). The others enter unchanged.

    The body returns one value per channel for each of the H outputs. Levels and spreads that training never saw then
    make no difference.

    Reference: Kim et al. 2022, "Reversible instance normalization", ICLR (without its affine part; 1e-5 as there).
    """

    must_lead = "scales each channel of a window"

    def shape_after(self, shape: Shape) -> Shape:
        """`(H * C,)`."""
        inner, count = self.inner_shape(shape), self.check_channels(shape)
        if len(inner) != 1 or inner[0] % count:
            raise ConfigError(
                f"normalise: the body must end in a vector, equally many values for {count} channels; got {inner}"
            )
        return inner

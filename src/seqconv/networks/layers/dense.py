"""The fully connected layer."""

from dataclasses import dataclass

from seqconv.networks.layers.base import VECTOR, Field, Layer, Shape
from seqconv.networks.layers.settings import Flag, Inputs, Size
from seqconv.networks.layers.weights import Weight, glorot, zeros


@dataclass(frozen=True)
class Dense(Layer):
    """x W + b: `[B, inputs]` -> `[B, outputs]`.

    Args:
        zeros: W starts at 0, so that the untrained output is 0 (for instance a forecast of no change).
    """

    inputs: Inputs
    outputs: Size
    zeros: Flag = False
    reads = VECTOR
    activates = True

    def weights(self) -> dict[str, Weight]:
        """Kernel and bias."""
        kernel = Weight((self.inputs, self.outputs), zeros if self.zeros else glorot)
        return {"kernel": kernel, "bias": Weight((self.outputs,), zeros)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(outputs,)`."""
        return (self.outputs,)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The same."""
        return field

    def multiply_adds(self, shape: Shape) -> int:
        """One for every input and output."""
        return self.inputs * self.outputs

    def details(self) -> list[str]:
        """Outputs."""
        return [str(self.outputs)]

    @property
    def starts_at_zero(self) -> bool:
        """If `zeros` is set."""
        return self.zeros

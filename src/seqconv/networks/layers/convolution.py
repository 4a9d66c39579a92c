"""Convolutions over values."""

from dataclasses import dataclass
from typing import Annotated

from seqconv.networks.layers.base import STEPS, Field, Layer, Shape
from seqconv.networks.layers.settings import Inputs, Setting, Size
from seqconv.networks.layers.weights import Weight, glorot, zeros

Padding = Annotated[str, Setting("'valid' or 'causal'", lambda value: value in ("valid", "causal"))]


@dataclass(frozen=True)
class Conv(Layer):
    """1D convolution, stride 1: y[t] = bias + sum_k x[t + k * dilation] W_k.

    `valid` gives `L - (kernel - 1) * dilation` steps; `causal` pads that many zeros on the left and gives `L`.
    """

    inputs: Inputs
    filters: Size
    kernel: Size
    dilation: Size = 1
    padding: Padding = "valid"
    reads = STEPS
    activates = True

    @property
    def reach(self) -> int:
        """Steps between the first and the last tap."""
        return (self.kernel - 1) * self.dilation

    @property
    def left_pad(self) -> int:
        """Zeros before the first step."""
        return self.reach if self.padding == "causal" else 0

    def weights(self) -> dict[str, Weight]:
        """Kernel and bias."""
        kernel = Weight((self.kernel, self.inputs, self.filters), glorot)
        return {"kernel": kernel, "bias": Weight((self.filters,), zeros)}

    def fewest_steps(self) -> int:
        """As many as the kernel spans, less the padding."""
        return self.reach + 1 - self.left_pad

    def shape_after(self, shape: Shape) -> Shape:
        """`(L', filters)`."""
        return (shape[0] + self.left_pad - self.reach, self.filters)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """From the first tap to the last."""
        return field.widen(self.reach + 1)

    def multiply_adds(self, shape: Shape) -> int:
        """Of every step, tap, channel and filter."""
        return self.shape_after(shape)[0] * self.kernel * self.inputs * self.filters

    def details(self) -> list[str]:
        """Filters and kernel; dilation and padding where they are not the usual ones."""
        dilation = [f"dilation {self.dilation}"] if self.dilation > 1 else []
        return [str(self.filters), str(self.kernel), *dilation, *([] if self.padding == "valid" else [self.padding])]

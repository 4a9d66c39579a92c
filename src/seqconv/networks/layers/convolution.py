"""Convolutions over values."""

from dataclasses import dataclass
from typing import Annotated

from seqconv.networks.layers.base import STEPS, Field, Layer, Shape
from seqconv.networks.layers.settings import Inputs, Setting, Size, Stride
from seqconv.networks.layers.weights import Weight, glorot, zeros

PADDINGS = ("valid", "causal", "same")

Padding = Annotated[str, Setting("'valid', 'causal' or 'same'", lambda value: value in PADDINGS)]


class Sliding(Layer, family=True):
    """A kernel that slides along the steps: `kernel` taps, `dilation` steps apart, at every `stride`-th step.

    With R = (kernel - 1) dilation and stride s: `valid` gives ceil((L - R) / s) steps; `causal` pads R zeros on the
    left and gives ceil(L / s); `same` also gives ceil(L / s), with P = max((ceil(L / s) - 1) s + R + 1 - L, 0) zeros,
    floor(P / 2) of them on the left and the rest on the right.

    Reference: keras.layers.Conv1D (padding, strides, dilation_rate).
    """

    kernel: int
    dilation: int
    padding: str
    stride: int
    reads = STEPS
    activates = True

    @property
    def reach(self) -> int:
        """Steps from the first tap to the last."""
        return (self.kernel - 1) * self.dilation

    @property
    def left_pad(self) -> int:
        """Zeros that causal padding puts before the first step."""
        return self.reach if self.padding == "causal" else 0

    def pads(self, steps: int) -> tuple[int, int]:
        """Zeros before the first and after the last step, for that many steps."""
        if self.padding != "same":
            return self.left_pad, 0
        missing = max((-(-steps // self.stride) - 1) * self.stride + self.reach + 1 - steps, 0)
        return missing // 2, missing - missing // 2

    def count_steps(self, steps: int) -> int:
        """Output steps for that many input steps."""
        return (steps + sum(self.pads(steps)) - self.reach - 1) // self.stride + 1

    def fewest_steps(self) -> int:
        """The span of the kernel, unless there is padding."""
        return self.reach + 1 if self.padding == "valid" else 1

    def field_after(self, field: Field, shape: Shape) -> Field:
        """From the first tap to the last."""
        return field.widen(self.reach + 1, self.stride)

    def details(self) -> list[str]:
        """Kernel; stride, dilation and padding unless they are the defaults."""
        stride = [f"stride {self.stride}"] if self.stride > 1 else []
        dilation = [f"dilation {self.dilation}"] if self.dilation > 1 else []
        return [str(self.kernel), *stride, *dilation, *([] if self.padding == "valid" else [self.padding])]


@dataclass(frozen=True)
class Conv(Sliding):
    """1D convolution: y[t] = bias + sum_k x[t * stride + k * dilation - pad] W_k, `[B, L, inputs]` ->
    `[B, L', filters]`; see `Sliding` for pad and L'.

    Reference: keras.layers.Conv1D.
    """

    inputs: Inputs
    filters: Size
    kernel: Size
    dilation: Size = 1
    padding: Padding = "valid"
    stride: Stride = 1

    def weights(self) -> dict[str, Weight]:
        """Kernel and bias."""
        kernel = Weight((self.kernel, self.inputs, self.filters), glorot)
        return {"kernel": kernel, "bias": Weight((self.filters,), zeros)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(L', filters)`."""
        return (self.count_steps(shape[0]), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """One for every step, tap, channel and filter."""
        return self.count_steps(shape[0]) * self.kernel * self.inputs * self.filters

    def details(self) -> list[str]:
        """Filters, and the details of `Sliding`."""
        return [str(self.filters), *super().details()]


@dataclass(frozen=True)
class DepthwiseConv(Sliding):
    """A convolution of each channel separately: y[t, c M + m] = bias + sum_k x[t * stride + k * dilation - pad, c]
    W_k[c, m], `[B, L, inputs]` -> `[B, L', inputs * multiplier]`, with M = `multiplier` filters for each channel.

    Reference: keras.layers.DepthwiseConv1D (depth_multiplier).
    """

    inputs: Inputs
    kernel: Size
    multiplier: Size = 1
    dilation: Size = 1
    padding: Padding = "valid"
    stride: Stride = 1

    def weights(self) -> dict[str, Weight]:
        """Kernel `[K, C, M]` and bias."""
        kernel = Weight((self.kernel, self.inputs, self.multiplier), glorot)
        return {"kernel": kernel, "bias": Weight((self.inputs * self.multiplier,), zeros)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(L', inputs * multiplier)`."""
        return (self.count_steps(shape[0]), self.inputs * self.multiplier)

    def multiply_adds(self, shape: Shape) -> int:
        """One for every step, tap, channel and filter of the channel."""
        return self.count_steps(shape[0]) * self.kernel * self.inputs * self.multiplier

    def details(self) -> list[str]:
        """The details of `Sliding`, and the multiplier unless it is 1."""
        return [*super().details(), *([f"multiplier {self.multiplier}"] if self.multiplier > 1 else [])]


@dataclass(frozen=True)
class SeparableConv(Sliding):
    """A convolution of each channel separately, then a pointwise one across channels: `[B, L, inputs]` ->
    `[B, L', filters]`; y = bias + depthwise(x) P, where depthwise is `DepthwiseConv` without a bias.

    Reference: Chollet 2017, arXiv:1610.02357; keras.layers.SeparableConv1D (depth_multiplier).
    """

    inputs: Inputs
    filters: Size
    kernel: Size
    multiplier: Size = 1
    dilation: Size = 1
    padding: Padding = "valid"
    stride: Stride = 1

    def weights(self) -> dict[str, Weight]:
        """Depthwise kernel `[K, C, M]`, pointwise kernel `[1, C * M, filters]`, and bias."""
        depthwise = Weight((self.kernel, self.inputs, self.multiplier), glorot)
        pointwise = Weight((1, self.inputs * self.multiplier, self.filters), glorot)
        return {
            "depthwise_kernel": depthwise,
            "pointwise_kernel": pointwise,
            "bias": Weight((self.filters,), zeros),
        }

    def shape_after(self, shape: Shape) -> Shape:
        """`(L', filters)`."""
        return (self.count_steps(shape[0]), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """Of both convolutions."""
        between = self.inputs * self.multiplier
        return self.count_steps(shape[0]) * between * (self.kernel + self.filters)

    def details(self) -> list[str]:
        """Filters, the details of `Sliding`, and the multiplier unless it is 1."""
        multiplier = [f"multiplier {self.multiplier}"] if self.multiplier > 1 else []
        return [str(self.filters), *super().details(), *multiplier]

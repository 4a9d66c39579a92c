"""The readable reference: a plan as differentiable PyTorch functions. Computes on a GPU if PyTorch finds one."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqconv.networks.engines.checks import check_state, check_targets, check_weights, count_outputs
from seqconv.networks.inputs import Inputs, Targets
from seqconv.networks.layers.base import (
    MULTIPLIER,
    VARIANCE_FLOOR,
    Add,
    Channelwise,
    Concat,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    LastStep,
    Layer,
    Lstm,
    Masks,
    MaxPool,
    NgramBag,
    Normalise,
    Patch,
    Plan,
    Relu,
    Residual,
    Shape,
    SubtractLast,
    Tanh,
    TokenConv,
    Weights,
)
from seqconv.networks.losses import CLIP, VALUES, find_levels
from seqconv.networks.network import BETAS, EPSILON, RHO, State, StepResult
from seqconv.recipes.recipe import TrainingConfig

CHUNK = 256  # examples per forward pass of `predict`


SLOTS = {  # names of torch.optim
    "rmsprop": ("step", "square_avg"),
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "adagrad": ("step", "sum"),
}


Tensors = dict[str, Tensor]


class TorchNetwork:
    """A plan with weights, on autograd; see `engines.Network` for the methods.

    Args:
        plan, weights, training, threads: as for `engines.create_network`.
        dtype: numbers to compute in; tests use float64.
    """

    def __init__(
        self,
        plan: Plan,
        weights: Weights,
        training: TrainingConfig,
        threads: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        torch.set_num_threads(threads)
        self.plan = plan
        self.threads = threads
        self._training = training
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = dtype
        self._weights = {name: self._float(array).clone().requires_grad_() for name, array in weights.items()}
        self._optimiser = _create_optimiser(training, list(self._weights.values()))

    def weights(self) -> Weights:
        """Copies of the weights, float32."""
        return {name: _array(tensor, np.float32) for name, tensor in self._weights.items()}

    def set_weights(self, weights: Weights) -> None:
        """Take these weights; the optimiser's state stays."""
        check_weights(self.plan, weights)
        with torch.no_grad():
            for name, tensor in self._weights.items():
                tensor.copy_(self._float(weights[name]))

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Outputs `[N, outputs]` float32."""
        outputs = np.empty((len(inputs), count_outputs(self.plan, inputs.shape)), np.float32)
        with torch.no_grad():
            for start in range(0, len(inputs), CHUNK):
                index = np.arange(start, min(start + CHUNK, len(inputs)))
                outputs[index] = _array(self._forward(inputs.gather(index), {}), np.float32)
        return outputs

    def gradients(self, x: np.ndarray, targets: np.ndarray, masks: Masks) -> tuple[float, np.ndarray, Weights]:
        """Loss, outputs and the gradient of every weight for one batch, in the network's own precision."""
        loss, outputs = self._backward(x, targets, masks)
        gradients = {name: tensor.grad for name, tensor in self._weights.items() if tensor.grad is not None}
        return loss, outputs, {name: gradient.cpu().numpy().copy() for name, gradient in gradients.items()}

    def train_batches(
        self, inputs: Inputs, targets: Targets, batches: Iterable[np.ndarray], draw: Callable[[int], Masks]
    ) -> Iterator[StepResult]:
        """One optimiser step for each batch."""
        for index in batches:
            loss, outputs = self._backward(inputs.gather(index), targets[index], draw(len(index)))
            if self._training.clip_norm:
                self._clip(self._training.clip_norm)
            self._optimiser.step()
            yield StepResult(loss, outputs.astype(np.float32))

    def state(self) -> State:
        """Copies of weights and optimiser state."""
        state = {f"weights.{name}": _array(tensor) for name, tensor in self._weights.items()}
        for name, tensor in self._weights.items():
            slots = self._optimiser.state[tensor]
            state |= {f"{slot}.{name}": _array(value) for slot, value in slots.items()}
        return state

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        slots = SLOTS[self._training.optimiser] if any(key.startswith("step.") for key in state) else ()
        wanted: dict[str, Shape] = {}
        for name, tensor in self._weights.items():
            shape = tuple(tensor.shape)
            wanted[f"weights.{name}"] = shape
            wanted |= {f"{slot}.{name}": () if slot == "step" else shape for slot in slots}
        check_state(state, wanted)
        self.set_weights({name: state[f"weights.{name}"] for name in self._weights})
        for name, tensor in self._weights.items():
            # the step count stays on the processor, as the optimisers want it
            found = {slot: torch.tensor(state[f"{slot}.{name}"]) for slot in slots}
            self._optimiser.state[tensor] = {
                slot: value if slot == "step" else value.to(self._device) for slot, value in found.items()
            }

    def _float(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def _forward(self, x: np.ndarray, masks: Masks) -> Tensor:
        whole = x.dtype.kind == "i"
        values = torch.as_tensor(x, dtype=torch.int64, device=self._device) if whole else self._float(x)
        return run(self.plan, values, self._weights, {name: self._float(mask) for name, mask in masks.items()})

    def _backward(self, x: np.ndarray, targets: np.ndarray, masks: Masks) -> tuple[float, np.ndarray]:
        training = self._training
        check_targets(training, targets, len(x), count_outputs(self.plan, x.shape[1:]))
        outputs = self._forward(x, masks)
        wanted = torch.as_tensor(targets, device=self._device)
        loss = compute_loss(training.loss, outputs, wanted, training.interval)
        for tensor in self._weights.values():
            tensor.grad = torch.zeros_like(tensor)  # stays zero where no path leads to the loss
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), outputs.detach().cpu().numpy()

    def _clip(self, largest: float) -> None:
        found = [tensor.grad for tensor in self._weights.values() if tensor.grad is not None]
        norm = torch.stack([gradient.norm() for gradient in found]).norm()
        for gradient in found:
            gradient.mul_(torch.where(norm > largest, largest / norm, torch.ones_like(norm)))


def _array(tensor: Tensor, dtype: type[np.float32] | None = None) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy(), dtype)


def _create_optimiser(training: TrainingConfig, parameters: list[Tensor]) -> torch.optim.Optimizer:
    rate = training.learning_rate
    if training.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=BETAS, eps=EPSILON)
    if training.optimiser == "adagrad":
        return torch.optim.Adagrad(parameters, lr=rate, eps=EPSILON)
    return torch.optim.RMSprop(parameters, lr=rate, alpha=RHO, eps=EPSILON)


def compute_loss(loss: str, outputs: Tensor, targets: Tensor, interval: float = 0.0) -> Tensor:
    """Mean loss over batch and outputs; the formulas stand in `metrics.example_losses` and `quantiles.score_ends`."""
    if interval:
        middle, *ends = outputs.chunk(VALUES, dim=1)
        total = compute_loss(loss, middle, targets)
        for end, level in zip(ends, find_levels(interval), strict=True):
            difference = end - targets
            total = total + (difference.abs() + (1 - 2 * level) * difference).mean()
        return total
    if loss == "categorical_crossentropy":
        return functional.cross_entropy(outputs, targets.long())
    targets = targets.to(outputs.dtype)
    match loss:
        case "binary_crossentropy":
            return functional.binary_cross_entropy_with_logits(outputs, targets)
        case "as_printed":
            # the bounds as float32 has them, as in Keras; clamp has no gradient outside them
            low, high = float(np.float32(CLIP)), float(np.float32(1 - CLIP))
            share = outputs.clamp(low, high)
            return -(targets * share.log() + (1 - targets) * torch.log1p(-share)).mean()
        case "mae":
            return functional.l1_loss(outputs, targets)
        case "mse":
            return functional.mse_loss(outputs, targets)
        case "huber":
            return functional.huber_loss(outputs, targets)
    raise ValueError(f"unknown loss {loss!r}")


def run(plan: Plan, x: Tensor, weights: Tensors, masks: Tensors, prefix: str = "") -> Tensor:
    """The plan applied to ids `[B, L]` or values `[B, L, C]`."""
    for index, layer in enumerate(plan):
        x = _apply(layer, x, weights, masks, f"{prefix}{index}")
    return x


def _apply(layer: Layer, x: Tensor, weights: Tensors, masks: Tensors, at: str) -> Tensor:
    match layer:
        case Embed():
            return functional.embedding(x, weights[f"{at}.embeddings"])
        case TokenConv():
            return _sum_taps(layer, x, weights[f"{at}.table"]) + weights[f"{at}.bias"]
        case NgramBag():
            return torch.stack([_sum_features(layer, ids, weights, at) for ids in x])
        case Conv():
            return _convolve(layer, x, weights[f"{at}.kernel"], weights[f"{at}.bias"])
        case Relu() | Tanh():
            return x.relu() if isinstance(layer, Relu) else x.tanh()
        case MaxPool(size):
            return functional.max_pool1d(x.transpose(1, 2), size).transpose(1, 2)
        case GlobalMaxPool():
            return x.max(dim=1).values
        case GlobalAveragePool():
            return x.mean(dim=1)
        case LastStep():
            return x[:, -1]
        case SubtractLast(channels):
            return x - x[:, -1:] * (torch.arange(x.shape[2], device=x.device) < (channels or x.shape[2]))
        case Patch(size):
            return x[:, x.shape[1] % size :].reshape(len(x), -1, size * x.shape[2])
        case Flatten():
            return x.flatten(1)
        case Channelwise():
            return _run_channels(layer, x, weights, masks, f"{at}.")
        case Normalise():
            return _run_normalised(layer, x, weights, masks, f"{at}.")
        case Dropout():
            return x * masks.get(f"{at}.mask", x.new_ones(()))
        case Residual(body):
            return x + run(body, x, weights, masks, f"{at}.")
        case Concat(branches) | Add(branches):
            found = [run(branch, x, weights, masks, f"{at}.{i}.") for i, branch in enumerate(branches)]
            return torch.cat(found, dim=-1) if isinstance(layer, Concat) else torch.stack(found).sum(0)
        case Gru() | Lstm():
            return _recur_at(layer, x, weights, masks, f"{at}.")
        case Dense():
            return x @ weights[f"{at}.kernel"] + weights[f"{at}.bias"]


def _convolve(layer: Conv, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    padded = functional.pad(x.transpose(1, 2), (layer.left_pad, 0))
    return functional.conv1d(padded, kernel.permute(2, 1, 0), bias, dilation=layer.dilation).transpose(1, 2)


def _recur_at(layer: Gru | Lstm, x: Tensor, weights: Tensors, masks: Tensors, prefix: str) -> Tensor:
    own = {name.removeprefix(prefix): mask for name, mask in masks.items() if name.startswith(prefix)}
    kernel, recurrent, bias = (weights[prefix + name] for name in ("kernel", "recurrent_kernel", "bias"))
    return recur(layer, x, kernel, recurrent, bias, own)


def _run_channels(layer: Channelwise, x: Tensor, weights: Tensors, masks: Tensors, prefix: str) -> Tensor:
    """The body's outputs for every channel, `[B, H * C]`."""
    batch, length, inputs = x.shape
    channels = layer.count(inputs)
    windows = x[..., :channels].transpose(1, 2).reshape(batch * channels, length, 1)
    own = {name: mask.flatten(0, 1) for name, mask in masks.items() if name.startswith(prefix)}
    inner = run(layer.body, windows, weights, own, prefix)
    return inner.reshape(batch, channels, -1).transpose(1, 2).reshape(batch, -1)


def _run_normalised(layer: Normalise, x: Tensor, weights: Tensors, masks: Tensors, prefix: str) -> Tensor:
    """The body's outputs, scaled back, `[B, H * C]`."""
    channels = layer.count(x.shape[2])
    own = x[..., :channels]
    mean = own.mean(dim=1)
    deviation = (own.var(dim=1, correction=0) + VARIANCE_FLOOR).sqrt()
    scaled = (own - mean[:, None]) / deviation[:, None]
    inner = run(layer.body, torch.cat([scaled, x[..., channels:]], dim=-1), weights, masks, prefix)
    times = inner.shape[1] // channels
    return inner * deviation.repeat(1, times) + mean.repeat(1, times)


def _sum_taps(layer: TokenConv, ids: Tensor, table: Tensor) -> Tensor:
    """Sums of the table's rows at every step, `[B, L', O]`."""
    padded = functional.pad(ids, (max(layer.kernel - ids.shape[1], 0), 0))
    steps = padded.shape[1] - layer.kernel + 1
    return torch.stack([functional.embedding(padded[:, k : k + steps], table[:, k]) for k in range(layer.kernel)]).sum(
        0
    )


def _sum_features(layer: NgramBag, ids: Tensor, weights: Tensors, at: str) -> Tensor:
    """The output for one text's ids `[L]`."""
    table, scale = weights[f"{at}.table"], weights[f"{at}.scale"].detach()
    multiplier = MULTIPLIER - 2**64  # as a signed number; products wrap around, which is the arithmetic modulo 2^64
    hashed, found = ids, [ids[ids > 0]]
    for further in range(1, layer.longest):
        hashed = hashed[:-1] * multiplier + ids[further:]
        mixed = (hashed ^ (hashed >> 32 & 0xFFFFFFFF)) & (2**63 - 1)
        whole = (ids.unfold(0, further + 1, 1) > 0).all(1) if further < len(ids) else ids[:0] > 0
        found.append(layer.rows + mixed[whole] % layer.buckets)
    rows = torch.unique(torch.cat(found))
    length = scale[rows].square().sum(0).sqrt()
    total = layer.gain * (scale[rows] * table[rows]).sum(0)
    return torch.where(length == 0, 0, total / torch.where(length == 0, 1, length))


def recur(layer: Gru | Lstm, x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, masks: Tensors) -> Tensor:
    """All states `[B, L, H]`: PyTorch's fused layer where it computes the same, else one step after the other."""
    start = x.new_zeros(1, len(x), layer.units)
    if isinstance(layer, Lstm):
        if masks:
            return _lstm_loop(x, kernel, recurrent, bias, masks)
        packed = [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]
        return torch.lstm(x, (start, start), packed, True, 1, 0.0, False, False, True)[0]
    if masks or not layer.reset_after:
        return _gru_loop(layer, x, kernel, recurrent, bias, masks)
    z, r, c = torch.arange(3 * layer.units, device=x.device).chunk(3)
    order = torch.cat([r, z, c])  # PyTorch's order of the gates
    packed = [kernel.T[order], recurrent.T[order], bias[0, order], bias[1, order]]
    return torch.gru(x, start, packed, True, 1, 0.0, False, False, True)[0]


def _project(x: Tensor, kernel: Tensor, mask: Tensor | None, gates: int) -> Tensor:
    """Input products of all steps and gates, `[B, L, gates * H]`; each gate has its own mask `[B, C]`."""
    if mask is None:
        return x @ kernel
    parts = kernel.chunk(gates, dim=1)
    return torch.cat([(x * mask[:, None, gate]) @ part for gate, part in enumerate(parts)], dim=2)


def _gru_loop(layer: Gru, x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, masks: Tensors) -> Tensor:
    inputs = _project(x, kernel, masks.get("input_mask"), 3) + (bias[0] if layer.reset_after else bias)
    z_kernel, r_kernel, c_kernel = recurrent.chunk(3, dim=1)
    z_bias, r_bias, c_bias = bias[1].chunk(3) if layer.reset_after else bias.new_zeros(3, layer.units)
    kept = masks.get("recurrent_mask", x.new_ones(len(x), 3, layer.units))
    h = x.new_zeros(len(x), layer.units)
    states = []
    for step in inputs.unbind(1):
        z_in, r_in, c_in = step.chunk(3, dim=1)
        z = torch.sigmoid(z_in + (h * kept[:, 0]) @ z_kernel + z_bias)
        r = torch.sigmoid(r_in + (h * kept[:, 1]) @ r_kernel + r_bias)
        if layer.reset_after:
            c = torch.tanh(c_in + r * ((h * kept[:, 2]) @ c_kernel + c_bias))
        else:
            c = torch.tanh(c_in + (r * h * kept[:, 2]) @ c_kernel)
        h = z * h + (1 - z) * c
        states.append(h)
    return torch.stack(states, dim=1)


def _lstm_loop(x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, masks: Tensors) -> Tensor:
    inputs = _project(x, kernel, masks.get("input_mask"), 4) + bias
    units = recurrent.shape[0]
    kernels = recurrent.chunk(4, dim=1)
    kept = masks.get("recurrent_mask", x.new_ones(len(x), 4, units))
    h = cell = x.new_zeros(len(x), units)
    states = []
    for step in inputs.unbind(1):
        products = [(h * kept[:, gate]) @ part for gate, part in enumerate(kernels)]
        i, f, c, o = (step + torch.cat(products, dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(c)
        h = torch.sigmoid(o) * torch.tanh(cell)
        states.append(h)
    return torch.stack(states, dim=1)

"""The readable reference engine: a plan as differentiable PyTorch functions, on a GPU if PyTorch finds one."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from seqconv.networks.engines.checks import check_state, check_targets, check_weights, drop_untrained
from seqconv.networks.engines.torch.layers import Given, Tensors, run
from seqconv.networks.engines.torch.losses import compute_loss
from seqconv.networks.inputs import Inputs, Targets
from seqconv.networks.layers.base import Masks, Plan, Shape, Weights
from seqconv.networks.network import BETAS, EPSILON, RHO, State, StepResult
from seqconv.networks.plan import count_outputs, plan_weights
from seqconv.recipes.sections import TrainingConfig

CHUNK = 256  # examples per forward pass of `predict`
SLOTS = {  # names of torch.optim
    "rmsprop": ("step", "square_avg"),
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "adagrad": ("step", "sum"),
}


class TorchNetwork:
    """A plan with weights, on autograd; see `networks.network.Network` for the methods.

    Args:
        plan, weights, training, threads: as for `create_network`.
        dtype: precision; tests use float64.
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
        self._weights = {name: self._float(array).clone() for name, array in weights.items()}
        declared = plan_weights(plan)
        self._trained = {name: t.requires_grad_() for name, t in self._weights.items() if declared[name].trained}
        self._moved: Tensors = {}  # moving averages after the last training step
        self._optimiser = _create_optimiser(training, list(self._trained.values()))

    @property
    def learning_rate(self) -> float:
        """Of the next training step."""
        return float(self._optimiser.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = rate

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
                outputs[index] = _array(self._forward(inputs.gather(index), {}, None), np.float32)
        return outputs

    def gradients(
        self, x: np.ndarray, targets: np.ndarray, masks: Masks, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray, Weights]:
        """Loss, outputs and the gradient of every weight for one batch, in the network's own precision."""
        loss, outputs = self._backward(x, targets, masks, weights)
        gradients = {name: torch.zeros_like(t) if t.grad is None else t.grad for name, t in self._weights.items()}
        return loss, outputs, {name: gradient.cpu().numpy().copy() for name, gradient in gradients.items()}

    def train_batches(
        self,
        inputs: Inputs,
        targets: Targets,
        batches: Iterable[np.ndarray],
        draw: Callable[[int], Masks],
        weights: np.ndarray | None = None,
    ) -> Iterator[StepResult]:
        """One optimiser step for each batch."""
        for index in batches:
            own = None if weights is None else weights[index]
            loss, outputs = self._backward(inputs.gather(index), targets[index], draw(len(index)), own)
            if self._training.clip_norm:
                self._clip(self._training.clip_norm)
            self._optimiser.step()
            for name, tensor in self._moved.items():
                self._weights[name].copy_(tensor)
            yield StepResult(loss, outputs.astype(np.float32))

    def state(self) -> State:
        """Copies of weights and optimiser state."""
        state = {f"weights.{name}": _array(tensor) for name, tensor in self._weights.items()}
        for name, tensor in self._trained.items():
            slots = self._optimiser.state[tensor]
            state |= {f"{slot}.{name}": _array(value) for slot, value in slots.items()}
        return state

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        state = drop_untrained(self.plan, state)
        slots = SLOTS[self._training.optimiser] if any(key.startswith("step.") for key in state) else ()
        wanted: dict[str, Shape] = {}
        for name, tensor in self._weights.items():
            shape = tuple(tensor.shape)
            wanted[f"weights.{name}"] = shape
            if name in self._trained:
                wanted |= {f"{slot}.{name}": () if slot == "step" else shape for slot in slots}
        check_state(state, wanted)
        self.set_weights({name: state[f"weights.{name}"] for name in self._weights})
        for name, tensor in self._trained.items():
            # the step count stays on the CPU, where the optimisers expect it
            found = {slot: torch.tensor(state[f"{slot}.{name}"]) for slot in slots}
            self._optimiser.state[tensor] = {
                slot: value if slot == "step" else value.to(self._device) for slot, value in found.items()
            }

    def _float(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def _forward(self, x: np.ndarray, masks: Masks, moved: Tensors | None) -> Tensor:
        whole = x.dtype.kind == "i"
        values = torch.as_tensor(x, dtype=torch.int64, device=self._device) if whole else self._float(x)
        own = {name: self._float(mask) for name, mask in masks.items()}
        return run(self.plan, values, Given(self._weights, own, moved))

    def _backward(
        self, x: np.ndarray, targets: np.ndarray, masks: Masks, weights: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        training = self._training
        check_targets(training, targets, len(x), count_outputs(self.plan, x.shape[1:]))
        self._moved = {}
        outputs = self._forward(x, masks, self._moved)
        wanted = torch.as_tensor(targets, device=self._device)
        factors = None if weights is None else self._float(weights)
        loss = compute_loss(training.loss, outputs, wanted, training.levels, factors)
        for tensor in self._trained.values():
            tensor.grad = torch.zeros_like(tensor)  # stays zero if no path leads to the loss
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), outputs.detach().cpu().numpy()

    def _clip(self, largest: float) -> None:
        found = [tensor.grad for tensor in self._trained.values() if tensor.grad is not None]
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

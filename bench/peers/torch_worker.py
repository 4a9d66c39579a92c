"""PyTorch, as it comes (`torch-eager`) or through torch.compile (`torch-compiled`).

`torch.nn.GRU` resets after the product and knows no recurrent dropout: its works are easier than the others' there.
"""

import numpy as np
import torch
from arrays import read_examples
from torch import nn
from works import PLANS, SEED, THREADS, Work

from peers.worker import Turn, repeat_predictions, repeat_training, serve
from seqconv.networks.layers.base import Layer, Plan
from seqconv.networks.layers.base import Weights as Arrays
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, Gru, LastStep, Lstm, MaxPool, Relu
from seqconv.networks.plan import initial_weights


class GlobalMax(nn.Module):
    """[B, C, L] -> [B, C]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax(dim=2)


class ChannelsFirst(nn.Module):
    """[B, L, C] -> [B, C, L]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2)


class NewestState(nn.Module):
    """A recurrent layer from [B, C, L] to its last state [B, H]; one dropout mask per example on its input."""

    def __init__(self, recurrent: nn.Module, dropout: float) -> None:
        super().__init__()
        self.recurrent, self.dropout = recurrent, dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.transpose(1, 2)
        if self.training and self.dropout:
            x = x * nn.functional.dropout(torch.ones_like(x[:, :1]), self.dropout)
        states, _ = self.recurrent(x)
        return states[:, -1]


def build_network(plan: Plan, weights: Arrays) -> nn.Module:
    """The network that a PyTorch user would write for this plan, holding these weights."""
    parts: list[nn.Module] = [] if isinstance(plan[0], Embed) else [ChannelsFirst()]
    for at, layer in enumerate(plan):
        own = {name.partition(".")[2]: torch.from_numpy(w) for name, w in weights.items() if name.startswith(f"{at}.")}
        parts += make_parts(layer, own)
    return nn.Sequential(*parts)


def make_parts(layer: Layer, weights: dict[str, torch.Tensor]) -> list[nn.Module]:
    """PyTorch's modules for one layer."""
    match layer:
        case Embed():
            return [nn.Embedding.from_pretrained(weights["embeddings"], freeze=False), ChannelsFirst()]
        case Conv(inputs, filters, kernel):
            conv = nn.Conv1d(inputs, filters, kernel)
            conv.weight.data, conv.bias.data = weights["kernel"].permute(2, 1, 0).contiguous(), weights["bias"]
            return [conv]
        case Relu():
            return [nn.ReLU()]
        case MaxPool(size):
            return [nn.MaxPool1d(size)]
        case GlobalMaxPool():
            return [GlobalMax()]
        case Gru():
            return [NewestState(nn.GRU(layer.inputs, layer.units, batch_first=True), layer.dropout)]
        case Lstm():
            return [NewestState(make_lstm(layer, weights), layer.dropout)]
        case Dense(inputs, outputs):
            dense = nn.Linear(inputs, outputs)
            dense.weight.data, dense.bias.data = weights["kernel"].T.contiguous(), weights["bias"]
            return [dense]
        case LastStep():
            return []
    raise NotImplementedError(layer)


def make_lstm(layer: Lstm, weights: dict[str, torch.Tensor]) -> nn.LSTM:
    """PyTorch's LSTM has Keras's gate order, transposed kernels and a second bias."""
    lstm = nn.LSTM(layer.inputs, layer.units, batch_first=True)
    lstm.weight_ih_l0.data = weights["kernel"].T.contiguous()
    lstm.weight_hh_l0.data = weights["recurrent_kernel"].T.contiguous()
    lstm.bias_ih_l0.data, lstm.bias_hh_l0.data = weights["bias"], torch.zeros_like(weights["bias"])
    return lstm


def build(work: Work, peer: str) -> Turn:
    """Training steps or predictions; compiled, both passes of the network and the loss are one graph."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    network = build_network(PLANS[work.plan], initial_weights(PLANS[work.plan], SEED))
    inputs, targets = read_examples(work)
    if work.kind == "predict":
        return repeat_predictions(make_predict(network.eval(), peer), inputs, work.slices)
    return repeat_training(make_step(network, work.loss, peer), inputs, targets)


def make_predict(network: nn.Module, peer: str):
    forward = torch.compile(network) if peer == "torch-compiled" else network

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return forward(torch.from_numpy(x)).numpy()

    return predict


def make_step(network: nn.Module, loss: str, peer: str):
    measure = nn.BCEWithLogitsLoss() if loss == "binary_crossentropy" else nn.L1Loss()
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)

    def forward(x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return measure(network(x), targets)

    forward = torch.compile(forward) if peer == "torch-compiled" else forward

    def step(x: np.ndarray, targets: np.ndarray) -> float:
        optimiser.zero_grad()
        value = forward(torch.from_numpy(x), torch.from_numpy(targets))
        value.backward()
        optimiser.step()
        return value.item()

    return step


serve(build)

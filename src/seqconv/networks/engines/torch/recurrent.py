"""Recurrent layers: PyTorch's own if they compute the same, else a loop over the steps."""

import torch
from torch import Tensor

from seqconv.networks.layers.recurrent import Gru, Lstm, Recurrent, SimpleRnn

Tensors = dict[str, Tensor]


def recur(layer: Recurrent, x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, masks: Tensors) -> Tensor:
    """All states `[B, L, H]`: PyTorch's fused layer if it computes the same, else a loop over the steps."""
    start = x.new_zeros(1, len(x), layer.units)
    if isinstance(layer, SimpleRnn):
        if masks:
            return _simple_loop(x, kernel, recurrent, bias, masks)
        packed = [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]
        return torch.rnn_tanh(x, start, packed, True, 1, 0.0, False, False, True)[0]
    if isinstance(layer, Lstm):
        if masks:
            return _lstm_loop(x, kernel, recurrent, bias, masks)
        packed = [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]
        return torch.lstm(x, (start, start), packed, True, 1, 0.0, False, False, True)[0]
    assert isinstance(layer, Gru)
    if masks or not layer.reset_after:
        return _gru_loop(layer, x, kernel, recurrent, bias, masks)
    z, r, c = torch.arange(3 * layer.units, device=x.device).chunk(3)
    order = torch.cat([r, z, c])  # PyTorch's order of the gates
    packed = [kernel.T[order], recurrent.T[order], bias[0, order], bias[1, order]]
    return torch.gru(x, start, packed, True, 1, 0.0, False, False, True)[0]


def _project(x: Tensor, kernel: Tensor, mask: Tensor | None, gates: int) -> Tensor:
    """Input products of all steps and gates, `[B, L, gates * H]`; one mask `[B, C]` per gate."""
    if mask is None:
        return x @ kernel
    parts = kernel.chunk(gates, dim=1)
    return torch.cat([(x * mask[:, None, gate]) @ part for gate, part in enumerate(parts)], dim=2)


def _simple_loop(x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, masks: Tensors) -> Tensor:
    inputs = _project(x, kernel, masks.get("input_mask"), 1) + bias
    h = x.new_zeros(len(x), len(recurrent))
    kept = masks["recurrent_mask"][:, 0] if "recurrent_mask" in masks else torch.ones_like(h)
    states = []
    for step in inputs.unbind(1):
        h = torch.tanh(step + (h * kept) @ recurrent)
        states.append(h)
    return torch.stack(states, dim=1)


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

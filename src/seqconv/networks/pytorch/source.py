"""The parts of a module file for PyTorch that do not depend on the network."""

HEAD = '''"""{title}

Written by seqconv {version}. It needs torch and safetensors alone:

    from {name} import load
    model = load()          # {reads}
    outputs = model(x)      # {answers}
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

WEIGHTS = Path(__file__).with_suffix(".safetensors")


def load(path=WEIGHTS):
    """The network with its weights, ready to answer."""
    model = Network()
    model.load_state_dict(load_file(path))
    return model.eval()
'''

GRU = '''

class GatedUnit(nn.Module):
    """A gated recurrent unit whose reset gate comes before the product (Cho et al. 2014, version 1), which torch.nn.GRU
    does not have: [B, L, inputs] -> [B, L, units]; gates in the order z, r, c."""

    def __init__(self, inputs, units):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(inputs, 3 * units))
        self.recurrent_kernel = nn.Parameter(torch.empty(units, 3 * units))
        self.bias = nn.Parameter(torch.empty(3 * units))

    def forward(self, x):
        units = len(self.recurrent_kernel)
        gates, candidate = self.recurrent_kernel[:, : 2 * units], self.recurrent_kernel[:, 2 * units :]
        h, states = x.new_zeros(len(x), units), []
        for step in (x @ self.kernel + self.bias).unbind(1):
            z, r = torch.sigmoid(step[:, : 2 * units] + h @ gates).chunk(2, dim=1)
            h = z * h + (1 - z) * torch.tanh(step[:, 2 * units :] + (r * h) @ candidate)
            states.append(h)
        return torch.stack(states, dim=1)
'''

FILTERS = '''

class WordFilters(nn.Module):
    """A convolution over one-hot ids: sums of rows of a table, [B, L] -> [B, L - kernel + 1, filters]; shorter inputs
    are padded in front."""

    def __init__(self, rows, filters, kernel):
        super().__init__()
        self.table = nn.Parameter(torch.empty(rows, kernel, filters))
        self.bias = nn.Parameter(torch.empty(filters))

    def forward(self, ids):
        kernel = self.table.shape[1]
        ids = functional.pad(ids, (max(kernel - ids.shape[1], 0), 0))
        steps = ids.shape[1] - kernel + 1
        return sum(self.table[ids[:, tap : tap + steps], tap] for tap in range(kernel)) + self.bias
'''

BAG = '''

class NgramBag(nn.Module):
    """A linear layer on the distinct words and hashed n-grams of a text, [B, L] -> [B, outputs]."""

    def __init__(self, rows, outputs, longest, buckets, gain):
        super().__init__()
        self.rows, self.longest, self.buckets, self.gain = rows, longest, buckets, gain
        self.table = nn.Parameter(torch.empty(rows + buckets, outputs))
        self.register_buffer("scale", torch.empty(rows + buckets, outputs))

    def forward(self, ids):
        return torch.stack([self.add_up(each) for each in ids])

    def add_up(self, ids):
        hashed, found = ids, [ids[ids > 0]]
        for further in range(1, min(self.longest, len(ids))):
            hashed = hashed[:-1] * (0x9E3779B97F4A7C15 - 2**64) + ids[further:]  # wraps around, modulo 2^64
            mixed = (hashed ^ (hashed >> 32 & 0xFFFFFFFF)) & (2**63 - 1)
            whole = (ids.unfold(0, further + 1, 1) > 0).all(1)
            found.append(self.rows + mixed[whole] % self.buckets)
        rows = torch.unique(torch.cat(found))
        length = self.scale[rows].square().sum(0).sqrt()
        total = self.gain * (self.scale[rows] * self.table[rows]).sum(0)
        return torch.where(length == 0, 0, total / torch.where(length == 0, 1, length))
'''
HELPERS = {"GatedUnit": GRU, "WordFilters": FILTERS, "NgramBag": BAG}

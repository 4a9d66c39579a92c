"""The answers of a module file for PyTorch, see `networks.pytorch`."""

from typing import Any

import numpy as np
import torch

from seqconv.networks.layers.base import Weights

CHUNK = 256  # examples per forward pass


def answer_module(source: str, weights: Weights, x: np.ndarray) -> np.ndarray:
    """The outputs float32 `[N, outputs]` of the class `Network` in a source, for ids `[N, L]` or values `[N, L, C]`."""
    names: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(compile(source, "model.py", "exec"), names)
    network = names["Network"]()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    network.eval()
    values = torch.from_numpy(x.astype(np.int64 if x.dtype.kind == "i" else np.float32))
    with torch.no_grad():
        return np.concatenate([network(values[at : at + CHUNK]).numpy() for at in range(0, len(values), CHUNK)])

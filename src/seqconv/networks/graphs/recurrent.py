"""Recurrent layers as ONNX's own operators, whose gates stand in an order of their own."""

import numpy as np

from seqconv.networks.graphs.graph import Graph, integers
from seqconv.networks.layers.base import Weights
from seqconv.networks.layers.recurrent import Gru, Lstm, Recurrent

LSTM_ORDER = (0, 3, 1, 2)  # ONNX: i, o, f, c; here: i, f, c, o


def recur(graph: Graph, layer: Recurrent, x: str, weights: Weights, prefix: str) -> str:
    """All states `[B, L, H]` for values `[B, L, C]`.

    Args:
        weights: the layer's, by their own names.
        prefix: of their names in the graph.
    """

    def sort(array: np.ndarray) -> np.ndarray:
        """The gates in ONNX's order along the last axis, as rows: `[1, G * H, ...]`."""
        gates = np.split(array, layer.gates, axis=-1)
        order = LSTM_ORDER if isinstance(layer, Lstm) else range(layer.gates)
        return np.concatenate([gates[gate] for gate in order], axis=-1).T[None]

    bias = np.atleast_2d(weights["bias"])  # a second row if the reset gate comes after the product
    both = np.concatenate([bias, np.zeros_like(bias)])[:2]
    operands = {
        "kernel": sort(weights["kernel"]),
        "recurrent_kernel": sort(weights["recurrent_kernel"]),
        "bias": np.concatenate([sort(each)[0] for each in both])[None],
    }
    operator = {Gru: "GRU", Lstm: "LSTM"}.get(type(layer), "RNN")
    settings = {"linear_before_reset": int(layer.reset_after)} if isinstance(layer, Gru) else {}
    steps = graph.add("Transpose", x, perm=[1, 0, 2])  # [L, B, C]
    names = [graph.constant(array, f"{prefix}{name}") for name, array in operands.items()]
    states = graph.add(operator, steps, *names, hidden_size=layer.units, **settings)  # [L, 1, B, H]
    return graph.add("Transpose", graph.add("Squeeze", states, integers(1)), perm=[1, 0, 2])

"""Layers that read ids, as operators of ONNX."""

import numpy as np

from seqconv.networks.graphs.graph import Graph, integers
from seqconv.networks.layers.kinds import NgramBag, TokenConv
from seqconv.networks.layers.tokens import MULTIPLIER

_SIGNED = np.int64(MULTIPLIER - 2**64)  # products of signed numbers wrap around: arithmetic modulo 2^64


def add_rows(graph: Graph, layer: TokenConv, ids: str, steps: int, table: np.ndarray, bias: str) -> str:
    """Sums of the table's rows at every step, `[B, L', O]`, for ids `[B, steps]`."""
    if steps < layer.kernel:
        ids = graph.pad_front(ids, 2, 1, layer.kernel - steps)
    count = max(steps, layer.kernel) - layer.kernel + 1
    taps = (graph.cut(ids, 1, tap, tap + count) for tap in range(layer.kernel))
    rows = [graph.add("Gather", np.ascontiguousarray(table[:, k]), each, axis=0) for k, each in enumerate(taps)]
    return graph.add("Add", graph.add("Sum", *rows), bias)


def add_ngrams(graph: Graph, layer: NgramBag, ids: str, steps: int, table: np.ndarray, scale: np.ndarray) -> str:
    """The weighted mean of the rows of a text's distinct n-grams, `[B, O]`, for ids `[B, steps]`.

    The features of a text are sorted, so that those which occur again stand next to one another.
    """
    height = layer.rows + layer.buckets
    ranked = graph.sort(graph.join(_list_ngrams(graph, layer, ids, steps), 1))
    fresh = graph.add("Not", graph.add("Equal", graph.cut(ranked, 1, 1), graph.cut(ranked, 1, 0, -1)))
    first = graph.add("Less", graph.cut(ranked, 1, 0, 1), np.int64(height))
    fresh = graph.add("And", fresh, graph.add("Less", graph.cut(ranked, 1, 1), np.int64(height)))
    counted = graph.add("Unsqueeze", graph.cast(graph.join([first, fresh], 1), np.float32), integers(2))  # [B, F, 1]
    row = graph.add("Min", ranked, np.int64(height - 1))

    def add_up(values: np.ndarray) -> str:
        each = graph.add("Gather", values.astype(np.float32), row, axis=0)
        return graph.reduce("ReduceSum", graph.add("Mul", each, counted), 1)

    total, squares = add_up(layer.gain * scale.astype(np.float64) * table), add_up(np.square(scale, dtype=np.float64))
    none = graph.add("Equal", squares, np.float32(0))
    length = graph.add("Sqrt", graph.add("Where", none, np.float32(1), squares))
    return graph.add("Where", none, np.float32(0), graph.add("Div", total, length))


def _list_ngrams(graph: Graph, layer: NgramBag, ids: str, steps: int) -> list[str]:
    """The rows of the words and of the n-grams of each length, `[B, F]` each; one above the table for none."""
    outside, zero = np.int64(layer.rows + layer.buckets), np.int64(0)
    word = graph.add("Greater", ids, zero)
    found, hashed, whole = [graph.add("Where", word, ids, outside)], ids, word
    for further in range(1, min(layer.longest, steps)):
        last = graph.cut(ids, 1, further)
        hashed = graph.add("Add", graph.add("Mul", graph.cut(hashed, 1, 0, -1), _SIGNED), last)
        whole = graph.add("And", graph.cut(whole, 1, 0, -1), graph.cut(word, 1, further))
        shifted = graph.add("BitShift", graph.cast(hashed, np.uint64), np.uint64(32), direction="RIGHT")
        mixed = graph.add("BitwiseXor", hashed, graph.cast(shifted, np.int64))
        bucket = graph.add("Mod", graph.add("BitwiseAnd", mixed, np.int64(2**63 - 1)), np.int64(layer.buckets))
        found.append(graph.add("Where", whole, graph.add("Add", bucket, np.int64(layer.rows)), outside))
    return found

"""Small regression trees as plain arrays, evaluated together."""

from typing import Any, NamedTuple

import numpy as np

from seqconv.networks.graphs.graph import Graph

LEAVES = 8  # of a tree at most: one bit of a byte each
CHUNK = 1000  # rows evaluated together
ALL = np.uint8(255)
LOWEST = np.array([0, *((bits & -bits).bit_length() - 1 for bits in range(1, 256))])  # set bit of each byte


class Trees(NamedTuple):
    """T trees whose values add up. Leaves are numbered from the left; a row falls into the first one that no node rules
    out. An inner node whose column is above its threshold rules out the leaves of its left branch.

    Args:
        columns: column that each inner node compares, int64 `[T, LEAVES - 1]`.
        thresholds: float64 `[T, LEAVES - 1]`; infinite if a tree has fewer nodes.
        kept: leaves that the node does not rule out, one bit each, uint8 `[T, LEAVES - 1]`.
        leaves: values, float64 `[T, LEAVES]`.

    Reference: Lucchese et al. 2015, "QuickScorer: a fast algorithm to rank documents with additive ensembles of
    regression trees", SIGIR, section 3.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    kept: np.ndarray
    leaves: np.ndarray

    def add(self, x: np.ndarray) -> np.ndarray:
        """The sums of the trees' values `[N]` for rows `[N, F]`."""
        found = np.zeros(len(x))
        for first in range(0, len(x), CHUNK):
            rows = np.ascontiguousarray(x[first : first + CHUNK].T)  # [F, N]
            above = rows[self.columns] > self.thresholds[..., None]  # [T, nodes, N]
            opened = np.bitwise_and.reduce(np.where(above, self.kept[..., None], ALL), axis=1)
            found[first : first + CHUNK] = np.take_along_axis(self.leaves, LOWEST[opened], axis=1).sum(axis=0)
        return found

    def draw(self, graph: Graph, x: str) -> str:
        """The same as operators of ONNX, float64 `[B, 1]`, for rows float64 `[B, F]`.

        A leaf stays if none of the nodes that are above their thresholds rules it out; the first one that stays counts.
        Plain operators compare in float64; those for trees, of ai.onnx.ml, do so only in their newest version.
        """
        count, nodes = self.columns.shape
        compared = graph.reshape(graph.take(x, 1, self.columns.ravel().tolist()), 0, count, 1, nodes)
        above = graph.cast(graph.add("Greater", compared, self.thresholds[:, None]), np.float32)  # [B, T, 1, nodes]
        ruled_out = 1 - np.unpackbits(self.kept[..., None], axis=2, bitorder="little").astype(np.float32)
        against = graph.reshape(graph.add("MatMul", above, ruled_out), 0, count, LEAVES)
        stays = graph.cast(graph.add("Less", against, np.float32(0.5)), np.float32)
        leaf = graph.add("ArgMax", stays, axis=2, keepdims=0)  # [B, T]
        place = graph.add("Add", leaf, LEAVES * np.arange(count))
        return graph.reduce("ReduceSum", graph.add("Gather", self.leaves.ravel(), place, axis=0), 1, keep=True)


def read_trees(model: Any) -> Trees:
    """The trees of scikit-learn's HistGradientBoostingRegressor; its initial value becomes part of the first tree."""
    nodes = [predictor.nodes for (predictor,) in model._predictors]
    count = len(nodes)
    trees = Trees(
        np.zeros((count, LEAVES - 1), np.int64),
        np.full((count, LEAVES - 1), np.inf),
        np.full((count, LEAVES - 1), ALL),
        np.zeros((count, LEAVES)),
    )
    for place, each in enumerate(nodes):
        inner, leaves = _walk(each, 0, 0)
        trees.leaves[place, : len(leaves)] = leaves
        for at, (column, threshold, closed) in enumerate(inner):
            trees.columns[place, at], trees.thresholds[place, at] = column, threshold
            trees.kept[place, at] = ALL ^ sum(1 << leaf for leaf in closed)
    trees.leaves[0] += model._baseline_prediction.item()
    return trees


def _walk(nodes: np.ndarray, at: int, first: int) -> tuple[list[tuple[int, float, range]], list[float]]:
    """Inner nodes (column, threshold, leaves below the left branch) and leaves of the subtree at node `at`.

    Args:
        first: number of leaves to the left of it.
    """
    node = nodes[at]
    if node["is_leaf"]:
        return [], [float(node["value"])]
    inner, left = _walk(nodes, int(node["left"]), first)
    others, right = _walk(nodes, int(node["right"]), first + len(left))
    own = (int(node["feature_idx"]), float(node["num_threshold"]), range(first, first + len(left)))
    return [own, *inner, *others], left + right

"""What graphs are made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.networks.graphs.graph import Graph

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from seqconv.models.exchange.onnx import answer_onnx, encode_graph


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 40), min_size=0, max_size=20))
def test_a_search_finds_what_is_there(keys):
    graph, known = Graph(), np.array(sorted(keys), np.int64)
    place, there = graph.search(known, graph.read("x", np.int64, (1, "n"), "numbers"))
    graph.give("place", place, np.int64, (1, "n"), "places")
    graph.give("there", there, np.bool_, (1, "n"), "whether it is there")
    x = np.arange(-2, 44)[None]
    found = answer_onnx(encode_graph(graph, {}), {"x": x})[0]
    assert found["there"][0].tolist() == [value in keys for value in x[0]]
    assert known[found["place"][found["there"]]].tolist() == sorted(keys)


def test_small_constants_that_are_alike_are_stored_once():
    graph = Graph()
    x = graph.read("x", np.float32, (3,), "numbers")
    for _ in range(3):
        x = graph.add("Add", x, np.float32(1))
    assert [array.item() for array in graph.constants.values()] == [1.0]
    graph.add("Add", x, np.float64(1))
    assert len(graph.constants) == 2

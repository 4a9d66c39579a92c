"""Graphs as ONNX files, and the answers of such files.

Opset 18 (see `networks.graphs.graph`) and version 8 of the format, which belongs to it: onnxruntime reads both since
version 1.14 of 2023.
"""

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from seqconv.errors import ConfigError, need
from seqconv.metrics.records import Json
from seqconv.networks.graphs.graph import OPSET, Graph, Port

VERSION = 8  # of the format
MOST_BYTES = 2**31 - 1  # of a file, which is one message of protocol buffers
Arrays = dict[str, np.ndarray]


def encode_graph(graph: Graph, about: Json) -> bytes:
    """A graph as the content of an ONNX file.

    Args:
        about: written as metadata, each value as JSON.

    Raises:
        MissingExtra: onnx is not installed.
        ConfigError: it would be too large for a file.
    """
    need("onnx", "onnx")
    from onnx import checker, helper, numpy_helper

    if sum(array.nbytes for array in graph.constants.values()) > MOST_BYTES:
        raise ConfigError(
            "export: an ONNX file must have less than 2 GB; the weights are larger. Shrink the model first"
        )
    constants = [numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    nodes = [
        helper.make_node(node.operator, node.inputs, node.outputs, name=node.outputs[0], **_convert(node.attributes))
        for node in graph.nodes
    ]
    inputs, outputs = ([_describe_port(port) for port in ports] for ports in (graph.inputs, graph.outputs))
    model = helper.make_model(
        helper.make_graph(nodes, "model", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=VERSION,
        producer_name="seqconv",
        producer_version=metadata.version("seqconv"),
    )
    helper.set_model_props(model, {name: json.dumps(value, ensure_ascii=False) for name, value in about.items()})
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _describe_port(port: Port) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(port.dtype)
    return helper.make_tensor_value_info(port.name, kind, port.shape, port.about)


def _convert(attributes: Mapping[str, Any]) -> dict[str, Any]:
    from onnx import helper

    return {
        name: helper.np_dtype_to_tensor_dtype(value) if isinstance(value, np.dtype) else value
        for name, value in attributes.items()
    }


def answer_onnx(content: bytes, inputs: Arrays) -> tuple[Arrays, str]:
    """The outputs of an ONNX file by name, and who computed them: onnxruntime, or where it is not installed the
    reference implementation that comes with onnx.

    Raises:
        MissingExtra: onnx is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        need("onnx", "onnx")
        from onnx import load_model_from_string
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(load_model_from_string(content))
        return dict(zip(evaluator.output_names, evaluator.run(None, inputs), strict=True)), "onnx.reference"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True)), f"onnxruntime {onnxruntime.__version__}"

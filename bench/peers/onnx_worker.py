"""onnxruntime on an ONNX graph built by hand from the plan; predictions alone."""

import random

import numpy as np
import onnxruntime
from arrays import count_words, encode_words, read_examples, read_texts, split_words
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from works import PLANS, SEED, THREADS, Work

from peers.worker import Turn, repeat_predictions, serve
from seqconv.networks.layers.base import Plan, Weights
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, MaxPool, Relu
from seqconv.networks.plan import initial_weights


def export(plan: Plan, weights: Weights) -> ModelProto:
    """The plan as an ONNX graph; activations lie channels first, as ONNX's Conv wants them."""
    arrays = {name: arrange(name, weight) for name, weight in weights.items()}
    nodes, at = [], "x"
    if not isinstance(plan[0], Embed):
        nodes.append(helper.make_node("Transpose", ["x"], ["first"], perm=[0, 2, 1]))
        at = "first"
    for index, layer in enumerate(plan):
        for kind, inputs, attributes in operators(layer, index):
            out = f"y{len(nodes)}"
            nodes.append(helper.make_node(kind, [name or at for name in inputs], [out], **attributes))
            at = out
    kind, shape = (
        (TensorProto.INT32, ["B", "L"]) if isinstance(plan[0], Embed) else (TensorProto.FLOAT, ["B", "L", "C"])
    )
    graph = helper.make_graph(
        nodes,
        "plan",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["B", plan[-1].outputs])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model


def arrange(name: str, weight: np.ndarray) -> np.ndarray:
    """ONNX holds conv kernels as [O, C, K]."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0)) if weight.ndim == 3 else weight


def operators(layer, index: int) -> list[tuple[str, list[str], dict[str, object]]]:
    """ONNX's operators for one layer: kind, inputs ("" is the activation), attributes."""
    kernel, bias = f"{index}.kernel", f"{index}.bias"
    match layer:
        case Embed():
            return [("Gather", [f"{index}.embeddings", ""], {}), ("Transpose", [""], {"perm": [0, 2, 1]})]
        case Conv():
            return [("Conv", ["", kernel, bias], {"kernel_shape": [layer.kernel]})]
        case Relu():
            return [("Relu", [""], {})]
        case MaxPool(size):
            return [("MaxPool", [""], {"kernel_shape": [size], "strides": [size]})]
        case GlobalMaxPool():
            return [("GlobalMaxPool", [""], {}), ("Flatten", [""], {})]
        case Dense():
            return [("Gemm", ["", kernel, bias], {})]
    raise NotImplementedError(layer)


def build(work: Work, peer: str) -> Turn:
    """Predictions of batches, or of one raw review after the other."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    plan = PLANS[work.plan]
    model = export(plan, initial_weights(plan, SEED)).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def predict(x: np.ndarray) -> np.ndarray:
        return session.run(None, {"x": x})[0]

    if work.kind == "predict-one":
        return predict_texts(predict)
    inputs, _ = read_examples(work)
    return repeat_predictions(predict, inputs, work.slices)


def predict_texts(predict) -> Turn:
    """One raw review after the other."""
    texts, _ = read_texts()
    ids = count_words([split_words(text) for text in texts])
    random.Random(SEED).shuffle(texts)

    def turn(count: int) -> float:
        for _ in range(count):
            answer = predict(encode_words([split_words(texts.pop())], ids))
        return float(answer[0, 0])

    return turn


serve(build)

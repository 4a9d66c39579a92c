"""The weights that training starts from."""

import math

import numpy as np

from seqconv.networks.layers.base import Dense, Layer, Lstm, NgramBag, Plan, Shape, Weights, layer_weights, walk


def initial_weights(plan: Plan, seed: int) -> Weights:
    """Keras's initial weights, float32: embeddings uniform in ±0.05, kernels Glorot uniform, recurrent kernels
    orthogonal, biases zero except the LSTM's forget bias of 1. Tables of token convolutions are uniform in ±0.01, those
    of n-grams zero with scales of one, kernels of a dense layer with `zeros` zero.

    Reference: Glorot and Bengio 2010; Saxe et al. 2014, arXiv:1312.6120; keras.layers.Embedding, GRU, LSTM (defaults).
    """
    random = np.random.default_rng(seed)
    weights = {}
    for at, layer in walk(plan):
        for name, shape in layer_weights(layer).items():
            weights[f"{at}.{name}"] = _initial_array(name, shape, layer, random).astype(np.float32)
    return weights


def _initial_array(name: str, shape: Shape, layer: Layer, random: np.random.Generator) -> np.ndarray:
    if name == "embeddings":
        return random.uniform(-0.05, 0.05, shape)
    if isinstance(layer, NgramBag):
        return np.ones(shape) if name == "scale" else np.zeros(shape)
    if name == "table":
        return random.uniform(-0.01, 0.01, shape)
    if isinstance(layer, Dense) and layer.zeros:
        return np.zeros(shape)
    if name == "kernel":
        receptive = math.prod(shape[:-2])
        limit = math.sqrt(6 / (receptive * (shape[-2] + shape[-1])))
        return random.uniform(-limit, limit, shape)
    if name == "recurrent_kernel":
        tall, triangle = np.linalg.qr(random.normal(size=shape[::-1]))
        return np.asarray((tall * np.sign(np.diag(triangle))).T)
    bias = np.zeros(shape)
    if isinstance(layer, Lstm):
        bias[layer.units : 2 * layer.units] = 1
    return bias

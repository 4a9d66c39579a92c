"""A plan as a Keras model, and our weights in it. The backend is the one that KERAS_BACKEND names."""

import keras
import numpy as np
from keras import layers

from seqconv.networks.layers.base import Layer, Plan, Weights
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, Gru, LastStep, Lstm, MaxPool, Relu
from seqconv.networks.plan import weight_shapes


def build_model(plan: Plan, shape: tuple[int, ...], weights: Weights) -> keras.Model:
    """The model that a Keras user would write for this plan, holding these weights."""
    kind = "int32" if isinstance(plan[0], Embed) else "float32"
    model = keras.Sequential([keras.Input(shape, dtype=kind)])
    for at, layer in enumerate(plan):
        following = plan[at + 1] if at + 1 < len(plan) else None
        made = make_layer(layer, following)
        if made is not None:
            model.add(made)
            load_weights(made, at, plan, weights)
    return model


def make_layer(layer: Layer, following: Layer | None) -> layers.Layer | None:
    """Keras's layer; activations and the choice of the last step belong to the layer before them."""
    match layer:
        case Embed(rows, width):
            return layers.Embedding(rows, width)
        case Conv(filters=filters, kernel=kernel):
            return layers.Conv1D(filters, kernel, activation="relu" if isinstance(following, Relu) else None)
        case MaxPool(size):
            return layers.MaxPooling1D(size)
        case GlobalMaxPool():
            return layers.GlobalMaxPooling1D()
        case Gru():
            return layers.GRU(
                layer.units,
                dropout=layer.dropout,
                recurrent_dropout=layer.recurrent_dropout,
                reset_after=layer.reset_after,
            )
        case Lstm():
            return layers.LSTM(layer.units, dropout=layer.dropout, recurrent_dropout=layer.recurrent_dropout)
        case Dense(outputs=outputs):
            return layers.Dense(outputs)
        case Relu() | LastStep():
            return None
    raise NotImplementedError(layer)


def load_weights(made: layers.Layer, at: int, plan: Plan, weights: Weights) -> None:
    """Give a built layer the weights of place `at`; the layouts are the same."""
    arrays = [weights[name] for name in weight_shapes(plan) if name.startswith(f"{at}.")]
    if arrays:
        made.set_weights([np.asarray(array) for array in arrays])

"""Every kind of layer, by its name in recipes."""

from seqconv.networks.layers.base import Layer
from seqconv.networks.layers.containers import Add, Bidirectional, Channelwise, Concat, Normalise, Residual
from seqconv.networks.layers.convolution import Conv, DepthwiseConv, SeparableConv
from seqconv.networks.layers.dense import Dense
from seqconv.networks.layers.normalisation import BatchNormalisation, LayerNormalisation
from seqconv.networks.layers.pointwise import (
    Dropout,
    Elu,
    Gelu,
    Relu,
    Sigmoid,
    Softmax,
    SpatialDropout,
    SubtractLast,
    Tanh,
)
from seqconv.networks.layers.pooling import (
    AveragePool,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    LastStep,
    MaxPool,
    Patch,
)
from seqconv.networks.layers.recurrent import Gru, Lstm, SimpleRnn
from seqconv.networks.layers.tokens import Embed, NgramBag, TokenConv

_KINDS: tuple[type[Layer], ...] = (
    *(Embed, TokenConv, NgramBag),
    *(Conv, DepthwiseConv, SeparableConv),
    *(Relu, Tanh, Sigmoid, Elu, Gelu, Softmax),
    *(Dropout, SpatialDropout, SubtractLast),
    *(BatchNormalisation, LayerNormalisation),
    *(MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool, LastStep, Patch, Flatten),
    *(Residual, Concat, Add, Bidirectional, Channelwise, Normalise),
    *(SimpleRnn, Gru, Lstm),
    Dense,
)
KINDS = {kind.kind(): kind for kind in _KINDS}
SETTINGS = {name: kind.settings() for name, kind in KINDS.items()}  # read here, so that a wrong field fails at import

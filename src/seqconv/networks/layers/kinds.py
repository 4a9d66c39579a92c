"""Every kind of layer, by its name in recipes."""

from seqconv.networks.layers.base import Layer
from seqconv.networks.layers.containers import Add, Channelwise, Concat, Normalise, Residual
from seqconv.networks.layers.convolution import Conv
from seqconv.networks.layers.dense import Dense
from seqconv.networks.layers.pointwise import Dropout, Relu, SubtractLast, Tanh
from seqconv.networks.layers.pooling import Flatten, GlobalAveragePool, GlobalMaxPool, LastStep, MaxPool, Patch
from seqconv.networks.layers.recurrent import Gru, Lstm
from seqconv.networks.layers.tokens import Embed, NgramBag, TokenConv

_KINDS: tuple[type[Layer], ...] = (
    *(Embed, TokenConv, NgramBag),
    Conv,
    *(Relu, Tanh, Dropout, SubtractLast),
    *(MaxPool, GlobalMaxPool, GlobalAveragePool, LastStep, Patch, Flatten),
    *(Residual, Concat, Add, Channelwise, Normalise),
    *(Gru, Lstm),
    Dense,
)


KINDS = {kind.kind(): kind for kind in _KINDS}


SETTINGS = {name: kind.settings() for name, kind in KINDS.items()}  # read here, so that a wrong field does not import

"""Steps that read ids."""

import numpy as np

from seqconv import _native
from seqconv.networks.engines.native.context import (
    FLOAT,
    INT,
    Context,
    ElementGradient,
    RowGradient,
    Tokens,
)
from seqconv.networks.layers.base import Masks
from seqconv.networks.layers.kinds import NgramBag, TokenConv
from seqconv.networks.ngrams import list_features

LONG = np.dtype(np.int64)


def _pad_to(ids: np.ndarray, length: int) -> np.ndarray:
    """Ids padded on the left to at least that length."""
    missing = length - ids.shape[1]
    return np.pad(ids, ((0, 0), (missing, 0))) if missing > 0 else ids


class TokenTable:
    """Row `id` of E W: an embedding and the matrix after it as one look-up.

    Training multiplies only the ids of a batch; prediction keeps the whole table until the weights change.
    """

    def __init__(self, context: Context, at: str, kernel: str) -> None:
        self.context, self.at, self.kernel = context, at, kernel
        self._whole: tuple[int, np.ndarray] | None = None

    @property
    def width(self) -> int:
        """Columns of the product."""
        return int(self.context.weights[self.kernel].size // self.context.weights[f"{self.at}.embeddings"].shape[1])

    def product(self, rows: np.ndarray | None) -> np.ndarray:
        """The product for the ids in `rows` (None: all ids), `[U, width]`."""
        context, embeddings = self.context, self.context.weights[f"{self.at}.embeddings"]
        if rows is None:
            if self._whole is None or self._whole[0] != context.version:
                matrix = self._matrix()
                table = np.empty((len(embeddings), matrix.shape[1]), FLOAT)
                _native.matmul(embeddings, matrix, table, False, False, context.threads)
                self._whole = context.version, table
            return self._whole[1]
        used = context.buffer(f"{self.at}.used", (len(rows), embeddings.shape[1]))
        _native.gather_rows(embeddings, rows, used, context.threads)
        matrix = self._matrix()
        table = context.buffer(f"{self.at}.table", (len(rows), matrix.shape[1]))
        _native.matmul(used, matrix, table, False, False, context.threads)
        self.saved = rows, used
        return table

    def gradient(self) -> np.ndarray:
        """The array to write the gradient of the last product to, before `backward`."""
        rows, _ = self.saved
        return self.context.buffer(f"{self.at}.dtable", (len(rows), self.width))

    def backward(self) -> None:
        """Gradients of embeddings and kernel from that of the product."""
        context, (rows, used), dtable = self.context, self.saved, self.gradient()
        values = context.buffer(f"{self.at}.dused", used.shape)
        kernel, dkernel = context.weights[self.kernel], context.gradient(self.kernel)
        if kernel.ndim == 2:
            kernel, dkernel = kernel[None], dkernel[None]
        _native.table_backward(used, dtable, kernel, values, dkernel, context.threads)
        context.gradients[f"{self.at}.embeddings"] = RowGradient(rows, values)

    def _matrix(self) -> np.ndarray:
        """The kernel as `[C, width]`; for a convolution `[K, C, O]` the width is K * O."""
        kernel = self.context.weights[self.kernel]
        if kernel.ndim == 2:
            return kernel
        taps, inputs, filters = kernel.shape
        matrix = self.context.buffer(f"{self.at}.matrix", (inputs, taps * filters))
        matrix.reshape(inputs, taps, filters)[...] = kernel.transpose(1, 0, 2)
        return matrix


class TokenConvStep:
    """TokenConv (+ Relu) (+ MaxPool or GlobalMaxPool): y[t] is a sum of rows of the table.

    Args:
        pool: steps of which the maximum is taken (1: none, 0: all).
    """

    def __init__(self, context: Context, at: str, layer: TokenConv, relu: bool, pool: int) -> None:
        self.context, self.at, self.layer = context, at, layer
        self.relu, self.pool = relu, pool

    def forward(self, x: Tokens, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L]` -> `[B, L', O]` or `[B, O]`."""
        context, layer = self.context, self.layer
        ids = _pad_to(x.original, layer.kernel)
        groups = (ids.shape[1] - layer.kernel + 1) // self.pool if self.pool else 0
        shape = (len(ids), groups, layer.filters) if self.pool else (len(ids), layer.filters)
        y = context.buffer(f"{self.at}.y", shape)
        arg = context.buffer(f"{self.at}.arg", shape, INT) if train and self.pool != 1 else None
        table, bias = context.weights[f"{self.at}.table"], context.weights[f"{self.at}.bias"]
        _native.token_conv_forward(ids, table, bias, y, arg, 1, 0, self.relu, self.pool, context.threads)
        self.saved = ids, y, arg
        return y

    def backward(self, dy: np.ndarray) -> None:
        """Gradients of table and bias; only of single elements after global max pooling."""
        context, at, (ids, y, arg) = self.context, self.at, self.saved
        rows, taps, filters = context.weights[f"{at}.table"].shape
        dbias = context.gradient(f"{at}.bias")
        if self.pool == 0 and arg is not None:
            places = context.buffer(f"{at}.places", (dy.size * taps,), LONG)
            values = context.buffer(f"{at}.values", (dy.size * taps,))
            count = _native.token_winners(
                ids, y, arg, dy, rows, taps, self.relu, places, values, dbias, context.threads
            )
            context.gradients[f"{at}.table"] = ElementGradient(places[:count], values[:count])
            return
        compact = context.buffer(f"{at}.compact", ids.shape, INT)
        used = _native.distinct_ids(ids, rows, compact)
        values = context.buffer(f"{at}.values", (len(used), taps, filters))
        _native.token_conv_backward(compact, y, arg, dy, values, dbias, 1, 0, self.relu, self.pool, context.threads)
        context.gradients[f"{at}.table"] = RowGradient(used, values.reshape(len(used), -1))


class NgramBagStep:
    """NgramBag: a sparse row of features for each text, times the table."""

    def __init__(self, context: Context, at: str, layer: NgramBag) -> None:
        self.context, self.at, self.layer = context, at, layer

    def forward(self, x: Tokens, masks: Masks, train: bool) -> np.ndarray:
        """`[B, L]` -> `[B, outputs]`."""
        context, at, layer = self.context, self.at, self.layer
        features = list_features(layer, x.original, context.threads)
        y = context.buffer(f"{at}.y", (len(x.ids), layer.outputs))
        factors = context.buffer(f"{at}.factors", y.shape)  # gain over length, for each text and output
        table, scale = context.weights[f"{at}.table"], context.weights[f"{at}.scale"]
        _native.ngram_forward(*features, table, scale, layer.gain, y, factors, context.threads)
        self.saved = features, factors
        return y

    def backward(self, dy: np.ndarray) -> None:
        """Gradient of the rows of features that occur; the scale is fixed."""
        context, at, (features, factors) = self.context, self.at, self.saved
        scale = context.weights[f"{at}.scale"]
        rows, values = _native.ngram_backward(*features, scale, factors, dy)
        context.gradients[f"{at}.table"] = RowGradient(rows, values)

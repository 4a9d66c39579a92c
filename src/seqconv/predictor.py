"""A saved model, ready to answer: raw texts or a raw series in, answers in the user's terms out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqconv.bundle import Bundle, SeriesFeatures, TextFeatures, read_bundle
from seqconv.config import TextConfig, count_threads
from seqconv.engines import Network, create_network
from seqconv.errors import DataError
from seqconv.tokens import TokenInputs, pad
from seqconv.windows import WindowInputs


class Predictor:
    """A model in memory; immutable, and safe to call from several threads one at a time."""

    def __init__(self, bundle: Bundle, engine: str = "native", threads: int = 0) -> None:
        self.bundle = bundle
        training = bundle.recipe.training
        self.network: Network = create_network(engine, bundle.plan, bundle.weights, training, count_threads(threads))

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class, float32 `[N, classes]`, in the order of `bundle.features.classes`.

        Raises:
            DataError: not a text model, trained on ids without words, or an item that is no text.
        """
        features, settings = self.bundle.features, self.bundle.recipe.features
        if not isinstance(features, TextFeatures) or not isinstance(settings, TextConfig):
            raise DataError("this model forecasts a series: it takes rows, not texts. Use forecast")
        if features.vocabulary is None:
            raise DataError("this model was trained on ids without words, so it cannot read texts. Train on raw texts")
        ids = pad(features.vocabulary.encode(texts), settings.max_len)
        return _probabilities(self.network.predict(TokenInputs(ids)))

    def forecast(self, values: np.ndarray) -> np.ndarray:
        """Forecasts in the target's unit, one for each row that can follow a whole window.

        Args:
            values: rows at the model's sampling interval, `[T, C]`, columns as in `bundle.features.columns`.

        Returns:
            float32 `[T - lookback + 1]`: value i is the forecast for row `lookback + i + delay`, which may lie past the
            last row given; NaN where the window holds a missing value.

        Raises:
            DataError: not a forecasting model, wrong columns, or fewer rows than one window.
        """
        features = self.bundle.features
        if not isinstance(features, SeriesFeatures):
            raise DataError("this model classifies texts: it takes texts, not rows. Use predict")
        spec = features.spec
        if values.ndim != 2 or values.shape[1] != len(features.columns):
            raise DataError(f"the rows must have {len(features.columns)} columns; got shape {values.shape}")
        if len(values) < spec.lookback:
            raise DataError(f"the rows must fill a window of {spec.lookback}; got {len(values)}. Give more rows")
        anchors = np.arange(spec.lookback, len(values) + 1, dtype=np.int64)
        inputs = WindowInputs(features.scaler.scale(values), anchors, spec.lookback, spec.step)
        column = features.columns.index(features.target)
        scaled = self.network.predict(inputs)[:, 0]
        # a network may not look at every row of its window, so a missing value need not show in its output
        scaled[spec.holds_missing(anchors, inputs.values)] = np.nan
        return np.asarray(scaled * features.scaler.std[column] + features.scaler.mean[column], np.float32)


def load(folder: str | Path, **settings: Any) -> Predictor:
    """The model of a run or model folder.

    Args:
        settings: `engine` and `threads`, as for `Predictor`.

    Raises:
        BundleError: the folder holds no readable model.
    """
    return Predictor(read_bundle(Path(folder)), **settings)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    if logits.shape[1] == 1:
        positive = 0.5 * (1 + np.tanh(0.5 * logits))
        return np.concatenate([1 - positive, positive], axis=1)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))

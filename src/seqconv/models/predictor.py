"""A saved model, ready to answer: raw texts or a raw series in, answers in the user's terms out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.records import Sequences, Series
from seqconv.errors import DataError
from seqconv.models.bundle import Bundle, read_bundle
from seqconv.networks.engines.choice import check_engine, create_network
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.network import Model
from seqconv.networks.outputs import probabilities
from seqconv.recipes.recipe import NETWORK, count_threads
from seqconv.tasks.scoring import restore
from seqconv.tasks.sequence.features import SequenceFeatures
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.text.features import TextFeatures

TAKES = {TextFeatures: "texts", SequenceFeatures: "sequences", SeriesFeatures: "rows of a series"}


METHODS = {TextFeatures: "predict", SequenceFeatures: "classify", SeriesFeatures: "forecast"}


class Forecast(NamedTuple):
    """Forecasts, and the ends of the intervals around them, each float32 `[N, H, targets]` in the targets' units."""

    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Predictor:
    """A model in memory; immutable, and safe to call from several threads one at a time."""

    def __init__(self, bundle: Bundle, engine: str = "native", threads: int = 0) -> None:
        self.bundle = bundle
        self.model = create_model(bundle, engine, threads)

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class, float32 `[N, classes]`, in the order of `bundle.features.classes`.

        Raises:
            DataError: not a text model, trained on ids without words, or an item that is no text.
        """
        features = self.bundle.features
        if not isinstance(features, TextFeatures):
            raise DataError(f"this model takes {TAKES[type(features)]}, not texts. Use {METHODS[type(features)]}")
        if features.vocabulary is None:
            raise DataError("this model was trained on ids without words, so it cannot read texts. Train on raw texts")
        ids = features.vocabulary.encode_padded(texts, features.max_len)
        return probabilities(self.model.predict(TokenInputs(ids)), features.multi_label)

    def classify(self, sequences: Sequences) -> np.ndarray:
        """Probability of each class, float32 `[N, classes]`, in the order of `bundle.features.classes`.

        Raises:
            DataError: not a sequence model, or another number of channels.
        """
        features = self.bundle.features
        if not isinstance(features, SequenceFeatures):
            raise DataError(f"this model takes {TAKES[type(features)]}, not sequences. Use {METHODS[type(features)]}")
        return probabilities(self.model.predict(features.inputs(sequences)))

    def forecast(self, values: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """Forecasts in the targets' units, one for each row that can end a whole window, the newest included.

        Args:
            values: rows at the model's sampling interval, `[T, C]`, columns as in `bundle.features.columns`.
            times: of the rows, datetime64 `[T]`; needed by a model that reads the calendar, and used to leave out
                windows that cross a hole.

        Returns:
            float32 `[N, H, targets]`, N = T - lookback + step: value n is for the rows of
            `spec.target_rows(anchors)[n]`, which may lie past the last row given; NaN where the window holds a missing
            value or a hole.

        Raises:
            DataError: not a forecasting model, wrong columns, or fewer rows than one window.
        """
        return self._forecast(values, times)[0]

    def forecast_interval(self, values: np.ndarray, times: np.ndarray | None = None) -> Forecast:
        """What `forecast` gives, and an interval around each, which held `training.interval` of the validation rows.

        Args:
            values, times: as for `forecast`.

        Raises:
            DataError: see `forecast`, and a model without intervals.
        """
        forecast, ends = self._forecast(values, times)
        if ends is None:
            raise DataError("this model has no intervals. Train with --set training.interval=0.8")
        return Forecast(forecast, *ends)

    def _forecast(self, values: np.ndarray, times: np.ndarray | None) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """Forecasts, and the low and the high ends of their intervals."""
        features = self.bundle.features
        if not isinstance(features, SeriesFeatures):
            raise DataError(f"this model takes {TAKES[type(features)]}, not rows. Use {METHODS[type(features)]}")
        spec, rows = features.spec, len(values)
        if values.ndim != 2 or values.shape[1] != len(features.columns):
            raise DataError(f"the rows must have {len(features.columns)} columns; got shape {values.shape}")
        if rows < spec.span:
            raise DataError(f"the rows must fill a window of {spec.lookback}; got {rows}. Give more rows")
        if times is None and features.calendar:
            raise DataError("this model reads the calendar: it needs the times of the rows. Give times")
        stamps = np.datetime64(0, "s") + np.arange(rows) * np.timedelta64(spec.interval_s, "s")
        stamps = stamps if times is None else times
        scaled = features.scale(Series(stamps, values, features.columns, spec.interval_s, "the rows"))
        anchors = spec.live_anchors(rows)
        outputs = self.model.predict(features.inputs(scaled, anchors, times))
        # a network may not look at every row of its window, so a missing value need not show in its output
        outputs[spec.is_broken(anchors, stamps, scaled)] = np.nan
        return features.finish(outputs, features.base_at(scaled, anchors))


def create_model(bundle: Bundle, engine: str = "native", threads: int = 0) -> Model:
    """What a bundle holds, ready to answer; `engine` and `threads` are a network's.

    Raises:
        ConfigError, DataError, MissingExtra: see `engines.create_network`.
        BundleError: arrays of a baseline that do not fit each other.
    """
    training = bundle.recipe.training
    check_engine(engine)
    if training.model != NETWORK:
        return restore(bundle)
    return create_network(engine, bundle.plan, bundle.weights, training, count_threads(threads))


def load(folder: str | Path, **settings: Any) -> Predictor:
    """The model of a run or model folder.

    Args:
        settings: `engine` and `threads`, as for `Predictor`.

    Raises:
        BundleError: the folder holds no readable model.
    """
    return Predictor(read_bundle(Path(folder)), **settings)

"""The scikit-learn estimator that predicts a number for each sequence."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, column_or_1d

from seqconv.data.datasets import Names
from seqconv.data.records import SequenceData
from seqconv.errors import ConfigError
from seqconv.estimators.sequence_data import SequenceEstimator, read_settings
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.holdout import hold_out, open_stream
from seqconv.tasks.sequence.split import encode_sequences
from seqconv.training.loop import calibrate

CALIBRATION = 0.2  # fraction held out for intervals, if the user gives none


class SequenceRegressor(SequenceEstimator, RegressorMixin):  # type: ignore[misc]
    """Predict a number for each sequence, in any form that `SequenceClassifier` takes.

    Args:
        model, network, epochs, batch_size, learning_rate, patience, validation, random_state, n_jobs: as for
            `SequenceClassifier`; for intervals a fifth of the examples is held out if `validation` says nothing else.
        interval: coverage that prediction intervals should have, such as 0.9; None: no intervals.
        target: column of a frame that holds the numbers, if `fit` gets no y.
        id, time, inputs, layout: as for `SequenceClassifier`.

    Attributes:
        n_features_in_, history_, bundle_: as for `SequenceClassifier`.

    >>> steps, speeds = np.arange(20), np.linspace(0.3, 0.9, 24)
    >>> X = np.array([np.sin(speed * steps + number) for number, speed in enumerate(speeds)])
    >>> model = SequenceRegressor(model="minirocket", random_state=0).fit(X, speeds)
    >>> model.predict(X[:1]).round(1).tolist()
    [0.3]
    """

    outcome = "target"
    target: str = ""  # pickles of earlier versions have none

    def __init__(
        self,
        *,
        model: str = "",
        interval: float | None = None,
        network: str = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        validation: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        id: Names = (),
        time: str = "",
        target: str = "",
        inputs: Names = (),
        layout: str | None = None,
    ) -> None:
        self.model = model
        self.interval = interval
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.id = id
        self.time = time
        self.target = target
        self.inputs = inputs
        self.layout = layout

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Args:
            y, sample_weight: numbers, and what each sequence counts: see `SequenceClassifier.fit`.

        Raises:
            DataError, ConfigError, ValueError: no such column, a wrong shape, infinite values, numbers that are all the
                same, or a parameter out of range.
        """
        sequences, y = self._read_training(X, y, sample_weight)
        numbers = np.asarray(column_or_1d(check_array(y, ensure_2d=False, dtype=np.float64, input_name="y"), warn=True))
        number = next(iter(sequences.settled.get("target", ())), "y")
        data = replace(sequences, labels=numbers, number=number)
        recipe = self._make_recipe(SequenceData(data), read_settings(data))
        recipe = replace(recipe, training=replace(recipe.training, coverage=self.interval or 0.0))
        kept, held = self._cut(len(numbers), recipe)
        training = encode_sequences(data.take(kept), data.take(held) if len(held) else None, recipe)
        self._model = self._train(training, recipe)
        self._shape, self._features = training.train.inputs.shape, training.features
        if training.validation is not None and self.interval:
            self._features = calibrate(self._model.predict, training.validation, self._features, recipe.training)
        return self

    def _cut(self, count: int, recipe: AnyRecipe) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and rows to stop early and calibrate intervals by, perhaps none."""
        wanted = CALIBRATION if self.interval and self.validation is None else self._held_out_fraction(recipe)
        if self.interval and not wanted:
            cure = "Set validation=0.2"
            raise ConfigError(f"interval={self.interval!r} is calibrated on rows held out; got none. {cure}")
        rows, random = np.arange(count), open_stream(recipe.training.seed, "validation")
        return hold_out(rows, np.zeros(count), None, wanted, random, True) if wanted else (rows, rows[:0])

    def predict(self, X: Any) -> np.ndarray:
        """The number of each sequence, float64 `[N]`."""
        return np.asarray(self._answer(X)["prediction"])

    def predict_interval(self, X: Any) -> np.ndarray:
        """Lower and upper bound of the interval of each, float64 `[N, 2]`.

        Raises:
            ConfigError: the model has no intervals.
        """
        found = self._answer(X)
        if "low" not in found:
            raise ConfigError("interval must be given to predict intervals; it is None. Fit with interval=0.9")
        return np.stack([found["low"], found["high"]], axis=1)

    @property
    def bundle_(self) -> AnyBundle:
        """The model as `seqconv.models.format.write_bundle` writes and `seqconv.load` reads it."""
        check_is_fitted(self, "_model")
        return self._model.to_bundle(self._shape, self._features)

    def _answer(self, X: Any) -> Any:
        check_is_fitted(self, "_model")
        inputs = self._features.inputs(self._read_sequences(X))
        return self._features.target.answer(self._model.predict(inputs))
